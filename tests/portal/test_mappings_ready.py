"""Ready mappings between all five vendors, each run through the simulated servers: what arrives, and what is left to a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations

import pytest

from connectors import OFFERED, connector_class
from connectors.sandbox.server import Sandbox
from connectors.types import JSON, TEXT_TYPES, ModuleSchema
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.schema import module_schema, modules
from portal.ledger.models import Entry, Run
from portal.mappings.begin import begin, keep_tables
from portal.mappings.check import check
from portal.mappings.definition import Definition, Rule, Side, SideName
from portal.mappings.known import what_is_known
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.mappings.suggest import kind_of_module
from portal.records.models import Copy
from portal.records.pull import mirror_of, pull
from portal.sync.run import carry_out, request_sync
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db(transaction=True)
SIDES: tuple[SideName, ...] = ("left", "right")
KINDS = ("companies", "products", "contacts", "leads", "tickets")  # what is referred to comes first
# Really Simple Systems keeps leads as contacts with a score, and what is sold as lines of its opportunities, without a module.
LACKING = {("reallysimple", "leads"), ("reallysimple", "products")}
# What a person adds. OpenCRM demands an owner of every record: it is named in the connection.
OWNERS = {"opencrm": "1"}
# Vtiger and Simply CRM demand a priority and a status of tickets: given by hand where the other's pick lists have other entries.
BY_HAND: dict[tuple[str, str], dict[str, str]] = {
    ("vtiger", "tickets"): {"ticketpriorities": "Normal", "ticketstatus": "Open"},
    ("simplycrm", "tickets"): {"ticketpriorities": "Normal", "ticketstatus": "Open"},
}
FILLED_BY_HAND = {(source, target) for source in ("reallysimple", "sarvcrm") for target in ("vtiger", "simplycrm")}
# Of the data: no key or one that two hold, a field the target demands is empty, what is referred to was left behind itself.
OF_THE_DATA = {"no_match_key", "doubled_key", "required_empty", "no_partner"}
OFTEN = {("vtiger", "opencrm"), ("sarvcrm", "vtiger"), ("simplycrm", "reallysimple")}
WAYS = [
    pytest.param(*way, marks=[] if way in OFTEN else [pytest.mark.nightly], id="-".join(way))
    for way in permutations(OFFERED, 2)
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """All simulated vendors, started once."""
    with Sandbox(vendors=OFFERED, records=6) as running:
        yield running


def connection_to(sandbox: Sandbox, slug: str) -> Connection:
    """Return a connection to a simulated CRM as it was seeded."""
    account = Account(sandbox, slug)
    account.control("POST", "reset", vendor=slug)
    if slug == "opencrm":  # in the seed no ticket names its company
        for row in account.control("GET", "records", module="ticket"):
            account.control(
                "POST", "mutate", action="update", module="ticket", id=row["id"], values={"parent_id": "1001"}
            )
    account.close()
    given = {**account.secrets, "default_owner": OWNERS.get(slug, "")}
    said = [(setting, given[setting.name]) for setting in connector_class(slug).settings if given.get(setting.name)]
    settings = {setting.name: value for setting, value in said if not setting.secret}
    secrets = {setting.name: value for setting, value in said if setting.secret}
    return Connection.objects.create(name=slug, connector=slug, writable=True, settings=settings, secrets=secrets)


@dataclass(frozen=True)
class Way:
    """From one vendor to another, one kind of record."""

    connections: dict[SideName, Connection]
    kind: str

    @cached_property
    def names(self) -> dict[SideName, str]:
        """Return the module of this kind on each side that has one."""
        found = {side: {kind_of_module(m): m.name for m in modules(c)} for side, c in self.connections.items()}
        return {side: of[self.kind] for side, of in found.items() if self.kind in of}

    @property
    def ends(self) -> tuple[str, str]:
        return self.connections["left"].name, self.connections["right"].name

    def read(self) -> None:
        """Read both modules into their mirrors."""
        for side, connection in self.connections.items():
            with open_connector(connection, purpose="sync") as crm:
                pull(mirror_of(connection, self.names[side]), crm)

    def ready(self) -> Definition:
        """Return the ready mapping, with what this table says that a person adds to it."""
        left, right = (Side(self.connections[side].name, self.names[side]) for side in SIDES)
        made = begin(Definition(self.kind, left, right, "left-to-right"), self.connections)
        assert all(one.reason for one in made.left_out)
        keep_tables(made, made.definition, actor="test")
        by_hand = BY_HAND.get((self.ends[1], self.kind), {}) if self.ends in FILLED_BY_HAND else {}
        asked = str(self.errors(made.definition))  # added only where the check asks for it
        rules = tuple(Rule(right=name, source="value", value=v) for name, v in by_hand.items() if name in asked)
        return replace(made.definition, rules=(*made.definition.rules, *rules))

    def errors(self, definition: Definition) -> list[str]:
        schemas = {side: module_schema(c, self.names[side]) for side, c in self.connections.items()}
        return [str(f) for f in check(definition, schemas, what_is_known()) if f.level == "error"]


def sync(mapping: Mapping) -> Run:
    return carry_out(request_sync(mapping, actor="test", approve_all=True, enqueue=False))


def arrived(run: Run, way: Way, definition: Definition) -> int:
    """Return how many records were written; each is at the target as it was sent, its texts as they are at the source."""
    written = list(Entry.objects.filter(run=run, state=Entry.State.DONE, action__in=("create", "update")))
    fields = {side: module_schema(c, way.names[side]) for side, c in way.connections.items()}
    texts = [r for r in definition.rules if r.source == "field" and _text(fields, r)]
    with open_connector(way.connections["right"], purpose="sync") as crm:
        for entry in written:
            there = crm.get(way.names["right"], entry.record_id).values
            assert {name: there.get(name) for name in entry.intended} == entry.intended
            here = Copy.objects.get(
                mirror__connection=way.connections["left"], mirror__module=way.names["left"], record_id=entry.source_id
            )
            for rule in (r for r in definition.rules if r.source == "reference" and entry.intended.get(r.right)):
                referred = Entry.objects.filter(source_id=here.values[rule.left], record_id=entry.intended[rule.right])
                assert referred.exists(), "what it refers to is what another of these mappings made of it"
            sent: dict[str, JSON] = {r.right: here.values.get(r.left) for r in texts if r.right in entry.intended}
            assert sent == {name: entry.intended[name] for name in sent}
            assert sent or entry.action == Entry.Action.UPDATE, "an update sends what differs, a new record has a text"
    return len(written)


def _text(schemas: dict[SideName, ModuleSchema], rule: Rule) -> bool:
    types = {field.type for side in SIDES if (field := schemas[side].field(rule.at(side)))}
    return types <= TEXT_TYPES


def left_behind(run: Run) -> None:
    """Nothing failed; what waits does so for what its own data are."""
    entries = Entry.objects.filter(run=run).exclude(state=Entry.State.DONE)
    waiting = list(entries.exclude(state=Entry.State.SKIPPED, reason="matched"))  # alike on both sides already
    told = [(entry.source_id, entry.reason, entry.message) for entry in waiting]
    assert {entry.state for entry in waiting} <= {"blocked", "conflict"}, told
    assert {entry.reason for entry in waiting} <= OF_THE_DATA, told
    for entry in waiting:
        for awaited in entry.evidence.get("awaiting", ()):
            assert Entry.objects.filter(source_id=awaited["id"], state__in=("blocked", "conflict")).exists()


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_ready_mappings_bring_every_kind_of_record_from_one_vendor_to_another(
    sandbox: Sandbox, one: str, other: str
) -> None:
    connections: dict[SideName, Connection] = {
        "left": connection_to(sandbox, one),
        "right": connection_to(sandbox, other),
    }
    for kind in KINDS:
        way = Way(connections, kind)
        if {(one, kind), (other, kind)} & LACKING:
            assert len(way.names) < 2
            continue
        way.read()
        definition = way.ready()
        assert way.errors(definition) == []
        mapping = save_mapping(definition, user=None, actor="test")
        run = sync(mapping)
        assert run.state == Run.State.SUCCEEDED, run.message
        left_behind(run)
        count = arrived(run, way, definition)
        assert count == run.counts["create"] + run.counts["update"] > 0
        tables = sum(1 for rule in definition.rules if rule.table)
        print(f"{one} → {other} {kind}: {run.counts}, {len(definition.rules)} rules, {tables} by a value table")
        again = sync(mapping)
        assert again.state == Run.State.SUCCEEDED and not Entry.objects.filter(run=again).exists()
