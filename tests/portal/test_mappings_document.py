"""Documents that describe mappings are understood whole, or refused with the place that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from portal.mappings.definition import Rule, Schedule
from portal.mappings.document import BadDocument, read_definition

GOOD: dict[str, Any] = {
    "name": "contacts",
    "left": {"connection": "north", "module": "Contacts"},
    "right": {"connection": "south", "module": "contacts", "filter": "email is not empty"},
    "direction": "left-to-right",
    "match": [{"left": "email", "right": "email"}],
    "fields": [{"left": "lastname", "right": "last"}, {"value": "1001", "right": "accountid"}],
    "guards": False,
    "schedule": {"minutes": 15},
}


def test_a_whole_document_is_understood() -> None:
    found = read_definition(GOOD, "mappings[0]")
    assert found.right.filter == "email is not empty"
    assert found.match == (("email", "email"),)
    assert found.rules[1] == Rule(right="accountid", source="value", value="1001")
    assert found.guards == {}
    assert found.schedule == Schedule(minutes=15)
    assert found.targets == ("right",)


def test_guards_that_are_not_named_are_the_usual_ones() -> None:
    assert read_definition({k: v for k, v in GOOD.items() if k != "guards"}, "m").guards is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feilds": []}, "m: unknown key “feilds”"),
        ({"direction": "sideways"}, "m.direction: “sideways” is not one of"),
        ({"left": {"connection": "north"}}, "m.left: “module” is missing"),
        ({"left": "north"}, "m.left: expected an object"),
        ({"fields": []}, "m.fields: a mapping needs at least one field"),
        ({"fields": [{"left": "lastname"}]}, "m.fields[0]: a rule needs “left” and “right”"),
        (
            {"fields": [{"value": 1, "left": "a", "right": "b"}]},
            "m.fields[0]: a fixed value or an expression goes into exactly one",
        ),
        (
            {"fields": [{"left": "a", "right": "b", "may_clear": "yes"}]},
            "m.fields[0].may_clear: expected true or false",
        ),
        ({"match": {"left": "email"}}, "m.match: expected a list"),
        ({"match": [{"left": "email"}]}, "m.match[0]: “right” is missing"),
        ({"guards": {"creates": "many"}}, "m.guards.creates: expected a number"),
        ({"guards": {"creates": True}}, "m.guards.creates: expected a number"),
        ({"schedule": {"minutes": 5, "cron": "* * * * *"}}, "m.schedule: say either"),
        ({"schedule": {"minutes": 0}}, "m.schedule.minutes: expected a whole number"),
        ({"schedule": {"cron": "every day"}}, "m.schedule.cron: “every day” is not a cron line"),
        ({"schedule": {"cron": "61 * * * *"}}, "m.schedule.cron: “61 * * * *” is not a cron line"),
        ({"name": 5}, "m.name: expected text"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadDocument) as e:
        read_definition({**GOOD, **change}, "m")
    assert message in str(e.value)
