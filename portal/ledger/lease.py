"""Who may work on something now. The rule: a number that grows with every taking fences off whoever was thought dead;
expiry is judged by the database's clock alone, so machines whose clocks differ agree."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, F, Func
from django.db.models.sql.compiler import SQLCompiler

from portal.connections.living import machine, start_of, this_process
from portal.ledger.models import Lease

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux: goes on while the machine sleeps


class LeaseLost(Exception):
    """Somebody else may be working on this by now: stop at once, write nothing."""


class DatabaseClock(Func):
    """The database's own time as SQL, `seconds` from now; moves on inside a transaction too."""

    output_field = DateTimeField()

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self.seconds = float(seconds)

    def as_sql(self, compiler: SQLCompiler, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        if connection.vendor == "sqlite":
            return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s)", [f"{self.seconds:+.3f} seconds"]
        return "(CLOCK_TIMESTAMP() + MAKE_INTERVAL(secs => %s))", [self.seconds]


@dataclass(slots=True)
class Held:
    """A lease in our hands. `until` is by this machine's clock that also runs while it sleeps, and errs to the early side."""

    name: str
    number: int
    seconds: float
    until: float
    is_checked: bool = False  # inside `fenced`: its one check holds for the whole transaction

    def renew(self) -> None:
        """Hold it for `seconds` from now. Raises LeaseLost when it ran out or was taken."""
        until = time.clock_gettime(_CLOCK) + self.seconds
        if not _ours(self).update(expires_at=DatabaseClock(self.seconds)):
            raise LeaseLost(f"The lease “{self.name}” is no longer ours.")
        self.until = until

    def outlast(self, seconds: float) -> None:
        """Make sure that it is ours for so long: renew it when less is left. Raises LeaseLost."""
        if self.seconds_left() < seconds:
            self.renew()

    def release(self) -> None:
        """Give it back; does nothing when it is no longer ours."""
        Lease.objects.filter(name=self.name, number=self.number).update(host="", expires_at=None)

    def forget(self) -> None:
        """Give it back for good, when nothing of that name will ever be worked on again."""
        Lease.objects.filter(name=self.name, number=self.number).delete()

    def seconds_left(self) -> float:
        """Return how long it is surely ours; never negative. Asks no database: sender threads call it."""
        return max(0.0, self.until - time.clock_gettime(_CLOCK))


def take(name: str, seconds: float | None = None) -> Held | None:
    """Return the lease, or None while somebody living has it. A dead process of this host loses it at once, another
    host's at its expiry. `seconds` defaults to LEASE_SECONDS."""
    seconds = settings.LEASE_SECONDS if seconds is None else seconds
    until = time.clock_gettime(_CLOCK) + seconds
    Lease.objects.bulk_create([Lease(name=name)], ignore_conflicts=True)
    lease = Lease.objects.annotate(now=DatabaseClock()).get(name=name)
    if lease.host and lease.expires_at and lease.expires_at > lease.now and not _is_dead(lease):
        return None
    pid, started = this_process()
    taken = Lease.objects.filter(name=name, number=lease.number).update(
        number=F("number") + 1,
        host=_host(),
        boot_id=machine(),
        pid=pid,
        process_started=started,
        taken_at=DatabaseClock(),
        expires_at=DatabaseClock(seconds),
    )
    return Held(name, lease.number + 1, seconds, until) if taken else None


def is_free(name: str) -> bool:
    """Say whether nobody living holds the lease now."""
    lease = Lease.objects.annotate(now=DatabaseClock()).filter(name=name, expires_at__gt=DatabaseClock()).first()
    return lease is None or not lease.host or _is_dead(lease)


def renewing(leases: Sequence[Held]) -> Callable[[], None]:
    """Return what is to be asked before each request to a CRM: it makes sure that the leases held by then outlast it, however
    slowly the answers before came. Raises LeaseLost."""

    def renew() -> None:
        for held in tuple(leases):
            held.outlast(settings.CALL_DEADLINE_SECONDS)

    return renew


@contextmanager
def fenced(held: Held | None, *, durable: bool = False) -> Iterator[None]:
    """One transaction whose writes happen only while the lease is ours; raises LeaseLost else. None: a person's own
    doing, which needs no lease. `durable` survives a power cut on SQLite too (synchronous=FULL for this one commit)."""
    with _full_sync(durable), transaction.atomic(savepoint=False):
        if held is None or held.is_checked:
            yield
            return
        if connection.vendor == "postgresql":  # a stopped process must not keep the row lock for ever
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{int(held.seconds * 1000)}ms'")
        if not _ours(held).update(number=F("number")):
            raise LeaseLost(f"The lease “{held.name}” is no longer ours.")
        held.is_checked = True
        try:
            yield
        finally:
            held.is_checked = False


def _ours(held: Held) -> Any:
    return Lease.objects.filter(name=held.name, number=held.number, expires_at__gt=DatabaseClock())


@contextmanager
def _full_sync(wanted: bool) -> Iterator[None]:
    if not wanted or connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            cursor.execute("PRAGMA synchronous=NORMAL")


def _host() -> str:
    return socket.gethostname()[:100]


def _is_dead(lease: Lease) -> bool:
    """Say whether the holder surely lives no more: only ever of this host, and only where /proc tells."""
    ours = machine()
    if lease.host != _host() or not ours or not lease.boot_id:
        return False
    if lease.boot_id.split()[0] != ours.split()[0]:
        return True
    return lease.boot_id == ours and start_of(lease.pid) != lease.process_started
