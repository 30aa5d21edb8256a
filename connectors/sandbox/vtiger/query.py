"""The query language of webservice.php as the real parser takes and refuses it (vtiger-facts C): no brackets, AND before OR,
at most 100 rows, and an empty list instead of an error where the database would have complained."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any
from zlib import crc32

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import DENIED, PAGE, Crm, Field, Module, User, WsError, int_cast
from connectors.sandbox.vtiger.grammar import Select, Test, parse
from connectors.sandbox.wire import collate, escaped_json, weights

JSON = Any


def run(crm: Crm, user: User, text: str, overlap: int = 0) -> bytes:
    """Return the result as a JSON list. Raises WsError with the real server's codes and words."""
    if not re.match(r"\s*select\s", text, re.IGNORECASE):  # C12
        raise WsError("ACCESS_DENIED", DENIED + " for query")
    found = re.search(r"\sfrom\s+([^\s;]+)", text, re.IGNORECASE)
    name = found[1] if found else ""
    module = crm.module(name, f"{DENIED} for name : {name}")
    if module.name == "Users" and not user.is_admin:
        raise WsError("ACCESS_DENIED")
    query = parse(text)
    _check_columns(module, query)
    if not query.columns:
        return escaped_json([{"count": str(len(_matching(crm, user, module, query)))}])
    if query.limit is None or any(c not in module.fields for c in query.order):
        return b"[]"  # C5: a database error reads as no rows
    if crm.database_fails(bool(query.groups)):
        return b"[]"
    rows = [row for row in _page(crm, user, module, query, overlap) if crm.may_see(module, row)]  # C16
    if query.columns == ("*",):
        return b"[" + b",".join(crm.rendered(module, row) for row in rows) + b"]"
    wanted = [*query.columns, *([] if "id" in query.columns else ["id"])]  # C10
    return escaped_json([{c: _shown(module, row, c) for c in wanted} for row in rows])


def _shown(module: Module, row: Row, column: str) -> JSON:
    return f"{module.prefix}x{row.id}" if column == "id" else row.values.get(column, "")


def _check_columns(module: Module, query: Select) -> None:
    for column in query.columns:
        if column != "*" and column not in module.fields:
            raise WsError("ACCESS_DENIED", f"Permission to access '.{column}.' attribute denied.")
    for test in (t for group in query.groups for t in group):
        if test.column not in module.fields:
            raise WsError("ACCESS_DENIED", f"Permission to access {test.column} attribute denied.")


def _page(crm: Crm, user: User, module: Module, query: Select, overlap: int) -> list[Row]:
    offset, count = max(0, query.offset - overlap), min(query.limit or 0, PAGE) + overlap
    if query.order == ("id",) and not query.descending:
        if overlap and not query.offset:
            query = _earlier(crm, module, query, overlap)
        return list(islice(_candidates(crm, user, module, query), offset, offset + count))
    key = (
        query.groups,
        query.order,
        query.descending,
        query.columns if not query.order else (),
        user.id,
        crm.switches["private_sharing"],
    )
    rows = crm.store.table(module.name).remembered(
        key, lambda: _sorted(module, query, _matching(crm, user, module, query))
    )
    return rows[offset : offset + count]


def _earlier(crm: Crm, module: Module, query: Select, overlap: int) -> Select:
    """Return the query with its `id > x` moved back by so many rows (the overlapping_page fault)."""
    order = crm.store.table(module.name).order

    def moved(test: Test) -> Test:
        if (test.column, test.sign) != ("id", ">"):
            return test
        seen = [i for i in order if i <= (_ws_number(test.values[0]) or 0)]
        return Test("id", ">", (f"{module.prefix}x{seen[-overlap - 1] if len(seen) > overlap else 0}",))

    groups = tuple(tuple(moved(t) for t in group) for group in query.groups)
    return Select(query.columns, groups, query.order, query.descending, query.offset, query.limit)


def _matching(crm: Crm, user: User, module: Module, query: Select) -> list[Row]:
    return list(_candidates(crm, user, module, query))


