"""Every fault on each of the simulated Simply CRM's three sides, the same records for the same seed, and state that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandbox.faults import FAULTS
from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import OWNED, Phone, fresh

JSON = Any
MODULES = ("Contacts", "Leads", "Accounts", "HelpDesk", "Webhooks", "Users")
# What a create answers under a fault: status and whether the record is there. None is a connection cut without an answer.
ENDINGS: dict[str, tuple[int | None, bool]] = {
    "http_500": (500, False),
    "http_502_html": (502, False),
    "rate_limited": (429, False),
    "time_out": (None, False),
    "cut_before": (None, False),
    "cut_after": (None, True),
    "truncated_json": (200, True),
    "empty_body": (200, True),
    "session_expired": (200, False),
    "overlapping_page": (200, True),
    "php_warnings": (200, True),
}
NO_JSON = ("http_500", "http_502_html", "truncated_json", "empty_body", "php_warnings")


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=130, seed=4) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


def fault(phone: Phone, kind: str, **more: JSON) -> None:
    phone.account.control("POST", "faults", fault=kind, **more)


def saved(phone: Phone) -> requests.Response:
    return phone.post("saveRecord", module="Leads", values=json.dumps({"lastname": "Faulty", **OWNED}))


def created(phone: Phone) -> requests.Response:
    crm = phone.account
    element = json.dumps({"lastname": "Faulty", **OWNED})
    sent = {"operation": "create", "sessionName": crm.session, "elementType": "Leads", "element": element}
    return crm.http.post(f"{crm.url}/webservice.php", data=sent, timeout=10)


def posted(phone: Phone) -> requests.Response:
    path = phone.account.control("GET", "records", module="Webhooks")[0]["values"]["path"]
    sent = {"lastname": "Faulty", "email": "f@x.test"}
    return phone.account.http.post(phone.account.url + path, json=sent, timeout=10)


SIDES: dict[str, Callable[[Phone], requests.Response]] = {
    "mobile.saveRecord": saved,
    "create": created,
    "webhook": posted,
}


def stored(phone: Phone, name: str = "Faulty") -> int:
    return sum(r["values"]["lastname"] == name for r in phone.account.control("GET", "records", module="Leads"))


def test_every_fault_there_is_is_tried() -> None:
    assert set(ENDINGS) == FAULTS


@pytest.mark.parametrize("operation", list(SIDES))
@pytest.mark.parametrize("kind", list(ENDINGS))
def test_a_fault_ends_a_create_as_its_name_says(phone: Phone, kind: str, operation: str) -> None:
    phone.account.login()
    status, is_there = ENDINGS[kind]
    if kind == "session_expired" and operation == "webhook":
        is_there = True  # it has a token and no session
    fault(phone, kind, operation=operation, ms=100)
    if status is None:
        with pytest.raises(requests.ConnectionError):
            SIDES[operation](phone)
    else:
        answer = SIDES[operation](phone)
        assert answer.status_code == status
        if kind in NO_JSON:
            with pytest.raises(requests.JSONDecodeError):
                answer.json()
    assert stored(phone) == int(is_there)
    phone.login()
    phone.account.login()
    assert SIDES[operation](phone).json()["success"]
    assert stored(phone) == int(is_there) + 1


def test_a_time_out_may_come_after_the_write(phone: Phone) -> None:
    fault(phone, "time_out", operation="mobile.saveRecord", ms=100, applied=True)
    with pytest.raises(requests.ConnectionError):
        saved(phone)
    assert stored(phone) == 1


def test_sessions_of_both_apis_expire_until_the_next_sign_in(phone: Phone) -> None:
    crm = phone.account
    crm.login()
    fault(phone, "session_expired", operation="mobile.fetchModules")
    for _ in range(2):
        assert phone.error("fetchModules") == {"code": 1501, "message": "Login required"}
    assert crm.query("SELECT id FROM Leads;")["error"]["code"] == "INVALID_SESSIONID"
    phone.login()
    phone.result("fetchModules")


def listed(phone: Phone, page: int) -> list[str]:
    found = phone.result("listModuleRecords", module="Contacts", page=str(page + 1))
    return [str(r["id"]) for r in found["records"]]


def synced(phone: Phone, page: int) -> list[str]:
    found = phone.result("syncModuleRecords", module="Contacts", mode="PUBLIC", page=str(page))
    return [r["id"] for r in found["sync"]["updated"]]


def queried(phone: Phone, page: int) -> list[str]:
    found = phone.result("query", query="SELECT id FROM Contacts ORDER BY id", page=str(page))
    return [r["id"] for r in found["records"]]


@pytest.mark.parametrize("page_of", [listed, synced, queried], ids=["list", "sync", "query"])
def test_an_overlapping_page_repeats_rows_and_loses_none(
    phone: Phone, page_of: Callable[[Phone, int], list[str]]
) -> None:
    first, second = page_of(phone, 0), page_of(phone, 1)
    fault(phone, "overlapping_page", rows=4)
    assert page_of(phone, 1) == first[-4:] + second
    assert page_of(phone, 1) == second


def test_php_s_warnings_come_before_the_mobile_api_s_json(phone: Phone) -> None:
    fault(phone, "php_warnings", operation="mobile.fetchModules")
    text = phone.post("fetchModules").text
    assert text.startswith("<br />\n<b>Deprecated</b>")
    assert json.loads(text[text.index('{"success"') :])["success"]


def test_counters_and_log_name_the_operations_of_all_sides_and_tell_no_secret(phone: Phone) -> None:
    crm = phone.account
    crm.control("POST", "reset")
    phone.login()
    saved(phone)
    crm.login()
    created(phone)
    posted(phone)
    assert crm.control("GET", "counters") == {
        "simplycrm": {
            "mobile.login": 1,
            "mobile.saveRecord": 1,
            "getchallenge": 1,
            "login": 1,
            "create": 1,
            "webhook": 1,
        }
    }
    log = json.dumps(crm.control("GET", "log"))
    secrets = [phone.session, crm.session, crm.secrets["password"], crm.secrets["access_key"]]
    assert [s for s in secrets if s in log] == []


def seeded(seed: int) -> dict[str, JSON]:
    with Sandbox(["vtiger", "simplycrm"], records=60, seed=seed) as sandbox:
        account, other = Account(sandbox, "simplycrm"), Account(sandbox, "vtiger")
        found = {module: account.control("GET", "records", module=module) for module in MODULES}
        secrets = {k: v for k, v in account.secrets.items() if k != "url"}
        found |= {"secrets": secrets, "vtiger": other.control("GET", "records", module="Contacts")}
        found["vtiger key"] = other.secrets["access_key"]
        account.close()
        other.close()
    return found


def test_the_same_seed_gives_the_same_server_and_another_gives_another() -> None:
    first = seeded(1)
    assert seeded(1) == first
    other = seeded(2)
    assert [
        name for name in ("Contacts", "Leads", "Accounts", "secrets", "Webhooks") if other[name] == first[name]
    ] == []


def test_its_people_are_not_those_of_the_simulated_vtiger_but_for_some() -> None:
    found = seeded(1)
    own, others = ({r["values"]["email"] for r in found[name]} - {""} for name in ("Contacts", "vtiger"))
    assert 5 <= len(own & others) <= 15
    assert found["secrets"]["access_key"] != found["vtiger key"]
    assert {r["id"].split("x")[0] for r in found["Contacts"]} == {"4"}
    assert {r["id"].split("x")[0] for r in found["vtiger"]} == {"12"}
    assert {r["values"]["assigned_user_id"] for r in found["Contacts"]} == {"19x1", "19x6", "20x2"}


def test_the_awkward_values_of_real_address_books_are_there(phone: Phone) -> None:
    people = [r["values"] for r in phone.account.control("GET", "records", module="Contacts")]
    text = json.dumps([[p["lastname"], p["firstname"]] for p in people], ensure_ascii=False)
    assert all(part in text for part in ("O'Brien", "Müller", "کریمی", "<b>VIP</b>"))
    assert max(len(p["description"]) for p in people) > 3000
    emails = [p["email"] for p in people]
    assert "" in emails
    assert len(set(emails)) < len(emails)
    times = [p["modifiedtime"] for p in people]
    assert len(set(times)) < len(times)


def test_state_is_kept_with_records_users_webhooks_and_credentials(tmp_path: Path) -> None:
    with Sandbox(["simplycrm"], records=5, state_dir=tmp_path) as sandbox:
        phone = Phone(Account(sandbox, "simplycrm"))
        before = phone.account.secrets
        phone.login()
        first = phone.made(lastname="Kept")
        gone = phone.made(lastname="Gone")
        phone.result("deleteRecords", record=gone[2:])
        user = {"user_name": "ina", "user_password": "p-1", "confirm_password": "p-1", "last_name": "I", "roleid": "H2"}
        phone.save("Users", **user, email1="i@x.test")
        phone.account.control("POST", "mutate", action="create", module="Webhooks", values={"name": "Second"})
        hooks = phone.account.control("GET", "records", module="Webhooks")
        phone.account.close()
    with Sandbox(["simplycrm"], records=50, seed=9, state_dir=tmp_path) as sandbox:
        phone = Phone(Account(sandbox, "simplycrm"))
        assert {**phone.account.secrets, "url": ""} == {**before, "url": ""}
        assert phone.account.control("GET", "records", module="Webhooks") == hooks
        phone.login("ina", "p-1")
        assert phone.flat(first)["lastname"] == "Kept"
        assert phone.error("fetchRecord", record=gone)["code"] == "ACCESS_DENIED"
        assert int(phone.made()[2:]) > int(gone[2:])
        phone.account.close()


def test_a_reset_brings_the_seed_back_and_ends_every_session(phone: Phone) -> None:
    before = phone.account.control("GET", "records", module="Leads")
    saved(phone)
    phone.account.control("POST", "switches", search_ignored=True)
    phone.account.control("POST", "reset")
    assert phone.account.control("GET", "records", module="Leads") == before
    assert phone.account.control("GET", "switches")["search_ignored"] is False
    assert phone.error("fetchModules")["code"] == 1501


def test_a_change_behind_the_api_s_back_is_seen_by_both_apis(phone: Phone) -> None:
    crm = phone.account
    made = crm.control("POST", "mutate", action="create", module="Contacts", values={"lastname": "Behind"})["id"]
    crm.login()
    assert crm.result("SELECT lastname FROM Contacts WHERE lastname='Behind';") == [{"lastname": "Behind", "id": made}]
    assert phone.flat(made)["source"] == "CRM"
    crm.control("POST", "mutate", action="delete", module="Contacts", id=made)
    assert phone.error("fetchRecord", record=made)["code"] == "ACCESS_DENIED"
