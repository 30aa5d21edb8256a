"""What to do with a record. PURE: copies, links and bases in, actions out; knows no database, network, clock or vendor.

The base holds, per rule, what each side stored when both last agreed. Changed means: differs from one's own side's base.
Only one side changed: the other gets it. Both changed alike: they agree. Both changed differently: the policy, or a
person. An empty winner erases only where the rule says so. Absent is not empty. A match key finds the partner once; then
the link holds for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.transform import Side, intended
from portal.sync.additions import adding
from portal.sync.cases import OTHER, SIDES, Action, Lone, Pair, Seen, Terms
from portal.sync.choices.choice import deletes, makes_new
from portal.sync.circles import later, never
from portal.sync.merge import Merged, has_changed, merge, new_base, rules_to

PARTNERLESS = ("no_partner", "circle")  # the reasons of what goes on once a partner exists
BOTH_GONE = "both_gone"  # the reason of an action after which nothing is agreed on any more


def plan(case: Pair | Lone, terms: Terms) -> tuple[Action, ...]:
    """Return what to do with a record: nothing, one action, or one for each side and one for a conflict."""
    actions = _plan_lone(case, terms) if isinstance(case, Lone) else _plan_pair(case, terms)
    return tuple(adding(action, terms) for action in actions)


def _plan_lone(lone: Lone, terms: Terms) -> tuple[Action, ...]:
    side, seen = OTHER[lone.side], lone.seen
    if seen.deleted or not seen.inside or not terms.writes(side):
        return ()
    asked = _ask(lone, side)
    if asked and not makes_new(lone.choices, asked.reason, asked.evidence):
        return (asked,)
    if asked or lone.partner is None or makes_new(lone.choices):
        return (_create(seen, side, terms),)
    left, right = (seen, lone.partner) if lone.side == "left" else (lone.partner, seen)
    pair = Pair(None, left, right, choices=lone.choices)
    return _plan_values(pair, terms, [at for at in SIDES if terms.writes(OTHER[at]) and pair.at(at).inside])


def _ask(lone: Lone, side: Side) -> Action | None:
    """Return why a record's partner cannot be told by its key; None where it can."""
    if lone.seen.key is None:
        return Action("blocked", side, lone.seen, reason="no_match_key")
    reason = ""
    if lone.own:
        reason = "doubled_key"
    elif len(lone.found) > 1:
        reason = "several_matches"
    elif lone.taken:
        reason = "match_taken_by_deleted" if lone.widowed else "match_taken"
    return Action("conflict", side, lone.seen, reason=reason, evidence=_evidence(lone)) if reason else None


def _plan_pair(pair: Pair, terms: Terms) -> tuple[Action, ...]:
    if pair.state != "linked" or pair.left is None or pair.right is None:
        return ()
    gone = [side for side in SIDES if pair.at(side).deleted]
    if len(gone) == 2:
        return _plan_both_gone(pair, terms)
    if gone:
        return _plan_gone(pair, gone[0], terms)
    sources = [side for side in SIDES if terms.writes(OTHER[side]) and terms.goes(pair.at(side))]
    return _plan_values(pair, terms, sources) if sources else ()


def _plan_both_gone(pair: Pair, terms: Terms) -> tuple[Action, ...]:
    """What both agreed on is forgotten, so that one that is restored later is not deleted for the sake of the other."""
    side = terms.definition.targets[-1]
    about = (side, pair.at(OTHER[side]), pair.at(side), pair.link)
    return (Action("skip", *about, reason=BOTH_GONE),) if pair.base else ()


def _plan_gone(pair: Pair, gone: Side, terms: Terms) -> tuple[Action, ...]:
    """One side was deleted: carried over only where the mapping says so, confirmed, and to a record nobody changed."""
    dead, living = pair.at(gone), pair.at(OTHER[gone])
    if deletes(pair.choices, living.version):
        return (_delete(OTHER[gone], dead, living, pair.link, "person_chose", terms),)
    if not terms.writes(OTHER[gone]):
        reason = f"target_{dead.deleted}"
        return (Action("blocked", gone, living, dead, pair.link, reason=reason),) if living.inside else ()
    about = (OTHER[gone], dead, living, pair.link)
    if terms.definition.delete_policy == "ignore" or (terms.writes(gone) and not pair.base):
        return _plan_widowed(pair, gone, terms)
    is_missing = dead.deleted == "missing"
    if terms.definition.delete_policy == "mark" or (is_missing and gone not in terms.swept):
        return (Action("blocked", *about, reason=f"source_{dead.deleted}"),)
    if has_changed(living, OTHER[gone], pair.base, terms):
        return (Action("conflict", *about, reason="deleted_and_changed"),)
    return (_delete(*about, "source_missing" if is_missing else "", terms),)


def _delete(side: Side, dead: Seen, living: Seen, link: int | None, reason: str, terms: Terms) -> Action:
    if not terms.places[side].schema.module.deletable:
        return Action("blocked", side, dead, living, link, reason="cannot_delete")
    return Action("delete", side, dead, living, link, reason=reason)


def _plan_widowed(pair: Pair, gone: Side, terms: Terms) -> tuple[Action, ...]:
    """Nothing is deleted; but where the living record could write to the other one and has changed, or was restored after
    both were deleted, somebody is told that it arrives nowhere."""
    dead, living = pair.at(gone), pair.at(OTHER[gone])
    speaks = terms.writes(gone) and terms.goes(living)
    if not speaks or (pair.base and not has_changed(living, OTHER[gone], pair.base, terms)):
        return ()
    return (Action("blocked", gone, living, dead, pair.link, reason=f"target_{dead.deleted}"),)


