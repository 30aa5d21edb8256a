"""The filter language of the simulated Really Simple Systems (?q= and ?order=), evaluated as SQL would: unknown for NULL, text
compared without case and accents."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from connectors.sandbox.reallysimple.schema import Field, Table
from connectors.sandbox.store import Row
from connectors.sandbox.wire import collate, weights

JSON = Any
Truth = bool | None
Condition = Callable[[Row], Truth]


class BadRequest(Exception):
    """A filter or order the server does not understand: 400."""


def where(table: Table, text: str) -> Condition:
    """Return the condition of `q`. Raises BadRequest."""
    return _all([_member(table, key, value) for key, value in _parsed(text, "q").items()])


def order(table: Table, text: str) -> list[tuple[str, bool]]:
    """Return (field, descending) in order of importance. Raises BadRequest."""
    wanted = []
    for name, direction in (_parsed(text, "order") if text else {}).items():
        _field(table, name)
        if str(direction).lower() not in ("asc", "desc"):
            raise BadRequest(f"Invalid order direction ({direction})")
        wanted.append((name, str(direction).lower() == "desc"))
    return wanted


def sort(table: Table, rows: list[Row], wanted: list[tuple[str, bool]]) -> list[Row]:
    """Return the rows ordered, by id where nothing else tells; NULL comes first, as in MySQL."""
    rows = sorted(rows, key=lambda r: r.id)
    for name, descending in reversed(wanted):
        read = _reader(table.fields[name])
        rows.sort(key=lambda r: ((v := read(r)) is not None, v if v is not None else 0), reverse=descending)  # noqa: B023
    return rows


def _parsed(text: str, name: str) -> dict[str, JSON]:
    try:
        value = orjson.loads(text)
    except ValueError as e:
        raise BadRequest(f"Invalid JSON in {name}") from e
    if not isinstance(value, dict):
        raise BadRequest(f"Invalid {name}")
    return value


def _field(table: Table, name: str) -> Field:
    if name not in table.fields:
        raise BadRequest(f"Invalid field ({name})")
    return table.fields[name]


def _member(table: Table, key: str, value: JSON) -> Condition:
    if key == "$or":
        if not isinstance(value, list) or not value:
            raise BadRequest("Invalid value for $or")
        return _any([_group(table, part) for part in value])
    if key == "$not":
        return _negated(_group(table, value))
    return _tests(_field(table, key), value)


def _group(table: Table, value: JSON) -> Condition:
    if not isinstance(value, dict):
        raise BadRequest("Invalid filter")
    return _all([_member(table, k, v) for k, v in value.items()])


def _tests(field: Field, value: JSON) -> Condition:
    """Return the condition of `value` on a field: a plain value, or operators that must all hold."""
    if not isinstance(value, dict):
        return _equal(field, value)
    return _all([_operator(field, name, wanted) for name, wanted in value.items()])


def _operator(field: Field, name: str, value: JSON) -> Condition:
    if name == "$not":
        return _negated(_tests(field, value))
    if name in ("$in", "$nin"):
        if not isinstance(value, list):
            raise BadRequest(f"Invalid value for {name}")
        found = _any([_equal(field, v) for v in value])
        return found if name == "$in" else _negated(found)
    if name == "$bt":
        if not isinstance(value, list) or len(value) != 2:
            raise BadRequest("Invalid value for $bt")
        return _all([_compared(field, "$gte", value[0]), _compared(field, "$lte", value[1])])
    if name in _COMPARE:
        return _compared(field, name, value)
    if name in _TEXT:
        return _text(field, _TEXT[name], str(value))
    raise BadRequest(f"Invalid operator ({name})")


_COMPARE: dict[str, Callable[[JSON, JSON], bool]] = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {"$sw": str.startswith, "$ew": str.endswith, "$con": str.__contains__}


def _equal(field: Field, value: JSON) -> Condition:
    if value is None:
        return lambda row: row.values.get(field.name) is None
    read, wanted = _reader(field), _comparable(field, value)
    return lambda row: None if (held := read(row)) is None else bool(held == wanted)


def _compared(field: Field, name: str, value: JSON) -> Condition:
    read, wanted, compare = _reader(field), _comparable(field, value), _COMPARE[name]
    return lambda row: None if (held := read(row)) is None or wanted is None else compare(held, wanted)


def _text(field: Field, test: Callable[[str, str], bool], value: str) -> Condition:
    wanted = weights(value)
    return lambda row: None if (held := row.values.get(field.name)) is None else test(weights(str(held)), wanted)


def _reader(field: Field) -> Callable[[Row], JSON]:
    name = field.name
    if name == "id":
        return lambda row: row.id
    return lambda row: _comparable(field, row.values.get(name))


def _comparable(field: Field, value: JSON) -> JSON:
    """Return the value as the database compares it in this column; None is NULL."""
    if value is None:
        return None
    if field.type in ("integer", "decimal", "boolean"):
        if isinstance(value, bool | int | float):
            return float(value)
        found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)", str(value))
        return float(found[0]) if found else 0.0
    if field.type == "datetime":
        text = str(value).replace("T", " ")
        return text if len(text) > 10 else f"{text} 00:00:00"
    return str(value) if field.type == "date" else collate(str(value))


def _negated(condition: Condition) -> Condition:
    return lambda row: None if (truth := condition(row)) is None else not truth


def _all(conditions: list[Condition]) -> Condition:
    def every(row: Row) -> Truth:
        truths = [c(row) for c in conditions]
        return False if False in truths else None if None in truths else True

    return every


def _any(conditions: list[Condition]) -> Condition:
    def some(row: Row) -> Truth:
        truths = [c(row) for c in conditions]
        return True if True in truths else None if None in truths else False

    return some
