"""Before a mapping of both ways goes live it is told which values do not come back as they were, with an example of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory import store
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.values import Codec
from portal.connections.access import open_connector
from portal.connections.models import Call, Connection
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.editing import open_editing
from portal.mappings.round_trip import check_round_trip, round_trip
from portal.mappings.save import save_mapping
from portal.mappings.tables import Table
from portal.mappings.transform import Means, Place
from portal.records.figures import sample_of
from portal.records.models import Mirror
from portal.records.pull import mirror_of, pull

T = FieldType
PLAIN_RULE = Rule("a", "b")
COLOURS = (Choice("r", "Red"), Choice("g", "Green"))


def stored(field: FieldSchema, value: JSON) -> JSON:
    codec = Codec("Europe/London")
    return codec.decode(field, codec.encode(field, value))


SPELL: dict[Any, Any] = {"left": stored, "right": stored}


def means(left: FieldSchema, right: FieldSchema, **more: Any) -> Means:
    fields = {"left": left, "right": right}
    zones = {"left": "Asia/Tehran", "right": "Europe/London"}
    places = {side: Place(ModuleSchema(Module(side, side), (f,)), zones[side]) for side, f in fields.items()}
    return Means(places, **more)  # type: ignore[arg-type]


def field(name: str, type: FieldType, **more: Any) -> FieldSchema:
    return FieldSchema(name, name.capitalize(), type, **more)


def lost(value: JSON, left: FieldType, right: FieldType, rule: Rule = PLAIN_RULE, **more: Any) -> JSON:
    given = means(field("a", left), field("b", right), **more)
    trip = round_trip(rule, {"a": value}, "left", given, SPELL)
    return None if trip is None else (trip.becomes, trip.why or trip.back)


@pytest.mark.parametrize(
    ("value", "left", "right"),
    [
        ("Ada", T.TEXT, T.TEXT),
        ("2024-02-29", T.DATE, T.DATE),
        ("2024-02-29T20:30:00Z", T.DATETIME, T.DATETIME),
        ("12.5", T.MONEY, T.DECIMAL),
        ("12.5", T.MONEY, T.TEXT),
        (True, T.BOOLEAN, T.BOOLEAN),
        (["A", "B"], T.MULTICHOICE, T.MULTICHOICE),
        (None, T.TEXT, T.DATE),
        ("no date", T.TEXT, T.DATE),  # does not get there: told by the other checks
    ],
)
def test_what_comes_back_is_not_told(value: JSON, left: FieldType, right: FieldType) -> None:
    assert lost(value, left, right) is None


def test_a_time_that_becomes_a_day_comes_back_as_midnight() -> None:
    assert lost("2024-02-29T12:30:00Z", T.DATETIME, T.DATE) == ("2024-02-29", "2024-02-29T00:00:00Z")


def test_choices_that_become_one_text_come_back_as_one() -> None:
    found = lost(["A", "B"], T.MULTICHOICE, T.TEXT)
    assert found == ("A, B", ["A, B"])


def test_two_entries_that_become_one_by_a_value_table_come_back_as_the_first() -> None:
    table = Table("colours", (("r", "x"), ("g", "x")))
    assert lost("r", T.TEXT, T.TEXT, Rule("a", "b", table="colours"), tables={"colours": table}) is None
    assert lost("g", T.TEXT, T.TEXT, Rule("a", "b", table="colours"), tables={"colours": table}) == ("x", "r")


def test_a_value_without_a_way_back_is_told_with_the_reason() -> None:
    table = Table("colours", (("r", "x"),), "default", default_left="", default_right="other")
    becomes, why = lost("g", T.TEXT, T.TEXT, Rule("a", "b", table="colours"), tables={"colours": table})
    assert becomes == "other" and why in (None, "") or "colours" in str(why)


def test_what_makes_no_difference_to_the_rule_is_no_loss() -> None:
    left, right = field("a", T.TEXT), field("b", T.TEXT)
    shouting: dict[Any, Any] = {"left": stored, "right": lambda field, value: str(value).upper()}
    given = means(left, right)
    assert round_trip(Rule("a", "b"), {"a": "Ada"}, "left", given, shouting) is not None
    assert round_trip(Rule("a", "b", compare="case"), {"a": "Ada"}, "left", given, shouting) is None


def test_lines_that_lose_something_are_told_as_one_value() -> None:
    left = field("a", T.LINES, lines=(field("amount", T.DECIMAL), field("sold", T.DATETIME)))
    right = field("b", T.LINES, lines=(field("quantity", T.DECIMAL), field("day", T.DATE)))
    rule = Rule("a", "b", "lines", lines=(Rule("amount", "quantity"), Rule("sold", "day")))
    lines = [{"amount": "2.5", "sold": "2024-02-29T12:30:00Z", "id": "7"}]
    trip = round_trip(rule, {"a": lines}, "left", means(left, right), SPELL)
    assert trip is not None and trip.becomes == [{"quantity": "2.5", "day": "2024-02-29"}]
    amounts = replace(rule, lines=rule.lines[:1])
    assert round_trip(amounts, {"a": lines}, "left", means(left, right), SPELL) is None


def test_each_rule_and_side_is_told_once_with_counts_and_an_example() -> None:
    left, right = field("a", T.DATETIME), field("b", T.DATE)
    definition = Definition("x", Side("n", "M"), Side("s", "M"), "both", (), (Rule("a", "b"),))
    samples: dict[Any, Any] = {
        "left": [{"a": "2024-02-29T12:30:00Z"}, {"a": "2024-03-01T10:00:00Z"}, {"a": None}],
        "right": [{"b": "2024-02-29"}],
    }
    found = list(check_round_trip(definition, samples, means(left, right), SPELL))
    assert [(f.level, f.place) for f in found] == [("warning", "fields[0]")]
    assert "in 2 of 3 records of left: “2024-02-29T12:30:00Z” becomes “2024-02-29”" in found[0].text
    one_way = replace(definition, direction="left-to-right")
    assert not list(check_round_trip(one_way, samples, means(left, right), SPELL))


PLAIN: dict[FieldType, st.SearchStrategy[JSON]] = {
    T.TEXT: st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
        lambda t: t.strip() == t
    ),
    T.INTEGER: st.integers(-(10**6), 10**6).map(str),
    T.BOOLEAN: st.booleans(),
    T.DATE: st.dates().map(lambda day: day.isoformat()),
    T.CHOICE: st.sampled_from([choice.value for choice in COLOURS]),
    T.MULTICHOICE: st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, unique=True),
}


@given(st.sampled_from(sorted(PLAIN)).flatmap(lambda type: st.tuples(st.just(type), PLAIN[type])))
def test_plain_fields_of_the_same_type_come_back_as_they_were(drawn: tuple[FieldType, JSON]) -> None:
    type, value = drawn
    choices = {"choices": COLOURS} if type is T.CHOICE else {}
    given = means(field("a", type, **choices), field("b", type, **choices))
    assert round_trip(Rule("a", "b"), {"a": value}, "left", given, SPELL) is None


# As the check and the editor tell it


@pytest.fixture
def both(make_connection: Callable[..., Connection]) -> list[Connection]:
    return [
        make_connection(name, settings={"store": place}) for name, place in (("north", "memory"), ("south", "other"))
    ]


def read(connection: Connection) -> Mirror:
    mirror = mirror_of(connection, "Contacts")
    with open_connector(connection, purpose="sync") as crm:
        pull(mirror, crm)
    return mirror


@pytest.mark.django_db(transaction=True)
def test_the_check_looks_at_what_the_mirrors_hold_and_calls_no_crm(both: list[Connection]) -> None:
    for number in range(3):
        store("memory").put("Contacts", {"lastname": "Ada", "nextcall": f"2024-02-2{number}T12:30:00Z"})
    for connection in both:
        read(connection)
    rules = (Rule("lastname", "lastname"), Rule("nextcall", "birthday"))
    definition = Definition(
        "people", Side("north", "Contacts"), Side("south", "Contacts"), "both", (("email", "email"),), rules
    )
    editing = open_editing(save_mapping(definition, user=None, actor="test"))
    asked = Call.objects.count()
    found = [f for f in editing.findings if f.place == "fields[1]"]
    assert len(found) == 1 and "in 3 of 3 records" in found[0].text
    assert Call.objects.count() == asked


@pytest.mark.django_db(transaction=True)
def test_a_sample_is_spread_over_a_large_mirror(both: list[Connection]) -> None:
    for number in range(500):
        store("memory").put("Contacts", {"lastname": f"Person {number}"})
    mirror = read(both[0])
    mirror.refresh_from_db()
    found = [int(str(values["lastname"]).split()[1]) for values in sample_of(mirror, 50)]
    assert 25 <= len(found) <= 50 and min(found) < 150 and max(found) > 350
