"""The filter language: what it reads, where and why it refuses, and which records each operator finds."""

from __future__ import annotations

import pytest

from connectors.errors import ConfigError, QueryError
from connectors.memory_store import SCHEMAS
from connectors.query import (
    And,
    Condition,
    Filter,
    Not,
    Op,
    Or,
    Order,
    check,
    fold,
    matches,
    narrowing_pattern,
    order_to_text,
    parse,
    parse_order,
    sorted_records,
    split,
    to_dnf,
    to_text,
    unlisted,
)
from connectors.query.text import MAX_DEPTH, MAX_LENGTH
from connectors.types import FieldSchema, Module, ModuleSchema, Record

CONTACTS = SCHEMAS[0]


def read(text: str, zone: str = "UTC") -> Filter:
    """Return the filter, which must not be empty."""
    found = parse(text, CONTACTS, zone=zone)
    assert found is not None
    return found


def test_the_example_of_the_manual_is_read() -> None:
    text = """status = New and (lastname contains "o'brien" or email is empty) and modified >= 2026-01-01"""
    assert read(text) == And(
        (
            Condition("status", Op.EQ, ("New",)),
            Or((Condition("lastname", Op.CONTAINS, ("o'brien",)), Condition("email", Op.EMPTY))),
            Condition("modified", Op.GE, ("2026-01-01T00:00:00Z",)),
        )
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lastname = Lee", Condition("lastname", Op.EQ, ("Lee",))),
        ("lastname == Lee", Condition("lastname", Op.EQ, ("Lee",))),
        ("lastname <> Lee", Condition("lastname", Op.NE, ("Lee",))),
        ("LASTNAME=Lee", Condition("lastname", Op.EQ, ("Lee",))),
        ('"Last name" = Lee', Condition("lastname", Op.EQ, ("Lee",))),
        ("lastname = o'brien", Condition("lastname", Op.EQ, ("o'brien",))),
        (r"""lastname = "a \"b\" \\ c\nd" """, Condition("lastname", Op.EQ, ('a "b" \\ c\nd',))),
        (r"lastname = 'it\'s'", Condition("lastname", Op.EQ, ("it's",))),
        ("lastname = علی", Condition("lastname", Op.EQ, ("علی",))),
        ('lastname = "and"', Condition("lastname", Op.EQ, ("and",))),
        ("address/city STARTS WITH York", Condition("address/city", Op.STARTS, ("York",))),
        ("lastname in (a, 'b c',d)", Condition("lastname", Op.IN, ("a", "b c", "d"))),
        ("lastname not in ()", Condition("lastname", Op.NOT_IN)),
        ("lastname Is Not Empty", Condition("lastname", Op.NOT_EMPTY)),
        ("children between ۱ and 20.50", Condition("children", Op.BETWEEN, ("1", "20.5"))),
        ("height < -0", Condition("height", Op.LT, ("0",))),
        ("optout = YES", Condition("optout", Op.EQ, (True,))),
        ("optout != 0", Condition("optout", Op.NE, (False,))),
        ("birthday = ۲۰۰۰-۰۱-۰۱", Condition("birthday", Op.EQ, ("2000-01-01",))),
        ("calltime > 9:30", None),
        ("calltime > 09:30", Condition("calltime", Op.GT, ("09:30:00",))),
        ("status = 'being worked on'", Condition("status", Op.EQ, ("In Progress",))),
        ("status contains work", Condition("status", Op.CONTAINS, ("work",))),
        ("tags = customer", Condition("tags", Op.EQ, ("A",))),
        ("owner = 1", Condition("owner", Op.EQ, ("1",))),
        ("id in (1, 12x3)", Condition("id", Op.IN, ("1", "12x3"))),
        ("created >= 2026-01-01T10:00+02:00", Condition("created", Op.GE, ("2026-01-01T08:00:00Z",))),
    ],
)
def test_a_condition_is_read(text: str, expected: Condition | None) -> None:
    if expected is None:
        with pytest.raises(QueryError):
            parse(text, CONTACTS)
    else:
        assert read(text) == expected
        assert read(to_text(expected)) == expected


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = (Condition("lastname", Op.EQ, (value,)) for value in "abc")
    assert read("lastname = a or lastname = b and not lastname = c") == Or((a, And((b, Not(c)))))
    assert read("(lastname = a or lastname = b) and lastname = c") == And((Or((a, b)), c))
    assert read("not (lastname = a and lastname = b)") == Not(And((a, b)))


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_text_is_no_filter(text: str) -> None:
    assert parse(text, CONTACTS) is None
    assert matches(None, {}, CONTACTS)


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("statsu = New", 0, "Did you mean “status”?"),
        ("status = New and lastnam = x", 17, "Did you mean “lastname”?"),
        ("status", 6, "An operator is expected"),
        ("status New", 7, "An operator is expected"),
        ("status =", 8, "A value for “status” is expected"),
        ("status = and lastname = x", 9, "A value"),
        ("lastname = van Dyk", 15, "quotation marks"),
        ("lastname = 'Lee", 11, "never closed"),
        ("lastname = ''", 11, "lastname is empty"),
        ("(lastname = a", 13, "closing bracket"),
        ("lastname = a)", 12, "never opened"),
        ("lastname in a", 12, "brackets"),
        ("lastname in (a b)", 15, "“,” or “)”"),
        ("lastname between a", 18, "second value"),
        ("lastname is New", 12, "only “empty”"),
        ("lastname not contains x", 9, "not lastname"),
        ("lastname ! x", 9, "cannot stand here"),
        ("= x", 0, "name of a field"),
        ("children = many", 11, "is not a number"),
        ("children = 1,5", 12, "“and” or “or”"),
        ("children = '1,5'", 11, "without a comma"),
        ("children contains 1", 9, "It takes: =, !=, <"),
        ("optout = maybe", 9, "neither yes nor no"),
        ("optout < yes", 7, "cannot be asked"),
        ("birthday > 2023-02-29", 11, "is not a date"),
        ("birthday > 01.02.2023", 11, "2024-02-29"),
        ("nextcall > tomorrow", 11, "is not a date and time"),
        ("nextcall <= 9999-12-31", 12, "out of range"),
        ("lines = x", 6, "is empty, is not empty"),
        ("lastname = a\x00", 12, "no value can hold"),
    ],
)
def test_a_bad_filter_says_where_and_why(text: str, position: int, why: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse(text, CONTACTS)
    assert refusal.value.position == position
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("status = Newish", ["Newish"]),
        ("status in (New, Old, Older) or status != Oldest", ["Old", "Older", "Oldest"]),
        ("tags contains Gone", ["Gone"]),
        ("status = 'being worked on' or status contains ew or status < Z or lastname = Newish", []),
    ],
)
def test_a_value_that_a_list_does_not_name_is_asked_for_as_written_and_told(text: str, strange: list[str]) -> None:
    found = parse(text, CONTACTS)
    notes = unlisted(found, CONTACTS)
    assert len(notes) == len(strange) and all(
        f"“{word}” is none" in note for word, note in zip(strange, notes, strict=True)
    )
    assert all(word in to_text(found) for word in strange)


