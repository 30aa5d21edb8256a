"""SarvCRM's values and fields: what is decoded and encoded comes back as it was, `numbers` is a type of its own, and a module
is described from every shape its fields come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ProtocolError, RecordInvalid
from connectors.sarvcrm.codec import SarvCodec
from connectors.sarvcrm.modules import MODULES, module, table
from connectors.sarvcrm.relations import holders
from connectors.sarvcrm.schema import TYPES, described, kept, remembered
from connectors.types import Choice, FieldSchema, FieldType

CODEC = SarvCodec("Asia/Tehran")
NUMBERS = FieldSchema("numbers", "Numbers", FieldType.LINES, wire_type="base")
PHONE = {
    "type": "Mobile",
    "number": "09121111234",
    "phoneCode": "+98",
    "phoneFlag": "IR",
    "primary": 1,
    "sms": 1,
    "fax": 0,
}
CANONICAL = {**PHONE, "primary": True, "sms": True, "fax": False}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
WORD = TEXT.filter(lambda text: bool(text.strip()))


def field(kind: FieldType, **more: Any) -> FieldSchema:
    return FieldSchema("x", "X", kind, **more)


# numbers


def test_phone_objects_and_plain_texts_become_objects_and_unknown_keys_stay() -> None:
    given = [PHONE, "02122225678", {"number": "09123456789", "ext": "7", "verified": True, "rank": 3}]
    assert CODEC.decode(NUMBERS, given) == [
        CANONICAL,
        {"number": "02122225678"},
        {"number": "09123456789", "ext": "7", "verified": True, "rank": "3"},
    ]


def test_numbers_are_sent_as_the_document_writes_them() -> None:
    assert CODEC.encode(NUMBERS, [CANONICAL, "02122225678"]) == [PHONE, {"number": "02122225678"}]
    assert CODEC.encode(NUMBERS, "۰۹۱۲۱۱۱۱۲۳۴") == [{"number": "۰۹۱۲۱۱۱۱۲۳۴"}]
    assert CODEC.encode(NUMBERS, None) == [] == CODEC.encode(NUMBERS, [])


@pytest.mark.parametrize(
    "wrong", [[{"type": "Mobile"}], [{"number": ""}], [" "], [None], [["1"]], {"number": {}}, True]
)
def test_what_is_no_phone_number_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(RecordInvalid) as caught:
        CODEC.encode(NUMBERS, wrong)
    assert "numbers" in caught.value.fields


phones = st.lists(
    st.fixed_dictionaries(
        {"number": WORD.map(str.strip)},
        optional={
            "type": WORD.map(str.strip), "primary": st.booleans(), "sms": st.booleans(), "fax": st.booleans(),
            "extension": TEXT.filter(bool), "verified": st.booleans(),
        },
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(phones)
def test_numbers_come_back_as_they_were_sent(numbers: list[dict[str, Any]]) -> None:
    assert CODEC.decode(NUMBERS, CODEC.encode(NUMBERS, numbers)) == numbers
    assert CODEC.canonical(NUMBERS, numbers) == numbers


# other values

samples: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: TEXT.filter(bool),
    FieldType.LONGTEXT: TEXT.filter(bool),
    FieldType.EMAIL: TEXT.filter(bool),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.INTEGER: st.integers().map(str),
    FieldType.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda d: str(d)),
    FieldType.DATE: st.dates().map(lambda day: day.isoformat()),
    FieldType.TIME: st.times().map(lambda time: time.isoformat("seconds")),
    FieldType.DATETIME: st.datetimes().map(lambda at: at.isoformat(timespec="seconds") + "Z"),
    FieldType.MULTICHOICE: st.lists(WORD.map(str.strip).filter(lambda t: "^" not in t), min_size=1, unique=True),
}


@pytest.mark.parametrize("kind", samples, ids=str)
@given(st.data())
def test_a_value_comes_back_as_it_was_sent(kind: FieldType, data: st.DataObject) -> None:
    own = field(kind)
    value = CODEC.canonical(own, data.draw(samples[kind]))
    wire = CODEC.encode(own, value)
    assert CODEC.decode(own, wire) == value
    if kind is FieldType.MULTICHOICE:
        assert CODEC.decode(own, ",".join(f"^{part}^" for part in wire)) == value


@pytest.mark.parametrize(
    ("kind", "wire", "value"),
    [
        (FieldType.DATETIME, "2018-04-22T14:40:00+03:30", "2018-04-22T11:10:00Z"),
        (FieldType.DATETIME, "2018-04-22 14:40:00", "2018-04-22T10:10:00Z"),
        (FieldType.DATETIME, "0000-00-00 00:00:00", None),
        (FieldType.DATETIME, "", None),
        (FieldType.DATE, "2018-04-22", "2018-04-22"),
        (FieldType.DATE, "2018-04-22T00:00:00", "2018-04-22"),
        (FieldType.DATE, "0000-00-00", None),
        (FieldType.TIME, "14:40:00", "14:40:00"),
        (FieldType.BOOLEAN, "1", True),
        (FieldType.BOOLEAN, 0, False),
        (FieldType.BOOLEAN, "", None),
        (FieldType.MONEY, "1250000.000000", "1250000"),
        (FieldType.MULTICHOICE, "^A^,^B, C^", ["A", "B, C"]),
        (FieldType.MULTICHOICE, ["A", "B"], ["A", "B"]),
        (FieldType.MULTICHOICE, {"A": "الف"}, ["A"]),
        (FieldType.MULTICHOICE, "A, B", ["A, B"]),
        (FieldType.MULTICHOICE, "^^", None),
        (FieldType.REFERENCE, "", None),
        (FieldType.JSON, [{"a": 1}], [{"a": 1}]),
        (FieldType.DATE, "soon", "soon"),
    ],
)
def test_what_a_server_writes_is_read(kind: FieldType, wire: object, value: object) -> None:
    assert CODEC.decode(field(kind), wire) == value


def test_a_date_time_is_sent_with_its_offset() -> None:
    assert CODEC.encode(field(FieldType.DATETIME), "2018-04-22T11:10:00Z") == "2018-04-22T11:10:00+00:00"


def test_a_choice_that_would_be_cut_in_two_is_refused() -> None:
    with pytest.raises(RecordInvalid):
        CODEC.encode(field(FieldType.MULTICHOICE), ["A^,^B"])


# modules and fields


def test_the_forty_modules_have_both_labels_and_a_table() -> None:
    assert len(MODULES) == 40
    assert (module("Accounts", "fa_IR").label, module("Accounts", "en_US").label) == ("حساب ها", "Accounts")
    assert module("sc_Contract", "fa_IR").label == "قراردادهای پشتیبانی"
    assert (table("Vendors"), table("AOS_Quotes"), table("ACLRoles")) == ("accounts", "aos_quotes", "acl_roles")
    assert module("Product_Bundle", "fa_IR").label == "Product Bundle"


SPEC = {"name": "status", "type": "enum", "required": 1, "label": "وضعیت"}
LABELS = {"New": "جدید", "Expired": "منقضی شده"}


@pytest.mark.parametrize(
    "options",
    [
        LABELS,
        [{"value": "New", "label": "جدید"}, {"value": "Expired", "label": "منقضی شده"}],
        [{"New": "جدید"}, {"Expired": "منقضی شده"}],
        [{"": ""}, {"New": "جدید"}, {"Expired": "منقضی شده"}],
    ],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_a_pick_list_is_read_in_all_its_shapes(options: object, as_list: bool) -> None:
    spec = {**SPEC, "options": options}
    told = described("Leads", [spec] if as_list else {"status": spec}, "fa_IR").schema.field("status")
    assert told is not None and told.type is FieldType.CHOICE and told.required and told.label == "وضعیت"
    assert told.choices == tuple(Choice(value, label) for value, label in LABELS.items())


def test_a_field_without_options_or_required_is_read() -> None:
    told = described("Leads", {"status": {"name": "status", "type": "enum", "options": []}}, "fa_IR").schema
    own = told.field("status")
    assert own is not None and own.choices == () and not own.required
    assert told.names == ("id", "status")


SEEN = [
    "assigned_user_name",
    "base",
    "bool",
    "boolean",
    "char",
    "currency",
    "date",
    "datetime",
    "datetimecombo",
    "decimal",
    "durationcombo",
    "email",
    "enum",
    "file",
    "fullname",
    "function",
    "id",
    "int",
    "integer",
    "linkable",
    "multienum",
    "name",
    "parent",
    "parent_type",
    "phone",
    "relate",
    "text",
    "tinyinit",
    "tree",
    "varchar",
]


def test_every_type_seen_is_known_and_any_other_is_text() -> None:
    assert set(SEEN) <= set(TYPES)
    told = described("Leads", {kind: {"name": kind, "type": kind} for kind in (*SEEN, "hologram", "")}, "en_US").schema
    types = {own.wire_type: own.type for own in told.fields if own.name != "id"}
    assert types["hologram"] is FieldType.TEXT
    wanted = {
        "bool": "boolean",
        "currency": "money",
        "datetimecombo": "datetime",
        "multienum": "multichoice",
        "text": "longtext",
    }
    assert {kind: types[kind].value for kind in wanted} == wanted


LEAD = {
    "id": {"name": "id", "type": "id"},
    "account_name": {"name": "account_name", "type": "relate", "id_name": "account_id", "related_module": "Accounts"},
    "account_id": {"name": "account_id", "type": "id", "related_module": ""},
    "assigned_user_id": {"name": "assigned_user_id", "type": "relate", "id_name": "", "related_module": "Users"},
    "assigned_user_name": {"name": "assigned_user_name", "type": "assigned_user_name", "id_name": "assigned_user_id"},
    "calls": {"name": "calls", "type": "relate", "related_module": "Calls"},
    "members": {"name": "members", "type": "link", "related_module": "Accounts"},
    "title": {"name": "title", "type": "varchar", "len": "100", "default_value": "Boss", "group": "More"},
    "total": {"name": "total", "type": "currency", "calculated": 1},
    "numbers": {"name": "numbers", "type": "base", "calculated": 1},
    "primary_number": {"name": "primary_number", "type": "phone"},
    "date_modified": {"name": "date_modified", "type": "datetime"},
    "portal_user_hash": {"name": "portal_user_hash", "type": "varchar"},
}  # fmt: skip


def test_what_else_the_server_tells_of_fields_is_used() -> None:
    own = described("Leads", LEAD, "en_US")
    fields = {f.name: f for f in own.schema.fields}
    assert (fields["account_id"].type, fields["account_id"].refers_to) == (FieldType.REFERENCE, ("Accounts",))
    assert (fields["account_name"].type, fields["account_name"].editable) == (FieldType.TEXT, False)
    assert (fields["assigned_user_id"].type, own.schema.owner_field) == (FieldType.OWNER, "assigned_user_id")
    assert (fields["title"].max_length, fields["title"].default, fields["title"].section) == (100, "Boss", "More")
    assert not fields["total"].editable and not fields["primary_number"].editable and fields["numbers"].editable
    assert fields["numbers"].type is FieldType.LINES and "portal_user_hash" not in fields
    assert own.columns >= {"id", "account_id", "assigned_user_id", "title", "total", "date_modified"}
    assert not own.columns & {"account_name", "assigned_user_name", "calls", "members", "numbers"}


def test_a_single_reference_is_known_by_the_field_that_holds_its_id() -> None:
    own = described("Leads", LEAD, "en_US")
    assert holders(own, "Accounts") == ("account_id",) and holders(own, "Calls") == ()
    assert {(r.field, r.module) for r in own.relations if r.many} == {("members", "Accounts"), ("calls", "Calls")}


def test_what_is_kept_of_a_description_reads_records_the_same() -> None:
    own = described("Leads", LEAD, "en_US")
    again, ignored = remembered("Leads", kept(own, frozenset({"odd"})), "en_US")
    assert again is not None and ignored == {"odd"} and again.columns == own.columns
    assert [(f.name, f.type, f.wire_type) for f in again.schema.fields] == [
        (f.name, f.type, f.wire_type) for f in own.schema.fields
    ]
    assert (again.schema.modified_field, again.schema.owner_field) == (
        own.schema.modified_field,
        own.schema.owner_field,
    )


@pytest.mark.parametrize("told", [{"a": "text"}, {"a": ["no such type", "", True]}, {"a": [1]}])
def test_what_another_version_kept_is_not_believed(told: dict[str, Any]) -> None:
    assert remembered("Leads", told, "en_US")[0] is None


@pytest.mark.parametrize("told", [None, [], {}, "x", [{"type": "id"}]])
def test_fields_in_no_known_form_are_told(told: object) -> None:
    with pytest.raises(ProtocolError):
        described("Leads", told, "en_US")
