"""The rows of OpenCRM's answers, however a server wraps them. The rule: what is no list is never taken for an empty one."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.context import Call
from connectors.errors import QueryError
from connectors.http import Answer
from connectors.opencrm.answers import failure, result
from connectors.opencrm.codec import is_id
from connectors.opencrm.words import NOTHING_FOUND
from connectors.types import JSON
from connectors.wording import text as _

Row = dict[str, JSON]


def as_rows(call: Call, answer: Answer, about: str) -> list[JSON]:
    """Return the rows of a list, however an empty one is said. Raises QueryError for a sentence that is an error."""
    try:
        value = result(call, answer, about)
    except QueryError as e:
        if NOTHING_FOUND.fullmatch(e.vendor_message.strip()):
            return []
        raise
    if isinstance(value, dict):
        value = [value] if id_of(value) else list(value.values())
    if isinstance(value, str):
        if not NOTHING_FOUND.fullmatch(value.strip()):
            raise failure(call, answer, value, about, "")
        return []
    if value is None and answer.body.strip() == b"":
        raise answer.not_understood(_("an empty answer"))
    if not isinstance(value, list | None):
        raise answer.not_understood(_("something that is not a list of records"))
    return value or []


def merged(value: JSON) -> Row:
    """Return the record of a single answer; the document's sample of a sales record shows its lines beside it (facts §6, 11)."""
    if isinstance(value, list):
        found: Row = {}
        for part in value:
            found |= merged(part)
        return found
    return value if isinstance(value, dict) else {}


def id_of(row: Mapping[str, JSON]) -> str:
    """Return the row's id: crmid, record_id or id, whichever is there (facts §6, 5); "" when none is."""
    found = (str(row[name]) for name in ("crmid", "record_id", "id") if row.get(name) is not None)
    return next((text for text in found if is_id(text)), "")
