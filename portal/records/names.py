"""What the records and owners behind ids are called, from our own copies: a fixed number of queries, never a CRM call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.types import JSON, FieldSchema, FieldType, ModuleSchema, Record, Values
from portal.connections.models import Connection, KnownSchema, OwnerLabel
from portal.records.display import Names
from portal.records.models import Copy


def label(values: Values, label_fields: Iterable[str], fallback: str) -> str:
    """Return what a person calls a record: its label fields with blanks between, else `fallback` (its id)."""
    parts = [str(values[name]).strip() for name in label_fields if isinstance(values.get(name), str | int)]
    return " ".join(" ".join(part for part in parts if part).split())[:200] or fallback


def record_label(record: Record, schema: ModuleSchema) -> str:
    """Return what a person calls this record."""
    return label(record.values, schema.label_fields, record.id)


def names_in(connection: Connection, fields: Iterable[FieldSchema], records: Iterable[Record]) -> Names:
    """Return the names of everything these fields of these records point to, as far as our mirrors know them.

    At most three queries, none where there is nothing to look up.
    """
    wanted: dict[str, set[str]] = {}
    owners: set[str] = set()
    records = list(records)
    for field, values in _pointing(fields, records):
        ids = {v for v in values if isinstance(v, str) and v}
        if field.type is FieldType.OWNER:
            owners |= ids
        elif field.type is FieldType.REFERENCE:
            for module in field.refers_to:
                wanted.setdefault(module, set()).update(ids)
    return Names(connection.name, _labels(connection, wanted), _owners(connection, owners))


def _pointing(fields: Iterable[FieldSchema], records: list[Record]) -> Iterator[tuple[FieldSchema, list[JSON]]]:
    """Yield each field, those of lines too, with what the records hold in it."""
    for field in fields:
        values = [record.values.get(field.name) for record in records]
        yield field, values
        lines = [line for value in values if isinstance(value, list) for line in value if isinstance(line, dict)]
        yield from ((inner, [line.get(inner.name) for line in lines]) for inner in field.lines)


def _owners(connection: Connection, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    found = OwnerLabel.objects.filter(connection=connection, owner_id__in=ids)
    return dict(found.values_list("owner_id", "label"))


def _labels(connection: Connection, wanted: dict[str, set[str]]) -> dict[tuple[str, str], str]:
    ids = set().union(*wanted.values()) if wanted else set()
    if not ids:
        return {}
    known = KnownSchema.objects.filter(connection=connection, module__in=wanted)
    fields: dict[str, Any] = {
        module: document.get("label_fields", ()) for module, document in known.values_list("module", "document")
    }
    copies = Copy.objects.filter(mirror__connection=connection, mirror__module__in=wanted, record_id__in=ids)
    rows = copies.values_list("mirror__module", "record_id", "values")
    return {(module, id): label(values, fields.get(module, ()), id) for module, id, values in rows}
