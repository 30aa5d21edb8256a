"""One record travels, and everything that may happen to it on the way."""

from __future__ import annotations

import pytest

from tests.portal.sync_world import World, emails, entries

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_record_travels_from_one_crm_to_the_other() -> None:
    world = World()
    world.add(world.north, "ada")
    run = world.sync()
    assert (run.state, run.message) == ("succeeded", "")
    assert emails(world.south) == ["ada@example.org"]
    assert run.counts["create"] == 1 and run.calls > 0
