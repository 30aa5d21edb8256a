"""The whole way of an office person, in a real Chromium on the portal as it is served: DEBUG off, hashed static files, a real
worker, two simulated CRMs. Nothing may be missing, break the Content-Security-Policy or write to the browser's console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import DESK
from tests.browser.conftest import Watched
from tests.browser.screens import CONTACTS, mapping, sign_in
from tests.browser.stack import Stack


@pytest.fixture
def stack(browser: Browser, tmp_path: Path) -> Iterator[Stack]:
    """The portal as it is served, with Really Simple Systems connected already."""
    with Stack(tmp_path) as running:
        running.import_config(connections=[running.connection("south", "reallysimple")])
        yield running


@pytest.fixture
def tab(browser: Browser, stack: Stack, watched: Watched) -> Iterator[Page]:
    """A tab of a fresh profile; afterwards nothing may have gone wrong in it."""
    profile = browser.new_context(base_url=stack.url, viewport=DESK)  # type: ignore[arg-type]
    profile.set_default_timeout(20_000)
    page = profile.new_page()
    watched.watch(page)
    yield page
    profile.close()
    assert watched.problems == [], stack.log()
    assert stack.csp_reports() == 0


def test_from_the_login_to_the_same_person_in_the_other_crm(tab: Page, stack: Stack) -> None:
    sign_in(tab)
    expect(tab.get_by_text("Three steps to records in step")).to_be_visible()
    connect_vtiger(tab, stack)
    stack.import_config(mappings=[mapping("contacts", "Contacts", "contacts", CONTACTS) | {"guards": False}])
    find_a_contact(tab)
    sync_now(tab)
    follow_one(tab)


def connect_vtiger(tab: Page, stack: Stack) -> None:
    """Test with a wrong key, which says what to do; then with the right one; save, and allow writing."""
    credentials = stack.credentials["vtiger"]
    tab.goto("/connections/add/vtiger/")
    tab.locator("#id_name").fill("north")
    tab.locator("#id_setting_url").fill(credentials["url"])
    tab.locator("#id_setting_username").fill(credentials["username"])
    tab.locator("#id_setting_access_key").fill("wrong")
    tab.locator("[name=_test]").click()
    expect(tab.locator("#test-result[role=alert]")).to_contain_text("access key")
    tab.locator("#id_setting_access_key").fill(credentials["access_key"])
    tab.locator("[name=_test]").click()
    expect(tab.locator("#test-result[role=status]")).to_contain_text("admin")
    tab.locator("[name=_save]").click()
    expect(tab.locator(".messagelist")).to_contain_text("north")
    tab.goto("/connections/north/writing/")
    tab.locator(".submit-row [type=submit]").click()
    expect(tab.locator(".messagelist")).to_contain_text("north")


def find_a_contact(tab: Page) -> None:
    """Open the list, mistype a filter, correct it, open one record."""
    tab.goto("/records/north/Contacts/")
    everybody = tab.locator("#result_list > tbody > tr").count()
    box = tab.locator("[name=filter]")
    box.fill("lastnme is not empty")
    box.press("Enter")
    expect(tab.locator("#filter-error mark")).to_have_text("lastnme")
    box.fill("lastname contains a and email is not empty")
    box.press("Enter")
    expect(tab.locator("#filter-error")).to_have_count(0)
    assert 0 < tab.locator("#result_list > tbody > tr").count() < everybody
    tab.locator("#result_list tbody th a").first.click()
    expect(tab.locator("dl.facts").first).to_contain_text("Last Name")


def sync_now(tab: Page) -> None:
    """Press the button on the mapping's page and watch the run end, without reloading by hand."""
    tab.goto("/mappings/contacts/")
    tab.get_by_role("button", name="Sync now").click()
    tab.wait_for_url("**/runs/*/")
    expect(tab.locator("#progress .badge")).to_have_text("succeeded", timeout=60_000)
    expect(tab.locator("#result_list > tbody > tr").first).to_be_visible()


def follow_one(tab: Page) -> None:
    """From an entry of the run to the record it made, which is the same person."""
    tab.goto(tab.url.split("?")[0] + "?state=done")
    row = tab.locator("#result_list > tbody > tr", has_text="create").first
    name = row.locator("> th").inner_text().strip()
    row.locator("> td a").first.click()
    tab.wait_for_url("**/records/south/contacts/*/")
    expect(tab.locator("#content")).to_contain_text(name.split()[-1])
    expect(tab.get_by_text("In other CRMs")).to_be_visible()
