"""Simply CRM keeps the whole contract against a simulated server, whichever of its two APIs is open to us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.simplycrm_account import KEY, PASSWORD, account
from tests.connectors.vtiger_account import RECORDS, VtigerContract

__all__ = ["account"]  # fixtures
# What the vendor's document says, or a server of this lineage does, otherwise than the simulated one by itself.
OTHERWISE = {
    "documented_spelling": True,
    "search_ignored": True,
    "filter_count_dies": True,
    "sync_custom_fields": True,
    "query_entities_only": True,
    "users_can_be_made": False,
    "sync_works": False,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("simplycrm",), records=RECORDS, seed=3) as running:
        yield running


class TestSimplyCrm(VtigerContract):
    """The contract, with both APIs."""


class TestSimplyCrmByTheMobileApi(VtigerContract):
    """The same with the password only: reading and writing go by the mobile API."""

    without = (KEY,)


class TestSimplyCrmByTheWebservice(VtigerContract):
    """The same with the access key only."""

    without = (PASSWORD,)


class TestSimplyCrmOtherwise(VtigerContract):
    """The same with both, at a server that does the other thing wherever document and servers disagree."""

    switches = OTHERWISE
    settings = {"time_zone": "Asia/Tehran"}


class TestSimplyCrmByTheMobileApiOtherwise(VtigerContract):
    """The same with the password only, where the mobile API neither counts nor tells deletions nor sections."""

    without = (KEY,)
    switches = OTHERWISE
    dead = (("mobile.query", "count(*)"), ("mobile.syncModuleRecords", ""), ("mobile.fetchRecordWithGrouping", ""))
