"""Who may log in now, or holds a place for a call: rows of `Lock`, claimed by one conditional update, expiring by the
database's clock. A lock is never taken inside a caller's transaction: nobody else would see it."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection as database
from django.db.models import Q
from django.db.models.functions import Now

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
    """Return a name for one holding of a lock, unique over machines."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def claim(connection_id: int, name: str, holder: str, seconds: float) -> bool:
    """Take the lock for some seconds if nobody holds it; say whether it is ours now."""
    lock = Lock.objects.filter(connection_id=connection_id, name=name)
    free = lock.filter(Q(holder="") | Q(expires_at__lte=Now()))
    until = Now() + timedelta(seconds=seconds)
    if free.update(holder=holder, expires_at=until):
        return True
    if lock.exists():
        return False
    Lock.objects.bulk_create([Lock(connection_id=connection_id, name=name)], ignore_conflicts=True)
    return bool(free.update(holder=holder, expires_at=until))


def release(connection_id: int, name: str, holder: str) -> None:
    """Give the lock back; does nothing when it expired and somebody else has it."""
    Lock.objects.filter(connection_id=connection_id, name=name, holder=holder).update(holder="", expires_at=None)


def held(connection_id: int) -> set[str]:
    """Return the names of this connection's locks that somebody holds now."""
    return set(
        Lock.objects.filter(connection_id=connection_id, expires_at__gt=Now())
        .exclude(holder="")
        .values_list("name", flat=True)
    )
