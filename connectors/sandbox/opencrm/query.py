"""Finding records in the simulated OpenCRM: query_string with its one condition, keywords, and the window of limit_start and
limit_end (document, "List Functions"; facts §3, §6 OpenCRM 1, 2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.sandbox.opencrm.errors import CrmError
from connectors.sandbox.opencrm.schema import Column, Module, query_names
from connectors.sandbox.opencrm.values import number
from connectors.sandbox.store import Row
from connectors.sandbox.wire import collate, weights

JSON = Any
Condition = Callable[[Row], bool]
RECORD_LIMIT = 50_000
_PATTERNS = {"LIKE": "{}", "BEGINS": "{}%", "ENDS": "%{}", "CONTAINS": "%{}%"}
_ID = Column("crmid", "id")


def everything(row: Row) -> bool:
    return True


def nothing(row: Row) -> bool:
    return False


def where(module: Module, text: str, switches: dict[str, JSON]) -> Condition:
    """Return the condition of "FIELDNAME|OPERATOR|FIELDVALUE"; whatever follows a third "|" does not count. A name nobody knows
    answers as the switch says. Raises CrmError for an operator there is not; there is none that negates."""
    if not text:
        return everything
    name, operator, value = [*text.split("|"), "", ""][:3]
    column = _column(module, name.strip())
    operator = operator.strip().upper()
    if operator not in ("=", ">", *_PATTERNS) or (operator == ">" and switches["greater"] == "refused"):
        raise CrmError("Invalid query_string operator")
    if column is None:
        return everything if switches["unknown_field"] == "everything" else nothing
    if operator == ">" and switches["greater"] == "ignored":
        return everything
    return _tested(column, operator, value)


def _column(module: Module, name: str) -> Column | None:
    wanted = query_names(module).get(name)
    return _ID if wanted in ("crmid", "id") else module.columns.get(wanted or "")


def _tested(column: Column, operator: str, value: str) -> Condition:
    if operator in _PATTERNS:
        pattern = _pattern(_PATTERNS[operator].format(value))
        return lambda row: (held := _held(column, row)) is not None and pattern.fullmatch(weights(held)) is not None
    compared = _comparer(column)
    wanted = compared(value)
    if operator == "=":
        return lambda row: (held := _held(column, row)) is not None and bool(compared(held) == wanted)
    return lambda row: bool((held := _held(column, row)) and compared(held) > wanted)


def _held(column: Column, row: Row) -> str | None:
    return str(row.id) if column is _ID else row.values.get(column.name)


def _comparer(column: Column) -> Callable[[str], JSON]:
    """Return how the database sees a value of this column when it compares."""
    if column.kind in ("integer", "decimal", "boolean", "id"):
        return number
    return collate if column.kind in ("string", "text") else str


def _pattern(text: str) -> re.Pattern[str]:
    r"""Return LIKE's pattern: % any text, _ any one character, \ takes their meaning away. BEGINS, ENDS and CONTAINS are the same
    with a % added, so theirs have a meaning too."""
    parts = re.findall(r"\\.|.", weights(text), re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(p, re.escape(p[-1])) for p in parts), re.DOTALL)


def searched(module: Module, keywords: str) -> Condition:
    """Return the condition that every word is in one of the fields the module is searched by, spelled as it is stored."""
    names = [c.name for c in module.columns.values() if c.searched]
    words = [weights(word) for word in keywords.split()]

    def holds(row: Row) -> bool:
        held = [weights(row.values.get(name) or "") for name in names]
        return all(any(word in text for text in held) for word in words)

    return holds if words else everything


def window(params: dict[str, JSON], switches: dict[str, JSON]) -> tuple[int, int]:
    """Return the first row and the one after the last. limit_end is the end's position, or with the switch a number of rows."""
    start, end = _whole(params.get("limit_start"), 0), _whole(params.get("limit_end"), RECORD_LIMIT)
    return start, start + end if switches["limit_end"] == "count" else end


def _whole(value: JSON, default: int) -> int:
    text = str(value if value is not None else "")
    return int(text) if text.isdecimal() else default
