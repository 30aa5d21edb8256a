"""Plans whatever may need something and saves it as entries. The rule: the checkpoint moves in the transaction that saves
a batch's entries, what already waits for the same reason is not written down again, and what a person approved is carried out only if it is
planned the very same once more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from functools import partial

from django.db.models import Q
from django.utils import timezone

from connectors.types import JSON
from portal.connections.models import Connection
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.mappings.transform import Side
from portal.sync.additions import WAITING
from portal.sync.anew import anew
from portal.sync.cases import OTHER, SIDES, Action, Lone, Pair, Terms
from portal.sync.choices.decided import UNDONE, choices_about, obeying
from portal.sync.entries import (
    APPROVED,
    as_shown,
    entry_of,
    goes_on,
    is_as_shown,
    is_bound,
    is_same,
    resolved,
    source_side,
    was_tried,
)
from portal.sync.flips import stopping, written_lately
from portal.sync.job import Job
from portal.sync.keys import holders, mark_due
from portal.sync.load import Batch, load, next_changed, next_due
from portal.sync.models import Checkpoint, Link, MatchKey
from portal.sync.partners import Ahead, awaited_again, nothing_ahead, partners_of
from portal.sync.plan import PARTNERLESS, plan
from portal.sync.sets.promises import announced, promised, was_announced
from portal.sync.tables import tables_changed

BATCH = 500
Place = tuple[Side, str]  # side and id of a record that is a source


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What to write for a batch: new entries, and which older ones they take up (old pk -> new entry)."""

    entries: list[Entry] = field(default_factory=list)
    superseded: dict[int, Entry] = field(default_factory=dict)
    as_shown: list[Entry] = field(default_factory=list)  # what a person approved, and is planned the same again


def propose(job: Job) -> bool:
    """Plan every record above the checkpoints, then every one that is due; say whether the slice's time sufficed."""
    done = 0
    for next_batch in (next_changed, next_due):
        for side in SIDES:
            while batch := next_batch(job, side, BATCH):
                job.keep_alive()
                _save(job, batch, _propose(job, batch))
                done += len(batch.records)
                job.progress("plan", done, None)
                if job.is_over:
                    return False
    return True


def wake(job: Job) -> None:
    """Make due whose time for another try has come, what plans of runs that ended left undone, what was approved, what waited
    for the partner of a record it refers to, and what could not be carried over by a value table as it was."""
    _rewind(job)
    _wake_awaited(job)
    open_entries = Entry.objects.filter(mapping=job.mapping.uuid, superseded_by=None)
    tried = open_entries.filter(state=Entry.State.FAILED, next_try__lte=timezone.now(), undoes=None)
    left = open_entries.filter(state__in=(Entry.State.PLANNED, Entry.State.AWAITING)).exclude(run=job.run)
    left = left.exclude(
        run__in=Run.objects.filter(kind=Run.Kind.UNDO, state__in=(*Run.OPEN, Run.State.AWAITING_APPROVAL))
    )
    approved = open_entries.filter(run=job.run, state=Entry.State.AWAITING, reason=APPROVED)
    unfit = open_entries.filter(state=Entry.State.BLOCKED, reason="cannot_convert")
    woken = tried | left | approved | (unfit if tables_changed(job) else unfit.none())
    if not woken.exists():
        return
    with fenced(job.held):
        for side in SIDES:
            here = {"source_connection": job.connections[side], "source_module": job.mirrors[side].module}
            rows = MatchKey.objects.filter(mapping=job.mapping, mirror=job.mirrors[side], due=False)
            rows.filter(record_id__in=woken.filter(**here).values("source_id")).update(due=True)
        write.move(job.held, left, Entry.State.SKIPPED, reason="replaced")


def _rewind(job: Job) -> None:
    """Have a run that plans all anew begin at the first record, once."""
    if job.run.anew and not job.run.position.get("rewound"):
        with fenced(job.held):
            Checkpoint.objects.filter(mapping=job.mapping).update(version=0)
            write.save_run(job.held, job.run, position={**job.run.position, "rewound": True})


