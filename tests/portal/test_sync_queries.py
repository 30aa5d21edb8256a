"""What a run costs the database: it grows with changes, not with records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.sync.run import request_sync, work
from tests.portal.sync_world import World, start_again

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def time_stands_still(settings: Any) -> None:
    """Write nothing because time has passed: a busy machine would count more."""
    settings.BEAT_SECONDS = settings.SLICE_SECONDS = settings.CALL_DEADLINE_SECONDS = 3600
    settings.LEASE_SECONDS = 10 * 3600


class Counting:
    """Counts the SQL statements of this thread."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen[sql[:60]] += 1
        return execute(sql, params, many, context)

    @property
    def total(self) -> int:
        return self.seen.total()


def statements(world: World) -> int:
    run = request_sync(world.mapping, actor="test", enqueue=False)
    counting = Counting()
    with connection.execute_wrapper(counting):
        assert work(run.pk).state == "succeeded"
    return counting.total


def test_a_run_over_nothing_new_costs_the_same_however_many_records_there_are() -> None:
    world = World()
    world.add(world.north, "ada")
    statements(world)
    few = statements(world)
    world.add(world.north, *(f"p{n}" for n in range(60)))
    statements(world)
    assert statements(world) == few < 105


def test_planning_costs_a_fixed_number_of_statements_a_batch() -> None:
    counts = []
    for people in (3, 80):
        start_again()
        world = World()
        world.add(world.north, *(f"p{n}" for n in range(people)))
        world.add(world.south, *(f"p{n}" for n in range(people)))
        counts.append(statements(world))
    assert counts[1] - counts[0] < 10  # only inserts come in chunks


def test_an_entry_costs_at_most_eight_statements_on_average() -> None:
    world = World(parallel=8)
    idle = statements(world)
    world.add(world.north, *(f"p{n}" for n in range(120)))
    assert (statements(world) - idle) / 120 <= 8


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by its statistics")
@pytest.mark.parametrize(("index", "text"), [("link_left_once", "sync_link"), ("match_key_key", "sync_matchkey")])
def test_links_and_holders_of_keys_are_found_by_their_index_not_by_reading_all(index: str, text: str) -> None:
    world = World()
    world.add(world.north, "ada")
    with CaptureQueriesContext(connection) as captured:
        world.sync()
    wanted = [
        query["sql"]
        for query in captured.captured_queries
        if query["sql"].startswith("SELECT")
        and text in query["sql"]
        and (" IN (" in query["sql"])
        and "'" in query["sql"]
    ]
    plans = []
    with connection.cursor() as cursor:
        for sql in wanted:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plans += [str(row[-1]) for row in cursor.fetchall()]
    assert any(f"USING INDEX {index}" in plan for plan in plans), plans
