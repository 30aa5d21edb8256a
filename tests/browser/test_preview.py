"""The preview of a mapping in a real Chromium: counted at a press, one record found by keyboard, on a phone, from right to left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from connectors.memory import forget
from portal.accounts.models import User
from portal.mappings.definition import Rule
from tests.browser.chromium import PHONE
from tests.portal.sync_world import RULES, World
from tests.portal.test_sync_preview import read

PAGE = "/mappings/contacts/preview/"


@pytest.fixture
def world(transactional_db: None) -> World:
    """A mapping with something of each kind before it."""
    for place in ("memory", "other"):
        forget(place)
    world = World(rules=(*RULES, Rule("", "status", source="value", value="New"), Rule("notes", "address/city")))
    ada, *_rest = world.add(world.north, "ada", "bob")
    world.sync()
    world.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    world.add(world.north, "eve", "twin", "twin")
    world.north.put("Contacts", {"firstname": "Nobody", "email": "none@example.org"})
    world.north.put("Contacts", {"lastname": "Keyless"})
    read(world)
    return world


def test_all_records_are_counted_at_a_press_and_a_sample_is_looked_at_closely(world: World, signed_in: Page) -> None:
    signed_in.goto(PAGE)
    signed_in.get_by_role("button", name="Preview all records").click()
    figures = signed_in.locator("#preview-all .figures")
    expect(figures).to_contain_text("To create")
    signed_in.get_by_text("To change: 1").click()
    signed_in.get_by_role("row", name="Test Lovelace").get_by_role("link", name="Test Lovelace").click()
    expect(signed_in.get_by_text("1 field would be changed in south · Contacts.")).to_be_visible()
    expect(signed_in.locator("tr.differs")).to_contain_text("Lovelace")


def test_the_next_that_fails_and_a_search_are_reached_by_keyboard(world: World, signed_in: Page) -> None:
    signed_in.goto(PAGE)
    signed_in.get_by_role("button", name="Next that fails").focus()
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("#rules")).to_contain_text("In conflict")
    signed_in.get_by_role("searchbox", name="Search records").focus()
    signed_in.keyboard.type("bob")
    signed_in.keyboard.press("Enter")
    signed_in.get_by_role("link", name="Test Bob").click()
    expect(signed_in.get_by_text("Nothing would happen")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_page_fits_a_phone_also_from_right_to_left(world: World, signed_in: Page, language: str) -> None:
    User.objects.update(language=language)
    signed_in.set_viewport_size(PHONE)
    signed_in.goto(PAGE)
    signed_in.locator("#preview-all button").click()
    expect(signed_in.locator("#preview-all .figures")).to_be_visible()
    record = world.north.of("Contacts")[0].id
    signed_in.goto(f"{PAGE}?side=left&record={record}")
    expect(signed_in.locator("#rules tr.differs")).to_be_visible()
    assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
