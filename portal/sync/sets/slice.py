"""One slice of a sync set's run: its members, each the run of one mapping, are planned and carried out one after another. The rule: it
does what `set_step` says from what is on disk, so that it may end anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.ledger import write
from portal.ledger.lease import Held, fenced
from portal.ledger.models import Entry, Run
from portal.sync.job import Progress, Stopped
from portal.sync.lead import stage_of
from portal.sync.propose import can_wake
from portal.sync.run_end import end_idle
from portal.sync.sets.members import Standing, begin, standings
from portal.sync.sets.step import Step, next_step
from portal.sync.slice import End

MOMENT = timedelta(seconds=5)  # until it is looked again whether somebody else is done


@dataclass(frozen=True, slots=True)
class Within:
    """Until when (time.monotonic()) a slice may work, and the leases of whoever had it begin, to be renewed with its own."""

    ends_at: float
    leases: tuple[Held, ...] = ()


Work = Callable[[Run, Progress, Within], None]  # carries out a slice of a member


def advance_set(run: Run, held: Held, within: Within, report: Progress, work: Work) -> End | None:
    """Carry the set's run on; return how it ended, None when the slice's time was up. Raises Stopped, LeaseLost."""
    inner = Within(within.ends_at, (held, *within.leases))
    while True:
        held.outlast(2 * settings.CALL_DEADLINE_SECONDS + 5)
        if Run.objects.filter(pk=run.pk, stop_requested=True).exists():
            raise Stopped
        members = standings(run)
        if not members:
            return End(Run.State.FAILED, _("The sync set holds no mapping any more."))
        step = next_step([m.member for m in members], stage_of(run), stops=run.plan_only, passes=run.approve_all)
        if (
            end := _take(step, run, held, members, lambda member: work(member, _teller(run, report), inner))
        ) is not None:
            return end
        if time.monotonic() >= within.ends_at:
            return None


def _take(step: Step, run: Run, held: Held, members: Sequence[Standing], work: Callable[[Run], None]) -> End | None:
    """Take the step; return how the run ended, None when it goes on."""
    if step.kind == "close":
        return None if _wake(run, held, members) else _end(members)
    if step.kind == "rest":
        return _rest(members)
    if step.kind == "stage":
        write.save_run(held, run, position={**run.position, "stage": step.stage})
        return None
    standing = next(m for m in members if m.member.name == step.name)
    if step.kind == "give_up":
        _give_up(run, standing, step.because)
        return None
    return _work(run, standing, work)


def _work(run: Run, standing: Standing, work: Callable[[Run], None]) -> End | None:
    """Carry out a slice of the member; where somebody else has it in hands, look again in a moment."""
    child = standing.run or begin(run, standing)
    if child is None:
        return None
    before = child.slices
    work(child)
    child.refresh_from_db()
    if child.slices == before and child.state in Run.OPEN:
        return End(Run.State.POSTPONED, _busy(standing.member.name), timezone.now() + MOMENT)
    return None


def _busy(name: str) -> str:
    return _("“%(name)s” is being carried out by somebody else just now.") % {"name": name}


def _give_up(run: Run, standing: Standing, because: str) -> None:
    """End a member that does not begin, or has no plan in time; it stands in the report, with why."""
    if because:
        text = _("Not begun: it needs “%(name)s”, which did not get through.") % {"name": because}
    else:
        text = _("Left out, since it could not be planned with the others. %(why)s") % {"why": standing.why}
    child = standing.run or begin(run, standing, given_up=text)
    if child is not None and child.state in Run.OPEN:
        end_idle(child, text.strip())


def _rest(members: Sequence[Standing]) -> End:
    """Return until when nothing can be done, and for whose sake."""
    resting = [m for m in members if m.member.rests]
    until: datetime = min(m.until for m in resting)
    why = " ".join(dict.fromkeys(m.why or _busy(m.member.name) for m in resting))
    return End(Run.State.POSTPONED, why, until)


def _wake(run: Run, held: Held, members: Sequence[Standing]) -> bool:
    """Open again a member that left records waiting for a partner which exists by now; say whether there was one."""
    rounds = run.position.get("rounds", 0)
    for standing in members:
        child = standing.run
        if rounds >= 2 * len(members) or child is None or standing.mapping is None or standing.member.state != "done":
            continue
        if not can_wake(standing.mapping):
            continue
        try:
            with fenced(held):
                write.reopen_run(child, child.state)
                write.save_run(held, run, position={**run.position, "rounds": rounds + 1})
        except IntegrityError:  # somebody runs the mapping alone just now, and takes them up
            continue
        return True
    return False


def _end(members: Sequence[Standing]) -> End:
    """Return how the whole ended: well only where every member did."""
    states = [m.run.state for m in members if m.run is not None]
    told = _told(members)
    if Run.State.AWAITING_APPROVAL in states:
        return End(Run.State.AWAITING_APPROVAL, told)
    if all(state == Run.State.SUCCEEDED for state in states):
        return End(Run.State.SUCCEEDED)
    lost = (Run.State.FAILED, Run.State.CANCELLED)
    return End(Run.State.FAILED if all(state in lost for state in states) else Run.State.PARTLY_FAILED, told)


def _told(members: Sequence[Standing]) -> str:
    """Return what members have to say, each with its name; what all say once."""
    said = [(m.member.name, m.run.message) for m in members if m.run and m.run.message]
    if len({text for _name, text in said}) == 1 and len(said) > 1:
        return said[0][1]
    return " ".join(f"“{name}”: {text}" for name, text in said)


def _teller(run: Run, report: Progress) -> Progress:
    """Return what a member reports to: once a beat, how far the whole is. While it is planned nobody knows how much there is."""
    last = 0.0

    def tell(phase: str, done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last < settings.BEAT_SECONDS:
            return
        last = time.monotonic()
        sends = Entry.objects.filter(run__parent=run, superseded_by=None, action__in=("create", "update", "delete"))
        number = sends.count()
        settled = sends.exclude(state__in=(*Entry.UNSETTLED, Entry.State.AWAITING)).count()
        report(phase, *((settled, number) if stage_of(run) == "apply" else (number, None)))

    return tell
