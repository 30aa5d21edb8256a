"""The rows of SarvCRM's answers, however a server wraps them. The rule: what is no list is never taken for an empty one."""

from __future__ import annotations

from connectors.errors import ProtocolError
from connectors.http import Answer
from connectors.types import JSON
from connectors.wording import text as _

Row = dict[str, JSON]


def as_rows(answer: Answer, told: JSON) -> list[Row]:
    """Return the rows of a list. Raises ProtocolError."""
    told = [] if told is None else told
    if isinstance(told, dict):  # PHP makes an object of a list whose numbers have gaps
        told = [told] if "id" in told else list(told.values())
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise answer.not_understood(_("something that is not a list of records"))
    return told


def id_of(row: Row) -> str:
    """Return the row's id. Raises ProtocolError for a row without one."""
    id = row.get("id")
    if not isinstance(id, str | int) or not id:
        raise ProtocolError(_("SarvCRM sent a record without an id."))
    return str(id)


def behind(rows: list[Row], last: str) -> list[Row]:
    """Return the rows behind that id: pages may overlap."""
    known = next((at for at, row in enumerate(rows, 1) if last and id_of(row) == last), 0)
    return rows[known:]
