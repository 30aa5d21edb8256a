"""An entry of a pick list that is gone: where a mapping holds it is told row by row, with links, until it is mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.ledger.links import links_of
from portal.ledger.models import Problem
from portal.mappings.definition import Rule
from portal.mappings.models import ValueTable
from portal.mappings.table_save import save_table
from portal.mappings.tables import Table
from tests.portal.sync_world import World
from tests.portal.test_mappings_drift import NAMES, alter, problem, reread, state, with_lost, without_done, world

__all__ = ["world"]  # the fixture
pytestmark = pytest.mark.django_db(transaction=True)
THROUGH = Rule("status", "status", table="states")
ROWS = Table("states", (("New", "New"), ("Hot", "In Progress"), ("Old", "Done"), ("Past", "Done")))


def in_table(world: World, table: Table, rule: Rule = THROUGH, crm: str = "south") -> Problem | None:
    """Return the Problem that opens where “Done” is gone while the mapping goes through that table."""
    save_table(None, table, actor="test")
    world.say(rules=(*NAMES, rule))
    reread(world)
    alter(getattr(world, crm), status=without_done)
    reread(world)
    return problem()


def pages(found: Problem) -> list[str]:
    return [link.url for link in links_of([found])[found.pk]]


def test_the_rows_of_value_tables_that_hold_an_entry_which_is_gone_are_named_with_a_link(world: World) -> None:
    found = in_table(world, ROWS)
    assert found is not None and state(world) == "active"
    assert "“Done” is no choice of “Status (status)” any more." in found.detail
    assert "row 3 of the value table “states”: “Old” – “Done”" in found.detail
    assert "row 4 of the value table “states”: “Past” – “Done”" in found.detail and "row 1" not in found.detail
    assert pages(found) == ["/mappings/contacts/change/", "/mappings/tables/states/change/"]
    save_table(ValueTable.objects.get(), replace(ROWS, pairs=ROWS.pairs[:2]), actor="test")
    assert problem() is None, "the rows are mended: it is over"


@pytest.mark.parametrize(
    ("table", "crm", "told"),
    [
        (Table("states", ROWS.pairs[:2]), "south", None),
        (Table("states", ROWS.pairs[:2], "keep"), "south", "with the value table “states”"),
        (Table("states", ROWS.pairs[:2], "default", default_right="Done"), "south", "the default of the value table “states”"),
        (Table("states", tuple((f"v{n}", "Done") for n in range(5))), "south", "and 2 more rows of it"),
        (Table("states", ROWS.pairs[:2]), "north", None),
        (Table("states", (("done", "New"),)), "north", "row 1 of the value table “states”: “done” – “New”"),
    ],
)  # fmt: skip
def test_a_table_tells_of_an_entry_only_where_it_can_still_come_to_it(
    world: World, table: Table, crm: str, told: str | None
) -> None:
    found = in_table(world, table, crm=crm)
    assert (found is None) is (told is None) and (found is None or str(told) in found.detail)


def test_an_expression_that_looks_up_a_table_is_told_with_its_rows(world: World) -> None:
    looked_up = Rule(right="notes", source="expression", expression="{{ status|lookup:'states' }}")
    table = Table("states", (("Done", "Closed"), ("New", "Open")))
    found = in_table(world, table, looked_up, crm="north")
    assert found is not None and "row 1 of the value table “states”: “Done” – “Closed”" in found.detail
    assert pages(found)[-1] == "/mappings/tables/states/change/"


def test_fixed_values_also_in_lists_and_filters_are_named_with_a_link(world: World) -> None:
    several = Rule("", "tags", "value", ["A", "C"])
    world.say(rules=(*NAMES, several), left_filter="status in (New, Done)")
    reread(world)
    alter(world.south, tags=without_done)  # C goes
    alter(world.north, status=without_done)
    reread(world)
    told = {found.connection.name: found for found in Problem.objects.filter(closed_at=None)}
    assert "rule “tags” with the fixed value “A, C”" in told["south"].detail
    assert "(filter)" in told["north"].detail
    assert pages(told["north"]) == ["/mappings/contacts/change/", "/mappings/contacts/policies/"]
    assert pages(told["south"]) == ["/mappings/contacts/change/"]


def test_a_new_entry_that_a_row_knows_already_is_nothing_to_look_at(world: World) -> None:
    save_table(None, Table("states", (("Lost", "Done"),)), actor="test")
    world.say(rules=(*NAMES, THROUGH))
    reread(world)
    alter(world.north, status=with_lost)
    reread(world)
    assert problem() is None
