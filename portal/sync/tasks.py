"""What a qcluster calls: one task per slice. The rule: no run relies on the broker handing a task out again; whoever looks
takes up every open run that nobody works on."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from portal.ledger import lease, write
from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.records.lost import lost_edits, settle_lost
from portal.sync import schedules
from portal.sync.decide import take_up_kept
from portal.sync.preview_job import take_up
from portal.sync.run import SyncRefused, end_without_mapping, enqueue_slice, lease_name, request_sync, work
from portal.sync.slice import count

MOMENT = timedelta(seconds=5)  # so short a wait is not left to the next minute
QUIET = timedelta(seconds=10)  # a run that gave a sign of life so recently has its next slice in the queue
SILENT = timedelta(seconds=60)  # one that gave none for so long was interrupted


def run_slice(run_id: int) -> str:
    """Carry out one slice and enqueue the next; return the run's state."""
    run = work(run_id)
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
    if runs.filter(state=Run.State.AWAITING_APPROVAL).exists():
        return _("a plan waits for approval")
    key = f"mapping:{mapping.uuid}:refused"
    try:
        run = request_sync(mapping, actor="schedule", trigger="schedule")
    except SyncRefused as e:
        title = _("“%(mapping)s” cannot run by itself") % {"mapping": mapping.name}
        write.open_problem(key, kind="refused", title=title, detail=str(e), mapping=mapping.uuid)
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
    return len(free)


def settle_edits() -> int:
    """Find out what became of the edits whose process died; return of how many."""
    return settle_lost()


def _end_orphans() -> None:
    """End the plans that wait for approval though their mapping was deleted: no slice will."""
    kinds = (Run.Kind.SYNC, Run.Kind.UNDO)
    waiting = Run.objects.filter(kind__in=kinds, state=Run.State.AWAITING_APPROVAL)
    for run in waiting.exclude(mapping__in=Mapping.objects.values("uuid")):
        end = end_without_mapping(run, None)
        write.finish_run(None, run, end.state, message=end.message, counts=count(run))
