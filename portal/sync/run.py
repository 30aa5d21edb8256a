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
from portal.records.store import refresh_statistics
from portal.sync.job import Progress, Stopped, open_job
from portal.sync.lead import lead_of, lease_name
from portal.sync.models import Base, Link, MatchKey
from portal.sync.run_end import crashed, end_idle, end_members, end_without_mapping, postponed, tell, why_stopped
from portal.sync.sets.slice import Within, advance_set
from portal.sync.slice import End, advance, count
from portal.sync.undo.set_slice import take_back_set
from portal.sync.undo.slice import take_back
from portal.ui.wording import portal_language, to_keep

log = logging.getLogger(__name__)
AT_WORK = "at_work"  # in a run's position: a slice began; who finds it at the next one knows that the last was killed
KEPT = ("pulled", "swept", "unswept", "rewound", "planned", "stage", "rounds")  # of where a run is, from slice to slice
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
    source had changed. `enqueue` hands it to the qcluster; without, the caller carries it out. Raises SyncRefused; also where a plan is asked for and a run is under way, which would not stop at one.
    """
    refuse(mapping)
    end_waiting(mapping, Run.Kind.SYNC)
    which: dict[str, Any] = {"mapping": mapping.uuid, "mapping_name": mapping.name, "mapping_version": mapping.version}
    how: dict[str, Any] = {"approve_all": approve_all, "plan_only": plan_only, "anew": anew, "enqueue": enqueue}
    return begin(mapping.name, actor=actor, user=user, trigger=trigger, **which, **how)


def begin(name: str, *, approve_all: bool, plan_only: bool, anew: bool, enqueue: bool, **about: Any) -> Run:
    """Return a new queued run of what has that name, or the one that is open already, as `request_sync` says; `about` are further
    fields of it. Raises SyncRefused."""
    plan_only = plan_only or anew
    run = write.start_run(Run.Kind.SYNC, approve_all=approve_all, plan_only=plan_only, anew=anew, **about)
    if (plan_only and not run.plan_only) or (anew and not run.anew):
        text = _("“%(name)s” is being carried out just now (run %(run)d): ask for the plan once that has ended.")
        raise SyncRefused(text % {"name": name, "run": run.pk})
    for one in (run, *run.children.filter(state__in=Run.OPEN)) if approve_all and not run.approve_all else ():
        write.save_run(None, one, approve_all=True)
    if enqueue:
        transaction.on_commit(lambda: enqueue_slice(run))
    return run


def enqueue_slice(run: Run) -> None:
    """Have a qcluster carry out the run's next slice."""
    lead = lead_of(run)
    async_task("portal.sync.tasks.run_slice", lead.pk, group=lease_name(lead))


def request_stop(run: Run, user: User | None, *, actor: str = "") -> None:
    """Have a run end after what is being sent now; at once when nobody works on it. A sync set's is stopped as one, whichever
    part of it was meant."""
    run = lead_of(run)
    write.audit(user, "stop_run", run, actor=actor)
    write.ask_to_stop(run)
    if run.state == Run.State.AWAITING_APPROVAL:
        write.finish_run(None, run, Run.State.CANCELLED, counts=count(run))
    elif run.state in Run.OPEN:
        end_idle(run)
    if run.sync_set is not None:
        with portal_language():
            end_members(run, why_stopped(run))


def stop_paused(mapping: Mapping) -> None:
    """End the runs of a mapping that is paused: one at work after what it has sent, one that nobody works on at once."""
    if mapping.state != Mapping.State.PAUSED:
        return
    for run in Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.SYNC, state__in=Run.OPEN):
        write.ask_to_stop(run)
        with portal_language():
            end_idle(run, why_stopped(run))


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
    """Carry out one slice of the run unless somebody living does, or it is not yet time; return the run as it then is. One
    that is part of a sync set's is carried out with that."""
    run = Run.objects.select_related("parent").get(pk=run_id)
    _work(lead_of(run), progress)
    run.refresh_from_db()
    return run


