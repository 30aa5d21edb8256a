"""How a run stops being worked on: postponed, crashed, stopped, given up while nobody works on it; and the problem that tells of it."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.errors import RetryLater
from portal.ledger import lease, write
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync import flips
from portal.sync.lead import lease_name
from portal.sync.slice import End, count
from portal.ui.wording import to_keep

log = logging.getLogger(__name__)
WAIT = timedelta(seconds=30)  # before a run goes on that the CRM did not say when to go on; doubled each time
LONGEST_WAIT = timedelta(minutes=15)
CRASHES = 3  # unexpected errors in a row before a run counts as failed


def end_idle(run: Run, message: str = "") -> None:
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


def end_members(run: Run, message: str) -> None:
    """End what goes on, or waits, of a set's run that has ended: whoever works on one of them stops."""
    for member in run.children.filter(state__in=(*Run.OPEN, Run.State.AWAITING_APPROVAL)):
        write.ask_to_stop(member)
        if member.state == Run.State.AWAITING_APPROVAL:
            write.finish_run(None, member, Run.State.CANCELLED, message=message, counts=count(member))
        else:
            end_idle(member, message)


def end_without_mapping(run: Run, held: lease.Held | None) -> End:
    """Give up what a run had planned for a mapping that was deleted; return how the run ends."""
    left = Entry.objects.filter(run=run, state__in=(Entry.State.PLANNED, Entry.State.AWAITING))
    write.move(held, left, Entry.State.SKIPPED, reason="mapping_deleted")
    return End(Run.State.CANCELLED, _("Its mapping was deleted."))


def why_stopped(run: Run) -> str:
    """Return what the run is stopped for: its mapping was paused, as when a CRM's fields no longer fit, or a person said so."""
    paused = Mapping.objects.filter(uuid=run.mapping, state=Mapping.State.PAUSED).first() if run.mapping else None
    if paused is None:
        return _("Stopped on request.")
    return _("Stopped: the mapping is paused (%(why)s).") % {"why": paused.paused_reason}


def postponed(run: Run, error: RetryLater) -> End:
    """Return when a run goes on that a CRM would not let go on now."""
    waits = run.position.get("waits", 0)
    run.position = {**run.position, "waits": waits + 1}
    wait = min(WAIT * 2 ** min(waits, 10), LONGEST_WAIT)
    if error.retry_after is not None:
        wait = timedelta(seconds=error.retry_after)
    return End(Run.State.POSTPONED, to_keep(error), timezone.now() + wait)


def crashed(run: Run, error: Exception) -> End:
    """Return how a run ends that met what nobody thought of: it goes on a few times, then it failed."""
    log.exception("Run %s: an unexpected error.", run.pk)
    crashes = run.position.get("crashes", 0) + 1
    run.position = {**run.position, "crashes": crashes}
    message = _("An unexpected error (%(kind)s): %(text)s") % {"kind": type(error).__name__, "text": error}
    if crashes >= CRASHES:
        return End(Run.State.FAILED, message)
    return End(Run.State.INTERRUPTED, message, timezone.now() + WAIT)


def tell(run: Run, end: End) -> None:
    """Open the problem of the mapping, or of the set, when a run went wrong, close it when one went well."""
    key = f"{lease_name(run)}:run"
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
    if run.kind == Run.Kind.SYNC and run.mapping is not None:
        flips.tell(run)
