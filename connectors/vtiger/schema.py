"""From what `describe` tells to our schema. The rule: fields and types as the server tells them, never from a list here;
password-like fields are left out altogether."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.values import is_secret_field
from connectors.vtiger import inventory
from connectors.vtiger.codec import VtigerCodec
from connectors.wording import text as _

TYPES = {
    "string": FieldType.TEXT,
    "text": FieldType.LONGTEXT,
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "integer": FieldType.INTEGER,
    "double": FieldType.DECIMAL,
    "decimal": FieldType.DECIMAL,
    "currency": FieldType.MONEY,
    "percentage": FieldType.PERCENT,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "time": FieldType.TIME,
    "datetime": FieldType.DATETIME,
    "picklist": FieldType.CHOICE,
    "multipicklist": FieldType.MULTICHOICE,
    "reference": FieldType.REFERENCE,
    "owner": FieldType.OWNER,
    "image": FieldType.FILE,
    "file": FieldType.FILE,
    "metaimage": FieldType.FILE,
    "69": FieldType.FILE,
}  # what is not here (skype, salutation, recurrence …) is text
MODIFIED, CREATED, OWNER = "modifiedtime", "createdtime", "assigned_user_id"
DEFAULTS = {"Calendar": {"activitytype": "Task"}}  # a task created without it is never found by a query (D16)
OWNER_HELP = _("When nothing is given for a new record, the user of this connection becomes its owner.")


@dataclass(frozen=True, slots=True)
class Described:
    """A module as the server describes it: our schema, and the first part of its ids ("12")."""

    schema: ModuleSchema
    prefix: str

    def owns(self, id: str) -> bool:
        """Say whether that id can be one of the module's."""
        return not self.prefix or id.partition("x")[0] == self.prefix


def listed(name: str, told: Mapping[str, JSON]) -> Module:
    """Return what `listtypes` says of a module; what is no entity (Groups, Currency) can only be read."""
    entity = str(told.get("isEntity", True)).lower() in ("1", "true")
    label, singular = str(told.get("label") or name), str(told.get("singular") or "")
    return Module(name, label, singular, creatable=entity, updatable=entity, deletable=entity)


def described(
    told: dict[str, JSON], codec: VtigerCodec, user_id: str, of_a_line: Sequence[dict[str, JSON]] = ()
) -> Described:
    """Return what a `describe` answer says; `of_a_line` is what one says of the fields of a line."""
    name = str(told["name"])
    fields = [field_schema(field, codec) for field in told.get("fields") or [] if not is_secret(field)]
    fields = [_with_default(name, field, user_id) for field in fields]
    fields = inventory.with_lines(name, fields, [field_schema(field, codec) for field in of_a_line])
    module = Module(
        name,
        str(told.get("label") or name),
        creatable=bool(told.get("createable", True)),
        updatable=bool(told.get("updateable", True)),
        deletable=bool(told.get("deleteable", True)),
        readable=bool(told.get("retrieveable", True)),
    )
    return Described(assembled(module, fields, label_fields(told.get("labelFields"))), str(told.get("idPrefix") or ""))


def assembled(module: Module, fields: Sequence[FieldSchema], named_by: Sequence[str] = ()) -> ModuleSchema:
    """Return the schema of these fields; `named_by` are those that name a record."""
    names = {field.name for field in fields}
    return ModuleSchema(
        module,
        tuple(fields),
        label_fields=tuple(part for part in named_by if part in names),
        modified_field=MODIFIED if MODIFIED in names else None,
        created_field=CREATED if CREATED in names else None,
        owner_field=OWNER if OWNER in names else None,
    )


def field_schema(told: dict[str, JSON], codec: VtigerCodec) -> FieldSchema:
    """Return one field of a `describe` answer."""
    kind = told.get("type") or {}
    wire_type = str(kind.get("name") or "string")
    name = str(told["name"])
    type = FieldType.ID if name == "id" else TYPES.get(wire_type, FieldType.TEXT)
    field = FieldSchema(
        name,
        str(told.get("label") or name),
        type,
        required=bool(told.get("mandatory")) and bool(told.get("editable")),
        editable=bool(told.get("editable")) and type not in (FieldType.ID, FieldType.FILE),
        choices=tuple(
            Choice(str(choice.get("value")), str(choice.get("label") or choice.get("value")))
            for choice in kind.get("picklistValues") or []
        ),
        refers_to=tuple(str(module) for module in kind.get("refersTo") or []),
        unique=bool(told.get("isunique")),
        wire_type=wire_type,
    )
    return with_default(field, codec.decode(field, told.get("default")))


def with_default(field: FieldSchema, default: JSON, *, required: bool | None = None, help: str = "") -> FieldSchema:
    """Return the field with that default; `required` None leaves it as it was."""
    if default is None:
        return field
    return replace(field, default=default, required=field.required if required is None else required, help=help)


def _with_default(module: str, field: FieldSchema, user_id: str) -> FieldSchema:
    """Return the field with what `create` fills in for it; then nobody else has to."""
    if field.name == OWNER and user_id:
        return with_default(field, user_id, required=False, help=OWNER_HELP)
    return with_default(field, DEFAULTS.get(module, {}).get(field.name), required=False)


def is_secret(told: dict[str, JSON]) -> bool:
    """Say whether a described field holds a password or a key (B13)."""
    return (told.get("type") or {}).get("name") == "password" or is_secret_field(str(told["name"]))


def label_fields(told: JSON) -> list[str]:
    """Return the names in `labelFields`, which is a list or "firstname,lastname"."""
    parts = told if isinstance(told, list) else str(told or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]
