"""A right that is missing for one record is that record's trouble; for several in a row it is the connection's."""

from __future__ import annotations

import pytest

from connectors.errors import AccessDenied, Unavailable
from portal.ledger.models import Entry, Run
from tests.portal.sync_world import World, emails, entries

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_record_that_may_not_be_changed_keeps_no_other_from_its_change() -> None:
    world = World()
    made = world.add(world.north, "ada", "bob")
    world.sync()
    for record in made:
        world.north.put("Contacts", {**record.values, "lastname": "Newname"}, record.id)
    world.south.fail("update", AccessDenied("Not this record."))
    run = world.sync()
    assert run.state == Run.State.PARTLY_FAILED
    assert sorted(r.values["lastname"] for r in world.south.of("Contacts")) in (["Ada", "Newname"], ["Bob", "Newname"])
    assert [e.message for e in entries(Entry.State.FAILED)] == ["Not this record."]


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_run_without_any_right_to_write_stops_soon_and_says_why(parallel: int) -> None:
    world = World(parallel=parallel)
    world.add(world.north, *(f"p{number}" for number in range(20)))
    world.south.fail("create", AccessDenied("No right to create."), times=99)
    run = world.sync()
    assert (run.state, run.message) == (Run.State.FAILED, "No right to create.")
    assert Entry.objects.exclude(sent_at=None).count() <= 4


def test_a_record_that_cannot_be_looked_up_keeps_no_other_waiting() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.north.put("Contacts", {**ada.values, "lastname": "Newname"}, ada.id)
    world.south.fail("update", Unavailable("cut off", code="ConnectionReset", maybe_done=True))
    world.slice()
    world.add(world.north, "bob")
    world.south.fail("get", AccessDenied("Not this record."), times=9)
    world.south.fail("update", AccessDenied("Not this record."), times=9)
    Run.objects.update(not_before=None)
    run = world.sync()
    assert run.state == Run.State.PARTLY_FAILED
    assert emails(world.south) == ["ada@example.org", "bob@example.org"]
