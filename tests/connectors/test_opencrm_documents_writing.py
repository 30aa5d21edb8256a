"""Every call of OpenCRM's document that writes, reports, links or joins, by its own name, from our client to the server and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.context import Context
from connectors.errors import ConnectorError, QueryError, RecordInvalid
from connectors.opencrm.connector import OpenCrmConnector
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import RULES, OpenCrmSeeder, connected, observer, sandbox, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["observer", "seeder", "sandbox"]  # fixtures

EDITS = {
    "edit_activity": "activity", "edit_contact": "contact", "edit_contact_custom1": "contact", "edit_contact_custom2": "contact",
    "edit_asset": "asset", "edit_company": "company", "edit_lead": "lead", "edit_opportunity": "opportunity",
    "edit_project": "project", "edit_helpdesk": "ticket", "edit_contracts": "contract", "edit_contract": "contract",
    "edit_product": "product", "edit_quote": "quote", "edit_salesorder": "salesorder", "edit_invoice": "invoice",
    "edit_purchaseorder": "purchaseorder",
}  # fmt: skip
PRICES = [f"listprice{n}" for n in range(1, 6)] + ["buyprice", *(f"buyprice{n}" for n in range(2, 6))]
# Each field of a line that can be set: what is sent, and how the server keeps it.
LINE = {
    "linenumber": ("3", "3"), "description": ("Red", "Red"), "category": ("Hardware", "Hardware"), "quantity": ("1.5", "1.5"),
    "taxclass": ("Reduced", "Reduced"), "discount": ("10%", "10%"), "supplytype": ("Direct", "Direct"),
    "contract_term": ("12", "12"), "commission_band": ("B", "B"), "supplierid": ("1001", "1001"),
    **dict.fromkeys(PRICES, ("2.5", "2.5")), **{f"prd_cf_{n}": ("own", "own") for n in range(1, 11)},
}  # fmt: skip


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The server, as it was seeded, that knows every edit call of the document."""
    fresh = Account(sandbox, "opencrm")
    fresh.control("POST", "reset")
    fresh.control("POST", "switches", absent=[])
    yield fresh
    fresh.close()


@pytest.fixture
def crm(account: Account, observer: CountingObserver) -> Iterator[OpenCrmConnector]:
    crm = connected(account, Context(observer=observer, network=RULES))
    yield crm
    crm.close()


# Editing calls


@pytest.mark.parametrize("call", EDITS)
def test_an_edit_call_creates_and_changes_only_what_is_given(
    crm: OpenCrmConnector, seeder: OpenCrmSeeder, observer: CountingObserver, call: str
) -> None:
    module = EDITS[call]
    needed = {f.name: "New" for f in crm.describe(module).fields if f.required} | {"assigned_user_id": "5"}
    id = crm.call(call, {"crmid": "0", "record": {**needed, "description": "First"}})
    made = seeder.stored(module, id)
    assert (made["description"], made["smownerid"]) == ("First", "5")
    assert crm.call(call, {"crmid": id, "record": {"description": ""}}) == id
    after = seeder.stored(module, id)
    assert {n for n in made if made[n] != after[n]} - {"modifiedtime"} == {"description"} and after["description"] == ""
    assert [made.operation for made in observer.calls if made.writes] == [call, call]


@pytest.mark.parametrize("call", EDITS)
def test_an_edit_call_needs_an_id_and_known_fields(
    crm: OpenCrmConnector, observer: CountingObserver, call: str
) -> None:
    for given in (
        {"record": {"description": "x"}},
        {"crmid": "1001"},
        {"crmid": "1 or 1", "record": {"description": "x"}},
    ):
        with pytest.raises(QueryError, match="crmid|record"):
            crm.call(call, given)
    with pytest.raises(RecordInvalid, match="nosuch"):
        crm.call(call, {"crmid": "0", "record": {"nosuch": "x"}})
    assert not any(made.writes for made in observer.calls)


# Product lines


def sold(crm: OpenCrmConnector, account: Account, **line: str) -> dict[str, Any]:
    """Return the one line of a new quote, as our client reads it."""
    product = account.control("GET", "records", module="product")[0]["id"]
    values = {"subject": "Sale", "assigned_user_id": "1", "products": [{"lineid": "0", "productid": product, **line}]}
    found: dict[str, Any] = crm.create("quote", values).values["products"][0]
    return found


@pytest.mark.parametrize("name", LINE)
def test_a_field_of_a_line_arrives(crm: OpenCrmConnector, account: Account, name: str) -> None:
    sent, kept = LINE[name]
    assert sold(crm, account, **{name: sent})[name] == kept


