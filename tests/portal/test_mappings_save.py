"""Every save that changes what a mapping says is a new version; rules keep their uuid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.models import Mapping, MappingVersion
from portal.mappings.save import save_mapping
from portal.mappings.stored import definition_of

DEFINITION = Definition(
    name="people",
    left=Side("north", "contacts", "email is not empty"),
    right=Side("south", "contacts"),
    direction="left-to-right",
    match=(("email", "email"),),
    rules=(Rule("lastname", "lastname"), Rule(right="status", source="value", value="new")),
    guards={"creates": 5},
    schedule=Schedule(minutes=15),
)


@pytest.fixture
def saved(make_connection: Callable[..., Connection]) -> Mapping:
    make_connection("north")
    make_connection("south")
    return save_mapping(DEFINITION, user=None, actor="test")


def test_what_was_saved_is_read_back(saved: Mapping) -> None:
    found = definition_of(saved)
    assert replace(found, rules=tuple(replace(r, uuid="") for r in found.rules)) == DEFINITION


def test_saving_the_same_again_makes_no_version(saved: Mapping) -> None:
    again = save_mapping(DEFINITION, user=None, actor="test")
    assert (again.pk, again.version) == (saved.pk, 1)
    assert MappingVersion.objects.count() == 1


def test_another_schedule_is_no_new_version(saved: Mapping) -> None:
    again = save_mapping(replace(DEFINITION, schedule=Schedule(cron="0 7 * * *")), user=None, actor="test")
    assert (again.version, again.cron, again.every_minutes) == (1, "0 7 * * *", None)


def test_a_changed_rule_is_a_new_version_and_keeps_the_uuids_of_the_others(saved: Mapping) -> None:
    before = {(r.left, r.right): r.uuid for r in definition_of(saved).rules}
    rules = (replace(DEFINITION.rules[0], may_clear=True), Rule("email", "email"))
    again = save_mapping(replace(DEFINITION, rules=rules), user=None, actor="test")
    after = {(r.left, r.right): r.uuid for r in definition_of(again).rules}
    assert again.version == 2
    assert after["lastname", "lastname"] == before["lastname", "lastname"]
    assert after["email", "email"] not in before.values()
    assert len(definition_of(again, 1).rules) == 2 and not definition_of(again, 1).rules[0].may_clear
