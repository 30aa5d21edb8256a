"""From GetModuleFields to our schema. The rule: fields and types as the server tells them; names and types that are known of
this vendor only say what a type leaves open: which field holds an id, and which only shows a name beside it.

Facts §1.4: the answer is an object by name or a list; `required` may be missing; `options` is an empty list, an object
value -> label, or a list of objects; `related_module` and `id_name` tell where a field points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from connectors.errors import ProtocolError
from connectors.sarvcrm.modules import USERS, module
from connectors.spelling import canonical_boolean
from connectors.types import JSON, TEXT_TYPES, Choice, FieldSchema, FieldType, ModuleSchema
from connectors.values import is_secret_field
from connectors.wording import text as _

MODIFIED, CREATED, OWNER = "date_modified", "date_entered", "assigned_user_id"
NUMBERS, ITEMS = "numbers", "line_items"
OF_NUMBERS = frozenset(  # what the server derives from `numbers`; given by themselves they would be lost
    {"primary_number", "primary_number_country_code", "primary_number_raw", "sms_number", "fax_number"}
)
READ_ONLY = frozenset(
    {"id", "deleted", CREATED, MODIFIED, "created_by", "created_by_name", "modified_user_id", "modified_by_name"}
)
OWNERS = frozenset({OWNER, "created_by", "modified_user_id"})
TYPES: dict[str, FieldType] = {  # all names seen (facts §1.4), and a few this family of servers has besides
    **dict.fromkeys(("base", "char", "function", "fullname", "linkable", "name", "tree", "varchar"), FieldType.TEXT),
    **dict.fromkeys(("assigned_user_name", "durationcombo", "parent", "parent_type", "relate"), FieldType.TEXT),
    **dict.fromkeys(("int", "integer"), FieldType.INTEGER),
    **dict.fromkeys(("bool", "boolean", "tinyinit", "tinyint"), FieldType.BOOLEAN),
    **dict.fromkeys(("datetime", "datetimecombo"), FieldType.DATETIME),
    **dict.fromkeys(("decimal", "double", "float"), FieldType.DECIMAL),
    "currency": FieldType.MONEY,
    "date": FieldType.DATE,
    "email": FieldType.EMAIL,
    "enum": FieldType.CHOICE,
    "file": FieldType.FILE,
    "id": FieldType.REFERENCE,
    "multienum": FieldType.MULTICHOICE,
    "numbers": FieldType.LINES,
    "phone": FieldType.PHONE,
    "text": FieldType.LONGTEXT,
    "time": FieldType.TIME,
    "url": FieldType.URL,
}
LABELLED_BY = (("name",), ("full_name",), ("first_name", "last_name"), ("last_name",), ("subject",))
# Types whose fields may be columns of the module's own table; those of the others are put together from elsewhere. Which of
# these are none after all (e-mail addresses and custom fields often have tables of their own) the server's refusal tells.
COLUMN_TYPES = frozenset(
    [
        "bool",
        "boolean",
        "char",
        "currency",
        "date",
        "datetime",
        "datetimecombo",
        "decimal",
        "double",
        "email",
        "enum",
        "float",
        "linkable",
        "id",
        "int",
        "integer",
        "multienum",
        "name",
        "parent_type",
        "phone",
        "text",
        "time",
        "tinyinit",
        "tinyint",
        "tree",
        "url",
        "varchar",
    ]
)
Spec = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Relation:
    """A field behind which records of another module stand. `many` says that it is a relation and holds no value of its own;
    else `holder` is the field that holds the id of the one record."""

    field: str
    module: str
    many: bool
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """A module as the server describes it: our schema, the fields that are columns, and those that lead elsewhere."""

    schema: ModuleSchema
    columns: frozenset[str]
    relations: tuple[Relation, ...]


def described(key: str, told: JSON, language: str) -> Described:
    """Return what an answer to GetModuleFields says. Raises ProtocolError for one without fields."""
    specs = {name: spec for name, spec in entries(told) if not is_secret_field(name)}
    if not specs:
        raise ProtocolError(_("SarvCRM's fields of %(name)s are not in a form this portal can read.", name=key))
    specs = specs if "id" in specs else {"id": {"type": "id"}, **specs}
    pointers, shown = pointed(specs)
    derived = OF_NUMBERS if NUMBERS in specs else frozenset()
    fields = tuple(field_schema(name, spec, pointers, shown | derived & {*specs}) for name, spec in specs.items())
    relations = tuple(relation for name, spec in specs.items() if (relation := relation_of(name, spec)))
    return Described(assembled(key, fields, language), columns(specs, pointers, shown), relations)


def assembled(key: str, fields: tuple[FieldSchema, ...], language: str) -> ModuleSchema:
    """Return the schema of these fields."""
    names = {field.name for field in fields}
    label_fields = next((group for group in LABELLED_BY if names.issuperset(group)), ())

    def own(name: str) -> str | None:
        return name if name in names else None

    return ModuleSchema(module(key, language), fields, label_fields, own(MODIFIED), own(CREATED), own(OWNER))


def entries(told: JSON) -> Iterator[tuple[str, Spec]]:
    """Yield (name, properties) from an object by name or from a list of objects."""
    if isinstance(told, Mapping):
        for name, spec in told.items():
            if isinstance(spec, Mapping):
                yield str(spec.get("name") or name), spec
        return
    for spec in told if isinstance(told, list) else []:
        if isinstance(spec, Mapping) and spec.get("name"):
            yield str(spec["name"]), spec


def pointed(specs: Mapping[str, Spec]) -> tuple[dict[str, str], set[str]]:
    """Return {field that holds an id: module it leads to}, and the fields that only show a name beside such a field."""
    pointers: dict[str, str] = {}
    shown: set[str] = set()
    for name, spec in specs.items():
        holder, other = str(spec.get("id_name") or ""), str(spec.get("related_module") or "")
        if holder and holder != name:
            shown.add(name)
            if holder in specs and (other or holder not in pointers):
                pointers[holder] = other
        elif other and kind_of(spec) == "id" and name != "id":
            pointers[name] = other
    return pointers, shown


def field_schema(name: str, spec: Spec, pointers: Mapping[str, str], shown: set[str]) -> FieldSchema:
    """Return one field from its properties."""
    kind = field_type(name, spec, pointers, shown)
    read_only = name in READ_ONLY or name in shown or kind_of(spec) in ("function", "fullname") or is_relation(spec)
    read_only = read_only or (flag(spec.get("calculated")) and name not in (NUMBERS, ITEMS))
    refers_to = (USERS,) if name in OWNERS else (pointers[name],) if pointers.get(name) else ()
    return FieldSchema(
        name,
        str(spec.get("label") or name.replace("_", " ").capitalize()),
        kind,
        required=flag(spec.get("required")) and not read_only,
        editable=not read_only,
        choices=choices(spec.get("options")) if kind in (FieldType.CHOICE, FieldType.MULTICHOICE) else (),
        refers_to=refers_to if kind in (FieldType.REFERENCE, FieldType.OWNER) else (),
        max_length=length(spec.get("len")) if kind in TEXT_TYPES - {FieldType.LONGTEXT} else None,
        default=str(spec["default_value"]) if spec.get("default_value") not in (None, "") else None,
        section=group(spec.get("group")),
        wire_type=kind_of(spec),
    )


def field_type(name: str, spec: Spec, pointers: Mapping[str, str], shown: set[str]) -> FieldType:
    """Return the type of a field; see the module's rule. A type nobody has seen is text."""
    if name == "id":
        return FieldType.ID
    if name in OWNERS:
        return FieldType.OWNER
    if name in (NUMBERS, ITEMS) or is_relation(spec):
        return FieldType.LINES if name == NUMBERS else FieldType.JSON  # the form of line items is documented nowhere
    if name in shown:
        return FieldType.PHONE if kind_of(spec) == "phone" else FieldType.TEXT
    if name in pointers:
        return FieldType.REFERENCE
    told = TYPES.get(kind_of(spec), FieldType.TEXT)
    return FieldType.CHOICE if kind_of(spec) == "parent_type" and choices(spec.get("options")) else told


