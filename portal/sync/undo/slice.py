"""One slice of taking a run back: recover, pull, plan, stop where only the plan was asked for, apply. The rule: before
anything is sent the mapping is paused, and it stays so until a person resumes it."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.ledger import write
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.mappings.pause import pause
from portal.sync.apply import apply
from portal.sync.cases import SIDES
from portal.sync.entries import is_bound
from portal.sync.job import Job
from portal.sync.keys import index_keys
from portal.sync.recover import next_look_up, recover
from portal.sync.refresh import refresh
from portal.sync.show import left_by
from portal.sync.slice import ROUNDS, End, as_asked, end_of
from portal.sync.undo.propose import propose_undo
from portal.ui.wording import portal_language


def take_back(job: Job) -> End | None:
    """Carry an undo on; return how it ended, None when the slice's time was up. Raises ConnectorError, Stopped, LeaseLost."""
    job.keep_alive()
    if not recover(job) or not refresh(job):
        return None
    if next_look_up(job) is not None:
        return end_of(job)  # what the run itself wrote must be known first
    for _round in range(ROUNDS):
        if not all(index_keys(job, side) for side in SIDES) or not propose_undo(job):
            return None
        planned = Entry.objects.filter(run=job.run, state=Entry.State.PLANNED)
        if not planned.exists():
            break
        if job.run.plan_only and not is_bound(job.run):
            write.move(job.held, planned, Entry.State.AWAITING)
            return End(Run.State.AWAITING_APPROVAL, " ".join(filter(None, (*as_asked(job.run), _left(job.run)))))
        _pause(job)
        if not apply(job):
            return None
    end = end_of(job)
    return replace(end, message=_left(job.run)) if end.state == Run.State.SUCCEEDED else end


def _pause(job: Job) -> None:
    with portal_language():
        reason = _("run %(undone)s was taken back by run %(run)d") % {"undone": job.run.undoes_id, "run": job.run.pk}
    pause(Mapping.objects.get(pk=job.mapping.pk), user=job.run.user, actor=job.run.actor, reason=reason)


def _left(run: Run) -> str:
    """Say how many records are left as they are; "" for none."""
    left = left_by(run).count()
    text = ngettext(
        "%(count)d record is left as it is: look at the list for the reason.",
        "%(count)d records are left as they are: look at the list for the reasons.",
        left,
    )
    return text % {"count": left} if left else ""
