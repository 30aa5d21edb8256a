"""A filter and an order as SQL over the values of copies. The rule: the ids are those of `connectors.query.match`, on both
databases; names of fields and values are parameters, never text of the statement.

Both databases know three functions: `portal_fold`, `portal_number` (a migration makes them on PostgreSQL, `prepare`
registers them on SQLite) and, on SQLite only, `portal_part` for names its JSON paths cannot spell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection

from connectors.query import And, Condition, Filter, Not, Op, Order, comparable, fold
from connectors.query.names import ID_TYPES, POINT_TYPES, find_exact
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType, ModuleSchema

_PLAIN_NAME = re.compile(r"[ !#-\[\]-~]+")  # printable ASCII without the quote and the backslash
_DECIMAL = FieldSchema("", "", FieldType.DECIMAL)
_SIGNS = {Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}
_THERE = frozenset({FieldType.LINES, FieldType.JSON, FieldType.MULTICHOICE})


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement and its parameters, in order."""

    text: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column to sort by, never NULL; `cast` makes a parameter of its kind from the text kept in a cursor."""

    sql: Sql
    descending: bool
    cast: str = "%s"


def prepare() -> None:
    """Register our functions with the SQLite connection in use; nothing to do on PostgreSQL."""
    if connection.vendor != "sqlite":
        return
    connection.ensure_connection()
    for name, function in (("portal_fold", _folded), ("portal_number", _number_text)):
        connection.connection.create_function(name, 1, function, deterministic=True)
    connection.connection.create_function("portal_part", 2, _part, deterministic=True)


def where(filter: Filter | None, schema: ModuleSchema) -> Sql:
    """Return the condition over `records_copy` that holds exactly for the copies the filter matches. Raises QueryError."""
    if filter is None:
        return Sql("1=1")
    if isinstance(filter, Condition):
        return _condition(filter, find_exact(filter.field, schema))
    if isinstance(filter, Not):
        inner = where(filter.part, schema)
        return Sql(f"NOT ({inner.text})", inner.params)
    word, none = (" AND ", "1=1") if isinstance(filter, And) else (" OR ", "1=0")
    return _join(word, [where(part, schema) for part in filter.parts]) if filter.parts else Sql(none)


def sort_keys(order: Sequence[Order], schema: ModuleSchema) -> list[SortKey]:
    """Return the columns that sort copies as `connectors.query.sort_key` does, the id last. Raises QueryError."""
    keys: list[SortKey] = []
    for column in order:
        field = find_exact(column.field, schema)
        own, fallback, cast = _key(field)
        if field.type is not FieldType.ID:
            keys.append(SortKey(Sql(f"CASE WHEN {own.text} IS NULL THEN 0 ELSE 1 END", own.params), column.descending))
        if field.type in ID_TYPES:
            length = Sql(f"COALESCE(length({own.text}), 0)", own.params)
            keys.append(SortKey(length, column.descending))
        keys.append(SortKey(Sql(f"COALESCE({own.text}, {fallback}){_c(field)}", own.params), column.descending, cast))
    last = bool(order) and order[-1].descending
    return [*keys, SortKey(Sql("length(record_id)"), last), SortKey(Sql(f"record_id{_c()}"), last)]


def _condition(condition: Condition, field: FieldSchema) -> Sql:
    negated = condition.op in {Op.NE, Op.NOT_IN, Op.EMPTY}
    holds = _holds(condition, field)
    return Sql(f"{'NOT ' if negated else ''}COALESCE({holds.text}, 1=0)", holds.params)


def _holds(condition: Condition, field: FieldSchema) -> Sql:
    """Return the positive form of the operator, NULL or false where the copy's own value is empty."""
    own, _, _ = _key(field)
    if condition.op in {Op.EMPTY, Op.NOT_EMPTY}:
        return Sql(f"({own.text} IS NOT NULL)", own.params)
    given = [v for v in condition.values if comparable(field, v) is not None]
    if field.type is FieldType.MULTICHOICE:
        return _any(_holds_choices(own, field, v) for v in given)
    if condition.op in {Op.CONTAINS, Op.STARTS, Op.ENDS}:
        return _holds_part(condition, field, own)
    if condition.op in {Op.EQ, Op.NE, Op.IN, Op.NOT_IN}:
        marks = [_mark(field, v) for v in given]
        return _among(own, marks) if marks else Sql("1=0")
    if len(given) < len(condition.values):
        return Sql("1=0")
    if condition.op is Op.BETWEEN:
        return _join(" AND ", [_compare(field, own, ">=", given[0]), _compare(field, own, "<=", given[1])])
    return _compare(field, own, _SIGNS[condition.op], given[0])


