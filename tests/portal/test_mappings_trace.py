"""What a rule makes of a value, step by step: the same as `transform` makes of it, with what is between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.types import JSON, FieldSchema, FieldType, Module, ModuleSchema, Values
from portal.mappings.definition import Rule
from portal.mappings.expression import Given, evaluate, fields_of
from portal.mappings.tables import Table
from portal.mappings.trace import trace
from portal.mappings.transform import Lookup, Means, Place

FIELDS = (
    FieldSchema("first", "First"),
    FieldSchema("last", "Last", max_length=6),
    FieldSchema("born", "Born", FieldType.DATE),
    FieldSchema("at", "At", FieldType.DATETIME),
    FieldSchema("account", "Account", FieldType.REFERENCE),
)
PLACE = Place(ModuleSchema(Module("People", "People"), FIELDS))


def _evaluate(text: str, values: Values, place: Place, lookup: Lookup) -> JSON:
    return evaluate(text, values, Given(place.zone, place.region, lookup))


MEANS = Means(
    {"left": PLACE, "right": PLACE},
    tables={"titles": Table("titles", (("m", "Mr"),))},
    evaluate=_evaluate,
    reads=fields_of,
    partner=lambda mapping, side, id: {"7": "70"}.get(id),
)


def steps(rule: Rule, values: Values) -> list[tuple[str, str, JSON]]:
    return [(s.kind, s.name, s.value) for s in trace(rule, values, "left", MEANS)]


def test_a_field_becomes_what_its_type_says() -> None:
    assert steps(Rule("at", "born"), {"at": "2024-02-29T10:00:00Z"}) == [
        ("field", "at", "2024-02-29T10:00:00Z"), ("made", "born", "2024-02-29"),
    ]  # fmt: skip


def test_a_fixed_value_begins_with_itself() -> None:
    assert steps(Rule("", "last", source="value", value="x"), {}) == [("value", "", "x"), ("made", "last", "x")]


def test_a_value_table_stands_between() -> None:
    rule = Rule("first", "last", table="titles")
    assert steps(rule, {"first": "m"}) == [("field", "first", "m"), ("table", "titles", "Mr"), ("made", "last", "Mr")]
    kind, name, why = steps(rule, {"first": "x"})[-1]
    assert (kind, name) == ("error", "last") and "stands in no row" in str(why)


def test_an_expression_shows_what_it_reads_and_what_it_becomes_before_it_is_converted() -> None:
    rule = Rule("", "last", source="expression", expression="{{ first|upper }}")
    assert steps(rule, {"first": "ada"}) == [
        ("field", "first", "ada"), ("expression", "{{ first|upper }}", "ADA"), ("made", "last", "ADA"),
    ]  # fmt: skip
    assert [kind for kind, _, _ in steps(rule, {"first": "much too long"})] == ["field", "expression", "error"]
    broken = replace(rule, expression="{{ first|nothing_like_it }}")
    assert [kind for kind, _, _ in steps(broken, {"first": "ada"})] == ["error"]


def test_a_linked_record_becomes_its_partner_or_waits_for_it() -> None:
    rule = Rule("account", "account", source="reference", mapping="accounts")
    assert steps(rule, {"account": "7"})[1:] == [("partner", "accounts", "70"), ("made", "account", "70")]
    assert [kind for kind, _, _ in steps(rule, {"account": "8"})] == ["field", "waits"]


@pytest.mark.parametrize("rule", [Rule("first", "last"), Rule("first", "last", table="titles")])
def test_what_the_answer_did_not_carry_is_not_written(rule: Rule) -> None:
    assert steps(rule, {}) == [("absent", "last", None)]


def test_nothing_stays_nothing() -> None:
    assert steps(Rule("first", "last", table="titles"), {"first": None}) == [
        ("field", "first", None), ("made", "last", None),
    ]  # fmt: skip
