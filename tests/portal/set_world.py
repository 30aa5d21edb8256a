"""Two CRMs in memory with companies, contacts and deals that refer to each other, and a sync set of three mappings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.memory import Store, forget, store
from connectors.memory_store import SCHEMAS
from connectors.types import JSON, FieldSchema, FieldType, Module, ModuleSchema
from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.sync.models import SyncSet
from portal.sync.sets.save import SaidSet, save_set

CONTACTS, ACCOUNTS = SCHEMAS
STAMPS = ACCOUNTS.fields[-3:]
DEALS = ModuleSchema(
    Module("Deals", "Deals", "Deal"),
    (
        FieldSchema("name", "Name", required=True, max_length=80),
        FieldSchema("account", "Company", FieldType.REFERENCE, refers_to=("Accounts",)),
        FieldSchema("contact", "Contact", FieldType.REFERENCE, refers_to=("Contacts",)),
        *STAMPS,
    ),
    ("name",),
    "modified",
    "created",
    "owner",
)
CIRCLES = (
    FieldSchema("contact", "Main contact", FieldType.REFERENCE, refers_to=("Contacts",)),
    FieldSchema("parent", "Belongs to", FieldType.REFERENCE, refers_to=("Accounts",)),
)
NAME = Rule("name", "name")
RULES: dict[str, tuple[Rule, ...]] = {
    "companies": (NAME,),
    "contacts": (
        Rule("lastname", "lastname"),
        Rule("email", "email"),
        Rule("account", "account", "reference", mapping="companies"),
    ),
    "deals": (
        NAME,
        Rule("account", "account", "reference", mapping="companies"),
        Rule("contact", "contact", "reference", mapping="contacts"),
    ),
}
MODULES = {"companies": "Accounts", "contacts": "Contacts", "deals": "Deals"}
KEYS = {"companies": "name", "contacts": "email", "deals": "name"}
MAIN_CONTACT = Rule("contact", "contact", "reference", mapping="contacts")
PARENT = Rule("parent", "parent", "reference", mapping="companies")


def schemas(**fields: Any) -> dict[str, ModuleSchema]:
    """Return the modules of a CRM; a company has a main contact and may belong to another. `fields`: what else is said of
    those two, by their names."""
    known = tuple(replace(field, **fields.get(field.name, {})) for field in CIRCLES)
    accounts = replace(ACCOUNTS, fields=(*ACCOUNTS.fields[:-3], *known, *STAMPS))
    contacts = replace(
        CONTACTS,
        fields=tuple(replace(f, **fields.get(f.name, {})) if f.name == "account" else f for f in CONTACTS.fields),
    )
    return {"Contacts": contacts, "Accounts": accounts, "Deals": DEALS}


class SetWorld:
    """`north` is copied to `south` by the set “crm”: companies, contacts, deals. Ids on both sides differ."""

    def __init__(self, **fields: Any) -> None:
        for name, place in (("north", "memory"), ("south", "other")):
            forget(place)
            store(place).schemas = schemas(**fields)
            Connection.objects.create(name=name, connector="memory", writable=True, settings={"store": place})
        self.south.last_id = 500
        for name in MODULES:
            self.say(name)
        self.set = self.group(*MODULES)

    @property
    def north(self) -> Store:
        return store("memory")

    @property
    def south(self) -> Store:
        return store("other")

    def say(self, name: str, *more: Rule, **said: Any) -> Mapping:
        """Save one of the three mappings, with more rules than it has, and return it."""
        module = MODULES[name]
        sides = Side("north", module, said.pop("left_filter", "")), Side("south", module)
        key = ((KEYS[name], KEYS[name]),)
        rules = said.pop("rules", RULES[name]) + more
        definition = Definition(
            name, *sides, said.pop("direction", "left-to-right"), key, rules, **{"guards": {}, **said}
        )
        return save_mapping(definition, user=None, actor="test")

    def group(self, *names: str) -> SyncSet:
        """Have the set hold these mappings."""
        row = SyncSet.objects.filter(name="crm").first()
        self.set = save_set(row, SaidSet("crm", frozenset(names)), actor="test")[0]
        return self.set

    def company(self, name: str, **values: JSON) -> str:
        """Put a company into the north and return its id."""
        return self.north.put("Accounts", {"name": name, **values}).id

    def person(self, name: str, company: str | None = None) -> str:
        """Put somebody into the north, working for that company, and return the id."""
        values = {"lastname": name.capitalize(), "email": f"{name}@example.org", "account": company}
        return self.north.put("Contacts", values).id

    def deal(self, name: str, company: str | None = None, contact: str | None = None) -> str:
        """Put a deal into the north and return its id."""
        return self.north.put("Deals", {"name": name, "account": company, "contact": contact}).id

    def arrived(self, module: str, field: str) -> dict[str, str | None]:
        """Return what each record of a module in the south refers to by that field: its name -> the other's name."""
        names = {(r.module, r.id): called(r.values) for m in MODULES.values() for r in self.south.of(m)}
        to = {f.name: f.refers_to for f in self.south.schema(module).fields}[field]
        found = {}
        for record in self.south.of(module):
            value = record.values.get(field)
            found[called(record.values)] = None if value is None else names.get((to[0], str(value)), f"? {value}")
        return found


def called(values: Any) -> str:
    """Return by what name a record goes."""
    return str(values.get("name") or values.get("lastname"))
