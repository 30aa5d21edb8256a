"""Evaluates `query` and `order_by` of the simulated SarvCRM over stored values, as MySQL would: unknown for NULL, text compared
without case and accents, numbers and times by what they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.sarvcrm.errors import SqlError
from connectors.sandbox.sarvcrm.functions import FUNCTIONS
from connectors.sandbox.sarvcrm.grammar import Apply, Column, Literal, Node, parse_order, parse_where, syntax_error
from connectors.sandbox.sarvcrm.schema import Field, Module
from connectors.sandbox.store import Row
from connectors.sandbox.wire import collate, weights

JSON = Any
Read = Callable[[Row], JSON]
NUMERIC = frozenset(("int", "integer", "decimal", "currency", "bool", "boolean", "tinyinit"))
TIMES = {"datetime": 19, "datetimecombo": 19, "date": 10}
_MOMENT = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d?)(?::(\d\d?))?)?")


@dataclass(frozen=True, slots=True)
class Term:
    """A compiled expression: `kind` is text, binary, number or time, after which two are compared."""

    kind: str
    read: Read


class Compiler:
    """Compiles for one module. `missing` are fields the database has no column for, `shift` what is added to stored times
    (kept in UTC) where the database keeps the server's own: a function of text."""

    def __init__(self, module: Module, missing: frozenset[str], local: Callable[[str], str]) -> None:
        self._module, self._missing, self._local = module, missing, local

    def where(self, text: str) -> Callable[[Row], bool]:
        """Return the condition. Raises SqlError."""
        term = self._term(parse_where(text), "where clause")
        return lambda row: bool(_number(term.read(row)))

    def sort(self, text: str, rows: list[Row]) -> list[Row]:
        """Return the rows ordered; NULL comes first, and ids (as text) decide where nothing else does. Raises SqlError."""
        rows = sorted(rows, key=lambda r: str(r.values["id"]))
        wanted = [(self._term(node, "order clause"), down) for node, down in parse_order(text)] if text.strip() else []
        for term, down in reversed(wanted):
            rows.sort(key=_sort_key(term), reverse=down)
        return rows

    def _term(self, node: Node, clause: str) -> Term:
        if isinstance(node, Literal):
            value = node.value
            return Term("text" if isinstance(value, str) else "number", lambda row: value)
        if isinstance(node, Column):
            return self._column(node, clause)
        return self._apply(node, clause)

    def _column(self, column: Column, clause: str) -> Term:
        shown = f"{column.table}.{column.name}".strip(".")
        field = self._module.fields.get(column.name)
        known = field is not None and field.has_column and field.name not in self._missing and field.type != "base"
        if field is None or not known or column.table.lower() not in ("", self._module.table):
            raise SqlError(1054, f"Unknown column '{shown}' in '{clause}'")
        if not column.table:  # facts §1.3: several tables are joined, so that a bare name is anybody's
            raise SqlError(1052, f"Column '{shown}' in {clause} is ambiguous")
        return self._stored(field)

    def _stored(self, field: Field) -> Term:
        name = field.name
        if field.type in ("datetime", "datetimecombo"):
            return Term("time", lambda row: None if (v := row.values.get(name)) is None else self._local(v))
        kind = "number" if field.type in NUMERIC else "time" if field.type in TIMES else "text"
        return Term(kind, lambda row: row.values.get(name))

    def _apply(self, node: Apply, clause: str) -> Term:
        if node.name == "cast":
            return _cast(self._term(node.parts[0], clause), str(node.parts[1]))
        terms = [self._term(part, clause) for part in node.parts]
        reads = [term.read for term in terms]
        if node.name in ("and", "or"):
            return Term("number", (_all if node.name == "and" else _any)(reads))
        if node.name in _COMPARE:
            return _compared(node.name, terms[0], terms[1])
        if node.name == "in":
            return Term("number", _any([_compared("=", terms[0], other).read for other in terms[1:]]))
        if node.name == "between":
            low, high = _compared(">=", terms[0], terms[1]), _compared("<=", terms[0], terms[2])
            return Term("number", _all([low.read, high.read]))
        if node.name in _UNARY:
            return Term("number", _UNARY[node.name](reads[0]))
        if node.name == "like":
            return Term("number", _like(*reads, exact="binary" in (terms[0].kind, terms[1].kind)))
        if node.name == "binary":
            return Term("binary", reads[0])
        if node.name not in FUNCTIONS:
            raise SqlError(1305, f"FUNCTION crm.{node.name} does not exist")
        return Term(*FUNCTIONS[node.name](reads))