def _compare(field: FieldSchema, own: Sql, sign: str, value: JSON) -> Sql:
    mark = _mark(field, value)
    if field.type in ID_TYPES:  # by length, then by code point
        text = f"(length({own.text}), {own.text}{_c()}) {sign} (length({mark.text}), {mark.text})"
        return Sql(text, (*own.params, *own.params, *mark.params, *mark.params))
    return Sql(f"{own.text}{_c(field)} {sign} {mark.text}", (*own.params, *mark.params))


def _among(own: Sql, marks: list[Sql]) -> Sql:
    listed = ", ".join(mark.text for mark in marks)
    return Sql(f"{own.text} IN ({listed})", (*own.params, *(p for mark in marks for p in mark.params)))


def _holds_part(condition: Condition, field: FieldSchema, own: Sql) -> Sql:
    part = str(condition.values[0])
    if not (part if field.type in ID_TYPES else fold(part)):
        return Sql("1=0")
    mark = _mark(field, part)
    if condition.op is Op.CONTAINS:
        find = "instr" if _sqlite() else "strpos"
        return Sql(f"{find}({own.text}, {mark.text}) > 0", (*own.params, *mark.params))
    size = f"length({mark.text})"
    start = f"1, {size}" if condition.op is Op.STARTS else f"length({own.text}) - {size} + 1"
    middle = () if condition.op is Op.STARTS else own.params
    text = f"(length({own.text}) >= {size} AND substr({own.text}, {start}) = {mark.text})"
    return Sql(text, (*own.params, *mark.params, *own.params, *middle, *mark.params, *mark.params))


def _holds_choices(own: Sql, field: FieldSchema, value: JSON) -> Sql:
    """Return "the list holds every one of these": a list is given only by programs, a person gives one choice."""
    wanted = sorted(comparable(field, value) or ())
    value_column = "value" if _sqlite() else "value #>> '{}'"
    rows = _rows(field)
    held = f"EXISTS (SELECT 1 FROM {rows.text} WHERE portal_fold(COALESCE({value_column}, 'None')) = portal_fold(%s))"  # noqa: S608
    return _join(" AND ", [_is_there(own), *(Sql(held, (*rows.params, choice)) for choice in wanted)])


def _is_there(own: Sql) -> Sql:
    """Return the question whether a value is not empty."""
    return Sql(f"({own.text} IS NOT NULL)", own.params)


def _rows(field: FieldSchema) -> Sql:
    """Return a table of the elements of a list; a value that is no list is its only element."""
    if _sqlite():
        document, path = _place(field.name)
        kind, value = f"json_type({document.text}, %s)", f"json_extract({document.text}, %s)"
        text = f"json_each(CASE {kind} WHEN 'array' THEN {value} ELSE json_array({value}) END) AS choice"
        return Sql(text, (*document.params, path) * 3)
    value = '"values" -> %s'
    text = f"CASE jsonb_typeof({value}) WHEN 'array' THEN {value} ELSE jsonb_build_array({value}) END"
    return Sql(f"jsonb_array_elements({text}) AS choice(value)", (field.name,) * 3)


# The value of a copy, as it is compared: NULL when it is empty or not of its field's type


def _key(field: FieldSchema) -> tuple[Sql, str, str]:
    """Return the expression, what stands for NULL when sorting, and how a parameter is made of a text from a cursor."""
    if field.type is FieldType.ID:
        return Sql("record_id"), "''", "%s"
    if field.type in _THERE:
        return _present(field), "0", "%s"
    if field.type is FieldType.BOOLEAN:
        return _boolean(field), "0", "%s"
    text = _text(field)
    if field.type in ID_TYPES | POINT_TYPES:
        return text, "''", "%s"
    if field.type in NUMBER_TYPES:
        number = Sql(f"portal_number({text.text})", text.params)
        return (number, "''", "%s") if _sqlite() else (number, "0", "%s::numeric")
    return Sql(f"portal_fold({text.text})", text.params), "''", "%s"


