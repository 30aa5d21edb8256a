"""What a preview goes by, from what is kept alone: the newest version, the fields as last told, both mirrors. The rule: no
CRM is asked, and where something is missing or wrong that is said, not guessed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors import connector_class
from connectors.types import ModuleSchema
from portal.connections.models import Connection
from portal.connections.schema import kept_schema
from portal.mappings.check import check
from portal.mappings.compare import key_kinds
from portal.mappings.definition import Definition
from portal.mappings.known import appends_choices, what_is_known
from portal.mappings.means import means_of, tables_in
from portal.mappings.models import Mapping, MappingVersion, ValueTable
from portal.mappings.stored import definition_of, newest
from portal.mappings.transform import OTHER, Place, Side
from portal.records.models import Mirror
from portal.sync.cases import SIDES, Terms
from portal.sync.lists import barred
from portal.sync.planning import Planning, passes, place
from portal.sync.sets.references import circles_of
from portal.ui.wording import translated


@dataclass(frozen=True, slots=True)
class Unread:
    """A module of which there is no complete mirror yet."""

    connection: str
    module: str


class NotReady(Exception):
    """There can be no preview as it is. `reasons` say why; `unread` are the modules that have to be read first."""

    def __init__(self, reasons: list[str], unread: list[Unread] | None = None) -> None:
        self.reasons, self.unread = reasons, unread or []
        super().__init__(" ".join(reasons))


def planning_of(mapping: Mapping, number: int | None = None) -> Planning:
    """Return what planning the mapping's newest version needs, or the one of that number. Raises NotReady."""
    connections: dict[Side, Connection] = {"left": mapping.left_connection, "right": mapping.right_connection}
    definition = _definition(mapping, newest(mapping) if number is None else number)
    schemas = _schemas(mapping, connections)
    _refuse_wrong(definition, schemas)
    mirrors = _mirrors(mapping, connections)
    places = {side: _place(schemas[side], connections[side]) for side in SIDES}
    known = circles_of(mapping, definition)
    means = replace(means_of(definition, places), barred=barred(mapping))
    terms = Terms(definition, means, timezone.now().isoformat(), _swept(connections))
    return Planning(
        mapping=mapping,
        terms=replace(terms, circles=known.circles, stuck=known.stuck),
        kinds=key_kinds(definition.match, places),
        passes={side: passes(getattr(definition, side).filter, places[side]) for side in SIDES},
        connections=connections,
        mirrors=mirrors,
    )


def sources(known: Planning) -> list[Side]:
    """Return the sides whose records become something on the other one, left first."""
    return [side for side in SIDES if known.terms.writes(OTHER[side])]


def ages(mapping: Mapping) -> dict[Side, Mirror | None]:
    """Return both mirrors, as far as there are any: what a preview shows is as old as they are."""
    return {side: _mirror(*where) for side, where in _where(mapping).items()}


def stamp(mapping: Mapping) -> dict[str, Any]:
    """Return as of what a preview is made: what changes with everything it depends on but time, as JSON."""
    mirrors = ages(mapping)
    return {
        "version": newest(mapping),
        "saved": _saved(mapping),
        "mirrors": {side: [m.pk, m.version] if (m := mirrors[side]) else None for side in SIDES},
        "tables": _tables(mapping),
    }


def _saved(mapping: Mapping) -> str:
    """Return when the newest version was saved: a draft that was dropped leaves its number to the next."""
    at = mapping.versions.values_list("saved_at", flat=True).first()
    return at.isoformat() if at else ""


def _tables(mapping: Mapping) -> list[str]:
    try:
        names = tables_in(definition_of(mapping, newest(mapping)))
    except MappingVersion.DoesNotExist:
        return []
    return sorted(f"{t.uuid} {t.updated_at.isoformat()}" for t in ValueTable.objects.filter(Q(name__in=names)))


def _definition(mapping: Mapping, number: int) -> Definition:
    definition = definition_of(mapping, number) if number else None
    if definition is None or not definition.rules:
        raise NotReady([_("No rule says yet which field becomes which.")])
    return definition


def _schemas(mapping: Mapping, connections: dict[Side, Connection]) -> dict[Side, ModuleSchema]:
    kept = {side: kept_schema(connection, module) for side, (connection, module) in _where(mapping).items()}
    missing = [side for side in SIDES if kept[side] is None]
    if missing:
        raise NotReady(*_unread(mapping, missing))
    return {side: schema for side, schema in kept.items() if schema is not None}


def _refuse_wrong(definition: Definition, schemas: dict[Side, ModuleSchema]) -> None:
    errors = [f for f in check(definition, schemas, what_is_known()) if f.level == "error"]
    if errors:
        raise NotReady([translated(finding.text) for finding in errors])


def _mirrors(mapping: Mapping, connections: dict[Side, Connection]) -> dict[Side, Mirror]:
    found = ages(mapping)
    missing = [side for side in SIDES if (m := found[side]) is None or m.completed_at is None]
    if missing:
        raise NotReady(*_unread(mapping, missing))
    return {side: mirror for side, mirror in found.items() if mirror is not None}


def _unread(mapping: Mapping, sides: list[Side]) -> tuple[list[str], list[Unread]]:
    unread = [Unread(where[0].name, where[1]) for side, where in _where(mapping).items() if side in sides]
    text = _("%(module)s of %(connection)s has not been read yet.")
    return [text % {"module": u.module, "connection": u.connection} for u in unread], unread


def _where(mapping: Mapping) -> dict[Side, tuple[Connection, str]]:
    return {
        "left": (mapping.left_connection, mapping.left_module),
        "right": (mapping.right_connection, mapping.right_module),
    }


def _mirror(connection: Connection, module: str) -> Mirror | None:
    return Mirror.objects.select_related("connection").filter(connection=connection, module=module).first()


def _place(schema: ModuleSchema, connection: Connection) -> Place:
    return place(schema, _config(connection), appends=appends_choices(connection))


def _config(connection: Connection) -> dict[str, str]:
    """Return the settings with the connector's defaults, as the connector itself reads them, without opening one."""
    kind = connector_class(connection.connector)
    return {s.name: connection.settings.get(s.name) or s.default for s in kind.settings if not s.secret}


def _swept(connections: dict[Side, Connection]) -> frozenset[Side]:
    """A run that carries deletes over first looks for every record where the CRM does not tell: so it will be."""
    return frozenset(side for side in SIDES if not connector_class(connections[side].connector).capabilities.tells_gone)
