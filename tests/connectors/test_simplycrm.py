"""Simply CRM keeps the whole contract against a simulated server, whichever of its two APIs is open to us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from tests.connectors.contract import ConnectorContract, CountingObserver
from tests.connectors.simplycrm_account import RULES, Simply, SimplySeeder, account, sandbox
from tests.connectors.vtiger_server import DIFFERENT

__all__ = ["account", "sandbox"]  # fixtures


class TestSimplyCrm(ConnectorContract):
    """The contract, with both APIs."""

    DIFFERENT = DIFFERENT
    without: tuple[str, ...] = ()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)

    @pytest.fixture
    def crm(self, account: Simply, context: Context) -> Iterator[Connector]:
        crm = account.connect(context, *self.without)
        yield crm
        crm.close()

    @pytest.fixture
    def seeder(self, account: Simply) -> SimplySeeder:
        return SimplySeeder(account)


class TestSimplyCrmByTheMobileApi(TestSimplyCrm):
    """The same with the password only: reading and writing go by the mobile API."""

    without = ("access_key",)


class TestSimplyCrmByTheWebservice(TestSimplyCrm):
    """The same with the access key only."""

    without = ("password",)
