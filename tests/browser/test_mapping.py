"""Making and changing a mapping in a real Chromium: step by step, with the mouse, with the keyboard alone, by dragging."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from connectors.memory import forget, store
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.reread import read
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.mappings.stored import definition_of, draft_of, newest
from portal.records.pull import mirror_of, pull
from tests.browser.first_mapping import MOST_CLICKS, Person, make

FIELDS = "/mappings/people/change/"


@pytest.fixture
def both(transactional_db: None) -> None:
    """Two CRMs with some of the same people, read into their mirrors."""
    for name, place in (("north", "memory"), ("south", "other")):
        forget(place)
        for number in range(8):
            person = {"firstname": f"Ann{number}", "lastname": "Miller", "email": f"ann{number}@example.org"}
            store(place).put("Contacts", person, f"{name[0]}{number}")
        connection = Connection.objects.create(name=name, connector="memory", settings={"store": place}, writable=True)
        with open_connector(connection, purpose="sync") as crm:
            pull(mirror_of(connection, "Contacts"), crm)


@pytest.fixture
def people(both: None, signed_in: Page) -> Mapping:
    """A live mapping of two rules."""
    sides = Side("north", "Contacts"), Side("south", "Contacts")
    rules = Rule("lastname", "lastname"), Rule("email", "email")
    definition = Definition("people", *sides, "left-to-right", (("email", "email"),), rules)
    return save_mapping(definition, user=User.objects.get(), actor="admin")


def said(mapping: Mapping) -> list[tuple[str, str]]:
    """Return the fields of each rule as the newest version has them."""
    return [(rule.left, rule.right) for rule in definition_of(mapping, newest(mapping)).rules]


def tab_to(page: Page, selector: str, most: int = 120) -> None:
    """Press Tab until that element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with the Tab key")


def test_a_mapping_is_made_from_nothing_in_a_few_clicks(both: None, signed_in: Page) -> None:
    person = Person(signed_in)
    make(person, "north", "south", "Contacts – Contacts")
    assert person.clicks <= MOST_CLICKS, person.steps
    expect(signed_in.locator(".mapping-head")).to_contain_text("is live")
    mapping = Mapping.objects.get()
    assert mapping.is_live and ("email", "email") in said(mapping) and mapping.every_minutes == 15


def test_the_making_can_be_left_at_any_step_and_gone_on_with(both: None, signed_in: Page) -> None:
    signed_in.goto("/mappings/add/?left_connection=north&right_connection=south")
    signed_in.locator("form[method=post]").get_by_role("button", name="Continue").click()
    expect(signed_in.locator(".tabs [aria-current]")).to_contain_text("Match key")
    signed_in.goto("/")
    signed_in.goto("/mappings/")
    expect(signed_in.locator("#result_list")).to_contain_text("not live yet")
    signed_in.locator("#result_list tbody th a").click()
    expect(signed_in.locator(".tabs [aria-current]")).to_contain_text("Fields")


def test_a_rule_is_added_and_kept_with_the_keyboard_alone(people: Mapping, signed_in: Page) -> None:
    signed_in.goto(FIELDS)
    tab_to(signed_in, "[data-add-rule]")
    signed_in.keyboard.press("Enter")
    signed_in.keyboard.type("firstname")
    tab_to(signed_in, "[name='rules-2-source']")
    tab_to(signed_in, "[name='rules-2-right']")
    signed_in.keyboard.type("firstname")
    tab_to(signed_in, "summary")
    tab_to(signed_in, "[name='rules-2-DELETE']")
    signed_in.keyboard.press("Shift+Tab")
    tab_to(signed_in, "[name='rules-2-DELETE']")
    tab_to(signed_in, ".submit-row .default", most=400)
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator(".messagelist")).to_contain_text("Saved")
    assert said(people)[-1] == ("firstname", "firstname") and draft_of(people) is not None


def test_a_rule_becomes_an_expression_with_the_keyboard_and_is_checked_at_once(
    people: Mapping, signed_in: Page
) -> None:
    signed_in.goto(FIELDS)
    tab_to(signed_in, "[name='rules-0-source']")
    signed_in.keyboard.type("exp")
    tab_to(signed_in, "[name='rules-0-expression']")
    signed_in.keyboard.type("{{ lastname|uper }}")
    signed_in.keyboard.press("Tab")
    expect(signed_in.locator("#notes-0 .finding.error")).to_contain_text("upper")
    assert said(people)[0] == ("lastname", "lastname")  # telling is not saving
    tab_to(signed_in, "[name='rules-1-left']")
    signed_in.keyboard.press("Enter")  # Enter in a field saves
    expect(signed_in.locator(".messagelist")).to_contain_text("Saved")
    assert said(people)[0] == ("", "lastname")


def test_a_field_dragged_onto_another_makes_a_rule(people: Mapping, signed_in: Page) -> None:
    signed_in.goto(FIELDS)
    left = signed_in.locator('[data-side="left"][data-field="firstname"]')
    left.drag_to(signed_in.locator('[data-side="right"][data-field="firstname"]'))
    expect(signed_in.locator("[name='rules-2-right']")).to_have_value("firstname")
    signed_in.locator(".submit-row .default").click()
    assert said(people)[-1] == ("firstname", "firstname")


def test_a_draft_is_compared_made_live_and_the_old_version_restored(people: Mapping, signed_in: Page) -> None:
    signed_in.goto(FIELDS)
    signed_in.locator("[name='rules-0-left']").fill("firstname")
    signed_in.locator(".submit-row .default").click()
    signed_in.get_by_role("link", name="what it changes").click()
    expect(signed_in.locator(".differences").first).to_contain_text("firstname → lastname")
    signed_in.get_by_role("button", name="Check and make live").click()
    expect(signed_in.locator(".messagelist")).to_contain_text("Version 2 is live")
    signed_in.goto("/mappings/people/versions/")
    signed_in.get_by_role("button", name="Restore as a draft").click()
    expect(signed_in.locator(".messagelist")).to_contain_text("what version 1 said")
    assert said(people)[0] == ("lastname", "lastname")
    people.refresh_from_db()
    assert people.version == 2


def test_a_field_that_is_gone_pauses_its_mapping_and_the_page_says_what_to_do(people: Mapping, signed_in: Page) -> None:
    north = Connection.objects.get(name="north")
    read(north, modules=["Contacts"])
    crm = store("memory")
    whole = crm.schemas["Contacts"]
    crm.schemas["Contacts"] = replace(whole, fields=tuple(f for f in whole.fields if f.name != "lastname"))
    try:
        signed_in.goto("/connections/north/change/")
        signed_in.get_by_role("button", name="Read the fields again").click()
        read(north, modules=["Contacts"])  # what the queue's worker does
        signed_in.goto("/")
        signed_in.get_by_role("link", name="people").first.click()
        expect(signed_in.locator(".mapping-head")).to_contain_text("paused")
        signed_in.get_by_role("button", name="Resume").click()
        expect(signed_in.locator(".messagelist")).to_contain_text("lastname")
        expect(signed_in.locator("#notes-0 .finding.error")).to_contain_text("has no field “lastname”")
    finally:
        crm.schemas["Contacts"] = whole


@pytest.mark.parametrize("part", ["", "match/", "change/", "policies/", "schedule/", "versions/"])
def test_every_page_of_a_mapping_fits_a_phone(people: Mapping, signed_in: Page, part: str) -> None:
    signed_in.set_viewport_size({"width": 390, "height": 844})
    signed_in.goto(f"/mappings/people/{part}")
    assert not signed_in.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
