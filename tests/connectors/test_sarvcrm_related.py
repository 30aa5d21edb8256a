"""Records that hang on others at SarvCRM: all of them and each once, whatever of a question the server passes over."""

from __future__ import annotations

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import ProtocolError, QueryError, RecordInvalid, RecordNotFound, Unsupported
from connectors.query import Order, Query, parse
from connectors.types import Record
from tests.connectors.contract import CountingObserver
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import (
    RULES,
    SarvSeeder,
    account,
    connected,
    context,
    crm,
    observer,
    sandbox,
    seeder,
)

__all__ = ["account", "observer", "context", "seeder", "crm", "sandbox"]  # fixtures

MANY = 45  # products of one quote: more than two of the pages a server sends by itself
PASSED_OVER = [
    ["offset"], ["query"], ["order_by"], ["limit"], ["query", "order_by"], ["offset", "order_by"], ["offset", "limit"],
    ["query", "limit", "order_by"], ["offset", "query", "order_by", "limit"],
]  # fmt: skip


@pytest.fixture
def quote(account: Account) -> tuple[str, dict[str, str]]:
    """Return the id of a quote and its products: id -> name."""
    made = [
        {"action": "create", "module": "AOS_Products", "values": {"name": f"Product {n % 7} {n}"}} for n in range(MANY)
    ]
    products = [str(told["id"]) for told in account.control("POST", "mutate", changes=made)]
    quote = SarvSeeder(account).mutate("create", "AOS_Quotes", name="Quote")
    plain = connected(account, Context(network=RULES))
    given = {"module": "AOS_Quotes", "id": quote, "field_name": "products", "related_records": products}
    plain.call("save_relationships", given)
    plain.close()
    return quote, {id: f"Product {n % 7} {n}" for n, id in enumerate(products)}


def all_of(crm: Connector, quote: str, query: Query) -> list[Record]:
    """Return the related records, page after page; fails when the pages do not end."""
    found: list[Record] = []
    for _page in range(100):
        page = crm.related("AOS_Quotes", quote, "AOS_Products", query)
        found += page.records
        if page.next_cursor is None:
            return found
        query = Query(query.filter, query.order, query.fields, query.limit, page.next_cursor)
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [7, 20, 300])
@pytest.mark.parametrize("order", [(), (Order("name", True),), (Order("date_entered"),)])
@pytest.mark.parametrize("passed_over", PASSED_OVER, ids="-".join)
def test_all_related_records_come_once_whatever_the_server_passes_over(
    account: Account,
    crm: Connector,
    quote: tuple[str, dict[str, str]],
    passed_over: list[str],
    order: tuple[Order, ...],
    limit: int,
) -> None:
    account.control(
        "POST",
        "switches",
        passes_over={"GetRelationship": passed_over},
        page_size=1000 if "limit" in passed_over else 20,
    )
    id, products = quote
    found = all_of(crm, id, Query(order=order, limit=limit))
    assert sorted(record.id for record in found) == sorted(products)
    if order and order[0].field == "name":
        names = [str(record.values["name"]) for record in found]
        assert names == sorted(names, reverse=True)


@pytest.mark.parametrize("cap", [20, 30])
@pytest.mark.parametrize("passed_over", [["offset"], ["query", "order_by"]], ids="-".join)
def test_a_server_that_cuts_pages_short_hides_nothing(
    account: Account, crm: Connector, quote: tuple[str, dict[str, str]], cap: int, passed_over: list[str]
) -> None:
    account.control("POST", "switches", passes_over={"GetRelationship": [*passed_over, "limit"]}, page_size=cap)
    assert sorted(record.id for record in all_of(crm, quote[0], Query())) == sorted(quote[1])


def test_where_nobody_can_know_whether_there_are_more_that_is_told_and_nothing_is_linked(
    account: Account, crm: Connector, seeder: SarvSeeder, quote: tuple[str, dict[str, str]]
) -> None:
    account.control("POST", "switches", passes_over={"GetRelationship": ["offset", "query", "order_by"]}, max_rows=0)
    account.control("POST", "switches", largest_page=20)
    with pytest.raises(ProtocolError, match="again and again"):
        all_of(crm, quote[0], Query())
    with pytest.raises(ProtocolError, match="again and again"):
        crm.link("AOS_Quotes", quote[0], "AOS_Products", seeder.mutate("create", "AOS_Products", name="One more"))
    account.control("POST", "switches", passes_over={})
    assert len(all_of(crm, quote[0], Query())) == MANY


