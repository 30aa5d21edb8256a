"""What happens to runs that end badly time after time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import Unavailable
from portal.ledger.models import Problem, Run
from portal.records.models import Copy, Mirror
from portal.sync.run import request_stop, request_sync, work
from portal.sync.show import as_text
from tests.portal.sync_world import World

pytestmark = pytest.mark.django_db(transaction=True)


def go_on(run: Run) -> Run:
    """Carry out the next slice though its time has not come."""
    Run.objects.filter(pk=run.pk).update(not_before=None)
    return work(run.pk)


def test_a_run_that_crashes_three_times_in_a_row_has_failed_and_says_so() -> None:
    world = World()
    world.add(world.north, "ada")
    world.sync()
    Copy.objects.update(values=["not a record"], version=5)  # our own data spoiled: whoever reads it crashes
    Mirror.objects.update(version=5)
    run = world.slice()
    states = [run.state]
    while run.state in Run.OPEN and len(states) < 5:
        run = go_on(run)
        states.append(run.state)
    assert states == [Run.State.INTERRUPTED, Run.State.INTERRUPTED, Run.State.FAILED]
    assert Problem.objects.filter(mapping=run.mapping, closed_at=None).exists()


def test_a_run_waits_longer_each_time_its_crm_is_out_of_reach() -> None:
    world = World()
    world.north.fail("changes", Unavailable("The server is down."), times=9)
    run, waits = world.slice(), []
    for _ in range(3):
        assert run.state == Run.State.POSTPONED and run.not_before and run.beat_at
        waits.append(run.not_before - run.beat_at)
        run = go_on(run)
    assert [round(wait / timedelta(seconds=30)) for wait in waits] == [1, 2, 4]


def test_a_run_that_awaits_approval_does_not_say_that_nothing_is_to_do() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    text = as_text(world.sync())
    assert "planned: create 1" in text and "The first run would create 1 records." in text


def test_a_plan_that_is_stopped_counts_nothing_as_done() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = world.sync()
    assert run.counts["create"] == 1
    request_stop(run, None, actor="test")
    run.refresh_from_db()
    assert (run.state, run.counts["create"]) == ("cancelled", 0) and "nothing done yet" in as_text(run)


def test_stopping_a_run_that_has_just_ended_leaves_it_as_it_ended() -> None:
    world = World()
    world.add(world.north, "ada")
    run = request_sync(world.mapping, actor="test", enqueue=False)
    as_shown = Run.objects.get(pk=run.pk)
    ended = work(run.pk)
    request_stop(as_shown, None, actor="test")
    ended.refresh_from_db()
    assert ended.state == Run.State.SUCCEEDED
