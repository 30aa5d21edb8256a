"""A sync set in a real Chromium: made, planned, approved and carried out; on a phone and from right to left too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.ledger.models import Run
from portal.sync.models import SyncSet
from portal.sync.run import carry_out
from tests.browser.chromium import PHONE
from tests.portal.set_world import MAIN_CONTACT, SetWorld


@pytest.fixture
def world(transactional_db: None) -> SetWorld:
    """A company, somebody who works there and is its main contact, a deal with both; and one that cannot arrive."""
    made = SetWorld()
    made.say("companies", MAIN_CONTACT)
    acme = made.company("Acme")
    ada = made.person("ada", acme)
    made.north.put("Accounts", {"contact": ada}, acme)
    made.deal("Boots", acme, ada)
    made.north.put("Contacts", {"lastname": "Nobody", "account": acme})
    return made


def carried_out() -> Run:
    """Have the newest run of a set carried out, as a worker would."""
    return carry_out(Run.objects.filter(parent=None).latest("pk"))


def test_a_set_is_made_planned_approved_and_carried_out(world: SetWorld, signed_in: Page) -> None:
    SyncSet.objects.all().delete()
    signed_in.goto("/sets/")
    signed_in.get_by_role("link", name="Add sync set").click()
    signed_in.get_by_label("Name").fill("all")
    for name in ("companies", "contacts", "deals"):
        signed_in.get_by_role("checkbox", name=name).check()
    signed_in.get_by_role("button", name="Save").click()
    rows = signed_in.locator("#members tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("companies")
    expect(signed_in.locator("#members")).to_contain_text("leads back")
    signed_in.get_by_role("button", name="Plan").click()
    expect(signed_in.locator("#progress")).to_contain_text("queued")
    assert carried_out().state == "awaiting_approval"
    expect(signed_in.locator("#report")).to_contain_text("awaiting approval")
    ada = signed_in.locator("#result_list tbody tr", has=signed_in.get_by_role("link", name="Ada", exact=True))
    ada.locator("summary").click()
    expect(ada).to_contain_text("(will be made by companies)")
    signed_in.get_by_role("button", name="Approve and carry out").click()
    expect(signed_in.locator("#progress")).to_contain_text("queued")
    assert carried_out().state == "succeeded"
    expect(signed_in.locator("#report .sum")).to_contain_text("4")
    expect(signed_in.locator("#report")).to_contain_text("A part of the match key is empty")
    assert world.arrived("Accounts", "contact") == {"Acme": "Ada"} and world.arrived("Deals", "contact") == {
        "Boots": "Ada"
    }
    signed_in.goto("/runs/")
    signed_in.get_by_text("3 parts").click()
    signed_in.get_by_role("link", name="contacts").click()
    expect(signed_in.get_by_text("is a part of the run")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_pages_fit_a_phone_also_from_right_to_left(world: SetWorld, signed_in: Page, language: str) -> None:
    User.objects.update(language=language)
    signed_in.set_viewport_size(PHONE)
    signed_in.goto("/sets/crm/")
    signed_in.locator("button[name=plan]").click()
    carried_out()
    pages = [
        "/sets/",
        "/sets/crm/",
        "/sets/crm/change/",
        "/sets/crm/delete/",
        "/runs/",
        *(f"/runs/{r.pk}/" for r in Run.objects.all()),
    ]
    for page in pages:
        signed_in.goto(page)
        assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page
