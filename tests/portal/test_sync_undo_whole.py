"""Taking back whole runs: three hundred mixed actions, killed anywhere, and what a run over simulated servers left."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connectors.errors import Unavailable
from connectors.memory import Store
from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.mappings.save import pause_mapping
from portal.sync.models import Link
from portal.sync.run import SyncRefused, carry_out, request_sync, work
from portal.sync.undo.start import request_undo
from tests.portal.sync_world import World, emails, entries, expire_leases, start_again
from tests.portal.test_sync_recover import Guillotine, Killed

pytestmark = pytest.mark.django_db(transaction=True)
Held = dict[str, tuple[JSON, JSON]]  # e-mail -> last name, notes


def held(crm: Store) -> Held:
    """Return what a CRM holds of everybody, whatever the ids."""
    return {r.values["email"]: (r.values["lastname"], r.values["notes"]) for r in crm.of("Contacts")}


def mixed(each: int) -> tuple[World, Run, Held]:
    """Return a world in which a run created, updated and deleted so many each, and what the target held before it."""
    world = World(delete_policy="delete")
    people = world.add(world.north, *(f"old{n}" for n in range(2 * each)))
    world.sync()
    for record in world.south.of("Contacts"):
        world.south.put("Contacts", {"notes": f"note {record.id}"}, record.id)
    world.sync()
    before = held(world.south)
    for record in people[:each]:
        world.north.put("Contacts", {"lastname": f"New {record.id}"}, record.id)
    for record in people[each:]:
        world.north.remove("Contacts", record.id)
    world.add(world.north, *(f"new{n}" for n in range(each)))
    run = world.sync()
    assert [run.counts[kind] for kind in ("create", "update", "delete")] == [each] * 3
    return world, run, before


def edit_half(world: World, each: int) -> Held:
    """Have somebody change half of what the run made or changed, and make half of what it deleted anew; return that."""
    for record in world.south.of("Contacts"):
        email = record.values["email"] or ""
        if email[:3] in ("old", "new") and int(email[3:].split("@")[0]) % 2:
            world.south.put("Contacts", {"lastname": "By hand"}, record.id)
    world.add(world.south, *(f"old{n}" for n in range(each, 2 * each) if n % 2))
    return {email: kept for email, kept in held(world.south).items() if int(email[3:].split("@")[0]) % 2}


def resumed(world: World) -> Run:
    """Resume the mapping, and run it."""
    world.mapping.refresh_from_db()
    pause_mapping(world.mapping, False, "test")
    return world.sync()


def test_of_three_hundred_actions_the_untouched_half_is_taken_back_and_the_rest_is_listed() -> None:
    each = 100
    world, run, before = mixed(each)
    edited = edit_half(world, each)
    undo = carry_out(request_undo(run, actor="test", enqueue=False))
    assert undo.state == "succeeded"
    assert [undo.counts[kind] for kind in ("create", "update", "delete", "left")] == [50, 50, 50, 150]
    untouched = {email: kept for email, kept in before.items() if int(email[3:].split("@")[0]) % 2 == 0}
    assert held(world.south) == {**untouched, **edited}
    listed = Entry.objects.filter(run=undo, state="skipped")
    assert set(listed.values_list("reason", flat=True)) == {"edited_since", "has_twin"}
    after = held(world.south)
    again = resumed(world)
    assert again.state == "succeeded" and sum(again.counts.values()) == 0
    assert held(world.south) == after, "nothing repeated, nothing deleted, nothing made twice"
    back = carry_out(request_undo(undo, actor="test", enqueue=False))
    assert [back.counts[kind] for kind in ("create", "update", "delete")] == [50, 50, 50] and "left" not in back.counts
    assert sum(resumed(world).counts.values()) == 0


def test_the_plan_takes_as_many_queries_for_many_records_as_for_few() -> None:
    told = []
    for each in (2, 30):
        start_again()
        _world, run, _before = mixed(each)
        plan = request_undo(run, actor="test", plan_only=True, enqueue=False)
        with CaptureQueriesContext(connection) as queries:
            assert carry_out(plan).counts["create"] == each
        told.append(len(queries))
    assert told[1] - told[0] <= 4, told  # SQLite takes a long insert in parts


@pytest.mark.parametrize("parallel", [1, 4])
@given(seed=st.integers(0, 2**32))
@examples(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_undo_killed_anywhere_ends_with_everything_as_it_was_once(parallel: int, seed: int) -> None:
    chance = random.Random(seed)
    start_again()
    world, run, before = mixed(3)
    for _ in range(chance.randint(1, 3)):
        place = chance.choice(["create", "update", "delete", "read", "changes", "get"])
        error = chance.choice([Killed(), Unavailable("No answer.", code="Reset", maybe_done=True)])
        world.south.fail(place, error, after=chance.random() < 0.5)  # type: ignore[arg-type]
    undo = live_on(run, chance)
    assert undo.state == "succeeded", (undo.state, undo.message)
    assert sorted(emails(world.south)) == sorted(before), "lost or doubled"
    assert held(world.south) == before
    assert not entries("sent", "unknown", "planned", "failed", "conflict", "awaiting")
    assert Link.objects.filter(state="retired").count() == 6
    again = resumed(world)
    assert again.state == "succeeded" and sum(again.counts.values()) == 0 and held(world.south) == before


def live_on(run: Run, chance: random.Random) -> Run:
    """Carry out slices of the undo that die at any statement, later ones that do not, until it ends."""
    undo = Run()
    for life in range(20):
        statements = chance.randint(1, 250) if life < 6 else 1_000_000
        try:
            with connection.execute_wrapper(Guillotine(statements)):
                undo = work(request_undo(run, actor="test", enqueue=False).pk)
        except Killed:
            expire_leases()
        Run.objects.filter(state="postponed").update(not_before=None)
        Entry.objects.filter(state="unknown").update(next_try=run.created_at)
        if undo.state == "succeeded":
            break
    return undo


def test_an_undo_that_ended_with_an_unknown_outcome_is_found_out_by_the_next_sync(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0
    world = World()
    world.add(world.north, "ada")
    run = world.sync()
    world.south.fail("delete", Killed(), after=True)  # type: ignore[arg-type]
    undo = request_undo(run, actor="test", enqueue=False)
    with pytest.raises(Killed):
        work(undo.pk)
    expire_leases()
    Run.objects.filter(pk=undo.pk).update(state="cancelled")
    again = resumed(world)
    assert again.state == "succeeded" and emails(world.south) == [] and Link.objects.get().state == "retired"
    with pytest.raises(SyncRefused):
        request_undo(again, actor="test", enqueue=False)
    assert request_sync(world.mapping, actor="test", enqueue=False).state == "queued"
