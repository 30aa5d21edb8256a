"""OpenCRM keeps the whole contract against a simulated server, and does the right thing when that server does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import ConnectorContract, CountingObserver
from tests.connectors.opencrm_account import RULES, OpenCrmSeeder, connected
from tests.connectors.sandbox_client import Account


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=150, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The server, as it was seeded."""
    fresh = Account(sandbox, "opencrm")
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
def seeder(account: Account) -> OpenCrmSeeder:
    return OpenCrmSeeder(account)


@pytest.fixture
def crm(account: Account, context: Context) -> Iterator[Connector]:
    crm = connected(account, context)
    yield crm
    crm.close()


class TestOpenCrm(ConnectorContract):
    """The contract."""

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)


class TestOpenCrmOtherwise(ConnectorContract):
    """The contract again, at a server that does the other thing wherever the documents leave it open."""

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)

    @pytest.fixture
    def crm(self, account: Account, context: Context) -> Iterator[Connector]:
        account.control(
            "POST", "switches", login_reply="object", edit_reply="mixed", count_reply="text", limit_end="count",
            greater="ignored", unknown_field="everything", missing_record="null", full_crmid=True, edit_error="object",
        )  # fmt: skip
        crm = connected(account, context, auth="login", time_zone="Asia/Tehran")
        yield crm
        crm.close()
