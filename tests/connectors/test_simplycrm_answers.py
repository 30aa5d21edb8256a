"""The pure parts of Simply CRM's connector: what answers mean, the shapes of records, dates, addresses, declarations."""

from __future__ import annotations

import json
import re
from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import Context, MemoryLearned
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    Duplicate,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)
from connectors.http import Answer
from connectors.simplycrm.answers import result
from connectors.simplycrm.client import CALLS, root
from connectors.simplycrm.codec import DATE_FORMAT, SimplyCodec, in_format
from connectors.simplycrm.connector import SimplyCrmConnector
from connectors.simplycrm.operations import MOBILE, dotted
from connectors.simplycrm.records import as_values, asked, flat, label, sections
from connectors.simplycrm.schema import named
from connectors.types import FieldSchema, FieldType, Module
from connectors.vtiger.answers import SessionGone

MISSING = "Permission to perform the operation is denied"
DOCUMENTED = [
    "login",
    "loginAndFetchModules",
    "fetchModuleFilters",
    "filterDetailsWithCount",
    "fetchAllAlerts",
    "alertDetailsWithMessage",
    "listModuleRecords",
    "fetchRecord",
    "fetchRecordWithGrouping",
    "fetchRecordsWithGrouping",
    "describe",
    "saveRecord",
    "syncModuleRecords",
    "query",
    "queryWithGrouping",
    "relatedRecordsWithGrouping",
    "deleteRecords",
    "addRecordComment",
]
WEBSERVICE = [
    "getchallenge",
    "login",
    "create",
    "retrieve",
    "update",
    "delete",
    "sync",
    "query",
    "listtypes",
    "describe",
    "logout",
    "extendsession",
]


def answer(body: object, status: int = 200) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"Content-Type": "text/json;charset=UTF-8"}, sent, maybe_done=True)


def refused(code: object, message: str) -> dict[str, object]:
    return {"success": False, "error": {"code": code, "message": message}}


# What answers mean


@pytest.mark.parametrize(
    ("operation", "code", "message", "kind"),
    [
        ("describe", 1501, "Login required", SessionGone),
        ("saveRecord", 1501, "Values cannot be empty!", RecordInvalid),
        ("fetchRecordsWithGrouping", 1501, "Module not specified.", QueryError),
        ("query", 1501, "Service not available", Unavailable),
        ("login", 1210, "Authentication Failed", AuthError),
        ("nosuch", 1404, "Operation not found: nosuch", Unsupported),
        ("alertDetailsWithMessage", 1401, "Alert not found", RecordNotFound),
        ("relatedRecordsWithGrouping", 1001, "Record id is empty", RecordNotFound),
        ("fetchRecord", "ACCESS_DENIED", MISSING, RecordNotFound),
        ("fetchRecord", "ACCESS_DENIED", "Permission to read given object is denied", AccessDenied),
        ("fetchRecord", "INVALID_ID_ATTRIBUTE", "Id specified is incorrect", RecordNotFound),
        ("describe", "ACCESS_DENIED", f"{MISSING} for name : Nope", QueryError),
        ("query", "ACCESS_DENIED", f"{MISSING} for query", QueryError),
        ("saveRecord", "ACCESS_DENIED", MISSING, AccessDenied),
        ("saveRecord", "MANDATORY_FIELDS_MISSING", "assigned_user_id does not have a value", RecordInvalid),
        ("saveRecord", 0, "Duplicate(s) detected!", Duplicate),
        ("saveRecord", "DATABASE_QUERY_ERROR", "Database error", Unavailable),
        ("saveRecord", "SOMETHING_NEW", "What is this?", ProtocolError),
    ],
)
def test_an_error_means_what_its_code_and_message_say_together(
    operation: str, code: object, message: str, kind: type[ConnectorError]
) -> None:
    with pytest.raises(kind) as caught:
        result("Simply CRM", operation, answer(refused(code, message)))
    assert (caught.value.code, caught.value.vendor_message) == (str(code), message)


def test_a_record_that_is_not_there_is_told_from_a_create_that_is_forbidden() -> None:
    with pytest.raises(RecordNotFound):
        result("Simply CRM", "saveRecord", answer(refused("ACCESS_DENIED", MISSING)), changes_one=True)


