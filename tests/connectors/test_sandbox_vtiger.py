"""What the simulated Vtiger does over several requests, where no single recorded exchange can pin it; the letters and numbers
are those of the facts about the real server."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

FOLDER = Path(__file__).parent / "exchanges" / "vtiger"
OWNED = {"assigned_user_id": "19x1"}


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["vtiger"], records=0) as sandbox:
        account = Account(sandbox, "vtiger")
        yield account
        account.close()


@pytest.fixture
def crm(running: Account) -> Account:
    running.control("POST", "reset")
    running.login()
    return running


def made(crm: Account, module: str = "Contacts", **values: Any) -> dict[str, Any]:
    name = {"Contacts": "lastname", "Accounts": "accountname", "Leads": "lastname", "Products": "productname"}[module]
    return crm.write("create", {name: "Somebody", **OWNED, **values}, module)["result"]


def many(crm: Account, count: int, **values: Any) -> None:
    changes = [
        {"action": "create", "module": "Contacts", "values": {"lastname": f"N{n}", **values}} for n in range(count)
    ]
    crm.control("POST", "mutate", changes=changes)


def ids(crm: Account, query: str) -> list[str]:
    return [row["id"] for row in crm.result(query)]


def retrieved(crm: Account, ws_id: str) -> dict[str, Any]:
    return crm.get(operation="retrieve", sessionName=crm.session, id=ws_id)["result"]


@pytest.mark.parametrize(
    "row", json.loads((FOLDER / "roundtrip_matrix.json").read_text()), ids=lambda row: row["sent"][:20]
)
def test_texts_come_back_as_recorded_after_create_update_and_revise(crm: Account, row: dict[str, Any]) -> None:
    sent = "x" * 1000 if row["sent"].startswith("xxxxx") else row["sent"]
    record = made(crm, title=sent, description=sent)
    for field in ("title", "description"):
        expected = sent if row[field]["equal"][0] else row[field]["create"]
        assert record[field].startswith(expected) if "…" in row["sent"] else record[field] == expected
        assert record[field] == crm.result(f"SELECT {field} FROM Contacts;")[0][field]
    for step in ("after_2_update", "after_revise"):
        crm.write("update", {"id": record["id"], "lastname": "Somebody", **OWNED})
        found = retrieved(crm, record["id"])
        assert found["title"] == record["title"]
        if "…" not in row["sent"]:
            assert found["description"] == row["description"][step]


def test_a_new_challenge_voids_the_one_before(crm: Account) -> None:
    first = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    crm.get(operation="getchallenge", username="admin")
    answer = crm.post(operation="login", username="admin", accessKey=crm.proof(first, "admin"))
    assert answer["error"]["code"] == "INVALID_USER_CREDENTIALS"


def test_a_challenge_is_void_after_five_minutes(crm: Account) -> None:
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    crm.control("POST", "clock", shift_seconds=301)
    answer = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))
    assert answer["error"]["code"] == "INVALID_AUTH_TOKEN"


def test_an_idle_session_is_gone_after_24_minutes_and_a_used_one_is_not(crm: Account) -> None:
    crm.control("POST", "clock", shift_seconds=1400)
    assert crm.query("SELECT id FROM Contacts;")["success"]
    crm.control("POST", "clock", shift_seconds=2800)
    assert crm.query("SELECT id FROM Contacts;")["success"]
    crm.control("POST", "clock", shift_seconds=4300)
    assert crm.query("SELECT id FROM Contacts;")["error"]["code"] == "INVALID_SESSIONID"


def test_requests_of_one_session_take_turns_and_those_of_two_do_not() -> None:
    with Sandbox(["vtiger"], records=0, latency_ms=80) as sandbox:
        accounts = [Account(sandbox, "vtiger") for _ in range(4)]
        shared = accounts[0].login()

        def seconds(sessions: list[str]) -> float:
            started = time.perf_counter()
            for account, session in zip(accounts, sessions, strict=True):
                account.session = session
            threads = [threading.Thread(target=a.query, args=("SELECT id FROM Contacts;",)) for a in accounts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.perf_counter() - started

        own = [account.login() for account in accounts]
        assert seconds([shared] * 4) > 0.31
        assert seconds(own) < 0.25
        for account in accounts:
            account.close()


def test_pages_by_id_hold_every_record_once(crm: Account) -> None:
    many(crm, 230)
    last, seen = "12x0", []
    while page := ids(crm, f"SELECT id FROM Contacts WHERE id > '{last}' ORDER BY id LIMIT 100;"):
        seen += page
        last = page[-1]
    assert len(seen) == len(set(seen)) == 230


def test_without_order_the_second_page_does_not_follow_the_ids(crm: Account) -> None:
    many(crm, 230)
    assert len(ids(crm, "SELECT id FROM Contacts;")) == 100
    second = ids(crm, "SELECT id FROM Contacts LIMIT 100,100;")
    assert len(second) == 100
    assert second != sorted(second, key=lambda ws_id: int(ws_id[3:]))


def test_and_binds_closer_than_or(crm: Account) -> None:
    for last, first, title in (("A", "x", "1"), ("A", "y", "2"), ("B", "x", "2"), ("B", "y", "1")):
        made(crm, lastname=last, firstname=first, title=title)
    found = crm.result("SELECT lastname,firstname FROM Contacts WHERE lastname='A' OR lastname='B' AND firstname='x';")
    assert [(r["lastname"], r["firstname"]) for r in found] == [("A", "x"), ("A", "y"), ("B", "x")]


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("lastname = 'MÜLLER'", True),
        ("lastname = 'muller'", True),
        ("lastname = 'Müller  '", True),
        ("lastname like 'mull%'", True),
        ("lastname like '%LE_'", True),
        ("lastname like '%ll'", False),
        ("firstname = 'كریم'", False),
        ("firstname = 'کریم'", True),
        ("cf_903 > '99.5'", True),
        ("cf_903 < '1000'", False),
        ("birthday < '2000-01-01'", False),
        ("cf_905 = '7.0'", True),
        ("account_id != '11x1'", False),
        ("title != 'x'", True),
    ],
)
def test_values_compare_as_in_the_real_database(crm: Account, test: str, found: bool) -> None:
    made(crm, lastname="Müller", firstname="کریم", cf_903="1234.5", cf_905=7)
    assert bool(ids(crm, f"SELECT id FROM Contacts WHERE {test};")) is found


def test_deleting_an_account_blanks_its_contacts_without_touching_their_time(crm: Account) -> None:
    account = made(crm, "Accounts")
    contact = made(crm, account_id=account["id"])
    crm.control("POST", "clock", shift_seconds=60)
    assert crm.post(operation="delete", sessionName=crm.session, id=account["id"])["result"] == {"status": "successful"}
    now = retrieved(crm, contact["id"])
    assert (now["account_id"], now["modifiedtime"]) == ("", contact["modifiedtime"])


def test_a_comment_moves_its_record_s_modified_time(crm: Account) -> None:
    contact = made(crm)
    crm.control("POST", "clock", shift_seconds=60)
    crm.write("create", {"commentcontent": "Hi", "related_to": contact["id"], **OWNED}, "ModComments")
    assert retrieved(crm, contact["id"])["modifiedtime"] > contact["modifiedtime"]


def test_an_owner_that_does_not_exist_gives_plain_text_and_a_stored_record(crm: Account) -> None:
    sent = {"operation": "create", "sessionName": crm.session, "elementType": "Contacts"}
    element = json.dumps({"lastname": "BO", "assigned_user_id": "19x9999"})
    answer = crm.http.post(f"{crm.url}/webservice.php", data={**sent, "element": element}, timeout=10)
    assert answer.text == "Sorry! Attempt to access restricted file."
    assert crm.result("SELECT assigned_user_id FROM Contacts WHERE lastname='BO';")[0]["assigned_user_id"] == "9999"


def test_fields_are_in_another_order_for_a_user_who_is_no_admin(crm: Account) -> None:
    asked = {"operation": "describe", "elementType": "Leads"}
    admin, sales = [
        [f["name"] for f in crm.get(**asked, sessionName=crm.login(u))["result"]["fields"]] for u in ("admin", "sales")
    ]
    assert sales == sorted(admin) != admin


def test_a_create_reads_its_parameters_from_the_body_only(crm: Account) -> None:
    address = {"operation": "create", "sessionName": crm.session, "elementType": "Contacts"}
    body = {"element": json.dumps({"lastname": "x", **OWNED})}
    answer = crm.http.post(f"{crm.url}/webservice.php", params=address, data=body, timeout=10)
    assert answer.json()["error"]["code"] == "ACCESS_DENIED"


def test_an_uploaded_file_comes_back(crm: Account) -> None:
    sent = {"operation": "create", "sessionName": crm.session, "elementType": "Documents"}
    element = json.dumps({"notes_title": "Upload", "filelocationtype": "I", **OWNED})
    files = {"filename": ("a.txt", b"hello", "text/plain")}
    document = crm.http.post(
        f"{crm.url}/webservice.php", data={**sent, "element": element}, files=files, timeout=10
    ).json()["result"]
    got = crm.get(operation="files_retrieve", sessionName=crm.session, id=document["imageattachmentids"])["result"][0]
    assert (got["filename"], got["filesize"], base64.b64decode(got["filecontents"])) == ("a.txt", 5, b"hello")


def test_an_invoice_answers_numbers_on_create_and_text_on_retrieve(crm: Account) -> None:
    product, account = made(crm, "Products"), made(crm, "Accounts")
    line = {"productid": product["id"], "quantity": "2", "listprice": "99.95", "comment": "c & d"}
    head = {
        "subject": "I1",
        "invoicestatus": "Created",
        "account_id": account["id"],
        "bill_street": "s",
        "ship_street": "s",
    }
    invoice = crm.write("create", {**head, **OWNED, "productid": product["id"], "LineItems": [line]}, "Invoice")[
        "result"
    ]
    again = retrieved(crm, invoice["id"])
    assert (invoice["hdnGrandTotal"], again["hdnGrandTotal"]) == (199.9, "199.90000000")
    assert [(i["quantity"], i["listprice"], i["parent_id"]) for i in again["LineItems"]] == [
        ("2.000", "99.95000000", "7xArray")
    ]
    assert "LineItems" not in crm.result("SELECT * FROM Invoice;")[0]


def walked(crm: Account, since: int) -> tuple[list[int], list[str], list[str]]:
    """Return the sizes of sync's pages, all updated and all deleted ids."""
    sizes, updated, deleted, more = [], [], [], True
    while more:
        page = crm.get(operation="sync", sessionName=crm.session, elementType="Contacts", modifiedTime=str(since))[
            "result"
        ]
        sizes.append(len(page["updated"]))
        updated += [r["id"] for r in page["updated"]]
        deleted += page["deleted"]
        more, since = page["more"], page["lastModifiedTime"]
    return sizes, updated, deleted


