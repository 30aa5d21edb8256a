"""How many calls may be made per minute and per day, over all processes. The rule: a fifth of each limit is kept for
people, so that background work meets it first. By the database's clock; without limits nothing is written to count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from connectors.errors import BudgetSpent, ConfigError
from portal.connections.models import Connection, Spent

Purpose = Literal["person", "sync"]
WINDOWS = {"day": timedelta(days=1), "minute": timedelta(minutes=1)}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a connection allows, as its row said at `now` (the database's clock, UTC)."""

    name: str
    writable: bool
    calls_per_minute: int | None
    calls_per_day: int | None
    max_parallel: int
    now: datetime


def read_rules(connection_id: int) -> Rules:
    """Return what the row says now. Raises ConfigError when the connection was deleted."""
    columns = ("name", "writable", "calls_per_minute", "calls_per_day", "max_parallel")
    row = Connection.objects.filter(pk=connection_id).values_list(*columns, Now()).first()
    if row is None:
        raise ConfigError(_("This connection was deleted."))
    return Rules(*row)


def share(limit: int, purpose: Purpose) -> int:
    """Return how much of a limit this purpose may use up: people all of it, background work four fifths, at least one."""
    return limit if purpose == "person" else max(1, limit * 4 // 5)


def spend(connection_id: int, rules: Rules, purpose: Purpose, now: datetime) -> None:
    """Count one call. Raises BudgetSpent with the seconds until the limit opens again, having counted nothing."""
    limits = {"day": rules.calls_per_day, "minute": rules.calls_per_minute}
    set_ones = {window: limit for window, limit in limits.items() if limit is not None}
    if not set_ones:
        return
    with transaction.atomic():  # both or none
        for window, limit in set_ones.items():
            starts = _start(window, now)
            if not _take(connection_id, window, starts, share(limit, purpose)):
                raise _spent(rules, window, limit, (starts + WINDOWS[window] - now).total_seconds())


def spent(connection_id: int, window: str, now: datetime) -> int:
    """Return how many calls were counted in the window ("minute", "day" in UTC) that `now` lies in."""
    row = _row(connection_id, window, _start(window, now)).values_list("calls", flat=True).first()
    return row or 0


def _start(window: str, now: datetime) -> datetime:
    minute = now.replace(second=0, microsecond=0)
    return minute if window == "minute" else minute.replace(hour=0, minute=0)


def _row(connection_id: int, window: str, starts: datetime) -> QuerySet[Spent]:
    return Spent.objects.filter(connection_id=connection_id, window=window, starts_at=starts)


def _take(connection_id: int, window: str, starts: datetime, limit: int) -> bool:
    """Count one call unless the limit is reached. The first call of a window clears the windows long over."""
    counted = _row(connection_id, window, starts)
    if counted.filter(calls__lt=limit).update(calls=F("calls") + 1):
        return True
    if counted.exists():
        return False
    Spent.objects.bulk_create(
        [Spent(connection_id=connection_id, window=window, starts_at=starts)], ignore_conflicts=True
    )
    Spent.objects.filter(
        connection_id=connection_id, window=window, starts_at__lt=starts - 60 * WINDOWS[window]
    ).delete()
    return bool(counted.filter(calls__lt=limit).update(calls=F("calls") + 1))


def _spent(rules: Rules, window: str, limit: int, seconds: float) -> BudgetSpent:
    text = (
        _("“%(name)s” has used its limit of %(limit)d calls per minute (a fifth of it is kept for people).")
        if window == "minute"
        else _("“%(name)s” has used its limit of %(limit)d calls per day (a fifth of it is kept for people).")
    )
    return BudgetSpent(text % {"name": rules.name, "limit": limit}, retry_after=max(1.0, seconds))
