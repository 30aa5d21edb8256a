"""Settles edits whose end nobody wrote down, because their process died on the way or the answer was unclear. The rule: the
record is looked at as it is now; what that cannot tell waits for a person, and nothing is ever sent again."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from connectors.base import Connector
from connectors.errors import ConnectorError, RecordNotFound, RetryLater
from connectors.types import Change, Record
from connectors.values import is_secret_field
from connectors.wording import text as _
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.ledger import lease, write
from portal.ledger.lease import Held, fenced
from portal.ledger.models import Entry, Run
from portal.records.edit import lease_name
from portal.records.models import Mirror
from portal.records.store import store_changes
from portal.ui.wording import to_keep

AGAIN = timedelta(minutes=5)  # until a CRM that did not answer is asked once more
DONE = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY, Entry.State.SKIPPED)
NOTHING_SENT = _("The process that should have done this was ended before anything was sent. Do it again.")
UNCLEAR = _("It is not known whether this was done. Look at the record in the CRM, then say here whether it arrived.")


def lost_edits() -> list[Run]:
    """Return the edits that nobody works on any more though they were not ended, once what was sent must have arrived."""
    now = timezone.now()
    before = now - timedelta(seconds=settings.UNKNOWN_GRACE_SECONDS)
    runs = Run.objects.filter(Q(not_before=None) | Q(not_before__lte=now), kind=Run.Kind.EDIT, state__in=Run.OPEN)
    quiet = runs.filter(Q(beat_at__lte=before) | Q(beat_at=None, created_at__lte=before))
    return [run for run in quiet if lease.is_free(lease_name(run))]


def settle_lost() -> int:
    """Settle every lost edit; return how many were looked at."""
    lost = lost_edits()
    for run in lost:
        held = lease.take(lease_name(run))
        if held is None:
            continue
        try:
            run.refresh_from_db()
            if run.state in Run.OPEN:
                _settle(held, run)
        finally:
            held.forget()
    return len(lost)


def decide(entry: Entry, arrived: bool, user: User) -> bool:
    """Settle an edit by what a person saw in the CRM; say whether it still was to be settled."""
    run = entry.run
    if run.kind != Run.Kind.EDIT or entry.state != Entry.State.UNKNOWN or run.state in Run.OPEN:
        return False
    entry.state = Entry.State.DONE if arrived else Entry.State.FAILED
    entry.reason, entry.message = "person_looked", ""
    with fenced(None):
        write.settle(None, [entry])
        write.audit(user, "settle_edit", run, {"entry": entry.pk, "arrived": arrived})
        _finish(None, run, [entry])
    return True


def _settle(held: Held, run: Run) -> None:
    entries = list(Entry.objects.filter(run=run).select_related("connection"))
    if not entries:
        write.finish_run(held, run, Run.State.FAILED, message=to_keep(NOTHING_SENT))
        return
    for entry in entries:
        if entry.state not in Entry.UNSETTLED:
            continue
        try:
            with open_connector(entry.connection, purpose="sync", run_id=run.pk) as crm:
                record = _look_up(crm, entry)
        except RetryLater as e:
            write.finish_run(held, run, Run.State.POSTPONED, message=to_keep(e), not_before=timezone.now() + AGAIN)
            return
        except ConnectorError as e:
            record = None
            entry.state, entry.reason, entry.message = Entry.State.UNKNOWN, "edit_unknown", to_keep(e)
        _store(held, run, entry, record)
    _finish(held, run, entries)


def _look_up(crm: Connector, entry: Entry) -> Record | None:
    """Give the entry the state that the record shows, and return the record. Raises ConnectorError."""
    entry.state, entry.reason = Entry.State.UNKNOWN, "edit_unknown"
    if entry.action == Entry.Action.CREATE:
        return None  # which record it would be, nobody knows
    try:
        record = crm.get(entry.module, entry.record_id)
    except RecordNotFound:
        if entry.action == Entry.Action.DELETE:
            entry.state, entry.reason = Entry.State.DONE, ""
        return None
    told = {n: record.values[n] for n in entry.intended if n in record.values and not is_secret_field(n)}
    if entry.action == Entry.Action.DELETE or (told and all(entry.before.get(n) == v for n, v in told.items())):
        entry.state, entry.reason = Entry.State.FAILED, "edit_lost"
    elif told and all(entry.intended[n] == v for n, v in told.items()):
        entry.state, entry.reason, entry.stored = Entry.State.DONE, "", told
    return record


def _store(held: Held, run: Run, entry: Entry, record: Record | None) -> None:
    """Write how the entry ended, and into our copy what the CRM now holds."""
    is_gone = entry.action == Entry.Action.DELETE and entry.state == Entry.State.DONE
    mirror = Mirror.objects.filter(connection=entry.connection, module=entry.module).first()
    with fenced(held):
        if mirror is not None and (record is not None or is_gone):
            store_changes(mirror, [Change(entry.record_id, record)], run_id=run.pk)
        write.settle(held, [entry])


def _finish(held: Held | None, run: Run, entries: list[Entry]) -> None:
    states = {entry.state for entry in entries}
    counts = {str(entry.action) if entry.state in DONE else "failed": 1 for entry in entries}
    if states <= set(DONE):
        write.finish_run(held, run, Run.State.SUCCEEDED, counts=counts)
    elif Entry.State.UNKNOWN in states:
        write.finish_run(held, run, Run.State.PARTLY_FAILED, message=to_keep(UNCLEAR), counts=counts)
    else:
        write.finish_run(held, run, Run.State.FAILED, counts=counts)
