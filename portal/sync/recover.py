"""Finds out what became of requests whose answer never came. The rule: looked up live, by the key as sent and as
normalised; adopted only if exactly one unlinked record holds what was sent; sent again, by a new plan, only after two
empty look-ups; whatever else is found waits for a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from connectors.errors import AccessDenied, RecordError, RecordNotFound
from connectors.query import And, Condition, Filter, Op, Or, Query
from connectors.types import JSON, Change, Record
from portal.ledger import write
from portal.ledger.models import Entry
from portal.mappings.compare import as_sent, same
from portal.mappings.transform import ABSENT, Side
from portal.sync.append import read_lists
from portal.sync.cases import OTHER, SIDES
from portal.sync.entries import source_side
from portal.sync.job import Job
from portal.sync.lists import is_listed, wanted_by
from portal.sync.outcome import Outcome, accept, put_off, settle, vanished
from portal.sync.planning import key_of
from portal.ui.wording import to_keep

ENOUGH = 20  # records with the same key: more evidence helps nobody


def recover(job: Job) -> bool:
    """Look up every request of this mapping whose outcome is unknown and whose time has come; say whether the slice's time
    sufficed. Only the holder of the lease sends: what is "sent" when a slice begins has lost its sender."""
    entries = Entry.objects.filter(mapping=job.mapping.uuid)
    lost = list(entries.filter(state=Entry.State.SENT))
    for entry in lost:
        entry.state, entry.reason, entry.next_try = Entry.State.UNKNOWN, "outcome_unknown", timezone.now()
    write.settle(job.held, lost)
    for entry in entries.filter(state=Entry.State.UNKNOWN, next_try__lte=timezone.now()).order_by("id"):
        job.keep_alive()
        _look_up(job, entry)
        if job.is_over:
            return False
    return True


def next_look_up(job: Job) -> datetime | None:
    """Return when the next unknown outcome is to be looked up; None when none is unknown."""
    unknown = Entry.objects.filter(mapping=job.mapping.uuid, state=Entry.State.UNKNOWN)
    found: datetime | None = unknown.aggregate(at=Min("next_try"))["at"]
    return found


def _look_up(job: Job, entry: Entry) -> None:
    side = OTHER[source_side(job, entry)]
    ways = {Entry.Action.CREATE.value: _look_up_created, Entry.Action.APPEND.value: _look_up_added}
    look_up = ways.get(entry.action, _look_up_known)
    try:
        outcome = look_up(job, side, entry)
    except (RecordError, AccessDenied) as e:  # this record cannot be read; the others shall not wait for it
        entry.message = to_keep(e)
        outcome = _ask(entry, "cannot_look_up", [])
    settle(job, side, [outcome], plan_again=True)


def _look_up_known(job: Job, side: Side, entry: Entry) -> Outcome:
    """Update or delete: the record itself tells."""
    try:
        record = job.crms[side].get(entry.module, entry.record_id)
    except RecordNotFound:
        return vanished(entry)
    if entry.action == Entry.Action.UPDATE and _holds(entry, record):
        return accept(job, side, entry, record)
    return _not_arrived(entry, Change(record.id, record))


def _look_up_added(job: Job, side: Side, entry: Entry) -> Outcome:
    """An entry of a pick list: the list itself tells."""
    if not is_listed(read_lists(job, side, [entry]), wanted_by(job.mapping, entry)):
        return _empty(entry)
    entry.state, entry.reason, entry.message, entry.next_try = Entry.State.DONE, "", "", None
    entry.stored = dict(entry.intended)
    return Outcome(entry)


def _look_up_created(job: Job, side: Side, entry: Entry) -> Outcome:
    if (marked := _find_marked(job, side, entry)) is not None:
        return accept(job, side, entry, marked, is_late=True)
    key = key_of(job, side, entry.intended)
    names = [pair[SIDES.index(side)] for pair in job.terms.definition.match]
    if key is None:
        return _ask(entry, "cannot_look_up", [])
    found = _find(job, side, _filter(job, names, entry.intended, key), key, entry)
    taken = job.links.taken(side, [record.id for record in found])
    free = [record for record in found if record.id not in taken]
    if len(free) == 1 and _holds(entry, free[0]):
        return accept(job, side, entry, free[0])
    if found:
        return _ask(entry, "outcome_unclear", found)
    if "•" in entry.intended.values():  # a secret is kept nowhere, so it cannot be sent again by itself
        return _ask(entry, "outcome_unclear", [])
    return _empty(entry)


def _find_marked(job: Job, side: Side, entry: Entry) -> Record | None:
    """Return the one record, not linked yet, that holds the marker that was sent; whatever else of it was changed since."""
    name = job.terms.definition.marker[SIDES.index(side)]
    if not entry.intended.get(name):
        return None
    page = job.crms[side].read(entry.module, Query(filter=Condition(name, Op.EQ, (entry.intended[name],))))
    found = [record for record in page.records if record.values.get(name) == entry.intended[name]]
    taken = job.links.taken(side, [record.id for record in found])
    return found[0] if len(found) == 1 and found[0].id not in taken else None


def _filter(job: Job, names: list[str], sent: dict[str, JSON], key: tuple[str, ...]) -> Filter:
    """Return a filter for the key as it was sent and as it is normalised; a phone, which servers spell anew, by its end."""
    exact = And(tuple(Condition(name, Op.EQ, (sent[name],)) for name in names))
    parts = zip(names, key, job.kinds, strict=True)
    loose = And(
        tuple(
            Condition(name, Op.CONTAINS, (part[-4:],)) if kind == "phone" else Condition(name, Op.EQ, (part,))
            for name, part, kind in parts
        )
    )
    return Or((exact, loose))


def _find(job: Job, side: Side, filter: Filter, key: tuple[str, ...], entry: Entry) -> list[Record]:
    """Return the records that hold the key, read live."""
    found: list[Record] = []
    query: Query | None = Query(filter=filter)
    while query is not None and len(found) < ENOUGH:
        page = job.crms[side].read(entry.module, query)
        found += [record for record in page.records if key_of(job, side, record.values) == key]
        query = Query(filter=filter, cursor=page.next_cursor) if page.next_cursor else None
        job.keep_alive()
    return found


def _holds(entry: Entry, record: Record) -> bool:
    """Say whether the record holds what was sent; what the answer does not carry says nothing."""
    values = {name: record.values.get(name, ABSENT) for name in entry.intended}
    told = {name: value for name, value in values.items() if value is not ABSENT}
    sent = entry.intended
    return bool(told) and all(same(sent[name], as_sent(sent[name], value)) for name, value in told.items())


def _empty(entry: Entry) -> Outcome:
    """Nothing was found. The first time it is looked up once more, in case the server is only slow."""
    looked = entry.evidence.get("empty_lookups", 0) + 1
    entry.evidence = {**entry.evidence, "empty_lookups": looked}
    if looked < 2:
        entry.next_try = timezone.now() + timedelta(seconds=settings.UNKNOWN_GRACE_SECONDS)
        return Outcome(entry)
    return _not_arrived(entry)


def _not_arrived(entry: Entry, change: Change | None = None) -> Outcome:
    put_off(entry)
    entry.reason = "not_arrived"
    if entry.state == Entry.State.FAILED:
        entry.next_try = timezone.now()
    return Outcome(entry, change)


def _ask(entry: Entry, reason: str, found: list[Record]) -> Outcome:
    entry.state, entry.reason = Entry.State.CONFLICT, reason
    entry.evidence = {**entry.evidence, "found": [record.id for record in found]}
    return Outcome(entry)