def _work(run: Run, progress: Progress | None, within: Within | None = None) -> None:
    if run.state not in Run.OPEN or (run.not_before and run.not_before > timezone.now()):
        return
    held = lease.take(lease_name(run))
    if held is None:
        return
    try:
        run.refresh_from_db()
        if run.state in Run.OPEN:
            _carry_out_slice(run, held, progress, within)
    except LeaseLost:
        log.warning("Run %s: the lease was lost; whoever took it goes on.", run.pk)
    finally:
        held.release()


def _carry_out_slice(run: Run, held: Held, progress: Progress | None, within: Within | None) -> None:
    began = time.monotonic()
    within = within or Within(began + settings.SLICE_SECONDS)
    _begin(run, held)
    try:
        end = _advance(run, held, within, _reporter(run, held, progress))
    except LeaseLost:
        raise
    except Exception as e:  # noqa: BLE001  the one place: whatever it was is recorded, and the run goes on or fails
        end = crashed(run, e)
    is_plan = end is not None and end.state == Run.State.AWAITING_APPROVAL and run.approved_at is None
    reached = {
        "position": {name: value for name, value in run.position.items() if name != AT_WORK},
        "counts": count(run, planned=is_plan),
        "seconds": run.seconds + time.monotonic() - began,
        "calls": Call.objects.filter(run_id__in=[run.pk, *run.children.values_list("pk", flat=True)]).count(),
    }
    if end is None:
        write.save_run(held, run, **reached)
        return
    if run.sync_set is not None and end.state in Run.ENDED:
        end_members(run, end.message)
    write.finish_run(held, run, end.state, message=end.message, not_before=end.not_before, **reached)
    tell(run, end)
    if run.state in Run.ENDED:
        refresh_statistics(sum(run.counts.values()), Link, Base, MatchKey, Entry)


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


def _advance(run: Run, held: Held, within: Within, report: Progress) -> End | None:
    """Return how the run ended, None when it goes on in the next slice."""
    try:
        if run.sync_set is not None:
            carry_on = take_back_set if run.kind == Run.Kind.UNDO else advance_set
            end = carry_on(run, held, within, report, _work)
        else:
            with open_job(run, held, within.ends_at, report, within.leases) as job:
                end = take_back(job) if run.kind == Run.Kind.UNDO else advance(job)
    except Stopped:
        return End(Run.State.CANCELLED, why_stopped(run))
    except RetryLater as e:
        return postponed(run, e)
    except (Mapping.DoesNotExist, MappingVersion.DoesNotExist):
        return end_without_mapping(run, held)
    except (ConfigError, QueryError, Unsupported) as e:
        return End(Run.State.FAILED, to_keep(e))
    run.position = {name: value for name, value in run.position.items() if name in KEPT}
    return end


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
    """End the runs of that kind that wait for approval; with one that is part of a sync set's plan all of that, which holds as a
    whole."""
    with portal_language():
        message = _("A newer run took its place.")
        whole = _("A newer run of “%(name)s” took its place.") % {"name": mapping.name}
    waiting = Run.objects.filter(kind=kind, state=Run.State.AWAITING_APPROVAL).select_related("parent")
    for old in waiting.filter(mapping=mapping.uuid):
        write.finish_run(None, old, Run.State.CANCELLED, message=message, counts=count(old))
        if (lead := lead_of(old)) != old and lead.state == Run.State.AWAITING_APPROVAL:
            write.finish_run(None, lead, Run.State.CANCELLED, message=whole, counts=count(lead))
            end_members(lead, whole)


def refuse(mapping: Mapping) -> None:
    """Raise SyncRefused for a mapping that cannot be run as it is."""
    version = mapping.versions.filter(number=mapping.version).first()
    if version is None:
        raise SyncRefused(_("“%(name)s” is not live yet: check it and make it live first.") % {"name": mapping.name})
    if mapping.state == Mapping.State.PAUSED:
        raise SyncRefused(_("“%(name)s” is paused: resume it first.") % {"name": mapping.name})
    undoes = Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.UNDO, state__in=Run.OPEN)
    undo = undoes.exclude(plan_only=True, approved_at=None).first()  # a mere plan is in nobody's way
    if undo is not None:
        text = _("A run of “%(name)s” is just being taken back (run %(run)d): let that end first.")
        raise SyncRefused(text % {"name": mapping.name, "run": undo.pk})
