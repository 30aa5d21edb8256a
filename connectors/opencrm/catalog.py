"""What is known of OpenCRM's modules, as data: it has no call that tells. The rule: a sample record says which fields there
are, this catalog what they are; fields of neither kind are those a person named.

A field the catalog lacks is read as text and cannot be written until a person names it with its type: the server turns what does
not fit a field into something else, and passes over names it does not know, without a word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from connectors.errors import ConfigError
from connectors.opencrm import fields as known
from connectors.opencrm import sales
from connectors.types import FieldSchema, FieldType, Module, ModuleSchema
from connectors.values import is_secret_field
from connectors.wording import text as _


@dataclass(frozen=True, slots=True)
class Kind:
    """One module. `edits` are the names its edit call goes by, the likeliest first (facts §6, 4); `has_lines`: a sales
    record with a product grid; `keys`: by what a new record is looked up, as the server compares nothing. Of the first key
    whose first field is given, the other fields must be equal too, empty ones with empty ones."""

    label: str
    singular: str
    fields: str
    named_by: tuple[str, ...]
    edits: tuple[str, ...]
    has_lines: bool = False
    keys: tuple[tuple[str, ...], ...] = ()


SOLD_TO = ("accountid", "account_id", "contactid", "contact_id")
KINDS: Mapping[str, Kind] = {
    "activity": Kind("Activities", "Activity", known.ACTIVITY, ("subject",), ("edit_activity",), keys=(("subject", "date_start", "contact_id", "parent_id"),)),
    "asset": Kind("Assets", "Asset", known.ASSET, ("assetname",), ("edit_asset",), keys=(("serialno",), ("assetname", "accountid", "account_id"))),
    "company": Kind("Companies", "Company", known.COMPANY + known.CONSENT, ("accountname",), ("edit_company",), keys=(("accountname",),)),
    "contact": Kind(
        "Contacts", "Contact", known.CONTACT + known.CONSENT, ("firstname", "lastname"), ("edit_contact",),
        keys=(("email",), ("lastname", "firstname", "accountid")),
    ),
    "contract": Kind(
        "Contracts", "Contract", known.CONTRACT, ("contractname",), ("edit_contract", "edit_contracts"),
        keys=(("contractname", "accountid", "start_date"),),
    ),
    "lead": Kind(
        "Leads", "Lead", known.LEAD + known.CONSENT, ("firstname", "lastname"), ("edit_lead",),
        keys=(("email",), ("lastname", "firstname", "company")),
    ),
    "opportunity": Kind(
        "Opportunities", "Opportunity", known.OPPORTUNITY, ("potentialname",), ("edit_opportunity",),
        keys=(("potentialname", "accountid", "contactid"),),
    ),
    "product": Kind("Products", "Product", known.PRODUCT, ("productname",), ("edit_product",), keys=(("productcode",), ("productname",))),
    "project": Kind("Projects", "Project", known.PROJECT, ("name",), ("edit_project",), keys=(("projectnum",), ("name", "accountid", "contactid"))),
    "ticket": Kind("Tickets", "Ticket", known.TICKET, ("title",), ("edit_ticket", "edit_helpdesk"), keys=(("title", "contactid", "parent_id"),)),
    "quote": Kind("Quotes", "Quote", sales.QUOTE + sales.ADDRESS, ("subject",), ("edit_quote",), True, (("subject", *SOLD_TO, "validtill"),)),
    "salesorder": Kind("Sales orders", "Sales order", sales.SALESORDER + sales.ADDRESS, ("subject",), ("edit_salesorder",), True, (("subject", *SOLD_TO, "duedate"),)),
    "invoice": Kind("Invoices", "Invoice", sales.INVOICE + sales.ADDRESS, ("subject",), ("edit_invoice",), True, (("subject", *SOLD_TO, "invoicedate"),)),
    "purchaseorder": Kind(
        "Purchase orders", "Purchase order", sales.PURCHASEORDER + sales.ADDRESS, ("subject",), ("edit_purchaseorder",), True,
        (("purchaseorder_no",), ("subject", "vendorid", "vendor_id", "duedate")),
    ),
}  # fmt: skip
ID, OWNER, CREATED, MODIFIED, LINES = "crmid", "assigned_user_id", "createdtime", "modifiedtime", "products"
ALIASES = {"smownerid": OWNER}  # read by another name than written (facts §3)
NO_FIELDS = frozenset({"id", ID, "record_id", "record_module", "permission", "error", LINES})  # not of a record
HIDDEN = frozenset({"login"})  # of a portal user, beside his password (facts §7, 4)
LINES_HELP = _(
    "A list of lines. One with its lineid changes that line, in what it names; one without is new and needs a productid. Lines that"
    ' are not given stay as they are. To delete one for ever, say so: {"lineid": "12", "remove": true}.'
)
_LINE = re.compile(r"(\w+) ([a-z]+)(\d?)(!?)(-?) (.+)")
_OWN_FIELD = re.compile(r"([a-z]+)/(\w+)(?:=([a-z]+))?")
OWN_TYPES = (
    "text", "longtext", "email", "phone", "url", "integer", "decimal", "money", "percent", "boolean", "date",
    "datetime", "choice",
)  # fmt: skip
OwnFields = Mapping[str, Mapping[str, FieldType]]


def module(name: str) -> Module:
    """Return the module of that name. Nothing can be deleted."""
    return Module(name, KINDS[name].label, KINDS[name].singular, deletable=False)


def schema(name: str, seen: Collection[str], own: Mapping[str, FieldType]) -> ModuleSchema:
    """Return the fields of a module: those of the catalog that a record showed (`seen`; all where none was seen yet), what
    else was seen, and those a person named, with their types."""
    shown = {ALIASES.get(field, field) for field in seen} - NO_FIELDS
    catalog = {field.name: field for field in catalogued(name)}
    kept = [f for f in catalog.values() if not shown or f.name in shown or f.required]
    more = [learned(field, own.get(field)) for field in sorted((shown | own.keys()) - catalog.keys())]
    found = {f.name: f for f in (FieldSchema(ID, "Id", FieldType.ID, editable=False), *kept, *more)}
    if KINDS[name].has_lines:
        found[LINES] = FieldSchema(LINES, _("Product lines"), FieldType.LINES, help=LINES_HELP, wire_type="products")
    fields = tuple(f for f in found.values() if not is_secret_field(f.name) and f.name not in HIDDEN)
    names = {f.name for f in fields}
    label_fields = tuple(part for part in KINDS[name].named_by if part in names)
    return ModuleSchema(
        module(name),
        fields,
        label_fields,
        MODIFIED if MODIFIED in names else None,
        CREATED if CREATED in names else None,
        OWNER,
    )


@lru_cache(maxsize=len(KINDS))
def catalogued(name: str) -> tuple[FieldSchema, ...]:
    """Return the fields of a module that are known without asking."""
    return tuple(_read(KINDS[name].fields + known.EVERY))


def _read(lines: str) -> Iterator[FieldSchema]:
    for line in filter(None, lines.splitlines()):
        found = _LINE.fullmatch(line)
        assert found, line  # our own data, read in every test
        field, kind, decimals, required, read_only, rest = found.groups()
        label, _arrow, targets = rest.partition(" > ")
        yield FieldSchema(
            field,
            label,
            FieldType(kind),
            required=bool(required),
            editable=not read_only,
            refers_to=tuple(targets.split()),
            wire_type=f"{kind}.{decimals}" if decimals else kind,
        )


def learned(name: str, named: FieldType | None) -> FieldSchema:
    """Return a field that was seen in a record or named by a person."""
    label = name.replace("_", " ").strip().capitalize()
    return FieldSchema(name, label, named or FieldType.TEXT, editable=named is not None)


def own_fields(setting: str) -> OwnFields:
    """Return {module: {field: type}} from the setting "contact/cf_123=date", one a line. Raises ConfigError."""
    found: dict[str, dict[str, FieldType]] = {}
    for entry in (part.strip() for part in re.split(r"[\n,]", setting)):
        match = _OWN_FIELD.fullmatch(entry)
        if not entry:
            continue
        if match is None or match[1] not in KINDS or (match[3] or "text") not in OWN_TYPES:
            raise ConfigError(
                _(
                    "“%(entry)s” does not name a field. Write module/field=type, such as contact/cf_123=date. Modules:"
                    " %(modules)s. Types: %(types)s.",
                    entry=entry[:60],
                    modules=", ".join(KINDS),
                    types=", ".join(OWN_TYPES),
                )
            )
        found.setdefault(match[1], {})[match[2]] = FieldType(match[3] or "text")
    return found


def with_named_types(found: ModuleSchema, own: Mapping[str, FieldType]) -> ModuleSchema:
    """Return the schema with the types a person gave to fields, also to those the catalog knows otherwise."""
    fields = tuple(
        replace(f, type=own[f.name], editable=True, refers_to=()) if f.name in own else f for f in found.fields
    )
    return replace(found, fields=fields)


PHONED = tuple(name for name in KINDS if any(field.type is FieldType.PHONE for field in catalogued(name)))
