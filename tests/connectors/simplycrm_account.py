"""A simulated Simply CRM as its tests see it: over HTTP only, with a way behind the API's back, and three kinds of connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.context import Context
from connectors.sandbox.server import Sandbox
from connectors.simplycrm.connector import SimplyCrmConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.vtiger_account import RULES, VtigerAccount, observer

__all__ = ["RULES", "observer"]
KEY, PASSWORD = "access_key", "password"  # the secrets, either of which may be left out


class Simply(VtigerAccount):
    """One simulated server."""

    slug = "simplycrm"

    def connect(self, context: Context, *without: str, **changes: str) -> SimplyCrmConnector:
        given = {**self.secrets, **dict.fromkeys(without, ""), **changes}
        return SimplyCrmConnector(given, given, context)


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
def crm(account: Simply, observer: CountingObserver) -> SimplyCrmConnector:
    """A connector with both APIs."""
    return account.connect(Context(observer=observer, network=RULES))


@pytest.fixture
def mobile(account: Simply, observer: CountingObserver) -> SimplyCrmConnector:
    """A connector with the password only."""
    return account.connect(Context(observer=observer, network=RULES), KEY)
