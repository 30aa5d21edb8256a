"""Puts a list of records together for its page: rows, heads, pages, where they come from, how they were found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from connectors.errors import QueryError
from connectors.query import Order, Query, order_to_text, to_text, unlisted
from connectors.query.names import UNSORTED
from connectors.types import NUMBER_TYPES, Explanation, FieldSchema, ModuleSchema, Record
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.records.changelist import PAGE, Asked, columns, example, live_page, searched_fields
from portal.records.display import NOTHING, Names, brief, words
from portal.records.filters import about_days, has_moments
from portal.records.models import Mirror
from portal.records.names import names_in
from portal.records.page import Listing, mirror_page
from portal.ui.tables import Header, Row, query
from portal.ui.wording import translated


@dataclass(frozen=True, slots=True)
class WrongFilter:
    """What is wrong with the filter, and the three parts around the word that is. `end` is where the word ends."""

    message: str
    start: int | None = None
    end: int = 0
    before: str = ""
    word: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ListPage:
    """All the template needs. `live`: read from the CRM just now, not from the mirror."""

    schema: ModuleSchema
    asked: Asked
    live: bool
    headers: list[Header]
    rows: list[Row]
    listing: Listing
    explanation: Explanation | None
    columns: list[FieldSchema]
    others: list[FieldSchema]
    wrong: WrongFilter | None = None
    example: str = ""
    searched: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def params(self) -> dict[str, str]:
        """Return the address's parameters without the page."""
        a = self.asked
        return {"filter": a.filter, "q": a.search, "o": a.order, "source": a.source}

    @property
    def next_url(self) -> str:
        return query(self.params, cursor=self.listing.next) if self.listing.next else ""

    @property
    def previous_url(self) -> str:
        return query(self.params, cursor=self.listing.previous) if self.listing.previous else ""

    @property
    def first_url(self) -> str:
        return query(self.params) if self.asked.cursor else ""

    @property
    def live_url(self) -> str:
        return query(self.params, source="live")

    @property
    def mirror_url(self) -> str:
        return query(self.params, source="mirror")

    @property
    def all_url(self) -> str:
        return query({}, source=self.asked.source, o=self.asked.order) if self.asked.filter or self.asked.search else ""

    @property
    def address(self) -> str:
        return query(self.params)[1:]


def build(connection: Connection, schema: ModuleSchema, mirror: Mirror | None, asked: Asked, user: User) -> ListPage:
    """Return the page that was asked for; what is wrong with the filter stands in it. Raises ConnectorError."""
    shown = columns(user, f"{connection.name}/{schema.module.name}", schema)
    live = mirror is None or asked.source == "live" or (mirror.completed_at is None and asked.source != "mirror")
    try:
        found = _read(connection, schema, None if live else mirror, asked)
    except QueryError as e:
        found = _Found(wrong=_wrong(e, asked.filter))
    names = names_in(connection, shown, found.listing.records)
    return ListPage(
        schema=schema,
        asked=asked,
        live=live,
        headers=[_header(f, found.order, asked) for f in shown],
        rows=[_row(connection, schema, r, shown, names) for r in found.listing.records],
        listing=found.listing,
        explanation=found.explanation,
        columns=shown,
        others=[f for f in schema.fields if f not in shown],
        wrong=found.wrong,
        example=example(schema),
        searched=[f.label for name in searched_fields(schema) if (f := schema.field(name))],
        notes=[*found.notes, *([about_days()] if has_moments(schema) else [])],
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What reading brought: a page, or what is wrong with the filter."""

    listing: Listing = Listing(())
    order: tuple[Order, ...] = ()
    explanation: Explanation | None = None
    wrong: WrongFilter | None = None
    notes: list[str] = field(default_factory=list)


def _read(connection: Connection, schema: ModuleSchema, mirror: Mirror | None, asked: Asked) -> _Found:
    condition = asked.filters(schema)
    order, unsorted = _order(asked, schema)
    notes = [*unsorted, *map(translated, unlisted(condition, schema))]
    if mirror is not None:
        listing = mirror_page(mirror, schema, condition, order, asked.cursor, PAGE)
        return _Found(listing, order, Explanation("", to_text(condition), 0), notes=notes)
    with open_connector(connection, purpose="person") as crm:
        told = crm.explain(schema.module.name, Query(condition, order, limit=PAGE))
        told = replace(told, local=translated(told.local))
        return _Found(live_page(crm, schema.module.name, condition, order, asked.cursor), order, told, notes=notes)


def _order(asked: Asked, schema: ModuleSchema) -> tuple[tuple[Order, ...], list[str]]:
    """Return the order; the usual one and why, when the address names what is not there (any more)."""
    try:
        return asked.orders(schema), []
    except QueryError as e:
        return (), [_("Not sorted as asked: %(problem)s") % {"problem": translated(e)}]


def _wrong(error: QueryError, text: str) -> WrongFilter:
    at = error.position
    if at is None or not 0 <= at <= len(text):
        return WrongFilter(translated(error))
    word = re.match(r"\"[^\"]*\"?|'[^']*'?|[\w.-]+|\S?", text[at:])
    end = at + (word.end() if word else 0)
    return WrongFilter(translated(error), at, end, text[:at], text[at:end] or " ", text[end:])


def _header(column: FieldSchema, order: tuple[Order, ...], asked: Asked) -> Header:
    by = next((o for o in order[:1] if o.field == column.name), None)
    direction = "" if by is None else "descending" if by.descending else "ascending"
    turned = order_to_text((Order(column.name, by is not None and not by.descending),))
    params = {"filter": asked.filter, "q": asked.search, "source": asked.source}
    url = "" if column.type in UNSORTED else query(params, o=turned)
    return Header(column.label, url, direction, column.type in NUMBER_TYPES)


def _row(connection: Connection, schema: ModuleSchema, record: Record, shown: list[FieldSchema], names: Names) -> Row:
    url = reverse("records:record", args=[connection.name, quote(schema.module.name), quote(record.id)])
    cells: list[tuple[Any, str]] = []
    for column in shown:
        value = record.values.get(column.name)
        kind = "number" if column.type in NUMBER_TYPES else ""
        if not cells:  # the first cell is the link to the record, so it shows no link of its own
            cells.append((format_html("<bdi>{}</bdi>", words(column, value, names) or record.id), kind))
        else:
            cells.append((brief(column, value, names) if value is not None else NOTHING, kind))
    return Row(url, tuple(cells))
