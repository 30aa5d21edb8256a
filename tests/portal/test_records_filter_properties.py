"""The same filter finds the same records whether the database or Python evaluates it, on whichever database the suite runs."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.query import And, Condition, Filter, Not, Op, Or, Order, match, sorted_records
from connectors.query.names import OPERATORS, UNSORTED
from connectors.types import FieldSchema, FieldType, Module, ModuleSchema, Record
from portal.connections.models import Connection
from portal.records import filter_sql
from portal.records.models import Copy, Mirror

TEXTS = [
    None,
    "",
    "Miller",
    "miller",
    "O'Brien",
    'say "hi"',
    "100%",
    "a_b",
    "a\\b",
    "Ärger",
    "ärger",
    "A\u0308rger",
    "علي",
    "علی",
]
TEXTS += [
    "كتاب",
    "کتاب",
    "۱۲۳",
    "123",
    "٤٥",
    "line 1\nline 2",
    "<b>",
    " pad ",
    "ΣΟΦΟΣ",
    "σοφος",
    "İstanbul",
    "ß",
    "😀 ok",
    "%",
    "_",
]
NUMBERS = [
    None,
    "",
    "0",
    "-1",
    "1",
    "2",
    "10",
    "9",
    "12.5",
    "-12.5",
    "-12.55",
    "0.1",
    "0.05",
    "100",
    "n/a",
    "12345678901234567890.1",
]
NUMBERS += ["12345678901234567890.2", "-0.001", "۱۲", "007"]
POINTS = [None, "2024-02-29", "2024-03-01", "2023-12-31", "2024-02-29T23:59:00Z", "2024-02-30", "soon", "23:59:00"]
IDS = [None, "12x9", "12x10", "12x100", "ABC", "abc", "7", "70", "8"]
LISTS = [None, [], "", ["A"], ["A", "B"], ["b"], ["Ärger", "علي"], ["[]"], "A", ["A", "A"]]
FLAGS = [None, True, False, "yes", ""]
ANY = [None, [], {}, {"a": 1}, [{"qty": "2"}], "", "[]"]
POOLS: dict[FieldType, list[Any]] = {
    FieldType.TEXT: TEXTS,
    FieldType.CHOICE: TEXTS[:8],
    FieldType.DECIMAL: NUMBERS,
    FieldType.DATE: POINTS,
    FieldType.DATETIME: POINTS,
    FieldType.BOOLEAN: FLAGS,
    FieldType.MULTICHOICE: LISTS,
    FieldType.REFERENCE: IDS,
    FieldType.JSON: ANY,
}
NAMES = {
    FieldType.DECIMAL: 'odd "name',
    FieldType.TEXT: "back\\slash",
    FieldType.CHOICE: "نام",
    FieldType.DATE: "a.b[0]",
}
FIELDS = tuple(FieldSchema(NAMES.get(t, t.value), t.value, t) for t in POOLS)
SCHEMA = ModuleSchema(Module("Things", "Things"), (*FIELDS, FieldSchema("id", "Id", FieldType.ID)))


def seeded_values(rows: int) -> dict[str, dict[str, Any]]:
    """Return id -> values: every pool's values in random company, now and then a field that was not carried."""
    dice = random.Random(7)
    found = {}
    for number in range(rows):
        values = {f.name: dice.choice(POOLS[f.type]) for f in FIELDS if dice.random() > 0.1}
        found[f"12x{number}"] = {**values, "id": f"12x{number}"}
    return found


def seed(rows: int = 120) -> tuple[Mirror, dict[str, dict[str, Any]]]:
    mirror = Mirror.objects.create(
        connection=Connection.objects.create(name="north", connector="memory"), module="Things"
    )
    now, found = datetime.now(UTC), seeded_values(rows)
    Copy.objects.bulk_create(
        Copy(mirror=mirror, record_id=id, values=values, digest=b"", codec=1, version=n, first_seen=now, last_seen=now)
        for n, (id, values) in enumerate(found.items(), 1)
    )
    return mirror, found


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(SCHEMA.fields))
    op = draw(st.sampled_from(sorted(OPERATORS[field.type])))
    pool = [v for v in POOLS.get(field.type, IDS) if not isinstance(v, list | dict)]
    if field.type is FieldType.BOOLEAN:
        pool = [True, False]
    sizes = {
        Op.EMPTY: 0,
        Op.NOT_EMPTY: 0,
        Op.BETWEEN: 2,
        Op.IN: draw(st.integers(0, 3)),
        Op.NOT_IN: draw(st.integers(0, 3)),
    }
    values = tuple(draw(st.sampled_from(pool)) for _ in range(sizes.get(op, 1)))
    if op in {Op.CONTAINS, Op.STARTS, Op.ENDS}:
        text = str(values[0] or "")
        start = draw(st.integers(0, len(text)))
        values = (text[start : start + draw(st.integers(0, 4))],)
    return Condition(field.name, op, values)


def several(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    tuples = st.lists(parts, max_size=3).map(tuple)
    return st.one_of(tuples.map(And), tuples.map(Or), parts.map(Not))


filters = st.recursive(conditions(), several, max_leaves=6)
orders = st.lists(
    st.builds(Order, st.sampled_from([f.name for f in SCHEMA.fields if f.type not in UNSORTED]), st.booleans()),
    max_size=2,
).map(tuple)


def mirror_ids(mirror: Mirror, filter: Filter | None, order: tuple[Order, ...]) -> list[str]:
    filter_sql.prepare()
    where = filter_sql.where(filter, SCHEMA)
    keys = filter_sql.sort_keys(order, SCHEMA)
    by = ", ".join(f"{k.sql.text} {'DESC' if k.descending else 'ASC'}" for k in keys)
    params = [mirror.pk, *where.params, *(p for k in keys for p in k.sql.params)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT record_id FROM records_copy WHERE mirror_id = %s AND {where.text} ORDER BY {by}", params
        )
        return [id for (id,) in cursor.fetchall()]


@pytest.mark.django_db
def test_a_filter_finds_in_the_mirror_exactly_what_it_finds_in_python() -> None:
    mirror, found = seed()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(filters)
    def same(filter: Filter) -> None:
        holds = match(filter, SCHEMA)
        assert set(mirror_ids(mirror, filter, ())) == {id for id, values in found.items() if holds(values)}

    same()


@pytest.mark.django_db
def test_the_mirror_sorts_exactly_as_python_does() -> None:
    mirror, found = seed()
    records = [Record("Things", id, values) for id, values in found.items()]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(orders)
    def same(order: tuple[Order, ...]) -> None:
        assert mirror_ids(mirror, None, order) == [r.id for r in sorted_records(records, order, SCHEMA)]

    same()
