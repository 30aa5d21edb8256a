"""Reads a module's pick lists anew after something was added to them from here. The rule: what we added ourselves is no change that
anybody has to look at."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from connectors.base import Connector
from connectors.types import JSON, ModuleSchema
from portal.connections.models import Connection, KnownSchema
from portal.connections.schema import keep


def read_list(
    connection: Connection, module: str, crm: Connector, added: Iterable[tuple[str, str]] = ()
) -> ModuleSchema:
    """Ask the CRM for the module's fields, keep and return them. `added`: field and entry, as we added them. Raises as `refresh`."""
    told = crm.describe(module)
    ours = [(name, value) for name, value in added if _is_listed(told, name, value)]
    if ours:
        _expect(connection, module, told, ours)
    return keep(connection, module, told) or told


def _is_listed(told: ModuleSchema, name: str, value: str) -> bool:
    field = told.field(name)
    return field is not None and any(choice.value == value for choice in field.choices)


def _expect(connection: Connection, module: str, told: ModuleSchema, ours: list[tuple[str, str]]) -> None:
    """Put the entries into what is kept, so that they are nothing new in what the CRM tells."""
    with transaction.atomic():
        row = KnownSchema.objects.select_for_update().filter(connection=connection, module=module).first()
        if row is None:
            return
        for document in (row.document, row.former):
            for field in document.get("fields", ()) if document else ():
                field["choices"] += _lacking(field, told, ours)
        row.save(update_fields=["document", "former"])


def _lacking(field: JSON, told: ModuleSchema, ours: list[tuple[str, str]]) -> list[JSON]:
    listed = {choice["value"] for choice in field["choices"]}
    wanted = {value for name, value in ours if name == field["name"]} - listed
    found = told.field(field["name"]) if wanted and listed else None
    return [{"value": c.value, "label": c.label} for c in found.choices if c.value in wanted] if found else []