_COMPARE: dict[str, Callable[[JSON, JSON], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<=>": lambda a, b: bool(a == b),
}


def _compared(name: str, left: Term, right: Term) -> Term:
    """Return the comparison by MySQL's rules of types: number beats time, time beats text."""
    kinds = {left.kind, right.kind}
    convert = next(_CONVERT[kind] for kind in ("number", "time", "binary", "text") if kind in kinds)
    compare = _COMPARE[name]

    def read(row: Row) -> bool | None:
        a, b = convert(left.read(row)), convert(right.read(row))
        if a is None or b is None:
            return (a is b) if name == "<=>" else None
        return compare(a, b)

    return Term("number", read)


def _number(value: JSON) -> float | None:
    """Return the number a text begins with, as MySQL casts it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)", str(value))
    return float(found[0]) if found else 0.0


def _time(value: JSON) -> str | None:
    """Return "YYYY-MM-DD HH:MM:SS"; an offset after it is dropped, an empty text is the zero time, other text is no time."""
    if value is None:
        return None
    found = _MOMENT.match(str(value))
    if not found:
        return "0000-00-00 00:00:00" if not str(value).strip() else None
    year, month, day, *clock = (int(part or 0) for part in found.groups())
    return f"{year:04}-{month:02}-{day:02} " + ":".join(f"{part:02}" for part in clock)


def _text(value: JSON) -> str | None:
    return None if value is None else collate(_plain(value))


def _plain(value: JSON) -> str:
    if isinstance(value, bool | float) and value == int(value):
        return str(int(value))
    return str(value)


_CONVERT: dict[str, Callable[[JSON], JSON]] = {
    "number": _number,
    "time": _time,
    "binary": lambda value: None if value is None else _plain(value),
    "text": _text,
}


def _sort_key(term: Term) -> Callable[[Row], JSON]:
    convert = _CONVERT[term.kind]

    def key(row: Row) -> JSON:
        value = convert(term.read(row))
        return (0,) if value is None else (1, value)

    return key


def _cast(term: Term, target: str) -> Term:
    if target in ("signed", "unsigned", "decimal"):
        return Term("number", lambda row: _number(term.read(row)))
    if target in ("date", "datetime"):
        return Term("time", lambda row: (_time(term.read(row)) or "")[: TIMES[target]] or None)
    if target in ("char", "binary"):
        return Term("text" if target == "char" else "binary", term.read)
    raise syntax_error(target)


def _like(left: Read, right: Read, *, exact: bool) -> Read:
    """Return LIKE: % any text, _ any character, a backslash takes the next as it is."""
    weigh = (lambda text: text) if exact else weights
    known: dict[str, re.Pattern[str]] = {}

    def read(row: Row) -> bool | None:
        value, pattern = left(row), right(row)
        if value is None or pattern is None:
            return None
        if pattern not in known:
            parts = re.findall(r"\\.|.", _plain(pattern), re.DOTALL)
            signs = {"%": ".*", "_": "."}
            known[pattern] = re.compile(
                "".join(signs.get(p) or re.escape(weigh(p[-1] if len(p) > 1 else p)) for p in parts), re.DOTALL
            )
        return known[pattern].fullmatch(weigh(_plain(value))) is not None

    return read


def _all(reads: list[Read]) -> Read:
    def every(row: Row) -> bool | None:
        truths = [_truth(read(row)) for read in reads]
        return False if False in truths else None if None in truths else True

    return every


def _any(reads: list[Read]) -> Read:
    def some(row: Row) -> bool | None:
        truths = [_truth(read(row)) for read in reads]
        return True if True in truths else None if None in truths else False

    return some


def _truth(value: JSON) -> bool | None:
    number = _number(value)
    return None if number is None else number != 0


def _not(read: Read) -> Read:
    return lambda row: None if (truth := _truth(read(row))) is None else not truth


_UNARY: dict[str, Callable[[Read], Read]] = {
    "not": _not,
    "is null": lambda read: lambda row: read(row) is None,
    "is true": lambda read: lambda row: _truth(read(row)) is True,
    "is false": lambda read: lambda row: _truth(read(row)) is False,
    "minus": lambda read: lambda row: None if (n := _number(read(row))) is None else -n,
}
