"""Places in a reading: where it goes on, as the opaque text of a cursor and as a condition. The rule: a place is the server's own
id or offset, so that it holds in another process and after a crash."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from connectors.paging import unknown_place
from connectors.vtiger import vtql
from connectors.vtiger.rows import Row, id_of, number
from connectors.vtiger.vtql import Groups

Kind = Literal["after", "at", "left", "sorted"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading goes on: after an id, at an offset, with so many left when read from the end, or in a sorted list.

    `passed` are rows that follow there and were had already: after an id those that this user may not see, else those of a
    page in which some are missing.
    """

    kind: Kind
    value: str
    passed: int = 0

    @property
    def number(self) -> int:
        return int(self.value)

    def text(self) -> str:
        """Return the place as the opaque text of a cursor."""
        return f"vtiger {self.kind} {self.value}" + (f" {self.passed}" if self.passed else "")

    def beyond(self, size: int) -> Place:
        """Return the place behind so many rows of the server's."""
        if self.kind == "after":
            return replace(self, passed=self.passed + size)
        return Place(self.kind, str(max(0, self.number + (size if self.kind == "at" else -size))))


PLACE = re.compile(r"vtiger (?:(?:(after) ([0-9]+x[0-9]+|)|(at|left) ([0-9]+))(?: ([0-9]+))?|(sorted) (|\[.*))")


def parse(cursor: str) -> Place:
    """Return the place in a cursor. Raises QueryError."""
    found = PLACE.fullmatch(cursor)
    if found is None:
        raise unknown_place()
    kind, value = found[1] or found[3] or found[6], found[2] or found[4] or found[7] or ""
    return Place(kind, value, int(found[5] or 0))  # type: ignore[arg-type]


def behind(groups: Groups, id: str, down: bool) -> Groups:
    """Return the groups narrowed to what comes behind that id; as they are for none."""
    return vtql.with_condition(groups, f"id {'<' if down else '>'} {vtql.literal(id)}") if id else groups


def is_beyond(row: Row, id: str, down: bool) -> bool:
    """Say whether a row comes after that id in the walk."""
    own, last = number(id_of(row)), number(id)
    return own < last if down else own > last
