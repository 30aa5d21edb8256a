"""What Vtiger's connector sends and asks: values in the server's spelling, queries it can carry out."""

from __future__ import annotations

import pytest

from connectors.context import Context
from connectors.errors import (
    QueryError,
    RecordInvalid,
)
from connectors.query import Query, parse, parse_order
from connectors.types import FieldSchema, FieldType, Record
from connectors.vtiger import vtql
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.vtiger_account import RULES, VtigerAccount, account, sandbox

__all__ = ["account", "sandbox"]  # fixtures


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: VtigerAccount, observer: CountingObserver) -> VtigerConnector:
    return account.connect(Context(observer=observer, network=RULES))


# Values


def test_a_description_that_is_not_sent_is_not_spoilt(account: VtigerAccount, crm: VtigerConnector) -> None:
    text = "Müller & Söhne «x» <b>"
    made = crm.create("Contacts", {"lastname": "Müller", "description": text})
    crm.update("Contacts", made.id, {"firstname": "Eva"})
    assert account.values("Contacts", made.id)["description"] == text
    assert account.asked()["update"] == 0


WIRE = [
    ("cf_901", ["Alpha", "Beta"], "Alpha |##| Beta"),
    ("donotcall", True, "1"),
    ("donotcall", False, "0"),
    ("birthday", "2024-02-29", "2024-02-29"),
    ("cf_911", "23:59", "23:59:00"),
    ("lastname", "O'Brien \\ 100% <b>", "O'Brien \\ 100% <b>"),
]


@pytest.mark.parametrize(("field", "value", "stored"), WIRE)
def test_a_value_is_stored_in_the_servers_spelling(
    account: VtigerAccount, crm: VtigerConnector, field: str, value: object, stored: str
) -> None:
    made = crm.create("Contacts", {"lastname": "Ito", field: value})
    assert account.values("Contacts", made.id)[field] == stored
    assert crm.get("Contacts", made.id).values[field] == made.values[field]


REFUSED = [
    ("cf_905", "99999999999", "must lie between"),
    ("cf_905", "4.7", "whole number"),
    ("cf_903", "12345678901234.5678", "digits"),
    ("cf_903", "1,234.56", "comma"),
    ("birthday", "2023-02-29", "not a date"),
    ("birthday", "02/03/2026", "not a date"),
    ("cf_911", "10:20 PM", "not a time"),
    ("account_id", "Acme", "not the id"),
    ("assigned_user_id", "admin", "not the id"),
    ("modifiedtime", "2024-01-01T00:00:00Z", "cannot be changed"),
    ("nosuch", "x", "does not exist"),
]


@pytest.mark.parametrize(("field", "value", "why"), REFUSED)
def test_what_the_server_would_quietly_change_is_refused_before_it_is_sent(
    account: VtigerAccount, crm: VtigerConnector, field: str, value: str, why: str
) -> None:
    with pytest.raises(RecordInvalid, match=why) as refusal:
        crm.create("Contacts", {"lastname": "Ito", field: value})
    assert field in refusal.value.fields
    assert account.asked()["create"] == 0


def test_emoji_are_refused_once_the_server_was_seen_to_lose_them(account: VtigerAccount, crm: VtigerConnector) -> None:
    made = crm.create("Contacts", {"lastname": "Emoji 😀"})
    assert made.values["lastname"] == "Emoji ????"  # what was stored, for the one who compares
    with pytest.raises(RecordInvalid, match="emoji"):
        crm.update("Contacts", made.id, {"firstname": "😀"})
    assert crm.update("Contacts", made.id, {"firstname": "علی"}).values["firstname"] == "علی"


def test_ids_may_be_pasted_as_documents_print_them(account: VtigerAccount, crm: VtigerConnector) -> None:
    id = account.mutate("create", "Contacts", lastname="Ito")
    assert crm.get("Contacts", id.replace("x", "×")).id == crm.get("Contacts", id.replace("x", "X")).id == id


def test_a_new_record_belongs_to_us_unless_somebody_is_named(crm: VtigerConnector) -> None:
    field = crm.describe("Contacts").field("assigned_user_id")
    assert field is not None and (field.default, field.required) == ("19x1", False)
    assert crm.create("Contacts", {"lastname": "Ours"}).values["assigned_user_id"] == "19x1"
    named = crm.create("Contacts", {"lastname": "Theirs", "assigned_user_id": "20x2"})
    assert named.values["assigned_user_id"] == "20x2"


def test_a_task_is_made_so_that_a_query_finds_it(crm: VtigerConnector) -> None:
    schema = crm.describe("Calendar")
    sure = {
        f.name: _sample(f) for f in schema.fields if f.required and f.name not in ("assigned_user_id", "activitytype")
    }
    made = crm.create("Calendar", {"subject": "Call back", **sure})
    assert made.values["activitytype"] == "Task"
    assert made.id in {record.id for record in crm.read("Calendar", Query()).records}


