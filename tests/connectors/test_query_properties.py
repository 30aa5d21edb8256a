"""What holds for every filter, every record and every text, tried at random."""

from __future__ import annotations

import unicodedata
from re import DOTALL, IGNORECASE, Pattern, compile, escape
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import QueryError
from connectors.memory_store import SCHEMAS
from connectors.paging import local_page
from connectors.query import (
    And,
    Condition,
    Filter,
    Not,
    Op,
    Or,
    Order,
    Query,
    check,
    conditions,
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
)
from connectors.query.names import OPERATORS, UNSORTED
from connectors.types import NUMBER_TYPES, FieldSchema, FieldType, Record

CONTACTS = SCHEMAS[0]
LETTERS = "abAB iIİıkK\u212aσςΣيىیكک1۱١ée\u0301ß'\"\\\n\t%_(),=<>!x-/."
WORDS = (
    "and",
    "or",
    "not",
    "in",
    "is",
    "empty",
    "between",
    "lastname",
    "status",
    "modified",
    "New",
    "=",
    "(",
    ")",
    ",",
)

texts = st.text(LETTERS, min_size=1, max_size=6) | st.text(min_size=1, max_size=4).filter(lambda t: "\x00" not in t)
numbers = st.sampled_from(["0", "1", "-1", "1.5", "10", "1000000000000000000000.5"])
instants = st.sampled_from(["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-02T12:00:00Z"])
VALUES: dict[FieldType, st.SearchStrategy[object]] = {
    **dict.fromkeys(NUMBER_TYPES, numbers),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.sampled_from(["1999-12-31", "2000-01-01", "2024-02-29"]),
    FieldType.TIME: st.sampled_from(["00:00:00", "23:59:00"]),
    FieldType.DATETIME: instants,
    FieldType.CHOICE: st.sampled_from(["New", "In Progress", "Done"]),
    FieldType.MULTICHOICE: st.sampled_from(["A", "B", "C"]),
    FieldType.REFERENCE: st.sampled_from(["1", "9", "10", "12x3", "a", "A"]),
    FieldType.OWNER: st.sampled_from(["1", "2"]),
}
ARITY = {Op.EMPTY: (0, 0), Op.NOT_EMPTY: (0, 0), Op.BETWEEN: (2, 2), Op.IN: (0, 3), Op.NOT_IN: (0, 3)}


@st.composite
def one_condition(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(CONTACTS.fields))
    op = draw(st.sampled_from(sorted(OPERATORS[field.type])))
    low, high = ARITY.get(op, (1, 1))
    values = draw(st.lists(VALUES.get(field.type, texts), min_size=low, max_size=high))
    return Condition(field.name, op, tuple(values))


