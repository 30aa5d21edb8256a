"""Reads what a page of waiting entries has to know: their mappings, rules and modules, our copies of the records, what both sides
last agreed on, and what was chosen before. The rule: as many queries for fifty entries as for one."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, Q

from connectors.types import JSON, FieldSchema, FieldType, ModuleSchema, Record
from portal.connections.models import Connection
from portal.connections.schema import kept_schema
from portal.ledger.models import Entry
from portal.mappings.meaning import meanings
from portal.mappings.models import FieldRule, MappingVersion
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import Side
from portal.records.display import Names
from portal.records.models import Copy
from portal.records.names import names_in
from portal.sync.cases import OTHER
from portal.sync.models import Base

Place = tuple[int, str]  # a connection's number and a module
CANDIDATES = 20  # that are shown of one entry
_POINTS = (FieldType.OWNER, FieldType.REFERENCE, FieldType.LINES)


@dataclass(frozen=True, slots=True)
class Module:
    """One module on the page: its connection, its fields, which of them tells who changed a record last, and what ids are called."""

    connection: Connection
    schema: ModuleSchema | None
    modifier: FieldSchema | None
    names: Names

    def field(self, name: str) -> FieldSchema:
        """Return the field of that name; one that was never described as text."""
        known = self.schema.field(name) if self.schema else None
        return known or FieldSchema(name, name, FieldType.TEXT)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a page of entries. `before`: which decided entry they took the place of."""

    mappings: Mapping[uuid.UUID, MappingRow]
    directions: Mapping[uuid.UUID, str]
    rules: Mapping[uuid.UUID, Sequence[FieldRule]]
    modules: Mapping[Place, Module]
    copies: Mapping[tuple[int, str, str], Copy]
    bases: Mapping[tuple[int, int], Mapping[str, JSON]]
    before: Mapping[int, Entry]

    def side(self, entry: Entry) -> Side:
        """Return which side of its mapping the entry's source is."""
        mapping = self.mappings[entry.mapping]  # type: ignore[index]
        left = (mapping.left_connection_id, mapping.left_module)
        return "left" if left == (entry.source_connection_id, entry.source_module) else "right"

    def places(self, entry: Entry) -> dict[Side, Place]:
        """Return the module of either side."""
        side = self.side(entry)
        source = (entry.source_connection_id or 0, entry.source_module)
        return {side: source, OTHER[side]: (entry.connection_id, entry.module)}

    def base(self, entry: Entry) -> Mapping[str, JSON]:
        """Return what both sides last agreed on: rule uuid -> [left, right]."""
        return self.bases.get((entry.link_id or 0, self.mappings[entry.mapping].pk), {})  # type: ignore[index]


def known_about(entries: Sequence[Entry]) -> Known:
    """Return what a page of these entries has to know; their connections must be selected with them."""
    mappings = MappingRow.objects.filter(uuid__in={str(entry.mapping) for entry in entries})
    rows = {row.uuid: row for row in mappings.select_related("left_connection", "right_connection")}
    versions = list(
        MappingVersion.objects.filter(mapping__in=list(rows.values()), number=F("mapping__version"))
        .select_related("mapping")
        .prefetch_related("rules")
    )
    copies = _copies(entries)
    bases = Base.objects.filter(link__in={entry.link_id for entry in entries if entry.link_id})
    decided = Entry.objects.filter(superseded_by__in=entries, decision__isnull=False)
    return Known(
        rows,
        {version.mapping.uuid: version.direction for version in versions},
        {version.mapping.uuid: list(version.rules.all()) for version in versions},
        _modules(entries, copies.values()),
        copies,
        {(link, mapping): values for link, mapping, values in bases.values_list("link", "mapping", "values")},
        {old.superseded_by_id: old for old in decided if old.superseded_by_id},
    )


def candidates(entry: Entry) -> list[str]:
    """Return the ids on the other side among which the partner may be, as the entry tells them."""
    found = entry.evidence.get("found", [])
    return [str(id) for id in found][:CANDIDATES] if isinstance(found, list) else []


def doubles(entry: Entry) -> list[str]:
    """Return the ids of the records on its own side that hold the same key."""
    found = entry.evidence.get("own", [])
    return [str(id) for id in found][:CANDIDATES] if isinstance(found, list) else []


def _copies(entries: Iterable[Entry]) -> dict[tuple[int, str, str], Copy]:
    wanted: dict[Place, set[str]] = defaultdict(set)
    for entry in entries:
        wanted[entry.connection_id, entry.module] |= {entry.record_id, *candidates(entry)} - {""}
        wanted[entry.source_connection_id or 0, entry.source_module] |= {entry.source_id, *doubles(entry)} - {""}
    asked = Q(pk__in=[])
    for (connection, module), ids in wanted.items():
        asked |= Q(mirror__connection=connection, mirror__module=module, record_id__in=ids)
    rows = Copy.objects.filter(asked).select_related("mirror").defer("digest")
    return {(row.mirror.connection_id, row.mirror.module, row.record_id): row for row in rows}


def _modules(entries: Iterable[Entry], copies: Iterable[Copy]) -> dict[Place, Module]:
    connections = {c.pk: c for entry in entries for c in (entry.connection, entry.source_connection) if c}
    places = {(entry.connection_id, entry.module) for entry in entries}
    places |= {(entry.source_connection_id or 0, entry.source_module) for entry in entries}
    records: dict[Place, list[Record]] = defaultdict(list)
    for copy in copies:
        records[copy.mirror.connection_id, copy.mirror.module].append(
            Record(copy.mirror.module, copy.record_id, copy.values)
        )
    return {place: _module(connections[place[0]], place[1], records[place]) for place in places if place[0]}


def _module(connection: Connection, module: str, records: Sequence[Record]) -> Module:
    schema = kept_schema(connection, module)
    if schema is None:
        return Module(connection, None, None, Names(connection.name))
    points = [field for field in schema.fields if field.type in _POINTS]
    told = (meaning for meaning in meanings(schema) if meaning.sense and meaning.sense.term == "modified_by")
    modifier = next((meaning.field for meaning in told), None)
    return Module(connection, schema, modifier, names_in(connection, points, records))
