"""What waits for a person, in a real Chromium: a conflict settled field by field, many at once, a failed entry tried again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from connectors.errors import RecordInvalid
from connectors.memory import forget
from portal.accounts.models import User
from portal.ledger.models import Run
from portal.sync.run import carry_out
from tests.browser.chromium import PHONE
from tests.portal.sync_world import World, emails

PAGE = "/conflicts/"


@pytest.fixture
def world(transactional_db: None) -> World:
    """Ada and Bob are called otherwise on either side, and Kim was refused."""
    for place in ("memory", "other"):
        forget(place)
    world = World(direction="both", conflict_policy="ask")
    here = world.add(world.north, "ada", "bob")
    world.sync()
    for record, other in zip(here, world.south.of("Contacts"), strict=True):
        world.north.put("Contacts", {"firstname": "North", "lastname": f"{record.values['lastname']} N"}, record.id)
        world.south.put("Contacts", {"firstname": "South"}, other.id)
    world.add(world.north, "kim")
    world.south.fail("create", RecordInvalid("The address is not accepted."))
    world.sync()
    return world


def work() -> None:
    """Carry out what was started, as a qcluster does: in a thread of its own, for this one runs the browser's loop."""

    def carry_all_out() -> None:
        try:
            for run in Run.objects.filter(state=Run.State.QUEUED):
                carry_out(run)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(carry_all_out).result()


def first_names(world: World, side: str) -> list[str]:
    return [str(record.values["firstname"]) for record in getattr(world, side).of("Contacts")]


def test_a_conflict_is_settled_by_keyboard_and_a_failed_entry_is_tried_again(world: World, signed_in: Page) -> None:
    signed_in.goto("/")
    signed_in.get_by_role("link", name="contacts: Both sides changed the same field differently.").click()
    ada = signed_in.locator("fieldset.wait").filter(has_text="Ada N")
    expect(ada.get_by_role("row", name="First name")).to_contain_text("Test")  # what both last agreed on
    ada.get_by_role("radio", name="First name: north").focus()
    signed_in.keyboard.press("ArrowRight")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_text("1 choice is kept.")).to_be_visible()
    expect(signed_in.get_by_text("admin chose “firstname: south”")).to_be_visible()
    work()
    assert first_names(world, "north")[:2] == ["South", "North"]
    signed_in.goto(PAGE)
    signed_in.get_by_role("button", name="Try again now").click()
    work()
    assert "kim@example.org" in emails(world.south)
    signed_in.goto(f"{PAGE}chosen/")
    expect(signed_in.locator("#result_list tbody tr")).to_have_count(2)
    expect(signed_in.get_by_role("row", name="Ada N")).to_contain_text("firstname: south")


def test_one_side_wins_for_all_that_are_marked(world: World, signed_in: Page) -> None:
    signed_in.goto(f"{PAGE}?reason=both_changed")
    for box in signed_in.get_by_role("checkbox", name="Mark").all():
        box.check()
    signed_in.get_by_label("or with all that are marked:").select_option("left")
    signed_in.get_by_role("button", name="Do it with the marked ones").click()
    expect(signed_in.get_by_text("2 choices are kept.")).to_be_visible()
    work()
    assert first_names(world, "south")[:2] == ["North", "North"]
    signed_in.goto(f"{PAGE}?reason=both_changed")
    expect(signed_in.get_by_text("Nothing that waits is like this.")).to_be_visible()


def test_a_waiting_entry_of_a_run_leads_to_its_choice(world: World, signed_in: Page) -> None:
    signed_in.goto(f"/runs/{Run.objects.latest('pk').pk}/?state=conflict")
    signed_in.get_by_role("link", name="Look at both sides and decide").first.click()
    expect(signed_in.locator("fieldset.wait")).to_have_count(1)
    expect(signed_in.get_by_role("button", name="Do this")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_page_fits_a_phone_also_from_right_to_left(world: World, signed_in: Page, language: str) -> None:
    User.objects.update(language=language)
    signed_in.set_viewport_size(PHONE)
    for address in (PAGE, f"{PAGE}chosen/"):
        signed_in.goto(address)
        assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