def can_wake(mapping: Mapping) -> bool:
    """Say whether a record waits that refers to one which has its partner by now."""
    sides: dict[Side, Connection] = {"left": mapping.left_connection, "right": mapping.right_connection}
    return any(_woken(mapping, sides))


def _wake_awaited(job: Job) -> None:
    ids: dict[Side, list[str]] = {side: [] for side in SIDES}
    for entry in _woken(job.mapping, job.connections, _ahead(job)):
        ids[source_side(job, entry)].append(entry.source_id)
    if any(ids.values()):
        with fenced(job.held):
            mark_due(job, ids=ids)


def _ahead(job: Job) -> Ahead:
    """Return who knows what the rest of the sync set's plan will make."""
    return nothing_ahead if job.family is None else partial(promised, job.family)


def _woken(mapping: Mapping, connections: Dict[Side, Connection], ahead: Ahead = nothing_ahead) -> Iterator[Entry]:
    blocked = Entry.objects.filter(mapping=mapping.uuid, superseded_by=None, state=Entry.State.BLOCKED)
    waiting = blocked.filter(reason__in=PARTNERLESS).order_by("pk")
    for start in range(0, waiting.count(), BATCH):
        yield from awaited_again(waiting[start : start + BATCH], connections, ahead)


def _propose(job: Job, batch: Batch) -> _Proposal:
    cases = load(job, batch, partial(holders, job))
    terms = job.terms.knowing(partners_of(cases, job.terms.definition, job.connections, _ahead(job)))
    if job.run.anew:
        cases = _all_anew(job, cases, terms)
    waiting, written = _waiting(job, cases), written_lately(job, cases)
    proposal = _Proposal()
    follows = _follows(job, cases)
    for case in cases:
        if isinstance(case, Pair) and case.state != Link.State.LINKED:
            continue  # being created, or undone: not planned, and what waits for a person goes on waiting
        known = _known(case, waiting)
        actions = stopping(plan(replace(case, choices=choices_about(known)), terms), written, known)
        for place in _decided(case, actions):
            fresh = [entry_of(job, a) for a in actions if a.source and (OTHER[a.side], a.source.id) == place]
            for entry in fresh if place in follows else ():
                if was_announced(entry, follows[place], terms.means.partner, place[0]):
                    entry.state = Entry.State.PLANNED  # under the same approval
            _compare(job, proposal, obeying(fresh, known), waiting.get(place, []))
    return proposal


def _known(case: Pair | Lone, waiting: dict[Place, list[Entry]]) -> list[Entry]:
    """Return what waits about a case; of a partner just found only what both changed: all else is about it alone."""
    first, *rest = _places(case)
    partners = [entry for place in rest for entry in waiting.get(place, [])]
    if isinstance(case, Lone):
        partners = [entry for entry in partners if "both_changed" in (entry.reason, entry.obeys and entry.obeys.reason)]
    return waiting.get(first, []) + partners


def _all_anew(job: Job, cases: list[Pair | Lone], terms: Terms) -> list[Pair | Lone]:
    """Return the cases as if their sources had changed; but for pairs that this run has settled, which it does not write again."""
    links = [case.link for case in cases if isinstance(case, Pair)]
    settled = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY)
    entries = Entry.objects.filter(run=job.run, link_id__in=links, state__in=settled)
    done = set(entries.values_list("link_id", flat=True))
    return [case if isinstance(case, Pair) and case.link in done else anew(case, terms) for case in cases]


def _follows(job: Job, cases: Iterable[Pair | Lone]) -> Dict[Place, Dict[str, JSON]]:
    """Return for which records a person who approved this plan was told what follows."""
    if not is_bound(job.run):
        return {}
    places = [place for case in cases for place in _places(case)]
    return announced(job, {side: [id for at, id in places if at == side] for side in SIDES})


