"""Why two records that are one do not hold the same, field by field, and why a record has no partner. PURE, as `plan` is. The
rule: what is equal is what `merge` finds equal, and why it is not is told from what `plan` would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connectors.types import JSON
from portal.mappings.definition import Rule
from portal.mappings.transform import ABSENT, BROKEN, Side, held
from portal.sync.anew import agreeing
from portal.sync.cases import OTHER, SIDES, Action, Lone, Pair, Seen, Terms
from portal.sync.merge import Merged, is_written_once, merge
from portal.sync.plan import plan

Kind = Literal["equal", "differ", "left_only", "right_only"]
KINDS: tuple[Kind, ...] = ("equal", "differ", "left_only", "right_only")
# Why a field is not the same, what a person should see first at the front. "kept": neither side changed since both agreed, so the
# server stores it otherwise, or what the rule makes of it is another by now.
WHYS = ("both_changed", "no_partner", "cannot_convert", "next_run", "kept", "edited_there", "not_cleared", "outside")
EXPECTED = frozenset({"outside", "one_way"})  # what the mapping leaves alone by what it says itself: nothing is wrong


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule by which the two do not agree: its fields ("" where it has none), what both hold, and why (one of WHYS)."""

    rule: str
    fields: tuple[str, str]
    values: tuple[JSON, JSON]
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """What comparing a record came to; `why` "" where both are equal. `left` and `right` are ids, "" where there is none."""

    kind: Kind
    left: str
    right: str
    why: str = ""
    fields: tuple[Difference, ...] = ()


def compare(case: Pair | Lone, side: Side, terms: Terms) -> Found | None:
    """Return what a record of that side came to; None where it was deleted, or where its partner on the left speaks for both."""
    seen = case.seen if isinstance(case, Lone) else case.at(side)
    if seen.deleted:
        return None
    if isinstance(case, Lone):
        return _alone(seen, side, _why_alone(case, terms))
    other = case.right if side == "left" else case.left
    if case.state != "linked":
        return _alone(seen, side, case.state)
    if other is None or other.deleted:
        return _alone(seen, side, "partner_deleted" if other else "no_copy")
    return _paired(case, terms) if side == "left" else None


def differences(pair: Pair, terms: Terms) -> tuple[Difference, ...]:
    """Return where the two hold something different, in the order of the rules. What an answer did not carry is not compared;
    nor is what is written to new records only. Only for a pair whose copies are both there."""
    equal, unequal = agreeing(pair, terms), []
    for rule, sides in terms.written:
        if sides and not is_written_once(rule) and rule.uuid not in equal:
            now = tuple(held(rule, pair.values(side), side, terms.means) for side in SIDES)
            unequal += [(rule, sides, now)] if ABSENT not in now else []
    if not unequal:
        return ()
    sources = [side for side in SIDES if terms.writes(OTHER[side]) and terms.goes(pair.at(side))]
    planned = merge(pair, terms, sources)
    return tuple(
        Difference(rule.uuid, (rule.left, rule.right), _shown(now), _why(rule, sides, pair, planned, terms))
        for rule, sides, now in unequal
    )


def _shown(now: tuple[JSON, ...]) -> tuple[JSON, JSON]:
    left, right = (None if value is BROKEN else value for value in now)
    return left, right


def _paired(pair: Pair, terms: Terms) -> Found:
    found = differences(pair, terms)
    why = min((difference.why for difference in found), key=WHYS.index, default="")
    return Found("differ" if found else "equal", pair.at("left").id, pair.at("right").id, why, found)


def _alone(seen: Seen, side: Side, why: str) -> Found:
    return Found("left_only", seen.id, "", why) if side == "left" else Found("right_only", "", seen.id, why)


def _why_alone(lone: Lone, terms: Terms) -> str:
    if not lone.seen.inside:
        return "outside"
    if not terms.writes(OTHER[lone.side]):
        return "one_way"
    if lone.partner is not None and not lone.own and not lone.taken:
        return "matched_next_run"
    actions: tuple[Action, ...] = plan(lone, terms)
    return next((action.reason for action in actions if action.reason), "next_run")


def _why(rule: Rule, sides: tuple[Side, ...], pair: Pair, planned: Merged, terms: Terms) -> str:
    if rule.right in planned.asks:
        return "both_changed"
    for side in sides:
        writes, name = planned.at(side), rule.at(side)
        if name in writes.errors:
            return "no_partner" if name in writes.awaiting else "cannot_convert"
        if rule.uuid in writes.rules:
            return "next_run"
    if not any(terms.goes(pair.at(OTHER[side])) for side in sides):
        return "outside"
    return _why_silent(rule, sides, pair, terms)


def _why_silent(rule: Rule, sides: tuple[Side, ...], pair: Pair, terms: Terms) -> str:
    """Say why nothing would be done: the target was edited, or is not to be emptied, or both are as they were agreed on."""
    now = [held(rule, pair.values(side), side, terms.means) for side in SIDES]
    base = pair.base.get(rule.uuid)
    targets = [SIDES.index(side) for side in sides]
    if len(sides) == 1 and base is not None and now[targets[0]] != base[targets[0]]:
        return "edited_there"
    if not rule.may_clear and any(now[1 - n] is None for n in targets):
        return "not_cleared"
    return "kept"
