"""References that lead in a circle, as runs of single mappings carry them out: made without, then updated, in the same run where
the partner is made in it."""

from __future__ import annotations

import pytest

from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.run import carry_out, request_sync
from tests.portal.set_world import MAIN_CONTACT, PARENT, SetWorld
from tests.portal.sync_world import entries

pytestmark = pytest.mark.django_db(transaction=True)


def sync(name: str) -> Run:
    return carry_out(request_sync(Mapping.objects.get(name=name), actor="test", enqueue=False))


def test_records_that_refer_to_each_other_in_one_module_all_arrive_in_one_run() -> None:
    world = SetWorld()
    world.say("companies", PARENT)
    top = world.company("Top")
    middle = world.company("Middle", parent=top)
    world.company("Bottom", parent=middle)
    world.north.put("Accounts", {"parent": middle}, top)  # a circle among the records themselves
    run = sync("companies")
    assert (run.state, run.counts["create"], run.counts["blocked"]) == ("succeeded", 3, 0)
    assert world.arrived("Accounts", "parent") == {"Top": "Middle", "Middle": "Top", "Bottom": "Middle"}
    made = Entry.objects.get(action="create", source_id=top)
    assert made.evidence["later"] == {"parent": {"mapping": "companies", "id": middle}}
    assert not any(sync("companies").counts.values())


def test_two_mappings_that_refer_to_each_other_do_not_wait_for_each_other() -> None:
    world = SetWorld()
    world.say("companies", MAIN_CONTACT)
    acme = world.company("Acme")
    ada = world.person("ada", acme)
    world.north.put("Accounts", {"contact": ada}, acme)
    assert sync("companies").counts["create"] == 1
    [waiting] = entries("blocked")
    assert waiting.reason == "no_partner" and "contacts" in waiting.message
    sync("contacts")
    assert sync("companies").counts["update"] == 1
    assert world.arrived("Accounts", "contact") == {"Acme": "Ada"}
    assert world.arrived("Contacts", "account") == {"Ada": "Acme"}
    assert not entries("blocked")


def test_records_that_exist_on_both_sides_are_linked_though_each_refers_to_the_other() -> None:
    world = SetWorld()
    world.say("companies", MAIN_CONTACT)
    acme = world.company("Acme")
    ada = world.person("ada", acme)
    world.north.put("Accounts", {"contact": ada}, acme)
    there = world.south.put("Accounts", {"name": "Acme"})
    world.south.put("Contacts", {"lastname": "Ada", "email": "ada@example.org", "account": there.id})
    for name in ("companies", "contacts", "companies"):
        assert sync(name).state == "succeeded"
    assert world.arrived("Accounts", "contact") == {"Acme": "Ada"}
    assert not entries("blocked") and len(world.south.of("Contacts")) == 1


def test_where_all_of_a_circle_is_required_nothing_is_made_and_it_is_said_until_a_person_makes_one() -> None:
    world = SetWorld(account={"required": True}, contact={"required": True})
    world.say("companies", MAIN_CONTACT)
    for connection in Connection.objects.all():
        module_schema(connection, "Accounts")
    acme = world.company("Acme")
    ada = world.person("ada", acme)
    world.north.put("Accounts", {"contact": ada}, acme)
    sync("contacts")
    sync("companies")
    assert [entry.reason for entry in entries("blocked")] == ["circle", "circle"]
    there = world.south.put("Accounts", {"name": "Acme"})
    world.south.put("Contacts", {"lastname": "Ada", "email": "ada@example.org", "account": there.id})
    sync("companies")
    sync("contacts")
    sync("companies")
    assert world.arrived("Contacts", "account") == {"Ada": "Acme"}
