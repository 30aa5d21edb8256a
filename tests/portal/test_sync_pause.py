"""Pausing a mapping ends what is at work and starts nothing; resuming it plans all that changed meanwhile."""

from __future__ import annotations

from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from connectors.errors import Unavailable
from portal.ledger import lease
from portal.ledger.models import AuditEntry, Run
from portal.mappings.definition import Schedule
from portal.mappings.models import Mapping
from portal.mappings.pause import pause, resume
from portal.sync import run as runs
from portal.sync.run import SyncRefused, request_sync
from portal.sync.schedules import next_run
from tests.portal.sync_world import World, emails

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return World(schedule=Schedule(5))


def command(*words: str) -> Any:
    out = StringIO()
    call_command(*words, "--json", stdout=out)
    return orjson.loads(out.getvalue())


def test_a_paused_mapping_starts_no_run_and_says_who_paused_it_and_why(world: World) -> None:
    told = command("pause_mapping", "contacts", "--reason", "stock-taking")
    assert told == {"mapping": "contacts", "state": "paused", "reason": "stock-taking, by command", "changed": True}
    assert next_run(world.mapping) is None
    with pytest.raises(SyncRefused, match="paused"):
        request_sync(Mapping.objects.get(), actor="test")
    assert AuditEntry.objects.get(action="pause mapping").changes == {"reason": "stock-taking"}


def test_pausing_twice_and_resuming_twice_change_nothing_more(world: World) -> None:
    command("pause_mapping", "contacts")
    assert command("pause_mapping", "contacts", "--reason", "other")["changed"] is False
    assert command("resume_mapping", "contacts")["changed"] is True
    assert command("resume_mapping", "contacts")["changed"] is False
    assert AuditEntry.objects.filter(action__endswith="mapping", actor="command").count() == 2
    assert next_run(world.mapping) is not None


def test_what_changed_while_it_was_paused_is_planned_by_the_run_after_it(world: World) -> None:
    ada, _bob = world.add(world.north, "ada", "bob")
    world.sync()
    pause(world.mapping, user=None, actor="test")
    world.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    world.add(world.north, "eve")
    resume(world.mapping, user=None, actor="test")
    run = world.sync()
    assert (run.counts["create"], run.counts["update"]) == (1, 1)
    assert emails(world.south) == ["ada@example.org", "bob@example.org", "eve@example.org"]


def test_a_run_that_waits_is_ended_at_once(world: World) -> None:
    world.north.fail("changes", Unavailable("down"))
    run = world.slice()
    assert run.state == Run.State.POSTPONED
    pause(world.mapping, user=None, actor="ada")
    run.refresh_from_db()
    assert (run.state, run.message) == (Run.State.CANCELLED, "Stopped: the mapping is paused (by ada).")
    resume(world.mapping, user=None, actor="ada")
    assert world.sync().state == Run.State.SUCCEEDED


def test_a_run_at_work_ends_cleanly_and_what_it_had_planned_is_planned_again(world: World) -> None:
    world.add(world.north, "ada", "bob", "eve")
    run = request_sync(world.mapping, actor="test", enqueue=False)
    held = lease.take(runs.lease_name(run))  # as a worker has it
    assert held is not None
    pause(world.mapping, user=None, actor="ada")
    run.refresh_from_db()
    assert (run.state, run.stop_requested) == (Run.State.QUEUED, True)
    held.release()
    run = runs.work(run.pk)
    assert (run.state, emails(world.south)) == (Run.State.CANCELLED, [])
    resume(world.mapping, user=None, actor="ada")
    assert world.sync().counts["create"] == 3


def test_a_mapping_that_is_not_there_is_answered_with_those_there_are(world: World) -> None:
    with pytest.raises(CommandError, match="There are: contacts"):
        call_command("pause_mapping", "people")
