"""What a value becomes in a field of another type, and by what two records are recognised as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RecordInvalid
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.compare import key_kinds, match_key, same
from portal.mappings.convert import convert
from portal.mappings.definition import Rule
from portal.mappings.tables import Table
from portal.mappings.transform import ABSENT, Means, NoPartner, Place, carried, intended

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
    means = Means({"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "Right", T.INTEGER))})
    with pytest.raises(RecordInvalid) as told:
        carried(Rule("l", "r"), {"l": "many"}, "left", means)
    assert list(told.value.fields) == ["r"] and "Right" in str(told.value) and "“many”" in str(told.value)


def test_what_is_not_carried_stays_so_and_a_constant_needs_no_source() -> None:
    means = Means({"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "R"), FieldSchema("o", "O"))})
    assert carried(Rule("l", "r"), {}, "left", means) is ABSENT
    made = intended([Rule("l", "r", uuid="1"), Rule("", "o", "value", "1001", uuid="2")], {}, "left", means)
    assert (made.values, made.errors, made.rules) == ({"o": "1001"}, {}, ("2",))


def test_a_field_that_is_gone_is_refused() -> None:
    means = Means({"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "R"))})
    made = intended([Rule("l", "gone")], {"l": "x"}, "left", means)
    assert set(made.errors) == {"gone"} and not made.values


# Value tables


STAGES = Table("stages", (("new", "10"), ("won", "20"), ("sold", "20"), ("", "0")))


def through(table: Table, value: Any, source: Any = "left") -> Any:
    side = {"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "R"))}
    return carried(Rule("l", "r", table="stages"), {"l": value, "r": value}, source, Means(side, {"stages": table}))


def test_a_value_goes_through_its_table_both_ways_and_the_first_row_counts() -> None:
    assert (through(STAGES, "won"), through(STAGES, "20", "right"), through(STAGES, "Won")) == ("20", "won", "20")
    assert through(STAGES, "0", "right") is None and through(STAGES, None) is None


@pytest.mark.parametrize(("unlisted", "expected"), [("keep", "odd"), ("default", "99"), ("append", "odd")])
def test_a_value_in_no_row_becomes_what_the_table_says(unlisted: str, expected: str) -> None:
    assert through(replace(STAGES, unlisted=unlisted, default_right="99"), "odd") == expected


def test_a_value_in_no_row_is_else_an_error_that_names_the_table() -> None:
    with pytest.raises(RecordInvalid, match="stages"):
        through(STAGES, "odd")
    with pytest.raises(RecordInvalid, match="does not exist"):
        carried(
            Rule("l", "r", table="gone"),
            {"l": "x"},
            "left",
            Means({"left": place(FieldSchema("l", "L")), "right": place(FieldSchema("r", "R"))}),
        )


# Linked records


REFERRING = FieldSchema("a", "Account", T.REFERENCE, refers_to=("Accounts",))


def test_a_reference_becomes_the_partner_of_what_it_refers_to() -> None:
    pairs = {("companies", "left", "11x7"): "1001", ("companies", "right", "1001"): "11x7"}
    sides: Any = {"left": place(REFERRING), "right": place(REFERRING)}
    means = Means(sides, partner=lambda *asked: pairs.get(asked))
    rule = Rule("a", "a", "reference", mapping="companies")
    assert carried(rule, {"a": "11x7"}, "left", means) == "1001"
    assert carried(rule, {"a": "1001"}, "right", means) == "11x7"
    assert carried(rule, {"a": None}, "left", means) is None
    with pytest.raises(NoPartner, match="companies"):
        carried(rule, {"a": "11x8"}, "left", means)
    assert intended([rule], {"a": "11x8"}, "left", means).awaiting == {"a": {"mapping": "companies", "id": "11x8"}}


# Comparing


@pytest.mark.parametrize(
    ("by", "one", "other"),
    [
        ("case", "Ann", "ANN"),
        ("spaces", "a  b", "a b"),
        ("digits", "020 7946", "0207-946"),
        ("number", "1.50", "1.5"),
        ("phone", "020 7946 0018", "+44 20 7946 0018"),
    ],
)
def test_a_rule_can_say_what_makes_no_difference(by: str, one: str, other: str) -> None:
    assert same(one, other, by) and not same(one, other) and not same(one, "quite another 99", by)


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
