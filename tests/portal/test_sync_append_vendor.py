"""Additions to a pick list of a simulated Really Simple Systems, the one vendor of ours whose lists can be added to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.memory import forget, store
from connectors.sandbox.server import Sandbox
from connectors.types import JSON
from portal.connections.models import Connection
from portal.connections.schema import kept_schema
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.mappings.table_save import save_table
from portal.mappings.tables import Table
from portal.sync.approve import approve
from portal.sync.run import carry_out, request_sync
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import entries

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = "accounts/type=accounttype"


@pytest.fixture
def account(running_sandbox: Sandbox) -> Iterator[Account]:
    forget("memory")
    account = Account(running_sandbox, "reallysimple")
    account.control("POST", "reset")
    yield account
    account.close()


def joined(account: Account, list_names: str = LISTS) -> Mapping:
    """Return a mapping from people in memory to companies there, whose kind goes through a table that adds to lists."""
    Connection.objects.create(name="north", connector="memory", writable=True, settings={"store": "memory"})
    given = account.secrets
    settings = {"url": given["url"], "list_names": list_names}
    about = {"settings": settings, "secrets": {"access_token": given["access_token"]}, "max_parallel": 4}
    Connection.objects.create(name="rss", connector="reallysimple", writable=True, **about)
    save_table(None, Table("kinds", (("Done", "Reseller"), ("New", "Partner of ours")), "append"), actor="test")
    rules = (Rule("lastname", "name"), Rule("status", "type", table="kinds"))
    match = (("lastname", "name"),)
    definition = Definition("kinds", Side("north", "Contacts"), Side("rss", "accounts"), "left-to-right", match, rules)
    return save_mapping(definition, user=None, actor="test")


def put(**statuses: JSON) -> None:
    for name, status in statuses.items():
        store("memory").put("Contacts", {"lastname": f"Company {name}", "status": status})


def arrived(account: Account) -> dict[str, str]:
    """Return name -> kind of the companies that came over."""
    found = account.control("GET", "records", module="accounts")
    rows = [row.get("values", row) for row in found]
    return {row["name"]: row["type"] for row in rows if str(row["name"]).startswith("Company ")}


def planned(mapping: Mapping) -> Run:
    return carry_out(request_sync(mapping, actor="test", enqueue=False))


def test_what_the_list_lacks_is_added_once_and_the_companies_hold_it(account: Account) -> None:
    mapping = joined(account)
    put(a="Done", b="New", c="Done")
    run = planned(mapping)
    assert run.state == "awaiting_approval" and arrived(account) == {}
    run = carry_out(approve(run, actor="test", enqueue=False))
    assert run.state == "succeeded" and run.counts["append"] == 2, run.message
    assert arrived(account) == {"Company a": "Reseller", "Company b": "Partner of ours", "Company c": "Reseller"}
    schema = kept_schema(Connection.objects.get(name="rss"), "accounts")
    field = schema.field("type") if schema else None
    assert field is not None and {"Reseller", "Partner of ours"} <= {choice.value for choice in field.choices}
    again = planned(mapping)
    assert again.state == "succeeded" and not Entry.objects.filter(run=again).exists()


def test_a_list_whose_name_nobody_told_holds_its_records_back_and_says_what_to_do(account: Account) -> None:
    mapping = joined(account, list_names="")
    put(a="Done", d=None)
    run = carry_out(approve(planned(mapping), actor="test", enqueue=False))
    assert arrived(account).keys() == {"Company d"} and run.counts["blocked"] == 2
    (addition,) = (entry for entry in entries("blocked") if entry.action == "append")
    assert "wants the name of the pick list" in addition.message
    rss = Connection.objects.get(name="rss")
    rss.settings = {**rss.settings, "list_names": LISTS}
    rss.save()
    run = planned(mapping)
    run = carry_out(approve(run, actor="test", enqueue=False)) if run.state == "awaiting_approval" else run
    assert arrived(account)["Company a"] == "Reseller" and not entries("blocked")