@pytest.mark.parametrize("text", ["(" * 10_000, "not " * 5_000, "(" * 9_000 + "lastname = a" + ")" * 9_000])
def test_a_filter_may_not_be_endlessly_deep(text: str) -> None:
    with pytest.raises(QueryError, match=f"{MAX_DEPTH} deep"):
        parse(text, CONTACTS)
    assert parse("(" * 40 + "lastname = a" + ")" * 40, CONTACTS) == Condition("lastname", Op.EQ, ("a",))


def test_a_filter_may_not_be_endlessly_long() -> None:
    with pytest.raises(QueryError, match="longer than"):
        parse("lastname = " + "a" * MAX_LENGTH, CONTACTS)


def test_a_zone_that_does_not_exist_is_told() -> None:
    with pytest.raises(ConfigError, match="Europe/London"):
        parse("nextcall > 2026-01-01", CONTACTS, zone="Mars/Base")


def test_a_name_may_be_meant_by_several_fields_only_until_it_is_exact() -> None:
    fields = (
        FieldSchema("name", "Name"),
        FieldSchema("NAME", "Name"),
        FieldSchema("other", "Both"),
        FieldSchema("x", "Both"),
    )
    schema = ModuleSchema(Module("M", "M"), fields)
    assert parse("NAME = a", schema) == Condition("NAME", Op.EQ, ("a",))
    for text in ("Name = a", "both = a"):
        with pytest.raises(QueryError, match="several fields"):
            parse(text, schema)
    with pytest.raises(QueryError):
        parse("modified > 2026-01-01", schema)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("nextcall = 2026-03-01", ["2026-02-28T20:30:00Z", "2026-03-01T20:29:59Z"], ["2026-03-01T20:30:00Z", None]),
        ("nextcall != 2026-03-01", ["2026-02-28T20:29:59Z", None], ["2026-02-28T20:30:00Z"]),
        ("nextcall < 2026-03-01", ["2026-02-28T20:29:59Z"], ["2026-02-28T20:30:00Z", None]),
        ("nextcall <= 2026-03-01", ["2026-03-01T20:29:59Z"], ["2026-03-01T20:30:00Z", None]),
        ("nextcall > 2026-03-01", ["2026-03-01T20:30:00Z"], ["2026-03-01T20:29:59Z", None]),
        ("nextcall >= 2026-03-01", ["2026-02-28T20:30:00Z"], ["2026-02-28T20:29:59Z", None]),
        ("nextcall between 2026-03-01 and 2026-03-02", ["2026-03-02T20:29:59Z"], ["2026-03-02T20:30:00Z", None]),
        (
            "nextcall in (2026-03-01, 2026-05-01)",
            ["2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"],
            ["2026-04-01T00:00:00Z"],
        ),
        ("nextcall not in (2026-03-01)", ["2026-04-01T00:00:00Z", None], ["2026-03-01T00:00:00Z"]),
        ("nextcall = '2026-03-01 03:30'", ["2026-03-01T00:00:00Z"], ["2026-03-01T00:00:01Z"]),
    ],
)
def test_a_day_against_a_date_time_is_the_whole_day_in_the_readers_zone(
    text: str, inside: list[str], outside: list[str]
) -> None:
    filter = read(text, "Asia/Tehran")
    assert all(matches(filter, {"nextcall": value}, CONTACTS) for value in inside)
    assert not any(matches(filter, {"nextcall": value}, CONTACTS) for value in outside)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("lastname = O'BRIEN", {"lastname": "o'brien"}, True),
        ("lastname = علي", {"lastname": "علی"}, True),
        ("lastname contains 12", {"lastname": "پلاک ۱۲"}, True),
        ("lastname = Müller", {"lastname": "Mu\u0308LLER"}, True),
        ("lastname = Muller", {"lastname": "Müller"}, False),
        ("lastname contains Σ", {"lastname": "ΑΣ"}, True),
        ("lastname < b", {"lastname": "A"}, True),
        ("lastname != x", {}, True),
        ("lastname not in (x)", {"lastname": None}, True),
        ("lastname < x", {}, False),
        ("not lastname < x", {}, True),
        ("lastname is empty", {"lastname": ""}, True),
        ("lastname in ()", {"lastname": "a"}, False),
        ("children < 10", {"children": "9"}, True),
        ("children = 1.0", {"children": "1"}, True),
        ("children >= 0", {"children": "n/a"}, False),
        ("children is empty", {"children": "n/a"}, True),
        ("children between 5 and 1", {"children": "3"}, False),
        ("optout = no", {"optout": None}, False),
        ("optout = no", {"optout": False}, True),
        ("optout is empty", {"optout": False}, False),
        ("tags = B", {"tags": ["A", "B"]}, True),
        ("tags contains C", {"tags": ["A", "B"]}, False),
        ("tags != B", {"tags": []}, True),
        ("tags in (B, C)", {"tags": ["A", "B"]}, True),
        ("account > 9", {"account": "10"}, True),
        ("account = ABC", {"account": "abc"}, False),
        ("lines is not empty", {"lines": [{}]}, True),
    ],
)
def test_the_rules_of_comparison(text: str, values: dict[str, object], expected: bool) -> None:
    assert matches(read(text), values, CONTACTS) is expected


