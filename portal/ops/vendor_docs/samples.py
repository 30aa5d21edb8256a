"""Examples that fit: the modules that have the fields of a declared sample, and records that could be sent. What the modules
hold is asked of the simulated server, which knows it of every CRM."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache

from connectors.base import Connector
from connectors.sandbox.server import VENDORS
from connectors.sandbox.store import Store
from connectors.types import JSON, FieldType, ModuleSchema

RECORDS = 300  # enough to choose an everyday name among the awkward ones
OWNER = "1"  # the id of a user; each account has its own
AWKWARD = re.compile(r"<[^>]*>|[“”\"]")  # what simulated records are full of, on purpose
MANY = 3  # a sample that fits more modules than these needs no word about it

Rows = list[Mapping[str, JSON]]


@cache
def held(slug: str) -> dict[str, Rows]:
    """Return what each module of the simulated CRM holds."""
    store = Store()
    VENDORS[slug](store, RECORDS, 1)
    return {name: [row.values for row in table.living()] for name, table in store.tables.items()}


def fitting(kind: type[Connector], sample: str, modules: frozenset[str]) -> list[str]:
    """Return which of these modules (of all, where none are given) have the fields of a sample, a JSON object or
    FIELD|OPERATOR|VALUE; none where it holds no fields, or fits many."""
    names = _fields(sample)
    asked = [module for module in held(kind.slug) if module in modules or not modules]
    found = [module for module in asked if names and names <= _known(kind, module)]
    return found if len(found) <= MANY else []


def record(kind: type[Connector], module: ModuleSchema) -> str:
    """Return a record that could be created in a module, as JSON: what names it, and what else is needed."""
    wanted = [f for f in module.fields if f.editable and (f.required or f.name in module.label_fields)]
    owner = {f.name: OWNER for f in wanted if f.type is FieldType.OWNER}
    rows = held(kind.slug).get(module.module.name, [])
    found = [{f.name: AWKWARD.sub("", str(row[f.name])).strip() for f in wanted if row.get(f.name)} for row in rows]
    return json.dumps(min(found, key=_awkwardness, default={}) | owner, ensure_ascii=False)


def _fields(sample: str) -> set[str]:
    field, bar, _ = sample.partition("|")
    try:
        read = json.loads(sample)
    except ValueError:
        return {field} if bar else set()
    held_flat = isinstance(read, dict) and not any(isinstance(value, dict) for value in read.values())
    return set(read) if held_flat else set()


def _known(kind: type[Connector], module: str) -> set[str]:
    declared = next((m.names for m in kind.catalog if m.module.name == module), ())
    return {*declared, *next(iter(held(kind.slug)[module]), ())}


def _awkwardness(values: Mapping[str, JSON]) -> int:
    text = "".join(str(value) for value in values.values())
    return sum(not (c.isascii() and c.isalnum()) and c != " " for c in text)
