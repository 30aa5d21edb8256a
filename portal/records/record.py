"""Puts one record together for its page: its fields by section, what it is called, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from connectors.errors import ConnectorError
from connectors.types import JSON, FieldSchema, ModuleSchema, Record
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.records.display import BLOCKS, NOTHING, Names, show
from portal.records.models import Copy, CopyChange
from portal.records.names import names_in, record_label

HISTORY = 50  # changes shown, newest first


@dataclass(frozen=True, slots=True)
class Shown:
    """A field with its value as HTML; `wide` ones take the whole width."""

    label: str
    name: str
    html: SafeString
    wide: bool
    help: str


@dataclass(frozen=True, slots=True)
class Section:
    """The fields the vendor keeps in one block, in its order."""

    title: str
    fields: list[Shown]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changed."""

    label: str
    before: SafeString
    after: SafeString


@dataclass(frozen=True, slots=True)
class Past:
    """One change of our copy. `run` is ours that made it, or None when it came from the CRM's side."""

    at: datetime
    run: int | None
    deleted: str
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """All the template needs. `live`: read from the CRM just now. `url` is the record's address in the CRM, or None."""

    schema: ModuleSchema
    record: Record
    title: str
    live: bool
    url: str | None
    sections: list[Section]
    raw: str
    missing: int  # fields that have no value, not shown one by one
    history: list[Past] = field(default_factory=list)


def build(connection: Connection, schema: ModuleSchema, record_id: str, copy: Copy | None) -> RecordPage:
    """Return the page of our copy; of the record as the CRM has it now when there is none. Raises ConnectorError."""
    module = schema.module.name
    if copy is None:
        with open_connector(connection, purpose="person") as crm:
            record, url = crm.get(module, record_id), crm.record_url(module, record_id)
    else:
        record, url = Record(module, record_id, copy.values, copy.modified or None), _url(connection, module, record_id)
    names = names_in(connection, schema.fields, [record])
    return RecordPage(
        schema=schema,
        record=record,
        title=record_label(record, schema),
        live=copy is None,
        url=url,
        sections=_sections(schema, record.values, names),
        raw=orjson.dumps(dict(record.values), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode(),
        missing=sum(_is_empty(record.values.get(f.name)) for f in schema.fields),
        history=_history(copy, schema, names) if copy is not None else [],
    )


def _url(connection: Connection, module: str, record_id: str) -> str | None:
    """Return the record's address in the CRM; None also while the connection's settings are wrong: our copy shows all the same."""
    try:
        with open_connector(connection, purpose="person") as crm:
            return crm.record_url(module, record_id)
    except ConnectorError:
        return None


def _sections(schema: ModuleSchema, values: Mapping[str, JSON], names: Names) -> list[Section]:
    """Return the vendor's blocks in the order of their first field; what the schema does not know comes last."""
    found: dict[str, list[Shown]] = {}
    for f in schema.fields:
        found.setdefault(f.section or _("Fields"), []).append(_shown(f, values.get(f.name), names))
    unknown = [name for name in values if schema.field(name) is None and name != "id"]
    if unknown:
        found[_("Further values")] = [_shown(FieldSchema(n, n), values[n], names) for n in unknown]
    return [Section(title, fields) for title, fields in found.items()]


def _shown(f: FieldSchema, value: JSON, names: Names) -> Shown:
    long = isinstance(value, str) and len(value) > 120
    return Shown(
        f.label or f.name, f.name, show(f, value, names), not _is_empty(value) and (long or f.type in BLOCKS), f.help
    )


def _is_empty(value: JSON) -> bool:
    return value is None or value == "" or value == []


def _history(copy: Copy, schema: ModuleSchema, names: Names) -> list[Past]:
    rows = CopyChange.objects.filter(mirror=copy.mirror_id, record_id=copy.record_id).order_by("-version")[:HISTORY]
    return [Past(r.at, r.run_id, r.deleted, _differences(r.changes, schema, names)) for r in rows]


def _differences(changes: Mapping[str, Any], schema: ModuleSchema, names: Names) -> list[Difference]:
    found = []
    for name, (before, after) in changes.items():
        f = schema.field(name) or FieldSchema(name, name)
        sides = [NOTHING if _is_empty(v) else show(f, v, names) for v in (before, after)]
        found.append(Difference(f.label or name, *sides))
    return found
