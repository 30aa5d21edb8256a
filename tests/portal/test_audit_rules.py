"""A rule that is given other fields is carried out for the records that are linked already."""

from __future__ import annotations

import pytest

from portal.mappings.definition import Rule
from portal.mappings.stored import definition_of
from tests.portal.sync_world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "said", [{"left": "firstname"}, {"source": "value", "value": "fixed"}], ids=["field", "constant"]
)
def test_a_rule_that_is_given_another_target_fills_it_in_linked_records(said: dict[str, str]) -> None:
    world = World(rules=(Rule("lastname", "lastname"), Rule("email", "email"), Rule(right="firstname", **said)))
    world.add(world.north, "ada")
    world.sync()
    rules = definition_of(world.mapping).rules
    world.say(rules=(*rules[:2], Rule(right="notes", uuid=rules[2].uuid, **said)))
    world.sync()
    (ada,) = world.south.of("Contacts")
    assert ada.values["notes"] == (said.get("value") or "Test")
