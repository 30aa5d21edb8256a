"""Who may call the simulated OpenCRM, how calls may be spelled, and what is refused before anything is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm

JSON = Any
UNAUTHORIZED = {"error": "Unauthorized"}
FAILED = {"error": "Invalid User Details - AUTHENTICATION FAILED"}


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


def sent(crm: OpenCrm, path: str = "get_lead_list_count", method: str = "POST", **options: Any) -> requests.Response:
    """Return the answer to a call that brings no keys of its own."""
    return crm.http.request(method, f"{crm.url}/api/rest/{path}", timeout=10, **options)


def test_the_credentials_have_the_names_a_connection_asks_for(crm: OpenCrm) -> None:
    assert set(crm.secrets) == {"url", "code", "key", "passkey"}
    assert crm.secrets["url"] == crm.url


@pytest.mark.parametrize(
    "agent", ["curl/8.5.0", "python-requests/2.32", "opencrm-python/0.1.0", "Python-urllib/3.12", "libCURL"]
)
def test_the_firewall_turns_scripts_away(crm: OpenCrm, agent: str) -> None:
    answer = crm.send("get_lead_list_count", headers={"User-Agent": agent})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html")
    assert crm.send("get_lead_list_count", headers={"User-Agent": "integration/1.0"}).json() == 3


def test_keys_are_taken_as_parameters_or_headers(crm: OpenCrm) -> None:
    heads = {"KEY1": crm.keys["key"], "KEY2": crm.keys["passkey"]}
    assert sent(crm, data=crm.keys).json() == 3
    assert sent(crm, headers=heads).json() == 3
    assert sent(crm, data={"passkey": crm.keys["passkey"]}, headers={"KEY1": crm.keys["key"]}).json() == 3


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, UNAUTHORIZED),
        ({"key": "own"}, UNAUTHORIZED),
        ({"passkey": "own"}, UNAUTHORIZED),
        ({"key": "own", "passkey": ""}, UNAUTHORIZED),
        ({"key": "own", "passkey": "wrong"}, FAILED),
        ({"key": "wrong", "passkey": "own"}, FAILED),
        ({"accesskey": "made up"}, UNAUTHORIZED),
        ({"apikey": "own", "passkey": "own"}, UNAUTHORIZED),
    ],
)
@pytest.mark.parametrize("name", ["get_lead_list_count", "login", "nosuch"])
def test_a_refusal_comes_with_status_200(crm: OpenCrm, name: str, given: dict[str, str], answer: JSON) -> None:
    own = {"key": crm.keys["key"], "passkey": crm.keys["passkey"], "apikey": crm.keys["key"]}
    refused = sent(crm, name, data={k: own[k] if v == "own" else v for k, v in given.items()})
    assert (refused.status_code, refused.json()) == (200, answer)


def test_a_login_s_reply_has_several_shapes(crm: OpenCrm) -> None:
    texts = {}
    for shape in ("braces", "string", "object", "plain"):
        crm.switch(login_reply=shape)
        texts[shape] = crm.send("login").text
    with pytest.raises(json.JSONDecodeError):
        json.loads(texts["braces"])
    keys = [
        texts["braces"][2:-2],
        json.loads(texts["string"]),
        json.loads(texts["object"])["accesskey"],
        texts["plain"],
    ]
    assert len(set(keys)) == 4
    assert {sent(crm, data={"accesskey": key}).json() for key in keys} == {3}
    assert sent(crm, data={"accesscode": keys[0]}).json() == UNAUTHORIZED


def test_an_access_key_ends_after_half_an_hour_without_a_call(crm: OpenCrm) -> None:
    crm.switch(login_reply="plain")
    key = crm.send("login").text
    for shift in (1700, 3400):
        crm.control("POST", "clock", shift_seconds=shift)
        assert sent(crm, data={"accesskey": key}).json() == 3
    crm.control("POST", "clock", shift_seconds=3400 + 1801)
    assert sent(crm, data={"accesskey": key}).json() == UNAUTHORIZED
    crm.control("POST", "clock", shift_seconds=3400)
    assert sent(crm, data={"accesskey": key}).json() == UNAUTHORIZED


def test_a_code_is_wanted_only_when_the_account_says_so(crm: OpenCrm) -> None:
    assert crm.secrets["code"] == ""
    crm.switch(code="111111")
    assert crm.ask("get_lead_list_count") == UNAUTHORIZED
    assert crm.ask("get_lead_list_count", code="1") == UNAUTHORIZED
    assert crm.ask("get_lead_list_count", code="111111") == 3


def test_a_code_sent_with_a_company_is_its_postcode(crm: OpenCrm) -> None:
    crm.ask("edit_company", crmid=1001, code="111111")
    assert crm.ask("get_company", crmid=1001)["code"] == "111111"


def test_parameters_may_stand_in_path_query_form_multipart_or_json(crm: OpenCrm) -> None:
    number = crm.make("lead", lastname="bob one two")
    given = {**crm.keys, "keywords": "bob one two"}
    path = "/".join(["get_lead_list", *(quote(part) for pair in given.items() for part in pair)])
    raw = "&".join(f"{k}={v}" for k, v in given.items())
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        sent(crm, path, "GET"),
        sent(crm, path, "POST"),
        sent(crm, path + "/", "GET"),
        sent(crm, "get_lead_list/", data=raw, headers=form),
        sent(crm, "get_lead_list", data=given),
        sent(crm, "get_lead_list/", "GET", params=given),
        sent(crm, "get_lead_list", files={k: (None, v) for k, v in given.items()}),
        sent(crm, "get_lead_list", json=given),
        sent(crm, "get_lead_list", data=json.dumps(given), headers=form),
        sent(crm, "get_lead_list", data=json.dumps(given)),
    ]
    assert [[row["id"] for row in answer.json()] for answer in answers] == [[number]] * 10


def test_a_condition_in_the_path_may_hold_bars_and_blanks(crm: OpenCrm) -> None:
    keys = f"key/{crm.keys['key']}/passkey/{crm.keys['passkey']}"
    condition = quote("crmentity.modifiedtime|>|2018-11-15 12:46:00")
    assert len(sent(crm, f"get_lead_list/{keys}/query_string/{condition}", "GET").json()) == 3
    assert sent(crm, f"get_lead_list/{keys}/query_string/{quote('lastname|=|a/b', safe='')}", "GET").json() == []


@pytest.mark.parametrize("body", ["{", "[]", '{"key": }', '"text"'])
def test_json_that_is_none_is_unauthorized(crm: OpenCrm, body: str) -> None:
    heads = {"Content-Type": "application/json", "KEY1": crm.keys["key"], "KEY2": crm.keys["passkey"]}
    answer = sent(crm, data=body, headers=heads)
    assert (answer.status_code, answer.json()) == (200, UNAUTHORIZED)


def test_outside_the_api_there_is_a_page_to_sign_in(crm: OpenCrm) -> None:
    answers = [crm.http.get(f"{crm.url}{path}", timeout=10) for path in ("/", "/api/v2/contacts")]
    assert [(a.status_code, a.text[:15]) for a in answers] == [(200, "<!DOCTYPE html>"), (404, "<!DOCTYPE html>")]
