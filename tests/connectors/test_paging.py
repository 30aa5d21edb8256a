"""Pages fetched ahead come in order, never too many at once, and stop when the caller does."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from connectors.paging import AHEAD, prefetch


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
