"""How many requests the deeds besides reading and writing cost at every vendor: relations, links, comments, files. The numbers
stand in the table of `test_call_efficiency`; what a deed costs, it costs each time, and nobody logs in or describes for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import pytest

from connectors import connect
from connectors.base import Connector
from connectors.context import Context
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from connectors.types import Capabilities, FileContent
from tests.connectors.every_vendor import RULES, Server
from tests.connectors.test_call_efficiency import COSTS, prepared

TIMES = 5  # each deed is done so often
FEW = 20  # records that hang on another, less than a page
DEEDS = {"related": "related", "few": "related", "link": "link", "comment": "comment", "upload": "upload"}
DEEDS |= {"files": "files", "download": "files"}  # what is told of each in the table, and the capability it needs
FILE = FileContent("offer.txt", b"An offer.", "text/plain")
# What is set for a connection beside its credentials.
SETTINGS = {"sarvcrm": {"attachment_call": "GetResourceAttachment"}}  # the call is in no document: a person names it


@dataclass(frozen=True, slots=True)
class Ties:
    """What hangs on what: a firm's module and a new one's values; the field in which the record of the subject's module holds
    the firm, and in which form; and two modules, each with a new one's values, that can be linked."""

    firms: str
    firm: dict[str, Any]
    field: str = ""
    kind: Callable[[str], Any] = str
    link: tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]] | None = None
    people: str = "Contacts"
    name: str = "lastname"


VTIGER = Ties(
    "Accounts",
    {"accountname": "Firm"},
    "account_id",
    link=(("Contacts", {"lastname": "Buyer"}), ("Products", {"productname": "Thing"})),
)
TIES = {
    "vtiger": VTIGER,
    "simplycrm": VTIGER,
    "reallysimple": Ties("accounts", {"name": "Firm"}, "accountid", int, people="contacts", name="last"),
    "sarvcrm": Ties(
        "Accounts",
        {"name": "Firm"},
        "account_id",
        link=(("Accounts", {"name": "Firm"}), ("Leads", {"last_name": "Buyer"})),
        name="last_name",
    ),
    "opencrm": Ties(
        "company",
        {"accountname": "Firm"},
        link=(("company", {"accountname": "Firm"}), ("contact", {"lastname": "Buyer", "smownerid": "1"})),
    ),
}


class World:
    """One vendor's server with few records, and a connection that has done everything once."""

    def __init__(self, name: str, sandbox: Sandbox) -> None:
        self.vendor, self.costs = name.partition(" ")[0], COSTS[name]
        self.server, self.ties = Server(sandbox, self.vendor), TIES[self.vendor]
        given = {**self.server.account.secrets, self.costs.without: "", **SETTINGS.get(self.vendor, {})}
        self.crm: Connector = connect(self.vendor, given, given, Context(network=RULES))
        self.crm.check()

    def made(self, module: str, values: dict[str, Any]) -> str:
        """Create a record behind the API's back."""
        return self.server.account.create_all(module, [values])[0]

    def person(self) -> str:
        """Create a record of the module under test."""
        subject = self.server.subject
        return self.made(subject.module, {subject.field: "Somebody", **subject.stored})

    def firm_with(self, people: int) -> str:
        """Create a firm and so many people that hang on it."""
        ties, firm = self.ties, self.made(self.ties.firms, self.ties.firm)
        rows = [{ties.name: f"Person {n}", ties.field: ties.kind(firm)} for n in range(people)]
        self.server.account.create_all(ties.people, rows)
        return firm

    def people_of(self, firm: str) -> int:
        """Read all people of a firm and return how many there are."""
        query, found = Query(limit=self.costs.page), 0
        while True:
            page = self.crm.related(self.ties.firms, firm, self.ties.people, query)
            found += len(page.records)
            if page.next_cursor is None:
                return found
            query = replace(query, cursor=page.next_cursor)

    @contextmanager
    def costing(self, deed: str, wanted: int) -> Iterator[None]:
        """Fail unless what is done meanwhile costs so many calls, and none that only makes others possible."""
        with self.server.calls() as calls:
            yield
        assert sum(calls.values()) == wanted and not prepared(calls), (deed, calls)


@pytest.fixture(scope="module", params=COSTS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with Sandbox((request.param.partition(" ")[0],), records=12) as sandbox:
        made = World(request.param, sandbox)
        yield made
        made.crm.close()
        made.server.account.close()


def needs(world: World, deed: str) -> int:
    """Return what the deed costs; skip the test where the CRM cannot do it."""
    cost: int | None = getattr(world.costs, deed)
    if cost is None:
        pytest.skip(f"cannot: {DEEDS[deed]}")
    return cost


def test_the_table_has_every_deed_the_vendor_offers_and_no_other(world: World) -> None:
    assert set(DEEDS.values()) <= set(Capabilities.__slots__)
    told = {deed for deed in DEEDS if getattr(world.costs, deed) is not None}
    assert told == {deed for deed, capability in DEEDS.items() if getattr(world.crm.capabilities, capability)}
    assert world.costs.deeds_why or {getattr(world.costs, deed) for deed in told - {"related"}} <= {1}


def test_related_records_cost_their_pages(world: World) -> None:
    beyond, many = needs(world, "related"), world.costs.page * 5 // 2
    assert world.people_of(world.firm_with(1)) == 1
    firm = world.firm_with(many)
    with world.costing("related", ceil(many / world.costs.page) + beyond):
        assert world.people_of(firm) == many


def test_a_few_related_records_cost_what_the_table_says(world: World) -> None:
    cost = needs(world, "few")
    firms = [world.firm_with(FEW) for _ in range(TIMES)]
    assert world.people_of(firms[0]) == FEW
    with world.costing("few", TIMES * cost):
        assert [world.people_of(firm) for firm in firms] == [FEW] * TIMES


def test_a_link_costs_what_the_table_says(world: World) -> None:
    cost = needs(world, "link")
    assert world.ties.link is not None
    one, other = world.ties.link
    pairs = [(one[0], world.made(*one), other[0], world.made(*other)) for _ in range(TIMES + 1)]
    world.crm.link(*pairs[0])
    with world.costing("link", TIMES * cost):
        for pair in pairs[1:]:
            world.crm.link(*pair)


def test_a_comment_costs_what_the_table_says(world: World) -> None:
    cost, module = needs(world, "comment"), world.server.subject.module
    people = [world.person() for _ in range(TIMES + 1)]
    world.crm.comment(module, people[0], "Called.")
    with world.costing("comment", TIMES * cost):
        for person in people[1:]:
            world.crm.comment(module, person, "Called.")


def test_files_cost_what_the_table_says_each_of_them_only_where_it_is_sent_or_fetched(world: World) -> None:
    upload, module = needs(world, "upload"), world.server.subject.module
    files, download = needs(world, "files"), needs(world, "download")
    person, crm = world.person(), world.crm
    ids = [crm.upload(module, person, FILE).id]
    with world.costing("upload", TIMES * upload):
        ids += [crm.upload(module, person, FILE).id for _ in range(TIMES)]
    with world.costing("files", files):
        assert sorted(file.id for file in crm.files(module, person)) == sorted(ids)
    with world.costing("download", len(ids) * download):
        assert {crm.download(module, person, id).content for id in ids} == {FILE.content}
