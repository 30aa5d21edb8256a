"""Clears what nobody looks at any more and would else grow for ever: old calls, failed tasks, logins of browsers that ran out,
the ids of sweeps that were given up, scheduled runs that found nothing. The rule: history (runs that did or said anything, entries,
changes, the audit trail) is never cleared; what is goes a little at a time, each bit a transaction of its own, so that nobody
waits for it."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session as BrowserSession
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone
from django_q.models import Failure
from django_q.tasks import async_task

from portal.connections.models import Call, Connection
from portal.ledger import write
from portal.ledger.models import Entry, Run
from portal.records.models import Mirror, SweptId
from portal.records.pull import MirrorBusy, mirror_lease
from portal.records.sweep import STALE

BIT = 1_000  # rows deleted at once


def tidy(now: datetime | None = None) -> int:
    """Delete for SLICE_SECONDS what is due at `now` (aware), and enqueue the next slice if there is more; return how many rows
    went. Run by the schedule."""
    now = now or timezone.now()
    ends_at = time.monotonic() + settings.SLICE_SECONDS
    deleted = 0
    with closing(_bits(now)) as bits:
        for number in bits:
            deleted += number
            if time.monotonic() >= ends_at:
                async_task("portal.ops.tidy.tidy", group="tidy")
                break
    return deleted


def keeps_calls_from(now: datetime) -> datetime:
    """Return from when on calls are kept: CALLS_KEPT_DAYS back, and always those of this month, which alerts count."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return min(month, now - timedelta(days=settings.CALLS_KEPT_DAYS))


def _bits(now: datetime) -> Generator[int]:
    """Delete bit by bit; yield the number of rows of each."""
    first = keeps_calls_from(now)
    counted = list(Run.objects.exclude(state__in=Run.ENDED).values_list("pk", flat=True))  # their calls are counted yet
    for connection in Connection.objects.order_by("pk"):  # by connection and time, as the index goes
        old = Call.objects.filter(connection=connection, at__lt=first).exclude(run_id__in=counted)
        yield from _delete(old.order_by("at"))
    yield from _delete(Failure.objects.filter(stopped__lt=first))
    yield from _delete(BrowserSession.objects.filter(expire_date__lt=now))
    idle = _idle_runs(now)
    while found := list(idle.values_list("pk", flat=True)[:BIT]):
        yield write.forget_runs(found)
    for mirror in Mirror.objects.filter(pk__in=SweptId.objects.values("mirror")):
        yield from _delete_given_up(mirror, now)


def _idle_runs(now: datetime) -> QuerySet[Run]:
    """Return the scheduled runs that went well and found nothing, IDLE_RUNS_KEPT_DAYS ago, a set's only as a whole; but the last of
    a day of each mapping and set, which shows that it ran."""
    quiet = Q(state=Run.State.SUCCEEDED, message="", approved_at=None)
    told = Exists(Entry.objects.filter(run=OuterRef("pk"))) | Exists(Run.objects.filter(undoes=OuterRef("pk")))
    parts = Run.objects.filter(parent=OuterRef("pk")).filter(~quiet | told)
    scheduled = Run.objects.filter(quiet, kind=Run.Kind.SYNC, trigger="schedule", parent=None)
    old = scheduled.filter(created_at__lt=now - timedelta(days=settings.IDLE_RUNS_KEPT_DAYS))
    idle = old.exclude(told).exclude(Exists(parts))
    last = idle.order_by().values("mapping", "sync_set", "created_at__date").annotate(last=Max("pk"))
    return idle.exclude(pk__in=last.values("last"))


def _delete(rows: QuerySet[Any]) -> Iterator[int]:
    while found := list(rows.values_list("pk", flat=True)[:BIT]):
        yield rows.model._default_manager.filter(pk__in=found).delete()[0]


def _delete_given_up(mirror: Mirror, now: datetime) -> Iterator[int]:
    """Forget the ids of a sweep that will begin anew anyway; one under way has the mirror's lease."""
    try:
        with mirror_lease(mirror, None):
            mirror.refresh_from_db()
            if mirror.sweep and datetime.fromisoformat(mirror.sweep["began"]) > now - STALE:
                return
            ids = SweptId.objects.filter(mirror=mirror)
            while found := list(ids.values_list("record_id", flat=True)[:BIT]):
                yield ids.filter(record_id__in=found).delete()[0]
    except MirrorBusy:
        return
