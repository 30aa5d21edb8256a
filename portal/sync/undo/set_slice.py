"""One slice of taking a sync set's run back: its parts are taken back one after another, in reverse order. The rule: the next begins
only once the one before it was taken back whole, so that nothing is deleted that a record still refers to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.ledger import write
from portal.ledger.lease import Held, fenced
from portal.ledger.models import Entry, Run
from portal.sync.job import Progress, Stopped
from portal.sync.run_end import end_idle
from portal.sync.sets.slice import Within, Work
from portal.sync.show import left_by
from portal.sync.slice import End
from portal.sync.undo.load import writes_of
from portal.sync.undo.plan import WAITS

MOMENT = timedelta(seconds=5)  # until it is looked again whether somebody else is done


def take_back_set(run: Run, held: Held, within: Within, report: Progress, work: Work) -> End | None:
    """Carry the undo of a set's run on; return how it ended, None when the slice's time was up. Raises Stopped, LeaseLost."""
    inner = Within(within.ends_at, (held, *within.leases))
    while True:
        held.outlast(2 * settings.CALL_DEADLINE_SECONDS + 5)
        if Run.objects.filter(pk=run.pk, stop_requested=True).exists():
            raise Stopped
        parts = list(run.children.order_by("pk"))
        part = next_part(parts, is_plan=run.plan_only and run.approved_at is None)
        if part is None:
            if _wake(run, held, parts):
                continue
            return _end(parts)
        if part.not_before and part.not_before > timezone.now():
            return End(Run.State.POSTPONED, part.message, part.not_before)
        before = part.slices
        work(part, report, inner)
        part.refresh_from_db()
        if part.slices == before and part.state in Run.OPEN:
            text = _("“%(name)s” is being carried out by somebody else just now.") % {"name": part.mapping_name}
            return End(Run.State.POSTPONED, text, timezone.now() + MOMENT)
        if time.monotonic() >= within.ends_at:
            return None


def next_part(parts: Sequence[Run], *, is_plan: bool) -> Run | None:
    """Return the part to work on, of those in their order; None where there is none, or one before it was not taken back
    whole. While it is planned a part that has its plan is done."""
    well = {Run.State.SUCCEEDED, *({Run.State.AWAITING_APPROVAL} if is_plan else ())}
    for part in parts:
        if part.state in Run.OPEN:
            return part
        if part.state not in well:
            return None
    return None


def _wake(run: Run, held: Held, parts: Sequence[Run]) -> bool:
    """Open again the parts that left records as they referred to others which may be made again by now; say whether there
    was one."""
    rounds = run.position.get("rounds", 0)
    if rounds >= len(parts) or any(part.state != Run.State.SUCCEEDED for part in parts):
        return False
    waiting = left_by(run).filter(reason=WAITS).values("run")
    if not writes_of(run).filter(action=Entry.Action.CREATE).exists():
        return False
    with fenced(held):
        woken = [write.reopen_run(part, part.state) for part in run.children.filter(pk__in=waiting)]
        write.save_run(held, run, position={**run.position, "rounds": rounds + 1})
    return any(woken)


def _end(parts: Sequence[Run]) -> End:
    """Return how the whole ended: well only where every part did. What did not begin stands there with why."""
    states = [part.state for part in parts]
    if Run.State.AWAITING_APPROVAL in states and not _lost(parts):
        return End(Run.State.AWAITING_APPROVAL, _told(parts))
    for part in parts:
        if part.state in Run.OPEN:
            text = _("Not begun: “%(name)s” was not taken back whole.") % {"name": _lost(parts)}
            end_idle(part, text)
            part.refresh_from_db()
    if all(state == Run.State.SUCCEEDED for state in states):
        return End(Run.State.SUCCEEDED, _told(parts))
    some = any(state in (Run.State.SUCCEEDED, Run.State.PARTLY_FAILED) for state in states)
    return End(Run.State.PARTLY_FAILED if some else Run.State.FAILED, _told(parts))


def _lost(parts: Sequence[Run]) -> str:
    """Return the name of the part that was not taken back whole; "" for none."""
    fine = (Run.State.SUCCEEDED, Run.State.AWAITING_APPROVAL, *Run.OPEN)
    return next((part.mapping_name for part in parts if part.state not in fine), "")


def _told(parts: Sequence[Run]) -> str:
    said = [(part.mapping_name, part.message) for part in parts if part.message]
    if len(said) > 1 and len({text for _name, text in said}) == 1:
        return said[0][1]
    return " ".join(f"“{name}”: {text}" for name, text in said)
