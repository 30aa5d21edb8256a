"""Brings both mirrors up to date for a run: what changed, and where the CRM does not tell of deletions every id there is.
The rule: nothing deleted is carried over from a mirror that this run did not sweep, unless the CRM itself said so."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger import write
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.records.pull import pull
from portal.records.sweep import SweepRefused, sweep
from portal.sync.cases import OTHER, SIDES
from portal.sync.job import Job
from portal.sync.keys import mark_due

FRESH = timedelta(minutes=10)  # a run that takes longer asks again before it plans more
SWEPT_FOR = timedelta(days=1)
SWEPT_FOR_DELETES = timedelta(hours=1)  # by schedule, where deletes are carried over; a person waits for none


def refresh(job: Job) -> bool:
    """Pull both sides once a run, and again when that was long ago; sweep those that are due. Say whether the slice's time
    sufficed. Raises ConnectorError."""
    return all(_pull(job, side) for side in SIDES) and all(_sweep(job, side) for side in SIDES if _is_due(job, side))


def _pull(job: Job, side: Side) -> bool:
    mirror = job.mirrors[side]
    if side in _done(job, "pulled") and mirror.pulled_at and timezone.now() - mirror.pulled_at < FRESH:
        return True
    with job.holding(mirror) as held:
        told, until = _told(job, "pull"), _deadline(job)
        came = pull(mirror, job.crms[side], held=held, progress=told, deadline=until)
    position = _position(job, "pulled", side) if came.complete else job.run.position
    records = job.run.pulled + came.new + came.changed + came.unchanged
    write.save_run(job.held, job.run, position=position, pulled=records)
    return came.complete


def _is_due(job: Job, side: Side) -> bool:
    if job.crms[side].capabilities.tells_gone or side in {*_done(job, "swept"), *_done(job, "unswept")}:
        return False
    mirror, run = job.mirrors[side], job.run
    age = timezone.now() - mirror.swept_at if mirror.swept_at else SWEPT_FOR
    if mirror.sweep or age >= SWEPT_FOR:
        return True
    asked = run.trigger != "schedule" or run.approved_at is not None
    return _carries_deletes(job, side) and (asked or age >= SWEPT_FOR_DELETES)


def _sweep(job: Job, side: Side) -> bool:
    mirror, crm = job.mirrors[side], job.crms[side]
    key = f"mirror:{mirror.pk}:sweep"
    try:
        with job.holding(mirror) as held:
            if not sweep(mirror, crm, held=held, progress=_told(job, "sweep"), deadline=_deadline(job)).complete:
                return False
    except SweepRefused as e:  # what was deleted cannot be told; all else can
        title = _("What was deleted in “%(mirror)s” cannot be told") % {"mirror": mirror}
        write.open_problem(key, kind="sweep", title=title, detail=str(e), connection=mirror.connection)
        return _swept(job, "unswept", side)
    write.close_problem(key)
    if _carries_deletes(job, side):
        crm.check()
        waiting = Entry.objects.filter(mapping=job.mapping.uuid, superseded_by=None, reason="source_missing")
        here = waiting.filter(source_connection=job.connections[side], source_module=mirror.module)
        mark_due(job, ids={side: list(here.values_list("source_id", flat=True))})
    return _swept(job, "swept", side)


def _carries_deletes(job: Job, side: Side) -> bool:
    return job.terms.definition.delete_policy == "delete" and job.terms.writes(OTHER[side])


def _told(job: Job, phase: str) -> Callable[[int, int | None], None]:
    def told(done: int, total: int | None) -> None:
        job.keep_alive()
        job.progress(phase, done, total)

    return told


def _deadline(job: Job) -> float:
    return max(job.ends_at, time.monotonic() + 1)  # however late it is in the slice, something is read


def _done(job: Job, what: str) -> list[Side]:
    found: list[Side] = job.run.position.get(what, [])
    return found


def _swept(job: Job, how: str, side: Side) -> bool:
    """Write down that this run is done with sweeping that side, or that it could not be swept."""
    write.save_run(job.held, job.run, position=_position(job, how, side))
    return True


def _position(job: Job, what: str, side: Side) -> dict[str, JSON]:
    return {**job.run.position, what: list(dict.fromkeys([*_done(job, what), side]))}
