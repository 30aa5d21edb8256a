"""Starts, carries out and stops sync runs. The rule: a slice may end anywhere, and the next one, whoever carries it out,
goes on from what is on disk; a run is a success only when it reached its end."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from connectors.errors import ConfigError, QueryError, RetryLater, Unsupported
from portal.accounts.models import User
from portal.connections.models import Call
from portal.ledger import lease, write
from portal.ledger.lease import Held, LeaseLost
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping, MappingVersion
from portal.sync import flips
from portal.sync.job import Progress, Stopped, open_job
from portal.sync.slice import End, advance, count
from portal.sync.undo_slice import take_back
from portal.ui.wording import portal_language, to_keep

log = logging.getLogger(__name__)
WAIT = timedelta(seconds=30)  # before a run goes on that the CRM did not say when to go on; doubled each time
LONGEST_WAIT = timedelta(minutes=15)
AT_WORK = "at_work"  # in a run's position: a slice began; who finds it at the next one knows that the last was killed
CRASHES = 3  # unexpected errors in a row before a run counts as failed
PATIENCE = timedelta(seconds=90)  # how long a command waits for a postponed run


class SyncRefused(Exception):
    """This mapping cannot be run as it is; the message says why and what to do."""


def request_sync(
    mapping: Mapping,
    *,
    actor: str,
    user: User | None = None,
    trigger: str = "",
    approve_all: bool = False,
    plan_only: bool = False,
    anew: bool = False,
    enqueue: bool = True,
) -> Run:
    """Return a new queued run of the mapping, or the one that is open already. A plan waiting for approval is replaced.

    `plan_only` has it stop at its plan, whatever the guards say; so does `anew`, which plans every linked record as if its
    source had changed. `enqueue` hands it to the qcluster; without, the caller
    carries it out. Raises SyncRefused; also where a plan is asked for and a run is under way, which would not stop at one.
    """
    refuse(mapping)
    end_waiting(mapping, Run.Kind.SYNC)
    plan_only = plan_only or anew
    which: dict[str, Any] = {"mapping_name": mapping.name, "mapping_version": mapping.version}
    how: dict[str, Any] = {"user": user, "trigger": trigger, "approve_all": approve_all}
    how |= {"plan_only": plan_only, "anew": anew}
    run = write.start_run(Run.Kind.SYNC, actor=actor, mapping=mapping.uuid, **which, **how)
    if (plan_only and not run.plan_only) or (anew and not run.anew):
        text = _("“%(name)s” is being carried out just now (run %(run)d): ask for the plan once that has ended.")
        raise SyncRefused(text % {"name": mapping.name, "run": run.pk})
    if approve_all and not run.approve_all:
        write.save_run(None, run, approve_all=True)
    if enqueue:
        transaction.on_commit(lambda: enqueue_slice(run))
    return run


def enqueue_slice(run: Run) -> None:
    """Have a qcluster carry out the run's next slice."""
    async_task("portal.sync.tasks.run_slice", run.pk, group=lease_name(run))


def request_stop(run: Run, user: User | None, *, actor: str = "") -> None:
    """Have a run end after what is being sent now; at once when nobody works on it."""
    write.audit(user, "stop_run", run, actor=actor)
    write.ask_to_stop(run)
    if run.state == Run.State.AWAITING_APPROVAL:
        write.finish_run(None, run, Run.State.CANCELLED, counts=count(run))
    elif run.state in Run.OPEN:
        _end_idle(run)


def stop_paused(mapping: Mapping) -> None:
    """End the runs of a mapping that is paused: one at work after what it has sent, one that nobody works on at once."""
    if mapping.state != Mapping.State.PAUSED:
        return
    for run in Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.SYNC, state__in=Run.OPEN):
        write.ask_to_stop(run)
        with portal_language():
            _end_idle(run, _why_stopped(run))