@pytest.mark.parametrize(
    "passed_over", [[], ["offset"], ["query", "order_by"]], ids=lambda names: "-".join(names) or "nothing"
)
def test_one_more_link_keeps_all_there_are_at_a_server_that_replaces(
    account: Account, crm: Connector, seeder: SarvSeeder, quote: tuple[str, dict[str, str]], passed_over: list[str]
) -> None:
    account.control(
        "POST", "switches", relations_replace=True, largest_page=20, passes_over={"GetRelationship": passed_over}
    )
    one_more = seeder.mutate("create", "AOS_Products", name="One more")
    crm.link("AOS_Quotes", quote[0], "AOS_Products", one_more)
    account.control("POST", "switches", largest_page=0, passes_over={})
    assert {record.id for record in all_of(crm, quote[0], Query())} == {*quote[1], one_more}


@pytest.mark.parametrize("deed", ["related", "link", "owners"])
def test_a_page_too_large_is_asked_for_smaller_everywhere(
    account: Account, crm: Connector, seeder: SarvSeeder, quote: tuple[str, dict[str, str]], deed: str
) -> None:
    wanted = len(crm.owners())
    account.control("POST", "switches", max_rows=20)
    if deed == "related":
        assert len(all_of(crm, quote[0], Query(limit=300))) == MANY
    elif deed == "owners":
        assert len(crm.owners()) == wanted
    else:
        crm.link("AOS_Quotes", quote[0], "AOS_Products", seeder.mutate("create", "AOS_Products", name="One more"))
        assert len(all_of(crm, quote[0], Query())) == MANY + 1


def test_fields_without_a_column_are_filtered_and_ordered_here(
    account: Account, crm: Connector, observer: CountingObserver, quote: tuple[str, dict[str, str]]
) -> None:
    id, products = quote
    account.control("POST", "switches", no_column=["name", "date_entered"])
    schema = crm.describe("AOS_Products")
    query = Query(
        parse('name starts with "Product 3" and aos_product_category_name is empty', schema), (Order("name"),), limit=4
    )
    wanted = sorted(name for name in products.values() if name.startswith("Product 3"))
    assert [record.values["name"] for record in all_of(crm, id, query)] == wanted
    by_time = all_of(crm, id, Query(order=(Order("date_entered"), Order("name", True))))
    assert sorted(record.id for record in by_time) == sorted(products)
    by_name = all_of(crm, id, Query(order=(Order("aos_product_category_name"), Order("name"))))
    assert [record.values["name"] for record in by_name] == sorted(products.values())


def test_a_relation_that_takes_no_query_is_read_all_the_same(
    account: Account, crm: Connector, quote: tuple[str, dict[str, str]]
) -> None:
    account.control("POST", "switches", no_column=["id"])
    assert sorted(record.id for record in all_of(crm, quote[0], Query(limit=10))) == sorted(quote[1])


# By a reference


def test_what_a_reference_leads_to_is_related_both_ways(crm: Connector, seeder: SarvSeeder) -> None:
    account = seeder.mutate("create", "Accounts", name="Firm")
    lead = seeder.mutate("create", "Leads", last_name="Of the firm", account_id=account)
    alone = seeder.mutate("create", "Leads", last_name="Alone")
    assert [record.id for record in crm.related("Leads", lead, "Accounts", Query()).records] == [account]
    assert crm.related("Leads", alone, "Accounts", Query()).records == ()
    assert [record.id for record in crm.related("Accounts", account, "Leads", Query()).records] == [lead]
    schema = crm.describe("Leads")
    none = Query(parse('last_name = "Somebody else"', schema))
    assert crm.related("Accounts", account, "Leads", none).records == ()
    with pytest.raises(RecordNotFound):
        crm.related("Accounts", "00000000-0000-0000-0000-000000000000", "Leads", Query())


@pytest.mark.parametrize("from_the_lead", [True, False])
def test_a_link_by_a_reference_sets_the_field_and_unlinking_empties_it(
    crm: Connector, seeder: SarvSeeder, from_the_lead: bool
) -> None:
    account = seeder.mutate("create", "Accounts", name="Firm")
    lead = seeder.put("Of the firm")
    ends = ("Leads", lead, "Accounts", account) if from_the_lead else ("Accounts", account, "Leads", lead)
    crm.link(*ends)
    assert crm.get("Leads", lead).values["account_id"] == account
    crm.unlink(*ends)
    assert crm.get("Leads", lead).values["account_id"] is None
    with pytest.raises(RecordNotFound, match="not linked"):
        crm.unlink(*ends)
    with pytest.raises(RecordNotFound):
        crm.link("Leads", lead, "Accounts", "00000000-0000-0000-0000-000000000000")
    assert crm.get("Leads", lead).values["account_id"] is None


