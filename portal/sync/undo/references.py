"""Whom the references of a deleted record lead to by now: a record that was deleted and made again has another id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.types import FieldSchema, FieldType
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.records.models import Copy
from portal.sync.job import Job

DONE = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY)
Place = tuple[str, str]  # module and id


def moved_references(job: Job, side: Side, deleted: Sequence[Entry]) -> dict[int, dict[str, str | None]]:
    """Return entry -> reference field -> the id to put there: "" where that record is no more, None where a run of ours
    deleted it and it was not made again. Fields that lead to a living record are not named. Four queries a batch."""
    schema = job.terms.places[side].schema
    pointers = [f for f in schema.fields if f.type is FieldType.REFERENCE and f.editable]
    ids = {str(entry.before[f.name]) for entry in deleted for f in pointers if entry.before.get(f.name)}
    if not ids:
        return {}
    gone = _gone(job, side, ids)
    ours, again = _deleted_by_runs(job, side, ids), _made_again(job, side, ids)
    found: dict[int, dict[str, str | None]] = {}
    for entry in deleted:
        for f in pointers:
            places = _places(f, entry, gone)
            if places:
                new = next((again[place] for place in places if place in again), None)
                kept = new if new or any(place in ours for place in places) else ""
                found.setdefault(entry.pk, {})[f.name] = kept
    return found


def _places(f: FieldSchema, entry: Entry, gone: frozenset[Place]) -> list[Place]:
    """Return which deleted records the field may mean: ids of different modules may be alike."""
    id = entry.before.get(f.name)
    return [(module, str(id)) for module in f.refers_to if (module, str(id)) in gone] if id else []


def _gone(job: Job, side: Side, ids: set[str]) -> frozenset[Place]:
    rows = Copy.objects.filter(mirror__connection=job.connections[side], record_id__in=ids).exclude(deleted="")
    return frozenset(rows.values_list("mirror__module", "record_id"))


def _deleted_by_runs(job: Job, side: Side, ids: set[str]) -> frozenset[Place]:
    rows = Entry.objects.filter(connection=job.connections[side], record_id__in=ids, state__in=DONE)
    return frozenset(rows.filter(action=Entry.Action.DELETE).values_list("module", "record_id"))


def _made_again(job: Job, side: Side, ids: set[str]) -> Mapping[Place, str]:
    made = Entry.objects.filter(connection=job.connections[side], action=Entry.Action.CREATE, state__in=DONE)
    rows = made.filter(undoes__action=Entry.Action.DELETE, undoes__record_id__in=ids).order_by("pk")
    return {(module, old): new for module, old, new in rows.values_list("module", "undoes__record_id", "record_id")}