def test_what_is_not_given_of_a_new_line_is_the_servers_to_fill_in(crm: OpenCrmConnector, account: Account) -> None:
    values = {"productname": "P", "product_description": "Blue", "taxclass": "Zero", "prod_supplytype": "Stock"}
    changes = {**values, "commission_band": "B", "unit_price": "50"}
    id = account.control("POST", "mutate", action="create", module="product", values=changes)["id"]
    line = sold(crm, account, productid=id)
    told = [line[n] for n in ("description", "taxclass", "supplytype", "commission_band", "quantity")]
    assert told == ["Blue", "Zero", "Stock", "B", "1"]
    assert {line[name] for name in PRICES} == {"0"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("productid", "1001"),
        ("category", "None"),
        ("taxclass", "None"),
        ("supplytype", "None"),
        ("commission_band", "Z"),
        ("supplierid", "999999"),
    ],
)
def test_what_only_the_server_knows_of_a_line_is_refused_in_its_words(
    crm: OpenCrmConnector, account: Account, name: str, value: str
) -> None:
    before = account.control("GET", "records", module="quote")
    with pytest.raises(RecordInvalid, match=name):
        sold(crm, account, **{name: value})
    assert account.control("GET", "records", module="quote") == before


def test_a_line_that_a_person_removes_is_gone_and_the_others_keep_their_order(
    crm: OpenCrmConnector, account: Account
) -> None:
    product = account.control("GET", "records", module="product")[0]["id"]
    lines = [{"productid": product, "linenumber": number, "description": number} for number in ("3", "1", "2")]
    made = crm.create("invoice", {"subject": "Sale", "assigned_user_id": "1", "products": lines})
    first, second, third = made.values["products"]
    assert [line["description"] for line in (first, second, third)] == ["1", "2", "3"]
    left = crm.update("invoice", made.id, {"products": [{"lineid": second["lineid"], "remove": True}]}).values[
        "products"
    ]
    assert left == [first, third]


# Reports, links, campaigns


def test_a_report_is_run_by_its_call(crm: OpenCrmConnector, observer: CountingObserver) -> None:
    rows = crm.call("get_record_list_from_report", {"reportid": "12"})
    assert rows and all({"id", "crmid", "Contacts_First Name"} <= set(row) for row in rows)
    custom = crm.call("get_record_list_from_report", {"reportid": "7", "isCustomReport": "yes"})
    assert custom and all({"id", "crmid", "Contacts_count"} <= set(row) for row in custom)
    for given in ({"reportid": "7"}, {"reportid": "12", "isCustomReport": "true"}):
        with pytest.raises(QueryError, match="Report not found"):
            crm.call("get_record_list_from_report", given)
    observer.calls.clear()
    with pytest.raises(QueryError, match="reportid"):
        crm.call("get_record_list_from_report", {"isCustomReport": "true"})
    assert not observer.calls


def test_records_are_linked_by_their_call(crm: OpenCrmConnector, account: Account, observer: CountingObserver) -> None:
    parent, child, other = (r["id"] for r in account.control("GET", "records", module="contact")[:3])
    assert crm.call("edit_record_link", {"parent_id": parent, "child_id": child}) == parent
    crm.link("contact", parent, "contact", other)
    links = [r["values"] for r in account.control("GET", "records", module="record_links")]
    assert links == [{"parent_id": parent, "child_id": child}, {"parent_id": parent, "child_id": other}]
    with pytest.raises(ConnectorError, match="child_id is not a record"):
        crm.call("edit_record_link", {"parent_id": parent, "child_id": "999999"})
    observer.calls.clear()
    for name in ("parent_id", "child_id"):
        with pytest.raises(QueryError, match="is needed"):
            crm.call("edit_record_link", {name: parent})
    assert not observer.calls


def test_a_record_joins_a_campaign_by_its_call(crm: OpenCrmConnector, account: Account) -> None:
    values = {"campaignname": "Spring"}
    campaign = account.control("POST", "mutate", action="create", module="campaign", values=values)["id"]
    contact = account.control("GET", "records", module="contact")[0]["id"]
    more = {"relationship": "Target", "status": "Sent", "probability": "50"}
    given = {"campaignid": campaign, "recordid": contact}
    assert crm.call("add_to_campaign", {**given, **more}) == "Success"
    (member,) = account.control("GET", "records", module="campaign_members")
    assert member["values"] == {**given, **more}
    with pytest.raises(ConnectorError, match="recordid is not a record"):
        crm.call("add_to_campaign", {**given, "recordid": "999999"})
    for name in given:
        with pytest.raises(QueryError, match="is needed"):
            crm.call("add_to_campaign", {name: given[name]})


@pytest.mark.parametrize("call", ["edit_record_link", "add_to_campaign"])
def test_a_call_in_beta_that_a_server_does_not_have_is_said_so(
    crm: OpenCrmConnector, account: Account, call: str
) -> None:
    account.control("POST", "switches", absent=[call])
    names = ("parent_id", "child_id") if call == "edit_record_link" else ("campaignid", "recordid")
    with pytest.raises(QueryError, match=call):
        crm.call(call, dict.fromkeys(names, "1001"))
