"""The four ways to a server of Vtiger's family, for tests that hold for each: Vtiger's, and Simply CRM's by both its APIs or one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from connectors.context import Context
from connectors.sandbox.server import Sandbox
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.quick_clock import QuickClock
from tests.connectors.simplycrm_account import KEY, PASSWORD, Simply
from tests.connectors.vtiger_account import RULES, VtigerAccount, observer

__all__ = ["observer"]
OF_MOBILE_API = {"query": "query", "create": "saveRecord", "delete": "deleteRecords", "comment": "addRecordComment"}


@dataclass(frozen=True, slots=True)
class Way:
    """A server, and which secrets are left out on the way to it."""

    account: VtigerAccount
    without: tuple[str, ...] = ()

    def connect(self, observer: CountingObserver, **changes: str) -> VtigerConnector:
        """Return a connector that is logged in and knows the module, so that only what is tested counts."""
        context = Context(observer=observer, network=RULES, clock=QuickClock())
        crm = self.account.connect(context, *self.without, **changes)
        crm.describe("Contacts")
        return crm

    def operation(self, deed: str) -> str:
        """Return what the server calls the operation by which that is done."""
        if self.without == (KEY,):
            return f"mobile.{OF_MOBILE_API[deed]}"
        return "create" if deed == "comment" else deed


WAYS: dict[str, tuple[type[VtigerAccount], tuple[str, ...]]] = {
    "vtiger": (VtigerAccount, ()),
    "simplycrm": (Simply, ()),
    "simplycrm by access key": (Simply, (PASSWORD,)),
    "simplycrm by password": (Simply, (KEY,)),
}


@pytest.fixture(scope="module", params=WAYS)
def built(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A server as it stays for all tests of a module."""
    kind, without = WAYS[request.param]
    with Sandbox((kind.slug,), records=60, seed=3) as running:
        way = Way(kind(running), without)
        yield way
        way.account.close()


@pytest.fixture
def way(built: Way) -> Way:
    """The server, as it was seeded."""
    built.account.control("POST", "reset")
    return replace(built)


@pytest.fixture
def crm(way: Way, observer: CountingObserver) -> Iterator[VtigerConnector]:
    crm = way.connect(observer)
    yield crm
    crm.close()
