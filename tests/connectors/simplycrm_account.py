"""A simulated Simply CRM as its tests see it: over HTTP only, with a way behind the API's back, and three kinds of connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest

from connectors.context import Context, NetworkRules
from connectors.sandbox.server import Sandbox
from connectors.simplycrm.connector import SimplyCrmConnector
from tests.connectors.contract import CountingObserver, Seeder
from tests.connectors.sandbox_client import Account

RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)
KEY, PASSWORD = "access_key", "password"  # the secrets, either of which may be left out


class Simply(Account):
    """One simulated server."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, "simplycrm")

    def mutate(self, action: str, module: str, id: str | None = None, **values: Any) -> str:
        """Change a record as another person at the CRM's own screens would, and return its id."""
        return str(self.control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def fault(self, fault: str, operation: str = "", **params: Any) -> None:
        """Make the next request of that operation fail so."""
        self.control("POST", "faults", fault=fault, operation=operation, **params)

    def switch(self, **switches: Any) -> None:
        """Turn oddities of the server on or off."""
        self.control("POST", "switches", **switches)

    def asked(self) -> Counter[str]:
        """Return how often each operation was asked since the reset."""
        return Counter(self.control("GET", "counters").get("simplycrm", {}))

    def values(self, module: str, id: str) -> dict[str, Any]:
        """Return what the server keeps of a record."""
        found: dict[str, Any] = next(
            record["values"] for record in self.control("GET", "records", module=module) if record["id"] == id
        )
        return found

    def connect(self, context: Context, *without: str, **changes: str) -> SimplyCrmConnector:
        """Return a connector; `without` names the secrets that are left out, `changes` replace settings and secrets."""
        given = {**self.secrets, **dict.fromkeys(without, ""), **changes}
        return SimplyCrmConnector(given, given, context)


class SimplySeeder(Seeder):
    """Another person at the CRM's own screens."""

    module, field = "Contacts", "lastname"
    needed: dict[str, object] = {}

    def __init__(self, account: Simply) -> None:
        self.account = account

    def requests(self) -> int:
        return self.account.asked().total()

    def put(self, text: str, id: str = "") -> str:
        return self.account.mutate("update" if id else "create", self.module, id or None, lastname=text)

    def remove(self, id: str) -> None:
        self.account.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        parent = self.account.mutate("create", "Accounts", accountname="Parent")
        children = {
            self.account.mutate("create", "Contacts", lastname="Child", account_id=parent) for _number in range(3)
        }
        return "Accounts", parent, "Contacts", children

    def linkable(self) -> tuple[str, str, str, str]:
        contact, product = self.put("Either"), self.account.mutate("create", "Products", productname="Or")
        return self.module, contact, "Products", product

    def comments(self, id: str) -> list[str]:
        kept = [comment["values"] for comment in self.account.control("GET", "records", module="ModComments")]
        return [str(values["commentcontent"]) for values in kept if values["related_to"] == id]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("simplycrm",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Simply]:
    """The server, as it was seeded."""
    fresh = Simply(sandbox)
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: Simply, observer: CountingObserver) -> SimplyCrmConnector:
    """A connector with both APIs."""
    return account.connect(Context(observer=observer, network=RULES))


@pytest.fixture
def mobile(account: Simply, observer: CountingObserver) -> SimplyCrmConnector:
    """A connector with the password only."""
    return account.connect(Context(observer=observer, network=RULES), KEY)
