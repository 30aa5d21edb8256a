"""A run taken back in a real Chromium: from its page over the plan to the records as they were, on a phone and from right to left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from connectors.memory import forget
from portal.accounts.models import User
from portal.ledger.models import Run
from portal.sync.run import carry_out
from tests.browser.chromium import PHONE
from tests.portal.sync_world import World


@pytest.fixture
def empty(transactional_db: None) -> Iterator[None]:
    """Two CRMs in which nobody is, before and after."""
    for place in ("memory", "other"):
        forget(place)
    yield
    for place in ("memory", "other"):
        forget(place)


@pytest.fixture
def run(empty: None) -> Run:
    """A run that changed, made and deleted records, some of which somebody changed since."""
    world = World(delete_policy="delete")
    ada, bo, cy, *_rest = world.add(world.north, "ada", "bo", "cy", "dan")
    world.sync()
    for record in (ada, bo):
        world.north.put("Contacts", {"firstname": "Renamed"}, record.id)
    world.north.remove("Contacts", cy.id)
    world.add(world.north, "eve", "fay")
    run = world.sync()
    for email in ("bo@example.org", "fay@example.org"):
        (theirs,) = [r for r in world.south.of("Contacts") if r.values["email"] == email]
        world.south.put("Contacts", {"firstname": "By hand"}, theirs.id)
    return run


def planned(page: Page, run: Run) -> Run:
    """Ask for the plan on the run's page, and let the worker make it."""
    page.goto(f"/runs/{run.pk}/")
    page.get_by_role("link", name="Take this run back").click()
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()
    return carry_out(Run.objects.get(undoes=run))


def test_a_run_is_taken_back_from_its_page(run: Run, signed_in: Page) -> None:
    plan = planned(signed_in, run)
    expect(signed_in.get_by_role("button", name="Take it back now")).to_be_visible()  # the page renews itself
    expect(signed_in.get_by_text("Somebody changed it since the run").first).to_be_visible()
    expect(signed_in.locator("tr.differs")).to_contain_text(["By hand", "By hand"])
    shot(signed_in, "plan")
    signed_in.get_by_role("button", name="Take it back now").focus()
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_text("waiting for a worker")).to_be_visible()
    assert carry_out(Run.objects.get(pk=plan.pk)).state == "succeeded"
    expect(signed_in.get_by_text("The mapping is paused: look at the result")).to_be_visible()
    shot(signed_in, "done")
    signed_in.goto(f"/runs/{run.pk}/")
    expect(signed_in.get_by_text("Taken back by")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_its_pages_fit_a_phone_also_from_right_to_left(run: Run, signed_in: Page, language: str) -> None:
    signed_in.set_viewport_size(PHONE)
    plan = planned(signed_in, run)
    User.objects.update(language=language)
    for address in (f"/runs/{run.pk}/undo/", f"/runs/{plan.pk}/", f"/runs/{run.pk}/"):
        signed_in.goto(address)
        assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        shot(signed_in, f"phone-{language}-{address.strip('/').replace('/', '-')}")
    signed_in.emulate_media(color_scheme="dark")
    signed_in.set_viewport_size({"width": 1280, "height": 900})
    for name, address in (("ask", f"/runs/{run.pk}/undo/"), ("plan", f"/runs/{plan.pk}/")):
        signed_in.goto(address)
        shot(signed_in, f"dark-{language}-{name}")


def shot(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for it (SCREENSHOTS=folder)."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"undo-{name}.png", full_page=True)
