"""What changed between two versions of a mapping, in words. PURE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.types import JSON
from connectors.wording import joined
from connectors.wording import text as _
from portal.mappings.definition import Definition, Rule
from portal.mappings.policy_words import COMPARE, CONFLICTS, DELETES, DIRECTIONS, GUARDED, LEAVING

ARROWS = {"left-to-right": "→", "right-to-left": "←", "both": "⇄"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was: `before` "" was added, `after` "" was taken out."""

    what: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        """Return "added", "removed" or "changed"."""
        return "changed" if self.before and self.after else "added" if self.after else "removed"


def differences(old: Definition, new: Definition) -> list[Difference]:
    """Return what `new` says differently from `old`; nothing about name and schedule, which are no part of a version."""
    return [*_sides(old, new), *_policies(old, new), *_match(old, new), *_rules(old, new)]


def rule_in_words(rule: Rule, direction: str) -> str:
    """Return a rule as a person reads it: "firstname → first (only on create)"."""
    arrow = ARROWS.get(rule.direction or direction, "→")
    if arrow == ARROWS["both"] and not (rule.left and rule.right):
        arrow = ARROWS["left-to-right" if rule.right else "right-to-left"]
    made = {"value": f"“{rule.value}”", "expression": rule.expression}.get(rule.source, "")
    ends = (rule.left or made, rule.right or made)
    more = joined(_(", "), _remarks(rule))
    return f"{ends[0]} {arrow} {ends[1]}" + (f" ({more})" if more else "")


def _remarks(rule: Rule) -> Iterator[str]:
    if rule.table:
        yield _("by the table “%(name)s”", name=rule.table)
    if rule.mapping:
        yield _("linked by “%(name)s”", name=rule.mapping)
    if rule.lines:
        lines = joined(_(", "), (rule_in_words(line, "both") for line in rule.lines))
        yield _("each line: %(rules)s", rules=lines)
    if rule.only_on_create:
        yield _("only on create")
    if rule.may_clear:
        yield _("may clear")
    if rule.policy:
        yield _("conflicts: %(policy)s", policy=CONFLICTS.get(rule.policy, rule.policy))
    if rule.compare:
        yield _("compared: %(how)s", how=COMPARE.get(rule.compare, rule.compare))


def policies_in_words(said: Definition) -> dict[str, tuple[str, str]]:
    """Return part of a definition -> what it is called, and how it reads; the rules are read one by one."""
    when = said.schedule
    often = _("every %(n)s minutes", n=str(when.minutes)) if when.minutes else when.cron or _("only by hand")
    return {
        "left": (_("Left filter"), said.left.filter or _("all records")),
        "right": (_("Right filter"), said.right.filter or _("all records")),
        "direction": (_("Direction"), DIRECTIONS.get(said.direction, said.direction)),
        "conflict_policy": (_("Both sides changed"), CONFLICTS.get(said.conflict_policy, said.conflict_policy)),
        "delete_policy": (_("Deleted records"), DELETES.get(said.delete_policy, said.delete_policy)),
        "leaving": (_("Leaving the filter"), LEAVING.get(said.leaving, said.leaving)),
        "guards": (_("Guards"), _guards(said.guards)),
        "marker": (_("Marker field"), " ⇄ ".join(said.marker) if any(said.marker) else _("none")),
        "match": (_("Match key"), _key(said)),
        "name": (_("Name"), said.name),
        "schedule": (_("Schedule"), joined(_(", "), (often, _("paused"))) if when.paused else often),
    }


def _sides(old: Definition, new: Definition) -> Iterator[Difference]:
    for name, before, after in ((_("Left"), old.left, new.left), (_("Right"), old.right, new.right)):
        if (before.connection, before.module) != (after.connection, after.module):
            yield Difference(name, f"{before.connection} · {before.module}", f"{after.connection} · {after.module}")
        if before.filter != after.filter:
            yield Difference(_("%(side)s filter", side=name), before.filter, after.filter)


def _policies(old: Definition, new: Definition) -> Iterator[Difference]:
    before, after = policies_in_words(old), policies_in_words(new)
    for name in ("direction", "conflict_policy", "delete_policy", "leaving", "marker", "guards"):
        if before[name] != after[name]:
            yield Difference(before[name][0], before[name][1], after[name][1])


def _guards(guards: JSON) -> str:
    if guards is None:
        return _("as usual")
    if not guards:
        return _("off")
    return joined(_(", "), (_(GUARDED[key], most=str(value)) for key, value in guards.items()))


def _match(old: Definition, new: Definition) -> Iterator[Difference]:
    before, after = _key(old), _key(new)
    if before != after:
        yield Difference(_("Match key"), before, after)


def _key(said: Definition) -> str:
    return ", ".join(f"{left} = {right}" for left, right in said.match)


def _rules(old: Definition, new: Definition) -> Iterator[Difference]:
    known = {(rule.left, rule.right): rule_in_words(rule, old.direction) for rule in old.rules}
    now = {(rule.left, rule.right): rule_in_words(rule, new.direction) for rule in new.rules}
    for ends in dict.fromkeys([*known, *now]):
        if known.get(ends) != now.get(ends):
            yield Difference(_("Rule"), known.get(ends, ""), now.get(ends, ""))
