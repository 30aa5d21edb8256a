"""A simulated SarvCRM account as its tests see it: over HTTP only, and with a way behind the API's back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.context import Context
from connectors.sandbox.server import Sandbox
from connectors.sarvcrm.connector import SarvConnector
from tests.connectors.contract import Seeder
from tests.connectors.counted import RULES, context, observer
from tests.connectors.sandbox_client import Account

__all__ = ["RULES", "context", "observer"]  # what its tests ask for with the rest


class SarvSeeder(Seeder):
    """Another person at the CRM's own screens."""

    module, field = "Leads", "last_name"
    needed: dict[str, object] = {}

    def __init__(self, account: Account) -> None:
        self.account = account

    def mutate(self, action: str, module: str, id: str | None = None, **values: Any) -> str:
        return str(self.account.control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def requests(self) -> int:
        return sum(self.account.control("GET", "counters").get("sarvcrm", {}).values())

    def put(self, text: str, id: str = "") -> str:
        return self.mutate("update" if id else "create", self.module, id or None, last_name=text)

    def put_many(self, texts: Sequence[str]) -> list[str]:
        return self.account.create_all(self.module, [{"last_name": text} for text in texts])

    def remove(self, id: str) -> None:
        self.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        parent = self.mutate("create", "Accounts", name="Parent")
        children = {self.mutate("create", "Contacts", last_name="Child", account_id=parent) for _ in range(3)}
        return "Accounts", parent, "Contacts", children

    def linkable(self) -> tuple[str, str, str, str]:
        return "Accounts", self.mutate("create", "Accounts", name="Firm"), self.module, self.put("Of the firm")

    def with_phone(self, number: str) -> str:
        return self.mutate("create", self.module, last_name="Caller", numbers=[{"number": number}])

    def comments(self, id: str) -> list[str]:
        notes = [record["values"] for record in self.account.control("GET", "records", module="Notes")]
        return [str(note["description"]) for note in notes if note["parent_id"] == id and not note.get("filename")]

    def stored(self, module: str, id: str) -> dict[str, Any]:
        """Return the record's values as the server keeps them."""
        kept = self.account.control("GET", "records", module=module)
        found: dict[str, Any] = next(record["values"] for record in kept if record["id"] == id)
        return found


def connected(account: Account, context: Context, **changes: str) -> SarvConnector:
    """Return a connector to the server; `changes` replace settings and secrets."""
    given = {**account.secrets, **changes}
    return SarvConnector(given, given, context)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A server of few records, for tests that need no other number."""
    with Sandbox(("sarvcrm",), records=20, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The server, as it was seeded; the test says by its `sandbox` how many records it holds."""
    fresh = Account(sandbox, "sarvcrm")
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()


@pytest.fixture
def seeder(account: Account) -> SarvSeeder:
    return SarvSeeder(account)


@pytest.fixture
def crm(account: Account, context: Context) -> Iterator[SarvConnector]:
    crm = connected(account, context)
    yield crm
    crm.close()
