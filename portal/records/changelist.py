"""What a list of records shows: which filter, which order, which columns, from the mirror or from the CRM itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from connectors.base import Connector
from connectors.query import And, Condition, Filter, Op, Or, Order, Query, parse_order, to_text
from connectors.types import TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from portal.accounts.models import User
from portal.records.filters import read_filter
from portal.records.page import Listing

PAGE = 50
FIELDS_SEARCHED = 8  # a vendor's server is asked for each; more would be refused by some
STATUS = ("status", "stage", "state", "type", "priority")  # a pick list so named says the most about a record
BACK = 30  # pages a live list can be turned back; their cursors travel in the address


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as text: filter box, search box, order, cursor, and "live" or "mirror" or ""."""

    filter: str = ""
    search: str = ""
    order: str = ""
    cursor: str = ""
    source: str = ""

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Asked:
        """Read a query string; NUL, which no database takes, is dropped."""
        names = {"filter": "filter", "search": "q", "order": "o", "cursor": "cursor", "source": "source"}
        return cls(**{name: params.get(param, "").replace("\x00", "").strip() for name, param in names.items()})

    def filters(self, schema: ModuleSchema) -> Filter | None:
        """Return filter box and search box as one filter. Raises QueryError with the position in the filter box."""
        found = [f for f in (read_filter(self.filter, schema), search(self.search, schema)) if f is not None]
        return And(tuple(found)) if len(found) > 1 else next(iter(found), None)

    def orders(self, schema: ModuleSchema) -> tuple[Order, ...]:
        """Return the order. Raises QueryError."""
        return parse_order(self.order, schema) if self.order else ()


def search(text: str, schema: ModuleSchema) -> Filter | None:
    """Return "every word is contained in one of the fields that name a record, its e-mails or its phones"."""
    fields = searched_fields(schema)
    words = [Or(tuple(Condition(name, Op.CONTAINS, (word,)) for name in fields)) for word in text.split()]
    return And(tuple(words)) if words and fields else None


def searched_fields(schema: ModuleSchema) -> list[str]:
    """Return the names of the fields the search box looks into."""
    contacts = [f.name for f in schema.fields if f.type in {FieldType.EMAIL, FieldType.PHONE}]
    texts = [n for n in schema.label_fields if (f := schema.field(n)) and f.type in TEXT_TYPES]
    return list(dict.fromkeys([*texts, *contacts]))[:FIELDS_SEARCHED]


def default_columns(schema: ModuleSchema) -> list[str]:
    """Return what a list shows first: what names a record, how to reach it, its status, its owner, when it changed."""
    first = {kind: next((f.name for f in schema.fields if f.type is kind), None) for kind in FieldType}
    choices = [f for f in schema.fields if f.type is FieldType.CHOICE]
    status = next((f.name for word in STATUS for f in choices if word in f.name.lower()), None)
    wanted = [
        *schema.label_fields,
        first[FieldType.EMAIL],
        first[FieldType.PHONE],
        first[FieldType.REFERENCE],
        status,
        schema.owner_field,
        schema.modified_field,
    ]
    found = [name for name in dict.fromkeys(wanted) if name and schema.field(name)]
    return found or list(schema.names[:5])


def example(schema: ModuleSchema) -> str:
    """Return a filter this module really takes, for who sees the language for the first time."""
    choice = next((f for f in schema.fields if f.type is FieldType.CHOICE and f.choices), None)
    text = next((f for n in schema.label_fields if (f := schema.field(n)) and f.type in TEXT_TYPES), None)
    parts: list[Filter] = []
    if choice is not None:
        parts.append(Condition(choice.name, Op.EQ, (choice.choices[0].value,)))
    if text is not None:
        parts.append(Condition(text.name, Op.CONTAINS, ("mi",)))
    return to_text(And(tuple(parts))) if parts else ""


def columns(user: User, key: str, schema: ModuleSchema) -> list[FieldSchema]:
    """Return the columns the person chose for "connection/module", in order, as far as the module still has them."""
    chosen = user.columns.get(key) or default_columns(schema)
    found = [f for name in chosen if (f := schema.field(name))]
    return found or [f for name in default_columns(schema) if (f := schema.field(name))]


def save_columns(user: User, key: str, names: Iterable[str], schema: ModuleSchema) -> None:
    """Keep the person's columns; none of them means the sensible ones again."""
    chosen = [name for name in dict.fromkeys(names) if schema.field(name)]
    if chosen:
        user.columns[key] = chosen
    else:
        user.columns.pop(key, None)
    user.save(update_fields=["columns"])


def live_page(crm: Connector, module: str, filter: Filter | None, order: tuple[Order, ...], cursor: str) -> Listing:
    """Return a page read from the CRM: one request where it can run the whole query. Raises ConnectorError."""
    trail = _read_trail(cursor)
    page = crm.read(module, Query(filter, order, limit=PAGE, cursor=trail[-1] if trail else None))
    onward = _trail([*trail, page.next_cursor][-BACK:]) if page.next_cursor else None
    return Listing(page.records, onward, _trail(trail[:-1]) if trail else None, page.total)


def _trail(cursors: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(cursors)).decode().rstrip("=")


def _read_trail(text: str) -> list[str]:
    """Return the vendor's cursors that led here, the last one being this page's; none when the text does not fit."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return []
    return found if isinstance(found, list) and all(isinstance(c, str) for c in found) else []
