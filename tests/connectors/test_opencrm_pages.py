"""Lists of OpenCRM page by page: only a page with nothing behind it is the end, what the server counts and does not bring is an
error, and several pages at a time bring the same as one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.context import Call, Context, MemoryLearned, Outcome
from connectors.errors import ProtocolError
from connectors.opencrm.client import Listing
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.pages import PAGE, Incomplete, Pages
from connectors.query import Order, Query, parse
from connectors.sandbox.server import Sandbox
from connectors.types import ChangePage
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.opencrm_account import RULES, OpenCrmSeeder, account, connected, context, crm, observer, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=60, seed=3, latency_ms=5) as running:
        yield running


def crowd(account: Account, count: int) -> list[str]:
    """Put that many contacts there at once; return their ids."""
    change = {"action": "create", "module": "contact", "values": {"lastname": "Crowd", "smownerid": "1"}}
    return [str(made["id"]) for made in account.control("POST", "mutate", changes=[change] * count)]


def ids_in(pages: list[ChangePage]) -> set[str]:
    return {change.id for page in pages for change in page.changes}


def there(account: Account, module: str = "contact") -> set[str]:
    return {str(record["id"]) for record in account.control("GET", "records", module=module)}


# Short pages


@pytest.mark.parametrize("most", [1, 70, 199])
def test_a_server_that_gives_fewer_rows_than_asked_is_read_to_its_end(
    account: Account, crm: OpenCrmConnector, most: int
) -> None:
    crowd(account, 30 if most == 1 else 3 * PAGE)
    everything = there(account)
    account.control("POST", "switches", most_rows=most)
    assert {record.id for record in read_all(crm, "contact")} == everything
    assert {record.id for record in read_all(crm, "contact", Query(order=(Order("lastname"),)))} == everything
    assert ids_in(list(crm.changes("contact", None))) == everything
    assert {id for page in crm.ids("contact") for id in page} == everything


@pytest.mark.parametrize("short", [[3], [None, 3], [None, None, 3], [None, None, None, 3, 1], [None, 0], [None, 1]])
def test_a_page_cut_short_is_not_the_end(account: Account, crm: OpenCrmConnector, short: list[int | None]) -> None:
    crowd(account, 4 * PAGE)
    everything = there(account)
    crm.describe("contact")
    account.control("POST", "switches", short_pages=short)
    assert ids_in(list(crm.changes("contact", None))) == everything
    account.control("POST", "switches", short_pages=short)
    assert {id for page in crm.ids("contact") for id in page} == everything


def test_a_long_page_of_one_module_ends_no_list_of_another(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 2 * PAGE)
    list(crm.changes("contact", None))
    account.control("POST", "switches", most_rows=5)
    assert ids_in(list(crm.changes("company", None))) == there(account, "company")


# What the server counts


def test_what_is_counted_and_does_not_come_is_no_complete_reading(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    account.control("POST", "switches", listed=2 * PAGE)
    with pytest.raises(Incomplete):
        list(crm.changes("contact", None))
    with pytest.raises(Incomplete):
        list(crm.ids("contact"))
    with pytest.raises(Incomplete):
        crm.read("contact", Query(order=(Order("lastname"),)))


def test_after_an_incomplete_reading_the_next_one_begins_anew(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    cursor = None
    account.control("POST", "switches", listed=2 * PAGE)
    with pytest.raises(ProtocolError):
        for page in crm.changes("contact", None):
            cursor = page.cursor
    account.control("POST", "switches", listed=0)
    assert ids_in(list(crm.changes("contact", cursor))) == there(account)


def test_a_delta_that_brings_fewer_records_than_are_counted_is_read_whole(
    account: Account, crm: OpenCrmConnector
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = set(crowd(account, 2 * PAGE))
    account.control("POST", "switches", found=PAGE)
    assert made <= ids_in(list(crm.changes("contact", cursor)))
    account.control("POST", "switches", listed=PAGE)
    with pytest.raises(Incomplete):
        list(crm.changes("contact", cursor))


def test_a_delta_that_is_empty_by_mistake_loses_nothing(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = seeder.put("Made")
    account.control("POST", "switches", short_pages=[0])
    pages = list(crm.changes("contact", cursor))
    cursor = list(crm.changes("contact", pages[-1].cursor))[-1].cursor
    again = seeder.put("Again", made)
    account.control("POST", "clock", shift_seconds=3600)
    account.control("POST", "switches", short_pages=[0])
    pages += crm.changes("contact", cursor)
    pages += crm.changes("contact", pages[-1].cursor)
    found = {change.record.values["lastname"] for page in pages for change in page.changes if change.record}
    assert again == made and "Again" in found


def test_a_count_that_takes_no_notice_of_the_time_is_no_reason_to_read_everything(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    account.control("POST", "switches", count_asked="ignored")
    made = set(crowd(account, 2 * PAGE))
    crowd_of_a_kind = parse("lastname = Crowd", crm.describe("contact"))
    assert made <= {record.id for record in read_all(crm, "contact", Query(crowd_of_a_kind, (Order("lastname"),)))}
    for counted in (True, False):
        observer.calls.clear()
        pages = list(crm.changes("contact", cursor))
        assert made <= ids_in(pages) < there(account)
        assert ("get_contact_list_count" in {call.operation for call in observer.calls}) is counted
    assert crm.context.learned.get("no count by time of contact") is True


def test_a_server_that_counts_nothing_is_read_all_the_same(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    account.control("POST", "switches", absent=["get_contact_list_count"], most_rows=70)
    everything = there(account)
    pages = list(crm.changes("contact", None))
    assert ids_in(pages) == everything
    assert {id for page in crm.ids("contact") for id in page} == everything
    made = set(crowd(account, 3))
    assert made <= ids_in(list(crm.changes("contact", pages[-1].cursor)))


# Several pages at the same time


class Watch(CountingObserver):
    """Sees how many calls are under way at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    def before(self, call: Call) -> None:
        super().before(call)
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def after(self, call: Call, outcome: Outcome) -> None:
        super().after(call, outcome)
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize("workers", [1, 3])
def test_pages_are_fetched_several_at_a_time_and_never_more_than_allowed(account: Account, workers: int) -> None:
    crowd(account, 12 * PAGE)
    everything, watch = there(account), Watch()
    crm = connected(account, Context(observer=watch, network=RULES, max_parallel=workers))
    pages = list(crm.changes("contact", None))
    assert ids_in(pages) == everything and watch.most == workers
    assert len(watch.calls) <= -(-len(everything) // PAGE) + 4
    watch.most = 0
    made = set(crowd(account, 6 * PAGE))
    assert made <= ids_in(list(crm.changes("contact", pages[-1].cursor))) and watch.most == workers
    crm.close()


def test_no_fetch_is_left_when_the_reader_stops(account: Account) -> None:
    crowd(account, 12 * PAGE)
    watch = Watch()
    crm = connected(account, Context(observer=watch, network=RULES, max_parallel=3))
    pages = crm.changes("contact", None)
    for _ in range(3):
        next(pages)
    pages.close()  # type: ignore[attr-defined]
    made = len(watch.calls)
    time.sleep(0.2)
    assert watch.now == 0 and len(watch.calls) == made < 12
    crm.close()


def test_records_deleted_while_pages_are_fetched_hide_no_others(
    account: Account, context: Context, seeder: OpenCrmSeeder
) -> None:
    crowd(account, 12 * PAGE)
    crm = connected(account, context)
    found: list[ChangePage] = []
    for page in crm.changes("contact", None):
        found.append(page)
        gone = [change.id for change in page.changes[:5]] if len(found) in (1, 3, 4) else []
        account.control("POST", "mutate", changes=[{"action": "delete", "module": "contact", "id": id} for id in gone])
    assert there(account) <= ids_in(found)
    crm.close()


class Shelf:
    """A list held in memory, with the two calls a walk makes; rows are taken out, or put at the end, as calls come in."""

    def __init__(self, total: int, events: list[tuple[int, int]]) -> None:
        self.rows = [str(n) for n in range(1, total + 1)]
        self.next, self.events, self.asked, self.lock = total + 1, events, 0, threading.Lock()

    def listing(self, endpoint: str, **params: Any) -> Listing:
        with self.lock:
            for when, position in self.events:
                if when == self.asked and position < len(self.rows):
                    del self.rows[position]
                elif when == self.asked:
                    self.rows.append(str(self.next))
                    self.next += 1
            self.asked += 1
            window = self.rows[params["limit_start"] : params["limit_end"]]
        return Listing([{"crmid": id} for id in window], None)

    def count(self, module: str, **params: Any) -> int:
        return len(self.rows)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 60), st.integers(1, 9), st.integers(1, 3), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 60)), max_size=8)
)  # fmt: skip
def test_whatever_goes_or_comes_between_two_pages_the_rest_comes(
    total: int, size: int, workers: int, events: list[tuple[int, int]]
) -> None:
    shelf = Shelf(total, events)
    pages = Pages(shelf, MemoryLearned(), "contact", size=size, workers=workers)  # type: ignore[arg-type]
    pages.count()
    found = [row["crmid"] for part in pages.walk() for row in part.rows]
    assert len(found) == len(set(found))
    assert {id for id in shelf.rows if int(id) <= total} <= set(found)


