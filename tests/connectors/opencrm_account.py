"""A simulated OpenCRM as its tests see it: over HTTP only, and with a way behind the API's back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.context import Context, MemoryLearned, SystemClock
from connectors.lessons import Lessons
from connectors.opencrm.connector import OpenCrmConnector
from connectors.sandbox.server import Sandbox
from connectors.types import ChangePage
from tests.connectors.contract import Seeder
from tests.connectors.counted import RULES, context, observer
from tests.connectors.sandbox_client import Account

__all__ = ["RULES", "context", "observer"]  # what its tests ask for with the rest


class OpenCrmSeeder(Seeder):
    """Another person at the CRM's own screens."""

    module, field = "contact", "lastname"
    needed: dict[str, object] = {"assigned_user_id": "1"}

    def __init__(self, account: Account) -> None:
        self.account = account

    def mutate(self, action: str, module: str, id: str | None = None, **values: Any) -> str:
        return str(self.account.control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def requests(self) -> int:
        return sum(self.account.control("GET", "counters").get("opencrm", {}).values())

    def put(self, text: str, id: str = "") -> str:
        return self.mutate("update" if id else "create", self.module, id or None, lastname=text, smownerid="1")

    def put_many(self, texts: Sequence[str]) -> list[str]:
        return self.account.create_all(self.module, [{"lastname": text, "smownerid": "1"} for text in texts])

    def remove(self, id: str) -> None:
        self.mutate("delete", self.module, id)

    def linkable(self) -> tuple[str, str, str, str]:
        return "company", self.mutate("create", "company", accountname="Parent"), self.module, self.put("Child")

    def linked(self, id: str, other_id: str) -> bool:
        kept = self.account.control("GET", "records", module="record_links")
        return {id, other_id} in [{str(value) for value in link["values"].values()} for link in kept]

    def with_phone(self, number: str) -> str:
        return self.mutate("create", self.module, lastname="Called", phone=number, smownerid="1")

    def stored(self, module: str, id: str) -> dict[str, Any]:
        """Return the record's values as the server keeps them."""
        kept = self.account.control("GET", "records", module=module)
        found: dict[str, Any] = next(record["values"] for record in kept if str(record["id"]) == id)
        return found


def connected(account: Account, context: Context, **changes: str) -> OpenCrmConnector:
    """Return a connector to the server; `changes` replace settings and secrets."""
    given = {**account.secrets, **changes}
    return OpenCrmConnector(given, given, context)


def crowd(account: Account, count: int, **values: Any) -> list[str]:
    """Put that many contacts there at once; return their ids."""
    change = {"action": "create", "module": "contact", "values": {"lastname": "Crowd", "smownerid": "1", **values}}
    return [str(made["id"]) for made in account.control("POST", "mutate", changes=[change] * count)]


def there(account: Account, module: str = "contact") -> set[str]:
    """Return the ids of all records the server has."""
    return {str(record["id"]) for record in account.control("GET", "records", module=module)}


def ids_in(pages: list[ChangePage]) -> set[str]:
    """Return the ids of all records that have changed."""
    return {change.id for page in pages for change in page.changes}


def no_lessons() -> Lessons:
    """Return what was learned of a server nobody has asked yet."""
    return Lessons(MemoryLearned(), SystemClock())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A server of few records, for tests that need no other number."""
    with Sandbox(("opencrm",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The server, as it was seeded; the test says by its `sandbox` how many records it holds."""
    fresh = Account(sandbox, "opencrm")
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()


@pytest.fixture
def seeder(account: Account) -> OpenCrmSeeder:
    return OpenCrmSeeder(account)


@pytest.fixture
def crm(account: Account, context: Context) -> Iterator[OpenCrmConnector]:
    crm = connected(account, context)
    yield crm
    crm.close()
