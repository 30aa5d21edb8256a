"""What SarvCRM can do besides lists: phone numbers, relations, owners, odd modules, and every documented call by name."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.context import Context
from connectors.errors import (
    ConfigError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unsupported,
)
from connectors.query import Query, parse
from connectors.sarvcrm.connector import SarvConnector
from connectors.sarvcrm.modules import MODULES
from connectors.sarvcrm.operations import OPERATIONS
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import (
    RULES,
    SarvSeeder,
    account,
    connected,
    context,
    crm,
    observer,
    sandbox,
    seeder,
)
from tests.connectors.sarvcrm_samples import PERSON, PHONE

__all__ = ["account", "observer", "context", "seeder", "crm", "sandbox"]  # fixtures


# Modules, owners, addresses


def test_all_documented_modules_are_there_and_described(crm: SarvConnector) -> None:
    assert {module.name for module in crm.modules()} == set(MODULES)
    for key in MODULES:
        schema = crm.describe(key)
        assert (
            schema.modified_field == "date_modified" and schema.created_field == "date_entered" and schema.label_fields
        )
        has_owner = key not in ("Communications", "Communications_Template")
        assert schema.owner_field == ("assigned_user_id" if has_owner else None)


def test_other_modules_are_offered_when_they_are_named(account: Account, context: Context) -> None:
    crm = connected(account, context, extra_modules="Product_Bundle, Nowhere")
    names = {module.name for module in crm.modules()}
    assert "Product_Bundle" in names and "Nowhere" not in names
    with pytest.raises(ConfigError, match="../Leads"):
        connected(account, context, extra_modules="../Leads")


def test_owners_are_the_users_and_no_password_is_asked_for(crm: SarvConnector) -> None:
    owners = {owner.label: owner for owner in crm.owners()}
    assert "Sara Karimi" in owners and len(owners) == 4
    assert "user_hash" not in crm.describe("Users").names


def test_a_record_has_an_address_in_the_crm(account: Account, crm: SarvConnector) -> None:
    parts = urlsplit(crm.record_url("Leads", "a-1") or "")
    assert parts.path == "/index.php"
    wanted = {"utype": [account.secrets["utype"]], "module": ["Leads"], "action": ["DetailView"], "record": ["a-1"]}
    assert parse_qs(parts.query) == wanted


# Phones and relations


@pytest.mark.parametrize("asked", ["09121111234", "+98 912 111 1234", "۰۹۱۲۱۱۱۱۲۳۴", "0912-111-1234"])
def test_who_has_a_phone_number_is_found(crm: SarvConnector, asked: str) -> None:
    made = crm.create("Leads", {**PERSON, "numbers": [PHONE]})
    found = {record.id: record for record in crm.find_by("phone", asked)}
    assert found[made.id].module == "Leads" and found[made.id].values == {"name": "Joel Miller"}


def test_only_phones_are_searched(crm: SarvConnector, observer: CountingObserver) -> None:
    with pytest.raises(Unsupported):
        crm.find_by("email", "a@example.org")
    assert not observer.calls


@pytest.mark.parametrize("replaces", [False, True])
def test_a_link_keeps_those_there_are(account: Account, crm: SarvConnector, seeder: SarvSeeder, replaces: bool) -> None:
    account.control("POST", "switches", relations_replace=replaces)
    quote = seeder.mutate("create", "AOS_Quotes", name="Quote")
    products = [seeder.mutate("create", "AOS_Products", name=f"Product {n}") for n in range(3)]
    for product in (*products, products[0]):
        crm.link("AOS_Quotes", quote, "AOS_Products", product)
    page = crm.related("AOS_Quotes", quote, "AOS_Products", Query())
    assert {record.id for record in page.records} == set(products)
    assert account.control("GET", "counters")["sarvcrm"]["SaveRelationships AOS_Quotes"] == 3


@pytest.mark.parametrize("replaces", [False, True])
def test_a_link_keeps_the_quantities_of_those_there_are(account: Account, replaces: bool) -> None:
    account.control("POST", "switches", relations_replace=replaces)
    crm = connected(account, Context(network=RULES), extra_modules="Product_Bundle")
    bundle = crm.create("Product_Bundle", {"name": "Bundle"}).id
    one, two = (crm.create("AOS_Products", {"name": name}).id for name in ("One", "Two"))
    asked = {"module": "Product_Bundle", "id": bundle}
    sold = {"id": one, "qty": 5, "unit_id": "Branch"}
    crm.call("save_relationships", {**asked, "field_name": "products", "related_records": [sold]})
    crm.link("Product_Bundle", bundle, "AOS_Products", two)
    found = crm.call("get_relationship", {**asked, "related_field": "products"})
    assert {row["id"]: (row.get("qty"), row.get("unit_id")) for row in found} == {one: (5, "Branch"), two: (None, None)}


def test_related_records_are_filtered_and_ordered(crm: SarvConnector, seeder: SarvSeeder) -> None:
    parent = seeder.mutate("create", "Accounts", name="Parent")
    names = ["Charlie", "Alpha", "Bravo"]
    for name in names:
        seeder.mutate("create", "Contacts", last_name=name, account_id=parent)
    schema = crm.describe("Contacts")
    query = Query(parse("last_name != Bravo", schema), fields=("last_name",))
    found = crm.related("Accounts", parent, "Contacts", query).records
    assert sorted(str(record.values["last_name"]) for record in found) == ["Alpha", "Charlie"]
    assert all(set(record.values) == {"last_name"} for record in found)


def test_a_module_without_that_relation_says_so(crm: SarvConnector) -> None:
    with pytest.raises(QueryError, match="no relation"):
        crm.related("Leads", "a-1", "Payments", Query())
    with pytest.raises(RecordNotFound):
        crm.related("Accounts", "../1", "Contacts", Query())


# Calls by name


def test_every_documented_call_is_declared_with_its_heading() -> None:
    wanted = {
        "login": "Login", "create": "Create", "list": "Read (List)", "get": "Read (Record)", "update": "Update",
        "delete": "Delete", "get_module_fields": "Get Module Fields", "get_relationship": "Get Relationships",
        "search_by_number": "Search By Number", "save_relationships": "Save Relationships", "call": "Postman Collection",
    }  # fmt: skip
    assert {operation.name: operation.section for operation in OPERATIONS} == wanted
    writing = {operation.name for operation in OPERATIONS if operation.writes}
    assert writing == {"create", "update", "delete", "save_relationships", "call"}


def test_a_record_lives_and_dies_by_calls(crm: SarvConnector) -> None:
    id = crm.call("create", {"module": "Leads", "values": '{"last_name": "Miller", "status": "New"}'})["id"]
    assert crm.call("update", {"module": "Leads", "id": id, "values": {"last_name": "O'Brien"}}) == {"id": id}
    assert crm.call("get", {"module": "Leads", "id": id})["last_name"] == "O'Brien"
    asked = {
        "query": 'last_name = "O\'Brien"',
        "order_by": "date_entered desc",
        "selected_fields": "id\nlast_name",
        "limit": "5",
    }
    rows = crm.call("list", {"module": "Leads", **asked})
    assert {"id": id, "last_name": "O'Brien"} in rows and all(set(row) == {"id", "last_name"} for row in rows)
    crm.call("delete", {"module": "Leads", "id": id})
    with pytest.raises(RecordNotFound):
        crm.call("get", {"module": "Leads", "id": id})


def test_fields_numbers_and_relations_by_calls(crm: SarvConnector, seeder: SarvSeeder) -> None:
    assert crm.call("get_module_fields", {"module": "Leads"})["status"]["type"] == "enum"
    assert "user_hash" not in crm.call("get_module_fields", {"module": "Users"})
    quote, product = (seeder.mutate("create", m, name="X") for m in ("AOS_Quotes", "AOS_Products"))
    records = [{"id": product, "qty": 180, "unit_id": "Branch", "id_AS": 4}]
    given: dict[str, Any] = {"module": "AOS_Quotes", "id": quote}
    crm.call("save_relationships", {**given, "field_name": "products", "related_records": records})
    asked = {**given, "related_field": "products", "query": "name = X", "order_by": "date_entered", "offset": 0}
    rows = crm.call("get_relationship", asked)
    assert [(row["id"], row["qty"]) for row in rows] == [(product, 180)]
    crm.create("Leads", {**PERSON, "numbers": [PHONE]})
    assert crm.call("search_by_number", {"number": "09121111234", "module": "Leads"})[0]["module"] == "Leads"


def test_sql_is_not_taken_for_a_filter(crm: SarvConnector, observer: CountingObserver) -> None:
    crm.describe("Leads")
    observer.calls.clear()
    for asked in (
        {"query": "leads.id = '1' OR 1=1"}, {"query": "1=1; DROP TABLE leads"}, {"order_by": "leads.id, SLEEP(9)"},
        {"query": "full_name is not empty"}, {"order_by": "full_name"},
    ):  # fmt: skip
        with pytest.raises(QueryError):
            crm.call("list", {"module": "Leads", **asked})
    assert not observer.calls


def test_what_the_document_only_names_is_called_by_name(
    crm: SarvConnector, observer: CountingObserver, account: Account
) -> None:
    lead = read_all(crm, "Leads")[0].id
    given = {"method": "Retrieve", "verb": "POST", "params": {"module": "Leads"}, "body": '{"limit": 2}'}
    assert len(crm.call("call", given)) == 2
    comment = {
        "method": "LeaveComment",
        "verb": "POST",
        "params": {"module": "Leads", "id": lead},
        "body": {"comment": "Called back"},
    }
    crm.call("call", comment)
    assert observer.calls[-1].writes and not observer.calls[-1].safe
    with pytest.raises(QueryError, match="login"):
        crm.call("call", {"method": " Login ", "verb": "POST", "body": {"password": "x"}})
    with pytest.raises(QueryError):
        crm.call("call", {"method": "Retrieve", "verb": "PATCH"})


def test_the_call_by_any_name_is_for_administrators_only() -> None:
    assert [operation.name for operation in OPERATIONS if operation.admin_only] == ["call"]


@pytest.mark.parametrize("as_what", ["data", "file"])
def test_files_go_and_come_by_the_call_by_any_name(account: Account, crm: SarvConnector, as_what: str) -> None:
    account.control("POST", "switches", attachment_as=as_what)
    sent = {"name": "offer.bin", "type": "application/x-offer", "content": b64encode(b"\x00\xffoffer").decode()}
    given = {"method": "Save", "verb": "POST", "params": {"module": "Notes"}}
    id = crm.call("call", {**given, "body": {"name": "Offer"}, "files": {"filename": sent}})["id"]
    got = crm.call("call", {"method": "GetResourceAttachment", "verb": "GET", "params": {"module": "Notes", "id": id}})
    assert b64decode(got["filecontents"] if as_what == "data" else got["content"]) == b"\x00\xffoffer"
    assert (got["filename"], got["filetype"]) == ("offer.bin", "application/x-offer")


def test_a_body_may_be_sent_as_a_form(crm: SarvConnector) -> None:
    given = {"method": "Save", "verb": "POST", "params": {"module": "Leads"}, "body": {"last_name": "Formed"}}
    assert crm.get("Leads", crm.call("call", {**given, "form": "yes"})["id"]).values["last_name"] == "Formed"


def test_what_is_no_file_or_too_large_a_one_is_not_sent(crm: SarvConnector, observer: CountingObserver) -> None:
    given = {"method": "Save", "verb": "POST"}
    large = b64encode(bytes(crm.capabilities.max_upload + 1)).decode()
    for wrong in ("text", {"name": "a"}, {"name": "a", "content": "?"}, {"content": "YQ=="}):
        with pytest.raises(QueryError, match="base64"):
            crm.call("call", {**given, "files": {"filename": wrong}})
    with pytest.raises(RecordInvalid, match="a.bin"):
        crm.call("call", {**given, "files": {"filename": {"name": "a.bin", "content": large}}})
    assert not observer.calls


def test_a_new_login_is_shared_and_shows_no_token(crm: SarvConnector) -> None:
    crm.read("Leads", Query(limit=1))
    before = crm.context.sessions.get("0")
    assert "token" not in crm.call("login", {})
    assert crm.context.sessions.get("0") not in (None, before)