def _candidates(crm: Crm, user: User, module: Module, query: Select) -> Iterator[Row]:
    """Yield the matching rows in order of id; a lone AND group with `id > x` starts there instead of at the first row."""
    after = None
    if len(query.groups) == 1:
        after = max(
            (_ws_number(t.values[0]) or 0 for t in query.groups[0] if (t.column, t.sign) == ("id", ">")), default=None
        )
    groups = [[_predicate(module, test) for test in group] for group in query.groups]
    for row in crm.visible(module, user, after):
        if not groups or any(all(p(row) for p in group) for group in groups):
            yield row


def _sorted(module: Module, query: Select, rows: list[Row]) -> list[Row]:
    if not query.order:  # C3: the first hundred by id, then as the chosen index happens to run
        salt = ",".join(query.columns)
        return rows[:PAGE] + sorted(rows[PAGE:], key=lambda r: crc32(f"{r.id}{salt}".encode()))
    rows = sorted(rows, key=lambda r: r.id)
    for position, column in reversed(list(enumerate(query.order))):
        read = _reader(module, column)
        last = position == len(query.order) - 1
        rows.sort(key=lambda r: _null_first(read(r)), reverse=query.descending and last)  # noqa: B023 - used at once
    return rows


def _null_first(value: JSON) -> tuple[bool, JSON]:
    return (value is not None, value if value is not None else 0)


def _predicate(module: Module, test: Test) -> Callable[[Row], bool]:
    if test.sign == "like":
        pattern, column = _like(test.values[0]), test.column
        return lambda row: pattern.fullmatch(weights(str(_shown(module, row, column)))) is not None
    read = _reader(module, test.column)
    wanted = [_literal(module, module.fields[test.column], v) for v in test.values]
    if test.sign == "in":
        chosen = {w for w in wanted if w is not None}
        return lambda row: read(row) in chosen
    compare, value = _COMPARE[test.sign], wanted[0]
    return lambda row: value is not None and (held := read(row)) is not None and compare(held, value)


_COMPARE: dict[str, Callable[[JSON, JSON], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def _reader(module: Module, column: str) -> Callable[[Row], JSON]:
    """Return what gives a row's value as the database compares it; None is NULL."""
    kind = module.fields[column].type
    if column == "id":
        return lambda row: row.id
    if kind in ("reference", "owner"):
        return lambda row: _ws_number(row.values[column]) if row.values[column] else None
    if kind in ("integer", "double", "currency", "boolean"):
        return lambda row: _float(row.values[column]) if row.values[column] else None
    if kind in ("date", "time", "datetime"):
        return lambda row: row.values[column] or None
    return lambda row: collate(str(row.values[column]))


def _literal(module: Module, field: Field, text: str) -> JSON:
    if field.name == "id" or field.type in ("reference", "owner"):
        number = _ws_number(text)
        return number if field.name != "id" or text.split("x")[0] == module.prefix else None
    if field.type in ("integer", "double", "currency", "boolean"):
        return _float(text)
    if field.type == "datetime":
        return text.replace("T", " ") if len(text) > 10 else f"{text} 00:00:00"
    return text if field.type in ("date", "time") else collate(text)


def _ws_number(text: str) -> int | None:
    """Return the number of a webservice id; None for text that is none, which therefore matches nothing."""
    prefix, x, number = text.partition("x")
    return int_cast(number) if x and prefix.strip().isdigit() else None


def _float(text: str) -> float:
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)", text)
    return float(found[0]) if found else 0.0


@lru_cache(maxsize=1000)
def _like(pattern: str) -> re.Pattern[str]:
    """Return the pattern as a regex that, as the database does, never goes back over a part once it was found."""
    pieces = [""]
    for part in re.split(r"(\\.|%|_)", pattern):
        if part == "%":
            pieces.append("")
        else:
            plain = part[1:] if part[:1] == "\\" and len(part) == 2 else part
            pieces[-1] += "." if part == "_" else re.escape(weights(plain))
    first, *middle, last = pieces if len(pieces) > 1 else [*pieces, ""]
    found = "".join(f"(?>.*?{piece})" for piece in middle)
    return re.compile(first + found + (f".*{last}" if len(pieces) > 1 else ""), re.DOTALL)
