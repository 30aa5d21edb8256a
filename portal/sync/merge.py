"""Three values, one outcome, rule by rule: left now, right now, and what both last agreed on. PURE, as `plan` is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.errors import RecordInvalid
from connectors.types import JSON
from connectors.values import is_secret_field
from connectors.wording import text as _
from portal.mappings.definition import Rule
from portal.mappings.transform import ABSENT, Side, carried, comparable, held, same
from portal.sync.cases import OTHER, SIDES, Pair, Terms

TOO_CLOSE = timedelta(minutes=2)  # two servers' clocks are not one clock
_TARGETS: Mapping[str, tuple[Side, ...]] = {
    "left-to-right": ("right",),
    "right-to-left": ("left",),
    "both": SIDES,
}
Bases = Mapping[str, Sequence[JSON]]  # rule uuid -> [left, right]


@dataclass(slots=True)
class Writes:
    """What one side gets: field -> value, the rules that said so, what to agree on after it, and what could not be."""

    values: dict[str, JSON] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    base: dict[str, tuple[JSON, JSON]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def concerned(self) -> bool:
        """Say whether there is anything to write, or to refuse."""
        return bool(self.values or self.errors)


@dataclass(slots=True)
class Merged:
    """What follows for a pair: what each side gets, what was found equal, what a person must decide (field -> values)."""

    left: Writes = field(default_factory=Writes)
    right: Writes = field(default_factory=Writes)
    agreed: dict[str, tuple[JSON, JSON]] = field(default_factory=dict)
    asks: dict[str, JSON] = field(default_factory=dict)

    def at(self, side: Side) -> Writes:
        """Return what that side gets."""
        return self.left if side == "left" else self.right


def merge(pair: Pair, terms: Terms) -> Merged:
    """Return what follows, rule by rule, from the two records and their base."""
    merged = Merged()
    for rule in terms.definition.rules:
        sides = targets(rule, terms)
        if not sides or is_written_once(rule):
            continue
        now = (held(rule, pair.values("left"), "left"), held(rule, pair.values("right"), "right"))
        if len(sides) == 1:
            _one_way(merged, rule, sides[0], now, pair, terms)
        else:
            _both_ways(merged, rule, now, pair, terms)
    return merged


def targets(rule: Rule, terms: Terms) -> tuple[Side, ...]:
    """Return the sides this rule may write: as it says, else as the mapping; a constant only where it has a field."""
    sides = _TARGETS[rule.direction or terms.definition.direction]
    return tuple(side for side in sides if terms.writes(side) and (rule.left if side == "left" else rule.right))


def is_written_once(rule: Rule) -> bool:
    """Say whether the rule holds for a create only: as it says, or because a password-like value is kept nowhere, so that
    nobody could tell later whether it changed."""
    return rule.only_on_create or is_secret_field(rule.left) or is_secret_field(rule.right)


def rules_to(side: Side, terms: Terms) -> list[Rule]:
    """Return the rules that write that side."""
    return [rule for rule in terms.definition.rules if side in targets(rule, terms)]


def has_changed(rules: Sequence[Rule], values: Mapping[str, JSON], side: Side, base: Bases) -> bool:
    """Say whether the record differs from what its side stored when both last agreed."""
    index = SIDES.index(side)
    return any(r.uuid in base and _changed(held(r, values, side), base[r.uuid][index]) for r in rules)


def new_base(
    rules: Sequence[Rule], values: Mapping[str, JSON], made: Mapping[str, JSON], side: Side
) -> dict[str, tuple[JSON, JSON]]:
    """Return what to agree on once a record was created on that side: the source's values, and what was sent."""
    base: dict[str, tuple[JSON, JSON]] = {}
    for rule in rules:
        name, own = (rule.right if side == "right" else rule.left), held(rule, values, OTHER[side])
        if name in made and own is not ABSENT and not is_written_once(rule):
            base[rule.uuid] = (own, made[name]) if side == "right" else (made[name], own)
    return base


