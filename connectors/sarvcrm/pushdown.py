"""Filters and orders as the SQL that SarvCRM takes in `query` and `order_by`. The rule: only fields the server described, each
with its table before it, and values only as literals that none of their characters can end; what is asked is never narrower
than the filter, and `exact` says when it is the filter.

Not relied on, since nothing tells it: how the database compares text, and in which zone its date-times are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.query import (
    And,
    Condition,
    Filter,
    Not,
    Op,
    Order,
    conditions,
    find_exact,
    match,
    narrowing_pattern,
    split,
)
from connectors.query.names import ID_TYPES
from connectors.sarvcrm.modules import table
from connectors.sarvcrm.schema import CREATED, MODIFIED, Described
from connectors.seconds import STAMP, ZONES
from connectors.types import DAY_TYPES, JSON, NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, Module, ModuleSchema

MOST_VALUES = 300
LONGEST_QUERY = 20_000  # characters
MOST_DIGITS = 15  # a database with binary numbers holds no more
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASCII_ID = re.compile(r"[\x20-\x7e]+")

WORDS = TEXT_TYPES | {FieldType.CHOICE}
SIGNS = {Op.EQ: "=", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}
EXACT_NUMBERS = frozenset({"int", "integer", "decimal", "currency"})
EXACTLY_SORTED = NUMBER_TYPES | DAY_TYPES | {FieldType.BOOLEAN, FieldType.TIME}


@dataclass(frozen=True, slots=True)
class Pushed:
    """A `query`, "" for everything; whether it finds exactly what the filter finds; and the fields it names."""

    query: str = ""
    exact: bool = True
    names: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Sql:
    """What may be asked of one module's table: `columns` are the fields that are columns there, `hidden` those that turned
    out to be none."""

    described: Described
    hidden: frozenset[str] = frozenset()

    @property
    def schema(self) -> ModuleSchema:
        return self.described.schema

    def column(self, name: str) -> str:
        """Return the field's column with its table before it. Raises ValueError for a name that is no column."""
        if not self.has(name):
            raise ValueError(f"{name[:60]!r} is not a column")
        return f"{table(self.schema.module.name)}.{name}"

    def has(self, name: str) -> bool:
        """Say whether queries may name this field."""
        named = NAME.fullmatch(name) is not None and NAME.fullmatch(table(self.schema.module.name)) is not None
        return named and name in self.described.columns and name not in self.hidden

    def joined(self, filter: Filter) -> tuple[str, bool]:
        """Return a filter of conditions that can be asked in SQL, and whether that is exact."""
        if isinstance(filter, Condition):
            return self.render(filter) or ("TRUE", False)
        if isinstance(filter, Not):  # `split` lets none through
            return "TRUE", False
        word = " AND " if isinstance(filter, And) else " OR "
        told = [self.joined(part) for part in filter.parts]
        empty = "TRUE" if isinstance(filter, And) else "FALSE"
        return f"({word.join(sql for sql, _ in told)})" if told else empty, all(exact for _, exact in told)

    def render(self, condition: Condition) -> tuple[str, bool] | None:
        """Return a condition in SQL and whether it is exact, or None when the database must not be asked."""
        own = find_exact(condition.field, self.schema)
        if not self.has(own.name) or len(condition.values) > MOST_VALUES:
            return None
        column = self.column(own.name)
        if condition.op in (Op.EMPTY, Op.NOT_EMPTY):
            return _emptiness(own, column, condition.op)
        if condition.op in (Op.NE, Op.NOT_IN):
            return self._unequal(own, column, condition)
        if any(value in (None, "") for value in condition.values):
            return None
        return _rendered(own, column, condition)

    def _unequal(self, own: FieldSchema, column: str, condition: Condition) -> tuple[str, bool] | None:
        """Empty values are unequal to everything. Only where equal is exact, or this would be narrower than the filter."""
        equal = self.render(replace(condition, op=Op.EQ if condition.op is Op.NE else Op.IN))
        if equal is None or not equal[1]:
            return None
        return f"({column} IS NULL OR NOT ({equal[0]}))", True

    def sorts(self, order: Sequence[Order]) -> bool:
        """Say whether the database's order is ours: of numbers and times, where no column follows one that has several
        spellings of nothing."""
        fields = [f for column in order if (f := self.schema.field(column.field)) and self.has(column.field)]
        known = len(fields) == len(order) and all(f.type in EXACTLY_SORTED for f in fields)
        return known and all(f.type in NUMBER_TYPES or f.name in (MODIFIED, CREATED) for f in fields[:-1])

    def order_by(self, order: Sequence[Order]) -> str:
        """Return `order_by`; the id decides ties, in the direction of the last column."""
        last = bool(order) and order[-1].descending
        parts = [(column.field, column.descending) for column in order if self.has(column.field)]
        known = parts if any(name == "id" for name, _ in parts) else [*parts, ("id", last)]
        return ", ".join(f"{self.column(name)} {'DESC' if down else 'ASC'}" for name, down in known)


def push(filter: Filter | None, sql: Sql) -> Pushed:
    """Return what of the filter the database is asked."""
    if filter is None:
        return Pushed()
    wider, local = split(filter, lambda c: sql.render(c) is not None)
    if wider is None:
        return Pushed(exact=False)
    query, exact = sql.joined(wider)
    if len(query) > LONGEST_QUERY:
        return Pushed(exact=False)
    return Pushed(query, exact and local is None, frozenset(c.field for c in conditions(wider)))


def literal(text: str) -> str:
    """Return a quoted literal that nothing in the text can end: quotes and backslashes are doubled (facts §1.3).

    Raises ValueError for NUL and half pairs, which no text of a database holds.
    """
    if "\x00" in text:
        raise ValueError("NUL in a value")
    text.encode()  # half pairs
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def both(*queries: str) -> str:
    """Return the query that asks for all of these."""
    parts = [query for query in queries if query]
    return " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)


