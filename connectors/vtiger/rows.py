"""The rows of Vtiger's answers, and what names each. The rule: a row without an id is an error, never passed over."""

from __future__ import annotations

from connectors.errors import ProtocolError
from connectors.types import JSON
from connectors.wording import text as _

Row = dict[str, JSON]


def id_of(row: Row) -> str:
    """Return the row's id. Raises ProtocolError for a row without one."""
    id = row.get("id")
    if not isinstance(id, str) or not id:
        raise ProtocolError(_("The server sent a record without an id."))
    return id


def number(id: str) -> int:
    """Return the second part of an id, by which the server compares (C4). Raises ProtocolError."""
    tail = id.partition("x")[2]
    if not tail.isdecimal():
        raise ProtocolError(_("The server sent “%(id)s” where an id belongs.", id=id[:40]))
    return int(tail)
