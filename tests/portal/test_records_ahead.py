"""Who makes the next batch while one is stored: another thread, where somebody waits; else nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from portal.records.pull import ahead


def working(seconds: float) -> None:
    """Use the processor for that long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def made_by(makes: Callable[[], None], stores: Callable[[], None], items: int = 8) -> list[bool]:
    """Return for each item whether another thread than ours made it."""

    def source() -> Iterator[bool]:
        for _ in range(items):
            makes()
            yield threading.current_thread() is not threading.main_thread()

    with ahead(source()) as coming:
        found = []
        for other in coming:
            stores()
            found.append(other)
        return found


@pytest.mark.parametrize(("makes", "stores"), [(time.sleep, working), (working, time.sleep)])
def test_where_one_of_the_two_waits_a_thread_works_ahead(
    makes: Callable[[float], None], stores: Callable[[float], None]
) -> None:
    found = made_by(lambda: makes(0.02), lambda: stores(0.02))
    assert found == [False] * found.count(False) + [True] * found.count(True)
    assert found.count(False) == 2  # one to open the sockets, one to see who waits


def test_an_error_comes_after_what_was_made_before_it_and_the_source_is_closed() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            for item in range(3):
                time.sleep(0.01)
                yield item
            raise ValueError("the fourth")
        finally:
            closed.set()

    came: list[int] = []
    with pytest.raises(ValueError, match="the fourth"), ahead(source()) as coming:
        came.extend(coming)
    assert came == [0, 1, 2] and closed.is_set()


@pytest.mark.parametrize("taken", [1, 4])
def test_a_caller_who_stops_leaves_nothing_running(taken: int) -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            while True:
                time.sleep(0.01)
                yield 0
        finally:
            closed.set()

    with ahead(source()) as coming:
        for _ in range(taken):
            next(coming)
    assert closed.is_set() and not [t for t in threading.enumerate() if t.name.startswith("fetch-ahead")]
