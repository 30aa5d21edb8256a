"""Whatever a mapping says and whatever a record holds: rules and check end with an answer, the same each time, and change nothing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import RecordInvalid
from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.check import check
from portal.mappings.definition import COMPARISONS, DIRECTIONS, POLICIES, SOURCES, Definition, Rule, Side
from portal.mappings.findings import Known
from portal.mappings.tables import UNLISTED, Table
from portal.mappings.transform import ABSENT, OTHER, Means, Place, carried, held, intended

NAMES = [type.value for type in FieldType]
CHOICES = (Choice("r", "Red"), Choice("۱", "One"), Choice("", "None"))
words = st.sampled_from(["", "r", "Red", "12", "۱۲٫۵", "2024-02-29", "2024-02-30", "true", "a@b.c", "+44 20 7946 0018", "x" * 300]) | st.text(max_size=20)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def modules(draw: st.DrawFn) -> ModuleSchema:
    """A module with a field of every type, its marks at random."""
    fields = [
        FieldSchema(
            type.value,
            type.value.title(),
            type,
            required=draw(st.booleans()),
            editable=draw(st.booleans()),
            choices=CHOICES if draw(st.booleans()) else (),
            max_length=draw(st.none() | st.integers(0, 20)),
            refers_to=draw(st.sampled_from([(), ("Accounts",)])),
        )
        for type in FieldType
    ]
    return ModuleSchema(Module("All", "All"), tuple(fields), modified_field=draw(st.sampled_from([None, "datetime"])))


tables = st.builds(
    Table,
    st.just("table"),
    st.lists(st.tuples(words, words), max_size=4).map(tuple),
    st.sampled_from(UNLISTED),
    words,
    words,
)
rules = st.builds(
    Rule,
    left=st.sampled_from(["", "gone", *NAMES]),
    right=st.sampled_from(["", "gone", *NAMES]),
    source=st.sampled_from(SOURCES),
    value=values,
    expression=words,
    mapping=st.sampled_from(["", "companies", "gone"]),
    table=st.sampled_from(["", "", "table", "gone"]),
    direction=st.sampled_from(["", *DIRECTIONS]),
    policy=st.sampled_from(["", *POLICIES]),
    compare=st.sampled_from(["", *COMPARISONS]),
    uuid=st.uuids().map(str),
)
records = st.dictionaries(st.sampled_from(NAMES), values)
EVALUATED: Any = lambda text, values, place, lookup: text or values.get("text")  # noqa: E731


def means(left: ModuleSchema, right: ModuleSchema, table: Table) -> Means:
    """What the rules need, with a partner for every second record."""
    places: Any = {"left": Place(left, "Asia/Tehran", "IR"), "right": Place(right)}
    return Means(places, {"table": table}, EVALUATED, partner=lambda name, side, id: id if len(id) % 2 else None)


@settings(max_examples=150)
@given(modules(), modules(), tables, st.lists(rules, max_size=6), records, st.sampled_from(["left", "right"]))
def test_rules_end_with_a_value_or_a_named_refusal_and_change_nothing(
    left: ModuleSchema, right: ModuleSchema, table: Table, said: list[Rule], record: dict[str, Any], source: Any
) -> None:
    given_, before = means(left, right, table), deepcopy(record)
    once, again = (intended(said, record, source, given_) for _ in range(2))
    assert once == again and record == before
    assert once.awaiting.keys() <= once.errors.keys()
    for rule in said:
        held(rule, record, source, given_)
        try:
            value = carried(rule, record, source, given_)
        except RecordInvalid as e:
            assert rule.at(OTHER[source]) in e.fields and all(map(str, e.fields.values()))
            continue
        assert value is ABSENT or once.values.keys() >= {rule.at(OTHER[source])}


@settings(max_examples=100)
@given(modules(), modules(), tables, st.lists(rules, max_size=8), st.data())
def test_a_check_ends_with_sentences_at_places_and_says_the_same_again(
    left: ModuleSchema, right: ModuleSchema, table: Table, said: list[Rule], data: st.DataObject
) -> None:
    match = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["gone", *NAMES])), max_size=3))
    filters = data.draw(st.sampled_from(["", "text = x", "gone = x", "text ~", "(("]))
    definition = Definition(
        "all", Side("north", "All", filters), Side("south", "All"), data.draw(st.sampled_from(DIRECTIONS)), tuple(match), tuple(said), conflict_policy=data.draw(st.sampled_from(POLICIES))
    )  # fmt: skip
    known = Known(
        {"table": table},
        {"companies": (Side("north", "Accounts"), Side("south", "Accounts"))},
        trouble=lambda text: "wrong" if "x" in text else "",
        reads=lambda text: frozenset({"gone"} if text else ()),
        common={("left", name): {"r": 3, "z": 1} for name in NAMES},
        longest=dict.fromkeys([("left", name) for name in NAMES], 30),
    )
    schemas: Any = {"left": left, "right": right}
    once = check(definition, schemas, known)
    assert once == check(definition, schemas, known)
    assert all(finding.text and str(finding) for finding in once)
    assert all(f.place.split("]")[0].removeprefix("fields[").isdigit() for f in once if f.place.startswith("fields["))
