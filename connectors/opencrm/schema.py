"""From what records show to our schema, since OpenCRM has no call that tells its fields. The rule: a sample record says which
there are, the catalog (`fields`, `sales`) what they are; fields of neither kind are those a person named.

A field the catalog lacks is read as text and cannot be written until a person names it with its type: the server turns what does
not fit a field into something else, and passes over names it does not know, without a word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from connectors.errors import ConfigError
from connectors.opencrm import fields as known
from connectors.opencrm.modules import MODULES, module
from connectors.types import FieldSchema, FieldType, ModuleSchema
from connectors.values import is_secret_field
from connectors.wording import text as _

ID, OWNER, CREATED, MODIFIED, LINES = "crmid", "assigned_user_id", "createdtime", "modifiedtime", "products"
ALIASES = {"smownerid": OWNER}  # read by another name than written (facts §3)
NO_FIELDS = frozenset({"id", ID, "record_id", "record_module", "permission", "error", LINES})  # not of a record
HIDDEN = frozenset({"login"})  # of a portal user, beside his password (facts §7, 4)
LINES_HELP = _(
    "A list of lines. One with its lineid changes that line, in what it names; one without is new and needs a productid. Lines that"
    ' are not given stay as they are. To delete one for ever, say so: {"lineid": "12", "remove": true}.'
)
_NUMBERED = ("1", "2", "3", "4", "5")
# What can be set of a line (document, "Product line fields"); its id and number say which line is meant, and where it stands.
LINE_FIELDS = (
    FieldSchema("productid", _("Product"), FieldType.REFERENCE, required=True, refers_to=("product",)),
    FieldSchema("quantity", _("Quantity"), FieldType.DECIMAL, wire_type="decimal.1"),
    FieldSchema("description", _("Description"), FieldType.LONGTEXT),
    *(FieldSchema(f"listprice{n}", _("Sell price %(number)s", number=n), FieldType.MONEY) for n in _NUMBERED),
    FieldSchema("buyprice", _("Buy price"), FieldType.MONEY),
    *(FieldSchema(f"buyprice{n}", _("Buy price %(number)s", number=n), FieldType.MONEY) for n in _NUMBERED[1:]),
    FieldSchema("discount", _("Discount"), help=_("A number, or a percentage such as 10%.")),
    FieldSchema("taxclass", _("Tax class")),
    FieldSchema("category", _("Line category")),
    FieldSchema("supplytype", _("Supply type")),
    FieldSchema("supplierid", _("Supplier"), FieldType.REFERENCE, refers_to=("company",)),
    FieldSchema("contract_term", _("Contract term"), FieldType.INTEGER),
    FieldSchema("commission_band", _("Commission band")),
    *(FieldSchema(f"prd_cf_{n}", _("Custom column %(number)s", number=str(n))) for n in range(1, 11)),
)
_LINE = re.compile(r"(\w+) ([a-z]+)(\d?)(!?)(-?) (.+)")
_OWN_FIELD = re.compile(r"([a-z]+)/(\w+)(?:=([a-z]+))?")
OWN_TYPES = (
    "text", "longtext", "email", "phone", "url", "integer", "decimal", "money", "percent", "boolean", "date",
    "datetime", "choice",
)  # fmt: skip
OwnFields = Mapping[str, Mapping[str, FieldType]]


def schema(name: str, seen: Collection[str], own: Mapping[str, FieldType]) -> ModuleSchema:
    """Return the fields of a module: those of the catalog that a record showed (`seen`; all where none was seen yet), what
    else was seen, and those a person named, with the types given to them."""
    shown = {ALIASES.get(field, field) for field in seen} - NO_FIELDS
    catalog = {field.name: named(field, own.get(field.name)) for field in catalogued(name)}
    kept = [f for f in catalog.values() if not shown or f.name in shown or f.required]
    more = [named(unlisted(field), own.get(field)) for field in sorted((shown | own.keys()) - catalog.keys())]
    found = {f.name: f for f in (FieldSchema(ID, "Id", FieldType.ID, editable=False), *kept, *more)}
    if MODULES[name].has_lines:
        label = _("Product lines")
        found[LINES] = FieldSchema(
            LINES, label, FieldType.LINES, help=LINES_HELP, wire_type="products", lines=LINE_FIELDS
        )
    fields = tuple(f for f in found.values() if not is_secret_field(f.name) and f.name not in HIDDEN)
    names = {f.name for f in fields}
    label_fields = tuple(part for part in MODULES[name].named_by if part in names)
    return ModuleSchema(
        module(name),
        fields,
        label_fields,
        MODIFIED if MODIFIED in names else None,
        CREATED if CREATED in names else None,
        OWNER,
    )


@lru_cache(maxsize=len(MODULES))
def catalogued(name: str) -> tuple[FieldSchema, ...]:
    """Return the fields of a module that are known without asking."""
    return tuple(_read(MODULES[name].fields + known.EVERY))


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


def unlisted(name: str) -> FieldSchema:
    """Return a field that the catalog does not have."""
    return FieldSchema(name, name.replace("_", " ").strip().capitalize(), FieldType.TEXT, editable=False)


def named(field: FieldSchema, type: FieldType | None) -> FieldSchema:
    """Return a field with the type that a person gave to it; None for none."""
    return replace(field, type=type, editable=True, refers_to=()) if type else field


def own_fields(setting: str) -> OwnFields:
    """Return {module: {field: type}} from the setting "contact/cf_123=date", one a line. Raises ConfigError."""
    found: dict[str, dict[str, FieldType]] = {}
    for entry in (part.strip() for part in re.split(r"[\n,]", setting)):
        match = _OWN_FIELD.fullmatch(entry)
        if not entry:
            continue
        if match is None or match[1] not in MODULES or (match[3] or "text") not in OWN_TYPES:
            raise ConfigError(
                _(
                    "“%(entry)s” does not name a field. Write module/field=type, such as contact/cf_123=date. Modules:"
                    " %(modules)s. Types: %(types)s.",
                    entry=entry[:60],
                    modules=", ".join(MODULES),
                    types=", ".join(OWN_TYPES),
                )
            )
        found.setdefault(match[1], {})[match[2]] = FieldType(match[3] or "text")
    return found
