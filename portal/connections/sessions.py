"""What a connector keeps between calls, shared by all processes: login sessions, sealed, and what it learned about the
server. The rule: one login at a time per connection, because a second challenge spoils the first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from connectors.context import MemorySessions
from connectors.errors import Unavailable
from connectors.oauth import GRANT
from connectors.types import JSON
from portal.connections.locks import claim, new_holder, refuse_in_transaction, release, visiting
from portal.connections.models import Connection, Session

LOGIN_SECONDS = 60.0  # longer than logins take; then a process that died in one no longer stands in the way
POLL_SECONDS = 0.1


class StoredSessions:
    """The SessionStore of connectors.context, in the database. A token read once is remembered until it is dropped."""

    def __init__(self, connection_id: int, *, patience: float = LOGIN_SECONDS + 10) -> None:
        self._connection_id = connection_id
        self._patience = patience  # seconds to wait for somebody else's login
        self._home = threading.get_ident()
        self._known: dict[str, str] = {}

    def get(self, slot: str) -> str | None:
        """Return the token kept, or None."""
        if slot not in self._known:
            with visiting(self._home):
                row = self._row(slot)
                if row is not None and (token := _open(row)):
                    self._known[slot] = token
        return self._known.get(slot)

    def put(self, slot: str, token: str) -> None:
        """Keep this token, sealed."""
        with visiting(self._home):
            Session.objects.update_or_create(
                connection_id=self._connection_id, slot=slot, defaults={"token": {"token": token}}
            )
        self._known[slot] = token

    def drop(self, slot: str, token: str) -> None:
        """Forget the token, here, and for all if it is still this one."""
        if self._known.get(slot) == token:
            self._known.pop(slot, None)
        with visiting(self._home):
            row = self._row(slot)
            if row is not None and _open(row) == token:
                Session.objects.filter(pk=row.pk, token=row.token).delete()  # not one put there since

    @contextmanager
    def login(self) -> Iterator[None]:
        """Hold while logging in; waits for whoever is at it. Raises Unavailable when that takes too long."""
        refuse_in_transaction()
        holder, give_up = new_holder(), time.monotonic() + self._patience
        while not self._claim(holder):
            if time.monotonic() > give_up:
                text = _("Another process has been logging in to this CRM for too long. Try again in a minute.")
                raise Unavailable(text, retry_after=30.0)
            time.sleep(POLL_SECONDS)
        self._known.clear()  # somebody may have logged in while we waited
        try:
            yield
        finally:
            with visiting(self._home):
                release(self._connection_id, "login", holder)

    def _claim(self, holder: str) -> bool:
        with visiting(self._home):
            return claim(self._connection_id, "login", holder, LOGIN_SECONDS)

    def _row(self, slot: str) -> Session | None:
        return Session.objects.filter(connection_id=self._connection_id, slot=slot).first()


class DraftSessions(MemorySessions):
    """Of a stored connection that is tested with changes not saved yet: logins are its own, what the CRM granted at its own
    pages is the stored one's, which may have to be renewed meanwhile."""

    def __init__(self, connection_id: int, *, patience: float) -> None:
        super().__init__()
        self._stored = StoredSessions(connection_id, patience=patience)

    def get(self, slot: str) -> str | None:
        return self._stored.get(slot) if slot == GRANT else super().get(slot)

    def put(self, slot: str, token: str) -> None:
        if slot == GRANT:
            self._stored.put(slot, token)
        else:
            super().put(slot, token)

    @contextmanager
    def login(self) -> Iterator[None]:
        with super().login(), self._stored.login():
            yield


def _open(row: Session) -> str:
    sealed: Any = row.token
    return str(sealed.open().get("token", ""))


class StoredLearned:
    """The Learned of connectors.context, in the connection's row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._home = threading.get_ident()

    def get(self, name: str) -> JSON:
        """Return what was learned, or None."""
        return self._connection.learned.get(name)

    def set(self, name: str, value: JSON) -> None:
        """Remember it, beside what other processes learned meanwhile."""
        if name in self._connection.learned and self._connection.learned[name] == value:
            return
        with visiting(self._home), transaction.atomic():
            row = Connection.objects.select_for_update().only("learned").get(pk=self._connection.pk)
            row.learned[name] = value
            row.save(update_fields=["learned"])
        self._connection.learned = row.learned
