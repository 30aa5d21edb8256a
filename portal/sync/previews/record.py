"""What a run would do with one record, rule by rule: what the source holds, what becomes of it on the way, what it would be on
the other side and what that side holds now. The rule: what would happen is what `plan` says; the steps only explain it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

from connectors.types import JSON
from connectors.values import is_secret_field
from portal.mappings.definition import Rule
from portal.mappings.trace import Step, trace
from portal.mappings.transform import OTHER, Side
from portal.records.models import Copy
from portal.sync.cases import Action, Lone, Pair, Seen, Terms
from portal.sync.keys import Holding
from portal.sync.merge import is_written_once, rules_to
from portal.sync.plan import plan
from portal.sync.planning import Planning, label_of, read_rows
from portal.sync.previews.keys import key_index, pages
from portal.sync.previews.tally import cases_of, kinds_of, linked_to, planned, record_of

LOOKED = 5.0  # seconds a person waits while records are looked through
HIDDEN = "•"


@dataclass(frozen=True, slots=True)
class Line:
    """One rule, or a field that no rule fills (`rule` None). `mark`: "changes", "same", "kept" (the other side's value stays),
    "unwritten" (there is nothing to write it to), "once" (only new records get it), "conflict", "fails" or "waits"; `wrong` says why not."""

    rule: Rule | None
    target: str
    steps: tuple[Step, ...]
    becomes: JSON
    now: JSON
    mark: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would happen with one record: as what it counts in a preview on all (`kind`; "" for nothing at all), and the
    action of the plan where there is one."""

    kind: str
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A record, its partner (None: there is none), what would happen, and every rule."""

    side: Side
    seen: Seen
    label: str
    partner: Seen | None
    outcomes: tuple[Outcome, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Where looking for the next record ended: at it, or (`id` "") after so many others, `at` the last of them."""

    id: str = ""
    at: str = ""
    looked: int = 0
    is_end: bool = False


def show(known: Planning, side: Side, id: str, at_most: int | None = None) -> Shown | None:
    """Return what would happen with that record; None when we have no copy of it. Raises TooMany where more than `at_most`
    records would have to be read for it."""
    copies = read_rows(Copy.objects.filter(mirror=known.mirrors[side], record_id=id))
    if not copies:
        return None
    is_linked = bool(known.links.find(side, [id]))  # then nobody needs to know who holds which key
    with nullcontext(_nobody) if is_linked else key_index(known, at_most=at_most) as holders:
        cases, terms = cases_of(known, side, copies, holders)
    (case,) = cases
    actions = plan(case, terms)
    found = tuple(Outcome(kind, action) for kind, action in kinds_of(known, side, case, actions)) or (Outcome(""),)
    seen, partner = record_of(case, side), _partner(case, side)
    lines = tuple(_lines(terms, side, seen, partner, actions))
    return Shown(side, seen, label_of(known, side, seen), partner, found, lines)


def find_next(known: Planning, side: Side, after: str, kinds: tuple[str, ...], at_most: int | None = None) -> Found:
    """Look for the next record, by id, that counts as one of these kinds, for a few seconds at most. Raises TooMany."""
    ends_at, looked, at = time.monotonic() + LOOKED, 0, after
    with key_index(known, at_most=at_most) as holders:
        for copies in pages(known.mirrors[side], after, 100):
            fitting = {
                record_of(case, side).id
                for case, actions in planned(known, side, copies, holders)
                if any(kind in kinds for kind, _action in kinds_of(known, side, case, actions))
            }
            if fitting:
                return Found(next(copy.record_id for copy in copies if copy.record_id in fitting))
            looked, at = looked + len(copies), copies[-1].record_id
            if time.monotonic() >= ends_at:
                return Found(at=at, looked=looked)
    return Found(at=at, looked=looked, is_end=True)


def _nobody(keys: Collection[str]) -> Holding:
    return {}


def _partner(case: Pair | Lone, side: Side) -> Seen | None:
    if isinstance(case, Lone):
        return None if case.own or case.taken or len(case.found) > 1 else case.partner
    return linked_to(case, side)


def _lines(terms: Terms, side: Side, seen: Seen, partner: Seen | None, actions: tuple[Action, ...]) -> Iterator[Line]:
    target = OTHER[side]
    action = next((a for a in actions if a.side == target and a.kind in ("create", "update", "blocked")), None)
    asks = {name for a in actions if a.reason == "both_changed" for name in a.evidence}
    named = set()
    for rule in rules_to(target, terms):
        named.add(rule.at(target))
        yield _line(rule, terms, side, (seen, partner), action, rule.right in asks)
    if action is None:
        return
    for name, value in action.values.items():
        if name not in named:
            yield Line(None, name, (), value, partner.values.get(name) if partner else None, "changes")
    for name, why in action.errors.items():
        if name not in named:
            yield Line(None, name, (), None, None, "fails", why)


def _line(
    rule: Rule, terms: Terms, side: Side, both: tuple[Seen, Seen | None], action: Action | None, asked: bool
) -> Line:
    seen, partner = both
    name = rule.at(OTHER[side])
    steps = trace(rule, seen.values, side, terms.means)
    now = partner.values.get(name) if partner else None
    becomes = steps[-1].value if steps[-1].kind == "made" else None
    wrong = str(steps[-1].value) if steps[-1].kind in ("error", "waits") else ""
    if action and name in action.errors:
        wrong = action.errors[name]
    mark = "conflict" if asked else _mark(rule, steps[-1], (becomes, now), partner is not None, action)
    if is_secret_field(rule.left) or is_secret_field(rule.right):
        steps, becomes = tuple(Step(s.kind, s.name, HIDDEN) for s in steps if not wrong), HIDDEN if not wrong else None
    return Line(rule, name, steps, becomes, now, mark, wrong)


def _mark(rule: Rule, end: Step, values: tuple[JSON, JSON], has_partner: bool, action: Action | None) -> str:
    name = end.name
    if action and name in action.errors:
        return "waits" if end.kind == "waits" else "fails"
    if action and name in action.evidence.get("later", ()):
        return "waits"
    if action and name in action.values:
        return "changes"
    if has_partner and is_written_once(rule):
        return "once"
    if not has_partner:
        return "unwritten"
    return "same" if end.kind == "made" and values[0] == values[1] else "kept"
