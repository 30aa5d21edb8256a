"""SarvCRM keeps the whole contract against a simulated server, and does the right thing when that server does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import ConnectorContract, CountingObserver
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import RULES, account, connected, context, observer, seeder

__all__ = ["account", "observer", "context", "seeder"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=90, seed=3) as running:
        yield running


class TestSarv(ConnectorContract):
    """The contract."""

    DIFFERENT = {"money: tiny": "a number is rounded to the places of its field"}

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)

    @pytest.fixture
    def crm(self, account: Account, context: Context) -> Iterator[Connector]:
        crm = connected(account, context, attachment_call="GetResourceAttachment")  # as this server calls it
        yield crm
        crm.close()


class TestSarvOtherwise(ConnectorContract):
    """The contract again, at a server that does the other thing wherever the document leaves it open."""

    DIFFERENT = TestSarv.DIFFERENT

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)

    @pytest.fixture
    def crm(self, account: Account, context: Context) -> Iterator[Connector]:
        account.control(
            "POST", "switches", error_codes=True, status_as_text=True, http_200=True, id_as_list=True, fields_as="list",
            login_keys=["username"], fields_keys=["select_fields"], largest_page=70, no_records="51", missing_record="",
            options_shape="pairs", multienum_as="list", relations_replace=True, database_zone="Asia/Tehran",
            attachment_as="file", no_column=["email1"], passes_over={"GetRelationship": ["offset", "order_by"]},
        )  # fmt: skip
        crm = connected(account, context, attachment_call="GetResourceAttachment", time_zone="Asia/Tehran")
        yield crm
        crm.close()
