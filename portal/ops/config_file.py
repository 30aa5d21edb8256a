"""The scripted way to set everything up: one document with connections, value tables, mappings and sync sets, idempotent by
name, all or nothing.

First everything is read and checked, the CRMs are asked for their fields, and only then is anything saved, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from connectors.errors import ConnectorError
from connectors.types import JSON, ModuleSchema
from portal.connections.access import open_draft
from portal.connections.account import InUse
from portal.connections.forms import OTHER_CRM, SAME_DATA, ConnectionForm
from portal.connections.models import Connection
from portal.connections.save import BadConnection, access_changed, allow_writing, form_of, save
from portal.connections.schema import module_schema, with_owner
from portal.ledger import write
from portal.mappings.check import check
from portal.mappings.definition import Definition, Side, SideName
from portal.mappings.document import BadDocument, list_of, mapping_of, read_definition, text_of, true_or_false
from portal.mappings.findings import Known
from portal.mappings.known import what_is_known
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.models import ValueTable
from portal.mappings.save import NameTaken, save_heads, save_mapping, says
from portal.mappings.table_document import read_table
from portal.mappings.table_save import save_table
from portal.mappings.tables import Table
from portal.sync.models import SyncSet
from portal.sync.sets.document import read_set
from portal.sync.sets.save import BadSet, SaidSet, save_set
from portal.ui.wording import translated

LIMITS = ("calls_per_minute", "calls_per_day", "max_parallel")
COLUMNS = ("allow_http", "ca_bundle", *LIMITS)
CONNECTION_KEYS = ("name", "connector", "writable", "settings", "secrets", "same_data", *COLUMNS)


@dataclass(frozen=True, slots=True)
class Draft:
    """A connection as the document wants it: a valid form, and whether it may be written to (None: as it is)."""

    form: ConnectionForm
    writable: bool | None
    stored: Connection | None

    @property
    def is_new_access(self) -> bool:
        """Say whether the CRM must be asked with what the document says, not with what is stored."""
        return self.stored is None or access_changed(self.form, self.stored)


@dataclass(slots=True)
class Imported:
    """What the import did: names, each with what became of it; and what a person should know."""

    connections: dict[str, str] = field(default_factory=dict)
    value_tables: dict[str, str] = field(default_factory=dict)
    mappings: dict[str, str] = field(default_factory=dict)
    sync_sets: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def import_document(document: JSON, environment: Mapping[str, str], *, actor: str = "command") -> Imported:
    """Set up what the document describes and return what changed. Raises BadDocument with the place of what is wrong, and
    then nothing was saved."""
    found = mapping_of(document, "", ("connections", "value_tables", "mappings", "sync_sets"))
    report = Imported()
    drafts: dict[str, Draft] = {}
    for number, entry in enumerate(list_of(found.get("connections"), "connections")):
        name, draft = _read_connection(entry, f"connections[{number}]", environment, report)
        if name in drafts:
            raise BadDocument(f"connections[{number}].name", _("“%(name)s” stands here twice.") % {"name": name})
        drafts[name] = draft
    tables = _read_tables(list_of(found.get("value_tables"), "value_tables"))
    definitions = _read_mappings(list_of(found.get("mappings"), "mappings"))
    sets = _read_sets(list_of(found.get("sync_sets"), "sync_sets"))
    known = _known_with(tables, definitions)
    for number, definition in enumerate(definitions):
        _check_mapping(definition, f"mappings[{number}]", drafts, known, report)
    _save_all(drafts, tables, definitions, sets, report, actor)
    return report


def _read_tables(documents: list[JSON]) -> list[tuple[Table, str]]:
    tables = [read_table(entry, f"value_tables[{number}]") for number, entry in enumerate(documents)]
    _refuse_twice([table.name for table, _description in tables], "value_tables")
    return tables


def _read_mappings(documents: list[JSON]) -> list[Definition]:
    definitions = [read_definition(entry, f"mappings[{number}]") for number, entry in enumerate(documents)]
    _refuse_twice([definition.name for definition in definitions], "mappings")
    return definitions


def _read_sets(documents: list[JSON]) -> list[SaidSet]:
    sets = [read_set(entry, f"sync_sets[{number}]") for number, entry in enumerate(documents)]
    _refuse_twice([said.name for said in sets], "sync_sets")
    return sets


def _refuse_twice(names: list[str], place: str) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise BadDocument(f"{place}[{number}].name", _("“%(name)s” stands here twice.") % {"name": name})


def _known_with(tables: list[tuple[Table, str]], definitions: list[Definition]) -> Known:
    """Return what there will be once the document is saved."""
    known = what_is_known()
    return replace(
        known,
        tables={**known.tables, **{table.name: table for table, _description in tables}},
        mappings={**known.mappings, **{d.name: (d.left, d.right) for d in definitions}},
    )


def _read_connection(document: JSON, place: str, environment: Mapping[str, str], report: Imported) -> tuple[str, Draft]:
    found = mapping_of(document, place, CONNECTION_KEYS, ("name", "connector"))
    name = text_of(found["name"], f"{place}.name")
    settings = {k: _plain(v, f"{place}.settings.{k}") for k, v in _object(found, "settings", place).items()}
    secrets = {
        k: _secret(v, f"{place}.secrets.{k}", environment, report) for k, v in _object(found, "secrets", place).items()
    }
    columns = {key: found[key] for key in COLUMNS if key in found}
    if "same_data" in found:
        columns["same_data"] = SAME_DATA if true_or_false(found["same_data"], f"{place}.same_data") else OTHER_CRM
    try:
        form = form_of(name, text_of(found["connector"], f"{place}.connector"), settings, secrets, columns=columns)
    except BadConnection as e:
        raise BadDocument(place, str(e)) from e
    writable = true_or_false(found["writable"], f"{place}.writable") if "writable" in found else None
    return name, Draft(form, writable, Connection.objects.filter(name=name).first())


def _object(found: dict[str, Any], key: str, place: str) -> dict[str, JSON]:
    value = found.get(key) or {}
    if not isinstance(value, dict):
        raise BadDocument(f"{place}.{key}", _("expected an object."))
    return value


def _plain(value: JSON, place: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        raise BadDocument(place, _("expected text."))
    return "" if value is None else str(value)


def _secret(value: JSON, place: str, environment: Mapping[str, str], report: Imported) -> str:
    text = _plain(value, place)
    if not text.startswith("env:"):
        report.warnings.append(_("%(place)s stands readably in the file; “env:NAME” is safer.") % {"place": place})
        return text
    name = text.removeprefix("env:")
    if not environment.get(name):
        raise BadDocument(place, _("the environment has no variable %(name)s, or it is empty.") % {"name": name})
    return environment[name]


def _check_mapping(
    definition: Definition, place: str, drafts: dict[str, Draft], known: Known, report: Imported
) -> None:
    sides: tuple[tuple[SideName, Side], ...] = (("left", definition.left), ("right", definition.right))
    schemas = {name: _schema(side, f"{place}.{name}", drafts) for name, side in sides}
    for finding in check(definition, schemas, known):
        if finding.level == "error":
            raise BadDocument(f"{place}.{finding.place}", translated(finding.text))
        report.warnings.append(f"{place}.{finding.place}: {translated(finding.text)}")


def _schema(side: Side, place: str, drafts: dict[str, Draft]) -> ModuleSchema:
    draft = drafts.get(side.connection)
    stored = draft.stored if draft else Connection.objects.filter(name=side.connection).first()
    if draft is None and stored is None:
        raise BadDocument(f"{place}.connection", _("there is no connection “%(name)s”.") % {"name": side.connection})
    try:
        if draft is None or not draft.is_new_access:
            assert stored is not None
            return module_schema(stored, side.module)
        with open_draft(draft.form.instance, draft.form.secrets) as crm:
            return with_owner(crm.describe(side.module), draft.form.instance.settings)
    except ConnectorError as e:
        where = _("“%(connection)s” could not describe “%(module)s”: %(why)s")
        words = {"connection": side.connection, "module": side.module, "why": translated(e)}
        raise BadDocument(place, where % words) from e


def _save_all(
    drafts: dict[str, Draft],
    tables: list[tuple[Table, str]],
    definitions: list[Definition],
    sets: list[SaidSet],
    report: Imported,
    actor: str,
) -> None:
    with transaction.atomic():
        for name, draft in drafts.items():
            report.connections[name] = _save_connection(name, draft, actor)
        for table, description in tables:
            row = ValueTable.objects.filter(name=table.name).first()
            report.value_tables[table.name] = save_table(row, table, description, actor=actor)[1]
        _save_heads(definitions)
        for definition in definitions:
            report.mappings[definition.name] = _save_mapping(definition, actor)
        for number, said in enumerate(sets):
            report.sync_sets[said.name] = _save_set(said, f"sync_sets[{number}]", actor)


def _save_connection(name: str, draft: Draft, actor: str) -> str:
    connection, deed = draft.stored, "unchanged"
    if connection is None or draft.form.differing(connection):
        deed = "updated" if connection else "created"
        try:
            connection = save(draft.form, actor=actor)
        except InUse as e:
            raise BadDocument(f"connections.{name}", str(e)) from e
    if draft.writable is not None and draft.writable != connection.writable:
        allow_writing(connection, draft.writable)
        deed = "updated" if deed == "unchanged" else deed
    return deed


def _save_heads(definitions: list[Definition]) -> None:
    try:
        save_heads(definitions)
    except NameTaken as e:
        raise BadDocument("mappings", str(e)) from e


def _save_set(said: SaidSet, place: str, actor: str) -> str:
    try:
        return save_set(SyncSet.objects.filter(name=said.name).first(), said, actor=actor)[1]
    except BadSet as e:
        raise BadDocument(f"{place}.{e.field}", str(e)) from e


def _save_mapping(definition: Definition, actor: str) -> str:
    before = MappingRow.objects.get(name=definition.name)  # its head is there by now
    if says(before, definition):
        return "unchanged"  # also where a draft says something else: that stays one
    saved = save_mapping(definition, user=None, actor=actor, note="import")
    write.audit(None, "save mapping", saved, {"version": saved.version}, actor=actor)
    return "updated" if before.is_live else "created"