def test_check_refuses_what_parse_would_never_make() -> None:
    for bad in (
        Condition("nothing", Op.EQ, ("x",)),
        Condition("LASTNAME", Op.EQ, ("x",)),
        Condition("optout", Op.LT, (True,)),
        Condition("lastname", Op.EQ),
        Condition("lastname", Op.BETWEEN, ("a",)),
        Condition("lastname", Op.EMPTY, ("a",)),
        Condition("children", Op.EQ, ("1e5",)),
        Condition("lastname", Op.LT, ("",)),
    ):
        with pytest.raises(QueryError):
            check(Not(And((bad,))), (), CONTACTS)
    with pytest.raises(QueryError):
        check(None, (Order("tags"),), CONTACTS)
    check(read("lastname in () or id = 1"), (Order("id"), Order("modified", True)), CONTACTS)


def test_an_order_is_read_and_written() -> None:
    expected = (Order("lastname"), Order("modified", True), Order("address/city", True))
    assert parse_order("Lastname asc, -modified, 'City' DESC", CONTACTS) == expected
    assert parse_order(order_to_text(expected), CONTACTS) == expected
    assert parse_order(" ", CONTACTS) == ()


@pytest.mark.parametrize(
    ("text", "position"),
    [("lastnam", 0), ("lastname modified", 9), ("lastname, tags", 10), ("lastname,", 9), ("a = b", 0)],
)
def test_a_bad_order_says_where(text: str, position: int) -> None:
    with pytest.raises(QueryError) as refusal:
        parse_order(text, CONTACTS)
    assert refusal.value.position == position


