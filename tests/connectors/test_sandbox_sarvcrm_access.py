"""Signing in to the simulated SarvCRM, and every error of its table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server, told

BAD_LOGIN = (401, "Login attempt failed please check the username and password.")
NO_SESSION = (401, "The session ID is invalid.")
# The document's table: HTTP status, code, and what the message begins with.
TABLE = [
    ("401/10", "Login attempt failed"),
    ("401/11", "The session ID is invalid."),
    ("401/12", "Please log into your instance of SarvCRM"),
    ("400/12", "Portal Client does not have"),
    ("400/14", "Please fill out the required fields"),
    ("400/15", "Type mismatch Error."),
    ("400/16", "Uploaded file is too large"),
    ("404/20", "This module is not available"),
    ("404/21", "The desired file does not exist"),
    ("400/22", "Access to this object is denied"),
    ("400/30", "This module does not support this feature."),
    ("400/31", "This module does not support this relationship."),
    ("403/40", "You do not have access."),
    ("400/50", "Duplicate records have been found."),
    ("404/51", "No records were found."),
    ("401/60", "Number of sessions exceeded."),
    ("401/70", "The logged-in user is not an administrator."),
    ("400/90", "The resource query limit specified in config.php"),
    ("400/1000", "This is an invalid call for this module."),
    ("400/1001", "The data sent for this function is invalid."),
    ("400/1005", "set_campaign_merge: Merge action status"),
    ("401/1008", "Your password has expired."),
    ("401/1009", "You have been locked out of the SarvCRM application"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=3) as sandbox:
        server = Server(sandbox)
        yield server
        server.close()


@pytest.fixture
def crm(running: Server) -> Server:
    running.control("POST", "reset")
    running.session = ""
    return running


def login(crm: Server, **changes: Any) -> tuple[int, str]:
    sent = {name: value for name, value in crm.proven(**changes).items() if value is not None}
    return told(crm.call("POST", "Login", body=sent))


@pytest.mark.parametrize("key", ["user_name", "username"])
def test_either_name_of_the_login_name_lets_in(crm: Server, key: str) -> None:
    changes = {"user_name": None, key: "API"}
    assert login(crm, **changes) == (200, "")
    crm.control("POST", "switches", login_keys=["username"])
    assert (login(crm, **changes) == (200, "")) is (key == "username")


@pytest.mark.parametrize(
    "changes",
    [
        {"utype": "other"},
        {"utype": None},
        {"user_name": "nobody"},
        {"user_name": ""},
        {"password": "x"},
        {"password": None},
    ],
    ids=str,
)
def test_a_wrong_login_tells_not_what_is_wrong(crm: Server, changes: dict[str, Any]) -> None:
    assert login(crm, **changes) == BAD_LOGIN


def test_only_the_md5_of_the_password_lets_in(crm: Server) -> None:
    plain = crm.secrets["password"]
    assert login(crm, password=plain) == BAD_LOGIN
    assert login(crm, password=hashlib.md5(plain.encode()).hexdigest().upper()) == (200, "")


def test_a_form_signs_in_too_but_nothing_in_the_address_does(crm: Server) -> None:
    form = crm.http.post(crm.address, params={"method": "Login"}, data=crm.proven(), timeout=10)
    assert len(form.json()["data"]["token"]) == 64
    address = crm.http.post(crm.address, params={"method": "Login", **crm.proven()}, timeout=10)
    assert told(address) == BAD_LOGIN
    assert told(crm.http.get(crm.address, params={"method": "Login"}, timeout=10))[0] == 400


def test_too_many_wrong_passwords_lock_the_user_out_and_nobody_else(crm: Server) -> None:
    assert [login(crm, password="x")[0] for _ in range(5)] == [401] * 5
    assert login(crm)[1].startswith("You have been locked out")
    assert login(crm, user_name="admin") == (200, "")
    crm.control("POST", "reset")
    assert [login(crm, password="x") for _ in range(4)] == [BAD_LOGIN] * 4
    assert login(crm) == (200, "")
    assert [login(crm, password="x") for _ in range(4)] == [BAD_LOGIN] * 4


def test_a_portal_user_signs_in_as_one_and_nobody_else_does(crm: Server) -> None:
    assert login(crm, user_name="portal", login_type="portal") == (200, "")
    assert login(crm, user_name="portal") == BAD_LOGIN
    assert login(crm, login_type="portal") == (400, "Portal Client does not have authorized access.")
    assert login(crm, user_name="newcomer")[1].startswith("Please log into your instance")


def test_sessions_may_be_limited_and_end_after_their_time(crm: Server) -> None:
    crm.control("POST", "switches", max_sessions=1, session_seconds=600)
    crm.sign_in()
    assert login(crm) == (401, "Number of sessions exceeded.")
    assert crm.call("GET", "Retrieve", "Leads").status_code == 200
    crm.control("POST", "clock", shift_seconds=601)
    assert told(crm.call("GET", "Retrieve", "Leads")) == NO_SESSION
    assert login(crm) == (200, "")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic {token}", "{token}"])
def test_without_the_token_as_bearer_nothing_is_answered(crm: Server, header: str) -> None:
    token = crm.sign_in()
    head = {"Authorization": header.format(token=token)}
    for method in ("Retrieve", "Save", "GetModuleFields", "GetRelationship", "SearchByNumber", "SaveRelationships"):
        asked = {"method": method, "module": "Leads"}
        assert told(crm.http.get(crm.address, params=asked, headers=head, timeout=10)) == NO_SESSION
    assert crm.call("GET", "Retrieve", "Leads").status_code == 200


def test_two_sessions_live_side_by_side_and_a_reset_ends_both(crm: Server) -> None:
    tokens = [crm.sign_in(), crm.sign_in(user_name="admin")]
    assert tokens[0] != tokens[1]
    crm.control("POST", "reset")
    for crm.session in tokens:
        assert told(crm.call("GET", "Retrieve", "Leads")) == NO_SESSION
    assert crm.sign_in() not in tokens


@pytest.mark.parametrize(
    ("language", "label"), [(None, "وضعیت"), ("fa_IR", "وضعیت"), ("en_US", "Status"), ("xx", "وضعیت")]
)
def test_labels_follow_the_language_of_the_login_and_are_persian_by_default(
    crm: Server, language: str | None, label: str
) -> None:
    crm.sign_in(language=language)
    assert crm.data("GET", "GetModuleFields", "Leads")["status"]["label"] == label


@pytest.mark.parametrize(("key", "begins"), TABLE)
def test_every_error_of_the_table_can_be_met(crm: Server, key: str, begins: str) -> None:
    status, code = (int(part) for part in key.split("/"))
    crm.sign_in()
    crm.control("POST", "switches", fail_with={"list Leads": key, "Login": key})
    for answer in (crm.call("GET", "Retrieve", "Leads"), crm.call("POST", "Login", body=crm.proven())):
        assert answer.headers["Content-Type"] == "application/json"
        assert set(answer.json()) == {"status", "message", "data"}
        assert (told(answer)[0], answer.json()["data"]) == (status, [])
        assert answer.json()["message"].startswith(begins)
    crm.control("POST", "switches", error_codes=True, status_as_text=True)
    body = crm.call("GET", "Retrieve", "Leads").json()
    assert (body["status"], body["code"]) == (str(status), code)
    assert crm.call("GET", "Retrieve", "Accounts").status_code == 200


def test_the_table_is_whole() -> None:
    assert len(TABLE) == len({key for key, _ in TABLE}) == 23


def test_modules_may_be_missing_or_denied_and_users_only_changed_by_an_administrator(crm: Server) -> None:
    crm.sign_in()
    crm.control("POST", "switches", not_here=["Appointments"], denied=["Deposits"])
    for module, status in (("Appointments", 404), ("Deposits", 403), ("Nonsense", 404), ("", 404), ("leads", 404)):
        assert crm.call("GET", "GetModuleFields", module).status_code == status
        assert crm.call("POST", "Save", module, {"name": "x"}).status_code == status
    me = crm.found("Users", "users.user_name = 'api'")[0]["id"]
    refused = crm.call("PUT", "Save", "Users", {"title": "x"}, id=me)
    assert told(refused) == (401, "The logged-in user is not an administrator.")
    crm.sign_in(user_name="admin")
    assert crm.call("PUT", "Save", "Users", {"title": "x"}, id=me).status_code == 200


@pytest.mark.parametrize(
    ("verb", "method"),
    [
        ("GET", "Nonsense"),
        ("GET", ""),
        ("GET", "Save"),
        ("PUT", "Retrieve"),
        ("POST", "GetModuleFields"),
        ("GET", "answered"),
    ],
)
def test_a_method_there_is_not_is_an_invalid_call(crm: Server, verb: str, method: str) -> None:
    crm.sign_in()
    status, message = told(crm.call(verb, method, "Leads"))
    assert (status, message.partition(".")[0]) == (400, "This is an invalid call for this module")


def test_another_address_is_not_found_and_another_folder_is_the_same_server(crm: Server) -> None:
    assert crm.http.get(f"{crm.url}/index.php", timeout=10).status_code == 404
    for place in ("/crm/API.php", "/API.php/"):
        moved = crm.http.post(crm.url + place, params={"method": "Login"}, json=crm.proven(), timeout=10)
        assert moved.status_code == 200
