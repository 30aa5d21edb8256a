"""What passes the filter of each side, from the mirrors: how many records, and some of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.errors import QueryError
from portal.mappings.definition import SideName
from portal.mappings.editing import Editing
from portal.mappings.transform import OTHER
from portal.records.filters import read_filter
from portal.records.names import record_label
from portal.records.page import mirror_page
from portal.ui.wording import translated

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Passing:
    """One side. `records` are (id, what a person calls it) of the newest ten; `total` counts all, "more" than that where
    `more`; `error` says what is wrong with the filter; `as_of` is None where the module was not read yet."""

    side: SideName
    connection: str
    module: str
    records: tuple[tuple[str, str], ...] = ()
    total: int | None = None
    more: bool = False
    error: str = ""
    as_of: datetime | None = None


def passing(editing: Editing, filters: dict[SideName, str]) -> list[Passing]:
    """Return what passes these filters, left first."""
    return [_passing(editing, side, filters[side]) for side in OTHER]


def _passing(editing: Editing, side: SideName, text: str) -> Passing:
    schema, mirror = editing.schemas[side], editing.mirrors[side]
    about = side, editing.connections[side].name, schema.module.name
    try:
        found = read_filter(text, schema)
    except QueryError as e:
        return Passing(*about, error=translated(e))
    if mirror is None or mirror.pulled_at is None:
        return Passing(*about)
    listing = mirror_page(mirror, schema, found, (), "", SHOWN)
    records = tuple((record.id, record_label(record, schema)) for record in listing.records)
    return Passing(*about, records, listing.total, listing.more, as_of=mirror.pulled_at)
