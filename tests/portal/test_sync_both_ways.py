"""One mapping in both directions: what either side changes arrives at the other, once, and nothing comes back as an echo."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.choices.decide import decide
from portal.sync.choices.options import choice_from
from portal.sync.models import Base
from portal.sync.run import SyncRefused, request_sync
from tests.portal.sync_world import World, emails, entries, expire_leases, person

pytestmark = pytest.mark.django_db(transaction=True)


def two_ways(**said: Any) -> World:
    return World(direction="both", **said)


def linked(**said: Any) -> tuple[World, str, str]:
    """A world in which Ada is on both sides, and her two ids."""
    world = two_ways(**said)
    north = world.add(world.north, "ada")[0].id
    assert world.sync().state == Run.State.SUCCEEDED
    return world, north, world.south.of("Contacts")[0].id


def value(world: World, side: str, id: str, field: str) -> JSON:
    return getattr(world, side).records["Contacts", id].values[field]


def test_what_is_new_on_either_side_arrives_at_the_other_and_the_next_run_has_nothing_to_do() -> None:
    world = two_ways()
    world.add(world.north, "ada")
    world.add(world.south, "bo")
    assert world.sync().counts["create"] == 2
    assert emails(world.north) == emails(world.south) == ["ada@example.org", "bo@example.org"]
    assert not any(world.sync().counts.values())


def test_edits_of_different_fields_on_both_sides_are_both_kept() -> None:
    world, north, south = linked()
    world.north.put("Contacts", {"lastname": "Lovelace"}, north)
    world.south.put("Contacts", {"firstname": "Augusta"}, south)
    assert world.sync().counts["update"] == 2
    for side, id in (("north", north), ("south", south)):
        assert (value(world, side, id, "lastname"), value(world, side, id, "firstname")) == ("Lovelace", "Augusta")
    assert not any(world.sync().counts.values())


@pytest.mark.parametrize(("policy", "winner"), [("left", "North"), ("right", "South")])
def test_edits_of_the_same_field_are_decided_by_the_policy(policy: str, winner: str) -> None:
    world, north, south = linked(conflict_policy=policy)
    world.north.put("Contacts", {"lastname": "North"}, north)
    world.south.put("Contacts", {"lastname": "South"}, south)
    world.sync()
    assert value(world, "north", north, "lastname") == value(world, "south", south, "lastname") == winner


def test_edits_of_the_same_field_wait_for_a_person_where_the_policy_says_so_and_the_rest_goes_on() -> None:
    world, north, south = linked(conflict_policy="ask")
    world.north.put("Contacts", {"lastname": "North", "firstname": "New"}, north)
    world.south.put("Contacts", {"lastname": "South"}, south)
    run = world.sync()
    assert (run.counts["conflict"], run.counts["update"]) == (1, 1)
    assert value(world, "south", south, "firstname") == "New" and value(world, "south", south, "lastname") == "South"
    assert not any(n for kind, n in world.sync().counts.items()) and len(entries(Entry.State.CONFLICT)) == 1


@pytest.mark.parametrize("policy", ["ask", "newest"])
def test_what_a_person_chose_about_a_pair_that_was_just_matched_is_done(policy: str) -> None:
    world = two_ways(conflict_policy=policy)
    world.add(world.north, "ada")
    world.south.put("Contacts", {**person("ada"), "lastname": "Other"})
    world.sync()
    [entry] = entries(Entry.State.CONFLICT)
    decide([(entry, choice_from(["left"], entry))], user=None, actor="somebody", enqueue=False)
    world.sync()
    assert world.south.of("Contacts")[0].values["lastname"] == "Ada" and not entries(Entry.State.CONFLICT)


def test_deleted_on_either_side_is_deleted_on_the_other_where_the_mapping_says_so() -> None:
    world = two_ways(delete_policy="delete")
    world.add(world.north, "ada", "bo", "cy")
    world.sync()
    world.north.remove("Contacts", world.north.of("Contacts")[0].id)
    world.south.remove("Contacts", world.south.of("Contacts")[-1].id)
    assert world.sync().counts["delete"] == 2
    assert len(world.north.of("Contacts")) == len(world.south.of("Contacts")) == 1
    assert Base.objects.count() == 1


def test_a_record_restored_after_its_delete_was_carried_over_waits_for_a_person() -> None:
    world, north, _south = linked(delete_policy="delete")
    world.north.remove("Contacts", north)
    assert world.sync().counts["delete"] == 1
    world.north.put("Contacts", person("ada"), north)
    assert world.sync().counts["blocked"] == 1
    assert len(world.north.of("Contacts")) == 1 and not world.south.of("Contacts")
    [entry] = entries(Entry.State.BLOCKED)
    assert entry.reason == "target_gone"


def test_one_restored_after_both_were_deleted_by_people_is_not_deleted_for_the_sake_of_the_other() -> None:
    world, north, south = linked(delete_policy="delete")
    world.north.remove("Contacts", north)
    world.south.remove("Contacts", south)
    world.sync()
    world.north.put("Contacts", person("ada"), north)
    world.sync()
    assert len(world.north.of("Contacts")) == 1


def test_a_record_that_comes_back_is_linked_again_and_not_created_again() -> None:
    world, north, south = linked()
    world.south.remove("Contacts", south)
    world.sync()
    world.south.put("Contacts", {**person("ada"), "firstname": "Back"}, south)
    run = world.sync()
    assert (run.counts["create"], run.counts["update"]) == (0, 1)
    assert value(world, "north", north, "firstname") == "Back"


def test_a_first_run_may_create_so_many_on_each_side() -> None:
    world = two_ways(guards={"creates": 2})
    world.add(world.north, "ada", "bo")
    world.add(world.south, "cy", "di")
    assert world.sync().counts["create"] == 4


def test_a_first_run_that_would_create_more_on_one_side_waits() -> None:
    world = two_ways(guards={"creates": 2})
    world.add(world.south, "ed", "flo", "gus")
    assert world.sync().state == Run.State.AWAITING_APPROVAL


class Killed(BaseException):
    """The process died here."""


def test_what_is_new_on_both_sides_after_a_run_was_killed_is_matched_and_not_created() -> None:
    def die(execute: Any, sql: str, *rest: Any) -> Any:
        if 'INSERT INTO "ledger_entry"' in sql:
            raise Killed
        return execute(sql, *rest)

    world = two_ways()
    world.add(world.north, "ada")
    with pytest.raises(Killed), database.execute_wrapper(die):
        world.sync()
    for crm in (world.south, world.north):
        world.add(crm, "bo")
    expire_leases()
    world.sync()
    assert emails(world.north) == emails(world.south) == ["ada@example.org", "bo@example.org"]


def test_only_the_plan_is_made_where_only_that_was_asked_for() -> None:
    world = two_ways()
    world.add(world.north, "ada")
    run = world.sync(plan_only=True)
    assert (run.state, run.counts["create"]) == (Run.State.AWAITING_APPROVAL, 1)
    assert not world.south.of("Contacts")


def test_a_plan_is_refused_while_a_run_is_under_way_which_would_not_stop_at_it() -> None:
    world = two_ways()
    request_sync(world.mapping, actor="test", enqueue=False)
    with pytest.raises(SyncRefused, match="once that has ended"):
        request_sync(world.mapping, actor="test", enqueue=False, plan_only=True)
