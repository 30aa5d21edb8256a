"""What a qcluster calls: one task per slice. The rule: no run relies on the broker handing a task out again; whoever looks
takes up every open run that nobody works on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from portal.ledger import lease, write
from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.records.lost import lost_edits, settle_lost
from portal.sync import schedules
from portal.sync.choices.decide import take_up_kept
from portal.sync.lead import lead_of, lease_name
from portal.sync.models import SyncSet
from portal.sync.previews.job import take_up
from portal.sync.reconciling.job import take_up as take_up_comparisons
from portal.sync.run import SyncRefused, enqueue_slice, request_sync, work
from portal.sync.run_end import end_members, end_without_mapping
from portal.sync.sets.start import request_set
from portal.sync.slice import count

MOMENT = timedelta(seconds=5)  # so short a wait is not left to the next minute
QUIET = timedelta(seconds=10)  # a run that gave a sign of life so recently has its next slice in the queue
SILENT = timedelta(seconds=60)  # one that gave none for so long was interrupted


def run_slice(run_id: int) -> str:
    """Carry out one slice and enqueue the next; return the run's state."""
    run = work(lead_of(Run.objects.select_related("parent").get(pk=run_id)).pk)
    wait = (run.not_before - timezone.now()) if run.not_before else timedelta()
    goes_on = run.state == Run.State.RUNNING or (run.state == Run.State.POSTPONED and wait <= MOMENT)
    if goes_on and lease.is_free(lease_name(run)):
        time.sleep(max(wait.total_seconds(), 0))
        enqueue_slice(run)
    return run.state


def scheduled(mapping_uuid: str) -> str:
    """Start the mapping's run, or find the one that is open; return what came of it. A plan that waits for approval is
    left to its person."""
    mapping = Mapping.objects.filter(uuid=mapping_uuid).first()
    if mapping is None:
        schedules.forget(mapping_uuid)
        return _("the mapping is no more")
    runs = Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.SYNC)
    start = partial(request_sync, mapping, actor="schedule", trigger="schedule")
    return _start(f"mapping:{mapping.uuid}:refused", mapping.name, runs, start, mapping.uuid)


def scheduled_set(set_uuid: str) -> str:
    """Start the sync set's run as `scheduled` does a mapping's."""
    row = SyncSet.objects.filter(uuid=set_uuid).first()
    if row is None:
        schedules.forget_set(set_uuid)
        return _("the sync set is no more")
    runs = Run.objects.filter(sync_set=row.uuid, kind=Run.Kind.SYNC)
    start = partial(request_set, row, actor="schedule", trigger="schedule")
    return _start(f"set:{row.uuid}:refused", row.name, runs, start)


def _start(key: str, name: str, runs: QuerySet[Run], start: Callable[[], Run], mapping: UUID | None = None) -> str:
    if runs.filter(state=Run.State.AWAITING_APPROVAL).exists():
        return _("a plan waits for approval")
    try:
        run = start()
    except SyncRefused as e:
        title = _("“%(mapping)s” cannot run by itself") % {"mapping": name}
        write.open_problem(key, kind="refused", title=title, detail=str(e), mapping=mapping)
        return str(e)
    write.close_problem(key)
    return _("run %(number)d") % {"number": run.pk}


def resume_runs(*, at_once: bool = False) -> int:
    """Enqueue a slice for each open run whose time has come and whose lease is free; return how many. `at_once`: also for
    those that were alive a moment ago, as when a cluster starts."""
    now = timezone.now()
    runs = Run.objects.filter(kind__in=(Run.Kind.SYNC, Run.Kind.UNDO), state__in=Run.OPEN).filter(
        Q(not_before=None) | Q(not_before__lte=now)
    )
    runs = runs.exclude(parent__sync_set__isnull=False)  # carried out with the set's
    if not at_once:
        runs = runs.filter(Q(beat_at=None, created_at__lt=now - QUIET) | Q(beat_at__lt=now - QUIET))
    free = [run for run in runs if lease.is_free(lease_name(run))]
    for run in free:
        write.mark_interrupted(run, now - SILENT)
        enqueue_slice(run)
    if lost_edits():
        async_task("portal.sync.tasks.settle_edits", group="edits")
    _end_orphans()
    take_up_kept()
    take_up(at_once=at_once)
    take_up_comparisons(at_once=at_once)
    return len(free)


def settle_edits() -> int:
    """Find out what became of the edits whose process died; return of how many."""
    return settle_lost()


def _end_orphans() -> None:
    """End the plans that wait for approval though their mapping was deleted: no slice will. And what goes on of a set's run
    that has ended, as where its end was cut short."""
    for lead in Run.objects.filter(
        state__in=Run.ENDED, sync_set__isnull=False, children__state__in=Run.OPEN
    ).distinct():
        end_members(lead, lead.message)
    kinds = (Run.Kind.SYNC, Run.Kind.UNDO)
    waiting = Run.objects.filter(kind__in=kinds, state=Run.State.AWAITING_APPROVAL, mapping__isnull=False)
    for run in waiting.exclude(mapping__in=Mapping.objects.values("uuid")):
        end = end_without_mapping(run, None)
        write.finish_run(None, run, end.state, message=end.message, counts=count(run))