def joined(children: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(children, min_size=2, max_size=3).map(tuple)
    return parts.map(And) | parts.map(Or) | children.map(Not)


filters: st.SearchStrategy[Filter] = st.recursive(one_condition(), joined, max_leaves=6)


@st.composite
def values_of_a_record(draw: st.DrawFn) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in draw(st.lists(st.sampled_from(CONTACTS.fields), max_size=12, unique=True)):
        strategy = VALUES.get(field.type, texts)
        if field.type is FieldType.MULTICHOICE:
            strategy = st.lists(strategy, max_size=2, unique=True)
        found[field.name] = draw(st.none() | strategy | st.just("n/a"))
    return found


records = st.lists(values_of_a_record(), min_size=1, max_size=8)


@given(filters)
def test_a_filter_written_as_text_is_read_back_the_same(filter: Filter) -> None:
    check(filter, (), CONTACTS)
    assert parse(to_text(filter), CONTACTS) == filter


@given(filters, records)
def test_not_is_the_exact_opposite(filter: Filter, found: list[dict[str, object]]) -> None:
    for values in found:
        assert matches(Not(filter), values, CONTACTS) is not matches(filter, values, CONTACTS)


@given(filters, records, st.integers(), st.booleans())
def test_what_is_pushed_and_what_is_kept_are_together_the_filter(
    filter: Filter, found: list[dict[str, object]], seed: int, able_not: bool
) -> None:
    def can(condition: Condition) -> bool:
        return crc32(f"{condition.field} {condition.op} {seed}".encode()) % 3 > 0

    pushed, local = split(filter, can, can_push_not=(can if able_not else lambda condition: False))
    assert all(can(condition) for condition in conditions(pushed))
    for values in found:
        wide = matches(pushed, values, CONTACTS)
        assert (wide and matches(local, values, CONTACTS)) is matches(filter, values, CONTACTS)
        assert wide or not matches(filter, values, CONTACTS)


@given(filters, records)
def test_any_of_all_of_finds_the_same(filter: Filter, found: list[dict[str, object]]) -> None:
    terms = to_dnf(filter, 200)
    if terms is not None:
        for values in found:
            any_term = any(all(matches(c, values, CONTACTS) for c in term) for term in terms)
            assert any_term is matches(filter, values, CONTACTS)


@given(st.text() | st.text(LETTERS) | st.lists(st.sampled_from(WORDS) | texts, max_size=12).map(" ".join))
def test_the_reader_refuses_with_a_place_or_makes_a_filter_that_holds(text: str) -> None:
    for reader in (parse, parse_order):
        try:
            reader(text, CONTACTS)
        except QueryError as e:
            assert e.position is not None and 0 <= e.position <= len(text)
    try:
        check(parse(text, CONTACTS), (), CONTACTS)
    except QueryError:
        return


@given(st.text() | st.text(LETTERS))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(LETTERS))
def test_composed_and_decomposed_text_are_the_same(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)


def like(pattern: str) -> Pattern[str]:
    """Return a LIKE pattern as a regular expression."""
    return compile(".*".join(map(escape, pattern.split("%"))), IGNORECASE | DOTALL)


@given(st.text(LETTERS, max_size=6), st.text(LETTERS, min_size=1, max_size=4), st.text(LETTERS, max_size=6))
def test_a_narrowing_pattern_fits_wherever_the_text_is(before: str, text: str, after: str) -> None:
    for stored in (before + text + after, unicodedata.normalize("NFD", before + text.upper() + after)):
        pattern = narrowing_pattern(text)
        if pattern is not None and fold(text) in fold(stored):
            assert like(pattern).search(stored)


def sortable(field: FieldSchema) -> bool:
    """Say whether the field can be sorted by."""
    return field.type not in UNSORTED


orders = st.lists(
    st.builds(Order, st.sampled_from([f.name for f in CONTACTS.fields if sortable(f)]), st.booleans()),
    max_size=3,
    unique_by=lambda column: column.field,
).map(tuple)


@given(orders, records, st.integers(1, 4))
def test_pages_of_an_order_are_its_whole_cut_in_pieces(
    order: tuple[Order, ...], found: list[dict[str, object]], limit: int
) -> None:
    rows = [Record("Contacts", str(number * 7 % 11), values) for number, values in enumerate(found)]
    assert parse_order(order_to_text(order), CONTACTS) == order
    pages: list[Record] = []
    cursor = None
    for _ in rows:
        page = local_page(rows, Query(order=order, limit=limit, cursor=cursor), CONTACTS)
        pages += page.records
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == sorted_records(rows, order, CONTACTS)


@given(orders, records)
def test_the_reverse_of_an_order_is_its_exact_reverse(order: tuple[Order, ...], found: list[dict[str, object]]) -> None:
    rows = [Record("Contacts", str(number), values) for number, values in enumerate(found)]
    turned = tuple(Order(column.field, not column.descending) for column in order) or (Order("id", True),)
    assert sorted_records(rows, turned, CONTACTS) == sorted_records(rows, order or (Order("id"),), CONTACTS)[::-1]
