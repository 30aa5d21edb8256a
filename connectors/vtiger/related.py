"""The relations between modules, and the records that hang on another. The rule: what is read of a relation is whole, or it is an
error, though the server tells a hundred records and no more (C2, D18)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from connectors.errors import QueryError
from connectors.paging import unknown_place
from connectors.query import And, Condition, Op, Query
from connectors.types import JSON, Page
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.reading import Reader
from connectors.vtiger.rows import Row
from connectors.wording import text as _

BY_FIELD = re.compile(r"(\w+)/(.*)")  # a cursor of `page_by`: the field, and the place in its list


class Relations:
    """What the modules of one server are related to, asked once each."""

    def __init__(self, client: VtigerClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, JSON]] = {}

    def label(self, module: str, relation: str) -> str:
        """Return the label of the relation that leads from a module to another. Raises QueryError."""
        if module not in self._known:
            self._known[module] = self._client.relatedtypes(module).get("information") or {}
        known = self._known[module]
        for label, told in known.items():
            if relation in (told.get("name"), label):
                return label
        names = ", ".join(known) or _("none")
        told = _("%(module)s has no relation “%(name)s”. It has: %(names)s.", module=module, name=relation, names=names)
        raise QueryError(told)


def leading_field(other: Reader, module: str, id: str, rows: Sequence[Row]) -> str:
    """Return the field by which these rows, the first of a relation, hang on the record; "" where none leads to the others."""
    fields = (field.name for field in other.schema.fields if module in field.refers_to)
    return next((name for name in fields if rows and all(row.get(name) == id for row in rows)), "")


def page_by(name: str, other: Reader, id: str, query: Query) -> Page:
    """Return a page of the records whose field of that name holds the id: of however many, it costs the calls of a page. The
    first tells how many there are."""
    own = Condition(name, Op.EQ, (id,))
    asked = replace(query, filter=And((own, query.filter)) if query.filter else own)
    page = other.page(asked)
    onward = page.next_cursor and f"{name}/{page.next_cursor}"
    counted = not query.cursor and query.filter is None and other.client.counts
    return replace(page, next_cursor=onward, total=other.count(other.pushed(asked).groups) if counted else None)


def gone_on_by(other: Reader, module: str, query: Query) -> tuple[str, Query]:
    """Return the field by which a reading that has begun goes on, and the query with the place in its list; "" and the query as
    it is for any other. Raises QueryError for a field that does not lead to records of the module."""
    found = BY_FIELD.fullmatch(query.cursor or "")
    if found is None:
        return "", query
    field = other.schema.field(found[1])
    if field is None or module not in field.refers_to:
        raise unknown_place()
    return field.name, replace(query, cursor=found[2])
