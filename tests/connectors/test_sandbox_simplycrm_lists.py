"""What the simulated Simply CRM lists: pages, searches, filters, queries, related records and alerts. Letters and numbers
are those of the facts about the real server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import Phone, fields, fresh


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


# --- lists


def test_a_list_has_twenty_rows_a_page_counted_from_one_with_bare_numbers(phone: Phone) -> None:
    phone.many(45)
    pages = [
        phone.result("listModuleRecords", module="Contacts", page=page, limit="5")
        for page in ("", "0", "1", "2", "3", "4")
    ]
    rows = [[r["id"] for r in page["records"] or []] for page in pages]
    assert [len(r) for r in rows] == [20, 20, 20, 20, 5, 0]
    assert rows[0] == rows[1] == rows[2]
    assert len({i for page in rows for i in page}) == 45
    assert all(isinstance(i, int) for i in rows[0])
    assert [p["moreRecords"] for p in pages] == [True, True, True, True, False, False]
    assert pages[5]["records"] is None
    assert set(pages[0]["records"][0]) == {"id", "firstname", "lastname", "phone", "email", "contactid", "starred"}


@pytest.mark.parametrize("wrong", [{"module": "Nope"}, {"module": "Contacts", "page": "abc"}], ids=str)
def test_a_list_of_nothing_known_kills_the_server_s_answer(phone: Phone, wrong: dict[str, str]) -> None:
    answer = phone.post("listModuleRecords", **wrong)
    assert (answer.status_code, answer.text) == (500, "")


def names(phone: Phone, **params: str) -> list[str]:
    rows = phone.result("listModuleRecords", module="Contacts", **params)["records"] or []
    return [r["lastname"] for r in rows]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"searchText": "BERLIN"}, ["Ada"]),
        ({"searchText": ""}, ["Ada", "Bob", "Cyd"]),
        ({"searchField": '["email","c","bob"]'}, ["Bob"]),
        ({"searchField": '["email","e","bob@x.test"]'}, ["Bob"]),
        ({"searchField": '["email","e","bob"]'}, []),
        ({"searchField": '["email","s","a"]'}, ["Ada"]),
        ({"searchField": '["email","ew","y.test"]'}, ["Cyd"]),
        ({"searchField": '["email","k","x.test"]'}, ["Cyd"]),
        ({"searchField": "no list"}, ["Ada", "Bob", "Cyd"]),
        ({"orderBy": "lastname", "sortOrder": "DESC"}, ["Cyd", "Bob", "Ada"]),
        ({"orderBy": "lastname"}, ["Ada", "Bob", "Cyd"]),
    ],
    ids=str,
)
def test_a_list_is_searched_and_ordered_as_the_document_says(
    phone: Phone, params: dict[str, str], found: list[str]
) -> None:
    for name, email, city in (("Ada", "ada@x.test", "Berlin"), ("Bob", "bob@x.test", ""), ("Cyd", "cyd@y.test", "")):
        phone.many(1, lastname=name, email=email, mailingcity=city)
    got = names(phone, **params)
    assert (got if "sortOrder" in params else sorted(got)) == found


def test_a_server_without_the_vendor_s_search_answers_everything(phone: Phone) -> None:
    phone.many(3)
    phone.switch(search_ignored=True)
    assert len(names(phone, searchText="nothing like it")) == len(names(phone, searchField='["email","c","zz"]')) == 3


def test_the_last_changed_comes_first(phone: Phone) -> None:
    for minute, name in ((2, "B"), (3, "C"), (1, "A")):
        phone.many(1, lastname=name, modifiedtime=f"2026-11-22 01:0{minute}:00")
    assert names(phone) == ["C", "B", "A"]


def test_a_filter_of_one_s_own_leaves_out_what_others_own(phone: Phone) -> None:
    phone.many(2)
    phone.many(3, assigned_user_id="20x2")
    filters = phone.result("fetchModuleFilters", module="Contacts")
    assert filters["moduleLabel"] == "Contacts"
    mine, shared = filters["filters"]["Mine"][0]["id"], filters["filters"]["Shared"][0]["id"]
    counts = [phone.result("filterDetailsWithCount", filterid=f)["filter"]["count"] for f in (mine, shared)]
    assert counts == [2, 5]
    assert (len(names(phone, filterid=mine)), len(names(phone, filterid=shared))) == (2, 5)
    assert phone.result("filterDetailsWithCount", filterid="9999") == {"filter": None}
    phone.switch(filter_count_dies=True)
    assert phone.post("filterDetailsWithCount", filterid=mine).status_code == 500


def test_the_calendar_lists_tasks_and_events_with_their_own_numbers(phone: Phone) -> None:
    control = phone.account.control
    control("POST", "mutate", action="create", module="Calendar", values={"subject": "Task", "activitytype": "Task"})
    control(
        "POST", "mutate", action="create", module="Events", values={"subject": "Meeting", "activitytype": "Meeting"}
    )
    listed = phone.result("listModuleRecords", module="Calendar")["records"]
    assert {r["subject"] for r in listed} == {"Task", "Meeting"}
    updated = phone.result("syncModuleRecords", module="Calendar")["sync"]["updated"]
    assert {fields(r)["subject"]: r["id"].split("x")[0] for r in updated} == {"Task": "1", "Meeting": "18"}
    assert [b["label"] for b in updated[0]["blocks"]] == ["Task Information", "", "Custom Information"]


# --- queries


def test_a_query_shows_references_it_was_not_asked_for_without_a_value(phone: Phone) -> None:
    account = phone.made("Accounts", accountname="Acme")
    contact = phone.made(lastname="Q", account_id=account)
    answer = phone.result("query", query="SELECT lastname,account_id FROM Contacts")
    nothing = {"value": None, "label": ""}
    assert answer == {
        "records": [
            {
                "id": contact, "lastname": "Q", "account_id": {"value": account, "label": "Acme"},
                "contact_id": nothing, "assigned_user_id": nothing, "modifiedby": nothing,
            }
        ],
        "nextPage": 0,
    }  # fmt: skip


@pytest.mark.parametrize("operation", ["query", "queryWithGrouping"])
def test_pages_of_a_query_hold_every_record_when_the_next_page_is_followed(phone: Phone, operation: str) -> None:
    made, seen, page, sizes = phone.many(330), list[str](), 0, []
    while True:
        answer = phone.result(operation, query="SELECT id FROM Contacts ORDER BY id;", page=str(page))
        seen += [r["id"] for r in answer["records"]]
        sizes.append(len(answer["records"]))
        page = answer["nextPage"]
        if not page:
            break
    assert sizes == [99, 100, 132]
    assert set(seen) == set(made)


def test_a_limit_of_one_s_own_ends_the_paging(phone: Phone) -> None:
    phone.many(5)
    answer = phone.result("queryWithGrouping", query="SELECT * FROM Contacts ORDER BY id LIMIT 1,2;")
    assert ([fields(r)["lastname"] for r in answer["records"]], answer["nextPage"]) == (["N1", "N2"], 0)
    assert answer["records"][0]["labelFields"] == ["firstname", "lastname"]


def test_names_are_looked_up_by_a_part_of_them(phone: Phone) -> None:
    ids = {name: phone.made("Accounts", accountname=name) for name in ("Acme & Sons", "Acme Ltd", "Other")}
    found = phone.result("fetchReferenceRecords", module="Accounts", searchValue="acme")
    assert found == [{"label": name, "value": ids[name]} for name in ("Acme & Sons", "Acme Ltd")]


# --- related records and alerts


def test_related_records_come_in_blocks_and_none_is_an_error(phone: Phone) -> None:
    account, other = phone.made("Accounts"), phone.made("Accounts")
    contact = phone.made(account_id=account)
    answer = phone.result("relatedRecordsWithGrouping", record=account, relatedmodule="Contacts", page="0")
    assert ([r["id"] for r in answer["records"]], answer["nextPage"]) == ([contact], 0)
    none = phone.error("relatedRecordsWithGrouping", record=other, relatedmodule="Contacts")
    assert none == {"code": 0, "message": "Unexpected input at line1: '"}
    assert phone.error("relatedRecordsWithGrouping", record=account, relatedmodule="Nope") is None


def test_related_records_have_pages(phone: Phone) -> None:
    account = phone.made("Accounts")
    made = phone.many(120, account_id=account)
    pages = [
        phone.result("relatedRecordsWithGrouping", record=account, relatedmodule="Contacts", page=page)
        for page in ("", "1")
    ]
    assert [p["nextPage"] for p in pages] == [1, 0]
    assert [r["id"] for p in pages for r in p["records"]] == made


def test_an_alert_counts_and_lists_its_records(phone: Phone) -> None:
    alerts = phone.result("fetchAllAlerts")["alerts"]
    assert [a["alertid"] for a in alerts] == ["1", "2", "3", "4", "5", "6", "7"]
    assert alerts[3]["name"] == "Upcoming Opportunity"
    now = time.time()
    for days in (-1, 1, 30):
        closing = time.strftime("%Y-%m-%d", time.gmtime(now + days * 86_400))
        values = {"potentialname": f"In {days}", "closingdate": closing}
        phone.account.control("POST", "mutate", action="create", module="Potentials", values=values)
    assert phone.result("alertDetailsWithMessage", alertid="4")["alert"] == {**alerts[3], "message": "1"}
    records = phone.result("fetchRecordsWithGrouping", ids="[]", alertid="4")["records"]
    assert [fields(r)["potentialname"] for r in records] == ["In 1"]
