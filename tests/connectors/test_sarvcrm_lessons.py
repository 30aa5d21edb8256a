"""What goes wrong once at SarvCRM is not held against it: a refusal is believed when it comes again, and for a day only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context, MemoryLearned, SystemClock
from connectors.errors import ProtocolError, QueryError, Unavailable
from connectors.lessons import Lessons
from connectors.query import Order, Query, parse
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.later import LaterClock
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import RULES, SarvSeeder, account, connected, observer

__all__ = ["account", "observer"]  # fixtures

GONE_AWAY = "2006 MySQL server has gone away"
NO_EMAIL = "1054 Unknown column 'leads.email1' in 'where clause'"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
def crm(account: Account, observer: CountingObserver, clock: LaterClock) -> Iterator[Connector]:
    crm = connected(account, Context(observer=observer, network=RULES, clock=clock))
    crm.describe("Leads")
    yield crm
    crm.close()


def calls_of(crm: Connector, observer: CountingObserver, query: Query) -> int:
    """Return how many calls a query costs."""
    observer.calls.clear()
    read_all(crm, "Leads", query)
    return len(observer.calls)


@pytest.mark.parametrize("fault", [GONE_AWAY, NO_EMAIL])
def test_a_database_error_that_passes_hides_no_column(
    account: Account, crm: Connector, observer: CountingObserver, fault: str
) -> None:
    query = Query(parse('email1 contains "rare.bird@"', crm.describe("Leads")))
    id = SarvSeeder(account).mutate("create", "Leads", last_name="Quetzal", email1="rare.bird@example.org")
    before = calls_of(crm, observer, query)
    account.control("POST", "switches", fail_next=[fault])
    assert [record.id for record in read_all(crm, "Leads", query)] == [id]
    assert calls_of(crm, observer, query) == before and not crm.context.learned.get("no columns of Leads")


@pytest.mark.parametrize("failures", [2, 3])
def test_while_the_database_refuses_everything_nothing_is_learned(
    account: Account, crm: Connector, failures: int
) -> None:
    query = Query(parse('email1 contains "rare.bird@"', crm.describe("Leads")))
    account.control("POST", "switches", fail_next=[GONE_AWAY] * failures)
    with pytest.raises(Unavailable):
        crm.read("Leads", query)
    assert not crm.context.learned.get("no columns of Leads")


def test_a_database_that_fails_over_one_record_is_not_blamed_on_a_query(account: Account, crm: Connector) -> None:
    id = SarvSeeder(account).put("There")
    account.control("POST", "switches", fail_next=[GONE_AWAY])
    with pytest.raises(Unavailable, match="Leads"):
        crm.get("Leads", id)
    assert crm.get("Leads", id).values["last_name"] == "There"


def test_a_column_that_comes_back_is_asked_for_again_after_a_day(
    account: Account, crm: Connector, observer: CountingObserver, clock: LaterClock
) -> None:
    query = Query(parse('email1 contains "@nowhere.example" or email1 is empty', crm.describe("Leads")))
    wanted, before = read_all(crm, "Leads", query), calls_of(crm, observer, query)
    account.control("POST", "switches", no_column=["email1"])
    assert read_all(crm, "Leads", query) == wanted
    assert list(crm.context.learned.get("no columns of Leads")) == ["email1"]
    account.control("POST", "switches", no_column=[])
    clock.days = 1.1
    assert read_all(crm, "Leads", query) == wanted
    assert calls_of(crm, observer, query) == before


def test_a_place_in_an_order_the_server_cannot_be_asked_any_more_is_told(account: Account, crm: Connector) -> None:
    page = crm.read("Leads", Query(order=(Order("score"),), limit=5))
    assert page.next_cursor
    account.control("POST", "switches", no_column=["score"])
    with pytest.raises(QueryError, match="first page"):
        crm.read("Leads", Query(order=(Order("score"),), limit=5, cursor=page.next_cursor))


@pytest.mark.parametrize("failures", [[GONE_AWAY], [GONE_AWAY, GONE_AWAY, GONE_AWAY]])
def test_a_passing_error_does_not_end_the_deltas_of_a_module(
    account: Account, crm: Connector, observer: CountingObserver, failures: list[str]
) -> None:
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "switches", fail_next=failures)
    try:
        cursor = list(crm.changes("Leads", cursor))[-1].cursor
    except Unavailable:
        assert len(failures) > 1
    assert not crm.context.learned.get("no delta of Leads")
    account.control("POST", "switches", fail_next=[])
    observer.calls.clear()
    assert not [change for page in crm.changes("Leads", cursor) for change in page.changes]
    assert len(observer.calls) == 1


def test_a_module_that_could_not_be_asked_by_time_is_asked_again_after_a_day(
    account: Account, crm: Connector, observer: CountingObserver, clock: LaterClock
) -> None:
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "switches", no_column=["date_modified"])
    cursor = list(crm.changes("Leads", cursor))[-1].cursor
    account.control("POST", "switches", no_column=[])
    clock.days = 1.1
    cursor = list(crm.changes("Leads", cursor))[-1].cursor
    observer.calls.clear()
    assert not [change for page in crm.changes("Leads", cursor) for change in page.changes]
    assert len(observer.calls) == 1


def test_a_module_whose_time_of_change_is_no_column_is_read_whole(account: Account, crm: Connector) -> None:
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "switches", no_column=["date_modified"])
    wanted = {record.id for record in read_all(crm, "Leads", Query(order=(Order("date_modified"),)))}
    assert list(crm.context.learned.get("no columns of Leads")) == ["date_modified"]
    assert {change.id for page in crm.changes("Leads", cursor) for change in page.changes} == wanted


def test_a_list_in_the_servers_order_is_no_shorter_where_it_heeds_no_offset(account: Account, crm: Connector) -> None:
    account.control("POST", "switches", passes_over={"Retrieve": ["offset"]})
    with pytest.raises(ProtocolError, match="again and again"):
        read_all(crm, "Leads", Query(order=(Order("score"),), limit=20))
    assert len(read_all(crm, "Leads", Query(order=(Order("last_name"),), limit=20))) >= 60  # sorted here


def test_a_server_that_is_busy_once_is_asked_for_smaller_pages_for_a_day(
    account: Account, crm: Connector, observer: CountingObserver, clock: LaterClock
) -> None:
    account.control("POST", "switches", fail_next=["400/90", "400/90"])
    everything = Query(limit=300)
    assert calls_of(crm, observer, everything) == 4  # two refused, one page of 75, the empty one
    assert list(crm.context.learned.get("page size of Leads")) == ["75"]
    clock.days = 1.1
    account.control("POST", "switches", max_rows=299)
    observer.calls.clear()
    crm.read("Leads", everything)
    assert list(crm.context.learned.get("page size of Leads")) == ["150"]  # 300 was tried again


def test_a_server_too_busy_for_the_smallest_page_is_told(account: Account, crm: Connector) -> None:
    account.control("POST", "switches", max_rows=19)
    with pytest.raises(Unavailable) as caught:
        crm.read("Leads", Query())
    assert caught.value.code == "90" and not crm.context.learned.get("page size of Leads")


@pytest.mark.parametrize(
    "kept", [True, 40, ["email1"], {"email1": 7}, {"email1": "yesterday"}, {"email1": "2026-01-01T00:00:00"}]
)
def test_what_another_version_kept_is_not_believed(kept: object) -> None:
    learned = MemoryLearned({"no columns of Leads": kept})
    lessons = Lessons(learned, SystemClock())
    assert lessons.recent("no columns of Leads") == ()
    lessons.note("no columns of Leads", "title")
    assert lessons.recent("no columns of Leads") == ("title",)
