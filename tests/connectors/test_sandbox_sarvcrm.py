"""What the simulated SarvCRM answers: the vendor's document, call by call, and what public clients saw besides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server, told

MODULES = [
    "Accounts", "AOS_Contracts", "AOS_Invoices", "AOS_PDF_Templates", "AOS_Product_Categories", "AOS_Products", "AOS_Quotes",
    "Appointments", "Approval", "asol_Project", "Branches", "Bugs", "Calls", "Cases", "Communications", "Communications_Target",
    "Communications_Template", "Campaigns", "Contacts", "Deposits", "Documents", "Emails", "Knowledge_Base",
    "Knowledge_Base_Categories", "Leads", "Meetings", "Notes", "OBJ_Conditions", "OBJ_Indicators", "OBJ_Objectives",
    "Opportunities", "Payments", "Purchase_Order", "sc_competitor", "sc_Contract", "sc_contract_management", "Service_Centers",
    "Tasks", "Timesheet", "Vendors",
]  # fmt: skip
BESIDES = ["Users", "ACLRoles", "Notifications", "Product_Bundle"]
BASE = {
    "id",
    "name",
    "created_by",
    "created_by_name",
    "date_entered",
    "modified_user_id",
    "modified_by_name",
    "date_modified",
    "deleted",
}
TYPES = {
    "assigned_user_name", "base", "bool", "boolean", "char", "currency", "date", "datetime", "datetimecombo", "decimal",
    "durationcombo", "email", "enum", "file", "fullname", "function", "id", "int", "integer", "linkable", "multienum", "name",
    "parent", "parent_type", "phone", "relate", "text", "tinyinit", "tree", "varchar",
}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=0) as sandbox:
        server = Server(sandbox)
        yield server
        server.close()


@pytest.fixture
def crm(running: Server) -> Server:
    running.control("POST", "reset")
    running.sign_in()
    return running


def test_a_record_lives_as_the_document_says(crm: Server) -> None:
    created = crm.call(
        "POST", "Save", "Leads", {"first_name": "Joel", "last_name": "Miller", "lead_source": "Conference"}
    )
    assert (created.status_code, created.json()["status"]) == (201, 201)
    assert created.json()["message"] == ["The record has been created."]
    id = created.json()["data"]["id"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id)
    before = crm.one("Leads", id)
    assert (before["full_name"], before["status"], before["type"]) == ("Joel Miller", "New", "Individual")
    crm.control("POST", "clock", shift_seconds=60, zone="Asia/Tehran")
    updated = crm.call("PUT", "Save", "Leads", {"title": "Boss"}, id=id)
    assert updated.json() == {"status": 200, "message": ["The record has been updated."], "data": {"id": id}}
    after = crm.one("Leads", id)
    assert {name for name in before if before[name] != after[name]} == {"title", "date_modified"}
    deleted = crm.call("DELETE", "Save", "Leads", id=id)
    assert deleted.json() == {"status": 200, "message": "The record has been deleted.", "data": []}
    assert crm.call("GET", "Retrieve", "Leads", id=id).status_code == 400
    assert id not in {record["id"] for record in crm.found("Leads")}


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "GET"])
def test_a_record_that_is_not_there_is_neither_made_nor_found(crm: Server, verb: str) -> None:
    method = "Retrieve" if verb == "GET" else "Save"
    answer = crm.call(verb, method, "Leads", {"last_name": "x"} if verb == "PUT" else None, id="no-such-id")
    wanted = "Access to this object is denied since it has been deleted or does not exist."
    assert told(answer) == (400, wanted)
    assert answer.json()["data"] == []
    assert crm.found("Leads") == crm.found("Leads", "leads.deleted = 0")
    assert "x" not in {r["last_name"] for r in crm.found("Leads")}


def fields(crm: Server, module: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = crm.data("GET", "GetModuleFields", module)
    return found


@pytest.mark.parametrize("module", MODULES + BESIDES)
def test_every_module_tells_its_fields_and_holds_records_of_exactly_those(crm: Server, module: str) -> None:
    told_fields = fields(crm, module)
    records = crm.found(module)
    assert set(told_fields) >= BASE
    assert all(name == field["name"] and field["label"] and field["type"] for name, field in told_fields.items())
    if module not in ("Accounts", "Contacts", "Leads", "ACLRoles"):
        assert len(records) >= 3
    relations = {name for name, f in told_fields.items() if f["type"] == "relate" and not f["id_name"]}
    for record in records:
        assert set(record) == set(told_fields) - relations
    assert ("assigned_user_id" in told_fields) is (
        module not in ("Communications", "Communications_Template", "ACLRoles")
    )


def test_what_the_document_leaves_open_can_be_had_either_way(crm: Server) -> None:
    named = fields(crm, "Leads")
    crm.control("POST", "switches", id_as_list=True, fields_as="list", missing_record="")
    assert crm.data("GET", "GetModuleFields", "Leads") == list(named.values())
    assert crm.data("GET", "Retrieve", "Leads", id="nobody") == []
    (id,) = crm.data("POST", "Save", "Leads", {"last_name": "x"})["id"]
    assert crm.data("PUT", "Save", "Leads", {"title": "x"}, id=id) == {"id": [id]}
    crm.control("POST", "switches", missing_record="404/51", http_200=True)
    answer = crm.call("GET", "Retrieve", "Leads", id="nobody")
    assert (answer.status_code, answer.json()["status"]) == (200, 404)


def test_there_are_the_forty_modules_of_the_document() -> None:
    assert len(set(MODULES)) == 40


def test_every_type_seen_occurs_and_a_lookup_names_its_id_and_module(crm: Server) -> None:
    everything = [field for module in MODULES for field in fields(crm, module).values()]
    assert {field["type"] for field in everything} == TYPES | {"time"}
    account = fields(crm, "Contacts")["account_name"]
    assert (account["type"], account["id_name"], account["related_module"]) == ("relate", "account_id", "Accounts")
    assert any("required" not in field for field in everything)


def test_choices_come_in_each_shape_seen(crm: Server) -> None:
    wanted = {
        "map": {"New": "New", "Converted": "Converted", "Expired": "Expired"},
        "pairs": [{"New": "New"}, {"Converted": "Converted"}, {"Expired": "Expired"}],
        "labelled": [{"value": v, "label": v} for v in ("New", "Converted", "Expired")],
    }
    for shape, options in wanted.items():
        crm.control("POST", "switches", options_shape=shape)
        assert fields(crm, "Leads")["status"]["options"] == options
        assert fields(crm, "Leads")["title"]["options"] == []
    crm.control("POST", "switches", options_shape="")
    shapes = {type(f["options"]) for m in MODULES for f in fields(crm, m).values() if f["type"] == "enum"}
    assert shapes == {dict, list}
    crm.sign_in(language="fa_IR")
    assert fields(crm, "Leads")["status"]["options"] == {
        "New": "جدید",
        "Converted": "تبدیل شده",
        "Expired": "منقضی شده",
    }


@pytest.mark.parametrize("key", ["selected_fields", "select_fields"])
def test_the_list_of_fields_goes_by_either_name_unless_the_server_knows_one(crm: Server, key: str) -> None:
    id = crm.made("Leads", last_name="x")
    asked = {key: ["id", "last_name", "nosuch"], "query": f"leads.id = '{id}'"}
    assert crm.data("POST", "Retrieve", "Leads", asked) == [{"id": id, "last_name": "x"}]
    crm.control("POST", "switches", fields_keys=["selected_fields"])
    (record,) = crm.data("POST", "Retrieve", "Leads", asked)
    assert (len(record) > 10) is (key == "select_fields")


def test_pages_are_cut_by_limit_and_offset_and_there_is_no_total(crm: Server) -> None:
    ids = crm.put_behind("Leads", *({"last_name": f"L{n:03}"} for n in range(45)))
    assert len(crm.data("GET", "Retrieve", "Leads")) == 20
    assert len(crm.data("GET", "Retrieve", "Leads", limit=30)) == 30
    assert set(crm.call("GET", "Retrieve", "Leads").json()) == {"status", "message", "data"}
    pages = [crm.data("POST", "Retrieve", "Leads", {"limit": 20, "offset": o}) for o in (0, 20, 40, 60)]
    assert [len(page) for page in pages] == [20, 20, 5, 0]
    assert [r["id"] for page in pages for r in page] == sorted(ids)
    ordered = crm.data("POST", "Retrieve", "Leads", {"order_by": "leads.last_name DESC", "limit": 2, "offset": 1})
    assert [r["last_name"] for r in ordered] == ["L043", "L042"]
    assert [r["id"] for r in crm.data("GET", "Retrieve", "Leads", limit=1, offset=44)] == [max(ids)]


def test_no_records_may_be_an_error_and_a_great_limit_too(crm: Server) -> None:
    assert crm.found("Leads", "FALSE") == []
    crm.control("POST", "switches", no_records="51", max_rows=50)
    assert told(crm.call("POST", "Retrieve", "Leads", {"query": "FALSE"})) == (404, "No records were found.")
    assert told(crm.call("POST", "Retrieve", "Accounts", {"limit": 51}))[0] == 400
    crm.made("Accounts", name="x")
    assert len(crm.data("POST", "Retrieve", "Accounts", {"limit": 50})) == 1


@pytest.mark.parametrize(
    ("module", "values"),
    [
        ("Leads", {"first_name": "x"}),
        ("Leads", {"last_name": "  "}),
        ("Leads", {"last_name": "x", "status": ""}),
        ("Accounts", {}),
        ("Opportunities", {"name": "x"}),
        ("Deposits", {"name": "x", "amount": None}),
    ],
    ids=str,
)
def test_a_record_without_what_it_must_have_is_refused(crm: Server, module: str, values: dict[str, Any]) -> None:
    before = crm.found(module)
    answer = crm.call("POST", "Save", module, values)
    assert told(answer) == (400, "Please fill out the required fields and try again.")
    assert crm.found(module) == before


def test_an_update_may_leave_out_what_a_record_must_have_but_not_empty_it(crm: Server) -> None:
    id = crm.made("Opportunities", name="x", amount=5)
    assert crm.call("PUT", "Save", "Opportunities", {"next_step": "y"}, id=id).status_code == 200
    assert crm.call("PUT", "Save", "Opportunities", {"amount": ""}, id=id).status_code == 400
    assert crm.one("Opportunities", id)["amount"] == "5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("employees", "many"), ("employees", 4.7), ("employees", 2**31), ("credit_limit", "1,234.56"), ("credit_limit", "NaN"),
        ("birth_date", "31/12/2020"), ("birth_date", "2020-02-30"), ("email_opt_out", "maybe"), ("description", ["a"]),
        ("tags", {"a": 1}), ("numbers", "0912"), ("numbers", [{"type": "Mobile"}]), ("numbers", [5]),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_of_another_type_is_refused(crm: Server, name: str, value: Any) -> None:
    assert told(crm.call("POST", "Save", "Accounts", {"name": "x", name: value})) == (400, "Type mismatch Error.")
    assert crm.found("Accounts") == []


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("employees", 12, "12"), ("employees", "+012", "12"), ("employees", "", None), ("credit_limit", 1250.50, "1250.5"),
        ("credit_limit", "0.10", "0.1"), ("credit_limit", "100", "100"), ("credit_limit", "0.123456", "0.123456"), ("email_opt_out", True, "1"),
        ("email_opt_out", "false", "0"), ("tags", ["VIP", "Old"], "^VIP^,^Old^"), ("tags", "^VIP^,^Old^", "^VIP^,^Old^"),
        ("tags", [], ""), ("rating", "x" * 300, "x" * 255), ("industry", "نو & <b>", "نو & <b>"), ("description", None, ""),
        ("birth_date", "2020-02-29", "2020-02-29"), ("id_AS", 4, "4"), ("nosuch", "x", None),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_kept_as(crm: Server, name: str, value: Any, kept: Any) -> None:
    assert crm.one("Accounts", crm.made("Accounts", **{"name": "x", name: value})).get(name) == kept


def test_choices_of_several_may_be_a_list(crm: Server) -> None:
    crm.control("POST", "switches", multienum_as="list")
    ids = [crm.made("Accounts", name="x", tags=tags) for tags in (["VIP", "Old"], [])]
    assert [crm.one("Accounts", id)["tags"] for id in ids] == [["VIP", "Old"], []]


def test_what_the_server_sets_itself_is_not_taken_from_the_client(crm: Server) -> None:
    crm.control("POST", "clock", shift_seconds=0, zone="Asia/Tehran")
    sent = {"id": "mine", "date_entered": "2001-01-01", "created_by": "1", "deleted": "1", "created_by_name": "x"}
    record = crm.one("Leads", crm.made("Leads", last_name="x", name="y", **sent))
    assert record["name"] == "x"
    assert record["created_by_name"] == "Sara Karimi"
    assert record["deleted"] == "0"
    assert record["id"] != "mine"
    assert not record["date_entered"].startswith("2001")


def test_times_are_shown_with_an_offset_and_taken_with_any(crm: Server) -> None:
    for sent, shown in (
        ("2018-04-22T14:40:00+04:30", "2018-04-22T14:40:00+04:30"),
        ("2018-04-22T10:10:00Z", "2018-04-22T14:40:00+04:30"),
        ("2018-04-22 14:40:00", "2018-04-22T14:40:00+04:30"),
        ("2026-01-01T00:00:00+00:00", "2026-01-01T03:30:00+03:30"),
    ):
        id = crm.made("Calls", name="x", date_start=sent)
        assert crm.one("Calls", id)["date_start"] == shown
    sheet = crm.made("Timesheet", name="x", work_date="2026-01-01", start_time="14:40")
    assert crm.one("Timesheet", sheet)["start_time"] == "14:40:00"
    assert crm.found("Calls", "calls.date_start = '2026-01-01 00:00:00'", selected_fields=["id"]) == [{"id": id}]


def test_two_records_may_be_kept_from_sharing_a_value(crm: Server) -> None:
    crm.control("POST", "switches", unique=["Leads.email1"])
    one, other = (crm.made("Leads", last_name="x", email1=f"{n}@x.com") for n in (1, 2))
    answer = crm.call("POST", "Save", "Leads", {"last_name": "y", "email1": "1@x.com"})
    assert told(answer) == (400, "Duplicate records have been found. Please be more specific.")
    assert crm.call("PUT", "Save", "Leads", {"email1": "1@x.com"}, id=other).status_code == 400
    assert crm.call("PUT", "Save", "Leads", {"email1": "1@x.com"}, id=one).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"a": 1,}'])
def test_a_body_that_is_no_object_is_invalid(crm: Server, body: bytes) -> None:
    head = {"Authorization": f"Bearer {crm.session}", "Content-Type": "application/json"}
    for method in ("Save", "Retrieve"):
        answer = crm.http.post(
            crm.address, params={"method": method, "module": "Leads"}, data=body, headers=head, timeout=10
        )
        assert told(answer)[0] == 400
        assert told(answer)[1].startswith("The data sent for this function is invalid")
