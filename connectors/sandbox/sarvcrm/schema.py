"""Fields and modules of the simulated SarvCRM, and what GetModuleFields tells of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.sarvcrm.labels import label
from connectors.sandbox.sarvcrm.modules import LINES

JSON = Any
TEXT = {"varchar": 255, "name": 255, "char": 20, "phone": 100, "enum": 100, "email": 255, "linkable": 255, "file": 255}
NO_COLUMN = frozenset(
    ("relate", "assigned_user_name", "fullname", "function", "base", "parent")
)  # computed by PHP, not kept
NO_OWNER = frozenset(("Communications", "Communications_Template", "ACLRoles"))  # facts §1.4
NUMBERS = "primary_number:phone primary_number_country_code:varchar primary_number_raw:phone sms_number:phone fax_number:phone"
PARENT = "parent_type:parent_type parent_id:id parent_name:parent"
BASE = (
    "id:varchar name:name created_by:id created_by_name:relate date_entered:datetime modified_user_id:id "
    "modified_by_name:relate date_modified:datetime deleted:bool description:text"
)
OWNER = "assigned_user_id:id assigned_user_name:assigned_user_name"
SYSTEM = frozenset(("id", "created_by", "date_entered", "modified_user_id", "date_modified", "deleted"))
NUMBER_FIELDS = frozenset(spec.partition(":")[0] for spec in NUMBERS.split())
USERS = {
    "created_by_name": "created_by",
    "modified_by_name": "modified_user_id",
    "assigned_user_name": "assigned_user_id",
}
_SPEC = re.compile(r"[@^]\w+|(\w+)([:>])(\w+)(\([^)]*\))?(!?)(=?)")


@dataclass(frozen=True, slots=True)
class Field:
    """`id_name` is the lookup's id beside a name, `target` the module it points to. A field without a column is computed."""

    name: str
    type: str
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str = ""
    id_name: str = ""
    target: str = ""

    @property
    def has_column(self) -> bool:
        return self.type not in NO_COLUMN or self.name == "line_items"

    @property
    def editable(self) -> bool:
        kept = self.has_column or self.name == "numbers"
        return kept and self.name not in SYSTEM | NUMBER_FIELDS


@dataclass(frozen=True, slots=True)
class Module:
    """`table` is what SQL calls it. `relations` are the names GetRelationship and SaveRelationships know, with their modules."""

    name: str
    labels: dict[str, str]
    fields: dict[str, Field]
    relations: dict[str, str]

    @property
    def table(self) -> str:
        odd = {"Vendors": "accounts", "ACLRoles": "acl_roles"}  # facts §1.3
        return odd.get(self.name, self.name.lower())

    @property
    def is_person(self) -> bool:
        return "full_name" in self.fields

    @property
    def has_numbers(self) -> bool:
        return "numbers" in self.fields


def _modules() -> dict[str, Module]:
    found = {}
    for line in LINES.strip().splitlines():
        name, persian, english, rest = (part.strip() for part in line.split("|"))
        specs, _, relations = rest.partition(" + ")
        own = [field for spec in _SPEC.finditer(specs) for field in _fields(spec)]
        base = [
            field
            for spec in _SPEC.finditer(BASE + ("" if name in NO_OWNER else f" {OWNER}"))
            for field in _fields(spec)
        ]
        fields = {field.name: field for field in (*base, *own)}
        if not {"full_name", "document_name"} & set(fields):
            fields["name"] = Field("name", "name", True)
        found[name] = Module(name, {"fa_IR": persian, "en_US": english}, fields, _relations(relations))
    return found


def _relations(text: str) -> dict[str, str]:
    return {name: target for name, _, target in (pair.partition(">") for pair in text.split())}


def _fields(spec: re.Match[str]) -> list[Field]:
    if spec[0] == "@numbers":
        return [Field("numbers", "base"), *(f for s in _SPEC.finditer(NUMBERS) for f in _fields(s))]
    if spec[0] == "^parent":
        return [f for s in _SPEC.finditer(PARENT) for f in _fields(s)]
    name, sign, kind, choices, required, preset = spec.groups()
    if sign == ">":
        return [
            Field(f"{name}_id", "id", target=kind),
            Field(f"{name}_name", "relate", id_name=f"{name}_id", target=kind),
        ]
    options = tuple(choices[1:-1].split(",")) if choices else ()
    if name in USERS:
        return [Field(name, kind, id_name=USERS[name], target="Users")]
    if name == "parent_name":
        return [Field(name, kind, id_name="parent_id")]
    target = "Users" if name in USERS.values() else ""
    return [Field(name, kind, bool(required), options, options[0] if preset else "", target=target)]


MODULES = _modules()


def described(module: Module, language: str, shape: str) -> dict[str, JSON]:
    """Return what GetModuleFields answers: fields by name, then the relations by theirs. `shape` see `options`."""
    told: dict[str, JSON] = {}
    for place, field in enumerate(module.fields.values()):
        length = TEXT.get(field.type)
        told[field.name] = {
            "name": field.name,
            "type": field.type,
            "required": int(field.required),
            "label": label(field.name, language),
            "options": options(field, language, shape or ("map", "pairs", "labelled")[place % 3]),
            "default_value": field.default or None,
            "id_name": field.id_name,
            "group": "",
            "len": str(length) if length else "",
            "related_module": field.target,
            "calculated": int(not field.has_column or (module.is_person and field.name == "name")),
        }
        if not field.required and place % 4 == 3:
            del told[field.name]["required"]  # facts §1.4: may be missing
    for name, target in module.relations.items():
        about = {"name": name, "type": "relate", "required": 0, "label": label(name, language), "options": []}
        told[name] = {**about, "id_name": "", "related_module": target}
    return told


def options(field: Field, language: str, shape: str) -> JSON:
    """Return the choices as one of the shapes seen: [] for none; "map" value → label; "pairs" a list of such maps of one
    entry; "labelled" a list of {"value", "label"}."""
    labels = {choice: label(choice, language) for choice in field.choices}
    if not labels:
        return []
    if shape == "pairs":
        return [{value: text} for value, text in labels.items()]
    if shape == "labelled":
        return [{"value": value, "label": text} for value, text in labels.items()]
    return labels