def test_the_field_that_is_missing_is_named() -> None:
    with pytest.raises(RecordInvalid) as caught:
        result(
            "Simply CRM",
            "saveRecord",
            answer(refused("MANDATORY_FIELDS_MISSING", "assigned_user_id does not have a value")),
        )
    assert set(caught.value.fields) == {"assigned_user_id"}


def test_the_names_of_the_document_for_code_and_message_are_read_too() -> None:
    body = {"success": False, "error": {"errorCode": "ACCESS_DENIED", "errorMessage": MISSING}}
    with pytest.raises(RecordNotFound):
        result("Simply CRM", "fetchRecord", answer(body))


@pytest.mark.parametrize(
    ("body", "status", "kind", "unclear"),
    [
        ({"success": False, "error": None}, 200, ProtocolError, True),
        (b"", 500, Unavailable, True),
        (b"Sorry! Attempt to access restricted file.", 200, ProtocolError, True),
        (b"<html>Login</html>", 200, ProtocolError, True),
        (b'{"success":tru', 200, ProtocolError, True),
        (b"[1]", 200, ProtocolError, True),
        (b"Forbidden", 403, AccessDenied, False),
        (b"Not Found", 404, ConfigError, False),
    ],
)
def test_what_is_no_answer_of_the_api_is_never_taken_for_one(
    body: object, status: int, kind: type[ConnectorError], unclear: bool
) -> None:
    with pytest.raises(kind) as caught:
        result("Simply CRM", "saveRecord", answer(body, status))
    assert getattr(caught.value, "maybe_done", False) is unclear


def test_warnings_before_the_answer_are_passed_over() -> None:
    body = b'<br />\n<b>Warning</b>: Undefined index in x.php\n{"success":true,"result":{"alerts":[]}}'
    assert result("Simply CRM", "fetchAllAlerts", answer(body)) == {"alerts": []}


def test_being_kept_out_by_the_list_of_addresses_is_explained() -> None:
    with pytest.raises(AccessDenied, match="Whitelist IP"):
        result("Simply CRM", "login", answer(b"Forbidden", 403))


# Records

GROUPED = {
    "blocks": [
        {
            "label": "Task Information",
            "fields": [
                {"name": "subject", "value": "Call", "label": "Subject", "uitype": "2"},
                {"name": "assigned_user_id", "value": {"value": "19x1", "label": "Administrator"}, "uitype": "53"},
                {"name": "time_start", "value": "15:40", "label": "Time Start", "uitype": 252},
                {"name": "parent_id", "value": {"value": "", "label": ""}, "label": "Related to", "uitype": None},
            ],
        },
        {"label": "", "fields": [{"name": "description", "value": "desc", "label": "Description"}]},
        {"label": "Contact Image Information:", "fields": []},
        {"label": "COMMENTS:", "fields": [{"name": "cf_617", "value": None}]},
    ],
    "id": "1x1151",
    "labelFields": ["subject"],
}


def test_a_grouped_record_becomes_flat_and_absent_fields_stay_absent() -> None:
    assert flat(GROUPED) == {
        "id": "1x1151", "subject": "Call", "assigned_user_id": "19x1", "time_start": "15:40", "parent_id": "",
        "description": "desc", "cf_617": "",
    }  # fmt: skip
    assert sections(GROUPED) == {
        "subject": "Task Information", "assigned_user_id": "Task Information", "time_start": "Task Information",
        "parent_id": "Task Information", "description": "", "cf_617": "COMMENTS",
    }  # fmt: skip


def test_a_flat_record_loses_only_the_labels_of_its_references() -> None:
    record = {"subject": "Call", "contact_id": {"value": "12x9", "label": "Ito"}, "id": "1x2"}
    assert flat(record) == {"subject": "Call", "contact_id": "12x9", "id": "1x2"}
    assert (label(record["contact_id"]), label("12x9")) == ("Ito", "")
    assert flat({"blocks": None, "id": "1x2"}) == {"id": "1x2"}


def test_of_a_query_only_what_was_asked_for_is_believed() -> None:
    row = {"id": "12x2", "lastname": "Ito", "account_id": {"value": "", "label": ""}, "contact_id": {"value": None}}
    wanted = asked([row], "SELECT lastname,account_id FROM Contacts LIMIT 5;")
    assert wanted == [{"id": "12x2", "lastname": "Ito", "account_id": ""}]
    assert asked([row], "SELECT * FROM Contacts LIMIT 5;")[0]["contact_id"] == ""