def carry_out(run: Run, progress: Progress | None = None) -> Run:
    """Carry a run out in this process, slice after slice, until it ended, waits for approval, or waits for long. Returns it
    as it then is. Where a qcluster has it in hands, waits for that."""
    while True:
        before, run = run.slices, work(run.pk, progress)
        wait = (run.not_before - timezone.now()) if run.not_before else timedelta()
        if run.state not in Run.OPEN or wait > PATIENCE:
            return run
        if run.slices == before or run.state != Run.State.RUNNING:
            time.sleep(min(max(wait.total_seconds(), 0.2), 1.0))


def work(run_id: int, progress: Progress | None = None) -> Run:
    """Carry out one slice of the run unless somebody living does, or it is not yet time; return the run as it then is."""
    run = Run.objects.get(pk=run_id)
    if run.state not in Run.OPEN or (run.not_before and run.not_before > timezone.now()):
        return run
    held = lease.take(lease_name(run))
    if held is None:
        return run
    try:
        run.refresh_from_db()
        if run.state in Run.OPEN:
            _carry_out_slice(run, held, progress)
    except LeaseLost:
        log.warning("Run %s: the lease was lost; whoever took it goes on.", run.pk)
    finally:
        held.release()
    run.refresh_from_db()
    return run


def lease_name(run: Run) -> str:
    """Return the name of the lease under which a mapping's runs are carried out."""
    return f"mapping:{run.mapping}"


def _carry_out_slice(run: Run, held: Held, progress: Progress | None) -> None:
    began = time.monotonic()
    _begin(run, held)
    try:
        end = _advance(run, held, began, progress)
    except LeaseLost:
        raise
    except Exception as e:  # noqa: BLE001  the one place: whatever it was is recorded, and the run goes on or fails
        end = _crashed(run, e)
    is_plan = end is not None and end.state == Run.State.AWAITING_APPROVAL and run.approved_at is None
    reached = {
        "position": {name: value for name, value in run.position.items() if name != AT_WORK},
        "counts": count(run, planned=is_plan),
        "seconds": run.seconds + time.monotonic() - began,
        "calls": Call.objects.filter(run_id=run.pk).count(),
    }
    if end is None:
        write.save_run(held, run, **reached)
        return
    write.finish_run(held, run, end.state, message=end.message, not_before=end.not_before, **reached)
    _tell(run, end)


def _begin(run: Run, held: Held) -> None:
    rested = run.state in (Run.State.POSTPONED, Run.State.INTERRUPTED) or AT_WORK in run.position
    position = {**run.position, "pulled": []} if rested else run.position  # the world went on meanwhile
    write.save_run(
        held,
        run,
        state=Run.State.RUNNING,
        started_at=run.started_at or timezone.now(),
        not_before=None,
        slices=run.slices + 1,
        position={**position, AT_WORK: True},
    )


def _advance(run: Run, held: Held, began: float, progress: Progress | None) -> End | None:
    """Return how the run ended, None when it goes on in the next slice."""
    try:
        with open_job(run, held, began + settings.SLICE_SECONDS, _reporter(run, held, progress)) as job:
            end = take_back(job) if run.kind == Run.Kind.UNDO else advance(job)
    except Stopped:
        return End(Run.State.CANCELLED, _why_stopped(run))
    except RetryLater as e:
        return _postponed(run, e)
    except (Mapping.DoesNotExist, MappingVersion.DoesNotExist):
        return end_without_mapping(run, held)
    except (ConfigError, QueryError, Unsupported) as e:
        return End(Run.State.FAILED, to_keep(e))
    run.position = {
        name: value for name, value in run.position.items() if name in ("pulled", "swept", "unswept", "rewound")
    }
    return end


def _end_idle(run: Run, message: str = "") -> None:
    """End a run that nobody works on."""
    held = lease.take(lease_name(run))
    if held is None:
        return
    try:
        run.refresh_from_db()
        if run.state in Run.OPEN:  # it may have ended while the page was looked at
            write.finish_run(held, run, Run.State.CANCELLED, message=message, counts=count(run))
    finally:
        held.release()


