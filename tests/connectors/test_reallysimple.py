"""Really Simple Systems keeps the whole contract against a simulated server, and does the right thing when that server
does not."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest

from connectors import connect
from connectors.base import Connector
from connectors.context import Context, NetworkRules
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import ConnectorContract, CountingObserver
from tests.connectors.sandbox_client import Account

RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)


class ReallySimpleSeeder:
    """Another person at the CRM's own screens."""

    module, field = "contacts", "last"
    needed: dict[str, object] = {"accountid": "1001"}

    def __init__(self, account: Account) -> None:
        self.account = account

    def mutate(self, action: str, module: str, id: str | None = None, **values: Any) -> str:
        return str(self.account.control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def put(self, text: str, id: str = "") -> str:
        return self.mutate("update" if id else "create", self.module, id or None, last=text, accountid=1001)

    def remove(self, id: str) -> None:
        self.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        parent = self.mutate("create", "accounts", name="Parent")
        children = {self.mutate("create", "contacts", last="Child", accountid=int(parent)) for _ in range(3)}
        return "accounts", parent, "contacts", children


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("reallysimple",), records=150, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The server, as it was seeded."""
    fresh = Account(sandbox, "reallysimple")
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def context(observer: CountingObserver) -> Context:
    return Context(observer=observer, network=RULES)


@pytest.fixture
def seeder(account: Account) -> ReallySimpleSeeder:
    return ReallySimpleSeeder(account)


def connected(account: Account, context: Context, **changes: str) -> Connector:
    """Return a connector to the server; `changes` replace settings and secrets."""
    given = {**account.secrets, **changes}
    return connect("reallysimple", given, given, context)


@pytest.fixture
def crm(account: Account, context: Context) -> Iterator[Connector]:
    crm = connected(account, context)
    yield crm
    crm.close()


class TestReallySimple(ConnectorContract):
    """The contract."""

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)
