"""What SarvCRM's simulated database makes of our queries: the same records as here, and what it refuses is learned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import QueryError
from connectors.query import Condition, Op, Order, Query, match_record, parse
from connectors.sandbox.server import Sandbox
from connectors.spelling import canonical
from connectors.types import FieldType
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import RULES, SarvSeeder, account, connected, observer
from tests.connectors.test_pushdown_costs import PLAIN

__all__ = ["account", "observer"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def crm(account: Account, observer: CountingObserver) -> Iterator[Connector]:
    crm = connected(account, Context(observer=observer, network=RULES))
    yield crm
    crm.close()


@pytest.mark.parametrize(
    "text", ["O'Brien", "back\\slash", "' OR '1'='1", "\\' OR 1=1 -- ", 'a "b" `c`', "100%_", "علی‌رضا"]
)
def test_a_nasty_value_finds_itself_and_nothing_else(account: Account, crm: Connector, text: str) -> None:
    id = SarvSeeder(account).put(text)
    for op in (Op.EQ, Op.CONTAINS, Op.STARTS, Op.ENDS):
        found = read_all(crm, "Leads", Query(Condition("last_name", op, (text,))))
        assert id in {r.id for r in found} and all(text.lower() in str(r.values["last_name"]).lower() for r in found)


@pytest.mark.parametrize(
    "module",
    ["Accounts", "Contacts", "Opportunities", "Calls", "AOS_Quotes", "Vendors", "Tasks", "Timesheet", "Communications"],
)
def test_other_modules_are_filtered_as_here(crm: Connector, module: str) -> None:
    schema, records = crm.describe(module), read_all(crm, module)
    assert records
    for field in schema.fields:
        values = [r.values.get(field.name) for r in records if isinstance(r.values.get(field.name), str | bool)]
        if not values or (field.type not in {FieldType.BOOLEAN} and canonical(field, values[0]) != values[0]):
            continue
        for op in (Op.EQ, Op.NE, Op.EMPTY, Op.NOT_EMPTY):
            filter = Condition(field.name, op, () if op in (Op.EMPTY, Op.NOT_EMPTY) else (values[0],))
            holds = match_record(filter, schema)
            found = {r.id for r in read_all(crm, module, Query(filter, fields=("id",)))}
            assert found == {r.id for r in records if holds(r)}, (field.name, op)


def test_what_turns_out_to_be_no_column_is_learned_and_filtered_here(
    account: Account, crm: Connector, observer: CountingObserver
) -> None:
    account.control("POST", "switches", no_column=["email1", "title"])
    everything = read_all(crm, "Leads")
    wanted = sorted(r.id for r in everything if r.values["email1"] and r.values["status"] == "New")
    query = Query(
        parse(
            "email1 is not empty and status = New and title is empty or email1 is not empty and status = New",
            crm.describe("Leads"),
        ),
        (Order("email1"),),
    )
    assert sorted(r.id for r in read_all(crm, "Leads", query)) == wanted
    observer.calls.clear()
    assert sorted(r.id for r in read_all(crm, "Leads", query)) == wanted
    assert len(observer.calls) <= 3  # nothing is tried twice
    assert set(crm.context.learned.get("no columns of Leads")) == {"email1", "title"}


@pytest.mark.parametrize("status", [200, 500])
def test_a_database_that_refuses_even_the_ids_is_told(account: Account, crm: Connector, status: int) -> None:
    account.control("POST", "switches", no_column=["id"], sql_status=status)
    with pytest.raises(QueryError) as caught:
        crm.read("Leads", Query())
    assert caught.value.code == "MYSQL" and "Unknown column" not in str(caught.value)


@pytest.mark.parametrize("key", ["selected_fields", "select_fields"])
def test_the_list_of_fields_is_sent_under_both_of_its_names(account: Account, crm: Connector, key: str) -> None:
    account.control("POST", "switches", fields_keys=[key])
    record = crm.read("Leads", Query(fields=("last_name",), limit=1)).records[0]
    assert set(record.values) == {"last_name"} and record.modified


def test_a_server_that_finds_a_page_too_large_is_asked_for_smaller_ones(
    account: Account, crm: Connector, observer: CountingObserver
) -> None:
    account.control("POST", "switches", max_rows=40)
    assert len(read_all(crm, "Leads")) >= 60
    observer.calls.clear()
    read_all(crm, "Leads")
    assert len(observer.calls) <= 4  # two or three pages and the empty one: no page that is too large is tried again


def test_no_records_may_be_an_error_or_an_empty_list(account: Account, crm: Connector) -> None:
    account.control("POST", "switches", no_records="51")
    assert len(read_all(crm, "Leads")) >= 60
    assert crm.read("Leads", Query(Condition("last_name", Op.EQ, ("Nobody at all",)))).records == ()
    assert crm.find_by("phone", "09120000001") == []


CROWD = 650  # leads beside the one to be found: more than two pages


@pytest.fixture(scope="module")
def crowd() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=5) as running:
        account = Account(running, "sarvcrm")
        for seeded in account.control("GET", "records", module="Leads"):
            account.control("POST", "mutate", action="delete", module="Leads", id=seeded["id"])
        sparrow = {"status": "Expired", "date_modified": "2024-05-01 10:00:00"}
        values = [{"last_name": f"Sparrow {n}", "email1": f"s{n}@example.org", **sparrow} for n in range(CROWD)]
        bird = {"last_name": "Quetzal", "email1": "rare.bird@example.org", "lead_source": "Conference"}
        values.append({**bird, "date_modified": "2031-02-03 04:05:06"})
        changes = [{"action": "create", "module": "Leads", "values": v, "touch": False} for v in values]
        account.control("POST", "mutate", changes=changes)
        account.close()
        yield running


@pytest.mark.parametrize("pattern", PLAIN)
def test_a_plain_filter_is_carried_out_by_the_server(crowd: Sandbox, observer: CountingObserver, pattern: str) -> None:
    account = Account(crowd, "sarvcrm")
    crm = connected(account, Context(observer=observer, network=RULES))
    text = pattern.replace("email", "email1").format(last="last_name", status="lead_source", choice="Conference")
    query = Query(parse(text, crm.describe("Leads")), limit=50)
    observer.calls.clear()
    found = [r.values["last_name"] for r in read_all(crm, "Leads", query)]
    crm.close()
    account.close()
    assert found == ["Quetzal"]
    assert len(observer.calls) <= 2, "one for the hit, one to see that there is no more"
