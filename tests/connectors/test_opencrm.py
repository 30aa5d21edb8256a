"""OpenCRM keeps the whole contract against a simulated server, and does the right thing when that server does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import ConnectorContract, CountingObserver
from tests.connectors.opencrm_account import RULES, account, connected, context, crm, observer, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=100, seed=3) as running:
        yield running


class TestOpenCrm(ConnectorContract):
    """The contract."""

    DIFFERENT = {
        "long": "a text is cut at the length of its column, which nothing tells",
        "long lines": "the same",
    }

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)


class TestOpenCrmOtherwise(ConnectorContract):
    """The contract again, at a server that does the other thing wherever the documents leave it open."""

    DIFFERENT = TestOpenCrm.DIFFERENT

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
            greater="ignored", unknown_field="everything", full_crmid=True, edit_error="object",
        )  # fmt: skip
        crm = connected(account, context, auth="login", time_zone="Asia/Tehran")
        yield crm
        crm.close()
