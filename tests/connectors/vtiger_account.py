"""A simulated Vtiger account as its tests see it, over HTTP only and with a way behind the API's back; and what it shares with
Simply CRM, which is built on Vtiger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.sandbox.server import Sandbox
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import ConnectorContract, CountingObserver, Seeder
from tests.connectors.counted import RULES, observer
from tests.connectors.sandbox_client import Account

__all__ = ["RULES", "observer"]  # what its tests ask for with the rest

RECORDS = (
    36  # of the contract's servers: every awkward name is among them, and more are only read again for each filter
)

# What this family of servers keeps otherwise than it was sent, beside what is refused (vtiger-facts).
DIFFERENT = {
    "emoji": "a database of three-byte characters keeps “????” (E11); once seen, they are refused",
    "markup": "a text with a script in it is kept with entities for its signs (E10)",
    "long": "a text is cut at the length of its column, which the server does not tell",
    "tiny": "a number is rounded to the decimals of the API user (E5)",
}


class VtigerAccount(Account):
    """One simulated server of this family: Vtiger, or what is built on it."""

    slug = "vtiger"

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, self.slug)

    def fault(self, fault: str, operation: str = "", **params: Any) -> None:
        """Make the next request of that operation fail so."""
        self.control("POST", "faults", fault=fault, operation=operation, **params)

    def mutate(self, action: str, module: str, id: str | None = None, **values: Any) -> str:
        """Change a record as another person at the CRM's own screens would, and return its id."""
        return str(self.control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def crowd(self, number: int, module: str = "Contacts", **values: Any) -> list[str]:
        """Make so many old records and return the ids of all there are, in their order."""
        stamps = (f"2021-01-01 00:{n // 60 % 60:02}:{n % 60:02}" for n in range(number))
        name = {"Contacts": "lastname", "Assets": "assetname"}[module]
        made = [{name: f"Crowd {n}", "modifiedtime": stamp, **values} for n, stamp in enumerate(stamps)]
        self.control("POST", "mutate", changes=[{"action": "create", "module": module, "values": v} for v in made])
        return [record["id"] for record in self.records(module)]

    def switch(self, **switches: Any) -> None:
        """Turn oddities of the server on or off."""
        self.control("POST", "switches", **switches)

    def records(self, module: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return what the server keeps: id, values, deleted."""
        found: list[dict[str, Any]] = self.control("GET", "records", module=module, deleted="1" if deleted else "")
        return found

    def values(self, module: str, id: str) -> dict[str, Any]:
        """Return what the server keeps of a record, also of a deleted one."""
        found = (record["values"] for record in self.records(module, deleted=True) if record["id"] == id)
        return dict(next(found))

    def asked(self) -> Counter[str]:
        """Return how often each operation was asked since the reset."""
        return Counter(self.control("GET", "counters").get(self.slug, {}))

    def connect(self, context: Context, *without: str, **changes: str) -> VtigerConnector:
        """Return a connector; `without` names the secrets that are left out, `changes` replace settings and secrets."""
        given = {**self.secrets, **dict.fromkeys(without, ""), **changes}
        return VtigerConnector(given, given, context)


class VtigerSeeder(Seeder):
    """Another person at the CRM's own screens."""

    module, field = "Contacts", "lastname"
    needed: dict[str, object] = {}

    def __init__(self, account: VtigerAccount) -> None:
        self.account = account

    def requests(self) -> int:
        return self.account.asked().total()

    def put(self, text: str, id: str = "") -> str:
        return self.account.mutate("update" if id else "create", self.module, id or None, lastname=text)

    def put_many(self, texts: Sequence[str]) -> list[str]:
        return self.account.create_all(self.module, [{"lastname": text} for text in texts])

    def remove(self, id: str) -> None:
        self.account.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        parent = self.account.mutate("create", "Accounts", accountname="Parent")
        contacts = {self.account.mutate("create", "Contacts", lastname="Child", account_id=parent) for _ in range(3)}
        return "Accounts", parent, "Contacts", contacts

    def linkable(self) -> tuple[str, str, str, str]:
        contact, product = self.put("Either"), self.account.mutate("create", "Products", productname="Or")
        return self.module, contact, "Products", product

    def comments(self, id: str) -> list[str]:
        kept = [comment["values"] for comment in self.account.records("ModComments")]
        return [str(values["commentcontent"]) for values in kept if values["related_to"] == id]


class VtigerContract(ConnectorContract):
    """The contract at a server of this family, with credentials left out, settings changed, and the server switched, as the
    subclass says."""

    DIFFERENT = DIFFERENT
    without: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}
    switches: Mapping[str, Any] = {}
    dead: tuple[tuple[str, str], ...] = ()  # operation, and what a request of it holds that this server dies of

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)

    @pytest.fixture
    def crm(self, account: VtigerAccount, context: Context) -> Iterator[Connector]:
        account.switch(**self.switches)
        for operation, held in self.dead:
            account.fault("http_500", operation, contains=held, times=0)
        crm = account.connect(context, *self.without, **self.settings)
        yield crm
        crm.close()

    @pytest.fixture
    def seeder(self, account: VtigerAccount) -> VtigerSeeder:
        return VtigerSeeder(account)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("vtiger",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[VtigerAccount]:
    """The server, as it was seeded."""
    fresh = VtigerAccount(sandbox)
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()
