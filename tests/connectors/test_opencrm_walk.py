"""Lists of OpenCRM several pages at a time: they bring the same as one after the other, whatever happens meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.answer import Listing
from connectors.context import Call, Context, Outcome
from connectors.opencrm.client import PAGE, Question
from connectors.opencrm.pages import Pages
from connectors.sandbox.server import Sandbox
from connectors.types import ChangePage
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import (
    RULES,
    OpenCrmSeeder,
    account,
    connected,
    context,
    crm,
    crowd,
    ids_in,
    no_lessons,
    observer,
    seeder,
    there,
)
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=60, seed=3, latency_ms=5) as running:
        yield running


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

    def listing(self, module: str, asked: Question) -> Listing:
        with self.lock:
            for when, position in self.events:
                if when == self.asked and position < len(self.rows):
                    del self.rows[position]
                elif when == self.asked:
                    self.rows.append(str(self.next))
                    self.next += 1
            self.asked += 1
            window = self.rows[asked.start : asked.end]
        return Listing([{"crmid": id} for id in window], None)

    def count(self, module: str, asked: Question) -> int:
        return len(self.rows)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 60), st.integers(1, 9), st.integers(1, 3), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 60)), max_size=8)
)  # fmt: skip
def test_whatever_goes_or_comes_between_two_pages_the_rest_comes(
    total: int, size: int, workers: int, events: list[tuple[int, int]]
) -> None:
    shelf = Shelf(total, events)
    pages = Pages(shelf, "contact", no_lessons(), size=size, workers=workers)  # type: ignore[arg-type]
    pages.count()
    found = [row["crmid"] for part in pages.walk() for row in part.rows]
    assert len(found) == len(set(found))
    assert {id for id in shelf.rows if int(id) <= total} <= set(found)


class Stingy(Shelf):
    """A list whose answers are cut short: the nth to so many rows."""

    def __init__(self, total: int, cuts: dict[int, int]) -> None:
        super().__init__(total, [])
        self.cuts = cuts

    def listing(self, module: str, asked: Question) -> Listing:
        most = self.cuts.get(self.asked, 99)
        return Listing(super().listing(module, asked).rows[:most], None)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.dictionaries(st.integers(0, 20), st.integers(0, 6), max_size=12))
def test_answers_cut_short_lose_no_row_or_the_count_tells(total: int, size: int, cuts: dict[int, int]) -> None:
    pages = Pages(Stingy(total, cuts), "contact", no_lessons(), size=size)  # type: ignore[arg-type]
    pages.count()
    found = [row["crmid"] for part in pages.walk() for row in part.rows]
    assert len(found) == len(set(found))
    assert len(found) == total or pages.lacks(len(found))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.dictionaries(st.integers(1, 20), st.integers(1, 6), max_size=12))
def test_answers_cut_short_but_not_empty_lose_no_row(total: int, size: int, cuts: dict[int, int]) -> None:
    pages = Pages(Stingy(total, cuts), "contact", no_lessons(), size=size)  # type: ignore[arg-type]
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
        pages = Pages(shelf, "contact", no_lessons(), size=size)  # type: ignore[arg-type]
        part = next(iter(pages.walk(offset, last)))
        offset, last = part.offset, part.last
        found |= {row["crmid"] for row in part.rows}
        if part.is_end:
            break
    assert part.is_end and {id for id in shelf.rows if int(id) <= total} <= found
