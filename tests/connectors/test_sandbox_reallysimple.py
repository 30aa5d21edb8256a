"""What the simulated Really Simple Systems answers: the vendor's document, item by item, and what public clients saw besides."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

OBJECTS = [
    "accounts", "activities", "contacts", "campaigns", "campaigndetails", "campaignstages", "cases", "documents", "opportunities",
    "opportunityhistories", "opportunity_lines",
]  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["reallysimple"], records=0) as sandbox:
        account = Account(sandbox, "reallysimple")
        yield account
        account.close()


@pytest.fixture
def crm(running: Account) -> Account:
    running.control("POST", "reset")
    for record in running.control("GET", "records", module="accounts"):
        running.control("POST", "mutate", action="delete", module="accounts", id=record["id"])
    return running


def made(crm: Account, *rows: dict[str, Any]) -> None:
    crm.control("POST", "mutate", changes=[{"action": "create", "module": "accounts", "values": row} for row in rows])


def names(crm: Account, **params: Any) -> list[str]:
    answer = crm.rest("GET", "/accounts", **params)
    assert answer.status_code == 200, answer.text
    return [item["record"]["name"] for item in answer.json()["list"]]


ROWS = (
    {"name": "Alpha", "sector": "Design", "slaid": 1, "notes": None},
    {"name": "beta", "sector": None, "slaid": 20, "notes": "x"},
    {"name": "Gämma", "sector": "Finance", "slaid": 300, "notes": ""},
    {"name": "علی", "sector": "design", "slaid": None, "notes": "x"},
)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ({}, "Alpha beta Gämma علی"),
        ({"name": "ALPHA"}, "Alpha"),
        ({"name": "gamma"}, "Gämma"),
        ({"name": "علي"}, ""),
        ({"sector": "Design", "slaid": 1}, "Alpha"),
        ({"sector": {"$not": "Design"}}, "Gämma"),
        ({"sector": {"$not": {"$in": ["Design"]}}}, "Gämma"),
        ({"name": {"$in": ["beta", "Alpha"]}}, "Alpha beta"),
        ({"sector": {"$nin": ["Finance"]}}, "Alpha علی"),
        ({"slaid": {"$gt": 20}}, "Gämma"),
        ({"slaid": {"$gte": "20"}}, "beta Gämma"),
        ({"slaid": {"$lt": 20}}, "Alpha"),
        ({"slaid": {"$lte": 20}}, "Alpha beta"),
        ({"slaid": {"$bt": [1, 20]}}, "Alpha beta"),
        ({"slaid": {"$gt": 1, "$lt": 300}}, "beta"),
        ({"name": {"$sw": "AL"}}, "Alpha"),
        ({"name": {"$ew": "MA"}}, "Gämma"),
        ({"name": {"$con": "et"}}, "beta"),
        ({"$or": [{"name": "Alpha"}, {"slaid": 20, "notes": "x"}]}, "Alpha beta"),
        ({"notes": "x", "$or": [{"name": "Alpha"}, {"$or": [{"name": "beta"}, {"name": "Gämma"}]}]}, "beta"),
        ({"$not": {"$or": [{"name": "Alpha"}, {"name": "beta"}]}}, "Gämma علی"),
        ({"sector": None}, "beta"),
        ({"sector": {"$not": None}}, "Alpha Gämma علی"),
        ({"id": {"$gt": 1005}}, "Gämma علی"),
    ],
    ids=json.dumps,
)
def test_a_filter_keeps_what_sql_would_keep(crm: Account, q: dict[str, Any], found: str) -> None:
    made(crm, *ROWS)
    assert names(crm, q=q) == found.split()


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ({"name": "desc"}, "علی Gämma beta Alpha"),
        ({"sector": "asc", "name": "desc"}, "beta علی Alpha Gämma"),
        ({"slaid": "asc"}, "علی Alpha beta Gämma"),
    ],
    ids=json.dumps,
)
def test_order_counts_its_fields_in_the_order_given(crm: Account, order: dict[str, str], found: str) -> None:
    made(crm, *ROWS)
    assert names(crm, order=order) == found.split()


@pytest.mark.parametrize(
    "params",
    [
        {"q": {"nosuch": 1}},
        {"q": "{"},
        {"q": "[]"},
        {"q": {"name": {"$like": "x"}}},
        {"q": {"name": {"$bt": [1]}}},
        {"order": {"nosuch": "asc"}},
        {"order": {"name": "up"}},
    ],
    ids=json.dumps,
)
def test_a_wrong_filter_or_order_is_a_bad_request(crm: Account, params: dict[str, Any]) -> None:
    answer = crm.rest("GET", "/accounts", **params)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert answer.json()["message"].startswith("Invalid")


def test_pages_are_ten_by_default_a_hundred_at_most_and_counted_from_one(crm: Account) -> None:
    made(crm, *({"name": f"A{n:03}"} for n in range(205)))
    assert len(names(crm)) == 10
    assert len(names(crm, limit=500)) == 100
    pages = [crm.rest("GET", "/accounts", limit=100, page=page).json() for page in (1, 2, 3, 4)]
    assert [len(page["list"]) for page in pages] == [100, 100, 5, 0]
    assert [page["metadata"]["has_more"] for page in pages] == [True, True, False, False]
    assert {page["metadata"]["total_count"] for page in pages} == {205}
    assert len({item["record"]["id"] for page in pages for item in page["list"]}) == 205


def test_a_record_lives_as_the_document_says(crm: Account) -> None:
    created = crm.rest("POST", "/accounts", {"name": "testing API", "addresscounty/state": "Kent"})
    record = created.json()["record"]
    address = f"/accounts/{record['id']}"
    assert created.status_code == 201
    assert created.json()["metadata"] == {
        "url": address,
        "list_url": "/accounts",
        "parent": None,
        "object_type": "record",
        "record_type": "account",
    }
    assert (record["addressline"], record["addresscity"], record["addresscounty/state"]) == (None, "", "Kent")
    crm.control("POST", "clock", shift_seconds=60)
    updated = crm.rest("PATCH", address, {"name": "testing API Updated"}).json()["record"]
    assert {k for k in record if record[k] != updated[k]} == {"name", "modifieddate"}
    assert crm.rest("GET", address).json()["record"] == updated
    deleted = crm.rest("DELETE", address)
    assert (deleted.status_code, deleted.json()) == (200, {})
    assert crm.rest("GET", address).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/accountss", None, 500, "Invalid record type (accountss)"),
        ("GET", "/datadictionary/nope", None, 500, "Invalid record type (nope)"),
        ("GET", "/accounts/7", None, 404, "Record not found"),
        ("PATCH", "/accounts/7", {}, 404, "Record not found"),
        ("POST", "/accounts/7", {}, 405, "The POST method is not supported for this route."),
        ("PUT", "/accounts", {}, 405, "The PUT method is not supported for this route."),
        ("PATCH", "/accounts", {}, 405, "The PATCH method is not supported for this route."),
        ("GET", "/lookup/accounts/nope", None, 404, "Lookup list not found"),
        ("PATCH", "/lookup/nope", {"items": ["a"]}, 404, "Lookup list not found"),
        ("POST", "/accounts", [], 400, "The request body is not a JSON object"),
    ],
)
def test_a_wrong_request_is_told_by_status_and_message(
    crm: Account, method: str, path: str, body: Any, status: int, message: str
) -> None:
    answer = crm.rest(method, path, body)
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (status, status, message)


def test_every_wrong_field_is_named_at_once_and_nothing_is_stored(crm: Account) -> None:
    body = {"email": "no mail", "decisionmaker": "maybe", "leadscore": "many", "first": "x" * 256}
    answer = crm.rest("POST", "/contacts", body)
    assert answer.status_code == 422
    assert answer.json()["validation"] == {
        "first": [{"Max": ["255"]}],
        "last": [{"Required": []}],
        "email": [{"Email": []}],
        "accountid": [{"Required": []}],
        "decisionmaker": [{"Boolean": []}],
        "leadscore": [{"Integer": []}],
    }
    assert [c["values"]["first"] for c in crm.control("GET", "records", module="contacts")].count("x" * 256) == 0


def test_a_reference_to_nothing_is_refused(crm: Account) -> None:
    answer = crm.rest("POST", "/contacts", {"last": "x", "accountid": 424242})
    assert answer.json()["validation"] == {"accountid": [{"Exists": ["accounts"]}]}


def test_an_update_may_leave_required_fields_out_but_not_empty_them(crm: Account) -> None:
    made(crm, {"name": "A"})
    number = crm.control("GET", "records", module="accounts")[0]["id"]
    assert crm.rest("PATCH", f"/accounts/{number}", {"phone": "1"}).status_code == 200
    assert crm.rest("PATCH", f"/accounts/{number}", {"name": " "}).status_code == 422


def test_times_have_no_zone_and_booleans_are_numbers(crm: Account) -> None:
    made(crm, {"name": "A"})
    number = int(crm.control("GET", "records", module="accounts")[0]["id"])
    sent = {"subject": "x", "accountid": number, "opened": "2026-02-03T10:20:30Z"}
    assert crm.rest("POST", "/cases", sent).json()["record"]["opened"] == "2026-02-03 10:20:30"
    contact = crm.rest("POST", "/contacts", {"last": "x", "accountid": str(number), "hold": True}).json()["record"]
    assert (contact["hold"], contact["leftcompany"], contact["accountid"]) == (1, 0, number)


def test_lines_come_with_opportunities_only_when_asked_for(crm: Account) -> None:
    deal = crm.control("POST", "mutate", action="create", module="opportunities", values={"name": "D"})["id"]
    line = {"opportunityid": int(deal), "product": "User Subscription", "quantity": 30, "unitprice": 420}
    crm.control("POST", "mutate", action="create", module="opportunity_lines", values=line, id="77")
    assert crm.rest("GET", f"/opportunities/{deal}", lines="true").json()["record"]["lines"] == [{"id": 77, **line}]
    assert "lines" not in crm.rest("GET", f"/opportunities/{deal}").json()["record"]
    listed = crm.rest("GET", "/opportunities", q={"id": int(deal)}, lines="true").json()["list"]
    assert listed[0]["record"]["lines"][0]["unitprice"] == 420


def test_a_parent_lists_its_children(crm: Account) -> None:
    contact = crm.control("GET", "records", module="contacts")[0]
    parent = contact["values"]["accountid"]
    crm.control("POST", "mutate", action="create", module="accounts", id=str(parent), values={"name": "Parent"})
    found = crm.rest("GET", f"/accounts/{parent}/contacts", limit=100).json()["list"]
    assert contact["values"]["id"] in [item["record"]["id"] for item in found]
    assert {item["record"]["accountid"] for item in found} == {parent}


def test_a_lookup_is_read_by_object_and_field_and_extended_by_its_own_name(crm: Account) -> None:
    answer = crm.rest("PATCH", "/lookup/accounttype", {"items": ["new one", "another new one"]})
    items = [{"value": "new one", "id": "new one"}, {"value": "another new one", "id": "another new one"}]
    assert answer.json() == {"message": "Lookup values added", "items": items}
    assert crm.rest("GET", "/lookup/accounts/type").json()["items"][-2:] == items


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_has_a_dictionary_of_exactly_its_fields(crm: Account, name: str) -> None:
    dictionary = crm.rest("GET", f"/datadictionary/{name}").json()
    record = (
        crm.rest("GET", f"/{name}", limit=1).json()["list"][0]["record"]
        if name != "accounts"
        else crm.rest("POST", "/accounts", {"name": "x"}).json()["record"]
    )
    assert {f["name"] for f in dictionary} == set(record)


def test_only_the_token_lets_in_and_only_until_it_expires(crm: Account) -> None:
    token = crm.secrets["access_token"]
    payload = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert 1000 < len(token) < 1200
    assert payload["exp"] - payload["iat"] == 366 * 86400
    refused = crm.http.get(f"{crm.url}/accounts", headers={"Authorization": "Bearer wrong"}, timeout=10)
    assert (refused.status_code, refused.json()["message"]) == (403, "Unauthenticated")
    crm.control("POST", "clock", shift_seconds=366 * 86400 + 60)
    assert crm.rest("GET", "/accounts").status_code == 403


def test_an_object_outside_the_plan_is_refused_and_the_others_are_not(crm: Account) -> None:
    crm.control("POST", "switches", not_in_plan=["campaigns"])
    assert [crm.rest("GET", f"/{name}").status_code for name in ("campaigns", "accounts")] == [403, 200]
