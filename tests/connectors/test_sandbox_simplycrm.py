"""What the simulated Simply CRM tells: signing in, modules, fields and records; the vendor's document, and what
servers of its family do besides. Letters and numbers are those of the facts about the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import OWNED, Phone, fields, fresh

JSON = Any
DENIED = "Permission to perform the operation is denied"
LOGIN_REQUIRED = {"code": 1501, "message": "Login required"}
MODULES = {
    "Calendar": "1", "Leads": "2", "Accounts": "3", "Contacts": "4", "Potentials": "5", "Products": "6", "Documents": "7",
    "Emails": "8", "HelpDesk": "9", "Faq": "10", "Vendors": "11", "PriceBooks": "12", "Quotes": "13", "PurchaseOrder": "14",
    "SalesOrder": "15", "Invoice": "16", "Campaigns": "17", "PBXManager": "23", "ServiceContracts": "24", "Services": "25",
    "Assets": "26", "ModComments": "27", "ProjectMilestone": "28", "ProjectTask": "29", "Project": "30", "SMSNotifier": "31",
}  # fmt: skip


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


# --- signing in


def test_a_sign_in_tells_user_session_and_versions(phone: Phone) -> None:
    login = phone.result("login", username="admin", password=phone.account.secrets["password"])["login"]
    assert login["userid"] == "1"
    assert (login["simply_version"], login["mobile_module_version"], login["crm_tz"]) == ("7.1.0", "1.2.1", "UTC")
    assert login["session"] != phone.session


def test_a_sign_in_with_modules_lists_them_with_this_server_s_numbers(phone: Phone) -> None:
    answer = phone.result("loginAndFetchModules", username="admin", password=phone.account.secrets["password"])
    found = {m["name"]: m["id"] for m in answer["modules"]}
    assert list(found)[:26] == list(MODULES)
    assert {name: found[name] for name in MODULES} == MODULES
    assert {"CustomQuickCreate", "ProcessBar"} == set(found) - set(MODULES)
    assert set(answer["modules"][0]) == {"id", "name", "isEntity", "label", "singular"}
    assert phone.result("fetchModules")["modules"] == answer["modules"]


@pytest.mark.parametrize(
    "wrong",
    [{"password": "wrong"}, {"username": "nobody"}, {"username": ""}, {"password": ""}, {"username": "inactive1"}],
    ids=str,
)
def test_every_refused_sign_in_reads_alike(phone: Phone, wrong: dict[str, str]) -> None:
    sent = {"username": "admin", "password": phone.account.secrets["password"], **wrong}
    assert phone.error("login", **sent) == {"code": 1210, "message": "Authentication Failed"}


def test_the_access_key_is_no_password_and_the_password_no_access_key(phone: Phone) -> None:
    secrets, crm = phone.account.secrets, phone.account
    assert phone.error("login", username="admin", password=secrets["access_key"])["code"] == 1210
    crm.get(operation="getchallenge", username="admin")
    answer = crm.post(operation="login", username="admin", accessKey=secrets["password"])
    assert answer["error"]["code"] == "INVALID_USER_CREDENTIALS"


def test_the_mobile_api_takes_form_multipart_and_json_and_answers_text_json(phone: Phone) -> None:
    sent = {"_operation": "fetchModuleOwners", "_session": phone.session}
    bodies: list[dict[str, JSON]] = [
        {"data": sent},
        {"json": sent},
        {"files": {name: (None, value) for name, value in sent.items()}},
    ]
    answers = [phone.account.http.post(phone.url, timeout=10, **body) for body in bodies]
    assert [a.json()["success"] for a in answers] == [True] * 3
    assert {a.headers["Content-Type"] for a in answers} == {"text/json;charset=UTF-8"}


def test_the_mobile_api_reads_nothing_from_the_address(phone: Phone) -> None:
    sent = {"_operation": "fetchModules", "_session": phone.session}
    got = phone.account.http.get(phone.url, params=sent, timeout=10).json()
    assert got["error"] == {"code": 1404, "message": "Operation not found: "}
    answer = phone.account.http.post(
        phone.url, params={"_session": phone.session}, data={"_operation": "fetchModules"}, timeout=10
    )
    assert answer.json()["error"] == LOGIN_REQUIRED


@pytest.mark.parametrize("name", ["nosuch", "SaveRecord", ""])
def test_an_unknown_operation_is_told_whatever_its_case(phone: Phone, name: str) -> None:
    assert phone.error(name) == {"code": 1404, "message": f"Operation not found: {name}"}


def test_a_mobile_session_idle_for_24_minutes_is_gone_and_a_used_one_is_not(phone: Phone) -> None:
    for seconds in (1400, 2800):
        phone.shift(seconds)
        phone.result("fetchModules")
    phone.shift(4300)
    assert phone.error("fetchModules") == LOGIN_REQUIRED
    phone.shift(0)
    phone.login()
    phone.result("logout")
    assert phone.error("fetchModules") == LOGIN_REQUIRED


def test_a_session_is_good_for_its_own_api_only_and_dies_where_it_is_not(phone: Phone) -> None:
    crm = phone.account
    crm.session = phone.session
    assert crm.query("SELECT id FROM Contacts;")["error"]["code"] == "INVALID_SESSIONID"
    assert phone.error("fetchModules") == LOGIN_REQUIRED
    phone.session = crm.login()
    assert phone.error("fetchModules") == LOGIN_REQUIRED
    assert crm.query("SELECT id FROM Contacts;")["success"]


def test_callers_that_are_not_in_the_address_list_are_refused_by_both_apis(phone: Phone) -> None:
    crm = phone.account
    crm.login()
    phone.switch(allowed_ips=["203.0.113.9"])
    assert phone.error("fetchModules")["code"] == "ACCESS_DENIED"
    assert phone.error("login", username="admin", password=crm.secrets["password"])["code"] == "ACCESS_DENIED"
    assert "Whitelist IP" in crm.query("SELECT id FROM Contacts;")["error"]["message"]
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    refused = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))
    assert refused["error"]["code"] == "ACCESS_DENIED"
    phone.switch(allowed_ips=["203.0.113.9", "127.0.0.1"])
    phone.result("fetchModules")


def test_the_webservice_signs_in_as_7_1_does(phone: Phone) -> None:
    crm = phone.account
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    answer = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))["result"]
    assert {**answer, "sessionName": ""} == {
        "sessionName": "",
        "userId": "19x1",
        "version": "0.22",
        "vtigerVersion": "7.1.0",
    }
    token = crm.get(operation="getchallenge", username="inactive1")["result"]["token"]
    answer = crm.post(operation="login", username="inactive1", accessKey=crm.proof(token, "inactive1"))
    assert answer["error"] == {"code": "AUTHENTICATION_REQUIRED", "message": "Given user is inactive"}


def test_a_webservice_session_ends_by_post_and_with_the_documented_spelling_by_get(phone: Phone) -> None:
    crm = phone.account
    ended = {"operation": "logout", "sessionName": crm.login()}
    assert crm.get(**ended)["error"]["code"] == "OPERATION_NOT_SUPPORTED"
    assert crm.post(**ended)["result"] == {"message": "successfull"}
    phone.switch(documented_spelling=True)
    token = crm.get(operation="getchallenge", username="admin")["result"]["token"]
    login = crm.post(operation="login", username="admin", accessKey=crm.proof(token, "admin"))["result"]
    assert set(login) == {"sessionId", "userId", "version", "SimplyVersion"}
    ended["sessionName"] = login["sessionId"]
    assert crm.get(**ended)["success"]
    refused = crm.get(operation="listtypes", sessionName=login["sessionId"])
    assert refused["error"]["errorCode"] == "INVALID_SESSIONID"
    assert refused["error"]["errorMessage"] == "Session Identifier provided is Invalid"


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