def _emptiness(own: FieldSchema, column: str, op: Op) -> tuple[str, bool] | None:
    """Empty or not. A number or a yes-or-no that is NULL may be shown as 0, so that none of these is asked to be there."""
    if own.type in WORDS | ID_TYPES | {FieldType.MULTICHOICE}:
        nothing = f"{column} IS NULL OR {column} = ''" + (f" OR {column} LIKE '^^%'" if own.type not in WORDS else "")
        return (f"{column} LIKE '_%'", False) if op is Op.NOT_EMPTY else (f"({nothing})", False)
    if own.type in NUMBER_TYPES or own.type is FieldType.BOOLEAN:
        return (f"{column} IS NULL", False) if op is Op.EMPTY else None
    if op is Op.NOT_EMPTY:
        return f"{column} IS NOT NULL", False
    return f"({column} IS NULL OR {column} < '1000-01-01')" if own.type in DAY_TYPES else f"{column} IS NULL", False


def _rendered(own: FieldSchema, column: str, condition: Condition) -> tuple[str, bool] | None:
    if own.type in WORDS | {FieldType.MULTICHOICE}:
        return _words(own, column, condition)
    if own.type in ID_TYPES:
        return _ids(column, condition)
    if own.type is FieldType.BOOLEAN:
        values = {int(value) for value in condition.values if isinstance(value, bool)}
        return (
            None if not values or values == {0, 1} else _or_null(f"{column} = {values.pop()}", column, own, condition)
        )
    if own.type in NUMBER_TYPES:
        return _numbers(own, column, condition)
    if own.type is FieldType.DATETIME:
        return _moments(column, condition)
    if own.type in (FieldType.DATE, FieldType.TIME):
        return _compared(column, condition, [literal(str(value)) for value in condition.values], exact=False)
    return None


def _words(own: FieldSchema, column: str, condition: Condition) -> tuple[str, bool] | None:
    """Text: a LIKE by what of it no other characters fold to, so wider than the condition."""
    if condition.op is Op.IN:
        each = [_words(own, column, Condition(own.name, Op.EQ, (value,))) for value in condition.values]
        told = [found[0] for found in each if found]
        return (f"({' OR '.join(told)})", False) if told and len(told) == len(each) else None
    if condition.op not in (Op.EQ, Op.CONTAINS, Op.STARTS, Op.ENDS):
        return None
    pattern = narrowing_pattern(str(condition.values[0]))
    if pattern is None:
        return None
    whole = own.type is not FieldType.MULTICHOICE
    before = "" if whole and condition.op in (Op.EQ, Op.STARTS) else "%"
    after = "" if whole and condition.op in (Op.EQ, Op.ENDS) else "%"
    return f"{column} LIKE {literal((before + pattern + after).replace('%%', '%'))}", False


def _ids(column: str, condition: Condition) -> tuple[str, bool] | None:
    values = [str(value) for value in condition.values]
    if condition.op not in (Op.EQ, Op.IN) or not values or not all(map(ASCII_ID.fullmatch, values)):
        return None
    return f"{column} IN ({', '.join(map(literal, values))})", False  # there, capital letters may equal small ones


def _numbers(own: FieldSchema, column: str, condition: Condition) -> tuple[str, bool] | None:
    texts = [str(value) for value in condition.values]
    if any(len(text.strip("-").replace(".", "")) > MOST_DIGITS for text in texts):
        return None
    found = _compared(column, condition, texts, exact=True) if own.wire_type in EXACT_NUMBERS else None
    return found and _or_null(found[0], column, own, condition)


def _or_null(sql: str, column: str, own: FieldSchema, condition: Condition) -> tuple[str, bool]:
    """Return the condition, made wider where 0 meets it: the server may show NULL as 0."""
    nothing: JSON = False if own.type is FieldType.BOOLEAN else "0"
    zero = match(condition, ModuleSchema(Module("", ""), (own,)))({own.name: nothing})
    return (f"({sql} OR {column} IS NULL)", False) if zero else (sql, True)


def _moments(column: str, condition: Condition) -> tuple[str, bool] | None:
    """A date-time: the day around it, in whatever zone the database keeps its own."""
    try:
        at = [datetime.fromisoformat(str(value)).replace(tzinfo=None) for value in condition.values]
        low = [literal((moment - ZONES).strftime(STAMP)) for moment in at]
        high = [literal((moment + ZONES).strftime(STAMP)) for moment in at]
    except (ValueError, OverflowError):
        return None
    if any(moment.year < 1001 for moment in at):
        return None  # strftime does not pad such years, and zero dates lie there
    if condition.op in (Op.EQ, Op.IN):
        spans = [f"{column} BETWEEN {first} AND {last}" for first, last in zip(low, high, strict=True)]
        return (f"({' OR '.join(spans)})", False) if spans else None
    values = [low[0], high[1]] if condition.op is Op.BETWEEN else high if condition.op in (Op.LT, Op.LE) else low
    return _compared(column, condition, values, exact=False)


def _compared(column: str, condition: Condition, values: Sequence[str], *, exact: bool) -> tuple[str, bool] | None:
    """Return the comparison with these literals."""
    if condition.op in SIGNS:
        return f"{column} {SIGNS[condition.op]} {values[0]}", exact
    if condition.op is Op.BETWEEN:
        return f"{column} BETWEEN {values[0]} AND {values[1]}", exact
    if condition.op is Op.IN and values:
        return f"{column} IN ({', '.join(values)})", exact
    return None
