"""The one writer of the ledger: intent, then request, then outcome. The rule: what is to be sent is on disk before it is
sent, every write of a run is fenced by its lease, and no password-like value is ever kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone

from connectors.values import redact
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.ledger.lease import Held, fenced
from portal.ledger.models import AuditEntry, Entry, Problem, Run

_SETTLED_FIELDS = (
    "state",
    "record_id",
    "link_id",
    "stored",
    "reason",
    "message",
    "evidence",
    "settled_at",
    "attempts",
    "next_try",
    "sent_at",
    "lease_number",
)
# What may be planned otherwise though what is sent is the same.
_PLANNED_FIELDS = (
    "state",
    "reason",
    "message",
    "evidence",
    "rules",
    "before",
    "base",
    "link_id",
    "source_version",
    "target_version",
)


def start_run(kind: str, *, actor: str, mapping: uuid.UUID | None = None, **about: Any) -> Run:
    """Return a new queued run; for a sync the open one of that mapping or set, if there is one. `actor` is a user name,
    "schedule" or "command"; `about` are further fields of the run."""
    run = Run(kind=kind, actor=actor[:150], mapping=mapping, **about)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:  # run_one_open_sync, run_one_open_set: a second press of the button finds the first run
        return Run.objects.filter(kind=kind, mapping=mapping, sync_set=run.sync_set, state__in=Run.OPEN).get()
    return run


def save_run(held: Held | None, run: Run, **changes: Any) -> None:
    """Set these fields of a run, and its sign of life."""
    changes["beat_at"] = timezone.now()
    if held is not None:
        changes["lease_number"] = held.number
    for name, value in changes.items():
        setattr(run, name, value)
    with fenced(held):
        run.save(update_fields=list(changes))


def finish_run(
    held: Held | None, run: Run, state: str, *, message: str = "", not_before: datetime | None = None, **changes: Any
) -> None:
    """Bring a run to a state in which nobody works on it: ended, or postponed until `not_before`, or awaiting approval."""
    ended = timezone.now() if state in Run.ENDED else None
    save_run(held, run, state=state, message=message, not_before=not_before, finished_at=ended, **changes)


def reopen_run(run: Run, state: str, **changes: Any) -> bool:
    """Queue a run that stands in that state once more, from its beginning; say whether it still stood there."""
    begun: dict[str, Any] = {
        "position": {},
        "phase": "",
        "message": "",
        "not_before": None,
        "finished_at": None,
        "stop_requested": False,
    }
    rows = Run.objects.filter(pk=run.pk, state=state)
    return bool(rows.update(state=Run.State.QUEUED, beat_at=timezone.now(), **begun, **changes))


def forget_runs(ids: Sequence[int]) -> int:
    """Delete those of these runs that have no entries, with their parts, for good; return how many."""
    told = Entry.objects.filter(models.Q(run__in=ids) | models.Q(run__parent__in=ids))
    kept = {id for pair in told.values_list("run", "run__parent") for id in pair}
    return Run.objects.filter(pk__in=set(ids) - kept).delete()[0]


def ask_to_stop(run: Run) -> None:
    """Have whoever works on the run end it; does nothing to one that has ended."""
    Run.objects.filter(pk=run.pk, state__in=Run.OPEN).update(stop_requested=True)


def mark_interrupted(run: Run, silent_since: datetime) -> None:
    """Say that nobody works on a running run any more, unless it has given a sign of life since then."""
    silent = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING, beat_at__lt=silent_since)
    silent.update(state=Run.State.INTERRUPTED)


def save_entries(held: Held | None, entries: Sequence[Entry], *, durable: bool = False) -> None:
    """Save new entries in one commit; they get their numbers within the run here. `durable`: before a request, so that
    the intent outlives a power cut. Entries in state "sent" get `sent_at` and count as an attempt."""
    if not entries:
        return
    with fenced(held, durable=durable):
        last = Entry.objects.filter(run=entries[0].run).aggregate(n=models.Max("number"))["n"] or 0
        for number, entry in enumerate(entries, start=last + 1):
            entry.number = number
            _stamp(held, entry)
            for name in ("before", "intended", "stored"):
                setattr(entry, name, redact(getattr(entry, name)))
        Entry.objects.bulk_create(entries)


def mark_sent(held: Held | None, entries: Iterable[Entry], linked: Sequence[Entry] = ()) -> None:
    """Say, before the requests, that these saved entries are about to be sent (again); `linked` got their links just now."""
    now = timezone.now()
    entries = list(entries)
    for entry in entries:
        entry.state, entry.sent_at, entry.settled_at = Entry.State.SENT, now, None
        entry.attempts += 1
        entry.lease_number = held.number if held else 0
    sent = {"state": Entry.State.SENT, "sent_at": now, "settled_at": None, "lease_number": held.number if held else 0}
    with fenced(held, durable=True):
        Entry.objects.filter(pk__in=[entry.pk for entry in entries]).update(**sent, attempts=F("attempts") + 1)
        if linked:
            Entry.objects.bulk_update(linked, ["link_id"])


def settle(held: Held | None, entries: Iterable[Entry]) -> None:
    """Write how these entries ended: their state and outcome fields, as set on the objects."""
    entries = list(entries)
    for entry in entries:
        if entry.state not in Entry.UNSETTLED:
            entry.settled_at = entry.settled_at or timezone.now()
        entry.lease_number = held.number if held else 0
        entry.stored = redact(entry.stored)
    if entries:
        with fenced(held):
            _rewrite(entries, _SETTLED_FIELDS)


def settle_skipped(held: Held | None, entries: Iterable[Entry]) -> None:
    """Write that these entries needed no request, with the links they made; for many at once."""
    entries = list(entries)
    with fenced(held):
        Entry.objects.bulk_update(entries, ["link_id"])
        done = Entry.objects.filter(pk__in=[entry.pk for entry in entries])
        number = held.number if held else 0
        done.update(state=Entry.State.SKIPPED, settled_at=timezone.now(), lease_number=number)


def move(held: Held | None, entries: models.QuerySet[Entry], state: str, *, reason: str | None = None) -> None:
    """Bring all these entries to another state at once: a plan that waits for approval, or that a newer one replaced.
    Without a new `reason` they keep theirs."""
    settled = None if state in (*Entry.UNSETTLED, Entry.State.AWAITING) else timezone.now()
    with fenced(held):
        told = {} if reason is None else {"reason": reason}
        entries.update(state=state, settled_at=settled, **told)


def plan_as_shown(held: Held | None, entries: Iterable[Entry]) -> None:
    """Say that these waiting entries are to be carried out: planned anew, they are what a person approved."""
    entries = list(entries)
    for entry in entries:
        entry.before = redact(entry.before)
    if entries:
        with fenced(held):
            Entry.objects.bulk_update(entries, _PLANNED_FIELDS)


def save_intended(held: Held | None, entries: Iterable[Entry]) -> None:
    """Write what these entries, not sent yet, are to send, and what is to be agreed on after it: by now it is known whole."""
    entries = list(entries)
    for entry in entries:
        entry.intended = redact(entry.intended)
    if entries:
        with fenced(held):
            Entry.objects.bulk_update(entries, ["intended", "base"])


def supersede(held: Held | None, pairs: Mapping[int, Entry]) -> None:
    """Say that the entries of these numbers were taken up by later ones: old entry's pk -> new entry."""
    if pairs:
        with fenced(held):
            old = [Entry(pk=pk, superseded_by=new) for pk, new in pairs.items()]
            Entry.objects.bulk_update(old, ["superseded_by"])


