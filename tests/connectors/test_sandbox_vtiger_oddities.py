"""What the simulated Vtiger does only when told so: rows nobody may see, a database that fails, custom modules. Letters and numbers
are those of the facts about the real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.custom_modules import GUARANTEES, UNLISTED
from tests.connectors.vtiger_account import VtigerAccount


@pytest.fixture(scope="module")
def running() -> Iterator[VtigerAccount]:
    with Sandbox(["vtiger"], records=8) as sandbox:
        account = VtigerAccount(sandbox)
        yield account
        account.close()


@pytest.fixture
def account(running: VtigerAccount) -> VtigerAccount:
    running.control("POST", "reset")
    running.login()
    return running


def test_rows_nobody_may_see_are_lost_after_limit_and_counted_all_the_same(account: VtigerAccount) -> None:
    """C16."""
    ids = [record["id"] for record in account.records("Contacts")]
    account.switch(unseen={"Contacts": ids[1:4]})
    found = account.result("SELECT id FROM Contacts ORDER BY id LIMIT 4;")
    assert [row["id"] for row in found] == ids[:1]
    assert account.result("SELECT count(*) FROM Contacts;") == [{"count": "8"}]
    refused = account.get(operation="retrieve", sessionName=account.session, id=ids[1])
    assert refused["error"]["message"] == "Permission to read given object is denied"


def test_a_database_that_fails_reads_as_no_rows_as_often_as_told(account: VtigerAccount) -> None:
    """C5."""
    account.switch(database_fails=1)
    assert account.result("SELECT id FROM Contacts ORDER BY id LIMIT 4;")  # only what is narrowed meets it
    narrowed = "SELECT id FROM Contacts WHERE id > '12x1' ORDER BY id LIMIT 4;"
    assert account.result(narrowed) == []
    assert len(account.result(narrowed)) == 4


def test_a_relation_brings_a_hundred_rows_at_most(account: VtigerAccount) -> None:
    """D18, C2."""
    parent = account.mutate("create", "Accounts", accountname="Parent")
    account.crowd(120, account_id=parent)
    asked = {"id": parent, "relatedType": "Contacts", "relatedLabel": "Contacts"}
    found = account.get(operation="retrieve_related", sessionName=account.session, **asked)["result"]
    assert len(found) == 100


def test_a_custom_module_is_described_also_when_it_is_not_listed(account: VtigerAccount) -> None:
    account.switch(custom_modules=[GUARANTEES, UNLISTED])
    listed = account.get(operation="listtypes", sessionName=account.session)["result"]
    assert "Zemanatha" in listed["types"] and "Makhfi" not in listed["types"]
    assert listed["information"]["Zemanatha"]["label"] == "ضمانت‌نامه‌ها"
    for name, prefix in (("Zemanatha", "71"), ("Makhfi", "72")):
        told = account.get(operation="describe", sessionName=account.session, elementType=name)["result"]
        assert (told["idPrefix"], told["fields"][0]["label"]) == (prefix, "عنوان")
        made = account.write("create", {"onvan": "الف", "assigned_user_id": "19x1"}, name)["result"]
        assert made["id"].startswith(f"{prefix}x") and made["onvan"] == "الف"
    account.control("POST", "reset")
    account.login()
    assert "Zemanatha" not in account.get(operation="listtypes", sessionName=account.session)["result"]["types"]