class Stingy(Shelf):
    """A list whose answers are cut short: the nth to so many rows."""

    def __init__(self, total: int, cuts: dict[int, int]) -> None:
        super().__init__(total, [])
        self.cuts = cuts

    def listing(self, endpoint: str, **params: Any) -> Listing:
        most = self.cuts.get(self.asked, 99)
        return Listing(super().listing(endpoint, **params).rows[:most], None)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.dictionaries(st.integers(0, 20), st.integers(0, 6), max_size=12))
def test_answers_cut_short_lose_no_row_or_the_count_tells(total: int, size: int, cuts: dict[int, int]) -> None:
    pages = Pages(Stingy(total, cuts), MemoryLearned(), "contact", size=size)  # type: ignore[arg-type]
    pages.count()
    found = [row["crmid"] for part in pages.walk() for row in part.rows]
    assert len(found) == len(set(found))
    assert len(found) == total or pages.lacks(len(found))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.dictionaries(st.integers(1, 20), st.integers(1, 6), max_size=12))
def test_answers_cut_short_but_not_empty_lose_no_row(total: int, size: int, cuts: dict[int, int]) -> None:
    pages = Pages(Stingy(total, cuts), MemoryLearned(), "contact", size=size)  # type: ignore[arg-type]
    assert [row["crmid"] for part in pages.walk() for row in part.rows] == [str(n) for n in range(1, total + 1)]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 59)), max_size=8))
def test_a_walk_taken_up_again_after_each_page_loses_no_row(
    total: int, size: int, deletes: list[tuple[int, int]]
) -> None:
    shelf = Shelf(total, [event for event in deletes if event[1] < total])
    found: set[str] = set()
    offset, last = 0, ""
    for _ in range(500):
        pages = Pages(shelf, MemoryLearned(), "contact", size=size)  # type: ignore[arg-type]
        part = next(iter(pages.walk(offset, last)))
        offset, last = part.offset, part.last
        found |= {row["crmid"] for row in part.rows}
        if part.is_end:
            break
    assert part.is_end and {id for id in shelf.rows if int(id) <= total} <= found
