"""What a CRM last said its modules and fields are, kept as JSON. The rule: a kept description serves while it is fresh,
and longer when the CRM cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from connectors import connector_class
from connectors.base import DEFAULT_OWNER, Connector
from connectors.errors import ConfigError, QueryError, RetryLater
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.wording import Text, text
from portal.connections.access import open_connector
from portal.connections.models import Connection, KnownSchema
from portal.connections.schema_diff import SchemaChange, compare, completed, is_whole
from portal.ui.wording import translated

FORMAT = 2  # of the document; another one is asked for anew
DAY = timedelta(hours=24)
WORDS = ("label", "help")  # what a connector may say of a field in words of its own
MODULES = ""  # the name under which the list of modules is kept
GONE: JSON = {"format": FORMAT, "gone": True}  # kept of a module that is there no more: no description
T = TypeVar("T")
# Told of a module, outside of any transaction, when its description was read anew and something about it is not over: apps
# above see what it breaks.
after_change: list[Callable[[Connection, str], None]] = []


@dataclass(frozen=True, slots=True)
class Drift:
    """What is different in a module since all was well. `after` None: the module is gone. `number` grows with each answer
    that was different; `doubted`: how many fields an answer held that was not believed; `notes` are the apps' above."""

    before: ModuleSchema
    after: ModuleSchema | None
    number: int
    doubted: int | None
    notes: Mapping[str, JSON]

    @property
    def changes(self) -> list[SchemaChange]:
        """Return what changed; what is kept is believed."""
        return compare(self.before, self.after, believed=True)


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
    return _read(row and row.document, modules_from_json) or []


def kept_schema(connection: Connection, module: str) -> ModuleSchema | None:
    """Return the module's fields as last told, however old; None when never, or when it is there no more. Asks no CRM."""
    row = KnownSchema.objects.filter(connection=connection, module=module).first()
    schema = _read(row and row.document, schema_from_json)
    return with_owner(schema, connection.settings) if schema else None


def refresh(connection: Connection, module: str, crm: Connector, *, believed: bool = False) -> ModuleSchema:
    """Ask the CRM for the module's fields, keep and return them; what was kept, where the answer is too short to be believed.
    Raises QueryError for a module that is not there, which is kept too of one that was."""
    try:
        told = crm.describe(module)
    except QueryError:
        if _is_gone(connection, module, crm):
            keep(connection, module, None)
        raise
    return keep(connection, module, told, believed=believed) or told


def _is_gone(connection: Connection, module: str, crm: Connector) -> bool:
    """Say whether a module that was there is gone for certain: the CRM lists others, and this one not."""
    if not KnownSchema.objects.filter(connection=connection, module=module).exists():
        return False  # a name that was typed wrongly
    listed = {found.name for found in refresh_modules(connection, crm)}
    return bool(listed) and module not in listed


def keep(
    connection: Connection, module: str, told: ModuleSchema | None, *, believed: bool = False
) -> ModuleSchema | None:
    """Keep what the CRM told of a module (None: that it is gone) and what it was before, if that differs; return what is kept.
    An answer that lacks most of the fields is kept only if a person `believed` it. Asks no CRM."""
    document = _document(told)
    which = {"connection": connection, "module": module}
    with transaction.atomic():
        rows = KnownSchema.objects.select_for_update()
        row, is_new = rows.get_or_create(**which, defaults={"document": document, "read_at": timezone.now()})
        matters = is_new or _is_open(row)  # where all was forgotten, so are its problems
        _take(row, told, believed)
        row.read_at = timezone.now()
        row.save()
    if matters or _is_open(row):
        for tell in after_change:
            tell(connection, module)
    return _read(row.document, schema_from_json)


def drift_of(connection: Connection, module: str, *, lock: bool = False) -> Drift | None:
    """Return what is different in the module and not over yet. `lock`: nobody else changes it in this transaction."""
    rows = KnownSchema.objects.select_for_update() if lock else KnownSchema.objects.all()
    row = rows.filter(connection=connection, module=module).first()
    if row is None or not _is_open(row):
        return None
    before, after = _read(row.former or row.document, schema_from_json), _read(row.document, schema_from_json)
    if before is None:  # an older portal kept it differently
        return None
    return Drift(before, after, row.changes, row.doubted, row.notes)


def unsettled_modules(connection: Connection) -> list[str]:
    """Return the modules in which something is different and not over yet."""
    rows = KnownSchema.objects.filter(connection=connection)
    return [row.module for row in rows.only("module", "former", "doubted") if _is_open(row)]


def note_drift(connection: Connection, module: str, notes: Mapping[str, JSON] | None) -> None:
    """Keep how far the apps above are with what changed; None: it is over, the module is well as it is now."""
    said: dict[str, JSON] = {"former": None, "notes": {}} if notes is None else {"notes": dict(notes)}
    KnownSchema.objects.filter(connection=connection, module=module).update(**said)


def _is_open(row: KnownSchema) -> bool:
    return row.former is not None or row.doubted is not None


def _take(row: KnownSchema, told: ModuleSchema | None, believed: bool) -> None:
    """Put the answer into the row, unless it lacks most of what there was."""
    old, former = _read(row.document, schema_from_json), _read(row.former, schema_from_json)
    reference = old or former
    if told and reference and not believed:
        if not connector_class(row.connection.connector).capabilities.describes_itself:
            told = completed(reference, told)
        elif not is_whole(reference, told):
            row.doubted = len(told.fields)
            return
    row.doubted = None
    row.former = row.former if former else None
    if reference and (told is not None if old is None else compare(old, told, believed=True)):
        row.changes += 1
        row.former = row.former or row.document
    row.document = _document(told)


def _document(told: ModuleSchema | None) -> JSON:
    return GONE if told is None else schema_to_json(told)


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
    _mark_ours(document["fields"], schema.fields)
    return document


def _mark_ours(documents: list[JSON], fields: Sequence[FieldSchema]) -> None:
    for kept, field in zip(documents, fields, strict=True):
        if ours := [name for name in WORDS if isinstance(getattr(field, name), Text)]:
            kept["ours"] = ours
        _mark_ours(kept["lines"], field.lines)


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
            "lines": tuple(_field(line) for line in document["lines"]),
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
    kept = _read(row and row.document, read)
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


def _read(document: JSON, read: Callable[[JSON], T]) -> T | None:
    """Return what is kept; None for nothing, for a module that is gone, or for what an older portal kept differently."""
    try:
        return None if document is None else read(document)
    except (KeyError, TypeError, ValueError):
        return None


def _keep(connection: Connection, module: str, document: JSON) -> None:
    KnownSchema.objects.update_or_create(
        connection=connection, module=module, defaults={"document": document, "read_at": timezone.now()}
    )
