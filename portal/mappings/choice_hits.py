"""Where a mapping holds an entry of a pick list that came or went: rows of value tables, fixed values, filters. PURE. The rule: a
table that says what becomes of every entry but that one does not feel it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.query import fold
from connectors.types import JSON
from connectors.wording import text as _
from portal.connections.schema_diff import Kind, SchemaChange
from portal.mappings.definition import SideName as Side
from portal.mappings.tables import Table

MOST = 3  # rows of one table told in words


def is_named(values: Sequence[JSON], value: str) -> bool:
    """Say whether the value is among these, or in a list of several that is."""
    return any(value in part if isinstance(part, list) else value == part for part in values)


def table_feels(table: Table, side: Side, change: SchemaChange, *, writes: bool) -> bool:
    """Say whether a rule through that table is any different once an entry of its field at that side came or went."""
    value = change.before or change.after
    held = any(True for _where in _rows(table, side, value)) or _is_default(table, side, value)
    if change.kind == Kind.CHOICE_NEW:
        return not held and not writes
    return held or (writes and table.unlisted in ("keep", "append"))


def table_words(table: Table, side: Side, change: SchemaChange) -> list[str]:
    """Return where the table holds the entry that is gone, row by row; rows count from 1, as its page does."""
    if change.kind != Kind.CHOICE_GONE:
        return []
    found = list(_rows(table, side, change.before))
    said: list[str] = [_("row %(row)s of the value table “%(name)s”: “%(left)s” – “%(right)s”", row=str(row), name=table.name, left=left, right=right) for row, left, right in found[:MOST]]  # fmt: skip
    if len(found) > MOST:
        said.append(_("and %(count)s more rows of it", count=str(len(found) - MOST)))
    if _is_default(table, side, change.before):
        said.append(_("the default of the value table “%(name)s”", name=table.name))
    return said


def _rows(table: Table, side: Side, value: str) -> Iterator[tuple[int, str, str]]:
    wanted = fold(value)
    for number, pair in enumerate(table.pairs, start=1):
        if fold(pair[side == "right"]) == wanted:
            yield number, *pair


def _is_default(table: Table, side: Side, value: str) -> bool:
    default = table.default_left if side == "left" else table.default_right
    return table.unlisted == "default" and default == value
