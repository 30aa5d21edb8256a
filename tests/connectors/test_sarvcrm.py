"""SarvCRM keeps the whole contract against a simulated server, and does the right thing when that server does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import ConnectorContract, CountingObserver
from tests.connectors.sarvcrm_account import RULES, account, context, crm, observer, seeder

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=150, seed=3) as running:
        yield running


class TestSarv(ConnectorContract):
    """The contract."""

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)
