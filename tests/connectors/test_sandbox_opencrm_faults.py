"""The simulated OpenCRM under every fault that can be switched on, what it starts with, and what it keeps."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandbox.faults import FAULTS
from connectors.sandbox.opencrm.schema import MODULES
from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm

JSON = Any


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=120) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


def fault(crm: OpenCrm, kind: str, **more: JSON) -> None:
    crm.control("POST", "faults", fault=kind, **more)


def create(crm: OpenCrm, name: str = "Faulty") -> requests.Response:
    return crm.send("edit_contact", {"crmid": 0, "lastname": name})


def stored(crm: OpenCrm, name: str = "Faulty") -> int:
    return sum(r["values"]["lastname"] == name for r in crm.control("GET", "records", module="contact"))


ANSWERED = {
    "http_500": (500, 0), "http_502_html": (502, 0), "rate_limited": (429, 0), "truncated_json": (200, 1), "empty_body": (200, 1),
    "session_expired": (200, 0), "php_warnings": (200, 1), "overlapping_page": (200, 1),
}  # fmt: skip
CUT = {("cut_before", False): 0, ("cut_after", False): 1, ("time_out", False): 0, ("time_out", True): 1}


def test_every_fault_there_is_is_tried_here() -> None:
    assert set(ANSWERED) | {kind for kind, _ in CUT} == FAULTS


@pytest.mark.parametrize("kind", ANSWERED)
def test_a_fault_answers_as_named_and_stores_only_what_it_should(crm: OpenCrm, kind: str) -> None:
    fault(crm, kind)
    answer = create(crm)
    assert (answer.status_code, stored(crm)) == ANSWERED[kind]
    assert create(crm, "After").json() > 1001
    assert stored(crm, "After") == 1


def test_spoiled_answers_are_no_json(crm: OpenCrm) -> None:
    bodies = {}
    for kind in ("http_500", "http_502_html", "truncated_json", "empty_body", "php_warnings"):
        fault(crm, kind)
        answer = crm.send("get_contact_list")
        bodies[kind] = answer.text
        with pytest.raises(requests.JSONDecodeError):
            answer.json()
    assert bodies["truncated_json"].startswith('[{"id":')
    assert bodies["empty_body"] == bodies["http_500"] == ""
    assert bodies["php_warnings"].startswith("<br />\n<b>Deprecated</b>")
    assert bodies["http_502_html"].startswith("<html>")


@pytest.mark.parametrize("wait", [None, 7])
def test_a_rate_limit_says_how_long_to_wait_if_wanted(crm: OpenCrm, wait: int | None) -> None:
    fault(crm, "rate_limited", retry_after=wait)
    assert create(crm).headers.get("Retry-After") == (None if wait is None else str(wait))


@pytest.mark.parametrize(("kind", "applied"), CUT)
def test_a_connection_without_an_answer_leaves_the_write_undone_or_done(crm: OpenCrm, kind: str, applied: bool) -> None:
    fault(crm, kind, applied=applied, ms=200)
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        create(crm)
    assert (time.monotonic() - started >= 0.2) == (kind == "time_out")
    assert stored(crm) == CUT[kind, applied]


def test_a_fault_meets_an_end_point_and_what_is_sent_to_it(crm: OpenCrm) -> None:
    fault(crm, "http_500", operation="edit_contact", contains="Poison", times=2, after=1)
    sent = [create(crm, name).status_code for name in ("Poison1", "Fine", "Poison2", "Poison3", "Poison4")]
    assert sent == [200, 200, 500, 500, 200]


@pytest.mark.parametrize("name", ["get_contact_list", "get_contact_list_full"])
@pytest.mark.parametrize("mode", ["end", "count"])
def test_an_overlapping_page_repeats_rows_and_loses_none(crm: OpenCrm, name: str, mode: str) -> None:
    crm.switch(limit_end=mode)

    def page(start: int) -> list[int]:
        return [r["id"] for r in crm.ask(name, limit_start=start, limit_end=10 if mode == "count" else start + 10)]

    first, second, third = page(0), page(10), page(20)
    fault(crm, "overlapping_page", rows=4)
    assert page(10) == first[-4:] + second
    assert page(20) == third
    assert len({*first, *second, *third}) == 30


def test_an_expired_session_is_told_once_to_keys_and_for_good_to_an_access_key(crm: OpenCrm) -> None:
    crm.switch(login_reply="plain")
    session = crm.send("login").text
    address = f"{crm.url}/api/rest/get_contact_list_count"
    fault(crm, "session_expired", operation="get_contact_list_count")
    answers = [
        crm.http.post(address, data=given, timeout=10).json() for given in (crm.keys, crm.keys, {"accesskey": session})
    ]
    assert answers == [{"error": "Unauthorized"}, 40, {"error": "Unauthorized"}]


def test_counters_and_log_tell_what_was_asked_and_no_key(crm: OpenCrm) -> None:
    crm.ask("get_contact_list_count")
    fault(crm, "http_500")
    create(crm)
    assert crm.control("GET", "counters") == {"opencrm": {"get_contact_list_count": 1, "edit_contact": 1}}
    log = crm.control("GET", "log")
    assert [(e["operation"], e["status"], e["fault"]) for e in log][-1] == ("edit_contact", 500, "http_500")
    assert not [key for key in crm.keys.values() if key in str(log)]


def test_a_change_behind_the_api_s_back_is_seen_by_the_api(crm: OpenCrm) -> None:
    made = crm.change("create", "contact", values={"lastname": "Behind", "cf_901": "7"})
    wanted = {"query_string": "lastname|=|Behind"}
    assert [(r["id"], r["cf_901"]) for r in crm.ask("get_contact_list_full", **wanted)] == [(int(made["id"]), "7")]
    crm.change("update", "contact", id=made["id"], values={"cf_901": "8"})
    assert crm.ask("get_contact_list_full", **wanted)[0]["cf_901"] == "8"
    crm.change("delete", "contact", id=made["id"])
    assert crm.ask("get_contact_list_full", **wanted) == []
    assert made["id"] not in [r["id"] for r in crm.control("GET", "records", module="contact")]
    assert made["id"] in [r["id"] for r in crm.control("GET", "records", module="contact", deleted=1)]


def test_a_record_may_be_given_its_id_and_the_next_goes_on_from_there(crm: OpenCrm) -> None:
    assert crm.change("create", "lead", id="90000", values={})["id"] == "90000"
    assert crm.make("lead") == 90001


def test_a_silent_change_leaves_the_modified_time_alone(crm: OpenCrm) -> None:
    record = crm.control("GET", "records", module="contact")[0]
    change = {"id": record["id"], "values": {"title": "silent"}}
    silent = crm.change("update", "contact", **change, touch=False)["values"]
    loud = crm.change("update", "contact", **change)["values"]
    assert silent["modifiedtime"] == record["values"]["modifiedtime"] < loud["modifiedtime"]


@pytest.mark.parametrize(
    ("deed", "given"),
    [
        ("switches", {"nosuch": 1}),
        ("mutate", {"action": "explode", "module": "contact"}),
        ("mutate", {"action": "create", "module": "nosuch"}),
        ("mutate", {"action": "create", "module": "contact", "values": {"nosuch": 1}}),
        ("mutate", {"action": "update", "module": "contact", "id": "424242"}),
    ],
)
def test_a_wrong_word_to_the_control_side_is_refused(crm: OpenCrm, deed: str, given: JSON) -> None:
    answer = crm.http.post(f"{crm.url}/_control/{deed}", json=given, timeout=10)
    assert answer.status_code == 400


def test_a_reset_brings_seed_switches_and_keys_back(crm: OpenCrm) -> None:
    before = {name: crm.control("GET", "records", module=name) for name in MODULES}
    switches = crm.control("GET", "switches")
    create(crm)
    crm.switch(absent=["get_contact"], edit_reply="text")
    crm.control("POST", "reset")
    assert {name: crm.control("GET", "records", module=name) for name in MODULES} == before
    assert crm.control("GET", "switches") == switches
    assert crm.ask("get_contact_list_count") == 40


def seeded(seed: int) -> tuple[dict[str, JSON], dict[str, str]]:
    with Sandbox(["opencrm"], records=120, seed=seed) as sandbox:
        crm = OpenCrm(sandbox)
        found = {name: crm.control("GET", "records", module=name) for name in MODULES}
        crm.close()
    return found, crm.keys


def test_the_same_seed_gives_the_same_records_and_keys_and_another_gives_others() -> None:
    assert seeded(1) == seeded(1)
    (first, keys), (second, others) = seeded(1), seeded(2)
    assert first["contact"] != second["contact"]
    assert set(keys.values()).isdisjoint(others.values())


def test_as_many_records_as_asked_for_with_the_awkward_values_of_real_address_books() -> None:
    with Sandbox(["opencrm"], records=600) as sandbox:
        crm = OpenCrm(sandbox)
        contacts, companies = (crm.ask(f"get_{name}_list_full") for name in ("contact", "company"))
        crm.close()
    assert (len(contacts), len(companies), companies[0]["id"]) == (200, 200, 1001)
    text = " ".join(r["firstname"] + " " + r["lastname"] for r in contacts)
    assert all(part in text for part in ("O'Brien", "Müller", "کریمی", "<b>VIP</b>", "ي"))
    assert any(r["firstname"] == "" for r in contacts)
    assert any(len(r["description"]) > 3000 for r in contacts)
    assert Counter(r["modifiedtime"] for r in contacts).most_common(1)[0][1] > 3
    mails = Counter(r["email"].lower() for r in contacts)
    assert mails[""] and any(n > 1 for mail, n in mails.items() if mail)
    assert 10 < sum(mail.endswith("@shared.example.com") for mail in mails) < 100


def test_state_is_kept_with_ids_lines_and_keys(tmp_path: Path) -> None:
    with Sandbox(["opencrm"], records=5, state_dir=tmp_path) as sandbox:
        crm = OpenCrm(sandbox)
        pump = crm.make("product", productname="P")
        item = f'{{"lineid":0,"productid":{pump}}}'
        quote = crm.make("quote", subject="Kept", products=f"[{item}]")
        before = crm.ask("get_quote", crmid=quote)
        gone = crm.make("contact", lastname="Gone")
        crm.change("delete", "contact", id=str(gone))
        crm.close()
    with Sandbox(["opencrm"], records=50, seed=9, state_dir=tmp_path) as sandbox:
        again = OpenCrm(sandbox)
        assert again.keys == crm.keys
        assert again.ask("get_quote", crmid=quote) == before
        assert again.ask("get_contact_list_count") == 3
        assert again.make("contact") == gone + 1
        after = again.make("quote", products=f"[{item}]")
        line = again.ask("get_quote", crmid=after)["products"][0]
        assert int(line["lineid"]) == int(before["products"][0]["lineid"]) + 1
        again.close()


def test_many_writers_at_once_get_an_id_each() -> None:
    with Sandbox(["opencrm"], records=0) as sandbox:
        made: list[int] = []

        def write() -> None:
            crm = OpenCrm(sandbox)
            made.extend(crm.make("contact") for _ in range(25))
            crm.close()

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert len(made) == len(set(made)) == 100


def test_pages_come_fast_enough_for_quick_tests(crm: OpenCrm) -> None:
    best = 0.0
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(40):
            crm.send("get_contact_list_full", {"limit_start": 0, "limit_end": 40})
        best = max(best, 40 / (time.perf_counter() - begun))
    assert best > 60, "pages a second; an idle core serves several hundred, and a busy machine must not fail the suite"
