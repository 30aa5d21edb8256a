"""The rows of SarvCRM's answers, however a server wraps them, and their ids. The rule: what is no list is never taken for an empty
one, since that would be the end of a reading; and what is an id here is one everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from connectors.errors import ProtocolError
from connectors.http import Answer
from connectors.types import JSON
from connectors.wording import text as _

Row = dict[str, JSON]
# What servers may use for ids besides what the document shows: no sign with a meaning in an address or in SQL.
ID = re.compile(r"[A-Za-z0-9_.:,|@+=~(){}-]{1,64}")


def as_rows(answer: Answer, told: JSON) -> list[Row]:
    """Return the rows of a list. Raises ProtocolError."""
    if isinstance(told, dict) and told:  # PHP makes an object of a list whose numbers have gaps
        told = [told] if "id" in told else list(told.values())
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise answer.not_understood(_("something that is not a list of records"))
    return told


def id_of(row: Row) -> str:
    """Return the row's id. Raises ProtocolError for a row without one, or with one that could never be asked for again."""
    id = row.get("id")
    if not isinstance(id, str | int) or not id:
        raise ProtocolError(_("SarvCRM sent a record without an id."))
    if not is_id(str(id)):
        raise ProtocolError(_("SarvCRM sent “%(id)s”, which cannot be an id.", id=str(id)[:40]))
    return str(id)


def is_id(text: JSON) -> bool:
    """Say whether a text may be an id here."""
    return isinstance(text, str) and ID.fullmatch(text) is not None


def in_order(rows: Sequence[Row], after: str = "", *, down: bool = False) -> bool:
    """Say whether a database may have sorted these rows by id, behind that id."""
    ids = [*([after] if after else []), *map(id_of, rows)]
    return all(may_follow(other, one) if down else may_follow(one, other) for one, other in pairwise(ids))


def may_follow(one: str, other: str) -> bool:
    """Say whether some database sorts these ids so: it is not told which. Case counts or not, numbers may be numbers, and
    signs stand before or behind letters; only digits and letters tell."""
    if one.isdecimal() and other.isdecimal():
        return one <= other or int(one) <= int(other)
    first = next(((a, b) for a, b in zip(one, other, strict=False) if a.lower() != b.lower()), None)
    if first is None:
        return len(one) <= len(other)
    a, b = first
    return not (a.isalnum() and b.isalnum()) or a <= b or a.lower() <= b.lower()


def behind(rows: list[Row], last: str) -> list[Row]:
    """Return the rows behind that id: pages may overlap."""
    known = next((at for at, row in enumerate(rows, 1) if last and id_of(row) == last), 0)
    return rows[known:]
