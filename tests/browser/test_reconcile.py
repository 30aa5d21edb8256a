"""Asking why, comparing both sides, applying to all again and resetting, in a real Chromium: at a desk, on a phone, by keyboard, from
right to left."""

from __future__ import annotations

import pytest
from django_q.models import OrmQ
from playwright.sync_api import Page, expect

from connectors.memory import forget
from portal.accounts.models import User
from portal.ledger.models import Run
from portal.sync.reconciling import job as reconcile_job
from portal.sync.run import carry_out
from tests.browser.chromium import PHONE
from tests.portal.sync_world import World
from tests.portal.task_queue import take_next

MAPPING = "/mappings/contacts/"
COMPARISON = "/mappings/contacts/compare/"


@pytest.fixture
def world(transactional_db: None) -> World:
    """Two CRMs that agreed once, and what happened since."""
    OrmQ.objects.all().delete()
    for place in ("memory", "other"):
        forget(place)
    world = World()
    ada, *_rest = world.add(world.north, "ada", "bob", "eve")
    world.sync()
    world.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    world.sync()
    there = world.south.of("Contacts")
    world.south.put("Contacts", {"firstname": "Augusta"}, there[0].id)
    world.south.remove("Contacts", there[2].id)
    world.north.put("Contacts", {"lastname": "Keyless"})
    return world


def compared(page: Page) -> None:
    """Have both sides compared by a worker, and wait for the result."""
    page.goto(MAPPING)
    page.get_by_role("button", name="Compare both sides").click()
    expect(page.locator("#reconcile")).to_contain_text("waiting for a worker")
    while args := take_next():
        reconcile_job.run_slice(*args)
    expect(page.locator("#reconcile .figures")).to_contain_text("Differ")


def test_both_sides_are_compared_and_each_record_says_why(world: World, signed_in: Page) -> None:
    compared(signed_in)
    expect(signed_in.get_by_role("row", name="Augusta").first).to_contain_text("edited on the side")
    expect(signed_in.get_by_text("its partner was deleted").first).to_be_visible()
    signed_in.goto(MAPPING)
    expect(signed_in.locator("#care")).to_contain_text("1 pair equal, 1 differs, 2 only left, 0 only right.")


def test_a_click_beside_a_value_tells_who_put_it_there(world: World, signed_in: Page) -> None:
    world.sync()
    signed_in.goto(f"/records/south/Contacts/{world.south.of('Contacts')[0].id}/")
    signed_in.get_by_role("link", name="Why Last name?").focus()
    signed_in.keyboard.press("Enter")
    told = signed_in.locator(".why-told")
    expect(told).to_contain_text("Written by run")
    expect(told).to_contain_text("lastname = “Lovelace”")
    signed_in.get_by_role("link", name="Why First name?").click()
    expect(signed_in.locator(".why-told").filter(has_text="Edited in south")).to_be_visible()


def test_all_is_applied_again_only_after_its_plan_was_approved(world: World, signed_in: Page) -> None:
    signed_in.goto(MAPPING)
    signed_in.get_by_text("All records at once").click()
    signed_in.get_by_role("button", name="Apply to all again").click()
    expect(signed_in.get_by_role("button", name="Stop")).to_be_visible()
    carry_out(Run.objects.latest("pk"))
    expect(signed_in.locator("#cost")).to_contain_text("1 call to south")
    assert world.south.of("Contacts")[0].values["firstname"] == "Augusta"
    signed_in.get_by_role("button", name="Approve and carry out").click()
    expect(signed_in.get_by_role("button", name="Stop")).to_be_visible()
    carry_out(Run.objects.latest("pk"))
    assert world.south.of("Contacts")[0].values["firstname"] == "Test"


def test_a_reset_says_what_it_does_before_it_is_done(world: World, signed_in: Page) -> None:
    signed_in.goto(MAPPING)
    signed_in.get_by_text("All records at once").click()
    signed_in.get_by_role("link", name="Reset …").click()
    expect(signed_in.get_by_text("for 3 linked pairs")).to_be_visible()
    signed_in.get_by_role("button", name="Yes, forget it").click()
    expect(signed_in.get_by_text("Forgotten for 3 pairs")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_pages_fit_a_phone_also_from_right_to_left(world: World, signed_in: Page, language: str) -> None:
    compared(signed_in)
    User.objects.update(language=language)
    signed_in.set_viewport_size(PHONE)
    for address in (COMPARISON, MAPPING, "/mappings/contacts/reset/"):
        signed_in.goto(address)
        assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
    signed_in.goto(f"/records/south/Contacts/{world.south.of('Contacts')[0].id}/")
    signed_in.locator("a.why").nth(1).click()
    expect(signed_in.locator(".why-told")).to_be_visible()
    assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