@given(st.dictionaries(st.text(min_size=1), st.text() | st.lists(st.text())))
def test_values_reach_the_server_whole_and_with_nothing_its_purifier_bites(values: dict[str, object]) -> None:
    sent = as_values(values)
    assert not set("<>&") & set(sent)
    assert orjson.loads(sent) == values


# Dates and names


@given(st.dates(min_value=date(1000, 1, 1)), st.sampled_from(["dd-mm-yyyy", "mm-dd-yyyy", "yyyy-mm-dd"]))
def test_a_date_is_read_in_the_form_the_user_sees_it(day: date, format: str) -> None:
    learned = MemoryLearned()
    learned.set(DATE_FORMAT, format)
    codec, field = SimplyCodec("UTC", learned), FieldSchema("birthday", "Birthday", FieldType.DATE)
    shown = format.replace("yyyy", f"{day.year:04}").replace("mm", f"{day.month:02}").replace("dd", f"{day.day:02}")
    assert codec.decode(field, shown) == codec.decode(field, day.isoformat()) == day.isoformat()
    assert codec.encode(field, day.isoformat()) == day.isoformat()


def test_a_date_in_no_known_form_is_kept_as_it_came() -> None:
    field = FieldSchema("birthday", "Birthday", FieldType.DATE)
    assert SimplyCodec("UTC", MemoryLearned()).decode(field, "29-02-2024") == "29-02-2024"
    with pytest.raises(ValueError):
        in_format("31-02-2024", "dd-mm-yyyy")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("FAQ", "Faq"), ("projects", "Project"), ("Project Task", "ProjectTask"), ("contacts", "Contacts"),
        ("Twin", None), ("Nope", None), ("", None),
    ],
)  # fmt: skip
def test_a_module_is_found_by_name_label_or_singular_unless_two_are_meant(text: str, meant: str | None) -> None:
    modules = [
        Module("Faq", "FAQ", "Faq"), Module("Project", "Projects", "Project"), Module("A", "Twin"), Module("B", "Twin"),
        Module("ProjectTask", "Project Tasks", "Project Task"), Module("Contacts", "Contacts", "Contact"),
    ]  # fmt: skip
    assert named(text, modules) == meant


@pytest.mark.parametrize(
    "given",
    [
        "https://x.simply-crm.com",
        "https://x.simply-crm.com/",
        "https://x.simply-crm.com/index.php?module=Home",
        "https://x.simply-crm.com/webservice.php",
        "https://x.simply-crm.com/modules/Mobile/api.php",
        " https://x.simply-crm.com/modules/Mobile/api.php?_operation=login ",
    ],
)
def test_the_address_may_be_that_of_any_page(given: str) -> None:
    assert root(given) == "https://x.simply-crm.com/"
    crm = SimplyCrmConnector({"url": given, "username": "u"}, {"password": "secret-secret"}, Context())
    assert crm.client.endpoint == "https://x.simply-crm.com/webservice.php"


def test_without_any_credential_the_connection_is_refused() -> None:
    with pytest.raises(ConfigError, match="neither was given"):
        SimplyCrmConnector({"url": "https://x.simply-crm.com", "username": "u"}, {}, Context())


def test_every_documented_operation_is_declared_and_only_writes_are_never_repeated() -> None:
    declared = {operation.name: operation for operation in SimplyCrmConnector.operations}
    offered = {operation.name.removeprefix("mobile.") for operation in MOBILE}
    assert offered == {*DOCUMENTED, "logout", "call"}
    assert set(WEBSERVICE) <= set(declared) and "webhook" in declared
    for name in DOCUMENTED:
        call = CALLS[name]
        assert (call.method, call.writes, call.safe) == ("POST", declared[f"mobile.{name}"].writes, not call.writes)
    assert {name for name in DOCUMENTED if CALLS[name].writes} == {"saveRecord", "deleteRecords", "addRecordComment"}


def test_a_password_in_a_grouped_answer_becomes_a_dot() -> None:
    shown = dotted(
        {"blocks": [{"fields": [{"name": "user_password", "value": "geheim"}, {"name": "x", "value": "y"}]}]}
    )
    assert "geheim" not in json.dumps(shown) and re.search("•", json.dumps(shown, ensure_ascii=False))
    assert shown["blocks"][0]["fields"][1]["value"] == "y"
