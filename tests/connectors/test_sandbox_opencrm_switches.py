"""The simulated OpenCRM gives less than it was asked for, counts otherwise than it lists, warns, and hides records, on request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=30) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


def ids(crm: OpenCrm, name: str = "get_contact_list", **given: object) -> list[int]:
    return [row["id"] for row in crm.ask(name, **given)]


def test_a_list_brings_at_most_so_many_rows(crm: OpenCrm) -> None:
    everything = ids(crm)
    crm.switch(most_rows=3)
    assert ids(crm) == everything[:3]
    assert ids(crm, limit_start=2, limit_end=9) == everything[2:5]


def test_the_next_lists_are_cut_short_one_by_one(crm: OpenCrm) -> None:
    everything = ids(crm)
    crm.switch(short_pages=[None, 2, 0])
    assert [ids(crm) for _ in range(4)] == [everything, everything[:2], [], everything]


def test_a_list_may_hold_fewer_records_than_are_counted(crm: OpenCrm) -> None:
    everything = ids(crm)
    crm.switch(listed=4, found=2)
    assert ids(crm) == everything[:4] and ids(crm, limit_start=4) == []
    assert ids(crm, query_string="crmentity.modifiedtime|>|2000-01-01 00:00:00") == everything[:2]
    assert crm.ask("get_contact_list_count") == len(everything)


def test_a_count_may_take_no_notice_of_the_condition(crm: OpenCrm) -> None:
    nobody = "lastname|=|Nobody at all"
    assert crm.ask("get_contact_list_count", query_string=nobody) == 0
    crm.switch(count_asked="ignored")
    assert crm.ask("get_contact_list_count", query_string=nobody) == len(ids(crm))


def test_a_warning_stands_before_the_id_of_what_was_saved(crm: OpenCrm) -> None:
    crm.switch(warning="Warning: odd in /www/a.php on line 1\n")
    told = crm.send("edit_contact", {"crmid": 0, "lastname": "Warned"}).text
    warning, id = told.split("\n")
    assert warning.startswith("Warning: ") and int(id) in ids(crm)


def test_a_hidden_record_is_listed_and_cannot_be_read_alone(crm: OpenCrm) -> None:
    id = ids(crm)[0]
    crm.switch(hidden_records=[id])
    assert crm.ask("get_contact", crmid=id) == {"error": "Record not found"} and id in ids(crm)


@pytest.mark.parametrize("enough", [True, False])
def test_an_access_key_stands_for_the_code_where_the_account_says_so(crm: OpenCrm, enough: bool) -> None:
    crm.switch(code="111111", code_in_session=enough, login_reply="plain")
    key = crm.send("login", {"code": "111111"}).text
    told = crm.http.post(f"{crm.url}/api/rest/get_lead_list_count", data={"accesskey": key}, timeout=10).json()
    assert (told == {"error": "Unauthorized"}) is not enough
