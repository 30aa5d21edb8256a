"""Who may log in now, or holds a place for a call: rows of `Lock`, claimed by one conditional update, expiring by the
database's clock, and at once when their holder was a process of this machine that is gone. A lock is never taken inside a caller's transaction: nobody else would see it."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

from django.db import connection as database
from django.db.models import Q
from django.db.models.functions import Now

from portal.connections.living import machine, start_of, this_process
from portal.connections.models import Lock


def refuse_in_transaction() -> None:
    """Raise RuntimeError when this thread is inside a database transaction (the one a test is wrapped in does not count):
    a CRM may take half a minute to answer, and everybody else would wait for our locks."""
    if any(not getattr(block, "_from_testcase", False) for block in database.atomic_blocks):
        raise RuntimeError("A CRM must not be asked inside a database transaction: leave the transaction first.")


@contextmanager
def visiting(home: int) -> Iterator[None]:
    """Use the database from a thread that may not be the `home` one; a guest leaves no open connection behind."""
    try:
        yield
    finally:
        if threading.get_ident() != home:
            database.close()


def new_holder() -> str:
    """Return a name for one holding of a lock, unique over machines: machine, process, its start, and a number."""
    pid, started = this_process()
    return f"{_machine()}:{pid}:{started}:{uuid.uuid4().hex[:12]}"


def claim(connection_id: int, name: str, holder: str, seconds: float) -> bool:
    """Take the lock for some seconds if nobody holds it; say whether it is ours now."""
    lock = Lock.objects.filter(connection_id=connection_id, name=name)
    free = lock.filter(Q(holder="") | Q(expires_at__lte=Now()))
    until = Now() + timedelta(seconds=seconds)
    if free.update(holder=holder, expires_at=until):
        return True
    last = lock.values_list("holder", flat=True).first()
    if last is not None:
        return _is_dead(last) and bool(lock.filter(holder=last).update(holder=holder, expires_at=until))
    Lock.objects.bulk_create([Lock(connection_id=connection_id, name=name)], ignore_conflicts=True)
    return bool(free.update(holder=holder, expires_at=until))


def release(connection_id: int, name: str, holder: str) -> None:
    """Give the lock back; does nothing when it expired and somebody else has it."""
    Lock.objects.filter(connection_id=connection_id, name=name, holder=holder).update(holder="", expires_at=None)


def held(connection_id: int) -> set[str]:
    """Return the names of this connection's locks that somebody holds now."""
    taken = Lock.objects.filter(connection_id=connection_id, expires_at__gt=Now()).exclude(holder="")
    return {name for name, holder in taken.values_list("name", "holder") if not _is_dead(holder)}


def _is_dead(holder: str) -> bool:
    """Say whether the holder was a process of this machine that lives no more."""
    where, *process = holder.split(":")
    return len(process) == 3 and where != "" and where == _machine() and start_of(int(process[0])) != process[1]


@cache
def _machine() -> str:
    """Return this machine in short; "" where nobody can say which processes live."""
    found = machine()
    return hashlib.blake2s(found.encode(), digest_size=6).hexdigest() if found else ""