def _mark(field: FieldSchema, value: JSON) -> Sql:
    """Return a parameter in the form in which the field's values are compared."""
    if field.type is FieldType.BOOLEAN:
        return Sql("%s", (int(value),))
    cast = "%s" if _sqlite() else "%s::text"
    if field.type in ID_TYPES | POINT_TYPES:
        return Sql(cast, (value,))
    return Sql(f"{'portal_number' if field.type in NUMBER_TYPES else 'portal_fold'}({cast})", (str(value),))


def _text(field: FieldSchema) -> Sql:
    if _sqlite():
        document, path = _place(field.name)
        kind, value = f"json_type({document.text}, %s)", f"json_extract({document.text}, %s)"
        return Sql(f"CASE {kind} WHEN 'text' THEN NULLIF({value}, '') END", (*document.params, path) * 2)
    kind, value = 'jsonb_typeof("values" -> %s)', '"values" ->> %s'
    return Sql(f"CASE {kind} WHEN 'string' THEN NULLIF({value}, '') END", (field.name,) * 2)


def _boolean(field: FieldSchema) -> Sql:
    if _sqlite():
        document, path = _place(field.name)
        kind = f"json_type({document.text}, %s)"
        return Sql(f"CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END", (*document.params, path))
    return Sql("CASE \"values\" -> %s WHEN 'true'::jsonb THEN 1 WHEN 'false'::jsonb THEN 0 END", (field.name,))


def _present(field: FieldSchema) -> Sql:
    """Return 1 when there is any value but null, "" and the empty list."""
    if _sqlite():
        document, path = _place(field.name)
        kind, value = f"json_type({document.text}, %s)", f"json_extract({document.text}, %s)"
        empty = f"(CASE {kind} WHEN 'text' THEN '' WHEN 'array' THEN '[]' END)"
        text = f"CASE WHEN COALESCE({kind}, 'null') = 'null' OR {value} IS {empty} THEN NULL ELSE 1 END"
        return Sql(text, (*document.params, path) * 3)
    nothing = "'null'::jsonb, '\"\"'::jsonb, '[]'::jsonb"
    return Sql(f"CASE WHEN COALESCE(\"values\" -> %s, 'null') IN ({nothing}) THEN NULL ELSE 1 END", (field.name,))


def _place(name: str) -> tuple[Sql, str]:
    """Return document and path of a field in SQLite, whose paths know no escapes."""
    if _PLAIN_NAME.fullmatch(name):
        return Sql('"values"'), f'$."{name}"'
    return Sql('portal_part("values", %s)', (name,)), "$"


# SQLite's functions


def _folded(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _number_text(text: str | None) -> str | None:
    """Return the number as text that sorts as numbers do, however long: SQLite has no exact numbers."""
    number = comparable(_DECIMAL, text)
    return None if number is None else _sortable(number)


def _sortable(number: Decimal) -> str:
    if not number:
        return "1"
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    size = 10**19 + number.adjusted()
    if number > 0:
        return f"2{size:020d}{digits}"
    turned = "".join(str(9 - int(digit)) for digit in digits)
    return f"0{2 * 10**19 - size:020d}{turned}~"  # "~" is above every digit: -1.2 is more than -1.23


def _part(values: str, name: str) -> str:
    return orjson.dumps(orjson.loads(values).get(name)).decode()


def _sqlite() -> bool:
    return connection.vendor == "sqlite"


def _c(field: FieldSchema | None = None) -> str:
    """Return how to compare by code point; SQLite always does, and what is no text has no collation."""
    plain = field is not None and field.type in NUMBER_TYPES | {FieldType.BOOLEAN}
    return "" if _sqlite() or plain else ' COLLATE "C"'


def _join(word: str, parts: Iterable[Sql]) -> Sql:
    found = list(parts)
    return Sql(f"({word.join(p.text for p in found)})", tuple(param for p in found for param in p.params))


def _any(parts: Iterable[Sql]) -> Sql:
    found = list(parts)
    return _join(" OR ", found) if found else Sql("1=0")
