"""Pages fetched ahead come in order, never too many at once, and stop when the caller does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count, islice

import pytest

from connectors.errors import BudgetSpent
from connectors.paging import AHEAD, Pending, pipelined, prefetch


@pytest.mark.parametrize("workers", [0, 1, 3, 50])
def test_pages_come_in_the_order_of_the_keys(workers: int) -> None:
    assert list(prefetch(lambda key: key * 2, range(20), workers)) == [key * 2 for key in range(20)]


def test_no_keys_make_no_pages() -> None:
    assert list(prefetch(str, [], 4)) == []


def test_several_pages_are_under_way_at_once_but_never_more_than_the_workers() -> None:
    together = threading.Barrier(3, timeout=10)  # breaks unless three fetches wait at the same time
    lock = threading.Lock()
    running = most = 0

    def fetch(key: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        return key

    assert list(prefetch(fetch, range(9), 3)) == list(range(9))
    assert most == 3


def test_an_error_is_raised_after_the_pages_before_it() -> None:
    def fetch(key: int) -> int:
        if key == 2:
            raise ValueError("page 2")
        return key

    pages = prefetch(fetch, range(10), 4)
    assert [next(pages), next(pages)] == [0, 1]
    with pytest.raises(ValueError, match="page 2"):
        next(pages)


def test_a_caller_who_stops_leaves_nothing_running_and_takes_no_further_keys() -> None:
    taken: list[int] = []
    done: list[int] = []

    def keys() -> object:
        for key in count():
            taken.append(key)
            yield key

    pages = prefetch(lambda key: done.append(key) or key, keys(), 3)  # type: ignore[arg-type,var-annotated,func-returns-value]
    assert next(pages) == 0
    pages.close()  # type: ignore[attr-defined]
    finished = list(done)
    assert len(taken) == AHEAD * 3 + 1
    assert sorted(finished) == sorted(done)
    assert threading.active_count() == 1 or not [t for t in threading.enumerate() if t.name.startswith("page")]


class Asked:
    """What was begun, in this order, and what was closed unread."""

    def __init__(self, refuse: Callable[[int], bool] = lambda key: False) -> None:
        self.begun: list[int] = []
        self.patient: list[int] = []
        self.closed: list[int] = []
        self.refuse = refuse

    def begin(self, key: int, patient: bool) -> Pending[int]:
        if patient:
            self.patient.append(key)
        if self.refuse(key):
            raise BudgetSpent("no place")
        self.begun.append(key)
        return Pending(lambda: key, lambda: self.closed.append(key)).then(lambda found: found * 10)


@pytest.mark.parametrize("most", [0, 1, 3, 50])
def test_pages_of_one_thread_come_in_the_order_of_the_keys(most: int) -> None:
    assert list(pipelined(Asked().begin, range(9), most)) == [key * 10 for key in range(9)]


def test_one_more_is_under_way_with_each_answer_and_the_next_go_out_before_the_caller_works() -> None:
    asked = Asked()
    pages = pipelined(asked.begin, count(), 3)
    under_way = [len(asked.begun) - read for read, _page in enumerate(islice(pages, 6), 1)]
    assert under_way == [2, 3, 3, 3, 3, 3]
    pages.close()  # type: ignore[attr-defined]
    assert asked.closed == asked.begun[6:]


def test_only_what_is_begun_while_nothing_is_under_way_may_wait_for_its_turn() -> None:
    asked = Asked()
    list(pipelined(asked.begin, range(9), 3))
    assert asked.patient == [0]


def test_only_one_under_way_is_begun_when_the_caller_asks_for_it() -> None:
    asked = Asked()
    assert next(pipelined(asked.begin, range(5), 1)) == 0
    assert asked.begun == [0]


def test_what_finds_no_place_is_begun_later_and_raised_only_when_nothing_is_under_way() -> None:
    taken: list[int] = []
    asked = Asked(refuse=lambda key: key == 3 and len(taken) < 3)
    for page in pipelined(asked.begin, range(6), 4):
        taken.append(page)
    assert taken == [key * 10 for key in range(6)]
    for most in (1, 4):
        came: list[int] = []
        with pytest.raises(BudgetSpent):
            for page in pipelined(Asked(refuse=lambda key: key == 3).begin, range(6), most):
                came.append(page)
        assert came == [0, 10, 20]


def test_a_try_that_found_no_place_is_made_again_once_nothing_else_is_under_way() -> None:
    asked = Asked()
    lost = [2]

    def begin(key: int, patient: bool) -> Pending[int]:
        def result(found: int) -> int:
            if key in lost:
                lost.remove(key)
                raise BudgetSpent("somebody else took the place")
            return found

        return asked.begin(key, patient).then(result)

    assert list(pipelined(begin, range(7), 3)) == [key * 10 for key in range(7)]
    assert asked.begun[:6] == [0, 1, 2, 3, 4, 2] and asked.closed == [3, 4] and asked.patient == [0, 2]


def test_one_that_cannot_be_given_up_keeps_nobody_from_giving_up_the_others() -> None:
    closed: list[int] = []

    def begin(key: int, patient: bool) -> Pending[int]:
        def close() -> None:
            closed.append(key)
            raise OSError("no")

        return Pending(lambda: key, close)

    pages = pipelined(begin, range(9), 3)
    assert [next(pages), next(pages), next(pages)] == [0, 1, 2]
    with pytest.raises(OSError, match="no"):
        pages.close()
    assert closed == [3, 4, 5]


def test_an_error_of_one_page_closes_those_behind_it() -> None:
    asked = Asked()

    def begin(key: int, patient: bool) -> Pending[int]:
        return asked.begin(key, patient).then(lambda found: 100 // (found - 20))

    pages = pipelined(begin, range(9), 3)
    with pytest.raises(ZeroDivisionError):
        list(pages)
    assert asked.closed == asked.begun[3:]
