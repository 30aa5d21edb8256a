"""The faults that can be switched on, and the sandbox's control side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, Account]]:
    with Sandbox(records=120) as sandbox:
        accounts = {slug: Account(sandbox, slug) for slug in sandbox.urls}
        yield accounts
        for account in accounts.values():
            account.close()


@pytest.fixture
def vtiger(both: dict[str, Account]) -> Account:
    both["vtiger"].control("POST", "reset")
    both["vtiger"].login()
    return both["vtiger"]


@pytest.fixture
def simple(both: dict[str, Account]) -> Account:
    both["reallysimple"].control("POST", "reset")
    return both["reallysimple"]


def fault(account: Account, kind: str, **more: Any) -> None:
    account.control("POST", "faults", fault=kind, **more)


def create(account: Account, name: str = "Faulty") -> requests.Response:
    return account.rest("POST", "/accounts", {"name": name})


def stored(account: Account, name: str = "Faulty") -> int:
    return sum(r["values"]["name"] == name for r in account.control("GET", "records", module="accounts"))


@pytest.mark.parametrize(
    ("kind", "status", "kept"),
    [
        ("http_500", 500, 0),
        ("http_502_html", 502, 0),
        ("rate_limited", 429, 0),
        ("truncated_json", 201, 1),
        ("empty_body", 201, 1),
        ("session_expired", 403, 0),
    ],
)
def test_a_fault_answers_as_named_and_stores_only_what_it_should(
    simple: Account, kind: str, status: int, kept: int
) -> None:
    fault(simple, kind)
    answer = create(simple)
    assert (answer.status_code, stored(simple)) == (status, kept)
    assert create(simple, "After").status_code == 201


def test_the_bodies_of_faults_are_no_json(simple: Account) -> None:
    bodies = {}
    for kind in ("http_502_html", "truncated_json", "empty_body"):
        fault(simple, kind)
        answer = create(simple)
        bodies[kind] = answer.text
        with pytest.raises(requests.JSONDecodeError):
            answer.json()
    assert bodies["http_502_html"].startswith("<html>")
    assert bodies["truncated_json"].startswith('{"metadata"')
    assert bodies["empty_body"] == ""


@pytest.mark.parametrize("wait", [None, 7])
def test_a_rate_limit_says_how_long_to_wait_if_wanted(simple: Account, wait: int | None) -> None:
    fault(simple, "rate_limited", retry_after=wait)
    assert create(simple).headers.get("Retry-After") == (None if wait is None else str(wait))


@pytest.mark.parametrize(("kind", "kept"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_leaves_the_write_undone_or_done(simple: Account, kind: str, kept: int) -> None:
    fault(simple, kind)
    with pytest.raises(requests.ConnectionError):
        create(simple)
    assert stored(simple) == kept


@pytest.mark.parametrize(("applied", "kept"), [(False, 0), (True, 1)])
def test_a_time_out_hangs_before_or_after_the_write(simple: Account, applied: bool, kept: int) -> None:
    fault(simple, "time_out", ms=300, applied=applied)
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        create(simple)
    assert time.monotonic() - started >= 0.3
    assert stored(simple) == kept


def test_a_fault_meets_only_the_requests_it_names_as_often_as_it_says(simple: Account) -> None:
    fault(simple, "http_500", operation="create accounts", contains="Poison", times=2, after=1)
    sent = [create(simple, name).status_code for name in ("Poison 1", "Fine", "Poison 2", "Poison 3", "Poison 4")]
    assert sent == [201, 201, 500, 500, 201]


def test_a_fault_with_times_0_stays_until_it_is_cleared(simple: Account) -> None:
    fault(simple, "http_500", path="/accounts", times=0)
    assert {create(simple).status_code for _ in range(3)} == {500}
    assert simple.rest("GET", "/contacts").status_code == 200
    simple.control("DELETE", "faults")
    assert create(simple).status_code == 201


def test_an_overlapping_page_repeats_rows_and_loses_none(simple: Account) -> None:
    def page(number: int) -> list[int]:
        return [i["record"]["id"] for i in simple.rest("GET", "/contacts", limit=15, page=number).json()["list"]]

    first, second, third = page(1), page(2), page(3)
    fault(simple, "overlapping_page", rows=4)
    assert page(2) == first[-4:] + second
    assert page(3) == third


def test_an_overlapping_page_by_id_repeats_rows_too(vtiger: Account) -> None:
    def page(last: str) -> list[str]:
        return [r["id"] for r in vtiger.result(f"SELECT id FROM Contacts WHERE id > '{last}' ORDER BY id LIMIT 50;")]

    first = page("12x0")
    second = page(first[-1])
    fault(vtiger, "overlapping_page", operation="query")
    assert page(first[-1]) == first[-3:] + second


def test_an_expired_session_is_told_once_and_a_new_login_helps(vtiger: Account) -> None:
    fault(vtiger, "session_expired", operation="query")
    query = "SELECT count(*) FROM Contacts;"
    assert vtiger.query(query)["error"]["code"] == "INVALID_SESSIONID"
    assert vtiger.query(query)["error"]["code"] == "INVALID_SESSIONID"
    vtiger.login()
    assert vtiger.result(query) == [{"count": "120"}]


def test_php_s_warnings_come_before_the_json(vtiger: Account) -> None:
    fault(vtiger, "php_warnings")
    sent = {"operation": "listtypes", "sessionName": vtiger.session}
    text = vtiger.http.get(f"{vtiger.url}/webservice.php", params=sent, timeout=10).text
    assert text.startswith("<br />\n<b>Deprecated</b>")
    assert text.count('{"success":true') == 1


def test_an_unknown_fault_or_switch_is_refused_with_what_there_is(vtiger: Account) -> None:
    refused = [
        vtiger.http.post(f"{vtiger.url}/_control/{deed}", json=sent, timeout=10)
        for deed, sent in (
            ("faults", {"fault": "fire"}),
            ("switches", {"nosuch": 1}),
            ("mutate", {"action": "explode", "module": "Contacts"}),
        )
    ]
    assert [r.status_code for r in refused] == [400, 400, 400]
    assert "cut_after" in refused[0].text
    assert "sync_works" in refused[1].text
    assert "create, update, delete" in refused[2].text


def test_counters_and_log_tell_what_was_asked_and_no_secret(vtiger: Account, simple: Account) -> None:
    vtiger.login()
    fault(simple, "http_500")
    create(simple)
    assert vtiger.control("GET", "counters") == {
        "vtiger": {"getchallenge": 1, "login": 1},
        "reallysimple": {"create accounts": 1},
    }
    log = vtiger.control("GET", "log")
    assert [(e["operation"], e["status"], e["fault"]) for e in log][-1] == ("create accounts", 500, "http_500")
    text = str(log)
    assert vtiger.session not in text
    assert vtiger.secrets["access_key"] not in text
    assert simple.secrets["access_token"] not in text


def test_a_change_behind_the_api_s_back_is_seen_by_the_api(vtiger: Account) -> None:
    changed = vtiger.control(
        "POST", "mutate", action="create", module="Contacts", values={"lastname": "Behind", "cf_905": "7"}
    )
    assert vtiger.result("SELECT lastname,cf_905,source FROM Contacts WHERE lastname='Behind';") == [
        {"lastname": "Behind", "cf_905": "7", "source": "CRM", "id": changed["id"]}
    ]
    vtiger.control("POST", "mutate", action="delete", module="Contacts", id=changed["id"])
    assert changed["id"] not in [r["id"] for r in vtiger.control("GET", "records", module="Contacts")]
    assert changed["id"] in [r["id"] for r in vtiger.control("GET", "records", module="Contacts", deleted=1)]


def test_a_silent_change_leaves_the_modified_time_alone(vtiger: Account) -> None:
    record = vtiger.control("GET", "records", module="Contacts")[0]
    change = {"action": "update", "module": "Contacts", "id": record["id"], "values": {"title": "silent"}}
    silent = vtiger.control("POST", "mutate", **change, touch=False)["values"]
    loud = vtiger.control("POST", "mutate", **change)["values"]
    assert silent["modifiedtime"] == record["values"]["modifiedtime"] < loud["modifiedtime"]


def test_a_reset_brings_the_seed_back(simple: Account) -> None:
    before = simple.control("GET", "records", module="accounts")
    create(simple)
    simple.control("POST", "reset")
    assert simple.control("GET", "records", module="accounts") == before


def test_without_control_the_control_side_is_not_there() -> None:
    with Sandbox(["reallysimple"], records=0, control=False) as sandbox:
        account = Account(sandbox, "reallysimple")
        assert account.rest("GET", "/_control/log").json()["message"] == "Invalid record type (_control)"
        account.close()


def test_a_stopped_sandbox_answers_no_kept_connection() -> None:
    sandbox = Sandbox(["reallysimple"], records=0).start()
    account = Account(sandbox, "reallysimple")
    assert account.rest("GET", "/accounts").status_code == 200
    sandbox.stop()
    with pytest.raises(requests.ConnectionError):
        account.rest("GET", "/accounts")
    account.close()
