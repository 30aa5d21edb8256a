"""Filters and orders carried out here, by the package's rules: the reference for every database and vendor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import total_ordering
from typing import Any

from connectors.errors import QueryError
from connectors.query.filters import And, Condition, Filter, Not, Op, Order, conditions
from connectors.query.folding import fold
from connectors.query.names import (
    ID_FIELD,
    ID_TYPES,
    POINT_TYPES,
    check_operator,
    check_sortable,
    find_exact,
    find_field,
)
from connectors.spelling import CANONICAL_NUMBER
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType, ModuleSchema, Record, Values
from connectors.wording import text as _

Comparable = Any  # str, bool, Decimal or (length, id): values of one field always have the same one
_NUMBER = re.compile(CANONICAL_NUMBER)
_ARITY = {Op.EMPTY: 0, Op.NOT_EMPTY: 0, Op.BETWEEN: 2, Op.IN: None, Op.NOT_IN: None}
Test = Callable[[Values], bool]


def comparable(field: FieldSchema, value: JSON) -> Comparable | None:
    """Return what the field's values are compared by, or None when the value is empty or not of the field's type.

    A multi-choice value gives a frozenset; an object (LINES, JSON) gives True: it can only be there or not.
    """
    if value is None or value == "" or value == []:
        return None
    if field.type is FieldType.BOOLEAN:
        return value if isinstance(value, bool) else None
    if field.type is FieldType.MULTICHOICE:
        return frozenset(fold(str(v)) for v in (value if isinstance(value, list | tuple) else [value]))
    if field.type in {FieldType.LINES, FieldType.JSON}:
        return True
    return _compared_text(field.type, value) if isinstance(value, str) else None


def _compared_text(type: FieldType, value: str) -> Comparable | None:
    if type in NUMBER_TYPES:
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    if type in ID_TYPES:
        return (len(value), value)
    return value if type in POINT_TYPES else fold(value)


def matches(filter: Filter | None, values: Values, schema: ModuleSchema) -> bool:
    """Say whether these canonical values meet the filter; no filter is met by all. For many records use `match`."""
    return match(filter, schema)(values)


def match(filter: Filter | None, schema: ModuleSchema) -> Test:
    """Return the filter as a function of canonical values (which must hold the id if the filter asks for it)."""
    if filter is None:
        return lambda values: True
    if isinstance(filter, Condition):
        return _test(filter, find_exact(filter.field, schema))
    if isinstance(filter, Not):
        inner = match(filter.part, schema)
        return lambda values: not inner(values)
    tests = [match(part, schema) for part in filter.parts]
    if isinstance(filter, And):
        return lambda values: all(test(values) for test in tests)
    return lambda values: any(test(values) for test in tests)


def match_record(filter: Filter | None, schema: ModuleSchema) -> Callable[[Record], bool]:
    """Return the filter as a function of records, whose id counts as a value."""
    test, id_name = match(filter, schema), find_field(ID_FIELD.name, schema).name
    if all(condition.field != id_name for condition in conditions(filter)):
        return lambda record: test(record.values)
    return lambda record: test({**record.values, id_name: record.id})


def _test(condition: Condition, field: FieldSchema) -> Test:
    name, negated = field.name, condition.op in {Op.NE, Op.NOT_IN, Op.EMPTY}
    holds = _holds(condition, field)

    def test(values: Values) -> bool:
        own = comparable(field, values.get(name))
        return negated if own is None else holds(own) is not negated

    return test


def _holds(condition: Condition, field: FieldSchema) -> Callable[[Comparable], bool]:
    """Return the positive form of the operator, as a question to a value that is not empty."""
    if condition.op in {Op.CONTAINS, Op.STARTS, Op.ENDS} and field.type is not FieldType.MULTICHOICE:
        return _holds_part(condition, field)
    others = [comparable(field, value) for value in condition.values]
    given = [other for other in others if other is not None]
    if condition.op in {Op.EMPTY, Op.NOT_EMPTY}:
        return lambda own: True
    if field.type is FieldType.MULTICHOICE:
        return lambda own: any(other <= own for other in given)
    if condition.op in {Op.EQ, Op.NE, Op.IN, Op.NOT_IN}:
        return lambda own: own in given
    if len(given) < len(others):
        return lambda own: False  # nothing is before or after an empty value
    return _RANGES[condition.op](given)


_RANGES: dict[Op, Callable[[list[Comparable]], Callable[[Comparable], bool]]] = {
    Op.LT: lambda given: lambda own: bool(own < given[0]),
    Op.LE: lambda given: lambda own: bool(own <= given[0]),
    Op.GT: lambda given: lambda own: bool(own > given[0]),
    Op.GE: lambda given: lambda own: bool(own >= given[0]),
    Op.BETWEEN: lambda given: lambda own: bool(given[0] <= own <= given[1]),
}


def _holds_part(condition: Condition, field: FieldSchema) -> Callable[[Comparable], bool]:
    exact = field.type in ID_TYPES
    part = str(condition.values[0]) if exact else fold(str(condition.values[0]))
    if not part:
        return lambda own: False
    ask = {Op.CONTAINS: str.__contains__, Op.STARTS: str.startswith, Op.ENDS: str.endswith}[condition.op]
    return lambda own: bool(ask(own[1] if exact else own, part))


@total_ordering
class _Key:
    """One column of a sort key: empty before all, and turned round when descending."""

    __slots__ = ("descending", "value")

    def __init__(self, value: Comparable | None, descending: bool) -> None:
        self.value = value
        self.descending = descending

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.value == other.value

    def __lt__(self, other: _Key) -> bool:
        low, high = (other.value, self.value) if self.descending else (self.value, other.value)
        return high is not None and (low is None or bool(low < high))


def sort_key(order: Sequence[Order], schema: ModuleSchema) -> Callable[[Record], tuple[_Key, ...]]:
    """Return the key by which records sort in that order; the id is its last part, so no two are equal."""
    columns = [(find_exact(column.field, schema), column.descending) for column in order]
    last = bool(columns) and columns[-1][1]

    def key(record: Record) -> tuple[_Key, ...]:
        parts = [_Key(comparable(f, own_value(record, f)), descending) for f, descending in columns]
        return (*parts, _Key((len(record.id), record.id), last))

    return key


def own_value(record: Record, field: FieldSchema) -> JSON:
    """Return the record's value; the id of the record where the field is the id."""
    return record.id if field.type is FieldType.ID else record.values.get(field.name)


def sorted_records(records: Iterable[Record], order: Sequence[Order], schema: ModuleSchema) -> list[Record]:
    """Return the records in that order; by id when it is empty."""
    return sorted(records, key=sort_key(order, schema))


def check(filter: Filter | None, order: tuple[Order, ...], schema: ModuleSchema) -> None:
    """Raise QueryError when a field, an operator or the number of values is wrong; for queries made without `parse`."""
    for condition in conditions(filter):
        _check_condition(condition, find_exact(condition.field, schema))
    for column in order:
        check_sortable(find_exact(column.field, schema))


def _check_condition(condition: Condition, field: FieldSchema) -> None:
    check_operator(field, condition.op)
    needed = _ARITY.get(condition.op, 1)
    if needed is not None and len(condition.values) != needed:
        raise QueryError(
            _(
                "“%(field)s %(op)s” needs %(needed)s values, not %(count)s.",
                field=field.name,
                op=condition.op,
                needed=needed,
                count=len(condition.values),
            )
        )
    if any(comparable(field, value) is None for value in condition.values):
        raise QueryError(
            _(
                "“%(field)s %(op)s” needs values of a %(type)s field in their canonical spelling.",
                field=field.name,
                op=condition.op,
                type=field.type,
            )
        )
