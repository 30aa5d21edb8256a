"""What the simulated Simply CRM tells of changes: syncModuleRecords, its tokens and what spoils a page. Letters and numbers are those
of the facts about the real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import Phone, fresh

JSON = Any
DENIED = "Permission to perform the operation is denied"


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


def names(phone: Phone, **params: str) -> list[str]:
    rows = phone.result("listModuleRecords", module="Contacts", **params)["records"] or []
    return [r["lastname"] for r in rows]


def synced(phone: Phone, **params: str) -> dict[str, JSON]:
    found: dict[str, JSON] = phone.result("syncModuleRecords", **{"module": "Contacts", "mode": "PUBLIC", **params})[
        "sync"
    ]
    return found


def test_changes_come_in_pages_of_99_counted_from_0_newest_first_with_falling_tokens(phone: Phone) -> None:
    for minute in range(3):
        phone.many(80, modifiedtime=f"2026-11-22 01:0{minute}:00")
    pages = [synced(phone, page=page) for page in ("", "1", "2")]
    assert [len(p["updated"]) for p in pages] == [99, 99, 42]
    assert [p["nextPage"] for p in pages] == [1, 2, 0]
    tokens = [p["nextSyncToken"] for p in pages]
    assert tokens == [tokens[0], tokens[0] - 60, tokens[0] - 120]
    assert len({r["id"] for p in pages for r in p["updated"]}) == 240
    assert pages[0]["updated"][0]["labelFields"] == ["firstname", "lastname"]


def test_a_token_brings_what_changed_after_it_and_what_was_deleted(phone: Phone) -> None:
    gone, changed, _ = phone.many(3, modifiedtime="2026-11-22 01:00:00")
    token = str(synced(phone)["nextSyncToken"])
    assert synced(phone, syncToken=token) == {"nextSyncToken": token, "deleted": [], "updated": [], "nextPage": 0}
    phone.save("Contacts", changed, title="new")
    phone.result("deleteRecords", record=gone[2:])
    after = synced(phone, syncToken=token)
    assert ([r["id"] for r in after["updated"]], after["deleted"]) == ([changed], [gone])
    assert synced(phone, syncToken=token, page="1")["deleted"] == []
    assert synced(phone)["deleted"] == []


def test_what_changes_in_the_second_of_the_token_is_never_told(phone: Phone) -> None:
    phone.many(1, modifiedtime="2026-11-22 01:00:00")
    token = str(synced(phone)["nextSyncToken"])
    phone.many(1, modifiedtime="2026-11-22 01:00:00")
    assert synced(phone, syncToken=token)["updated"] == []


def test_private_changes_are_one_s_own_and_public_ones_everybody_s(phone: Phone) -> None:
    phone.many(2)
    phone.many(3, assigned_user_id="20x2")
    sizes = [len(synced(phone, mode=mode)["updated"]) for mode in ("", "PRIVATE", "PUBLIC")]
    assert sizes == [2, 2, 5]


def test_changes_leave_custom_fields_out_until_the_server_shows_them(phone: Phone) -> None:
    phone.many(1, cf_921="Gold")

    def custom() -> list[JSON]:
        found: list[JSON] = synced(phone)["updated"][0]["blocks"][2]["fields"]
        return found

    assert custom() == []
    phone.switch(sync_custom_fields=True)
    assert {f["name"]: f["value"] for f in custom()}["cf_921"] == "Gold"


def test_a_token_that_is_no_number_kills_the_answer_and_one_in_milliseconds_brings_everything(phone: Phone) -> None:
    phone.many(2)
    assert phone.post("syncModuleRecords", module="Contacts", syncToken="abc").status_code == 500
    late = str(int(time.time() + 3600) * 1000)
    found = synced(phone, syncToken=late)
    assert (len(found["updated"]), found["nextSyncToken"]) == (2, late)


def test_one_record_whose_owner_is_gone_spoils_its_whole_page(phone: Phone) -> None:
    fine = phone.many(2)
    phone.many(1, assigned_user_id="9999")
    refused = {"code": "ACCESS_DENIED", "message": f"{DENIED} for id"}
    assert phone.error("syncModuleRecords", module="Contacts", mode="PUBLIC") == refused
    assert phone.error("queryWithGrouping", query="SELECT * FROM Contacts") == refused
    assert [phone.flat(ws_id)["id"] for ws_id in fine] == fine
    assert len(names(phone)) == 3


def test_a_converted_lead_is_told_as_deleted(phone: Phone) -> None:
    lead, crm = phone.made("Leads", company="Co"), phone.account
    token = str(int(time.time()) - 60)
    crm.login()
    entities = {"Accounts": {"create": True, "name": "Accounts", "accountname": "Co"}}
    answer = crm.write("convertlead", {"leadId": lead, "assignedTo": "19x1", "entities": entities})
    assert answer["result"]["Accounts"].startswith("3x")
    assert synced(phone, module="Leads", syncToken=token)["deleted"] == [lead]


def test_with_private_sharing_others_records_are_in_no_list(phone: Phone) -> None:
    hidden = phone.many(2)
    user = {"user_name": "ina", "user_password": "p-1", "confirm_password": "p-1", "last_name": "I", "roleid": "H2"}
    ina = phone.save("Users", **user, email1="i@x.test")["result"]["record"]["id"]
    own = phone.many(1, assigned_user_id=ina)
    phone.switch(private_sharing=True)
    phone.login("ina", "p-1")
    assert [f"4x{r['id']}" for r in phone.result("listModuleRecords", module="Contacts")["records"]] == own
    assert [r["id"] for r in synced(phone)["updated"]] == own
    assert [r["id"] for r in phone.result("query", query="SELECT id FROM Contacts")["records"]] == own
    assert "read given object" in phone.error("fetchRecord", record=hidden[0])["message"]
    assert phone.result("deleteRecords", record=hidden[0][2:]) == {"deleted": {hidden[0][2:]: False}}


def test_times_are_those_of_the_server_s_zone_which_the_sign_in_tells(phone: Phone) -> None:
    phone.account.control("POST", "clock", shift_seconds=0, zone="Asia/Tehran")
    login = phone.result("login", username="admin", password=phone.account.secrets["password"])["login"]
    assert login["crm_tz"] == "Asia/Tehran"
    record = phone.made()
    token = synced(phone)["nextSyncToken"]
    assert abs(token - time.time()) < 60
    assert phone.flat(record)["modifiedtime"] > time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 3 * 3600))