def _one_way(merged: Merged, rule: Rule, side: Side, now: tuple[JSON, JSON], pair: Pair, terms: Terms) -> None:
    """The source wins over whatever the target holds, but only what changed at the source is carried over."""
    source, target = SIDES.index(OTHER[side]), SIDES.index(side)
    base = pair.base.get(rule.uuid)
    if now[source] is ABSENT or (base is not None and not _changed(now[source], base[source])):
        return
    value = _carried(merged, rule, OTHER[side], pair, terms)
    if same(value, now[target]):
        merged.agreed[rule.uuid] = now
    elif value is not ABSENT and (
        value is not None or (rule.may_clear and base is not None)
    ):  # a first match never erases
        _write(merged, rule, side, value, now, terms)


def _both_ways(merged: Merged, rule: Rule, now: tuple[JSON, JSON], pair: Pair, terms: Terms) -> None:
    base = pair.base.get(rule.uuid)
    changed = [base is None or _changed(now[n], base[n]) for n in (0, 1)]
    if now[0] is ABSENT or now[1] is ABSENT or not any(changed):
        return
    if not all(changed):
        winner: Side | None = SIDES[changed.index(True)]
    elif same(_carried(Merged(), rule, "left", pair, terms), now[1]):
        merged.agreed[rule.uuid] = now
        return
    elif base is None and (now[0] is None or now[1] is None):
        winner = "left" if now[1] is None else "right"  # one side empty: fill it
    else:
        winner = _winner(rule, pair, terms)
    if winner is None:
        merged.asks[rule.right] = {"left": now[0], "right": now[1], "base": None if base is None else list(base)}
        return
    value = _carried(merged, rule, winner, pair, terms)
    if same(value, now[SIDES.index(OTHER[winner])]):
        merged.agreed[rule.uuid] = now
    elif value is not ABSENT and (value is not None or rule.may_clear):
        _write(merged, rule, OTHER[winner], value, now, terms)


def _write(merged: Merged, rule: Rule, side: Side, value: JSON, now: tuple[JSON, JSON], terms: Terms) -> None:
    name, writes = (rule.left if side == "left" else rule.right), merged.at(side)
    target = terms.places[side].schema.field(name)
    if value is None and target is not None and target.required:
        writes.errors[name] = _("“%(field)s” is required there and empty here.", field=target.label or name)
        return
    writes.values[name] = value
    writes.rules += (rule.uuid,)
    writes.base[rule.uuid] = (now[0], value) if side == "right" else (value, now[1])


def _winner(rule: Rule, pair: Pair, terms: Terms) -> Side | None:
    """Return who wins where both changed, by the rule's policy or the mapping's; None asks a person."""
    policy = rule.policy or terms.definition.conflict_policy
    if policy == "newest":
        return _newest(pair, terms)
    return next((side for side in SIDES if side == policy), None)


def _newest(pair: Pair, terms: Terms) -> Side | None:
    """Return the later edited side; None where a time is not told, in the future, or within two minutes of the other."""
    times = [datetime.fromisoformat(pair.at(side).modified or "9999-01-01T00:00:00Z") for side in SIDES]
    if max(times) > datetime.fromisoformat(terms.now) or abs(times[0] - times[1]) < TOO_CLOSE:
        return None
    return "left" if times[0] > times[1] else "right"


def _changed(now: JSON, base: JSON) -> bool:
    return now is not ABSENT and comparable(now) != comparable(base)


def _carried(merged: Merged, rule: Rule, source: Side, pair: Pair, terms: Terms) -> JSON:
    """Return what the source's value becomes over there; ABSENT, and an error of that side, where it cannot."""
    try:
        return carried(rule, pair.values(source), source, terms.places)
    except RecordInvalid as e:
        merged.at(OTHER[source]).errors |= e.fields
        return ABSENT