def test_a_link_that_both_a_relation_and_a_field_tell_is_undone_by_the_field(
    crm: Connector, seeder: SarvSeeder
) -> None:
    account, parent, relation, children = seeder.related()
    child = sorted(children)[0]
    crm.unlink(account, parent, relation, child)
    assert {record.id for record in crm.related(account, parent, relation, Query()).records} == children - {child}


def test_a_link_that_is_shown_though_its_field_was_emptied_is_not_told_as_undone(
    account: Account, crm: Connector, seeder: SarvSeeder
) -> None:
    firm, parent, relation, children = seeder.related()
    child = sorted(children)[0]
    account.control("POST", "switches", also_related=[child])
    with pytest.raises(ProtocolError, match="still shows") as caught:
        crm.unlink(firm, parent, relation, child)
    assert caught.value.maybe_done


def test_a_link_no_field_tells_cannot_be_undone(
    account: Account, crm: Connector, seeder: SarvSeeder, quote: tuple[str, dict[str, str]]
) -> None:
    with pytest.raises(Unsupported, match="no call"):
        crm.unlink("AOS_Quotes", quote[0], "AOS_Products", next(iter(quote[1])))
    assert len(all_of(crm, quote[0], Query())) == MANY


def test_where_several_fields_lead_to_a_module_none_is_chosen(crm: Connector, seeder: SarvSeeder) -> None:
    branch, user = seeder.mutate("create", "Branches", name="North"), crm.owners()[0].id
    before = seeder.stored("Branches", branch)
    with pytest.raises(QueryError, match="manager_id") as caught:
        crm.link("Branches", branch, "Users", user)
    assert "assigned_user_id" in str(caught.value) and seeder.stored("Branches", branch) == before


# What a link must not undo


def test_a_link_to_a_record_that_is_not_there_is_refused_before_anything_is_sent(
    account: Account, crm: Connector, quote: tuple[str, dict[str, str]]
) -> None:
    sent = account.control("GET", "counters")["sarvcrm"].get("SaveRelationships AOS_Quotes", 0)
    with pytest.raises(RecordNotFound):
        crm.link("AOS_Quotes", quote[0], "AOS_Products", "00000000-0000-0000-0000-000000000000")
    assert account.control("GET", "counters")["sarvcrm"].get("SaveRelationships AOS_Quotes", 0) == sent == 1
    assert len(all_of(crm, quote[0], Query())) == MANY


@pytest.mark.parametrize("cap", [1, 2, 10, 19])
def test_a_page_of_few_records_is_not_taken_for_all_links_there_are(
    account: Account, crm: Connector, seeder: SarvSeeder, quote: tuple[str, dict[str, str]], cap: int
) -> None:
    passed_over = {"GetRelationship": ["offset", "query", "order_by"]}
    account.control("POST", "switches", passes_over=passed_over, largest_page=cap, relations_replace=True)
    with pytest.raises(ProtocolError, match="all links of AOS_Quotes"):
        crm.link("AOS_Quotes", quote[0], "AOS_Products", seeder.mutate("create", "AOS_Products", name="One more"))
    account.control("POST", "switches", passes_over={}, largest_page=0)
    assert len(all_of(crm, quote[0], Query())) == MANY


@pytest.mark.parametrize("from_the_lead", [True, False])
def test_a_link_by_a_reference_takes_no_other_link_away(
    crm: Connector, seeder: SarvSeeder, from_the_lead: bool
) -> None:
    first, second = (seeder.mutate("create", "Accounts", name=name) for name in ("First", "Second"))
    lead = seeder.mutate("create", "Leads", last_name="Of the first", account_id=first)
    before = seeder.stored("Leads", lead)
    for other in (second, first):
        ends = ("Leads", lead, "Accounts", other) if from_the_lead else ("Accounts", other, "Leads", lead)
        if other == second:
            with pytest.raises(RecordInvalid, match=first):
                crm.link(*ends)
        else:
            crm.link(*ends)  # it is linked so already
    assert seeder.stored("Leads", lead) == before
