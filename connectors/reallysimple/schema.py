"""From the data dictionary to our schema. The rule: the dictionary says which fields there are; its type counts where it is
definite, and where it only says "text" or "number" a small table of what is known of this vendor's fields is more exact.

The shape of a dictionary is public nowhere (facts §4), so lists and objects, and several names for each property, are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.errors import ProtocolError
from connectors.spelling import canonical_boolean
from connectors.types import JSON, NUMBER_TYPES, Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.wording import text as _


@dataclass(frozen=True, slots=True)
class Object:
    """One of the documented record types. `named_by` are the fields that may name a record, the best first."""

    label: str
    singular: str
    named_by: tuple[tuple[str, ...], ...] = (("name",),)


OBJECTS = {
    "accounts": Object("Accounts", "Account"),
    "activities": Object("Activities", "Activity", (("subject",), ("type",))),
    "contacts": Object("Contacts", "Contact", (("first", "last"),)),
    "campaigns": Object("Campaigns", "Campaign"),
    "campaigndetails": Object("Campaign Details", "Campaign Detail", (("stage",),)),
    "campaignstages": Object("Campaign Stages", "Campaign Stage"),
    "cases": Object("Cases", "Case", (("subject",),)),
    "documents": Object("Documents", "Document", (("name",), ("filename",))),
    "opportunities": Object("Opportunities", "Opportunity"),
    "opportunityhistories": Object("Opportunity Histories", "Opportunity History", (("opportunitystatus",),)),
    "opportunity_lines": Object("Opportunity Lines", "Opportunity Line", (("product",),)),
}
WITH_LINES = "opportunities"  # the object that takes lines=true
OF_A_LINE = (  # document, "Opportunity Lines"; they are written as records of their own
    FieldSchema("id", "Id", FieldType.ID, editable=False),
    FieldSchema("product", _("Product"), editable=False),
    FieldSchema("quantity", _("Quantity"), FieldType.DECIMAL, editable=False),
    FieldSchema("unitprice", _("Unit price"), FieldType.MONEY, editable=False),
)
LINES = FieldSchema("lines", _("Lines"), FieldType.LINES, editable=False, wire_type="lines", lines=OF_A_LINE)
MODIFIED, CREATED, OWNER = "modifieddate", "createddate", "ownerid"
READ_ONLY = frozenset({"id", "createdby", "modifiedby", CREATED, MODIFIED})

REFERENCES = {
    "accountid": "accounts",
    "contactid": "contacts",
    "opportunityid": "opportunities",
    "campaignid": "campaigns",
    "campaignstageid": "campaignstages",
    "caseid": "cases",
    "activityid": "activities",
    "documentid": "documents",
}
ALWAYS = {  # whatever the dictionary says
    "id": FieldType.ID,
    OWNER: FieldType.OWNER,
    "createdby": FieldType.OWNER,
    "modifiedby": FieldType.OWNER,
    **dict.fromkeys(REFERENCES, FieldType.REFERENCE),
}
KNOWN = {
    **dict.fromkeys((CREATED, MODIFIED), FieldType.DATETIME),
    **dict.fromkeys(("phone", "mobile", "direct", "fax"), FieldType.PHONE),
    **dict.fromkeys(("decisionmaker", "leftcompany", "hold", "active", "dripfeed", "allday"), FieldType.BOOLEAN),
    **dict.fromkeys(("value", "unitprice", "sales"), FieldType.MONEY),
    "closedate": FieldType.DATE,
    "email": FieldType.EMAIL,
    "leadscore": FieldType.INTEGER,
    "notes": FieldType.LONGTEXT,
    "probability": FieldType.PERCENT,
    "quantity": FieldType.DECIMAL,
    "website": FieldType.URL,
}
TYPES = {
    **dict.fromkeys(("text", "textarea", "longtext", "mediumtext", "memo", "notes", "html"), FieldType.LONGTEXT),
    **dict.fromkeys(("int", "integer", "bigint", "smallint", "whole", "wholenumber"), FieldType.INTEGER),
    **dict.fromkeys(("number", "numeric", "decimal", "float", "double", "real"), FieldType.DECIMAL),
    **dict.fromkeys(("currency", "money", "price"), FieldType.MONEY),
    **dict.fromkeys(("percent", "percentage"), FieldType.PERCENT),
    **dict.fromkeys(("bool", "boolean", "checkbox", "tinyint", "yesno", "flag"), FieldType.BOOLEAN),
    **dict.fromkeys(("datetime", "timestamp"), FieldType.DATETIME),
    **dict.fromkeys(("list", "dropdown", "lookup", "select", "picklist", "enum", "option"), FieldType.CHOICE),
    **dict.fromkeys(("multilist", "multiselect", "multidropdown", "multipicklist"), FieldType.MULTICHOICE),
    **dict.fromkeys(("phone", "telephone", "tel"), FieldType.PHONE),
    **dict.fromkeys(("url", "website", "link"), FieldType.URL),
    "date": FieldType.DATE,
    "email": FieldType.EMAIL,
    "time": FieldType.TIME,
}
NUMBERS = NUMBER_TYPES | {FieldType.BOOLEAN}
VAGUE = frozenset({FieldType.TEXT, FieldType.LONGTEXT, FieldType.INTEGER, FieldType.DECIMAL})

WRAPPERS = ("list", "fields", "data", "items", "values", "options", "dictionary", "datadictionary", "record")
NAMES = ("name", "field", "key", "fieldname", "field_name")
Spec = Mapping[str, JSON]


def schema(object_name: str, dictionary: JSON) -> ModuleSchema:
    """Return what a data dictionary, or a sample record where it is unreadable, says of an object. Raises ProtocolError."""
    found = {name: field_schema(name, spec) for name, spec in entries(dictionary)}
    if not found:
        told = _("The data dictionary of %(name)s is not in a form this portal can read.", name=object_name)
        raise ProtocolError(told)
    if "id" not in found:
        found = {"id": field_schema("id", {}), **found}
    if object_name == WITH_LINES:
        found.setdefault(LINES.name, LINES)
    return assembled(object_name, tuple(found.values()))


def assembled(object_name: str, fields: tuple[FieldSchema, ...]) -> ModuleSchema:
    """Return the schema of these fields."""
    names = {field.name for field in fields}
    about = OBJECTS.get(object_name)
    named_by = about.named_by if about else (("name",), ("subject",))
    label_fields = next((group for group in named_by if names.issuperset(group)), ())

    def own(name: str) -> str | None:
        return name if name in names else None

    return ModuleSchema(module(object_name), fields, label_fields, own(MODIFIED), own(CREATED), own(OWNER))


def module(object_name: str) -> Module:
    """Return the module of that name; one the document does not know (a custom table) is called by its name."""
    about = OBJECTS.get(object_name)
    return Module(object_name, about.label, about.singular) if about else Module(object_name, pretty(object_name))


def entries(told: JSON) -> Iterator[tuple[str, Spec]]:
    """Yield (name, properties) from a dictionary of any shape; properties are lower case."""
    body = unwrapped(told)
    if isinstance(body, Mapping):
        for name, spec in body.items():
            if name != "metadata":
                yield str(name), lower(spec) if isinstance(spec, Mapping) else {"type": spec}
        return
    for item in body if isinstance(body, list) else []:
        spec = lower(item.get("record", item)) if isinstance(item, Mapping) else {"name": item}
        name = first(spec, NAMES)
        if isinstance(name, str) and name:
            yield name, spec


def field_schema(name: str, spec: Spec) -> FieldSchema:
    """Return one field from its properties."""
    wire_type = first(spec, ("type", "datatype", "data_type", "fieldtype", "field_type"))
    kind = field_type(name, str(wire_type or ""))
    read_only = name in READ_ONLY or flag(first(spec, ("readonly", "read_only")))
    size = first(spec, ("max_length", "maxlength", "length", "size")) or re.search(r"\((\d+)\)", str(wire_type or ""))
    return FieldSchema(
        name,
        str(first(spec, ("label", "title", "caption", "display_name")) or pretty(name)),
        kind,
        required=not read_only and flag(first(spec, ("required", "mandatory", "is_required"))),
        editable=not read_only,
        choices=choices(first(spec, ("options", "choices", "values", "lookup"))) if is_list(kind) else (),
        refers_to=(REFERENCES[name],) if name in REFERENCES else (),
        max_length=length(size) if kind is FieldType.TEXT else None,
        wire_type=str(wire_type or ""),
    )


def field_type(name: str, wire_type: str) -> FieldType:
    """Return the type of a field; see the module's rule."""
    if name in ALWAYS:
        return ALWAYS[name]
    told = TYPES.get(re.sub(r"\(.*|[^a-z]", "", wire_type.lower()), FieldType.TEXT)
    known = KNOWN.get(name, told)
    if told not in VAGUE or (wire_type and known in NUMBERS and told not in NUMBER_TYPES):
        return told  # a number kept in a text column would be compared as text there
    return known


