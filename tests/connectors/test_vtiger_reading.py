"""Vtiger's lists where the server leaves pages short or empty: nothing this user may see is left out, and the calls are few."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.context import Context, SystemClock
from connectors.errors import ProtocolError, QueryError
from connectors.query import Query, parse, parse_order
from connectors.vtiger.connector import VtigerConnector
from connectors.vtiger.rows import id_of
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.vtiger_account import RULES, VtigerAccount, account, sandbox

__all__ = ["account", "sandbox"]  # fixtures


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: VtigerAccount, observer: CountingObserver) -> VtigerConnector:
    """A connector that is logged in and knows the module, so that only what is read counts."""
    crm = account.connect(Context(observer=observer, network=RULES))
    crm.describe("Contacts")
    observer.calls.clear()
    return crm


ASKED = [
    ("", ""),
    ("", "-id"),
    ("", "modified"),
    ("", "-modified"),
    ("", "lastname"),
    ("not lastname contains zz", "-modified"),
]


@pytest.mark.parametrize("unseen", [range(20, 130), range(60, 171), range(100, 210), range(1, 206), range(0, 209, 2)])
@pytest.mark.parametrize("limit", [7, 1000])
def test_a_list_goes_on_past_rows_this_user_may_not_see(
    account: VtigerAccount, crm: VtigerConnector, unseen: range, limit: int
) -> None:
    ids = account.crowd(150)
    hidden = {ids[n] for n in unseen}
    account.switch(unseen={"Contacts": sorted(hidden)})
    schema = crm.describe("Contacts")
    for filter, order in ASKED:
        asked = Query(
            parse(filter, schema) if filter else None, parse_order(order, schema) if order else (), limit=limit
        )
        found = [record.id for record in read_all(crm, "Contacts", asked)]
        assert sorted(found) == sorted(set(ids) - hidden), (filter, order)


def test_a_page_of_rows_nobody_may_see_costs_a_bounded_number_of_calls_and_the_list_ends(
    account: VtigerAccount, crm: VtigerConnector, observer: CountingObserver
) -> None:
    ids = account.crowd(2500, "Assets")
    account.switch(unseen={"Assets": ids[:-1]})
    crm.describe("Assets")
    query, pages = Query(limit=50), []
    while True:
        observer.calls.clear()
        page = crm.read("Assets", query)
        pages.append(len(page.records))
        assert len(observer.calls) <= 30
        if page.next_cursor is None:
            break
        query = Query(limit=50, cursor=page.next_cursor)
    assert sum(pages) == 1 and len(pages) <= 4


def test_a_database_error_that_reads_as_no_rows_ends_no_list(account: VtigerAccount, crm: VtigerConnector) -> None:
    ids = account.crowd(150)
    first = crm.read("Contacts", Query(limit=100))
    account.switch(database_fails=1)
    rest = crm.read("Contacts", Query(limit=200, cursor=first.next_cursor))
    assert [r.id for r in (*first.records, *rest.records)] == ids and rest.next_cursor is None
    assert crm.context.learned.get("hidden rows of Contacts") is None


def test_the_end_of_a_list_costs_one_call(crm: VtigerConnector, observer: CountingObserver) -> None:
    assert len(crm.read("Contacts", Query(limit=1000)).records) == 60
    assert len(observer.calls) == 2  # the records, and how many there are behind them
    observer.calls.clear()
    assert len(crm.read("Contacts", Query(limit=20)).records) == 20
    assert len(observer.calls) == 1


@pytest.mark.parametrize("row", [{}, {"id": ""}, {"id": None}, {"id": 7}])
def test_a_row_without_an_id_is_an_error_and_not_passed_over(row: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="without an id"):
        id_of(row)


class SlowMotion(SystemClock):
    """A clock by which this server takes seconds for what takes it milliseconds."""

    times = 1.0

    def monotonic(self) -> float:
        return time.monotonic() * self.times


@pytest.fixture
def slow(account: VtigerAccount, observer: CountingObserver) -> Iterator[tuple[VtigerConnector, SlowMotion, list[str]]]:
    """A connector that reads in ranges, the clock it goes by, and the ids there are."""
    clock = SlowMotion()
    rules = replace(RULES, deadline=600)
    crm = account.connect(Context(network=rules, clock=clock, max_parallel=3, observer=observer))
    ids = account.crowd(2500, "Assets")
    crm.describe("Assets")
    observer.calls.clear()
    yield crm, clock, ids
    crm.close()


def test_where_calls_take_seconds_each_page_is_handed_over_at_once(
    slow: tuple[VtigerConnector, SlowMotion, list[str]], observer: CountingObserver
) -> None:
    crm, clock, ids = slow
    clock.times = 1000.0
    found: list[str] = []
    for page in crm.changes("Assets", None):
        assert len(page.changes) <= 100
        assert len(observer.calls) <= 2  # the newest stamp; number of records and the first page; then page after page
        observer.calls.clear()
        found += [change.id for change in page.changes]
    assert found == ids


def test_where_calls_grow_slow_a_worker_hands_over_what_it_has(
    slow: tuple[VtigerConnector, SlowMotion, list[str]],
) -> None:
    crm, clock, ids = slow
    sizes, found, read = list[int](), list[str](), list[int]()
    for page in crm.changes("Assets", None):
        clock.times = 3000.0  # from now on each page takes longer than a worker's patience
        sizes.append(len(page.changes))
        found += [change.id for change in page.changes]
        read.append(json.loads(page.cursor)["read"] or 10**9)
    assert found == ids and read == sorted(read)
    assert sizes[0] == 100 and sizes[1:].count(100) >= 8  # no range came whole


def test_a_reading_that_is_stopped_leaves_no_worker_asking(
    slow: tuple[VtigerConnector, SlowMotion, list[str]], observer: CountingObserver
) -> None:
    crm, _clock, _ids = slow
    pages = crm.changes("Assets", None)
    next(pages)
    next(pages)
    asked = len(observer.calls)
    pages.close()  # type: ignore[attr-defined]  # a generator
    assert len(observer.calls) <= asked + 12  # of the 24 that three workers' ranges take
    after = len(observer.calls)
    time.sleep(0.1)
    assert len(observer.calls) == after


@pytest.mark.parametrize(
    "cursor", ["nonsense", "after", "after x", "after 12x3 y", "at x", "at", "left -1", "sorted x", "sorted {}", ""]
)
def test_a_place_in_a_list_that_is_not_ours_is_a_query_error(crm: VtigerConnector, cursor: str) -> None:
    with pytest.raises(QueryError):
        crm.read("Contacts", Query(cursor=f"vtiger {cursor}"))
