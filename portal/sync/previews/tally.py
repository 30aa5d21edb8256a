"""What a run of the mapping would do with every record, counted, with samples: the plan without the push. The rule: it is made
from the mirrors by the same parts as a run's plan, asks no CRM, and writes nothing that a run reads. What a run plans anew after
its own writes, such as a conflict that one of them resolves, is not foreseen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from portal.mappings.transform import Side
from portal.records.models import Copy
from portal.sync.additions import added_by
from portal.sync.cases import OTHER, Action, Lone, Pair, Seen, Terms
from portal.sync.keys import Holders
from portal.sync.load import Batch, load
from portal.sync.partners import partners_of
from portal.sync.plan import PARTNERLESS, plan
from portal.sync.planning import Planning, Row, seen_of
from portal.sync.previews.keys import key_index, pages
from portal.sync.previews.ready import sources
from portal.sync.previews.samples import Sample, sample

# What becomes of records. "fail": a value cannot be made. "outside": its filter leaves it out. "aside": it belongs to another
# that is just being made, was taken back or deleted, or of which we have no copy.
KINDS = ("create", "change", "delete", "same", "fail", "blocked", "conflict", "outside", "aside")
APPEND = "append"  # in the counts, where there is any: entries of pick lists, not records
MOST = 20  # samples of each
_KINDS = {"create": "create", "update": "change", "delete": "delete", "skip": "same", "conflict": "conflict"}


@dataclass(slots=True)
class Tally:
    """How many records there are of each kind, and the first of them. A record that both sides changed in different fields
    counts once for each side that is written."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    adds: set[tuple[str, str, str]] = field(default_factory=set)  # what a run would add to pick lists, each once


Tell = Callable[[int, int, Tally], None]  # how many were looked at, of how many, and what came of it; may raise to stop


def preview(known: Planning, tell: Tell = lambda done, total, tally: None) -> Tally:
    """Return what a run would do as things are in the mirrors. `tell` hears of every batch."""
    tally = Tally()
    numbers = {side: Copy.objects.filter(mirror=mirror).count() for side, mirror in known.mirrors.items()}
    keyed = sum(numbers.values())  # each is looked at once for its key, those of the sources once more
    total, done = keyed + sum(numbers[side] for side in sources(known)), 0

    def more(number: int) -> None:
        nonlocal done
        done += number
        tell(min(done, total), total, tally)

    with key_index(known, more) as holders:
        done = keyed
        for side in sources(known):
            for copies in pages(known.mirrors[side]):
                for case, actions in planned(known, side, copies, holders):
                    note(tally, known, side, case, actions)
                more(len(copies))
    return tally


def planned(
    known: Planning, side: Side, copies: Iterable[Row], holders: Holders
) -> Iterator[tuple[Pair | Lone, tuple[Action, ...]]]:
    """Yield for each record its case, and what is planned for it."""
    cases, terms = cases_of(known, side, copies, holders)
    for case in cases:
        yield case, plan(case, terms)


def cases_of(known: Planning, side: Side, copies: Iterable[Row], holders: Holders) -> tuple[list[Pair | Lone], Terms]:
    """Return the cases of these records, and the terms that know the partners of all they refer to."""
    cases = load(known, Batch(side, tuple(seen_of(known, side, copy) for copy in copies)), holders)
    return cases, known.terms.knowing(partners_of(cases, known.terms.definition, known.connections))


def note(tally: Tally, known: Planning, side: Side, case: Pair | Lone, actions: tuple[Action, ...]) -> None:
    """Count what was planned for a record of that side, and what has to be added to pick lists for it."""
    tally.adds |= {(action.side, *one) for action in actions if action.kind != "blocked" for one in added_by(action)}
    if tally.adds:
        tally.counts[APPEND] = len(tally.adds)
    for kind, action in kinds_of(known, side, case, actions):
        tally.counts[kind] += 1
        if len(tally.samples[kind]) < MOST:
            linked = linked_to(case, side)
            found = sample(known, side, record_of(case, side), linked.id if linked else "", action)
            tally.samples[kind].append(found)


def kinds_of(
    known: Planning, side: Side, case: Pair | Lone, actions: tuple[Action, ...]
) -> list[tuple[str, Action | None]]:
    """Return as what a record counts: by each action, or by why there is none; as nothing where it was deleted itself, or
    where its partner speaks for both."""
    seen = record_of(case, side)
    if side == "right" and len(sources(known)) == 2 and _left_speaks(case, actions):
        return []
    if actions:
        return [(_kind(action), action) for action in actions]
    if seen.deleted:
        return []
    if isinstance(case, Lone):
        return [] if seen.inside else [("outside", None)]
    if case.state != "linked" or case.left is None or case.right is None:
        return [("aside", None)]
    if not known.terms.goes(seen):
        return [("outside", None)]
    return [("aside" if case.at(OTHER[side]).deleted else "same", None)]


def _left_speaks(case: Pair | Lone, actions: tuple[Action, ...]) -> bool:
    """Say whether what is planned for the pair was counted with its left record already."""
    if isinstance(case, Pair):
        return case.left is not None
    is_match = any(action.target is not None for action in actions)
    return is_match and case.partner is not None and case.partner.inside


def record_of(case: Pair | Lone, side: Side) -> Seen:
    """Return the record of that side, from which the case was made."""
    return case.seen if isinstance(case, Lone) else case.at(side)


def linked_to(case: Pair | Lone, side: Side) -> Seen | None:
    """Return the record that is linked to the one of that side."""
    if isinstance(case, Lone):
        return None
    return case.right if side == "left" else case.left


def _kind(action: Action) -> str:
    """A blocked record whose values cannot be made fails; any other waits for somebody or something else."""
    if action.kind == "blocked":
        return "fail" if action.errors and action.reason not in PARTNERLESS else "blocked"
    return _KINDS[action.kind]