def columns(specs: Mapping[str, Spec], pointers: Mapping[str, str], shown: set[str]) -> frozenset[str]:
    """Return the fields that queries may name; see COLUMN_TYPES."""
    sure = {name for name, spec in specs.items() if kind_of(spec) in COLUMN_TYPES or name in pointers or name in OWNERS}
    return frozenset(sure - shown - {NUMBERS, ITEMS}) | {"id"}


def relation_of(name: str, spec: Spec) -> Relation | None:
    """Return where a field leads, None for one that leads nowhere."""
    other = str(spec.get("related_module") or "")
    many = is_relation(spec) and name not in OWNERS
    return Relation(name, other, many, "" if many else str(spec.get("id_name") or name)) if other else None


def is_relation(spec: Spec) -> bool:
    """Say whether a field is a relation to any number of records: it has no other field that holds one id."""
    told = kind_of(spec)
    return told == "link" or (told == "relate" and bool(spec.get("related_module")) and not spec.get("id_name"))


def choices(told: JSON) -> tuple[Choice, ...]:
    """Return the entries of a list in any of its three shapes: [], {value: label}, [{value, label}] or [{value: label}]."""
    found: dict[str, str] = {}
    if isinstance(told, Mapping):
        found = {str(value): str(label) for value, label in told.items()}
    for item in told if isinstance(told, list) else []:
        if isinstance(item, Mapping):
            value = next((item[key] for key in ("value", "key", "name", "id") if item.get(key) is not None), None)
            label = next((item[key] for key in ("label", "text", "title") if item.get(key) is not None), value)
            found |= {str(k): str(v) for k, v in item.items()} if value is None else {str(value): str(label)}
        elif item is not None:
            found[str(item)] = str(item)
    return tuple(Choice(value, label or value) for value, label in found.items() if value != "")


