"""How one signs in to the simulated Simply CRM, by each of its two APIs, and how that ends. Letters and numbers are those of the facts
about the real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import MODULES, Phone, fresh

JSON = Any
LOGIN_REQUIRED = {"code": 1501, "message": "Login required"}


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


def test_a_sign_in_tells_user_session_and_versions(phone: Phone) -> None:
    login = phone.result("login", username="admin", password=phone.account.secrets["password"])["login"]
    assert login["userid"] == "1"
    assert (login["simply_version"], login["mobile_module_version"], login["crm_tz"]) == ("7.1.0", "1.2.1", "UTC")
    assert login["session"] != phone.session


def test_a_sign_in_with_modules_lists_them_with_this_server_s_numbers(phone: Phone) -> None:
    answer = phone.result("loginAndFetchModules", username="admin", password=phone.account.secrets["password"])
    found = {m["name"]: m["id"] for m in answer["modules"]}
    assert list(found)[:26] == list(MODULES)
    assert {name: found[name] for name in MODULES} == MODULES
    assert {"CustomQuickCreate", "ProcessBar"} == set(found) - set(MODULES)
    assert set(answer["modules"][0]) == {"id", "name", "isEntity", "label", "singular"}
    assert phone.result("fetchModules")["modules"] == answer["modules"]


@pytest.mark.parametrize(
    "wrong",
    [{"password": "wrong"}, {"username": "nobody"}, {"username": ""}, {"password": ""}, {"username": "inactive1"}],
    ids=str,
)
def test_every_refused_sign_in_reads_alike(phone: Phone, wrong: dict[str, str]) -> None:
    sent = {"username": "admin", "password": phone.account.secrets["password"], **wrong}
    assert phone.error("login", **sent) == {"code": 1210, "message": "Authentication Failed"}


def test_a_user_who_is_switched_off_cannot_sign_in(phone: Phone) -> None:
    user = {"user_name": "ina", "user_password": "p-1", "confirm_password": "p-1", "last_name": "I", "roleid": "H2"}
    ina = phone.save("Users", **user, email1="i@x.test")["result"]["record"]["id"]
    assert phone.result("login", username="INA", password="p-1")["login"]["userid"] == ina.partition("x")[2]
    values = {"status": "Inactive"}
    phone.account.control("POST", "mutate", action="update", module="Users", id=ina, values=values)
    assert phone.error("login", username="ina", password="p-1")["code"] == 1210


def test_the_access_key_is_no_password_and_the_password_no_access_key(phone: Phone) -> None:
    secrets, crm = phone.account.secrets, phone.account
    assert phone.error("login", username="admin", password=secrets["access_key"])["code"] == 1210
    crm.get(operation="getchallenge", username="admin")
    answer = crm.post(operation="login", username="admin", accessKey=secrets["password"])
    assert answer["error"]["code"] == "INVALID_USER_CREDENTIALS"


def test_the_mobile_api_takes_form_multipart_and_json_and_answers_text_json(phone: Phone) -> None:
    sent = {"_operation": "fetchModuleOwners", "_session": phone.session}
    bodies: list[dict[str, JSON]] = [
        {"data": sent},
        {"json": sent},
        {"files": {name: (None, value) for name, value in sent.items()}},
    ]
    answers = [phone.account.http.post(phone.url, timeout=10, **body) for body in bodies]
    assert [a.json()["success"] for a in answers] == [True] * 3
    assert {a.headers["Content-Type"] for a in answers} == {"text/json;charset=UTF-8"}


def test_the_mobile_api_reads_nothing_from_the_address(phone: Phone) -> None:
    sent = {"_operation": "fetchModules", "_session": phone.session}
    got = phone.account.http.get(phone.url, params=sent, timeout=10).json()
    assert got["error"] == {"code": 1404, "message": "Operation not found: "}
    answer = phone.account.http.post(
        phone.url, params={"_session": phone.session}, data={"_operation": "fetchModules"}, timeout=10
    )
    assert answer.json()["error"] == LOGIN_REQUIRED


@pytest.mark.parametrize("name", ["nosuch", "SaveRecord", ""])
def test_an_unknown_operation_is_told_whatever_its_case(phone: Phone, name: str) -> None:
    assert phone.error(name) == {"code": 1404, "message": f"Operation not found: {name}"}


def test_a_mobile_session_idle_for_24_minutes_is_gone_and_a_used_one_is_not(phone: Phone) -> None:
    for seconds in (1400, 2800):
        phone.shift(seconds)
        phone.result("fetchModules")
    phone.shift(4300)
    assert phone.error("fetchModules") == LOGIN_REQUIRED
    phone.shift(0)
    phone.login()
    phone.result("logout")
    assert phone.error("fetchModules") == LOGIN_REQUIRED


def test_a_session_is_good_for_its_own_api_only_and_dies_where_it_is_not(phone: Phone) -> None:
    crm = phone.account
    crm.session = phone.session
    assert crm.query("SELECT id FROM Contacts;")["error"]["code"] == "INVALID_SESSIONID"
    assert phone.error("fetchModules") == LOGIN_REQUIRED
    phone.session = crm.login()
    assert phone.error("fetchModules") == LOGIN_REQUIRED
    assert crm.query("SELECT id FROM Contacts;")["success"]


def test_callers_that_are_not_in_the_address_list_are_refused_by_both_apis(phone: Phone) -> None:
    crm = phone.account
    crm.login()
    phone.switch(allowed_ips=["203.0.113.9"])
    assert phone.error("fetchModules")["code"] == "ACCESS_DENIED"
    assert phone.error("login", username="admin", password=crm.secrets["password"])["code"] == "ACCESS_DENIED"
    assert "Whitelist IP" in crm.query("SELECT id FROM Contacts;")["error"]["message"]
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    refused = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))
    assert refused["error"]["code"] == "ACCESS_DENIED"
    phone.switch(allowed_ips=["203.0.113.9", "127.0.0.1"])
    phone.result("fetchModules")


def test_the_webservice_signs_in_as_7_1_does(phone: Phone) -> None:
    crm = phone.account
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    answer = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))["result"]
    assert {**answer, "sessionName": ""} == {
        "sessionName": "",
        "userId": "19x1",
        "version": "0.22",
        "vtigerVersion": "7.1.0",
    }
    token = crm.get(operation="getchallenge", username="inactive1")["result"]["token"]
    answer = crm.post(operation="login", username="inactive1", accessKey=crm.proof(token, "inactive1"))
    assert answer["error"] == {"code": "AUTHENTICATION_REQUIRED", "message": "Given user is inactive"}


def test_a_webservice_session_ends_by_post_and_with_the_documented_spelling_by_get(phone: Phone) -> None:
    crm = phone.account
    ended = {"operation": "logout", "sessionName": crm.login()}
    assert crm.get(**ended)["error"]["code"] == "OPERATION_NOT_SUPPORTED"
    assert crm.post(**ended)["result"] == {"message": "successfull"}
    phone.switch(documented_spelling=True)
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    login = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))["result"]
    assert set(login) == {"sessionId", "userId", "version", "SimplyVersion"}
    ended["sessionName"] = login["sessionId"]
    assert crm.get(**ended)["success"]
    refused = crm.get(operation="listtypes", sessionName=login["sessionId"])
    assert refused["error"]["errorCode"] == "INVALID_SESSIONID"
    assert refused["error"]["errorMessage"] == "Session Identifier provided is Invalid"
