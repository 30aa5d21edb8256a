"""How a plan is carried out by several senders: what is under way when something stops the run, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from connectors.errors import RateLimited
from connectors.memory import Store
from connectors.types import Record
from portal.connections.models import Call
from portal.ledger.models import Entry, Run
from portal.sync.run import request_sync, work
from tests.portal.sync_world import World, emails, entries

pytestmark = pytest.mark.django_db(transaction=True)
PARALLEL, SENDERS = 5, 4  # one place is kept for people
PEOPLE = [f"p{number:02}" for number in range(20)]


class Watched(Store):
    """A CRM that calls a function before it stores a record."""

    watch: Callable[[], None]

    def put(self, *args: Any, **kwargs: Any) -> Record:
        self.watch()
        return super().put(*args, **kwargs)


@pytest.fixture
def world() -> World:
    made = World(parallel=PARALLEL)
    made.add(made.north, *PEOPLE)
    return made


def watch(crm: Store, look: Callable[[], None]) -> None:
    crm.__class__ = Watched
    crm.watch = look  # type: ignore[attr-defined]


def in_state(state: str) -> int:
    return Entry.objects.filter(state=state).count()


def test_the_next_batch_is_made_ready_while_one_is_sent_and_no_third(world: World) -> None:
    seen: list[int] = []

    def look() -> None:
        give_up = time.monotonic() + 5
        while (sent := in_state("sent")) < 2 * SENDERS and len(seen) < SENDERS and time.monotonic() < give_up:
            time.sleep(0.01)
        seen.append(sent)
        connection.close()

    watch(world.south, look)
    assert world.sync().state == "succeeded"
    assert max(seen) == 2 * SENDERS and len(seen) == len(PEOPLE)


def test_a_sender_that_breaks_down_leaves_two_batches_unknown_at_most_and_all_arrive_once(
    world: World, settings: Any
) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0

    def look() -> None:
        raise RuntimeError("a bug of ours")

    watch(world.south, look)
    assert world.slice().state == "interrupted"
    assert SENDERS <= in_state("sent") <= 2 * SENDERS
    assert {entry.attempts for entry in entries("planned")} == {0}
    watch(world.south, lambda: None)
    Run.objects.update(not_before=None)
    assert world.sync().state == "succeeded" and len(emails(world.south)) == len(set(emails(world.south))) == 20


def test_what_was_not_sent_yet_when_the_crm_says_wait_is_planned_as_before(world: World) -> None:
    world.south.fail("create", RateLimited("slow down", retry_after=60), times=1)
    run = world.slice()
    assert run.state == "postponed" and in_state("sent") == 0
    assert in_state("done") == len(world.south.of("Contacts")) < len(PEOPLE)
    assert {(entry.state, entry.attempts) for entry in entries()} == {("done", 1), ("planned", 0)}


def test_a_run_that_is_stopped_settles_all_that_is_under_way(world: World) -> None:
    run = request_sync(world.mapping, actor="test", enqueue=False)

    def stop(phase: str, done: int, total: int | None) -> None:
        if phase == "apply":
            Run.objects.filter(pk=run.pk).update(stop_requested=True)

    assert work(run.pk, stop).state == "cancelled"
    assert in_state("sent") == 0 and in_state("done") == len(world.south.of("Contacts")) > 0


def test_every_call_of_the_senders_is_written_down(world: World) -> None:
    run = world.sync()
    assert Call.objects.filter(run_id=run.pk, writes=True).count() == len(PEOPLE)


def test_an_entry_costs_four_statements_on_average_in_all_threads_together() -> None:
    world = World(parallel=10)
    world.sync()
    world.add(world.north, *(f"p{number}" for number in range(160)))
    run = request_sync(world.mapping, actor="test", enqueue=False)
    counted = [0]

    def count(execute: Callable[..., Any], *said: Any) -> Any:
        counted[0] += 1
        return execute(*said)

    def listen(connection: Any, **said: Any) -> None:
        connection.execute_wrappers.append(count)

    def carry_out(phase: str, done: int, total: int | None) -> None:
        if phase == "apply" and not counted[0] and count not in connection.execute_wrappers:
            connection.execute_wrappers.append(count)

    connection_created.connect(listen)
    try:
        assert work(run.pk, carry_out).state == "succeeded" and len(emails(world.south)) == 160
    finally:
        connection_created.disconnect(listen)
        connection.execute_wrappers.remove(count)
    assert counted[0] / 160 <= 4
