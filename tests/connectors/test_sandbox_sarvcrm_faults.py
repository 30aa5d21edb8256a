"""The faults of the simulated SarvCRM, what it starts with, and that it goes on where it was stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandbox.faults import FAULTS
from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server, told


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=30) as sandbox:
        server = Server(sandbox)
        yield server
        server.close()


@pytest.fixture
def crm(running: Server) -> Server:
    running.control("POST", "reset")
    running.sign_in()
    return running


def fault(crm: Server, kind: str, **more: Any) -> None:
    crm.control("POST", "faults", fault=kind, operation="create Leads", **more)


def create(crm: Server, name: str = "Faulty") -> requests.Response:
    return crm.call("POST", "Save", "Leads", {"last_name": name})


def stored(crm: Server, name: str = "Faulty") -> int:
    return sum(r["values"]["last_name"] == name for r in crm.control("GET", "records", module="Leads"))


def test_every_shared_fault_is_tried_here() -> None:
    tried = {
        "http_500",
        "http_502_html",
        "rate_limited",
        "truncated_json",
        "empty_body",
        "session_expired",
        "php_warnings",
    }
    assert tried | {"time_out", "cut_before", "cut_after", "overlapping_page"} == FAULTS


@pytest.mark.parametrize(
    ("kind", "status", "kept", "begins"),
    [
        ("http_500", 500, 0, ""),
        ("http_502_html", 502, 0, "<html>"),
        ("rate_limited", 429, 0, '{"message"'),
        ("truncated_json", 201, 1, '{"status":201'),
        ("empty_body", 201, 1, ""),
        ("php_warnings", 201, 1, "<br />\n<b>Deprecated</b>"),
    ],
)
def test_a_fault_answers_as_named_and_stores_only_what_it_should(
    crm: Server, kind: str, status: int, kept: int, begins: str
) -> None:
    fault(crm, kind)
    answer = create(crm)
    assert (answer.status_code, stored(crm)) == (status, kept)
    assert answer.text.startswith(begins)
    if kind != "rate_limited":
        with pytest.raises(ValueError, match="Expecting|Unterminated"):
            answer.json()
    assert create(crm, "After").status_code == 201


@pytest.mark.parametrize(("kind", "kept"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_leaves_the_write_undone_or_done(crm: Server, kind: str, kept: int) -> None:
    fault(crm, kind)
    with pytest.raises(requests.ConnectionError):
        create(crm)
    assert stored(crm) == kept


@pytest.mark.parametrize(("applied", "kept"), [(False, 0), (True, 1)])
def test_a_time_out_hangs_before_or_after_the_write(crm: Server, applied: bool, kept: int) -> None:
    fault(crm, "time_out", ms=200, applied=applied)
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        create(crm)
    assert time.monotonic() - started >= 0.2
    assert stored(crm) == kept


def test_an_expired_session_needs_a_new_login(crm: Server) -> None:
    fault(crm, "session_expired")
    for _ in range(2):
        assert told(create(crm)) == (401, "The session ID is invalid.")
    assert stored(crm) == 0
    crm.sign_in()
    assert create(crm).status_code == 201


@pytest.mark.parametrize("method", ["Retrieve", "GetRelationship"])
def test_pages_may_overlap(crm: Server, method: str) -> None:
    parent = crm.made("Accounts", name="Parent")
    for n in range(9):
        crm.made("Contacts", last_name=f"L{n}", account_id=parent)
    asked = {"limit": 3, "offset": 6, "order_by": "contacts.last_name"}
    where = {"module": "Contacts"} if method == "Retrieve" else {"module": "Accounts", "id": parent}
    more = {} if method == "Retrieve" else {"related_field": "contacts"}
    asked["query"] = "contacts.last_name LIKE 'L_'"
    crm.control("POST", "faults", fault="overlapping_page", rows=2)
    pages = [crm.data("POST", method, body=asked, **where, **more) for _ in range(2)]
    assert [[r["last_name"] for r in page] for page in pages] == [["L4", "L5", "L6", "L7", "L8"], ["L6", "L7", "L8"]]


def test_operations_are_named_and_neither_token_nor_password_is_logged(crm: Server) -> None:
    crm.control("POST", "reset")
    crm.sign_in()
    id = crm.made("Leads", last_name="x")
    crm.call("PUT", "Save", "Leads", {"title": "x"}, id=id)
    crm.found("Leads")
    crm.one("Leads", id)
    crm.call("DELETE", "Save", "Leads", id=id)
    crm.data("GET", "GetModuleFields", "Leads")
    crm.data("GET", "SearchByNumber", number="1")
    counted = [
        "Login",
        "create Leads",
        "update Leads",
        "list Leads",
        "get Leads",
        "delete Leads",
        "GetModuleFields Leads",
    ]
    assert crm.control("GET", "counters") == {"sarvcrm": dict.fromkeys([*counted, "SearchByNumber"], 1)}
    log = str(crm.control("GET", "log"))
    assert crm.session not in log
    assert crm.proven()["password"] not in log


def test_what_is_changed_behind_the_api_is_seen_by_it(crm: Server) -> None:
    (id,) = crm.put_behind(
        "Leads", {"last_name": "Behind", "numbers": ["0911"], "date_modified": "2025-01-01 00:00:00"}
    )
    record = crm.one("Leads", id)
    assert (record["full_name"], record["primary_number_raw"]) == ("Behind", "+98911")
    assert record["date_modified"] == "2025-01-01T03:30:00+03:30"
    silent = {"action": "update", "module": "Leads", "id": id, "values": {"title": "silent"}}
    crm.control("POST", "mutate", **silent, touch=False)
    assert crm.one("Leads", id) == {**record, "title": "silent"}
    crm.control("POST", "mutate", **silent)
    assert crm.one("Leads", id)["date_modified"] > "2026"
    crm.control("POST", "mutate", action="delete", module="Leads", id=id)
    assert crm.call("GET", "Retrieve", "Leads", id=id).status_code == 400
    assert id in [r["id"] for r in crm.control("GET", "records", module="Leads", deleted=1)]


@pytest.mark.parametrize(
    "params",
    [
        {"action": "explode", "module": "Leads"},
        {"action": "create", "module": "Leads", "values": {"nosuch": "x"}},
        {"action": "create", "module": "Leads", "values": {"score": "many"}},
        {"action": "update", "module": "Leads", "id": "nobody"},
        {"action": "create", "module": "Nonsense"},
    ],
    ids=str,
)
def test_a_wrong_change_behind_the_api_is_refused(crm: Server, params: dict[str, Any]) -> None:
    assert crm.http.post(f"{crm.url}/_control/mutate", json=params, timeout=10).status_code == 400


def seeded(seed: int) -> dict[str, list[dict[str, Any]]]:
    with Sandbox(["sarvcrm"], records=300, seed=seed) as sandbox:
        server = Server(sandbox)
        modules = ("Accounts", "Contacts", "Leads", "AOS_Quotes", "Users")
        found = {m: [r["values"] for r in server.control("GET", "records", module=m)] for m in modules}
        server.close()
    return found


def test_the_same_seed_gives_the_same_records_and_another_gives_others() -> None:
    data = seeded(1)
    assert seeded(1) == data
    assert seeded(2)["Contacts"] != data["Contacts"]
    sizes = {"Accounts": 300, "Contacts": 300, "Leads": 300, "AOS_Quotes": 30, "Users": 4}
    assert {name: len(rows) for name, rows in data.items()} == sizes


def test_the_awkward_values_of_real_address_books_are_there() -> None:
    people = seeded(1)["Contacts"]
    text = " ".join(r["name"] for r in people)
    assert all(part in text for part in ("O'Brien", "Müller", "کریمی", "<b>VIP</b>", "Łukasz", "ي"))
    assert any(r["first_name"] is None for r in people)
    assert any(len(r["description"] or "") > 3000 for r in people)
    assert any("۰۹۱۲" in n["number"] for r in people for n in r["numbers"])
    assert {len(r["numbers"]) for r in people} == {0, 1, 2}
    assert Counter(r["date_modified"] for r in people).most_common(1)[0][1] > 3
    counts = Counter((r["email1"] or "").casefold() for r in people)
    assert counts[""] >= 1
    assert any(n > 1 for email, n in counts.items() if email)


def test_some_people_are_in_the_other_crms_too() -> None:
    with Sandbox(["sarvcrm", "vtiger"], records=300) as sandbox:
        server = Server(sandbox)
        other = server.control("GET", "records", vendor="vtiger", module="Contacts")
        emails = {r["values"]["email"].casefold() for r in other} - {""}
        for module in ("Contacts", "Leads"):
            own = {(r["values"]["email1"] or "").casefold() for r in server.control("GET", "records", module=module)}
            assert 15 <= len(own & emails) <= 40
        server.close()


def test_state_is_kept_with_sessions_ids_and_credentials(tmp_path: Path) -> None:
    with Sandbox(["sarvcrm"], records=5, state_dir=tmp_path) as sandbox:
        crm = Server(sandbox)
        password, token = crm.secrets["password"], crm.sign_in()
        first = crm.made("Leads", last_name="Kept", numbers=["0912"])
        gone = crm.made("Leads", last_name="Gone")
        crm.call("DELETE", "Save", "Leads", id=gone)
        body = {"field_name": "documents", "related_records": [crm.found("Documents")[0]["id"]]}
        crm.call("POST", "SaveRelationships", "Leads", body, id=first)
        before = crm.found("Leads")
        crm.close()
    with Sandbox(["sarvcrm"], records=50, seed=9, state_dir=tmp_path) as sandbox:
        crm = Server(sandbox)
        assert crm.secrets["password"] == password
        crm.session = token
        assert crm.found("Leads") == before
        assert len(crm.data("GET", "GetRelationship", "Leads", id=first, related_field="documents")) == 1
        assert crm.call("GET", "Retrieve", "Leads", id=gone).status_code == 400
        assert crm.made("Leads", last_name="Next") not in {first, gone}
        assert crm.sign_in() != token
        crm.close()


def test_a_reset_brings_the_seed_back(crm: Server) -> None:
    before = crm.control("GET", "records", module="Leads")
    create(crm)
    crm.control("POST", "switches", page_size=1)
    crm.control("POST", "reset")
    assert crm.control("GET", "records", module="Leads") == before
    crm.sign_in()
    assert len(crm.data("GET", "Retrieve", "Leads")) == 20


def test_an_unknown_switch_is_refused_with_what_there_is(crm: Server) -> None:
    answer = crm.http.post(f"{crm.url}/_control/switches", json={"nosuch": 1}, timeout=10)
    assert answer.status_code == 400
    assert "options_shape" in answer.text


def test_large_pages_come_fast_enough_for_quick_tests() -> None:
    with Sandbox(["sarvcrm"], records=300) as sandbox:
        crm = Server(sandbox)
        crm.sign_in()
        best = 0.0
        for _ in range(3):
            begun = time.perf_counter()
            for _ in range(10):
                assert len(crm.found("Contacts", limit=300)) == 300
            best = max(best, 10 / (time.perf_counter() - begun))
        crm.close()
    assert best > 15, "pages of 300 a second; an idle core serves some 100, and a busy machine must not fail the suite"
