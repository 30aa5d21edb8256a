"""Vtiger keeps the whole contract against a simulated server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from tests.connectors.contract import ConnectorContract, CountingObserver, Seeder
from tests.connectors.contract.reading import ReadingContract
from tests.connectors.vtiger_server import DIFFERENT, RULES, Server, sandbox, server

__all__ = ["sandbox", "server"]  # fixtures


class VtigerSeeder(Seeder):
    """Another person at the CRM's own screens."""

    module, field = "Contacts", "lastname"
    needed: dict[str, object] = {}

    def __init__(self, server: Server) -> None:
        self.server = server

    def requests(self) -> int:
        return self.server.asked().total()

    def put(self, text: str, id: str = "") -> str:
        return self.server.mutate("update" if id else "create", self.module, id or None, lastname=text)

    def remove(self, id: str) -> None:
        self.server.mutate("delete", self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        account = self.server.mutate("create", "Accounts", accountname="Parent")
        contacts = {self.server.mutate("create", "Contacts", lastname="Child", account_id=account) for _ in range(3)}
        return "Accounts", account, "Contacts", contacts

    def linkable(self) -> tuple[str, str, str, str]:
        contact, product = self.put("Either"), self.server.mutate("create", "Products", productname="Or")
        return self.module, contact, "Products", product

    def comments(self, id: str) -> list[str]:
        kept = [comment["values"] for comment in self.server.ask("GET", "records?module=ModComments")]
        return [str(values["commentcontent"]) for values in kept if values["related_to"] == id]


class TestVtiger(ConnectorContract):
    """The contract."""

    DIFFERENT = DIFFERENT

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


class TestVtigerInAnotherZone(ReadingContract):
    """Filters and orders by time find the same where the server's clocks go forward and back."""

    context = TestVtiger.context
    seeder = TestVtiger.seeder

    @pytest.fixture
    def crm(self, server: Server, context: Context) -> Iterator[Connector]:
        crm = server.connect(context, time_zone="America/New_York")
        yield crm
        crm.close()
