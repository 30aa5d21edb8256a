"""How many requests the work costs at every vendor, by the servers' own counts: one table, and why wherever it is not the least.

The least is: a list of N records costs N / page size calls, a delta over nothing new one a module, a record one call to
read, make, change or delete; nobody logs in or describes a module for a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import pytest

from connectors import OFFERED, connect
from connectors.base import Connector
from connectors.context import Context
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import read_all
from tests.connectors.every_vendor import RULES, Server

MANY = 20  # records read, made, changed and deleted one by one
PREPARING = (
    "login",
    "challenge",
    "describe",
    "types",
    "dictionary",
    "lookup",
    "fields",
    "recordwithgrouping",
)  # parts of operations' names


@dataclass(frozen=True, slots=True)
class Costs:
    """`read`, `first`, `sweep`, `delta` and `related` are calls beyond one for each page of a list, of the first reading, of all
    ids, of what changed and of a relation; the others are the calls of one deed, None where the CRM cannot do it. `why` is asked
    for wherever a number is not the least, `deeds_why` where one of the second half is not."""

    page: int
    page_why: str
    sweep_page: int
    read: int = 0
    first: int = 0
    sweep: int = 0
    idle: int = 1
    delta: int = 0
    create: int = 1
    update: int = 1
    delete: int = 1
    many: int = 1  # of 20 records by their ids
    count: int = 1
    related: int | None = None
    few: int | None = None  # of 20 records that hang on another, less than a page
    link: int | None = None
    comment: int | None = None
    files: int | None = None  # a list of them
    download: int | None = None
    upload: int | None = None
    without: str = ""  # a secret that is left out
    why: str = ""
    deeds_why: str = ""


VTIGER = Costs(
    page=100, page_why="its query gives no more than 100 rows, whatever LIMIT says", sweep_page=100,
    read=1, first=4, sweep=3, delta=1,
    why="a page that is not full is the last one only where the server counts no more; the first reading asks for the newest "
    "stamp, and both it and the sweep for the largest id and the count of what they divide",
    related=3, few=1, link=1, comment=2, files=1, download=2, upload=3,
    deeds_why="a relation tells a hundred records, so a longer one is a list by the field that leads there, with its total and its "
    "end counted; a comment or a file for a record that is gone would be kept, so the record is read; a file is a document, "
    "which is made and linked, and tells the number of what is attached to it",
)  # fmt: skip
COSTS = {
    "vtiger": VTIGER,
    "simplycrm": replace(
        VTIGER, first=5, idle=2, delta=2,
        why="Vtiger's, and one call of the mobile API for the deletions, which the webservice does not tell of others' records",
    ),
    "simplycrm by access key": replace(
        VTIGER,
        idle=2,
        delta=2,
        without="password",
        why="Vtiger's, and one call of `sync` for the deletions, at a server where that works",
    ),
    "simplycrm by password": replace(
        VTIGER, first=5, idle=2, delta=2, delete=2, without="access_key",
        link=None, files=None, download=None, upload=None,
        why="as with both; and only a number is sent to delete a record, so it is read first to be that record",
    ),
    "reallysimple": Costs(
        page=100, page_why="its document: at most 100 records a page", sweep_page=100, first=2, sweep=1,
        why="the newest stamp, and the largest id with the total, are asked for before anything is read: they tell afterwards "
        "whether something slipped between the pages",
        related=0, few=1,
    ),
    "sarvcrm": Costs(
        page=300, page_why="what the clients in use ask for at most; a larger one is cut or refused (code 90)",
        sweep_page=300, read=1, first=3, sweep=1, delta=1, create=2, update=2, count=0,
        why="only an empty page is the end, since servers cut pages; a write is answered by an id alone, so the record is read; "
        "the first reading looks for the zone of its stamps",
        related=1, few=2, link=3, comment=2, files=3, download=1, upload=2,
        deeds_why="of a relation and of the notes with files, too, only an empty page is the end; what is linked, commented on, or has "
        "a file is read before, since what the server says of a record that is gone is not documented",
    ),
    "opencrm": Costs(
        page=200, page_why="full lists are slow by the document's own words; they may hold 50,000", sweep_page=1000,
        read=1, first=3, sweep=2, delta=2, create=2, update=2, many=MANY, delete=0,
        why="pages overlap by a row, so that nothing slips between them; the total is asked for, and all that came compared with "
        "it; a write is answered by an id alone; no list can be asked for ids",
        link=3, deeds_why="both records are read before: whether the server looks is not documented",
    ),
}  # fmt: skip


class World:
    """One vendor's server with two and a half pages of old records, and connections to it that share their memory."""

    def __init__(self, name: str, sandbox: Sandbox) -> None:
        self.vendor, self.costs = name.partition(" ")[0], COSTS[name]
        self.server = Server(sandbox, self.vendor)
        self.module, self.field = self.server.subject.module, self.server.subject.field
        self.context = Context(network=RULES)
        self.server.fill(self.costs.page * 5 // 2)

    @property
    def total(self) -> int:
        """Return how many records there are."""
        return len(self.server.account.control("GET", "records", module=self.module))

    def connect(self) -> Connector:
        """Return a connector as another worker has it: nothing described, sessions and what was learned shared."""
        given = {**self.server.account.secrets, self.costs.without: ""}
        return connect(self.vendor, given, given, self.context)

    def pages(self, records: int | None = None, size: int = 0) -> int:
        return ceil((self.total if records is None else records) / (size or self.costs.page))

    def new(self, text: str) -> dict[str, object]:
        return {self.field: text, **self.server.subject.needed}


@pytest.fixture(scope="module", params=COSTS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with Sandbox((request.param.partition(" ")[0],), records=12) as sandbox:
        made = World(request.param, sandbox)
        yield made
        made.server.account.close()


@pytest.fixture
def crm(world: World) -> Iterator[Connector]:
    """A connector that has logged in and described the module."""
    crm = world.connect()
    crm.check()
    crm.describe(world.module)
    yield crm
    crm.close()


def prepared(calls: dict[str, int]) -> list[str]:
    """Return the operations among these that only make others possible."""
    return [name for name in calls if any(part in name.lower() for part in PREPARING)]


def test_every_vendor_is_in_the_table_and_says_why_it_costs_more_than_the_least() -> None:
    assert {name.partition(" ")[0] for name in COSTS} == set(OFFERED)
    for costs in COSTS.values():
        least = Costs(costs.page, costs.page_why, costs.sweep_page, without=costs.without)
        assert costs.page_why and (costs.why or costs == least)


def test_what_a_record_costs_is_declared(world: World, crm: Connector) -> None:
    able = crm.capabilities
    declared = able.create_calls, able.update_calls, able.delete_calls
    assert declared == (world.costs.create, world.costs.update, world.costs.delete)


def test_a_page_is_as_large_as_the_vendor_lets_it_be_and_costs_one_call(world: World, crm: Connector) -> None:
    assert crm.capabilities.page_size == world.costs.page
    with world.server.calls() as calls:
        assert len(crm.read(world.module, Query(limit=world.costs.page)).records) == world.costs.page
    assert sum(calls.values()) == 1


def test_a_list_costs_its_pages(world: World, crm: Connector) -> None:
    with world.server.calls() as calls:
        assert len(read_all(crm, world.module)) == world.total
    assert sum(calls.values()) == world.pages() + world.costs.read and not prepared(calls)


def test_the_calls_of_a_page_are_foretold(world: World, crm: Connector) -> None:
    query = Query(limit=MANY)
    with world.server.calls() as calls:
        told = crm.explain(world.module, query).calls
    assert not calls
    with world.server.calls() as calls:
        crm.read(world.module, query)
    assert sum(calls.values()) == told


def test_the_first_reading_costs_its_pages(world: World, crm: Connector) -> None:
    with world.server.calls() as calls:
        assert len({change.id for page in crm.changes(world.module, None) for change in page.changes}) == world.total
    assert sum(calls.values()) == world.pages() + world.costs.first and not prepared(calls)


def test_all_ids_cost_their_pages(world: World, crm: Connector) -> None:
    with world.server.calls() as calls:
        assert sum(map(len, crm.ids(world.module))) == world.total
    assert sum(calls.values()) == world.pages(size=world.costs.sweep_page) + world.costs.sweep and not prepared(calls)


def test_a_delta_over_nothing_new_costs_one_call_a_module_also_for_a_new_worker(world: World, crm: Connector) -> None:
    cursor = list(crm.changes(world.module, None))[-1].cursor
    for _run in range(3):
        worker = world.connect()
        with world.server.calls() as calls:
            pages = list(worker.changes(world.module, cursor))
        worker.close()
        assert not [change for page in pages for change in page.changes]
        assert sum(calls.values()) == world.costs.idle, calls
        cursor = pages[-1].cursor


def test_a_delta_costs_the_pages_of_what_changed(world: World, crm: Connector) -> None:
    cursor = list(crm.changes(world.module, None))[-1].cursor
    made = [crm.create(world.module, world.new(f"Made {n}")).id for n in range(MANY)]
    with world.server.calls() as calls:
        found = {change.id for page in crm.changes(world.module, cursor) for change in page.changes}
    assert found == set(made)
    assert sum(calls.values()) == world.pages(MANY) + world.costs.delta and not prepared(calls)


def test_a_record_costs_what_the_table_says_and_nobody_logs_in_or_describes_for_it(
    world: World, crm: Connector
) -> None:
    with world.server.calls() as calls:
        ids = [crm.create(world.module, world.new(f"One {n}")).id for n in range(MANY)]
    assert sum(calls.values()) == MANY * world.costs.create and not prepared(calls)
    with world.server.calls() as calls:
        assert [crm.get(world.module, id).id for id in ids] == ids
    assert sum(calls.values()) == MANY and not prepared(calls)
    with world.server.calls() as calls:
        for id in ids:
            crm.update(world.module, id, {world.field: "Changed"})
    assert sum(calls.values()) == MANY * world.costs.update and not prepared(calls)
    with world.server.calls() as calls:
        assert {record.id for record in crm.get_many(world.module, ids)} == set(ids)
    assert sum(calls.values()) == world.costs.many and not prepared(calls)
    if crm.capabilities.delete:
        with world.server.calls() as calls:
            for id in ids:
                crm.delete(world.module, id)
        assert sum(calls.values()) == MANY * world.costs.delete and not prepared(calls)


def test_a_count_costs_one_call_or_none(world: World, crm: Connector) -> None:
    with world.server.calls() as calls:
        assert crm.count(world.module, Query()) == (world.total if crm.capabilities.counts else None)
    assert sum(calls.values()) == (1 if crm.capabilities.counts else 0)


def test_a_new_worker_does_not_log_in_again_and_describes_a_module_once(world: World, crm: Connector) -> None:
    worker = world.connect()
    with world.server.calls() as calls:
        for n in range(3):
            made = worker.create(world.module, world.new(f"Worker's {n}"))
            worker.get(world.module, made.id)
    worker.close()
    assert not [name for name in calls if "login" in name.lower() or "challenge" in name.lower()]
    assert all(calls[name] == 1 for name in prepared(calls))
