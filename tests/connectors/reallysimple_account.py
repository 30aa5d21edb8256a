"""A simulated Really Simple Systems account as its tests see it: over HTTP only, and with a way behind the API's back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors import connect
from connectors.base import Connector
from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import Seeder
from tests.connectors.counted import RULES, context, observer
from tests.connectors.sandbox_client import Account

__all__ = ["RULES", "context", "observer"]  # what its tests ask for with the rest


class ReallySimpleSeeder(Seeder):
    """Another person at the CRM's own screens."""

    module, field = "contacts", "last"
    needed: dict[str, object] = {"accountid": "1001"}

    def __init__(self, account: Account) -> None:
        self.account = account

    def mutate(self, action: str, module: str, id: str | None = None, **values: Any) -> str:
        return str(self.account.control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def requests(self) -> int:
        return sum(self.account.control("GET", "counters").get("reallysimple", {}).values())

    def put(self, text: str, id: str = "") -> str:
        return self.mutate("update" if id else "create", self.module, id or None, last=text, accountid=1001)

    def put_many(self, texts: Sequence[str]) -> list[str]:
        return self.account.create_all(self.module, [{"last": text, "accountid": 1001} for text in texts])

    def remove(self, id: str) -> None:
        self.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        parent = self.mutate("create", "accounts", name="Parent")
        children = {self.mutate("create", "contacts", last="Child", accountid=int(parent)) for _ in range(3)}
        return "accounts", parent, "contacts", children

    def pick_list(self) -> tuple[str, str]:
        return self.module, "source"

    def stored(self, module: str, id: str) -> dict[str, Any]:
        """Return the record's values as the server keeps them."""
        kept = self.account.control("GET", "records", module=module)
        found: dict[str, Any] = next(record["values"] for record in kept if record["id"] == id)
        return found


def connected(account: Account, context: Context, **changes: str) -> Connector:
    """Return a connector to the server; `changes` replace settings and secrets."""
    given = {**account.secrets, **changes}
    return connect("reallysimple", given, given, context)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("reallysimple",), records=150, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The server, as it was seeded; a test that needs more records has a `sandbox` of its own."""
    fresh = Account(sandbox, "reallysimple")
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()


@pytest.fixture
def seeder(account: Account) -> ReallySimpleSeeder:
    return ReallySimpleSeeder(account)


@pytest.fixture
def crm(account: Account, context: Context) -> Iterator[Connector]:
    crm = connected(account, context)
    yield crm
    crm.close()
