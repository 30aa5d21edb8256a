"""One slice of a sync run: recover, pull, plan, stop at a guard, apply, and again until nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.ledger import write
from portal.ledger.models import Entry, Run
from portal.sync.append import add_to_lists
from portal.sync.apply import apply
from portal.sync.cases import SIDES
from portal.sync.choices.obey import obey
from portal.sync.entries import APPROVED, is_bound
from portal.sync.guards import look
from portal.sync.job import Job
from portal.sync.keys import index_keys
from portal.sync.lists import knowing_lists, plan_additions, wake_held_back
from portal.sync.propose import propose, wake
from portal.sync.recover import next_look_up, recover
from portal.sync.refresh import refresh
from portal.sync.sets.promises import keep_promises

ROUNDS = 10  # what we wrote comes back as a change and is planned once more; it never needs as many


@dataclass(frozen=True, slots=True)
class End:
    """How a run stops being worked on: for good, until `not_before`, or until a person approves."""

    state: str
    message: str = ""
    not_before: datetime | None = None


def advance(job: Job) -> End | None:
    """Carry the run on; return how it ended, None when the slice's time was up. Raises ConnectorError, Stopped, LeaseLost."""
    job.keep_alive()
    if not recover(job) or not refresh(job):
        return None
    job = knowing_lists(job.after_sweep())
    wake(job)
    keep_promises(job)
    wake_held_back(job)
    heard: set[int] = set()
    obey(job, heard)
    for _round in range(ROUNDS):
        if not all(index_keys(job, side) for side in SIDES) or not propose(job):
            return None
        plan_additions(job)
        planned = Entry.objects.filter(run=job.run, state=Entry.State.PLANNED)
        if not planned.exists():
            if obey(job, heard):  # chosen while the run was at work
                continue
            break
        if not is_bound(job.run) and (end := _stop_at_plan(job, planned)):
            return end
        ready = add_to_lists(job)
        if ready is None or not apply(ready):
            return None
        job = ready
    return end_of(job)


def count(run: Run, *, planned: bool = False) -> dict[str, int]:
    """Return what a run did and what it left, by kind, a sync set's over all of its parts; with `planned` also what it would do
    once it is approved."""
    done = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY, *((Entry.State.AWAITING,) if planned else ()))
    counts = dict.fromkeys(("create", "update", "delete", "skip", "conflict", "blocked", "failed"), 0)
    entries = Entry.objects.filter(run=run) if run.sync_set is None else Entry.objects.filter(run__parent=run)
    rows = entries.filter(superseded_by=None).values("action", "state").annotate(n=Count("pk"))
    for row in rows.order_by():
        if row["state"] in done:
            counts[row["action"]] = counts.get(row["action"], 0) + row["n"]
        elif row["state"] in (Entry.State.FAILED, Entry.State.PARKED):
            counts["failed"] += row["n"]
        elif row["state"] in (Entry.State.BLOCKED, Entry.State.CONFLICT):
            counts[row["state"]] += row["n"]
        elif row["state"] == Entry.State.SKIPPED and row["action"] == Entry.Action.SKIP:
            counts["skip"] += row["n"]
        elif row["state"] == Entry.State.SKIPPED and run.kind == Run.Kind.UNDO:
            counts["left"] = counts.get("left", 0) + row["n"]
    return counts


def _stop_at_plan(job: Job, planned: QuerySet[Entry]) -> End | None:
    """Return how a run stops that may not send what it planned: not before the rest of its sync set is planned too, or not
    without a person's word."""
    run, tripped = job.run, look(job)
    if job.stage == "plan":
        run.position = {**run.position, "planned": True}
        return End(Run.State.QUEUED, " ".join(tripped))
    words = tripped or as_asked(run) or ([_("It waits with the rest of its sync set.")] if job.stage == "hold" else [])
    if words and not run.approve_all:
        write.move(job.held, planned, Entry.State.AWAITING)
        return End(Run.State.AWAITING_APPROVAL, " ".join(words))
    if words:
        _approve(job, words)
    return None


def as_asked(run: Run) -> list[str]:
    """Return why the run stops at its plan though no guard says so; approving it is the person's word for all of it."""
    if run.anew:
        return [_("Everything was planned again as if it had changed, as was asked for: nothing was sent.")]
    return [_("Only the plan was asked for: nothing was sent.")] if run.plan_only else []


def _approve(job: Job, tripped: list[str]) -> None:
    """Whoever started the run approved whatever it plans; that it mattered is written down once."""
    run = job.run
    if run.approved_at is None:
        write.audit(run.user, "approve_run", run, {"guards": tripped}, actor=run.actor)
        write.save_run(job.held, run, approved_at=timezone.now(), approved_by=run.user, message=" ".join(tripped))


def _rest(job: Job) -> int:
    """Return how much of this run waits for approval again; what was approved and is not to be done now waits no more."""
    waiting = Entry.objects.filter(run=job.run, state=Entry.State.AWAITING, superseded_by=None)
    if not waiting.exists():
        return 0
    write.move(job.held, waiting.filter(reason=APPROVED), Entry.State.SKIPPED, reason="changed_meanwhile")
    return waiting.count()


def end_of(job: Job) -> End:
    """Return how a run ends that has nothing left to send."""
    if (at := next_look_up(job)) is not None:
        return End(Run.State.POSTPONED, _("Waiting to look up requests whose outcome is unknown."), at)
    failed = count(job.run)["failed"]
    refused = _("%(count)d records were refused.") % {"count": failed} if failed else ""
    if rest := _rest(job):
        text = ngettext(
            "%(count)d entry is new, or changed since this was approved: it waits for approval of its own.",
            "%(count)d entries are new, or changed since this was approved: they wait for approval of their own.",
            rest,
        )
        return End(Run.State.AWAITING_APPROVAL, " ".join((text % {"count": rest}, refused)).strip())
    if failed:
        return End(Run.State.PARTLY_FAILED, refused)
    return End(Run.State.SUCCEEDED, job.run.message if job.run.approved_at else "")
