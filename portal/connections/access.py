"""The only door to a CRM for all of the portal. The rule: whoever comes in meets the same read-only lock, limits, places
and record of calls, whether screen, command, sync or webhook."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from connectors import connect, connector_class
from connectors.base import Connector
from connectors.context import (
    Call,
    Context,
    Learned,
    MemoryLearned,
    MemorySessions,
    NetworkRules,
    Outcome,
    SessionStore,
)
from connectors.errors import ReadOnly, Unavailable
from portal.connections.account import grant_is_void
from portal.connections.forms import Kept
from portal.connections.limits import Purpose, share
from portal.connections.models import Connection
from portal.connections.observer import CallObserver
from portal.connections.sessions import DraftSessions, StoredLearned, StoredSessions

LOGIN_PATIENCE: dict[Purpose, float] = {"person": 20.0, "sync": 70.0}  # a web server gives a request 30 s
TEST_DEADLINE = 10.0  # seconds for one call while a person waits for a test
TEST_SECONDS = 15.0  # no call begins after that; together less than the 30 s a web server gives a request


@contextmanager
def open_connector(
    connection: Connection, *, purpose: Purpose, run_id: int | None = None, guard: Callable[[], None] = lambda: None
) -> Iterator[Connector]:
    """Yield the connector of a stored connection; `connector.context.observer.calls` counts its requests. `guard` is asked
    before each of them, from whatever thread, and may raise.

    Raises ConfigError for settings that cannot be right; every call of it may raise any ConnectorError, and RuntimeError
    inside a database transaction.
    """
    observer = CallObserver(connection.pk, purpose, run_id, guard)
    with _network(connection) as network:
        context = Context(
            sessions=StoredSessions(connection.pk, patience=LOGIN_PATIENCE[purpose]),
            learned=StoredLearned(connection),
            observer=observer,
            network=network,
            max_parallel=share(connection.max_parallel, purpose),
        )
        crm = connect(connection.connector, connection.settings, connection.open_secrets(), context)
        try:
            yield crm
        finally:
            crm.close()
            observer.close()


@contextmanager
def open_draft(draft: Connection, secrets: Mapping[str, str], learned: Learned | None = None) -> Iterator[Connector]:
    """Yield the connector of a connection that is not saved: for testing what a person typed. Nothing can be written and
    nothing is stored."""
    with _network(draft) as network:
        network = replace(network, deadline=min(network.deadline, TEST_DEADLINE))
        context = Context(
            sessions=_sessions_of(draft, secrets),
            learned=learned or MemoryLearned(),
            observer=_Tester(),
            network=network,
            max_parallel=1,
        )
        crm = connect(draft.connector, draft.settings, secrets, context)
        try:
            yield crm
        finally:
            crm.close()


@sensitive_variables()
def _sessions_of(draft: Connection, secrets: Mapping[str, str]) -> SessionStore:
    """Return sessions of its own, or with what was granted to the stored connection while its changes leave that valid."""
    stored = Connection.objects.filter(pk=draft.pk).first() if draft.pk else None
    kind = connector_class(draft.connector)
    if stored is None or kind.oauth is None:
        return MemorySessions()
    old = {**stored.settings, **Kept.of(kind, stored).secrets}
    if grant_is_void(kind, old, {**draft.settings, **secrets}):
        return MemorySessions()
    return DraftSessions(stored.pk, patience=TEST_DEADLINE)


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Return one entry of CRM_ALLOWED_NETWORKS; an address alone is a network of one. Raises ValueError."""
    return ip_network(text.strip(), strict=False)


@contextmanager
def _network(connection: Connection) -> Iterator[NetworkRules]:
    """Yield where the connection may go; its own CA certificates lie in a file meanwhile, as the HTTP library wants."""
    rules = NetworkRules(
        allowed_networks=tuple(parse_network(text) for text in settings.CRM_ALLOWED_NETWORKS),
        allow_http=connection.allow_http,
        deadline=settings.CALL_DEADLINE_SECONDS,
    )
    if not connection.ca_bundle.strip():
        yield rules
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(connection.ca_bundle)
        file.flush()
        yield replace(rules, ca_bundle=file.name)


class _Tester:
    """The Observer of a connection that is not stored: reads only, and not for longer than a person waits."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + TEST_SECONDS

    def before(self, call: Call) -> None:
        if call.writes:
            raise ReadOnly(_("A connection that is only being tested writes nothing."))
        if time.monotonic() > self._ends_at:
            raise Unavailable(_("The CRM took too long to answer the test."))

    def after(self, call: Call, outcome: Outcome) -> None:
        pass
