"""What the simulated Simply CRM tells of modules, fields and records; the vendor's document, and what
servers of its family do besides. Letters and numbers are those of the facts about the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import MODULES, OWNED, Phone, fields, fresh

JSON = Any
DENIED = "Permission to perform the operation is denied"


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


def test_the_credentials_have_the_names_that_a_connection_asks_for(running: Account) -> None:
    assert set(running.secrets) == {"url", "username", "access_key", "password"}


def test_a_record_of_one_api_is_one_of_the_other(phone: Phone) -> None:
    crm = phone.account
    record = phone.made(firstname="Ann", title="T")
    crm.login()
    found = crm.result("SELECT firstname,source FROM Contacts;")
    assert found == [{"firstname": "Ann", "source": "MOBILE", "id": record}]
    crm.write("revise", {"id": record, "firstname": "Bob"})
    assert (phone.flat(record)["firstname"], phone.flat(record)["title"]) == ("Bob", "T")
    phone.result("deleteRecords", record=record.partition("x")[2])
    assert crm.result("SELECT id FROM Contacts;") == []


# --- modules and fields


def test_describe_tells_fields_with_owners_to_choose_from(phone: Phone) -> None:
    described = phone.result("describe", module="Calendar")["describe"]
    about = {k: v for k, v in described.items() if k not in ("fields", "allowDuplicates")}
    rights = dict.fromkeys(("createable", "updateable", "deleteable", "retrieveable"), True)
    named = {"label": "Calendar", "name": "Calendar", "idPrefix": "1", "isEntity": True, "labelFields": "subject"}
    assert about == {**rights, **named}
    found = {f["name"]: f for f in described["fields"]}
    assert {f["uitype"] for f in described["fields"]} == {None, 252}
    assert found["assigned_user_id"]["type"]["picklistValues"]["users"]["19x1"] == "Administrator"
    assert found["assigned_user_id"]["type"]["picklistValues"]["groups"]["20x2"] == "Team Selling"
    assert "Accounts" in found["parent_id"]["type"]["refersTo"]
    assert found["taskstatus"]["mandatory"] is True


@pytest.mark.parametrize("module", list(MODULES))
def test_every_module_can_be_described_and_listed_and_has_filters(phone: Phone, module: str) -> None:
    described = phone.result("describe", module=module)["describe"]
    assert (described["idPrefix"], described["name"]) == (MODULES[module], module)
    listed = phone.result("listModuleRecords", module=module)
    assert (listed["records"], listed["moreRecords"]) == (None, False)
    assert [h["name"] for h in listed["headers"]]
    shared = phone.result("fetchModuleFilters", module=module)["filters"]["Shared"]
    count = phone.result("filterDetailsWithCount", filterid=shared[0]["id"])["filter"]
    assert (count["moduleName"], count["count"], shared[0]["id"]) == (module, 0, listed["selectedFilter"])
    template = phone.result("fetchRecordWithGrouping", record=f"{MODULES[module]}x0")["record"]
    assert (template["id"], template["blocks"][2]["label"]) == (f"{MODULES[module]}x0", "Custom Information")


def test_a_field_switched_off_is_in_no_answer_of_either_api(phone: Phone) -> None:
    crm = phone.account
    record = phone.made(title="Boss", phone="1")
    session = crm.login()
    phone.switch(hidden_fields={"Contacts": ["title", "phone"]})
    by_webservice = [
        f["name"]
        for f in crm.get(operation="describe", sessionName=session, elementType="Contacts")["result"]["fields"]
    ]
    seen: list[Any] = [
        by_webservice,
        [f["name"] for f in phone.result("describe", module="Contacts")["describe"]["fields"]],
        phone.flat(record),
        fields(phone.result("fetchRecordWithGrouping", record=record)["record"]),
        crm.get(operation="retrieve", sessionName=session, id=record)["result"],
        crm.result("SELECT * FROM Contacts;")[0],
        phone.result("listModuleRecords", module="Contacts")["records"][0],
        phone.result("query", query="SELECT * FROM Contacts;")["records"][0],
    ]
    assert [("lastname" in s, "title" in s, "phone" in s) for s in seen] == [(True, False, False)] * len(seen)
    phone.switch(hidden_fields={})
    assert phone.flat(record)["title"] == "Boss"


def test_owners_are_users_that_are_switched_on_and_groups(phone: Phone) -> None:
    found = phone.result("fetchModuleOwners", module="Contacts")
    assert [o["value"] for o in found["users"]] == ["19x1", "19x6"]
    assert [o["label"] for o in found["groups"]] == ["Team Selling", "Marketing Group", "Support Group"]


def test_the_user_s_own_data_have_no_secret(phone: Phone) -> None:
    found = phone.result("userInfo")["userinfo"]
    assert (found["username"], found["id"], found["is_admin"]) == ("admin", "1", "on")
    assert not {"accesskey", "user_password", "confirm_password"} & set(found)


def test_a_task_has_a_custom_field_and_the_mobile_api_tells_less_of_documents(phone: Phone) -> None:
    fields_of = {f["name"]: f for f in phone.result("describe", module="Calendar")["describe"]["fields"]}
    assert (fields_of["cf_617"]["label"], fields_of["cf_617"]["type"]) == (
        "Telefono da chiamare per chiarimenti",
        {"name": "phone"},
    )
    task = {
        "subject": "T",
        "date_start": "2026-01-01",
        "due_date": "2026-01-02",
        "taskstatus": "Planned",
        "cf_617": "030",
    }
    record = phone.save("Calendar", **task, **OWNED)["result"]["record"]
    assert [f["value"] for f in record["blocks"][2]["fields"]] == ["030"]
    document = phone.save("Documents", notes_title="D", **OWNED)["result"]["record"]["id"]
    crm = phone.account
    told = crm.get(operation="retrieve", sessionName=crm.login(), id=document)["result"]
    assert set(told) - set(phone.flat(document)) == {"filesize", "filetype", "filedownloadcount", "fileversion"}


def test_a_server_that_queries_entities_only_refuses_the_others(phone: Phone) -> None:
    crm = phone.account
    assert crm.result("SELECT groupname FROM Groups;")[0]["groupname"] == "Team Selling"
    phone.switch(query_entities_only=True)
    assert crm.query("SELECT groupname FROM Groups;")["error"]["code"] == "ACCESS_DENIED"
    assert crm.query("SELECT id FROM Contacts;")["success"]


@pytest.mark.parametrize("module", ["CustomQuickCreate", "ProcessBar"])
def test_the_modules_of_the_web_s_screens_are_listed_and_know_no_operation(phone: Phone, module: str) -> None:
    assert phone.error("describe", module=module)["code"] == "ACCESS_DENIED"
    assert phone.save(module, name="x")["error"]["code"] == "ACCESS_DENIED"
    assert phone.post("listModuleRecords", module=module).status_code == 500


# --- one record


def test_a_record_is_flat_with_labels_for_what_it_refers_to(phone: Phone) -> None:
    account = phone.made("Accounts", accountname="Acme & Sons")
    record = phone.flat(phone.made(lastname="García", account_id=account, cf_903="1.5"))
    assert record["account_id"] == {"value": account, "label": "Acme & Sons"}
    assert record["assigned_user_id"] == {"value": "19x1", "label": "Administrator"}
    assert record["contact_id"] == {"value": "", "label": ""}
    assert (record["cf_903"], record["donotcall"]) == ("1.50000000", "0")
    assert record["label"].strip() == "Garc&iacute;a"


def test_a_record_in_blocks_has_its_custom_fields_in_the_third(phone: Phone) -> None:
    ws_id = phone.made(lastname="Grouped", description="D", mailingcity="Köln", cf_921="Gold")
    record = phone.result("fetchRecordWithGrouping", record=ws_id)["record"]
    labels = [b["label"] for b in record["blocks"]]
    assert labels == [
        "Contact Information", "Description Information", "Custom Information", "Address Information", "Contact Image Information:",
    ]  # fmt: skip
    assert record["blocks"][4]["fields"] == []
    found = {f["name"]: (f["value"], number) for number, b in enumerate(record["blocks"]) for f in b["fields"]}
    assert [found[n] for n in ("description", "cf_921", "mailingcity")] == [("D", 1), ("Gold", 2), ("Köln", 3)]
    assert "imagename" not in found
    entries = {f["name"]: f for b in record["blocks"] for f in b["fields"]}
    assert entries["lastname"] == {"name": "lastname", "value": "Grouped", "label": "Last Name", "uitype": "255"}
    assert entries["salutationtype"]["uitype"] == 16
    assert entries["assigned_user_id"]["type"]["defaultValue"] == {"value": "19x1", "label": "Administrator"}


def test_a_ticket_s_block_of_comments_stays_empty(phone: Phone) -> None:
    needed = {"ticketpriorities": "High", "ticketstatus": "Open"}
    ticket = phone.save("HelpDesk", ticket_title="Broken", **needed, **OWNED)["result"]["record"]["id"]
    phone.result("addRecordComment", values=json.dumps({"commentcontent": "Hi", "related_to": ticket}))
    blocks = phone.result("fetchRecordWithGrouping", record=ticket)["record"]["blocks"]
    assert [b["fields"] for b in blocks if b["label"] == "COMMENTS"] == [[]]


@pytest.mark.parametrize(
    ("operation", "params", "error"),
    [
        ("fetchRecord", {"record": "4x999999"}, {"code": "ACCESS_DENIED", "message": DENIED}),
        ("fetchRecord", {}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for id"}),
        ("fetchRecord", {"record": "230", "module": "Contacts"}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for id"}),
        ("fetchRecord", {"record": "4×230"}, {"code": "ACCESS_DENIED", "message": DENIED}),
        ("fetchRecordWithGrouping", {"record": "4x999999"}, {"code": "ACCESS_DENIED", "message": DENIED}),
        ("fetchRecordsWithGrouping", {"ids": '["4x1"]'}, {"code": 1501, "message": "Module not specified."}),
        ("describe", {}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for name : "}),
        ("describe", {"module": "Nope"}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for name : Nope"}),
        ("syncModuleRecords", {"module": "Nope"}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for name : Nope"}),
        ("query", {"query": "SELEC"}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for query"}),
        ("query", {}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for query"}),
        ("alertDetailsWithMessage", {"alertid": "999"}, {"code": 1401, "message": "Alert not found"}),
        ("relatedRecordsWithGrouping", {"relatedmodule": "Contacts"}, {"code": 1001, "message": "Record id is empty"}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_as_recorded(
    phone: Phone, operation: str, params: dict[str, str], error: JSON
) -> None:
    assert phone.error(operation, **params) == error


def test_a_record_asked_for_with_another_module_s_number_is_told_from_one_that_is_gone(phone: Phone) -> None:
    record = phone.made()
    wrong = phone.error("fetchRecord", record=record.replace("4x", "3x"))
    assert wrong == {"code": "INVALID_ID_ATTRIBUTE", "message": "Id specified is incorrect"}
    phone.result("deleteRecords", record=record[2:])
    assert phone.error("fetchRecord", record=record) == {"code": "ACCESS_DENIED", "message": DENIED}


def test_several_records_come_without_those_that_are_not_there(phone: Phone) -> None:
    first, second = phone.made(), phone.made()

    def found(ids: str) -> list[str]:
        return [r["id"] for r in phone.result("fetchRecordsWithGrouping", module="Contacts", ids=ids)["records"]]

    assert found(json.dumps([second, "4x999999", first])) == [second, first]
    assert found(first) == []
