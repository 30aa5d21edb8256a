"""Whatever is done to the lines on both sides, in the end both hold the same, and what only one side changed is what is there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.memory import Store
from connectors.types import JSON
from portal.mappings.definition import Rule
from tests.portal.sync_world import RULES, World, person, start_again

pytestmark = pytest.mark.django_db(transaction=True)
LINES = Rule(
    "lines",
    "lines",
    "lines",
    lines=(Rule("product", "product"), Rule("quantity", "quantity"), Rule("price", "price"), Rule("remark", "remark")),
)
LINE = st.fixed_dictionaries(
    {"product": st.sampled_from(["Widget", "Gadget", "Bolt"]), "quantity": st.sampled_from(["1", "2.5", "30"])},
    optional={"price": st.sampled_from(["9.5", "0"]), "remark": st.sampled_from(["blue", None])},
)
LISTS = st.lists(LINE, min_size=1, max_size=4)
STEP = st.tuples(st.sampled_from(["north", "south"]), st.sampled_from(["ada", "bo"]), LISTS)


def told(lines: JSON) -> list[dict[str, JSON]]:
    """Return what a line says, whichever fields it leaves out."""
    return [{name: value for name, value in line.items() if value is not None} for line in lines or ()]


def lines_of(crm: Store) -> dict[str, Any]:
    return {str(record.values["email"]): told(record.values.get("lines")) for record in crm.of("Contacts")}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(STEP, max_size=3), min_size=1, max_size=3))
def test_both_sides_hold_the_same_lines_in_the_end(rounds: list[list[tuple[str, str, list[Any]]]]) -> None:
    start_again()
    world = World(direction="both", rules=(*RULES, LINES))
    for name in ("ada", "bo"):
        world.north.put("Contacts", {**person(name), "lines": [{"product": "Widget", "quantity": "1"}]})
    world.sync()
    expected = lines_of(world.north)
    for steps in rounds:
        edited: dict[str, dict[str, Any]] = {"north": {}, "south": {}}
        for side, name, lines in steps:
            crm: Store = getattr(world, side)
            [record] = [r for r in crm.of("Contacts") if r.values["email"] == f"{name}@example.org"]
            crm.put("Contacts", {"lines": lines}, record.id)
            edited[side][f"{name}@example.org"] = told(lines)
        before, expected = expected, {}
        for email, lines in before.items():
            changed = {side: found[email] for side, found in edited.items() if found.get(email, lines) != lines}
            expected[email] = changed.get("north", changed.get("south", lines))  # the left side wins where both changed
        assert world.sync().state == "succeeded"
        assert lines_of(world.north) == lines_of(world.south) == expected
    assert not any(world.sync().counts.values())