def _plan_values(pair: Pair, terms: Terms, sources: Sequence[Side]) -> tuple[Action, ...]:
    """`sources` are the sides that may say what the other becomes; the first speaks for the pair."""
    source, merged = sources[0], merge(pair, terms, sources)
    actions = [_update(side, merged, pair, terms) for side in SIDES if merged.at(side).concerned]
    about = (OTHER[source], pair.at(source), pair.at(OTHER[source]), pair.link)
    if merged.asks:
        actions.append(Action("conflict", *about, reason="both_changed", evidence=merged.asks))
    if not actions and (merged.agreed or pair.link is None):
        actions.append(Action("skip", *about, reason="agreed" if pair.link else "matched"))
    if actions and actions[0].kind in ("update", "skip"):  # what was found equal is agreed on by the first of them
        base = {**merged.agreed, **actions[0].base}
        actions[0] = replace(actions[0], base=base, makes_link=pair.link is None)
    return tuple(actions)


def _update(side: Side, merged: Merged, pair: Pair, terms: Terms) -> Action:
    """A pair is linked, and gets its other fields, before one that leads in a circle; alone, that one waits for its partner."""
    writes = merged.at(side)
    about = (side, pair.at(OTHER[side]), pair.at(side), pair.link)
    follow = later(side, writes.awaiting, terms, is_new=False) if writes.values or pair.link is None else {}
    if writes.errors.keys() - follow.keys():
        return _blocked(*about, terms=terms, errors=writes.errors, awaiting=writes.awaiting)
    if not writes.values:
        return Action("skip", *about, reason="matched", evidence={"later": follow})
    if not terms.places[side].schema.module.updatable:
        return Action("blocked", *about, reason="cannot_update")
    told: dict[str, JSON] = {"later": follow} if follow else {}
    return Action("update", *about, values=writes.values, rules=writes.rules, base=writes.base, evidence=told)


def _create(seen: Seen, side: Side, terms: Terms) -> Action:
    rules = rules_to(side, terms)
    made = intended(rules, seen.values, OTHER[side], terms.means)
    given = {name: value for name, value in made.values.items() if value is not None}
    values = {**terms.places[side].schema.default_owner, **given, **_mark(seen, side, terms)}
    follow = later(side, made.awaiting, terms, is_new=True)
    if made.errors.keys() - follow.keys():
        return _blocked(side, seen, terms=terms, errors=made.errors, awaiting=made.awaiting)
    if missing := _empty_required(side, values, terms):
        return Action("blocked", side, seen, reason="required_empty", errors=missing)
    if unsafe := _unsafe_key(side, values, terms):
        return Action("blocked", side, seen, reason="unsafe_match_key", errors=unsafe)
    if not terms.places[side].schema.module.creatable:
        return Action("blocked", side, seen, reason="cannot_create")
    base = new_base(rules, seen.values, made.values, side, terms)
    told: dict[str, JSON] = {"later": follow} if follow else {}
    return Action("create", side, seen, values=values, rules=made.rules, base=base, evidence=told)


def _mark(seen: Seen, side: Side, terms: Terms) -> dict[str, JSON]:
    """Return where a new record comes from, for the field that the mapping names for it."""
    name = terms.definition.marker[SIDES.index(side)]
    origin = terms.definition.left if side == "right" else terms.definition.right
    return {name: f"{origin.connection}/{origin.module}/{seen.id}"} if name else {}


def _blocked(
    side: Side,
    source: Seen,
    target: Seen | None = None,
    link: int | None = None,
    *,
    terms: Terms,
    errors: Mapping[str, str],
    awaiting: Mapping[str, JSON],
) -> Action:
    """A value that cannot be made blocks its record; where all that is missing is a partner, it goes on by itself."""
    hopeless = never(side, awaiting, terms) if target is None else {}
    errors = {**errors, **hopeless}
    without = "circle" if hopeless else "no_partner"
    reason = without if errors.keys() == awaiting.keys() else "cannot_convert"
    evidence = {"awaiting": list(awaiting.values())} if awaiting else {}
    return Action("blocked", side, source, target, link, reason=reason, errors=errors, evidence=evidence)


def _empty_required(side: Side, values: Mapping[str, JSON], terms: Terms) -> dict[str, str]:
    fields = [f for f in terms.places[side].schema.fields if f.required and f.editable and f.default is None]
    empty = [f for f in fields if values.get(f.name) is None]
    return {f.name: _("“%(field)s” is required and empty.", field=f.label or f.name) for f in empty}


def _unsafe_key(side: Side, values: Mapping[str, JSON], terms: Terms) -> dict[str, str]:
    """A key that the server might store otherwise could not be looked up after an unclear answer: refused before."""
    names = [pair[SIDES.index(side)] for pair in terms.definition.match]
    odd = [name for name in names if any(ord(letter) > 0xFFFF for letter in str(values.get(name) or ""))]
    return {name: _("“%(field)s” holds a character that servers lose (an emoji).", field=name) for name in odd}


def _evidence(lone: Lone) -> dict[str, JSON]:
    """Whom a person should look at: the key, up to twenty holders of it on either side, and deleted partners of them."""
    linked: dict[str, JSON] = {"linked": dict(lone.widowed)} if lone.widowed else {}
    return {"key": list(lone.seen.key or ()), "own": sorted(lone.own)[:20], "found": sorted(lone.found)[:20], **linked}
