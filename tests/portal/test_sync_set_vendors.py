"""A sync set between two simulated vendors: companies, who works there and their deals, each with its owner by a value table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.query import Query
from connectors.sandbox.server import Sandbox
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.mappings.table_save import save_table
from portal.mappings.tables import Table
from portal.sync.approve import approve
from portal.sync.links import links_of
from portal.sync.run import carry_out
from portal.sync.sets.save import SaidSet, save_set
from portal.sync.sets.start import request_set
from tests.portal.sync_world import entries
from tests.portal.test_mappings_ready import connection_to

pytestmark = pytest.mark.django_db(transaction=True)
OWNERS = {"19x1": "90505", "20x2": "90506"}
OWNER = Rule("assigned_user_id", "ownerid", table="owners")
MAPPINGS: dict[str, tuple[str, str, str, tuple[tuple[str, str], ...], tuple[Rule, ...]]] = {
    "companies": ("Accounts", "accounts", "", (("accountname", "name"),), (Rule("accountname", "name"),)),
    "people": (
        "Contacts",
        "contacts",
        "account_id is not empty and email is not empty",
        (("email", "email"),),
        (
            Rule("lastname", "last"),
            Rule("email", "email"),
            Rule("account_id", "accountid", "reference", mapping="companies"),
        ),
    ),
    "deals": (
        "Potentials",
        "opportunities",
        "",
        (("potentialname", "name"),),
        (
            Rule("potentialname", "name"),
            Rule("related_to", "accountid", "reference", mapping="companies"),
            Rule("contact_id", "contactid", "reference", mapping="people"),
        ),
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vendors=("vtiger", "reallysimple"), records=6) as running:
        yield running


def test_a_set_brings_companies_people_and_deals_with_their_owners_from_one_vendor_to_another(sandbox: Sandbox) -> None:
    for slug in ("vtiger", "reallysimple"):
        connection_to(sandbox, slug)
    save_table(None, Table("owners", tuple(OWNERS.items())), actor="test")
    for name, (left, right, chosen, key, rules) in MAPPINGS.items():
        sides = Side("vtiger", left, chosen), Side("reallysimple", right)
        definition = Definition(name, *sides, "left-to-right", key, (*rules, OWNER), guards={})
        save_mapping(definition, user=None, actor="test")
    row, _deed = save_set(None, SaidSet("crm", frozenset(MAPPINGS)), actor="test")
    run = carry_out(request_set(row, actor="test", enqueue=False, plan_only=True))
    assert run.state == "awaiting_approval", run.message
    waits = [one for entry in entries("blocked") for one in entry.evidence.get("awaiting", ())]
    assert {one["mapping"] for one in waits} <= {"people"}, "only for those whom the filter leaves out"
    planned = run.counts["create"]
    run = carry_out(approve(run, actor="test", enqueue=False))
    assert run.state == "succeeded" and run.counts["create"] == planned > 6, (run.message, run.counts)
    check("companies", "accountname", "name")
    check("people", "account_id", "accountid", by="companies")
    check("people", "assigned_user_id", "ownerid", table=OWNERS)
    check("deals", "related_to", "accountid", by="companies")
    check("deals", "contact_id", "contactid", by="people")
    assert not any(carry_out(request_set(row, actor="test", enqueue=False)).counts.values())


def check(name: str, left: str, right: str, *, by: str = "", table: dict[str, str] | None = None) -> None:
    """Hold the fields of all linked records to each other, by the links of a mapping or a table."""
    pairs, known = links(name), links(by) if by else table
    here, there = records("vtiger", MAPPINGS[name][0]), records("reallysimple", MAPPINGS[name][1])
    assert pairs
    for id, other in pairs.items():
        value = here[id][left]
        assert there[other][right] == (known[value] if known is not None and value is not None else value)


def links(name: str) -> dict[str, str]:
    found = links_of(Mapping.objects.get(name=name))
    assert found is not None
    return {found.id_at(link, "left"): found.id_at(link, "right") for link in found.all()}


def records(connection: str, module: str) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    with open_connector(Connection.objects.get(name=connection), purpose="sync") as crm:
        query: Query | None = Query()
        while query is not None:
            page = crm.read(module, query)
            found |= {record.id: dict(record.values) for record in page.records}
            query = Query(cursor=page.next_cursor) if page.next_cursor else None
    return found
