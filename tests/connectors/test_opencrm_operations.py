"""Every documented call of OpenCRM, carried out by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.context import Context
from connectors.errors import (
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unsupported,
)
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.modules import MODULES
from connectors.opencrm.operations import EDITS, OPERATIONS
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import RULES, OpenCrmSeeder, connected, observer
from tests.connectors.sandbox_client import Account

__all__ = ["observer"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=40, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
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


@pytest.mark.parametrize("module", MODULES)
def test_every_reading_call_of_a_module_is_carried_out_by_name(
    account: Account, crm: OpenCrmConnector, module: str
) -> None:
    there = account.control("GET", "records", module=module)
    assert crm.call(f"get_{module}_list_count", {}) == len(there)
    for full in ("", "_full"):
        rows = crm.call(f"get_{module}_list{full}", {"limit_start": "0", "limit_end": "2"})
        assert [str(row["id"]) for row in rows] == [record["id"] for record in there[:2]]
    one = crm.call(f"get_{module}", {"crmid": there[0]["id"]})
    assert one["record_id"] == there[0]["id"] and not {"password", "login"} & set(one)


@pytest.mark.parametrize("endpoint", EDITS)
def test_every_edit_is_carried_out_by_name(account: Account, crm: OpenCrmConnector, endpoint: str) -> None:
    module = EDITS[endpoint]
    needed = {field.name: "Needed" for field in crm.describe(module).fields if field.required}
    made = crm.call(endpoint, {"crmid": "0", "record": {**needed, "assigned_user_id": "1"}})
    assert crm.call(endpoint, {"crmid": made, "record": '{"description": "By name"}'}) == made
    assert OpenCrmSeeder(account).stored(module, made)["description"] == "By name"


def test_dates_keywords_and_owners_are_asked_for_by_name(crm: OpenCrmConnector, account: Account) -> None:
    id = OpenCrmSeeder(account).mutate("create", "contact", lastname="Quetzal", birthday="2015-08-04", smownerid="1")
    [row] = crm.call(
        "get_contact_list_full",
        {"keywords": "Quetzal", "dateOverride": "d_F_Y", "change_assignedidtouser": "assigned_user_id"},
    )
    assert (str(row["id"]), row["birthday"]) == (id, "04 August 2015") and not str(row["smownerid"]).isdigit()
    assert crm.call("get_contact_list_count", {"query_string": "lastname|ENDS|tzal"}) == 1


def test_reports_links_campaigns_users_and_login_are_carried_out_by_name(
    crm: OpenCrmConnector, account: Account
) -> None:
    ids = [record["id"] for record in account.control("GET", "records", module="contact")]
    company = account.control("GET", "records", module="company")[0]["id"]
    campaign = account.control("GET", "records", module="campaign")[0]["id"]
    assert "Contacts_Last Name" in crm.call("get_record_list_from_report", {"reportid": "12"})[0]
    assert "Contacts_count" in crm.call("get_record_list_from_report", {"reportid": "7", "isCustomReport": "yes"})[0]
    assert crm.call("edit_record_link", {"parent_id": company, "child_id": ids[0]}) == company
    crm.link("company", company, "contact", ids[1])
    linked = {record["values"]["child_id"] for record in account.control("GET", "records", module="record_links")}
    assert linked == set(ids[:2])
    given = {"campaignid": campaign, "recordid": ids[0], "status": "Sent"}
    assert crm.call("add_to_campaign", given) == "Success"
    with pytest.raises((RecordInvalid, RecordNotFound)):
        crm.call("add_to_campaign", {**given, "campaignid": "999999"})
    assert crm.call("get_user_list_count", {}) == len(crm.owners()) == len(crm.call("get_user_list", {}))
    assert crm.call("get_user_details", {"id": crm.owners()[0].id})["user_name"]
    assert crm.call("login", {}) == {"accesskey": "•"}


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("get_contact", {}),
        ("get_contact", {"crmid": "1 or 1"}),
        ("get_contact_list", {"colour": "red"}),
        ("edit_contact", {"crmid": "1", "record": "lastname = Ito"}),
        ("edit_record_link", {"parent_id": "1"}),
        ("get_record_list_from_report", {}),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_sent(
    crm: OpenCrmConnector, observer: CountingObserver, operation: str, params: dict[str, str]
) -> None:
    with pytest.raises(QueryError):
        crm.call(operation, params)
    assert not observer.calls


def test_what_an_edit_by_name_writes_is_checked_like_any_write(
    crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    for crmid, record in (("0", {"accountname": "No owner"}), ("1018", {"credit_limit": "a lot"})):
        with pytest.raises(RecordInvalid):
            crm.call("edit_company", {"crmid": crmid, "record": record})
    assert not any(call.writes for call in observer.calls)


def test_inactive_users_are_told_as_such_and_no_password_is_kept(crm: OpenCrmConnector) -> None:
    assert {owner.active for owner in crm.owners()} <= {True, False}
    for record in crm.read("contact", Query()).records:
        assert not {"password", "login"} & set(record.values)


def test_every_documented_call_is_declared() -> None:
    names = {operation.name for operation in OPERATIONS}
    for module in MODULES:
        assert {f"get_{module}", f"get_{module}_list", f"get_{module}_list_full", f"get_{module}_list_count"} <= names
    assert {
        "login", "get_user_list", "get_record_list_from_report", "edit_record_link", "add_to_campaign", "edit_helpdesk",
        "edit_contract", "edit_contracts", "edit_contact_custom1", "edit_contact_custom2", "edit_product",
    } <= names  # fmt: skip
    assert {o.name for o in OPERATIONS if o.writes} == {*EDITS, "edit_record_link", "add_to_campaign", "call"}
    assert {o.name for o in OPERATIONS if o.admin_only} == {"call"}


def test_links_cannot_be_listed_and_the_way_around_is_told(crm: OpenCrmConnector, observer: CountingObserver) -> None:
    with pytest.raises(Unsupported, match="accountid = 1001"):
        crm.related("company", "1001", "contact", Query())
    assert not observer.calls


def test_any_other_call_is_carried_out_by_its_name_and_shows_no_secret(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    seeder = OpenCrmSeeder(account)
    id = seeder.mutate("create", "contact", lastname="Raw", login="raw", password="hidden-1", smownerid="1")
    assert crm.call("call", {"endpoint": "get_contact_list_count"}) == len(
        account.control("GET", "records", module="contact")
    )
    row = crm.call("call", {"endpoint": "/get_contact/", "params": f'{{"crmid": "{id}"}}'})
    assert row["lastname"] == "Raw" and not {"password", "login"} & set(row)
    given = {"crmid": id, "description": "By hand"}
    assert str(crm.call("call", {"endpoint": "edit_contact", "params": given})) == id
    assert seeder.stored("contact", id)["description"] == "By hand"
    assert all(call.writes and not call.safe for call in observer.calls if call.operation == "get_contact_list_count")


@pytest.mark.parametrize(
    "params",
    [
        {"endpoint": "login"},
        {"endpoint": " LOGIN/ "},
        {"endpoint": "get_contact/crmid/5"},
        {"endpoint": "../index.php"},
        {"endpoint": "get_contact_list", "params": {"passkey": "other"}},
        {"endpoint": "get_contact_list", "params": {"accesskey": "other"}},
        {"endpoint": "get_contact_list", "params": "crmid=5"},
        {},
    ],
)
def test_a_call_by_name_that_would_show_or_change_keys_is_not_sent(
    crm: OpenCrmConnector, observer: CountingObserver, params: dict[str, object]
) -> None:
    with pytest.raises(QueryError):
        crm.call("call", params)
    assert not observer.calls


@pytest.mark.parametrize("endpoint", ["edit_quote", "edit_salesorder", "EDIT_INVOICE/", " edit_purchaseorder"])
def test_a_call_by_name_that_would_lose_product_lines_is_not_sent(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver, endpoint: str
) -> None:
    """Only the operation sends the lines a record has along with the one that is changed."""
    name = endpoint.strip(" /").lower()
    sale = next(r for r in account.control("GET", "records", module=EDITS[name]) if len(r["values"]["products"]) > 1)
    line = {key: sale["values"]["products"][0][key] for key in ("lineid", "productid")}
    with pytest.raises(QueryError, match=name):
        crm.call("call", {"endpoint": endpoint, "params": {"crmid": sale["id"], "products": [line]}})
    assert not observer.calls
    crm.call(name, {"crmid": sale["id"], "record": {"products": [{**line, "quantity": "7"}]}})
    kept = OpenCrmSeeder(account).stored(EDITS[name], sale["id"])["products"]
    assert [one["lineid"] for one in kept] == [one["lineid"] for one in sale["values"]["products"]]
