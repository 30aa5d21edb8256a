"""What a person says about which records are one."""

from __future__ import annotations

from typing import Any

import pytest

from portal.ledger import lease
from portal.ledger.models import AuditEntry
from portal.sync.approve import approve
from portal.sync.choices.relink import RelinkRefused, join, join_all, part
from portal.sync.models import Link
from portal.sync.run import carry_out
from tests.portal.sync_world import World, emails, entries, person

pytestmark = pytest.mark.django_db(transaction=True)
BY: dict[str, Any] = {"user": None, "actor": "test"}


def read_world(**said: Any) -> World:
    """Return a world whose first plan waits for approval, so that both mirrors are known and nothing was sent."""
    world = World(guards={"creates": 0}, **said)
    world.north.put("Contacts", {**person("ada"), "email": "ada@home.example"})
    world.north.put("Contacts", person("bob"))
    world.south.put("Contacts", {**person("ada"), "email": "ada@work.example", "phone": "+44 20 7946 0001"})
    return world


def planned_world(**said: Any) -> World:
    world = read_world(**said)
    assert world.sync().state == "awaiting_approval"
    return world


def test_what_a_person_joined_is_linked_and_not_created_again() -> None:
    world = planned_world()
    join(world.mapping, "1", "1", **BY)
    run = world.sync(approve_all=True)
    assert (run.counts["create"], run.counts["update"]) == (1, 1)
    assert emails(world.south) == ["ada@home.example", "bob@example.org"]


def test_a_pair_of_a_conflict_goes_through_once_a_person_said_which() -> None:
    world = World()
    world.add(world.north, "ada")
    world.add(world.south, "ada", "ada")
    world.sync()
    assert [entry.reason for entry in entries("conflict")] == ["several_matches"]
    join(world.mapping, "1", "2", **BY)
    world.sync()
    assert entries("conflict") == []
    assert [(link.left_id, link.right_id, link.state) for link in Link.objects.all()] == [("1", "2", "linked")]


def test_it_works_from_the_other_side_as_well() -> None:
    world = planned_world(direction="right-to-left")
    join(world.mapping, "1", "1", **BY)
    run = world.sync(approve_all=True)
    assert (run.counts["create"], run.counts["update"]) == (0, 1)
    assert emails(world.north) == ["ada@work.example", "bob@example.org"]


def test_a_record_that_has_a_partner_is_not_given_another() -> None:
    world = planned_world()
    join(world.mapping, "1", "1", **BY)
    with pytest.raises(RelinkRefused, match="“1” is the partner of “1” already"):
        join(world.mapping, "2", "1", **BY)


def test_a_record_that_is_not_there_is_not_joined() -> None:
    world = planned_world()
    with pytest.raises(RelinkRefused, match="“9” is not there"):
        join(world.mapping, "9", "1", **BY)


def test_nothing_is_joined_while_a_run_is_at_work() -> None:
    world = planned_world()
    held = lease.take(f"mapping:{world.mapping.uuid}")
    assert held is not None
    with pytest.raises(RelinkRefused, match="being carried out just now"):
        join(world.mapping, "1", "1", **BY)
    assert not Link.objects.exists()


def test_a_partner_that_was_deleted_gives_way() -> None:
    world = World()
    world.add(world.north, "ada")
    world.sync()
    world.north.remove("Contacts", "1")
    world.add(world.north, "ada")
    world.sync()
    assert [entry.reason for entry in entries("conflict")] == ["match_taken_by_deleted"]
    join(world.mapping, "2", "1", **BY)
    world.sync()
    assert [(link.left_id, link.right_id) for link in Link.objects.all()] == [("2", "1")]
    assert entries("conflict") == []


def test_of_many_pairs_those_are_joined_that_can_be() -> None:
    world = planned_world()
    done = join_all(world.mapping, [("1", "1"), ("2", "1"), ("9", "1")], **BY)
    assert [(link.left_id, link.right_id) for link in done.links] == [("1", "1")]
    assert [(left, right) for left, right, _why in done.refused] == [("2", "1"), ("9", "1")]


def test_a_join_is_taken_back_before_anything_was_carried_over() -> None:
    world = planned_world()
    part(world.mapping, join(world.mapping, "1", "1", **BY), **BY)
    run = world.sync(approve_all=True)
    assert run.counts["create"] == 2


def test_a_join_is_not_taken_back_once_values_were_carried_over() -> None:
    world = planned_world()
    link = join(world.mapping, "1", "1", **BY)
    world.sync(approve_all=True)
    with pytest.raises(RelinkRefused, match="undo that run"):
        part(world.mapping, link, **BY)


def test_it_is_written_down_who_joined_and_parted_what() -> None:
    world = planned_world()
    part(world.mapping, join(world.mapping, "1", "1", **BY), **BY)
    told = [(e.action, e.changes) for e in AuditEntry.objects.filter(action__endswith="records").order_by("pk")]
    assert told == [("join_records", {"pairs": [["1", "1"]]}), ("part_records", {"left": "1", "right": "1"})]


def test_a_plan_approved_after_records_were_joined_creates_neither_of_them() -> None:
    world = planned_world()
    run = world.sync()
    join(world.mapping, "1", "1", **BY)
    run = carry_out(approve(run, actor="test", enqueue=False))
    assert (run.state, emails(world.south)) == ("awaiting_approval", ["ada@work.example", "bob@example.org"])
    assert [(entry.action, entry.record_id) for entry in entries("awaiting")] == [("update", "1")]
