"""The SQL functions the simulated SarvCRM's database knows: those a filter may need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.sandbox.sarvcrm.errors import SqlError
from connectors.sandbox.store import Row

JSON = Any
Read = Callable[[Row], JSON]
Made = tuple[str, Read]  # kind and value, as query.Term


def _of_one(kind: str, deed: Callable[[str], JSON]) -> Callable[[list[Read]], Made]:
    """Return a function of one text; NULL stays NULL."""

    def make(reads: list[Read]) -> Made:
        (read,) = counted(reads, 1)
        return kind, lambda row: None if (value := read(row)) is None else deed(str(value))

    return make


def _coalesce(reads: list[Read]) -> Made:
    return "text", lambda row: next((v for read in counted(reads) if (v := read(row)) is not None), None)


def _nullif(reads: list[Read]) -> Made:
    left, right = counted(reads, 2)
    return "text", lambda row: None if (value := left(row)) == right(row) else value


def _concat(reads: list[Read]) -> Made:
    def joined(row: Row) -> str | None:
        parts = [read(row) for read in reads]
        return None if None in parts else "".join(map(str, parts))

    return "text", joined


def _date(reads: list[Read]) -> Made:
    (read,) = counted(reads, 1)
    return "time", lambda row: None if (value := read(row)) is None else str(value)[:10]


def _replace(reads: list[Read]) -> Made:
    def replaced(row: Row) -> str | None:
        text, old, new = (read(row) for read in reads)
        return None if None in (text, old, new) else str(text).replace(str(old), str(new))

    counted(reads, 3)
    return "text", replaced


def counted(reads: list[Read], number: int = 0) -> list[Read]:
    """Return the arguments when there are as many as wanted (0: some). Raises SqlError 1582."""
    if len(reads) != (number or max(1, len(reads))):
        raise SqlError(1582, "Incorrect parameter count in the call to native function")
    return reads


FUNCTIONS: dict[str, Callable[[list[Read]], Made]] = {
    "lower": _of_one("text", str.lower),
    "upper": _of_one("text", str.upper),
    "trim": _of_one("text", lambda text: text.strip(" ")),
    "length": _of_one("number", lambda text: len(text.encode())),
    "char_length": _of_one("number", len),
    "coalesce": _coalesce,
    "ifnull": lambda reads: _coalesce(counted(reads, 2)),
    "nullif": _nullif,
    "concat": _concat,
    "date": _date,
    "replace": _replace,
}
