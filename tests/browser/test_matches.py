"""The match review in a real Chromium: looked at, one pair accepted, the rest at once, and the run that then follows."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from connectors.memory import forget
from portal.accounts.models import User
from portal.sync.models import Link
from tests.browser.chromium import PHONE
from tests.portal.sync_world import World, emails
from tests.portal.test_sync_matches import put
from tests.portal.test_sync_preview import read

PAGE = "/mappings/contacts/matches/"


@pytest.fixture
def world(transactional_db: None) -> World:
    """People on both sides under different addresses, one twice, one without a key."""
    for place in ("memory", "other"):
        forget(place)
    world = World()
    for number, name in enumerate(("Ada", "Bob", "Cleo")):
        phone = f"020 7946 010{number}"
        put(world.north, name, "Lovelace" if name == "Ada" else f"Carter{number}", phone=phone)
        put(
            world.south,
            name,
            "Lovelace" if name == "Ada" else f"Carter{number}",
            phone=phone,
            email=f"{name}@work.example",
        )
    put(world.north, "سارا", "احمدی", email=None)
    put(world.south, "Eve", "Stone", email="eve@stone.example")
    put(world.south, "Eve", "Stone", email="eve@stone.example", phone="020 7946 0999")
    read(world)
    return world


def test_one_is_accepted_the_rest_at_once_and_none_is_created_again(world: World, signed_in: Page) -> None:
    signed_in.goto(PAGE)
    signed_in.get_by_role("button", name="Look for partners").click()
    ada = signed_in.locator("article", has_text="Ada Lovelace")
    expect(ada).to_contain_text("same name · same phone")
    ada.get_by_role("button", name="These are one").press("Enter")
    expect(ada.get_by_role("button", name="Take it back")).to_be_visible()
    signed_in.reload()
    expect(signed_in.locator("article", has_text="Ada Lovelace")).to_have_count(0)
    signed_in.locator("#least").select_option(label="from 85 %: 2 pairs")
    signed_in.get_by_role("button", name="Accept", exact=True).click()
    expect(signed_in.locator(".messagelist")).to_contain_text("2 pairs are one from now on.")
    assert Link.objects.count() == 3
    run = world.sync()
    assert (run.counts["create"], run.counts["update"]) == (0, 3)
    assert len(emails(world.south)) == 5


def test_a_pair_that_is_not_the_same_goes_and_comes_back(world: World, signed_in: Page) -> None:
    signed_in.goto(PAGE)
    signed_in.get_by_role("button", name="Look for partners").click()
    bob = signed_in.locator("article", has_text="Bob Carter1")
    bob.get_by_role("button", name="Not the same").click()
    bob.get_by_role("button", name="Take it back").click()
    expect(bob).to_contain_text("to decide")
    signed_in.reload()
    expect(signed_in.locator("article", has_text="Bob Carter1")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_page_fits_a_phone_also_from_right_to_left(world: World, signed_in: Page, language: str) -> None:
    User.objects.update(language=language)
    signed_in.set_viewport_size(PHONE)
    signed_in.goto(PAGE)
    signed_in.locator("#matches-all button").click()
    expect(signed_in.locator("article.match").first).to_be_visible()
    for show in ("decide", "unlike", "doubles&side=right", "without", "alone&side=right", "said"):
        signed_in.goto(f"{PAGE}?show={show}")
        expect(signed_in.locator("#list")).to_be_visible()
        assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), show
