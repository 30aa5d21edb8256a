"""What the rest of a sync set's plan will make. The rule: a record that refers to one of these is planned with a promise in place of
its id, which says by whom it refers; once that one exists the same entry gets the id, and it is never sent before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from connectors.types import JSON
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import OTHER, Partner, Side
from portal.sync.entries import source_side
from portal.sync.job import Job
from portal.sync.keys import mark_due
from portal.sync.links import Links
from portal.sync.partners import Known, ids_of
from portal.sync.sets.promise import PROMISED, kept, promise, promises_in

PAGE = 500


def promised(family: int, name: str, links: Links, side: Side, ids: Collection[str]) -> dict[str, JSON]:
    """Return id -> promise for the records of that side that the plan of another part of that run creates, or links."""
    mirror = links.mirrors[side]
    found = Entry.objects.filter(
        run__parent=family,
        mapping__in=MappingRow.objects.filter(name=name).values("uuid"),
        state__in=(Entry.State.PLANNED, Entry.State.AWAITING),
        superseded_by=None,
        link_id=None,
        source_connection=mirror.connection_id,
        source_module=mirror.module,
        source_id__in=ids,
    )
    return {entry.source_id: promise(name, entry.source_id, entry.record_id) for entry in found}


def keep_promises(job: Job) -> None:
    """Put the id in place of each promise in what this run is to send; what refers to a record that was not made after all is
    planned again."""
    if job.run.parent_id is None or job.stage != "apply":
        return
    waiting = Entry.objects.filter(
        run=job.run,
        state__in=(Entry.State.PLANNED, Entry.State.AWAITING),
        superseded_by=None,
        evidence__has_key=PROMISED,
    ).order_by("pk")
    for start in range(0, waiting.count(), PAGE):
        entries = [entry for entry in waiting[start : start + PAGE] if promises_in(entry.intended)]
        known = ids_of(_wanted(job, entries), job.connections)
        for entry in entries:
            _put(entry, known, source_side(job, entry))
        broken = [e for e in entries if promises_in(e.intended) and e.state == Entry.State.PLANNED]
        stale = Entry.objects.filter(pk__in=[entry.pk for entry in broken])
        with fenced(job.held):
            write.save_intended(job.held, entries)
            write.move(job.held, stale, Entry.State.SKIPPED, reason="changed_meanwhile")
            mark_due(job, ids=_by_side(job, broken))


def was_announced(entry: Entry, later: Mapping[str, JSON], partner: Partner, side: Side) -> bool:
    """Say whether the update of a record whose source is on that side brings nothing but what an entry before said would follow."""
    return entry.action == Entry.Action.UPDATE and all(
        name in later and partner(later[name]["mapping"], side, str(later[name]["id"])) == value
        for name, value in entry.intended.items()
    )


def announced(job: Job, sources: Mapping[Side, Iterable[str]]) -> dict[tuple[Side, str], Mapping[str, JSON]]:
    """Return side and id of a source -> the fields of which entries that this run carried out said that they would follow."""
    done = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY, Entry.State.SKIPPED)
    found: dict[tuple[Side, str], Mapping[str, JSON]] = {}
    for side, ids in sources.items():
        entries = Entry.objects.filter(run=job.run, state__in=done, evidence__has_key="later", source_id__in=list(ids))
        here = entries.filter(source_connection=job.connections[side], source_module=job.mirrors[side].module)
        found |= {(side, entry.source_id): entry.evidence["later"] for entry in here}
    return found


def _wanted(job: Job, entries: Iterable[Entry]) -> dict[tuple[str, Side], set[str]]:
    wanted: dict[tuple[str, Side], set[str]] = defaultdict(set)
    for entry in entries:
        for value in promises_in(entry.intended):
            wanted[value["made_by"], source_side(job, entry)].add(value["of"])
    return wanted


def _put(entry: Entry, known: Known, side: Side) -> None:
    def partner(mapping: str, id: str) -> JSON:
        return known[mapping, side].get(id)

    entry.intended, entry.base = kept(entry.intended, partner), kept(entry.base, partner)


def _by_side(job: Job, entries: Iterable[Entry]) -> dict[Side, list[str]]:
    found: dict[Side, list[str]] = {side: [] for side in OTHER}
    for entry in entries:
        found[source_side(job, entry)].append(entry.source_id)
    return found
