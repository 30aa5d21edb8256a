"""Recorded answers of a real server of Simply CRM's family, read as the client reads them: the right error or a record of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.context import MemoryLearned
from connectors.errors import (
    AccessDenied,
    AuthError,
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
from connectors.simplycrm.bridge import normal, owners
from connectors.simplycrm.codec import SimplyCodec
from connectors.simplycrm.records import asked, flat, sections
from connectors.types import FieldType
from connectors.vtiger.answers import SessionGone
from connectors.vtiger.schema import described

FOLDER = Path(__file__).parent / "exchanges" / "simplycrm"
ALL = sorted(path.stem for path in FOLDER.glob("*.json"))
REFUSED: dict[str, type[ConnectorError]] = {
    "addRecordComment_missing": RecordInvalid, "after_logout": SessionGone, "alertDetailsWithMessage_bad": RecordNotFound,
    "bad_session": SessionGone, "deleteRecords_none": ProtocolError, "deleteRecords_single": ProtocolError,
    "deleteRecords_wsid": ProtocolError, "describe_none": QueryError, "describe_unknown": QueryError,
    "fetchRecordWithGrouping_missing": RecordNotFound, "fetchRecord_deleted": RecordNotFound,
    "fetchRecord_missing": RecordNotFound, "fetchRecord_none": RecordNotFound, "fetchRecord_plain_id": RecordNotFound,
    "fetchRecord_plain_id_module": RecordNotFound, "fetchRecord_wrong_prefix": RecordNotFound,
    "fetchRecordsWithGrouping_no_module": QueryError, "filterDetailsWithCount": Unavailable,
    "listModuleRecords_page_abc": Unavailable, "listModuleRecords_unknown": Unavailable, "login_bad_password": AuthError,
    "login_missing": AuthError, "login_unknown_user": AuthError, "login_via_get": Unsupported, "no_operation": Unsupported,
    "no_session": SessionGone, "op_case": Unsupported, "queryWithGrouping_all_pages": AccessDenied,
    "query_bad": QueryError, "query_none": QueryError, "relatedRecordsWithGrouping_badmod": ProtocolError,
    "relatedRecordsWithGrouping_none": ProtocolError, "relatedRecordsWithGrouping_norecord": RecordNotFound,
    "saveRecord_duplicate": Duplicate, "saveRecord_empty_values": RecordInvalid, "saveRecord_garbage_record": RecordInvalid,
    "saveRecord_lt2": RecordInvalid, "saveRecord_malformed": RecordInvalid, "saveRecord_missing_mandatory": RecordInvalid,
    "saveRecord_missing_owner": RecordInvalid, "saveRecord_no_values": RecordInvalid,
    "saveRecord_plain_record": RecordInvalid, "saveRecord_unknown_module": AccessDenied,
    "saveRecord_unknown_record": RecordNotFound, "saveRecord_user": RecordInvalid,
    "saveRecord_value_label_object": Unavailable, "session_after_webservice_touch": SessionGone,
    "session_in_query": SessionGone, "syncModuleRecords_badtoken": Unavailable, "syncModuleRecords_public": AccessDenied,
    "syncModuleRecords_unknown": QueryError, "unknown_operation": Unsupported,
    "webservice_session_used_on_mobile": SessionGone,
}  # fmt: skip
ANOTHER_API = {"session_used_on_webservice"}  # asked of webservice.php


def recorded(case: str) -> tuple[dict[str, Any], Any]:
    """Return what was asked, and the result as the client reads it. Raises what the client would."""
    told = json.loads((FOLDER / f"{case}.json").read_text())
    body = told["response"] if told["response_kind"] != "json" else json.dumps(told["response"])
    params = told["params"]
    answer = Answer(told["status"], {}, str(body).encode(), params.get("_operation") == "saveRecord")
    return params, result("Simply CRM", params.get("_operation", ""), answer, changes_one=bool(params.get("record")))


@pytest.mark.parametrize("case", [case for case in ALL if case not in ANOTHER_API])
def test_a_recorded_answer_gives_its_result_or_the_right_error(case: str) -> None:
    try:
        _params, found = recorded(case)
    except ConnectorError as e:
        assert type(e) is REFUSED.get(case), e
        unclear = case == "saveRecord_value_label_object"
        assert getattr(e, "maybe_done", False) is unclear
    else:
        assert case not in REFUSED and found is not None


def test_recorded_records_of_every_shape_become_the_same_flat_one() -> None:
    one, grouped = recorded("fetchRecord_ok")[1]["record"], recorded("fetchRecordWithGrouping")[1]["record"]
    row, other = flat(one), flat(grouped)
    assert row["id"] == other["id"] == "12x230"
    assert row["account_id"] == "11x30" and row["contact_id"] == ""
    assert {name: row[name] for name in other} == other
    told = sections(grouped)
    assert told["lastname"] == "Basic Information" and told["description"] == "Description Details"
    assert set(sections(recorded("fetchRecordWithGrouping_template")[1]["record"])) >= set(told)


def test_recorded_rows_of_a_query_hold_only_what_was_asked_for() -> None:
    for case, names in {"query_lt": {"id"}, "query_semicolon_limit": {"id", "lastname"}}.items():
        params, found = recorded(case)
        rows = asked(found["records"], params["query"])
        assert len(rows) == 2 and all(set(row) == names for row in rows)


def test_a_recorded_description_is_read_with_owners_and_types() -> None:
    told = recorded("describe_contacts")[1]["describe"]
    codec = SimplyCodec("UTC", MemoryLearned())
    schema = described(normal(told), codec, "19x1").schema
    assert schema.label_fields == ("firstname", "lastname") and schema.owner_field == "assigned_user_id"
    kinds = {field.name: field.type for field in schema.fields}
    assert (kinds["cf_901"], kinds["cf_903"], kinds["birthday"]) == (
        FieldType.MULTICHOICE,
        FieldType.MONEY,
        FieldType.DATE,
    )
    found = [owner for field in told["fields"] for owner in owners(field)]
    assert {(o.id, o.kind) for o in found} >= {("19x1", "user"), ("20x2", "group")}
    record = codec.decode_values(schema, flat(recorded("fetchRecord_ok")[1]["record"]))
    assert (record["lastname"], record["donotcall"], record["modifiedtime"]) == (
        "García 001",
        True,
        "2026-11-22T01:29:07Z",
    )


def test_text_sent_with_escapes_was_kept_whole() -> None:
    _params, found = recorded("saveRecord_u003c_escaped")
    row = flat(found["record"])
    assert (row["lastname"], row["title"]) == ('a <b & "q" <b>z</b>', "1 < 2 & 3 > 2 <3")
