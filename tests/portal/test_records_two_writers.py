"""Several sessions store into one mirror at once: no change is lost, and whoever follows the mirror's version sees all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from connectors.types import Change, Record
from portal.connections.models import Connection
from portal.records.models import Copy, CopyChange, Mirror
from portal.records.pull import mirror_of
from portal.records.store import Stored, store_changes

WRITERS, BATCHES = 3, 40


@pytest.fixture
def mirror(transactional_db: None, north: Connection) -> Mirror:
    return mirror_of(north, "Contacts")


def seen(id: str, text: str) -> Change:
    return Change(id, Record("Contacts", id, {"lastname": text}))


@contextmanager
def sessions(count: int) -> Iterator[Callable[..., Future[Any]]]:
    """Return a function that runs something in a thread with a database session of its own."""

    def run(deed: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return deed(*arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        yield lambda deed, *arguments: pool.submit(run, deed, *arguments)


def write(mirror_id: int, writer: int, start: threading.Barrier) -> list[Stored]:
    """Store batches of records that all writers change, and of records nobody else knows."""
    mirror = Mirror.objects.get(pk=mirror_id)
    start.wait()
    done = []
    for batch in range(BATCHES):
        shared = [seen(f"shared {n}", f"{writer}.{batch}") for n in range(batch % 3, 12, 3)]
        own = [seen(f"{writer}.{batch}.{n}", "own") for n in range(5)]
        done.append(store_changes(mirror, shared + own, cursor=f"{writer}.{batch}"))
    return done


def follow(mirror_id: int, start: threading.Barrier, ended: threading.Event) -> dict[str, tuple[int, str]]:
    """Return what a run knows that looks at the copies above its checkpoint and then moves it."""
    known: dict[str, tuple[int, str]] = {}
    checkpoint = 0
    start.wait()
    while True:
        last_look = ended.is_set()
        version = Mirror.objects.values_list("version", flat=True).get(pk=mirror_id)
        new = Copy.objects.filter(mirror=mirror_id, version__gt=checkpoint, version__lte=version)
        known |= {c.record_id: (c.version, c.values["lastname"]) for c in new}
        checkpoint = version
        if last_look:
            return known


def test_no_change_is_lost_and_no_checkpoint_jumps_one(mirror: Mirror) -> None:
    store_changes(mirror, [seen(f"shared {n}", "before") for n in range(6)])  # the other six are new to all writers
    start, ended = threading.Barrier(WRITERS + 1, timeout=30), threading.Event()
    with sessions(WRITERS + 1) as run:
        reader = run(follow, mirror.pk, start, ended)
        writers = [run(write, mirror.pk, number, start) for number in range(WRITERS)]
        try:
            done = [stored for writer in writers for stored in writer.result(timeout=120)]
        finally:
            ended.set()
        known = reader.result(timeout=60)
    copies = {c.record_id: (c.version, c.values["lastname"]) for c in mirror.copies.all()}
    assert known == copies
    mirror.refresh_from_db()
    assert len(copies) == mirror.records == 6 + sum(s.new for s in done) == WRITERS * BATCHES * 5 + 12
    assert mirror.version == 6 + sum(s.new + s.changed for s in done)
    assert CopyChange.objects.count() == sum(s.changed for s in done)
    assert_histories_are_unbroken(copies)


def assert_histories_are_unbroken(copies: dict[str, tuple[int, str]]) -> None:
    """Each change must begin where the one before ended, and the last one must be the copy."""
    last: dict[str, tuple[int, str]] = {}
    for change in CopyChange.objects.order_by("version"):
        before, after = change.changes["lastname"]
        if change.record_id in last:
            assert last[change.record_id][1] == before, f"a change of {change.record_id} was lost"
        last[change.record_id] = (change.version, after)
    assert len(last) == 12
    assert all(copies[id] == end for id, end in last.items())


@pytest.mark.services
def test_a_second_session_waits_for_the_first_and_takes_its_versions_after_it(mirror: Mirror) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("row locks are PostgreSQL's: run with DATABASE_URL=postgres://… as .ci/run does")
    stored, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            store_changes(Mirror.objects.get(), [seen("both", "first"), seen("a", "first")])
            stored.set()
            assert go_on.wait(30)

    def second() -> Stored:
        return store_changes(Mirror.objects.get(), [seen("b", "second"), seen("both", "second")])

    with sessions(2) as run:
        one = run(first)
        assert stored.wait(30)
        two = run(second)
        try:
            with pytest.raises(TimeoutError):
                two.result(timeout=0.5)
            assert Mirror.objects.get().version == 0  # a checkpoint cannot move over what is not committed
        finally:
            go_on.set()
        one.result(timeout=30)
        assert two.result(timeout=30) == Stored(new=1, changed=1, unchanged=0, gone=0, version=4)
    assert dict(mirror.copies.values_list("record_id", "version")) == {"a": 2, "b": 3, "both": 4}
    assert CopyChange.objects.get().changes == {"lastname": ["first", "second"]}
