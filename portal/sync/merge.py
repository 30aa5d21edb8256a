"""Three values, one outcome, rule by rule: left now, right now, and what both last agreed on. PURE, as `plan` is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.errors import RecordInvalid
from connectors.types import JSON
from connectors.values import is_secret_field
from connectors.wording import text as _
from portal.mappings.compare import comparable_of, is_made
from portal.mappings.definition import Rule
from portal.mappings.transform import ABSENT, Side, awaited, carried, held
from portal.sync.cases import OTHER, SIDES, Pair, Seen, Terms
from portal.sync.choices.choice import BOTH, taken

TOO_CLOSE = timedelta(minutes=2)  # two servers' clocks are not one clock
UNSURE = "unsure"  # after the two values: the target's own may have been edited, or made of what was sent by its server
Bases = Mapping[str, Sequence[JSON]]  # rule uuid -> [left, right]


@dataclass(slots=True)
class Writes:
    """What one side gets: field -> value, the rules that said so, what to agree on after it, and what could not be."""

    values: dict[str, JSON] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    base: dict[str, tuple[JSON, JSON]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    awaiting: dict[str, JSON] = field(default_factory=dict)  # which errors wait for a partner, and of which record

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


def merge(pair: Pair, terms: Terms, sources: Sequence[Side] = SIDES) -> Merged:
    """Return what follows, rule by rule, from the two records and their base; only `sources` are carried over."""
    merged, left, right = Merged(), pair.values("left"), pair.values("right")
    for rule, written in terms.written:
        sides = [side for side in written if OTHER[side] in sources]
        if not sides or is_written_once(rule):
            continue
        now = held(rule, left, "left", terms.means), held(rule, right, "right", terms.means)
        if len(sides) == 1:
            _one_way(merged, rule, sides[0], now, pair, terms)
        else:
            _both_ways(merged, rule, now, pair, terms)
    return merged


def is_written_once(rule: Rule) -> bool:
    """Say whether the rule holds for a create only: as it says, or because a password-like value is kept nowhere, so that
    nobody could tell later whether it changed."""
    return rule.only_on_create or is_secret_field(rule.left) or is_secret_field(rule.right)


def rules_to(side: Side, terms: Terms) -> list[Rule]:
    """Return the rules that write that side."""
    return [rule for rule, sides in terms.written if side in sides]


def has_changed(seen: Seen, side: Side, base: Bases, terms: Terms) -> bool:
    """Say whether the record differs from what its side stored when both last agreed."""
    known = [rule for rule in terms.definition.rules if rule.uuid in base]
    at = SIDES.index(side)
    return any(
        _changed(held(rule, seen.values, side, terms.means), base[rule.uuid][at], rule, side, terms) for rule in known
    )


def new_base(
    rules: Sequence[Rule], values: Mapping[str, JSON], made: Mapping[str, JSON], side: Side, terms: Terms
) -> dict[str, tuple[JSON, JSON]]:
    """Return what to agree on once a record was created on that side: the source's values, and what was sent."""
    base: dict[str, tuple[JSON, JSON]] = {}
    for rule in rules:
        name, own = rule.at(side), held(rule, values, OTHER[side], terms.means)
        if name in made and own is not ABSENT and not is_written_once(rule):
            base[rule.uuid] = (own, made[name]) if side == "right" else (made[name], own)
    return base


def _one_way(merged: Merged, rule: Rule, side: Side, now: tuple[JSON, JSON], pair: Pair, terms: Terms) -> None:
    """The source wins over whatever the target holds, but only what changed at the source is carried over."""
    source, target = SIDES.index(OTHER[side]), SIDES.index(side)
    base = pair.base.get(rule.uuid)
    if now[source] is ABSENT or (
        base is not None and not _changed(now[source], base[source], rule, OTHER[side], terms)
    ):
        return
    value = _carried(merged, rule, OTHER[side], pair, terms)
    if _same(value, now[target], rule, side, terms):
        merged.agreed[rule.uuid] = now
    elif value is not ABSENT and (
        value is not None or (rule.may_clear and base is not None)
    ):  # a first match never erases
        _write(merged, rule, side, value, now, terms)


def _both_ways(merged: Merged, rule: Rule, now: tuple[JSON, JSON], pair: Pair, terms: Terms) -> None:
    base = pair.base.get(rule.uuid)
    changed = [base is None or _changed(now[n], base[n], rule, SIDES[n], terms) for n in (0, 1)]
    if now[0] is ABSENT or now[1] is ABSENT or not any(changed):
        return
    winner, chosen = _who_wins(rule, now, changed, pair, terms), False
    if winner is None:
        ask = _ask(rule, now, base)
        winner, chosen = taken(pair.choices, rule.uuid, ask), True
        if winner is None:
            merged.asks[rule.right] = ask
            return
    if winner == BOTH:
        merged.agreed[rule.uuid] = now
        return
    source: Side = "left" if winner == "left" else "right"
    value = _carried(merged, rule, source, pair, terms)
    if _same(value, now[SIDES.index(OTHER[source])], rule, OTHER[source], terms):
        merged.agreed[rule.uuid] = now
    elif value is not ABSENT and (value is not None or rule.may_clear or chosen):
        _write(merged, rule, OTHER[source], value, now, terms)


def _who_wins(rule: Rule, now: tuple[JSON, JSON], changed: list[bool], pair: Pair, terms: Terms) -> str | None:
    """Return the side that wins, BOTH where they are alike, None where a person is asked."""
    base = pair.base.get(rule.uuid)
    if base is not None and UNSURE in base[2:]:
        return None
    if not all(changed):
        return SIDES[changed.index(True)]
    if _same(_carried(Merged(), rule, "left", pair, terms), now[1], rule, "right", terms):
        return BOTH
    if base is None and (now[0] is None or now[1] is None):
        return "left" if now[1] is None else "right"  # one side empty: fill it
    return _winner(rule, pair, terms)


def _ask(rule: Rule, now: tuple[JSON, JSON], base: Sequence[JSON] | None) -> dict[str, JSON]:
    """Return what a person is shown of a field that both sides changed, and chooses about."""
    values = {"left": now[0], "right": now[1], "base": None if base is None else list(base[:2])}
    return {"rule": rule.uuid, "fields": [rule.left, rule.right], **values}


def _write(merged: Merged, rule: Rule, side: Side, value: JSON, now: tuple[JSON, JSON], terms: Terms) -> None:
    name, writes = rule.at(side), merged.at(side)
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


def _changed(now: JSON, base: JSON, rule: Rule, side: Side, terms: Terms) -> bool:
    if now is ABSENT or now == base:  # most are as they were: nothing has to be made alike first
        return False
    region = terms.places[side].region
    return bool(comparable_of(rule, now, side, region) != comparable_of(rule, base, side, region))


def _same(made: JSON, now: JSON, rule: Rule, side: Side, terms: Terms) -> bool:
    """Say whether the target holds already what was made for it. What was made has the source's way of writing phones."""
    regions = terms.places[OTHER[side]].region, terms.places[side].region
    return is_made(rule, made, now, side, regions)


def _carried(merged: Merged, rule: Rule, source: Side, pair: Pair, terms: Terms) -> JSON:
    """Return what the source's value becomes over there; ABSENT, and an error of that side, where it cannot."""
    try:
        return carried(rule, pair.values(source), source, terms.means)
    except RecordInvalid as e:
        writes = merged.at(OTHER[source])
        writes.errors |= e.fields
        writes.awaiting |= awaited(e)
        return ABSENT