def _compare(job: Job, proposal: _Proposal, fresh: list[Entry], waiting: list[Entry]) -> None:
    """Write down what is new about one source record. While a request of it is under way nothing is: once that is settled
    the record is due again. What waits for the very same reason goes on waiting."""
    if any(entry.state in Entry.UNSETTLED for entry in waiting):
        return
    fresh, waiting = _take_up_shown(proposal, fresh, waiting)
    kept = [(old, new) for old in waiting for new in fresh if goes_on(old, new)]
    gone = [old for old in waiting if all(old is not pair[0] for pair in kept)]
    added = [new for new in fresh if all(new is not pair[1] for pair in kept)]
    if gone and not added:
        added = [resolved(job, gone[-1])]
    for new in added:
        tried = next((old for old in gone if was_tried(old) and is_same(old, new)), None)
        new.attempts = tried.attempts if tried else 0
        held = next((old for old in gone if old.reason == WAITING), None)
        if any(old and old.run_id == job.run.pk and is_as_shown(old, new) for old in (tried, held)):
            new.state = Entry.State.PLANNED  # under the same approval
    proposal.entries.extend(added)
    proposal.superseded.update({old.pk: added[0] for old in gone})


def _take_up_shown(proposal: _Proposal, fresh: list[Entry], waiting: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Carry out what was approved and is planned the same again; return what else is planned, and what else waits."""
    for old in [entry for entry in waiting if entry.state == Entry.State.AWAITING and entry.reason == APPROVED]:
        new = next((new for new in fresh if is_as_shown(old, new)), None)
        if new is not None:
            proposal.as_shown.append(as_shown(old, new))
            fresh = [other for other in fresh if other is not new]
            waiting = [other for other in waiting if other is not old]
    return fresh, waiting


def _save(job: Job, batch: Batch, proposal: _Proposal) -> None:
    with fenced(job.held):
        write.plan_as_shown(job.held, proposal.as_shown)
        write.save_entries(job.held, proposal.entries)
        write.supersede(job.held, proposal.superseded)
        if is_bound(job.run):
            shown = Entry.objects.filter(pk__in=list(proposal.superseded), state=Entry.State.AWAITING)
            write.move(job.held, shown, Entry.State.SKIPPED, reason="changed_meanwhile")
        MatchKey.objects.filter(
            mapping=job.mapping, mirror=job.mirrors[batch.side], record_id__in=[r.id for r in batch.records], due=True
        ).update(due=False)
        if batch.version is not None:
            place = job.checkpoint(batch.side)
            place.version = batch.version
            place.save()


def _decided(case: Pair | Lone, actions: Sequence[Action]) -> list[Place]:
    """Return the source records of which a plan has said all there is to say: both of a match, but only where it is one."""
    is_match = isinstance(case, Pair) or any(action.target is not None for action in actions)
    return _places(case) if is_match else _places(case)[:1]


def _places(case: Pair | Lone) -> list[Place]:
    if isinstance(case, Lone):
        found = [(OTHER[case.side], case.partner.id)] if case.partner else []  # both ways it may be the source
        return [(case.side, case.seen.id), *found]
    seen = {"left": case.left, "right": case.right}
    return [(side, record.id) for side in SIDES if (record := seen[side]) is not None]


def _waiting(job: Job, cases: Iterable[Pair | Lone]) -> dict[Place, list[Entry]]:
    """Return source record -> its entries that are not settled for good, oldest first."""
    found: dict[Place, list[Entry]] = defaultdict(list)
    places = [place for case in cases for place in _places(case)]
    for side in SIDES:
        rows = Entry.objects.filter(
            Q(state__in=Entry.UNSETTLED)
            | Q(state__in=Entry.WAITING, undoes=None)
            | Q(state=Entry.State.AWAITING, run=job.run)
            | UNDONE,
            mapping=job.mapping.uuid,
            superseded_by=None,
            source_connection=job.connections[side],
            source_module=job.mirrors[side].module,
            source_id__in=[id for at, id in places if at == side],
        )
        for entry in rows.select_related("obeys").order_by("id"):
            found[side, entry.source_id].append(entry)
    return found
