"""A partner that appears later is found."""

from __future__ import annotations

import pytest

from portal.ledger.models import Entry
from portal.sync.models import Link
from tests.portal.sync_world import World, entries, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("known", [[], ["cy"]], ids=["empty", "not empty"])
def test_a_blocked_record_finds_the_partner_that_appears_on_the_other_side(known: list[str]) -> None:
    world = World()
    world.add(world.south, *known)
    world.north.put("Contacts", {**person("ada"), "lastname": None})
    world.sync()
    assert [e.reason for e in entries(Entry.State.BLOCKED)] == ["required_empty"]
    world.add(world.south, "ada")
    world.sync()
    assert Link.objects.filter(state=Link.State.LINKED).count() == 1
    assert not entries(Entry.State.BLOCKED)
