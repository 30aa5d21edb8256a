"""Every call, parameter and answer of OpenCRM's document, by its own name, from our client to the server and back."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.context import Context
from connectors.errors import QueryError
from connectors.guard import trust
from connectors.opencrm.client import root
from connectors.opencrm.codec import OpenCrmCodec
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.schema import schema
from connectors.query import Query, parse
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import RULES, OpenCrmSeeder, account, connected, observer, sandbox, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "seeder", "sandbox"]  # fixtures

LABELS = {
    "activity": "Activities", "asset": "Assets", "company": "Accounts", "contact": "Contacts", "contract": "Contracts",
    "lead": "Leads", "opportunity": "Potentials", "product": "Products", "project": "Projects", "ticket": "HelpDesk",
    "quote": "Quotes", "salesorder": "SalesOrder", "invoice": "Invoice", "purchaseorder": "PurchaseOrder",
}  # fmt: skip
SALES = ("quote", "salesorder", "invoice", "purchaseorder")


@pytest.fixture
def crm(account: Account, observer: CountingObserver) -> Iterator[OpenCrmConnector]:
    crm = connected(account, Context(observer=observer, network=RULES))
    yield crm
    crm.close()


def there(account: Account, module: str) -> list[str]:
    """Return the ids of all records the server has."""
    return [record["id"] for record in account.control("GET", "records", module=module)]


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["lastname"] for row in rows}


# Where and how


@pytest.mark.parametrize(
    "address",
    ["https://acme.opencrm.co.uk", "acme.opencrm.co.uk/", "https://acme.opencrm.co.uk/api/rest/get_contact/"],
)
def test_the_address_may_be_the_root_or_any_end_point(address: str) -> None:
    assert root(address) == "https://acme.opencrm.co.uk"


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    assert trust("").minimum_version >= ssl.TLSVersion.TLSv1_2


# Reading calls


@pytest.mark.parametrize("module", LABELS)
def test_a_module_is_counted_by_its_call(account: Account, crm: OpenCrmConnector, module: str) -> None:
    count = len(there(account, module))
    assert count > 2
    for shape, told in (("number", count), ("text", str(count))):
        account.control("POST", "switches", count_reply=shape)
        assert crm.call(f"get_{module}_list_count", {}) == told
        assert crm.count(module, Query()) == count


@pytest.mark.parametrize("module", LABELS)
def test_a_module_is_listed_by_its_call(account: Account, crm: OpenCrmConnector, module: str) -> None:
    rows = crm.call(f"get_{module}_list", {})
    assert [row["id"] for row in rows] == [row["crmid"] for row in rows] == [int(id) for id in there(account, module)]
    assert [id for page in crm.ids(module) for id in page] == there(account, module)


@pytest.mark.parametrize("module", LABELS)
def test_a_module_is_listed_with_every_field_by_its_call(account: Account, crm: OpenCrmConnector, module: str) -> None:
    rows = crm.call(f"get_{module}_list_full", {})
    assert [row["id"] for row in rows] == [int(id) for id in there(account, module)]
    assert {"modifiedtime", "description"} <= set(rows[0])
    assert [record.id for record in crm.read(module, Query(limit=200)).records] == there(account, module)


@pytest.mark.parametrize("module", LABELS)
def test_a_record_is_read_by_its_call(account: Account, crm: OpenCrmConnector, module: str) -> None:
    id = there(account, module)[1]
    row = crm.call(f"get_{module}", {"crmid": id})
    assert (row["record_id"], row["record_module"]) == (id, LABELS[module])
    assert crm.get(module, id).id == id
    line = {"lineid", "linenumber", "productid", "productname", "quantity"}
    assert (module in SALES) == ("products" in row)
    assert all(line <= set(item) for item in row.get("products", []))
    with pytest.raises(QueryError, match="crmid"):
        crm.call(f"get_{module}", {})


def test_the_users_are_read_by_their_calls(crm: OpenCrmConnector) -> None:
    users = {str(row["id"]): row["user_name"] for row in crm.call("get_user_list", {})}
    assert [owner.id for owner in crm.owners()] == list(users)
    assert len(crm.call("get_user_list_full", {})) == crm.call("get_user_list_count", {}) == len(users)
    assert crm.call("get_user_details", {"id": "5"})["user_name"] == users["5"]


def test_a_login_by_its_call_shows_no_access_key(crm: OpenCrmConnector) -> None:
    assert crm.call("login", {}) == {"accesskey": "•"}


# Parameters of lists


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("lastname|=|Ashdown", {"Ashdown"}),
        ("lastname|LIKE|Ash%n", {"Ashdown", "Ashton"}),
        ("lastname|BEGINS|Ashd", {"Ashdown"}),
        ("lastname|ENDS|ton", {"Ashton", "Washington"}),
        ("lastname|CONTAINS|ash", {"Ashdown", "Ashton", "Washington"}),
        ("crmentity.modifiedtime|>|2024-03-02 08:00:00", {"Washington"}),
    ],
)
@pytest.mark.parametrize("call", ["get_contact_list", "get_contact_list_full"])
def test_a_documented_condition_finds_what_it_says(
    account: Account, crm: OpenCrmConnector, call: str, condition: str, wanted: set[str]
) -> None:
    for day, name in enumerate(("Ashdown", "Ashton", "Washington"), 1):
        values = {"lastname": name, "modifiedtime": f"2024-03-0{day} 08:00:00"}
        account.control("POST", "mutate", action="create", module="contact", values=values, touch=False)
    for id in there(account, "contact")[:-3]:
        account.control("POST", "mutate", action="delete", module="contact", id=id)
    assert names(crm.call(call, {"query_string": condition})) == wanted
    assert crm.call("get_contact_list_count", {"query_string": condition}) == len(wanted)


@pytest.mark.parametrize(
    ("filter", "asked"),
    [
        ("lastname = North", "lastname|=|North"),
        ("lastname starts with North", "lastname|BEGINS|North"),
        ("lastname ends with North", "lastname|ENDS|North"),
        ("lastname contains North", "lastname|CONTAINS|North"),
        ("crmid = 1001", "crmentity.crmid|=|1001"),
        ("assigned_user_id = 5", "smownerid|=|5"),
        ("lastname contains North and email contains mar", "lastname|CONTAINS|North"),
        ("not lastname = North", ""),
    ],
)
def test_one_condition_is_asked_in_the_documents_words(crm: OpenCrmConnector, filter: str, asked: str) -> None:
    query = Query(parse(filter, crm.describe("contact")))
    told = crm.explain("contact", query).pushed
    assert told.lower() == (f"query_string={asked}".lower() if asked else "get_contact_list_full")


def test_a_value_never_becomes_a_second_condition(crm: OpenCrmConnector) -> None:
    query = Query(parse('lastname = "North|AND|phone|=|1"', crm.describe("contact")))
    assert crm.explain("contact", query).pushed.count("|") in (0, 2)


def test_limits_and_keywords_are_sent_as_they_are_given(account: Account, crm: OpenCrmConnector) -> None:
    ids = there(account, "contact")
    for call in ("get_contact_list", "get_contact_list_full"):
        window = crm.call(call, {"limit_start": "2", "limit_end": "5"})
        assert [str(row["id"]) for row in window] == ids[2:5]
    OpenCrmSeeder(account).put("Zweihundertelf")
    assert names(crm.call("get_contact_list", {"keywords": "zweihundertelf"})) == {"Zweihundertelf"}
    with pytest.raises(QueryError, match="whole number"):
        crm.call("get_contact_list", {"limit_start": "two"})


# Dates and owners


@pytest.mark.parametrize(
    ("given", "date", "time"),
    [
        ({}, "08-04-1990", "2015-08-04 15:04:01"),
        ({"dateTimeOverride": "d_F_Y_H:i", "dateOverride": "d_F_Y"}, "08 April 1990", "04 August 2015 15:04"),
        ({"dateTimeOverride": "j*n*y"}, "08-04-1990", "4/8/15"),
        ({"dateTimeOverride": "c", "dateOverride": "c"}, "1990-04-08T00:00:00+00:00", "2015-08-04T15:04:01+00:00"),
    ],
)
def test_dates_come_as_asked_for_and_are_read_here_in_one_way(
    account: Account, crm: OpenCrmConnector, given: dict[str, str], date: str, time: str
) -> None:
    values = {"lastname": "Dated", "birthday": "1990-04-08", "modifiedtime": "2015-08-04 15:04:01"}
    made = account.control("POST", "mutate", action="create", module="contact", values=values, touch=False)
    row = crm.call("get_contact", {"crmid": made["id"], **given})
    assert (row["birthday"], row["modifiedtime"]) == (date, time)
    read = crm.get("contact", made["id"])
    assert (read.values["birthday"], read.values["modifiedtime"]) == ("1990-04-08", "2015-08-04T15:04:01Z")


@pytest.mark.parametrize("date", ["04-08-2015", "2015-08-04", "2015-08-04T00:00:00+01:00"])
@pytest.mark.parametrize("time", ["2015-08-04 15:04:01", "04-08-2015 15:04:01", "2015-08-04T16:04:01+01:00"])
def test_dates_of_every_documented_form_are_read(date: str, time: str) -> None:
    found = OpenCrmCodec("UTC").decode_values(schema("contact", [], {}), {"birthday": date, "modifiedtime": time})
    assert (found["birthday"], found["modifiedtime"]) == ("2015-08-04", "2015-08-04T15:04:01Z")


def test_a_date_is_written_with_the_year_in_front(crm: OpenCrmConnector, seeder: OpenCrmSeeder) -> None:
    id = seeder.put("Dated")
    assert crm.update("contact", id, {"birthday": "2015-08-04"}).values["birthday"] == "2015-08-04"
    assert seeder.stored("contact", id)["birthday"] == "2015-08-04"


def test_owners_are_named_where_asked_for(account: Account, crm: OpenCrmConnector) -> None:
    values = {"name": "P", "smownerid": "5", "Project_Developer": "6"}
    id = account.control("POST", "mutate", action="create", module="project", values=values)["id"]
    row = crm.call("get_project", {"crmid": id, "change_assignedidtouser": "Project_Developer,Assigned_to"})
    assert (row["smownerid"], row["Project_Developer"]) == ("sara", "liam")
