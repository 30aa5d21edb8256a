"""The grid of a value table in a real Chromium: by keyboard, by mouse, and what is told of a value while it is typed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from connectors.memory import forget
from portal.connections.models import Connection
from portal.mappings.means import table_of
from portal.mappings.models import ValueTable

FOR_STATUS = "/mappings/tables/add/?left=north/Contacts/status&right=north/Contacts/status"


def rows(page: Page) -> list[tuple[str, ...]]:
    """The cells that hold something, row by row."""
    found = [tuple(cell.input_value() for cell in row.locator("input").all()) for row in page.locator("tr.pair").all()]
    return [row for row in found if any(row)]


def test_a_table_is_typed_without_a_mouse(signed_in: Page) -> None:
    signed_in.goto("/mappings/tables/add/")
    signed_in.get_by_label("Name").fill("countries")
    signed_in.locator(".grid [name=left]").first.focus()
    keys = signed_in.keyboard
    for left, right in (("Iran", "IR"), ("Germany", "DE"), ("mistaken", "x"), ("Italy", "IT"), ("Spain", "ES")):
        keys.type(left)
        keys.press("Tab")
        keys.type(right)
        if left == "mistaken":
            keys.press("Control+Delete")
        else:
            keys.press("Enter")
    signed_in.get_by_role("button", name="Save").press("Enter")
    expect(signed_in.get_by_text("The value table “countries” was saved.")).to_be_visible()
    assert table_of(ValueTable.objects.get()).pairs == (
        ("Iran", "IR"),
        ("Germany", "DE"),
        ("Italy", "IT"),
        ("Spain", "ES"),
    )


def test_a_value_that_stands_in_no_row_gets_one_and_is_told_while_it_is_typed(signed_in: Page) -> None:
    forget("memory")
    Connection.objects.create(name="north", connector="memory")
    signed_in.goto(FOR_STATUS)
    signed_in.locator("[data-absent=left] [data-value='In Progress']").click()
    signed_in.keyboard.type("Done")
    assert rows(signed_in) == [("In Progress", "Done")]
    expect(signed_in.locator("tr.pair").first.locator("[data-told]").first).to_have_text("Being worked on")
    signed_in.get_by_role("button", name="Fill by suggestion").click()
    assert sorted(rows(signed_in)) == [("Done", "Done"), ("In Progress", "Done"), ("New", "New")]
    signed_in.locator("tr.pair", has=signed_in.locator("input[value='New']")).get_by_role("button").click()
    assert sorted(rows(signed_in)) == [("Done", "Done"), ("In Progress", "Done")]
