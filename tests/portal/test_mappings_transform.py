"""What a value becomes in a field of another type, and by what two records are recognised as one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RecordInvalid
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.definition import Rule
from portal.mappings.transform import ABSENT, Place, carried, convert, intended, key_kinds, match_key, same

COLOURS = (Choice("r", "Red"), Choice("g", "Green"))


def field(type: FieldType, **more: Any) -> FieldSchema:
    return FieldSchema("f", "F", type, **more)


def place(*fields: FieldSchema, **more: Any) -> Place:
    return Place(ModuleSchema(Module("People", "People"), fields), **more)


T = FieldType


@pytest.mark.parametrize(
    ("value", "origin", "target", "expected"),
    [
        ("Ada", T.TEXT, T.TEXT, "Ada"),
        (None, T.TEXT, T.INTEGER, None),
        ("12.50", T.TEXT, T.DECIMAL, "12.5"),
        ("۱۲٫۵", T.TEXT, T.MONEY, "12.5"),
        ("42", T.INTEGER, T.TEXT, "42"),
        ("42", T.MONEY, T.INTEGER, "42"),
        (True, T.BOOLEAN, T.TEXT, "true"),
        ("yes", T.TEXT, T.BOOLEAN, True),
        ("0", T.INTEGER, T.BOOLEAN, False),
        ("2024-02-29", T.TEXT, T.DATE, "2024-02-29"),
        ("2024-02-29T23:30:00Z", T.DATETIME, T.DATETIME, "2024-02-29T23:30:00Z"),
        ("23:59", T.TEXT, T.TIME, "23:59:00"),
        (["r", "g"], T.MULTICHOICE, T.TEXT, "Red, Green"),
        (["r"], T.MULTICHOICE, T.CHOICE, "r"),
        ("r", T.CHOICE, T.MULTICHOICE, ["r"]),
        ("Red", T.TEXT, T.CHOICE, "r"),
        ("A", T.PHONE, T.EMAIL, "A"),
    ],
)
def test_a_value_becomes_the_others_spelling(value: JSON, origin: FieldType, target: FieldType, expected: JSON) -> None:
    assert convert(value, field(origin, choices=COLOURS), field(target, choices=COLOURS)) == expected


@pytest.mark.parametrize(
    ("value", "origin", "target", "why"),
    [
        ("tall", T.TEXT, T.DECIMAL, "not a number"),
        ("1,5", T.TEXT, T.DECIMAL, "without a comma"),
        ("1.5", T.DECIMAL, T.INTEGER, "whole"),
        ("soon", T.TEXT, T.DATE, "not a date"),
        ("maybe", T.TEXT, T.BOOLEAN, "neither yes nor no"),
        ("Blue", T.TEXT, T.CHOICE, "none of its choices"),
        (["r", "g"], T.MULTICHOICE, T.CHOICE, "must be one"),
        ("11x5", T.REFERENCE, T.REFERENCE, "linked record"),
        ("19x1", T.OWNER, T.OWNER, "linked record"),
    ],
)
def test_what_cannot_be_carried_over_whole_is_refused(
    value: JSON, origin: FieldType, target: FieldType, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        convert(value, field(origin, choices=COLOURS), field(target, choices=COLOURS))


def test_a_text_too_long_is_refused_and_never_cut() -> None:
    assert convert("x" * 10, field(T.TEXT), field(T.TEXT, max_length=10)) == "x" * 10
    with pytest.raises(ValueError, match="10 characters"):
        convert("x" * 11, field(T.TEXT), field(T.TEXT, max_length=10))


def test_two_pick_lists_meet_by_value_else_by_what_a_person_reads() -> None:
    there = field(T.CHOICE, choices=(Choice("1", "Red"), Choice("g", "Grass")))
    here = field(T.CHOICE, choices=COLOURS)
    assert [convert(v, here, there) for v in ("r", "g")] == ["1", "g"]


def test_a_day_is_the_day_of_the_people_on_the_source_side() -> None:
    late = "2024-02-29T22:30:00Z"
    assert convert(late, field(T.DATETIME), field(T.DATE), "Asia/Tehran") == "2024-03-01"
    assert convert("2024-03-01", field(T.DATE), field(T.DATETIME), "Asia/Tehran") == "2024-02-29T20:30:00Z"


def test_an_error_names_the_target_field_and_the_value() -> None:
    places: Any = {"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "Right", T.INTEGER))}
    with pytest.raises(RecordInvalid) as told:
        carried(Rule("l", "r"), {"l": "many"}, "left", places)
    assert list(told.value.fields) == ["r"] and "Right" in str(told.value) and "“many”" in str(told.value)


def test_what_is_not_carried_stays_so_and_a_constant_needs_no_source() -> None:
    places: Any = {"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "R"), FieldSchema("o", "O"))}
    assert carried(Rule("l", "r"), {}, "left", places) is ABSENT
    made = intended([Rule("l", "r", uuid="1"), Rule("", "o", "value", "1001", uuid="2")], {}, "left", places)
    assert (made.values, made.errors, made.rules) == ({"o": "1001"}, {}, ("2",))


@pytest.mark.parametrize("source", ["expression", "reference"])
def test_a_rule_that_is_not_built_yet_and_a_field_that_is_gone_are_refused(source: str) -> None:
    places: Any = {"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "R"))}
    made = intended([Rule("l", "r", source), Rule("l", "gone")], {"l": "x"}, "left", places)
    assert set(made.errors) == {"r", "gone"} and source in made.errors["r"] and not made.values


def test_equal_means_equal_but_for_what_servers_change_on_the_way() -> None:
    assert same("a\r\nb ", "a\nb") and same("e\u0301", "\u00e9") and same(["b", "a"], ["a", "b"]) and same("", None)
    assert not same("A", "a") and not same("1", "1.0") and not same(ABSENT, ABSENT) and not same(ABSENT, None)


# Match keys


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", " Ada@Example.ORG", "ada@example.org"),
        ("email", "straße@x.de", "STRASSE@x.de"),
        ("phone", "020 7946 0018", "+44 20 7946 0018"),
        ("phone", "(020) 7946-0018", "0044 20 79460018"),
        ("phone", "+98 912 345 6789", "+۹۸۹۱۲۳۴۵۶۷۸۹"),
        ("text", "كتاب علي", "کتاب علی"),
        ("text", "N° ۱۲", "n° 12"),
        ("number", "1.50", "۱٫۵"),
    ],
)
def test_two_spellings_of_one_key_are_one(kind: Any, one: str, other: str) -> None:
    assert match_key({"k": one}, ["k"], [kind], "GB") == match_key({"k": other}, ["k"], [kind], "GB") is not None


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [("email", "a.b@x.org", "ab@x.org"), ("email", "a+1@x.org", "a@x.org"), ("text", "Ada L", "AdaL")],
)
def test_nothing_more_is_normalised_than_said(kind: Any, one: str, other: str) -> None:
    assert match_key({"k": one}, ["k"], [kind], "GB") != match_key({"k": other}, ["k"], [kind], "GB")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("email", None), ("email", "  "), ("phone", "ask her"), ("phone", "12"), ("number", "x"), ("text", ["a"])],
)
def test_a_part_that_is_empty_or_cannot_be_read_is_no_key(kind: Any, value: JSON) -> None:
    assert match_key({"k": value, "n": "Ada"}, ["n", "k"], ["text", kind], "GB") is None


def test_a_phone_is_read_in_the_region_of_its_own_connection() -> None:
    assert match_key({"k": "020 7946 0018"}, ["k"], ["phone"], "GB") == ("+442079460018",)
    assert match_key({"k": "0912 345 6789"}, ["k"], ["phone"], "IR") == ("+989123456789",)


def test_both_sides_of_a_key_are_compared_alike_whatever_their_fields_types() -> None:
    left = place(field(T.TEXT), FieldSchema("n", "N", T.INTEGER), FieldSchema("p", "P"))
    right = place(field(T.EMAIL), FieldSchema("n", "N", T.DECIMAL), FieldSchema("p", "P", T.PHONE))
    assert key_kinds([("f", "f"), ("n", "n"), ("p", "p"), ("p", "n")], {"left": left, "right": right}) == (
        "email",
        "number",
        "phone",
        "text",
    )


@given(st.text(max_size=40))
def test_a_key_of_any_text_is_found_again_by_its_own_normal_form(text: str) -> None:
    for kind in ("email", "text"):
        key = match_key({"k": text}, ["k"], [kind], "GB")  # type: ignore[list-item]
        if key is not None:
            assert match_key({"k": key[0]}, ["k"], [kind], "GB") == key  # type: ignore[list-item]
