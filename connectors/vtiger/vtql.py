"""Vtiger's query language (facts C): statements made only of fields that `describe` told. It has no brackets, no NOT, no way to ask
for empty values; AND binds before OR; `;` ends it; 100 rows are the most."""

from __future__ import annotations

from collections.abc import Sequence

PAGE = 100  # rows, whatever LIMIT asks for (C2)

Groups = tuple[tuple[str, ...], ...]  # any of these, each of which is all of those; ((),) is everything


def with_condition(groups: Groups, *conditions: str) -> Groups:
    """Return the groups, each with these conditions too: brackets there are none."""
    return tuple((*group, *conditions) for group in groups)


def select(
    module: str,
    columns: Sequence[str] = (),
    groups: Groups = ((),),
    order: str = "id",
    limit: int = PAGE,
    offset: int = 0,
) -> str:
    """Return a statement; no columns means all, and `id` always comes along (C10)."""
    count = f"{offset},{limit}" if offset else str(limit)
    return f"SELECT {','.join(columns) or '*'} FROM {module}{where(groups)} ORDER BY {order} LIMIT {count};"  # noqa: S608


def count(module: str, groups: Groups = ((),)) -> str:
    """Return the statement that counts; its answer is `[{"count": "607"}]` (C6)."""
    return f"SELECT count(*) FROM {module}{where(groups)};"  # noqa: S608


def literal(text: str) -> str:
    """Return a quoted value: quotes and backslashes doubled (C8). There is no spelling of the empty text."""
    if not text:
        raise ValueError("VTQL cannot ask for an empty value")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def one_of(name: str, values: Sequence[str]) -> str:
    """Return "name IN (…)"."""
    return f"{name} IN ({','.join(literal(value) for value in values)})"


def where(groups: Groups) -> str:
    """Return the clause with a blank before it, "" where everything is asked for."""
    if any(not group for group in groups):
        return ""
    return " WHERE " + " OR ".join(" AND ".join(group) for group in groups)
