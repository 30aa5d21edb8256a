"""Runs in the background: schedules, slices, and taking up what was left."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule

from connectors.errors import AuthError
from portal.ledger.lease import take
from portal.ledger.models import Problem, Run
from portal.mappings.definition import Schedule as Timing
from portal.mappings.models import Mapping
from portal.sync.run import lease_name, request_sync
from portal.sync.schedules import STANDING, keep_in_step, keep_standing, next_run
from portal.sync.tasks import resume_runs, run_slice, scheduled
from tests.portal.sync_world import World, emails
from tests.portal.task_queue import queued, take_next

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_mapping_saved_with_an_interval_runs_by_itself_that_much_later() -> None:
    world = World(schedule=Timing(minutes=15))
    at = next_run(world.mapping)
    assert at is not None and timedelta(minutes=14) < at - timezone.now() <= timedelta(minutes=15)
    world.say(schedule=Timing(minutes=15))
    assert next_run(world.mapping) == at  # saving it again does not begin the interval anew


def test_a_cron_line_replaces_the_interval_and_a_pause_ends_both() -> None:
    world = World(schedule=Timing(minutes=15))
    world.say(schedule=Timing(cron="0 7 * * *"))
    at = next_run(world.mapping)
    assert at is not None and (timezone.localtime(at).hour, at.minute) == (7, 0) and at > timezone.now()
    world.say(schedule=Timing(cron="0 7 * * *", paused=True))
    assert next_run(world.mapping) is None
    world.say(schedule=Timing(minutes=5))
    world.mapping.state = Mapping.State.PAUSED
    keep_in_step(world.mapping)
    assert not Schedule.objects.exists()


def test_the_schedule_starts_one_run_and_never_a_second_beside_it() -> None:
    world = World(schedule=Timing(minutes=1))
    first = scheduled(str(world.mapping.uuid))
    assert scheduled(str(world.mapping.uuid)) == first
    run = Run.objects.get()
    assert (run.actor, run.state, queued()[0]) == ("schedule", "queued", ("portal.sync.tasks.run_slice", (run.pk,)))


def test_a_plan_that_waits_for_approval_is_not_replaced_by_the_schedule() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = world.sync()
    scheduled(str(world.mapping.uuid))
    run.refresh_from_db()
    assert run.state == "awaiting_approval" and Run.objects.count() == 1


def test_a_schedule_that_cannot_run_becomes_a_problem_and_a_forgotten_one_disappears() -> None:
    world = World(schedule=Timing(minutes=1))
    Mapping.objects.update(state=Mapping.State.PAUSED)
    scheduled(str(world.mapping.uuid))
    assert "paused" in Problem.objects.get().detail
    Mapping.objects.update(state=Mapping.State.ACTIVE)
    scheduled(str(world.mapping.uuid))
    assert not Problem.objects.filter(closed_at=None)
    uuid = str(world.mapping.uuid)
    Run.objects.all().delete()
    world.mapping.delete()
    scheduled(uuid)
    assert not Schedule.objects.exists()


def test_a_slice_that_does_not_finish_enqueues_the_next_and_the_run_ends(settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    world = World()
    world.add(world.north, "ada", "bo")
    run = request_sync(world.mapping, actor="test")
    slices = 0
    while args := take_next():
        run_slice(*args)
        slices += 1
        assert slices < 50
    run.refresh_from_db()
    assert run.state == "succeeded" and run.slices == slices > 2
    assert emails(world.south) == ["ada@example.org", "bo@example.org"]


def test_a_slice_of_a_run_that_somebody_else_works_on_does_nothing_and_enqueues_nothing() -> None:
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    held = take(lease_name(run))
    assert held is not None and run_slice(run.pk) == "queued" and queued() == []


def test_every_open_run_without_a_worker_is_taken_up_again() -> None:
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    assert resume_runs() == 0  # it was asked for a moment ago: its slice is on its way
    Run.objects.update(state="running", beat_at=timezone.now() - timedelta(minutes=2))
    assert resume_runs() == 1
    run.refresh_from_db()
    assert run.state == "interrupted" and len(queued()) == 1
    take(lease_name(run))
    assert resume_runs() == 0


def test_a_postponed_run_is_taken_up_when_its_time_has_come() -> None:
    world = World()
    request_sync(world.mapping, actor="test", enqueue=False)
    Run.objects.update(state="postponed", not_before=timezone.now() + timedelta(minutes=5))
    assert resume_runs(at_once=True) == 0
    Run.objects.update(not_before=timezone.now())
    assert resume_runs(at_once=True) == 1


def test_runs_are_looked_after_every_minute_calls_every_five_and_what_is_old_every_hour_and_fields_daily() -> None:
    keep_standing()
    keep_standing()
    assert set(Schedule.objects.values_list("func", "minutes")) == {
        ("portal.sync.tasks.resume_runs", 1), ("portal.ops.alerts.watch", 5),
        ("portal.ops.tidy.tidy", 60), ("portal.connections.reread.daily", 1440),
    }  # fmt: skip


def run_command(name: str, *args: str) -> tuple[Any, int]:
    """Return what a command printed as JSON, and its exit code."""
    out = StringIO()
    try:
        call_command(name, *args, "--json", stdout=out, stderr=StringIO())
    except SystemExit as e:
        return json.loads(out.getvalue()), int(e.code or 0)
    return json.loads(out.getvalue()), 0


def test_clusters_that_start_at_the_same_moment_keep_one_row_of_each() -> None:
    together = Barrier(4)

    def start() -> None:
        together.wait(20)
        keep_standing()
        connection.close()

    for _ in range(5):
        Schedule.objects.all().delete()
        with ThreadPoolExecutor(4) as clusters:
            for started in [clusters.submit(start) for _ in range(4)]:
                started.result()
        assert sorted(Schedule.objects.values_list("name", flat=True)) == sorted(STANDING)


def test_a_row_that_stands_twice_is_mended_by_the_next_cluster_that_starts() -> None:
    keep_standing()
    first = list(Schedule.objects.order_by("pk").values_list("pk", flat=True))
    for row in Schedule.objects.all():
        row.pk = None
        row.save(force_insert=True)
    keep_standing()
    assert list(Schedule.objects.order_by("pk").values_list("pk", flat=True)) == first


def test_the_command_runs_the_mapping_in_its_own_process_and_prints_the_run() -> None:
    world = World()
    world.add(world.north, "ada")
    run, code = run_command("sync", "contacts")
    assert (run["state"], run["counts"]["create"], code) == ("succeeded", 1, 0)
    assert set(run) == {"id", "state", "counts", "calls", "seconds"}
    shown, _code = run_command("show_run", str(run["id"]))
    assert shown == run | {"waiting": []}


def test_the_command_says_by_its_exit_code_that_a_run_waits_or_went_wrong() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    assert run_command("sync", "contacts")[1] == 3
    assert run_command("sync", "contacts", "--approve-all")[1] == 0
    world.north.fail("changes", AuthError("Refused."))
    assert run_command("sync", "contacts")[1] == 1


def test_the_command_hands_the_run_to_the_cluster_where_asked() -> None:
    World()
    run, code = run_command("sync", "contacts", "--background")
    assert (run["state"], code, len(queued())) == ("queued", 0, 1)


@pytest.mark.parametrize(("command", "word"), [(("sync", "nosuch"), "contacts"), (("show_run", "999"), "999")])
def test_a_wrong_name_is_wrong_use_and_the_message_helps(command: tuple[str, ...], word: str) -> None:
    World()
    with pytest.raises(CommandError, match=word) as told:
        call_command(*command)
    assert told.value.returncode == 2


def test_a_run_is_shown_to_a_person_with_what_waits_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.north.put("Contacts", {"lastname": "Nokey"})
    call_command("sync", "contacts")
    told = capsys.readouterr().out
    assert "succeeded" in told and "Nokey [blocked]" in told and "match key is empty" in told
