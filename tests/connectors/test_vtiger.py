"""Vtiger keeps the whole contract against a simulated server, and does the right thing when that server does not."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest

from connectors import connect
from connectors.base import Connector
from connectors.context import Context, MemorySessions, NetworkRules
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import ConnectorContract, CountingObserver

RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)


class Server:
    """The simulated server as tests see it: over HTTP only."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url, self.credentials = sandbox.urls["vtiger"], sandbox.credentials["vtiger"]

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """Ask one of the control end points."""
        request = urllib.request.Request(f"{self.url}/_control/{path}", json.dumps(params).encode(), method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, fault: str, operation: str = "", **params: Any) -> None:
        """Make the next request of that operation fail so."""
        self.ask("POST", "faults", fault=fault, operation=operation, **params)

    def mutate(self, action: str, module: str, id: str | None = None, **values: str) -> str:
        """Change a record behind the API's back and return its id."""
        return str(self.ask("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def connect(self, context: Context, **changes: str) -> Connector:
        """Return a connector to the server; `changes` replace settings and secrets."""
        given = {**self.credentials, **changes}
        return connect("vtiger", given, given, context)


class VtigerSeeder:
    """Another person at the CRM's own screens."""

    module, field = "Contacts", "lastname"
    needed: dict[str, object] = {}

    def __init__(self, server: Server) -> None:
        self.server = server

    def put(self, text: str, id: str = "") -> str:
        return self.server.mutate("update" if id else "create", self.module, id or None, lastname=text)

    def remove(self, id: str) -> None:
        self.server.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        account = self.server.mutate("create", "Accounts", accountname="Parent")
        contacts = {self.server.mutate("create", "Contacts", lastname="Child", account_id=account) for _ in range(3)}
        return "Accounts", account, "Contacts", contacts


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("vtiger",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    """The server, as it was seeded."""
    fresh = Server(sandbox)
    fresh.ask("POST", "reset")
    return fresh


class TestVtiger(ConnectorContract):
    """The contract."""

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)

    @pytest.fixture
    def crm(self, server: Server, context: Context) -> Iterator[Connector]:
        crm = server.connect(context)
        yield crm
        crm.close()

    @pytest.fixture
    def seeder(self, server: Server) -> VtigerSeeder:
        return VtigerSeeder(server)