def is_list(kind: FieldType) -> bool:
    """Say whether fields of that type have a pick list."""
    return kind in (FieldType.CHOICE, FieldType.MULTICHOICE)


def choices(told: JSON) -> tuple[Choice, ...]:
    """Return the entries of a pick list: {"items": [{"value", "id"}]}, or a list of such or of texts."""
    body = unwrapped(told)
    found = [first(lower(item), ("value", "name", "label", "text")) if isinstance(item, Mapping) else item
             for item in (body if isinstance(body, list) else [])]  # fmt: skip
    return tuple(Choice(str(value), str(value)) for value in dict.fromkeys(found) if value not in (None, ""))


def unwrapped(told: JSON) -> JSON:
    """Return the list or object inside an envelope."""
    if isinstance(told, Mapping):
        for key in WRAPPERS:
            if isinstance(told.get(key), list | dict) and (
                len(told) == 1 or "metadata" in told or isinstance(told[key], list)
            ):
                return told[key]
    return told


def pretty(name: str) -> str:
    """Return a label for a field that has none: "addresscounty/state" becomes "Addresscounty / state"."""
    return name.replace("/", " / ").replace("_", " ").capitalize()


def first(spec: Spec, names: tuple[str, ...]) -> JSON:
    """Return the first of these properties that is there, else None."""
    return next((spec[name] for name in names if spec.get(name) is not None), None)


def lower(spec: Mapping[str, JSON]) -> Spec:
    """Return the properties with their names in lower case."""
    return {str(name).lower(): value for name, value in spec.items()}


def flag(value: JSON) -> bool:
    """Return the truth of a property, however it is spelled; anything else is no."""
    try:
        return value is not None and canonical_boolean(value)
    except ValueError:
        return str(value).lower() in ("required", "mandatory", "y")


def length(told: JSON) -> int | None:
    """Return the largest number of characters, None when it is not told as a number."""
    text = told.group(1) if isinstance(told, re.Match) else str(told)
    return int(text) if text.isdecimal() and int(text) > 0 else None
