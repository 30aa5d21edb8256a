"""What a CRM last said its modules and fields are, kept as JSON. The rule: a kept description serves while it is fresh,
and longer when the CRM cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TypeVar

from django.utils import timezone

from connectors.base import DEFAULT_OWNER, Connector
from connectors.errors import ConfigError, RetryLater
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.wording import Text, text
from portal.connections.access import open_connector
from portal.connections.models import Connection, KnownSchema
from portal.ui.wording import translated

FORMAT = 1  # of the document; another one is asked for anew
DAY = timedelta(hours=24)
WORDS = ("label", "help")  # what a connector may say of a field in words of its own
MODULES = ""  # the name under which the list of modules is kept
T = TypeVar("T")


def module_schema(
    connection: Connection, module: str, *, crm: Connector | None = None, max_age: timedelta = DAY
) -> ModuleSchema:
    """Return the module's fields, asked for again when older than `max_age`. Raises QueryError for a module that does not
    exist, and whatever stops the asking while none are kept. The owner's default is the connection's."""
    return with_owner(_known(connection, module, crm, max_age, schema_from_json, refresh), connection.settings)


def with_owner(schema: ModuleSchema, settings: Mapping[str, str]) -> ModuleSchema:
    """Return the schema whose owner field has the default that the connection's settings name."""
    owner = settings.get(DEFAULT_OWNER.name)
    if not owner or schema.owner_field is None:
        return schema
    fields = [replace(f, default=owner) if f.name == schema.owner_field else f for f in schema.fields]
    return replace(schema, fields=tuple(fields))


def modules(connection: Connection, *, crm: Connector | None = None, max_age: timedelta = DAY) -> list[Module]:
    """Return the modules this account may read, in the vendor's order. Raises as `module_schema`."""
    return _known(connection, MODULES, crm, max_age, modules_from_json, lambda c, _, crm: refresh_modules(c, crm))


def kept_modules(connection: Connection) -> list[Module]:
    """Return the modules as last told, however old; empty when never. Asks no CRM."""
    row = KnownSchema.objects.filter(connection=connection, module=MODULES).first()
    return _read(row, modules_from_json) or []


def refresh(connection: Connection, module: str, crm: Connector) -> ModuleSchema:
    """Ask the CRM for the module's fields, keep and return them."""
    document = schema_to_json(crm.describe(module))
    _keep(connection, module, document)
    return schema_from_json(document)


def refresh_modules(connection: Connection, crm: Connector) -> list[Module]:
    """Ask the CRM for its modules, keep and return them."""
    found = crm.modules()
    keep_modules(connection, found)
    return found


def keep_modules(connection: Connection, found: list[Module]) -> None:
    """Keep a list of modules that came by the way (a test of the connection brings one)."""
    _keep(connection, MODULES, {"format": FORMAT, "modules": [asdict(module) for module in found]})


def schema_to_json(schema: ModuleSchema) -> JSON:
    """Return the description as a JSON document. `ours` names what of a field are our words, not the CRM's."""
    document = {"format": FORMAT, **asdict(schema)}
    for kept, field in zip(document["fields"], schema.fields, strict=True):
        if ours := [name for name in WORDS if isinstance(getattr(field, name), Text)]:
            kept["ours"] = ours
    return document


def schema_from_json(document: JSON) -> ModuleSchema:
    """Return the description again, our words in the language now active. Raises KeyError, TypeError, ValueError for a
    document of another format."""
    _check(document)
    return ModuleSchema(
        module=Module(**document["module"]),
        fields=tuple(_field(field) for field in document["fields"]),
        label_fields=tuple(document["label_fields"]),
        modified_field=document["modified_field"],
        created_field=document["created_field"],
        owner_field=document["owner_field"],
    )


def modules_from_json(document: JSON) -> list[Module]:
    """Return the modules again. Raises as `schema_from_json`."""
    _check(document)
    return [Module(**module) for module in document["modules"]]


def _check(document: JSON) -> None:
    if document.get("format") != FORMAT:
        raise ValueError("a description of another format")


def _field(document: JSON) -> FieldSchema:
    kept = {name: value for name, value in document.items() if name != "ours"}
    return FieldSchema(
        **{
            **kept,
            **{name: translated(text(kept[name])) for name in document.get("ours", ())},
            "type": FieldType(document["type"]),
            "choices": tuple(Choice(**choice) for choice in document["choices"]),
            "refers_to": tuple(document["refers_to"]),
        }
    )


def _known(
    connection: Connection,
    module: str,
    crm: Connector | None,
    max_age: timedelta,
    read: Callable[[JSON], T],
    ask: Callable[[Connection, str, Connector], T],
) -> T:
    row = KnownSchema.objects.filter(connection=connection, module=module).first()
    kept = _read(row, read)
    if kept is not None and row is not None and timezone.now() - row.read_at <= max_age:
        return kept
    opened: AbstractContextManager[Connector] = (
        nullcontext(crm) if crm is not None else open_connector(connection, purpose="person")
    )
    try:
        with opened as asked:
            return ask(connection, module, asked)
    except (RetryLater, ConfigError):
        if kept is None:
            raise
        return kept


def _read(row: KnownSchema | None, read: Callable[[JSON], T]) -> T | None:
    """Return what is kept; None for nothing, or for what an older portal kept differently."""
    try:
        return None if row is None else read(row.document)
    except (KeyError, TypeError, ValueError):
        return None


def _keep(connection: Connection, module: str, document: JSON) -> None:
    KnownSchema.objects.update_or_create(
        connection=connection, module=module, defaults={"document": document, "read_at": timezone.now()}
    )
