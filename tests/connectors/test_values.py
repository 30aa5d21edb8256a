"""One spelling for each value: read from any, written only when the server can hold it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConfigError, RecordInvalid
from connectors.memory_store import SCHEMAS
from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.values import (
    Codec,
    canonical_boolean,
    canonical_date,
    canonical_number,
    canonical_time,
    digest,
    from_utc,
    is_secret_field,
    redact,
    storable,
    strip_secrets,
    to_utc,
)

CODEC = Codec("Asia/Tehran")
STATUS = (Choice("new", "New one"), Choice("New one", "Confusing"), Choice("done", "Done"))


def field(type: FieldType, **more: object) -> FieldSchema:
    """Return a field of that type called “x”."""
    return FieldSchema("x", "The X", type, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("-0.00", "0"),
        ("+5", "5"),
        ("007.100", "7.1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("100", "100"),
        ("1e5", "100000"),
        ("1E-5", "0.00001"),
        (" ۱۲٫۵۰ ", "12.5"),
        ("٠١٢٬٣٤٥", "12345"),
        ("−3", "-3"),
        ("12345678901234567890.123456789012345678901234567890", "12345678901234567890.12345678901234567890123456789"),
    ],
)
def test_a_number_has_one_spelling(text: str, expected: str) -> None:
    assert canonical_number(text) == expected
    assert canonical_number(expected) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "-", ".", "1,5", "1 000", "nan", "inf", "0x10", "1_000", "1e999", "१२", "--1"]
)
def test_what_is_not_surely_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        canonical_number(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=12))
def test_a_number_keeps_its_worth(number: Decimal) -> None:
    assert Decimal(canonical_number(format(number, "f"))) == number


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e80, max_value=1e80).filter(
        lambda x: abs(x) > 1e-80 or x == 0
    )
)
def test_a_float_of_a_servers_json_is_read_as_it_was_written(number: float) -> None:
    spelt = CODEC.decode(field(FieldType.MONEY), number)
    assert math.isclose(float(spelt), number, rel_tol=0, abs_tol=0)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2024-02-29 23:59:00", "UTC", "2024-02-29T23:59:00Z"),
        ("2024-02-29T23:59", "Asia/Tehran", "2024-02-29T20:29:00Z"),
        ("2024-02-29T23:59:00Z", "Asia/Tehran", "2024-02-29T23:59:00Z"),
        ("2024-02-29T23:59:00.999+03:30", "UTC", "2024-02-29T20:29:00Z"),
        ("2025-10-26 01:30:00", "Europe/London", "2025-10-26T00:30:00Z"),  # occurs twice: the first is meant
        ("2025-03-30 01:30:00", "Europe/London", "2025-03-30T01:30:00Z"),  # does not exist: as much after the gap
    ],
)
def test_a_local_time_becomes_utc(text: str, zone: str, expected: str) -> None:
    assert to_utc(text, zone) == expected


@pytest.mark.parametrize(
    "text", ["2024-02-30 00:00:00", "2024-02-29", "29.02.2024 10:00", "0000-00-00 00:00:00", "now", ""]
)
def test_what_is_not_a_date_and_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date and time"):
        to_utc(text)


def test_times_at_the_end_of_the_calendar_are_refused_not_crashed() -> None:
    with pytest.raises(ValueError, match="outside the years"):
        to_utc("0001-01-01 00:00:00", "Asia/Tehran")
    with pytest.raises(ValueError, match="outside the years"):
        from_utc("9999-12-31T23:59:59Z", "Asia/Tehran")
    with pytest.raises(ConfigError, match="no time zone"):
        to_utc("2024-02-29 10:00", "Nowhere")


@given(
    st.datetimes(datetime(1902, 1, 1), datetime(2099, 1, 1)).map(lambda d: d.replace(microsecond=0)),
    st.sampled_from(["UTC", "Asia/Tehran", "Asia/Kathmandu", "Etc/GMT+12"]),
)
def test_to_the_servers_time_and_back_is_the_same_instant_where_clocks_do_not_go_back(
    moment: datetime, zone: str
) -> None:
    text = moment.isoformat() + "Z"
    there = from_utc(text, zone)
    back = to_utc(there, zone)
    gap = abs((datetime.fromisoformat(back) - moment.replace(tzinfo=UTC)).total_seconds())
    assert gap == 0 or from_utc(back, zone) == there  # the hour that occurs twice is told by the same text


def test_dates_times_and_truth_have_one_spelling_each() -> None:
    assert canonical_date("۲۰۲۴-۰۲-۲۹") == "2024-02-29"
    assert canonical_time("9:30".zfill(5)) == "09:30:00"
    assert [canonical_boolean(v) for v in (True, "YES", 1, "۱", "on", False, "0", "No", 0)] == [True] * 5 + [False] * 4
    for bad in ("2", "maybe", "", 1.5):
        with pytest.raises(ValueError, match="neither"):
            canonical_boolean(bad)


@pytest.mark.parametrize(
    ("type", "wire", "expected"),
    [
        (FieldType.TEXT, "", None),
        (FieldType.TEXT, 12, "12"),
        (FieldType.TEXT, "a\x00b\ud800", "a\ufffdb\ufffd"),
        (FieldType.TEXT, {"a": 1}, '{"a":1}'),
        (FieldType.INTEGER, 42, "42"),
        (FieldType.INTEGER, "n/a", "n/a"),
        (FieldType.INTEGER, True, "true"),
        (FieldType.MONEY, "1.50", "1.5"),
        (FieldType.BOOLEAN, 0, False),
        (FieldType.BOOLEAN, "maybe", "maybe"),
        (FieldType.DATE, "2023-02-29", "2023-02-29"),
        (FieldType.DATETIME, "2024-02-29 23:59:00", "2024-02-29T20:29:00Z"),
        (FieldType.MULTICHOICE, "A", ["A"]),
        (FieldType.MULTICHOICE, [], None),
        (FieldType.REFERENCE, 12, "12"),
        (FieldType.REFERENCE, "  ", None),
        (FieldType.JSON, {"a": "\x00"}, {"a": "\ufffd"}),
        (FieldType.LINES, [{"a": 1}], [{"a": "1"}]),
    ],
)
def test_reading_gives_the_one_spelling_or_keeps_what_came(type: FieldType, wire: object, expected: object) -> None:
    assert CODEC.decode(field(type), wire) == expected


@given(
    st.sampled_from(list(FieldType)),
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(),
        lambda c: st.lists(c, max_size=2) | st.dictionaries(st.text(), c, max_size=2),
        max_leaves=4,
    ),
)
def test_reading_never_fails_and_what_it_gives_can_be_stored(type: FieldType, wire: object) -> None:
    spelt = CODEC.decode(field(type), wire)
    assert storable(spelt) == spelt or wire != wire
    assert digest({"x": spelt})


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        (field(FieldType.INTEGER), "۴۲", "42"),
        (field(FieldType.MONEY), 1.5, "1.5"),
        (field(FieldType.BOOLEAN), "yes", True),
        (field(FieldType.DATETIME), "2024-02-29T20:29:00Z", "2024-02-29 23:59:00"),
        (field(FieldType.DATETIME), "2024-02-29 23:59", "2024-02-29 23:59:00"),
        (field(FieldType.CHOICE, choices=STATUS), "New one", "New one"),
        (field(FieldType.CHOICE, choices=STATUS), "DONE", "done"),
        (field(FieldType.CHOICE, choices=STATUS), "confusing", "New one"),
        (field(FieldType.MULTICHOICE, choices=STATUS), ["done", "Done"], ["done"]),
        (field(FieldType.TEXT, max_length=3), "abc", "abc"),
        (field(FieldType.TEXT), "", None),
        (field(FieldType.MULTICHOICE), [], None),
    ],
)
def test_writing_takes_what_a_person_writes(declared: FieldSchema, given: object, expected: object) -> None:
    assert CODEC.encode(declared, given) == expected


@pytest.mark.parametrize(
    ("declared", "given", "why"),
    [
        (field(FieldType.INTEGER), "4.7", "whole number"),
        (field(FieldType.INTEGER), "4x", "not a number"),
        (field(FieldType.BOOLEAN), "perhaps", "neither yes nor no"),
        (field(FieldType.DATE), "02/03/2026", "not a date"),
        (field(FieldType.TIME), "10:20 PM", "not a time"),
        (field(FieldType.DATETIME), "yesterday", "not a date and time"),
        (field(FieldType.CHOICE, choices=STATUS), "lost", "none of its choices"),
        (field(FieldType.MULTICHOICE, choices=STATUS), ["done", "lost"], "none of its choices"),
        (field(FieldType.TEXT, max_length=3), "abcd", "at most 3 characters; given was a text of 4 characters"),
        (field(FieldType.TEXT), "a\x00", "cannot be stored"),
        (field(FieldType.TEXT), "\ud800", "cannot be stored"),
        (field(FieldType.TEXT), ["a"], "one text; given was a list of 1"),
        (field(FieldType.TEXT, required=True), None, "cannot be emptied; given was nothing"),
        (field(FieldType.LINES), {"a": 1}, "list of objects"),
    ],
)
def test_writing_refuses_what_the_server_would_change_and_does_not_repeat_it(
    declared: FieldSchema, given: object, why: str
) -> None:
    with pytest.raises(RecordInvalid, match="The X") as refusal:
        CODEC.encode(declared, given)
    assert why in refusal.value.fields["x"] and why in str(refusal.value)
    assert str(given) not in str(refusal.value).replace("given was", "") or given is None


def test_a_record_is_refused_with_every_field_that_is_wrong() -> None:
    schema = SCHEMAS[0]
    with pytest.raises(RecordInvalid) as refusal:
        CODEC.encode_values(
            schema, {"lastname": None, "modified": "x", "nothing": "x", "children": "many", "notes": "ok"}
        )
    assert set(refusal.value.fields) == {"lastname", "modified", "nothing", "children"}
    assert CODEC.encode_values(schema, {"children": "2", "notes": None}) == {"children": "2", "notes": None}


def test_reading_a_record_takes_the_fields_it_carried_and_no_password() -> None:
    schema = ModuleSchema(
        Module("Users", "Users"), (FieldSchema("name", ""), FieldSchema("accesskey", ""), FieldSchema("b", ""))
    )
    assert CODEC.decode_values(schema, {"name": "Ada", "accesskey": "k", "other": 1}) == {"name": "Ada"}


@pytest.mark.parametrize(
    "name",
    [
        "accesskey",
        "user_password",
        "Confirm_Password",
        "user_hash",
        "crypt_type",
        "passwd",
        "password",
        "assigned_portal_user_hash",
        "passkey",
        "access_token",
        "refresh_token",
        "client_secret",
    ],
)
def test_password_like_fields_are_known_by_name(name: str) -> None:
    assert is_secret_field(name)
    assert strip_secrets({name: "s", "a": 1}) == {"a": 1}
    assert redact({name: "s", "a": 1}) == {name: "•", "a": 1}


@pytest.mark.parametrize(
    "name", ["lastname", "passport", "secretary", "hashtag", "key_account", "password_changed"[:4]]
)
def test_ordinary_fields_are_not_taken_for_passwords(name: str) -> None:
    assert not is_secret_field(name)


def test_a_digest_is_of_the_values_not_of_their_order() -> None:
    assert digest({"a": "1", "b": None}) == digest({"b": None, "a": "1"})
    assert len({digest(v) for v in ({}, {"a": None}, {"a": "1"}, {"a": True}, {"a": ["1"]}, {"b": "1"})}) == 6
    assert len(digest({})) == 16