def _why_stopped(run: Run) -> str:
    """Return what the run is stopped for: its mapping was paused, as when a CRM's fields no longer fit, or a person said so."""
    paused = Mapping.objects.filter(uuid=str(run.mapping), state=Mapping.State.PAUSED).first()
    if paused is None:
        return _("Stopped on request.")
    return _("Stopped: the mapping is paused (%(why)s).") % {"why": paused.paused_reason}


def end_without_mapping(run: Run, held: Held | None) -> End:
    """Give up what a run had planned for a mapping that was deleted; return how the run ends."""
    left = Entry.objects.filter(run=run, state__in=(Entry.State.PLANNED, Entry.State.AWAITING))
    write.move(held, left, Entry.State.SKIPPED, reason="mapping_deleted")
    return End(Run.State.CANCELLED, _("Its mapping was deleted."))


def _postponed(run: Run, error: RetryLater) -> End:
    waits = run.position.get("waits", 0)
    run.position = {**run.position, "waits": waits + 1}
    wait = min(WAIT * 2 ** min(waits, 10), LONGEST_WAIT)
    if error.retry_after is not None:
        wait = timedelta(seconds=error.retry_after)
    return End(Run.State.POSTPONED, to_keep(error), timezone.now() + wait)


def _crashed(run: Run, error: Exception) -> End:
    log.exception("Run %s: an unexpected error.", run.pk)
    crashes = run.position.get("crashes", 0) + 1
    run.position = {**run.position, "crashes": crashes}
    message = _("An unexpected error (%(kind)s): %(text)s") % {"kind": type(error).__name__, "text": error}
    if crashes >= CRASHES:
        return End(Run.State.FAILED, message)
    return End(Run.State.INTERRUPTED, message, timezone.now() + WAIT)


def _tell(run: Run, end: End) -> None:
    """Open the mapping's problem when a run went wrong, close it when one went well."""
    key = f"mapping:{run.mapping}:run"
    if end.state in (Run.State.FAILED, Run.State.PARTLY_FAILED):
        title = _("“%(mapping)s” failed") if end.state == Run.State.FAILED else _("“%(mapping)s” failed partly")
        write.open_problem(
            key,
            kind="run",
            title=title % {"mapping": run.mapping_name},
            detail=end.message,
            advice=_("Look at run %(run)d and its entries.") % {"run": run.pk},
            mapping=run.mapping,
        )
    elif end.state == Run.State.SUCCEEDED and run.kind == Run.Kind.SYNC:
        write.close_problem(key)
    if run.kind == Run.Kind.SYNC:
        flips.tell(run)


def _reporter(run: Run, held: Held, progress: Progress | None) -> Progress:
    """Return what a job reports to: the caller each time, the run's row once a beat."""
    last = time.monotonic()

    def report(phase: str, done: int, total: int | None) -> None:
        nonlocal last
        if progress is not None:
            progress(phase, done, total)
        if phase != run.phase or time.monotonic() - last > settings.BEAT_SECONDS:
            last = time.monotonic()
            write.save_run(held, run, phase=phase, done=done, total=total)

    return report


def end_waiting(mapping: Mapping, kind: str) -> None:
    """End the runs of that kind that wait for approval."""
    with portal_language():
        message = _("A newer run took its place.")
    for old in Run.objects.filter(mapping=mapping.uuid, kind=kind, state=Run.State.AWAITING_APPROVAL):
        write.finish_run(None, old, Run.State.CANCELLED, message=message, counts=count(old))


def refuse(mapping: Mapping) -> None:
    """Raise SyncRefused for a mapping that cannot be run as it is."""
    version = mapping.versions.filter(number=mapping.version).first()
    if version is None:
        raise SyncRefused(_("“%(name)s” is not live yet: check it and make it live first.") % {"name": mapping.name})
    if mapping.state == Mapping.State.PAUSED:
        raise SyncRefused(_("“%(name)s” is paused: resume it first.") % {"name": mapping.name})
    undo = Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.UNDO, state__in=Run.OPEN).first()
    if undo is not None:
        text = _("A run of “%(name)s” is just being taken back (run %(run)d): let that end first.")
        raise SyncRefused(text % {"name": mapping.name, "run": undo.pk})