def decide(entry: Entry, decision: Mapping[str, Any], user: User | None, *, actor: str = "") -> bool:
    """Store what a person chose about a waiting entry, with who and when; say whether there still was something to choose:
    not once somebody else chose, or a run took the entry up."""
    who = (user.get_username() if user else actor or "command")[:150]
    told = {**decision, "by": who, "at": timezone.now().isoformat()}
    waiting = Entry.objects.filter(pk=entry.pk, superseded_by=None, state__in=Entry.WAITING)
    with transaction.atomic():
        if not waiting.filter(decision__isnull=True).update(decision=told):
            return False
        audit(user, "decide_entry", entry, decision, actor=actor)
    entry.decision = told
    return True


def take_back(entry: Entry, user: User | None, *, actor: str = "") -> bool:
    """Forget what was chosen about an entry that no run took up yet; say whether that was still so."""
    waiting = Entry.objects.filter(pk=entry.pk, superseded_by=None, state__in=Entry.WAITING)
    with transaction.atomic():
        if not waiting.filter(decision__isnull=False).update(decision=None):
            return False
        audit(user, "take_back_decision", entry, entry.decision, actor=actor)
    entry.decision = None
    return True


def open_problem(
    key: str,
    *,
    kind: str,
    title: str,
    detail: str = "",
    advice: str = "",
    connection: Connection | None = None,
    mapping: uuid.UUID | None = None,
) -> Problem:
    """Open a problem, or count it once more and renew its words while it is open. `key` is what makes it the same."""
    words = {"title": title[:200], "detail": detail, "advice": advice}
    seen = Problem.objects.filter(key=key, closed_at=None)
    if not seen.update(times=F("times") + 1, last_seen_at=timezone.now(), **words):
        try:
            with transaction.atomic():
                return Problem.objects.create(key=key, kind=kind, connection=connection, mapping=mapping, **words)
        except IntegrityError:  # another process opened it this very moment
            pass
    return seen.get()


def close_problem(key: str) -> bool:
    """Close the open problem of that key; say whether there was one."""
    return bool(Problem.objects.filter(key=key, closed_at=None).update(closed_at=timezone.now()))


def audit(
    user: User | None,
    action: str,
    obj: models.Model | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    actor: str = "",
) -> AuditEntry:
    """Write down who did what in the portal itself. `actor` is needed where there is no user ("command")."""
    return AuditEntry.objects.create(
        user=user,
        actor=(user.get_username() if user else actor or "command")[:150],
        action=action,
        object_type=obj._meta.label_lower if obj else "",
        object_id=str(obj.pk) if obj else "",
        object_label=str(obj)[:200] if obj else "",
        changes=redact(changes or {}),
    )


def conclude(entry: AuditEntry, outcome: str) -> None:
    """Add to an entry, written before a deed, how it ended."""
    entry.changes = {**entry.changes, "outcome": outcome}
    entry.save(update_fields=["changes"])


def _rewrite(entries: Sequence[Entry], fields: Sequence[str]) -> None:
    """Write these fields of saved entries. As an upsert: `bulk_update` composes a case for each value of each row, which took
    half the time of applying a plan."""
    Entry.objects.bulk_create(entries, update_conflicts=True, unique_fields=["id"], update_fields=fields)


def _stamp(held: Held | None, entry: Entry) -> None:
    now = timezone.now()
    entry.lease_number = held.number if held else 0
    if entry.state == Entry.State.SENT:
        entry.sent_at, entry.attempts = now, entry.attempts + 1
    elif entry.state not in (*Entry.UNSETTLED, Entry.State.AWAITING):
        entry.settled_at = now
