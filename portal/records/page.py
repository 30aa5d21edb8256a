"""One page of a mirror, by keyset: as fast at the end of a million copies as at the beginning, whatever the order.

The cursor is opaque to everybody else: which way to go, and the sort keys of the copy to go on from. One that does not fit
the order (somebody changed the address by hand) means the first page.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.db import connection

from connectors.query import Filter, Order
from connectors.types import ModuleSchema, Record
from portal.records.filter_sql import SortKey, Sql, prepare, sort_keys, where
from portal.records.models import Copy, Mirror

COUNTED = 10_000  # a total is counted up to here; above, the page says "more than"
COPY = Copy._meta.db_table
NEWEST = [SortKey(Sql("modified"), True), SortKey(Sql("record_id"), True)]  # what the index copy_newest gives


@dataclass(frozen=True, slots=True)
class Listing:
    """Some records of a module in order. `total` is None where nobody knows; `more` says there are more than that."""

    records: tuple[Record, ...]
    next: str | None = None
    previous: str | None = None
    total: int | None = None
    more: bool = False


def mirror_page(
    mirror: Mirror,
    schema: ModuleSchema,
    filter: Filter | None,
    order: tuple[Order, ...],
    cursor: str,
    size: int,
    counted: int = COUNTED,
) -> Listing:
    """Return the page of present copies at the cursor ("" is the first one), newest first when no order is given.

    The total is counted up to `counted`. At most two queries. Raises QueryError for a field that is not there.
    """
    prepare()
    condition = where(filter, schema)
    keys = NEWEST if order in ((), (Order(schema.modified_field or "", True),)) else sort_keys(order, schema)
    found, onward, before = _shown(mirror, condition, keys, cursor, size)
    records = tuple(Record(mirror.module, id, orjson.loads(doc), at or None) for id, doc, at, *_ in found)
    if filter is None:
        return Listing(records, onward, before, mirror.records)
    total = _count(mirror, condition, counted) if cursor or onward else len(found)  # all on one page: counted already
    return Listing(records, onward, before, min(total, counted), more=total > counted)


def _shown(
    mirror: Mirror, condition: Sql, keys: Sequence[SortKey], cursor: str, size: int
) -> tuple[list[Any], str | None, str | None]:
    """Return the rows of the page at the cursor, and the cursors of the next page and of the one before."""
    way, bound = _read_cursor(cursor, len(keys))
    rows = _rows(mirror, condition, _turned(keys) if way == "back" else keys, bound, size + 1)
    more, shown = len(rows) > size, rows[:size]
    if way == "back":
        shown.reverse()
    onward, before = (more, bound is not None) if way == "on" else (True, more)
    following = _cursor("on", shown[-1]) if shown and onward else None
    return shown, following, _cursor("back", shown[0]) if shown and before else None


def _rows(mirror: Mirror, condition: Sql, keys: Sequence[SortKey], bound: list[str] | None, limit: int) -> list[Any]:
    columns = ", ".join(f"{key.sql.text} AS k{n}" for n, key in enumerate(keys))
    by = ", ".join(f"k{n} {'DESC' if key.descending else 'ASC'}" for n, key in enumerate(keys))
    after = _after(keys, bound) if bound is not None else Sql("1=1")
    sql = f"""SELECT record_id, "values", modified, {columns} FROM {COPY}
        WHERE mirror_id = %s AND deleted = '' AND {condition.text} AND {after.text} ORDER BY {by} LIMIT {limit}"""  # noqa: S608
    selected = [param for key in keys for param in key.sql.params]
    with connection.cursor() as run:
        run.execute(sql, [*selected, mirror.pk, *condition.params, *after.params])
        return list(run.fetchall())


def _after(keys: Sequence[SortKey], bound: Sequence[str]) -> Sql:
    """Return "comes after the bound": `k0 >= b0 AND (k0 > b0 OR (k0 = b0 AND …))`, its first part for the index."""
    if not keys:
        return Sql("1=0")
    key, value, rest = keys[0], bound[0], _after(keys[1:], bound[1:])
    own, sign = key.sql, "<" if key.descending else ">"
    text = f"{own.text} {sign}= {key.cast} AND ({own.text} {sign} {key.cast} OR {rest.text})"
    return Sql(f"({text})", (*own.params, value, *own.params, value, *rest.params))


def _turned(keys: Sequence[SortKey]) -> list[SortKey]:
    return [replace(key, descending=not key.descending) for key in keys]


def _count(mirror: Mirror, condition: Sql, bound: int) -> int:
    inner = f"SELECT 1 FROM {COPY} WHERE mirror_id = %s AND deleted = '' AND {condition.text} LIMIT {bound + 1}"  # noqa: S608
    with connection.cursor() as run:
        run.execute(f"SELECT COUNT(*) FROM ({inner}) AS found", [mirror.pk, *condition.params])  # noqa: S608
        return int(run.fetchone()[0])


def _cursor(way: str, row: Sequence[Any]) -> str:
    document = orjson.dumps([way, [key if isinstance(key, int) else str(key) for key in row[3:]]])
    return base64.urlsafe_b64encode(document).decode().rstrip("=")


def _read_cursor(text: str, length: int) -> tuple[str, list[str] | None]:
    """Return the way ("on" or "back") and the bound; none of it when the text does not fit."""
    try:
        way, bound = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, TypeError):
        return "on", None
    fits = way in ("on", "back") and isinstance(bound, list) and len(bound) == length
    return (way, bound) if fits and all(isinstance(b, str | int) for b in bound) else ("on", None)
