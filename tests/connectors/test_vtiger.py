"""Vtiger keeps the whole contract against a simulated server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.contract.reading import ReadingContract
from tests.connectors.vtiger_account import RECORDS, VtigerContract, account

__all__ = ["account"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("vtiger",), records=RECORDS, seed=3) as running:
        yield running


class TestVtiger(VtigerContract):
    """The contract."""


class TestVtigerOtherwise(VtigerContract):
    """The contract again, at a server mended where a stock one dies, with clocks that go forward and back."""

    switches = {"sync_works": True, "logout_works": True, "sync_all_owners": True}
    settings = {"time_zone": "Asia/Tehran"}


class TestVtigerInAnotherZone(ReadingContract):
    """Filters and orders by time find the same where the server's clocks go forward and back."""

    without, switches, dead = VtigerContract.without, VtigerContract.switches, VtigerContract.dead
    settings = {"time_zone": "America/New_York"}
    context, crm, seeder = VtigerContract.context, VtigerContract.crm, VtigerContract.seeder
