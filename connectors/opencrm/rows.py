"""The rows of OpenCRM's answers, however a server wraps them, and their ids. The rule: what is no list is never taken for an empty
one, since that would be the end of a reading; and what is an id here is one everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.context import Call
from connectors.errors import ProtocolError
from connectors.http import Answer
from connectors.opencrm.answers import failure
from connectors.types import JSON
from connectors.wording import text as _

Row = dict[str, JSON]
NEW = "0"  # where an id belongs: a record, or a line of one, that is not there yet
NAMES = ("crmid", "record_id", "id")  # one of them holds a row's id (facts §6, 5)
_DIGITS = re.compile(r"[1-9][0-9]{0,17}")


def as_rows(call: Call, answer: Answer, told: JSON, about: str) -> list[Row]:
    """Return the rows of a list, each with an id. Raises NothingFound and what else a sentence means, ProtocolError."""
    if isinstance(told, dict):  # PHP makes an object of a list whose numbers have gaps
        told = [told] if not told.keys().isdisjoint(NAMES) else list(told.values())
    if isinstance(told, str):
        raise failure(call, answer, told, about, "")
    if told is None and answer.body.strip() == b"":
        raise answer.not_understood(_("an empty answer"))
    if not isinstance(told, list | None):
        raise answer.not_understood(_("something that is not a list of records"))
    if not all(isinstance(row, dict) and any(ids_in(row)) for row in told or ()):
        raise answer.not_understood(_("a list of something that has no ids"))
    return told or []


def as_row(told: JSON) -> Row:
    """Return the record of a single answer; the document's sample of a sales record shows its lines beside it (facts §6, 11)."""
    if isinstance(told, list):
        return {name: value for part in told for name, value in as_row(part).items()}
    return told if isinstance(told, dict) else {}


def id_of(row: Mapping[str, JSON]) -> str:
    """Return the row's id: crmid, record_id or id, whichever is there. Raises ProtocolError for a row without one."""
    for id in ids_in(row):
        return id
    raise ProtocolError(_("OpenCRM sent a record without an id."))


def ids_in(row: Mapping[str, JSON]) -> list[str]:
    """Return what of a row may be its id, the likeliest first."""
    return [id for name in NAMES if is_id(id := str(row.get(name)))]


def is_id(text: JSON) -> bool:
    """Say whether a text is an id as this vendor counts them: 1, 2, 3 …"""
    return isinstance(text, str) and _DIGITS.fullmatch(text) is not None
