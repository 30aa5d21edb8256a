"""Entries that a plan adds to a CRM's pick lists, each a line of its own. The rule: one line a value, however many records need it;
a record goes on only once its value is on the list."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from portal.connections.schema import kept_schema
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.mappings.models import Mapping, ValueTable
from portal.mappings.transform import OTHER, Side
from portal.sync.additions import ADDS, WAITING, not_added
from portal.sync.cases import SIDES
from portal.sync.choices.choice import RETRY
from portal.sync.entries import APPROVED, is_bound, source_side
from portal.sync.job import Job
from portal.sync.keys import mark_due
from portal.ui.wording import portal_language, to_keep

BATCH = 500
Wanted = tuple[Side, str, str]  # an entry of a list: side, field, value


def adds_to_lists(job: Job) -> bool:
    """Say whether a value table of the mapping adds to lists at all; most do not, and then nothing here costs anything."""
    tables = job.terms.means.tables.values()
    return any(table.unlisted == ValueTable.Unlisted.APPEND for table in tables)


def knowing_lists(job: Job) -> Job:
    """Return the job that goes by the lists as they were last read, and knows what could not be added to them."""
    if not adds_to_lists(job):
        return job
    places = dict(job.terms.places)
    for side, mirror in job.mirrors.items():
        if (schema := kept_schema(job.connections[side], mirror.module)) is not None:
            places[side] = replace(places[side], schema=schema)
    means = replace(job.terms.means, places=places, barred=barred(job.mapping))
    return replace(job, terms=replace(job.terms, means=means))


def barred(mapping: Mapping) -> frozenset[Wanted]:
    """Return what could not be added so far: refused, unclear or not tried again yet."""
    waiting = (Entry.State.SENT, Entry.State.UNKNOWN, *Entry.WAITING)
    found = _additions(mapping).filter(state__in=waiting).select_related("connection")
    return frozenset(wanted_by(mapping, entry) for entry in found if not _is_due(entry))


def _is_due(entry: Entry) -> bool:
    """Say whether an addition is tried again: its time has come, a person said so, or changed the connection since."""
    if entry.state not in Entry.WAITING:
        return False
    timed = entry.state == Entry.State.FAILED and entry.next_try is not None and entry.next_try <= timezone.now()
    asked = (entry.decision or {}).get("take") == RETRY
    mended = entry.settled_at is not None and entry.connection.updated_at > entry.settled_at
    return timed or asked or mended


def plan_additions(job: Job) -> None:
    """Write down what the records planned in this run need in lists; what a person approved, and is needed still, is carried
    out, and what nobody needs any more is not."""
    if not adds_to_lists(job):
        return
    needed = _needed(job)
    known = {wanted_by(job.mapping, entry): entry for entry in _additions(job.mapping).order_by("pk")}
    added: list[Entry] = []
    superseded: dict[int, Entry] = {}
    shown: list[Entry] = []
    for wanted, records in needed.items():
        old = known.get(wanted)
        if old is not None and old.state == Entry.State.AWAITING and old.reason == APPROVED:
            old.state, old.reason = Entry.State.PLANNED, ""
            shown.append(old)
        elif old is None or old.state in Entry.WAITING:
            added.append(_entry(job, wanted, records, old))
            superseded |= {old.pk: added[-1]} if old else {}
    idle = [e.pk for wanted, e in known.items() if wanted not in needed and e.state == Entry.State.PLANNED]
    with fenced(job.held):
        write.plan_as_shown(job.held, shown)
        write.save_entries(job.held, added)
        write.supersede(job.held, superseded)
        write.move(job.held, Entry.objects.filter(pk__in=idle), Entry.State.SKIPPED, reason="changed_meanwhile")


def hold_back(job: Job) -> None:
    """Have every planned record wait whose value is on no list; the rest of the run goes on."""
    planned = Entry.objects.filter(run=job.run, state=Entry.State.PLANNED, evidence__has_key=ADDS).order_by("pk")
    last = 0
    while adds_to_lists(job) and (page := list(planned.filter(pk__gt=last)[:BATCH])):
        last = page[-1].pk
        held = []
        for entry in page:
            side = OTHER[source_side(job, entry)]
            if told := [not_added(n, v, side, job.terms) for n, v in _pairs(entry) if not is_listed(job, (side, n, v))]:
                entry.state, entry.reason, entry.message = Entry.State.BLOCKED, WAITING, to_keep(told[0])
                held.append(entry)
        write.settle(job.held, held)


def wake_held_back(job: Job) -> None:
    """Make due which records waited for entries of lists and need wait no longer: they are there, or may be tried again."""
    if not adds_to_lists(job):
        return
    waiting = _additions(job.mapping).filter(state__in=Entry.WAITING)
    there = [entry.pk for entry in waiting if is_listed(job, wanted_by(job.mapping, entry))]
    write.move(job.held, Entry.objects.filter(pk__in=there), Entry.State.SKIPPED, reason="resolved")
    blocked = Entry.objects.filter(mapping=job.mapping.uuid, superseded_by=None, state=Entry.State.BLOCKED)
    rows = blocked.filter(reason=WAITING).order_by("pk")
    last = 0
    while page := list(rows.filter(pk__gt=last)[:BATCH]):
        last = page[-1].pk
        ids: dict[Side, list[str]] = {side: [] for side in SIDES}
        for entry in page:
            source = source_side(job, entry)
            wanted = {(OTHER[source], name, value) for name, value in _pairs(entry)}
            if not any(one in job.terms.means.barred and not is_listed(job, one) for one in wanted):
                ids[source].append(entry.source_id)
        with fenced(job.held):
            mark_due(job, ids=ids)


def is_listed(job: Job, wanted: Wanted) -> bool:
    """Say whether the list has that entry, as it was last read."""
    field = job.terms.places[wanted[0]].schema.field(wanted[1])
    return field is not None and any(choice.value == wanted[2] for choice in field.choices)


def wanted_by(mapping: Mapping, entry: Entry) -> Wanted:
    """Return what an entry of the ledger adds to which list."""
    is_left = (entry.connection_id, entry.module) == (mapping.left_connection_id, mapping.left_module)
    ((name, value),) = entry.intended.items()
    return "left" if is_left else "right", name, value


def _additions(mapping: Mapping) -> QuerySet[Entry]:
    """Return the additions that are not over: planned, under way, waiting for approval or for another try."""
    open_ones = Q(state__in=(*Entry.UNSETTLED, *Entry.WAITING, Entry.State.AWAITING))
    return Entry.objects.filter(open_ones, mapping=mapping.uuid, action=Entry.Action.APPEND, superseded_by=None)


def _needed(job: Job) -> Counter[Wanted]:
    """Return what the records planned in this run need, and how many of them each."""
    states = (Entry.State.PLANNED, Entry.State.AWAITING)
    rows = Entry.objects.filter(run=job.run, superseded_by=None, state__in=states, evidence__has_key=ADDS)
    rows = rows.exclude(state=Entry.State.AWAITING, reason=APPROVED)  # approved, and not planned the same again
    found: Counter[Wanted] = Counter()
    for entry in rows.only("source_connection", "source_module", "evidence").order_by("pk").iterator(BATCH):
        side = OTHER[source_side(job, entry)]
        found.update(one for one in ((side, *pair) for pair in _pairs(entry)) if not is_listed(job, one))
    return found


def _pairs(entry: Entry) -> list[tuple[str, str]]:
    return [(name, value) for name, values in entry.evidence.get(ADDS, {}).items() for value in values]


def _entry(job: Job, wanted: Wanted, records: int, old: Entry | None) -> Entry:
    side, name, value = wanted
    is_new = is_bound(job.run) and (old is None or old.run_id != job.run.pk)  # a person approved another plan
    with portal_language():
        needed_by = ngettext("%(n)d record needs it.", "%(n)d records need it.", records) % {"n": records}
    return Entry(
        run=job.run,
        action=Entry.Action.APPEND,
        state=Entry.State.AWAITING if is_new else Entry.State.PLANNED,
        connection=job.connections[side],
        module=job.mirrors[side].module,
        source_connection=job.connections[OTHER[side]],
        source_module=job.mirrors[OTHER[side]].module,
        label=value[:200],
        mapping=job.mapping.uuid,
        mapping_version=job.run.mapping_version,
        intended={name: value},
        evidence={"records": records},
        message=needed_by,
        attempts=old.attempts if old else 0,
        actor=job.run.actor,
    )