def kind_of(spec: Spec) -> str:
    """Return the vendor's name of the field's type, lower case."""
    return str(spec.get("type") or "").strip().lower()


def flag(value: JSON) -> bool:
    """Return the truth of a property, however it is spelled; anything else is no."""
    try:
        return value is not None and canonical_boolean(value)
    except ValueError:
        return False


def length(told: JSON) -> int | None:
    """Return the largest number of characters, None when it is not told."""
    text = str(told)
    return int(text) if text.isascii() and text.isdecimal() and int(text) > 0 else None


def group(told: JSON) -> str:
    """Return the block a field stands in, "" when it is not told as a text."""
    return told if isinstance(told, str) else ""


# What is kept of a description, so that a later process need not ask again: the type of each field, and what it may be asked


def kept(own: Described, ignored: Set[str]) -> JSON:
    """Return the description as a small object: {name: [type, vendor's type, is it a column]}; 0 for an ignored field."""
    told: dict[str, JSON] = dict.fromkeys(sorted(ignored), 0)
    return told | {f.name: [f.type.value, f.wire_type, f.name in own.columns] for f in own.schema.fields}


def remembered(key: str, learned: Mapping[str, JSON], language: str) -> tuple[Described | None, frozenset[str]]:
    """Return the description out of that object, without labels and choices, and the ignored fields; None for nothing."""
    ignored = frozenset(name for name, told in learned.items() if not told)
    try:
        fields = [
            FieldSchema(n, n, FieldType(t[0]), wire_type=str(t[1])) for n, t in learned.items() if n not in ignored
        ]
        asked = frozenset(name for name, told in learned.items() if told and told[2])
    except (TypeError, LookupError, ValueError):  # kept by another version
        return None, frozenset()
    return (Described(assembled(key, tuple(fields), language), asked, ()) if fields else None), ignored
