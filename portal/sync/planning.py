"""What planning a mapping needs to know: what it says and of whom. No lease, no run and no CRM: whoever only asks what would
happen needs none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from connectors.query import match
from connectors.types import ModuleSchema, Values
from portal.connections.models import Connection
from portal.mappings.compare import KeyKind, match_key
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import Place, Side
from portal.records.filters import read_filter
from portal.records.models import Copy, Mirror
from portal.sync.cases import SIDES, Seen, Terms
from portal.sync.links import Links

Passes = Callable[[Values], bool]


@dataclass(frozen=True, slots=True)
class Planning:
    """One mapping in one version, as records are looked at by it. `kinds` say how its match key is compared, `passes` are
    the filters."""

    mapping: MappingRow
    terms: Terms
    kinds: tuple[KeyKind, ...]
    passes: Mapping[Side, Passes]
    connections: Mapping[Side, Connection]
    mirrors: Mapping[Side, Mirror]

    @property
    def links(self) -> Links:
        """Return the links between the two mirrors."""
        return Links(self.mirrors)


def place(schema: ModuleSchema, config: Mapping[str, str], *, appends: bool) -> Place:
    """Return one side as values need it; `config` are the connection's settings, defaults included; `appends`: whether entries
    can be added to its pick lists."""
    return Place(schema, config.get("time_zone") or "UTC", config.get("region") or "GB", appends)


def passes(text: str, place: Place) -> Passes:
    """Return the filter as a question about a record's values. Raises QueryError."""
    return match(read_filter(text, place.schema), place.schema)


class Row(NamedTuple):  # a model would cost three times as much, for columns that planning does not look at
    """What planning reads of a Copy."""

    record_id: str
    values: Values
    version: int
    modified: str
    deleted: str


def read_rows(copies: QuerySet[Copy]) -> list[Row]:
    """Return the copies asked for, in their order."""
    columns = copies.values_list("record_id", Cast("values", TextField()), "version", "modified", "deleted")
    return [Row(id, orjson.loads(text), *rest) for id, text, *rest in columns]


def seen_of(known: Planning, side: Side, copy: Row) -> Seen:
    """Return a copy as planning sees it."""
    return Seen(
        copy.record_id,
        copy.values,
        copy.version,
        copy.modified,
        copy.deleted,
        known.passes[side](copy.values),
        key_of(known, side, copy.values),
    )


def key_of(known: Planning, side: Side, values: Values) -> tuple[str, ...] | None:
    """Return the normalised match key of a record's values, or None."""
    fields = [pair[SIDES.index(side)] for pair in known.terms.definition.match]
    return match_key(values, fields, known.kinds, known.terms.places[side].region)


def label_of(known: Planning, side: Side, record: Seen) -> str:
    """Return what a person calls the record; "" where it says nothing of itself."""
    schema = known.terms.places[side].schema
    parts = [str(record.values[name]) for name in schema.label_fields if record.values.get(name)]
    return " ".join(parts)[:200]