def _sample(field: FieldSchema) -> object:
    by_type = {FieldType.DATE: "2026-03-01", FieldType.TIME: "10:00:00", FieldType.INTEGER: "1"}
    return field.choices[0].value if field.choices else by_type.get(field.type, "Call back")


def test_naive_stamps_are_read_in_the_zone_of_the_setting(account: VtigerAccount) -> None:
    id = account.mutate("create", "Contacts", lastname="Ito", modifiedtime="2026-01-10 12:00:00")
    crm = account.connect(Context(network=RULES), time_zone="Asia/Tehran")
    assert crm.get("Contacts", id).modified == "2026-01-10T08:30:00Z"


# Queries

TEXTS = [
    ("", "", "SELECT * FROM Contacts ORDER BY id LIMIT 50;", ""),
    ("birthday = 2000-01-01", "", "SELECT * FROM Contacts WHERE birthday = '2000-01-01' ORDER BY id LIMIT 50;", ""),
    (
        "donotcall = yes and (birthday = 2000-01-01 or birthday > 2010-01-01)",
        "birthday",
        "SELECT * FROM Contacts WHERE donotcall = '1' AND birthday = '2000-01-01' OR donotcall = '1' AND birthday > '2010-01-01' ORDER BY birthday,id LIMIT 50;",
        "",
    ),
    ("email is empty", "", "SELECT * FROM Contacts ORDER BY id LIMIT 50;", "email is empty"),
    (
        "account_id in (11x1, 11x2)",
        "",
        "SELECT * FROM Contacts WHERE account_id IN ('11x1','11x2') ORDER BY id LIMIT 50;",
        "account_id in (11x1, 11x2)",
    ),
]


@pytest.mark.parametrize(("filter", "order", "pushed", "local"), TEXTS)
def test_a_filter_is_asked_of_the_server_without_brackets(
    crm: VtigerConnector, filter: str, order: str, pushed: str, local: str
) -> None:
    schema = crm.describe("Contacts")
    told = crm.explain("Contacts", Query(parse(filter, schema), parse_order(order, schema), limit=50))
    assert (told.pushed, told.local) == (pushed, local)


def test_quotes_and_backslashes_are_doubled_and_the_empty_text_cannot_be_asked() -> None:
    assert vtql.literal("O'Brien \\") == "'O''Brien \\\\'"
    with pytest.raises(ValueError, match="empty"):
        vtql.literal("")


def test_a_filter_too_long_for_an_address_is_evaluated_here(crm: VtigerConnector) -> None:
    schema = crm.describe("Contacts")
    filter = parse(f"account_id in ({','.join(f'11x{n}' for n in range(100, 400))})", schema)
    assert "WHERE" not in crm.explain("Contacts", Query(filter)).pushed
    assert crm.count("Contacts", Query(filter)) is None


def test_an_invoice_is_made_with_its_lines_and_keeps_them_when_something_else_changes(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    product = account.mutate("create", "Products", productname="Widget")
    acme = account.mutate("create", "Accounts", accountname="Acme")
    lines = [{"productid": product, "quantity": "2", "listprice": "9.5"}]
    given = {"subject": "I1", "account_id": acme, "productid": product, "bill_street": "s", "ship_street": "s"}
    made = crm.create("Invoice", {**given, "LineItems": lines})
    crm.update("Invoice", made.id, {"subject": "I2"})
    kept = crm.get("Invoice", made.id).values
    assert (kept["subject"], kept["hdnGrandTotal"]) == ("I2", "19")
    assert [(line["productid"], line["quantity"]) for line in kept["LineItems"]] == [(product, "2")]
    assert "LineItems" not in crm.read("Invoice", Query()).records[0].values  # a query does not carry them


def test_many_ids_are_asked_a_hundred_at_a_time(account: VtigerAccount, crm: VtigerConnector) -> None:
    made = [account.mutate("create", "Contacts", lastname=f"Many {n}") for n in range(150)]
    crm.describe("Contacts")
    before = account.asked()["query"]
    found = crm.get_many("Contacts", [*made, "12x999999", "11x1", "nonsense"])
    assert {record.id for record in found} == set(made)
    assert account.asked()["query"] - before == 2


def test_more_than_can_be_sorted_here_comes_in_the_servers_order_once_each(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    for n in range(1010):
        account.mutate("create", "Assets", assetname=f"Asset {n % 50}")
    for order in ("assetname", "-assetname"):
        query = Query(order=parse_order(order, crm.describe("Assets")), fields=("assetname",))
        found: list[Record] = []
        while True:
            page = crm.read("Assets", query)
            found += page.records
            if page.next_cursor is None:
                break
            query = Query(order=query.order, fields=query.fields, cursor=page.next_cursor)
        names = [str(record.values["assetname"]) for record in found]
        assert len({record.id for record in found}) == len(found) >= 1010
        assert names == sorted(names, reverse=order.startswith("-"))
    with pytest.raises(QueryError, match="up and down"):
        crm.read("Assets", Query(order=parse_order("assetname, -modified", crm.describe("Assets"))))
