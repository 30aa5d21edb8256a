"""What each answer of Really Simple Systems means, whatever its shape: errors, dictionaries, pick lists, tokens, addresses."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from connectors.errors import (
    AuthError,
    ConfigError,
    ConnectorError,
    NotInPlan,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer
from connectors.reallysimple.answers import failure
from connectors.reallysimple.client import CREATE, GET, LIST, UPDATE, Listing, expires_at, root
from connectors.reallysimple.codec import ReallySimpleCodec
from connectors.reallysimple.schema import OBJECTS, choices, field_type, schema
from connectors.types import FieldSchema, FieldType

CASES: list[tuple[Any, int, Any, str, type[ConnectorError]]] = [
    (LIST, 301, b"<html>Redirecting", "", AuthError),
    (LIST, 400, {"message": "Invalid field (nme)"}, "", QueryError),
    (CREATE, 400, {"message": "Bad request"}, "", RecordInvalid),
    (LIST, 401, {}, "", AuthError),
    (LIST, 402, {"message": "Forbidden, please check your access token"}, "", AuthError),
    (LIST, 403, {"message": "Unauthenticated"}, "", AuthError),
    (LIST, 403, {"message": "Your plan does not include this record type"}, "", NotInPlan),
    (CREATE, 402, {"message": "You have reached the record limit of your subscription"}, "", NotInPlan),
    (LIST, 404, {"message": "Page not found"}, "", QueryError),
    (GET, 404, {"message": "Record not found"}, "7", RecordNotFound),
    (UPDATE, 404, b"", "7", RecordNotFound),
    (LIST, 405, {"message": "Not Allowed"}, "", ProtocolError),
    (CREATE, 422, {"message": "The given data was invalid.", "validation": {"last": [{"Required": []}]}}, "", RecordInvalid),
    (CREATE, 422, {"message": "Subscription limit reached"}, "", NotInPlan),
    (LIST, 500, {"code": 500, "message": "Invalid record type (accountss)"}, "", QueryError),
    (LIST, 500, b"<html>Whoops", "", Unavailable),
    (CREATE, 500, b"", "", Unavailable),
    (CREATE, 503, b"<html>Maintenance", "", Unavailable),
    (LIST, 418, b"", "", ProtocolError),
]  # fmt: skip


@pytest.mark.parametrize(("call", "status", "body", "id", "kind"), CASES)
def test_a_status_and_its_message_mean_one_error(
    call: Any, status: int, body: Any, id: str, kind: type[ConnectorError]
) -> None:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    error = failure(call, Answer(status, {}, data, not call.safe), "contacts", id)
    assert type(error) is kind
    assert getattr(error, "maybe_done", False) is (call is CREATE and kind is Unavailable)
    if isinstance(body, dict) and body.get("message") and kind is not RecordNotFound:
        assert error.vendor_message == body["message"]


@pytest.mark.parametrize(
    ("validation", "fields"),
    [
        ({"accountid": [{"Required": []}]}, {"accountid": "Required"}),
        ({"last": [{"Max": ["255"]}, {"String": []}]}, {"last": "Max 255, String"}),
        ({"email": ["The email must be valid."]}, {"email": "The email must be valid."}),
        ({"email": "is wrong"}, {"email": "is wrong"}),
        ({"email": {"Email": None}}, {"email": "Email"}),
        ([{"first": []}, {"last": [[{"Deep": {"er": 1}}]]}], {"first": "is not valid", "last": "Deep er 1"}),
        ("nonsense", {}),
        (None, {}),
    ],
)
def test_validation_of_any_shape_becomes_words_by_field(validation: Any, fields: dict[str, str]) -> None:
    body = orjson.dumps({"message": "The given data was invalid.", "validation": validation})
    error = failure(CREATE, Answer(422, {}, body, True), "contacts")
    assert isinstance(error, RecordInvalid)
    assert error.fields == fields
    assert all(name in str(error) for name in fields)


FIELDS = [("last", FieldType.TEXT, True), ("age", FieldType.INTEGER, False), ("type", FieldType.CHOICE, False)]
DICTIONARIES: list[Any] = [
    [{"name": "last", "type": "string", "required": True}, {"name": "age", "type": "int"}, {"name": "type", "type": "list"}],
    {"list": [{"record": {"field": "last", "type": "varchar(80)", "mandatory": 1}}, {"record": {"field": "age", "type": "Integer"}},
              {"record": {"field": "type", "type": "Dropdown"}}], "metadata": {"url": "/datadictionary"}},
    {"last": {"Type": "String", "Required": "yes"}, "age": {"Type": "bigint(20)"}, "type": {"Type": "lookup"}},
    {"fields": {"last": {"type": "text box", "mandatory": "Required"}, "age": {"type": "whole number"}, "type": {"type": "select"}}},
    {"metadata": {}, "data": [{"key": "last", "datatype": "char", "is_required": "true"}, {"key": "age", "datatype": "INT"},
                              {"key": "type", "datatype": "picklist"}]},
]  # fmt: skip


@pytest.mark.parametrize("told", DICTIONARIES)
def test_a_dictionary_of_any_shape_is_read(told: Any) -> None:
    found = schema("contacts", told)
    assert found.names[0] == "id" and found.fields[0].type is FieldType.ID
    assert [(f.name, f.type, f.required) for f in found.fields[1:]] == FIELDS


def test_the_documented_objects_are_offered() -> None:
    assert list(OBJECTS) == [
        "accounts", "activities", "contacts", "campaigns", "campaigndetails", "campaignstages", "cases", "documents",
        "opportunities", "opportunityhistories", "opportunity_lines",
    ]  # fmt: skip


def test_the_documented_fields_of_an_account_come_under_their_own_names() -> None:
    documented = [
        "id", "name", "addressline", "addresscity", "addresscounty/state", "addresspostcode/zip", "addresscountry",
        "ownerid", "campaignid", "source", "notes", "slaid", "phone", "website", "type", "sector", "createddate",
        "modifieddate",
    ]  # fmt: skip
    found = schema("accounts", dict.fromkeys(documented, "string"))
    assert list(found.names) == documented
    assert (found.modified_field, found.created_field, found.owner_field) == ("modifieddate", "createddate", "ownerid")


def test_a_dictionary_that_only_names_the_fields_gives_what_is_known_of_them() -> None:
    told = {"name": "string", "email": "string", "accountid": "int"}
    kinds = {field.name: field.type for field in schema("contacts", told).fields}
    assert kinds["email"] is FieldType.EMAIL and kinds["accountid"] is FieldType.REFERENCE
    names = ["first", "last", "modifieddate", "probability", "decisionmaker", "addresscounty/state"]
    found = schema("contacts", names)
    assert found.label_fields == ("first", "last") and found.modified_field == "modifieddate"
    assert found.field("decisionmaker") and found.field("decisionmaker").type is FieldType.BOOLEAN  # type: ignore[union-attr]


def test_a_dictionary_that_is_none_is_a_protocol_error() -> None:
    for told in (None, [], {}, "no", 7):
        with pytest.raises(ProtocolError):
            schema("contacts", told)


@pytest.mark.parametrize(
    ("name", "told", "kind"),
    [
        ("modifieddate", "", FieldType.DATETIME),
        ("closedate", "datetime", FieldType.DATETIME),  # a definite word of the server counts
        ("forecast", "decimal", FieldType.DECIMAL),
        ("value", "decimal", FieldType.MONEY),
        ("probability", "string", FieldType.TEXT),  # kept as text it is compared as text: no number to us
        ("probability", "integer", FieldType.PERCENT),
        ("hold", "tinyint(1)", FieldType.BOOLEAN),
        ("ownerid", "string", FieldType.OWNER),
        ("custom", "who knows", FieldType.TEXT),
    ],
)
def test_the_dictionary_decides_the_type_unless_it_is_vague(name: str, told: str, kind: FieldType) -> None:
    assert field_type(name, told) is kind


@pytest.mark.parametrize(
    "told",
    [{"items": [{"value": "A", "id": 1}, {"value": "B", "id": 2}]}, ["A", "B", "A", ""], {"list": ["A", "B"]}, [{"name": "A"}, {"label": "B"}]],
)  # fmt: skip
def test_a_pick_list_of_any_shape_is_read(told: Any) -> None:
    assert [choice.value for choice in choices(told)] == ["A", "B"]


@pytest.mark.parametrize(
    ("kind", "wire", "value"),
    [
        (FieldType.TEXT, "  ", None),
        (FieldType.TEXT, " a ", " a "),
        (FieldType.TEXT, "a\x00b", "a\ufffdb"),
        (FieldType.REFERENCE, 0, None),
        (FieldType.REFERENCE, "0", None),
        (FieldType.REFERENCE, 95920978, "95920978"),
        (FieldType.BOOLEAN, 0, False),
        (FieldType.BOOLEAN, "1", True),
        (FieldType.BOOLEAN, True, True),
        (FieldType.INTEGER, 0, "0"),
        (FieldType.INTEGER, -7, "-7"),
        (FieldType.MONEY, 12.50, "12.5"),
        (FieldType.DATE, "0000-00-00", None),
        (FieldType.DATE, "2024-02-29 00:00:00", "2024-02-29"),
        (FieldType.DATETIME, "2018-09-17 11:29:59", "2018-09-17T11:29:59Z"),
        (FieldType.DATETIME, "not a date at all", "not a date at all"),
        (FieldType.DATETIME, "2018-99-99 11:29:59", "2018-99-99 11:29:59"),
    ],
)
def test_a_value_on_the_wire_has_one_spelling_here(kind: FieldType, wire: Any, value: Any) -> None:
    codec, field = ReallySimpleCodec("UTC"), FieldSchema("f", "F", kind)
    assert codec.decode(field, wire) == value
    of_rows = codec.decoder(schema("contacts", ["id"]))
    assert of_rows({"id": 5, "f": wire}) == {"id": "5"}
    one = schema("contacts", ["id"])
    assert codec.decoder(type(one)(one.module, (field,)))({"f": wire}) == {"f": value}


def test_an_amount_is_sent_digit_by_digit() -> None:
    sent = ReallySimpleCodec("UTC").encode(FieldSchema("f", "F", FieldType.MONEY), "12345678901234567.89")
    assert orjson.dumps({"f": sent}) == b'{"f":12345678901234567.89}'


def test_the_end_of_a_token_is_read_without_believing_anything_else() -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1800000000.5, "sub": "1"}').decode().rstrip("=")
    assert expires_at(f"a.{claims}.b") == datetime(2027, 1, 15, 8, 0, 0, 500000, tzinfo=UTC)
    for token in ("", "abc", "a.b.c", "a.e30.c", f"a.{base64.b64encode(b'[1]').decode()}.c", "a.eyJleHAiOiJ4In0.c"):
        assert expires_at(token) is None


@pytest.mark.parametrize(
    "url",
    ["https://api.example", "https://api.example/", " https://api.example/accounts ", "https://api.example/accounts?limit=1",
     "api.example", "https://api.example/datadictionary/"],
)  # fmt: skip
def test_the_address_may_be_the_root_or_what_the_document_shows(url: str) -> None:
    assert root(url) == "https://api.example"


def test_an_address_without_a_host_is_refused() -> None:
    with pytest.raises(ConfigError):
        root("https://")


@pytest.mark.parametrize(
    ("rows", "total", "has_more", "more"),
    [(0, 10, True, False), (2, 10, None, True), (2, 2, None, False), (2, 2, True, True), (2, 10, False, True), (2, None, None, True),
     (2, None, False, False)],
)  # fmt: skip
def test_the_end_of_a_list_is_found_without_has_more(
    rows: int, total: int | None, has_more: bool | None, more: bool
) -> None:
    assert Listing([{"id": n} for n in range(rows)], total, has_more, None).more() is more