def test_empty_values_sort_first_and_descending_is_the_exact_reverse() -> None:
    values = [None, "b", "A", "n/a", "ü", "a"]
    records = [Record("Contacts", str(number + 8), {"lastname": value}) for number, value in enumerate(values)]
    ids = [record.id for record in sorted_records(records, (Order("lastname"),), CONTACTS)]
    assert ids == ["8", "10", "13", "9", "11", "12"]
    assert [r.id for r in sorted_records(records, (Order("lastname", True),), CONTACTS)] == ids[::-1]
    assert [r.id for r in sorted_records(records, (), CONTACTS)] == ["8", "9", "10", "11", "12", "13"]


def test_split_gives_the_vendor_what_it_can_and_keeps_the_rest() -> None:
    a, b, c = Condition("email", Op.EQ, ("a",)), Condition("email", Op.EQ, ("b",)), Condition("notes", Op.EQ, ("c",))

    def can(condition: Condition) -> bool:
        return condition.field == "email"

    assert split(None, can) == (None, None)
    assert split(And((a, c)), can) == (a, c)
    assert split(Or((a, b)), can) == (Or((a, b)), None)
    assert split(Or((a, c)), can) == (None, Or((a, c)))
    assert split(Or((And((a, c)), b)), can) == (Or((a, b)), Or((And((a, c)), b)))
    assert split(Not(a), can) == (Condition("email", Op.NE, ("a",)), None)
    contains = Not(Condition("email", Op.CONTAINS, ("a",)))
    assert split(contains, can) == (None, contains)
    assert split(contains, can, can_push_not=can) == (contains, None)


def test_a_filter_becomes_any_of_all_of_within_a_limit() -> None:
    a, b, c = (Condition("email", Op.EQ, (value,)) for value in "abc")
    assert to_dnf(None) == [[]]
    assert to_dnf(And((a, Or((b, c))))) == [[a, b], [a, c]]
    assert to_dnf(Not(Condition("height", Op.LT, ("1",)))) == [
        [Condition("height", Op.GE, ("1",))],
        [Condition("height", Op.EMPTY)],
    ]
    assert to_dnf(Not(Condition("email", Op.CONTAINS, ("a",)))) is None
    assert to_dnf(And((Or((a, b, c)),) * 30)) is None


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Lee", "lee"),
        ("O'Brien", "o'br%en"),
        ("Block 12", "bloc% %"),
        ("50%", None),
        ("علی", None),
        ("é", None),
        ("Mül", "m%l"),
        ("aé" * 50 + "bbé" + "c" * 60, f"a%bb%{'c' * 50}%"),
    ],
)
def test_a_narrowing_pattern_keeps_only_what_every_collation_agrees_on(text: str, pattern: str | None) -> None:
    assert narrowing_pattern(text) == pattern


@pytest.mark.parametrize("text", ["I\u0307\u0327", "İ\u0327", "ΑΣ", "ي\u0654", "ى", "ك", "٣۳3", "K", "Å"])
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_nothing_but_a_letter_itself_folds_to_a_letter_that_narrows() -> None:
    sure = {chr(c) for c in range(0x20, 0x7F) if narrowing_pattern(chr(c)) is not None}
    assert set("abcdefghjlmnopqrstuvwxyz'") <= sure
    for code in range(0x80, 0x110000):
        if not 0xD800 <= code < 0xE000:
            assert sure.isdisjoint(fold(chr(code))), hex(code)