def test_sync_is_dead_on_a_stock_server_and_alive_on_a_patched_one(crm: Account) -> None:
    sent = {"operation": "sync", "sessionName": crm.session, "elementType": "Contacts", "modifiedTime": "1"}
    assert crm.http.get(f"{crm.url}/webservice.php", params=sent, timeout=10).status_code == 500
    crm.control("POST", "switches", sync_works=True)
    assert crm.get(**sent)["result"] == {"updated": [], "deleted": [], "more": False, "lastModifiedTime": 1}


def test_sync_pages_hold_all_records_of_their_last_second(crm: Account) -> None:
    crm.control("POST", "switches", sync_works=True)
    for minute in range(3):
        many(crm, 70, modifiedtime=f"2026-11-22 01:0{minute}:00")
    sizes, updated, _ = walked(crm, 1)
    assert (sizes, len(set(updated))) == ([140, 70], 210)


def test_sync_reports_own_records_only_and_deleted_ones(crm: Account) -> None:
    crm.control("POST", "switches", sync_works=True)
    gone, own = made(crm), made(crm)
    made(crm, assigned_user_id="20x2")
    crm.post(operation="delete", sessionName=crm.session, id=gone["id"])
    assert walked(crm, 1)[1:] == ([own["id"]], [gone["id"]])


def test_sync_in_milliseconds_brings_the_whole_history(crm: Account) -> None:
    crm.control("POST", "switches", sync_works=True)
    record = made(crm)
    assert walked(crm, int(time.time() + 3600) * 1000)[1] == [record["id"]]


def test_sync_loses_what_was_written_later_in_the_same_second(crm: Account) -> None:
    crm.control("POST", "switches", sync_works=True)
    many(crm, 1, modifiedtime="2026-11-22 01:00:00")
    page = crm.get(operation="sync", sessionName=crm.session, elementType="Contacts", modifiedTime="1")["result"]
    many(crm, 1, modifiedtime="2026-11-22 01:00:00")
    assert walked(crm, page["lastModifiedTime"])[1] == []
