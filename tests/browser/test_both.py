"""Two people at the rules of one mapping, in a real Chromium: the later one sees both and chooses, by keyboard, on a phone too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from connectors.memory import forget
from portal.accounts.models import User
from portal.mappings.models import Mapping
from portal.mappings.save import save_draft
from portal.mappings.stored import definition_of, newest
from tests.browser.chromium import PHONE
from tests.portal.sync_world import World

PAGE = "/mappings/contacts/change/"


@pytest.fixture
def mapping(transactional_db: None) -> Mapping:
    for place in ("memory", "other"):
        forget(place)
    return World().mapping


def shirin_saves(mapping: Mapping) -> None:
    """Somebody else says that the last name is set on create only."""
    said = definition_of(mapping, newest(mapping))
    rules = tuple(replace(rule, only_on_create=rule.left == "lastname") for rule in said.rules)
    save_draft(mapping, replace(said, rules=rules), user=None, actor="شیرین")


def edit_and_save(page: Page) -> None:
    """Compare two fields otherwise than before."""
    for row in (0, 1):
        page.locator(f"#id_rules-{row}-compare").evaluate("e => e.value = 'case'")
    page.locator(".submit-row .default").click()


def test_whoever_saves_later_sees_both_and_chooses_by_keyboard(mapping: Mapping, signed_in: Page) -> None:
    signed_in.goto(PAGE)
    shirin_saves(mapping)
    edit_and_save(signed_in)
    expect(signed_in.get_by_text("This was saved elsewhere while you were at it")).to_be_visible()
    clashing = signed_in.get_by_role("row", name="both changed it")
    expect(clashing).to_contain_text("capitals make no difference")
    signed_in.get_by_role("button", name="Save what is chosen").press("Enter")
    expect(signed_in.get_by_text("Choose for each line whose shall hold.")).to_be_visible()
    clashing.get_by_role("radio").last.focus()
    signed_in.keyboard.press("Space")
    signed_in.get_by_role("button", name="Save what is chosen").press("Enter")
    expect(signed_in.get_by_text("Saved.")).to_be_visible()
    last, first, _email = definition_of(mapping, newest(mapping)).rules
    assert (last.only_on_create, last.compare, first.compare) == (True, "", "case")


@pytest.mark.parametrize("language", ["en", "fa"])
def test_both_fit_a_phone_also_from_right_to_left(mapping: Mapping, signed_in: Page, language: str) -> None:
    User.objects.update(language=language)
    signed_in.set_viewport_size(PHONE)
    signed_in.goto(PAGE)
    shirin_saves(mapping)
    edit_and_save(signed_in)
    expect(signed_in.locator("table.both")).to_be_visible()
    assert not signed_in.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
