"""Adds to the CRM's own pick lists what was planned. The rule: intent first; what is there already is not sent; and only the list,
read anew, says that an entry arrived."""

from __future__ import annotations

from connectors.errors import AccessDenied, ConfigError, ConnectorError, RetryLater
from portal.connections.additions import read_list
from portal.ledger import write
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.sync.cases import SIDES
from portal.sync.job import Job
from portal.sync.lists import adds_to_lists, hold_back, is_listed, knowing_lists, wanted_by
from portal.sync.outcome import fail
from portal.sync.under_way import PATIENCE


def add_to_lists(job: Job) -> Job | None:
    """Send every planned addition; return the job that goes by the lists as they are then, None where the slice's time did not
    suffice. Records whose entries are not there wait. Raises RetryLater and ConfigError after what was sent is settled."""
    if not adds_to_lists(job):
        return job
    for side in SIDES:
        entries = [entry for entry in _planned(job) if wanted_by(job.mapping, entry)[0] == side]
        if entries:
            job = _add(job, side, entries)
        if job.is_over and _planned(job):
            return None
    hold_back(job)
    return job


def read_lists(job: Job, side: Side, entries: list[Entry]) -> Job:
    """Return the job that knows that side's lists as the CRM tells them now; what these entries added is no change to look at."""
    added = [wanted_by(job.mapping, entry)[1:] for entry in entries]
    job.keep_alive()
    read_list(job.connections[side], job.mirrors[side].module, job.crms[side], added)
    return knowing_lists(job)


def _planned(job: Job) -> list[Entry]:
    planned = Entry.objects.filter(run=job.run, state=Entry.State.PLANNED, action=Entry.Action.APPEND)
    return list(planned.order_by("number"))


def _add(job: Job, side: Side, entries: list[Entry]) -> Job:
    job = read_lists(job, side, [])
    sent: list[Entry] = []
    unclear: list[Entry] = []
    stops: ConnectorError | None = None
    for entry in entries:
        if stops or job.is_over:
            break
        if is_listed(job, wanted_by(job.mapping, entry)):
            _settle(job, entry, Entry.State.DONE, "already_listed")
        elif (error := _send(job, side, entry)) is None:
            sent.append(entry)
        else:
            unclear += [entry] if entry.state == Entry.State.UNKNOWN else []
            stops = error if _stops(error, entry, len(unclear)) else None
    if sent:
        job = read_lists(job, side, sent)
        for entry in sent:
            there = is_listed(job, wanted_by(job.mapping, entry))
            _settle(job, entry, Entry.State.DONE if there else Entry.State.BLOCKED, "" if there else "not_listed")
    if stops:
        raise stops
    return knowing_lists(job)


def _stops(error: ConnectorError, entry: Entry, unclear: int) -> bool:
    """Say whether it is the server or the connection, and not this one entry."""
    if entry.state == Entry.State.UNKNOWN or isinstance(error, AccessDenied):
        return unclear >= PATIENCE
    return isinstance(error, (ConfigError, RetryLater))


def _send(job: Job, side: Side, entry: Entry) -> ConnectorError | None:
    """Send one addition; return the error, with the entry settled by it. Without one, the list has to tell."""
    job.keep_alive()
    write.mark_sent(job.held, [entry])
    ((name, value),) = entry.intended.items()
    try:
        job.crms[side].append_choices(entry.module, name, [value])
    except ConnectorError as e:
        fail(entry, e, is_unclear=bool(getattr(e, "maybe_done", False)))
        write.settle(job.held, [entry])
        return e
    return None


def _settle(job: Job, entry: Entry, state: str, reason: str) -> None:
    entry.state, entry.reason, entry.next_try = state, reason, None
    entry.stored = dict(entry.intended) if state == Entry.State.DONE else {}
    write.settle(job.held, [entry])
