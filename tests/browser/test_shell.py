"""The shell and the record screens in a real Chromium: every page keeps the policy, at both widths, by mouse and keyboard."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.memory import forget, store
from connectors.types import Change
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.ledger.models import AuditEntry, Problem
from portal.records.models import Mirror
from portal.records.pull import mirror_of
from portal.records.store import store_changes
from portal.ui import csp
from tests.browser.chromium import PHONE
from tests.browser.conftest import Watched

LIST = "/records/north/Contacts/"
HOSTILE = "\"><script>document.title = 'hacked'</script><img src=x onerror=\"document.title = 'hacked'\">"
PAGES = [
    "/",
    "/connections/",
    "/connections/add/",
    "/connections/add/vtiger/",
    "/connections/north/change/",
    "/connections/north/history/",
    "/connections/call/",
    "/records/",
    "/records/north/",
    LIST,
    LIST + "?filter=lastnam+%3D+x",
    LIST + "?source=live&q=miller",
    LIST + "c1/",
    "/mappings/",
    "/mappings/add/",
    "/runs/",
    "/ledger/problem/",
    "/ledger/auditentry/",
    "/accounts/user/",
    "/accounts/user/add/",
    "/accounts/user/1/change/",
    "/accounts/user/1/history/",
    "/accounts/user/1/password/",
    "/auth/group/",
    "/auth/group/add/",
    "/auth/group/1/delete/",
    "/preferences/",
    "/password_change/",
]


@pytest.fixture
def filled(transactional_db: None) -> Connection:
    """A connection with a mirrored record, one of everything that has a list."""
    forget("memory")
    north = Connection.objects.create(name="north", connector="memory", writable=True)
    values = {
        "firstname": "Anna",
        "lastname": "Miller",
        "notes": HOSTILE,
        "website": "javascript:document.title='hacked'",
    }
    for number in range(60):
        store("memory").put("Contacts", values | {"children": str(number), "lines": [{HOSTILE: "1"}]}, f"c{number}")
    mirror = mirror_of(north, "Contacts")
    store_changes(mirror, [Change(r.id, r) for r in store("memory").records.values()])
    Mirror.objects.filter(pk=mirror.pk).update(completed_at=datetime.now(UTC), pulled_at=datetime.now(UTC))
    Group.objects.create(pk=1, name="Sales")
    Problem.objects.create(key="a", kind="auth", title="north refuses its key", connection=north)
    AuditEntry.objects.create(actor="admin", action="allow writing")
    return north


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_page_keeps_the_policy_and_fits_the_screen(
    signed_in: Page, filled: Connection, watched: Watched, size: str
) -> None:
    if size == "phone":
        signed_in.set_viewport_size(PHONE)  # type: ignore[arg-type]
    user = User.objects.get(username="admin")
    too_wide = []
    for path in PAGES:
        answer = signed_in.goto(path.replace("/user/1/", f"/user/{user.pk}/"))
        assert answer is not None and answer.status == 200, path
        if signed_in.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            too_wide.append(path)
    assert too_wide == [] and watched.problems == []


def test_a_person_logs_in_chooses_a_theme_and_logs_out(page: Page, live_server: LiveServer) -> None:
    User.objects.create_superuser("anna", password="a long password")
    page.goto("/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("a long password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    page.locator(".theme-toggle").click()
    theme = page.evaluate("document.documentElement.dataset.theme")
    page.reload()
    assert theme in ("light", "dark") and page.evaluate("document.documentElement.dataset.theme") == theme
    page.get_by_text("anna").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Logged out")).to_be_visible()


def test_the_navigation_of_a_phone_opens_by_its_button_and_closes_by_escape(signed_in: Page) -> None:
    signed_in.set_viewport_size(PHONE)  # type: ignore[arg-type]
    signed_in.goto("/")
    nav = signed_in.get_by_role("navigation", name="Navigation")
    expect(nav).to_be_hidden()
    signed_in.get_by_role("button", name="Navigation").press("Enter")
    expect(nav.get_by_role("link", name="Dashboard")).to_be_focused()
    signed_in.keyboard.press("Escape")
    expect(nav).to_be_hidden()
    expect(signed_in.get_by_role("button", name="Navigation")).to_be_focused()


def test_records_are_found_sorted_and_turned_by_keyboard_and_mouse(signed_in: Page, filled: Connection) -> None:
    signed_in.goto(LIST)
    signed_in.get_by_label("Filter", exact=True).fill("children >= 10")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_text("50 records", exact=True)).to_be_visible()
    signed_in.get_by_text("Columns").click()
    signed_in.get_by_label("Children", exact=True).check()
    signed_in.get_by_role("button", name="Save").click()
    signed_in.get_by_role("link", name="Children").click()
    column = signed_in.locator("#result_list td:last-child")
    expect(column.first).to_have_text("10")
    signed_in.get_by_role("link", name="Children").click()
    expect(column.first).to_have_text("59")
    signed_in.locator("#result_list th a").nth(10).press("Enter")
    expect(signed_in.get_by_role("heading", name="Anna Miller")).to_be_visible()


def test_the_wrong_word_of_a_filter_is_selected(signed_in: Page, filled: Connection) -> None:
    signed_in.goto(LIST + "?filter=children+%3D+1+and+lastnam+%3D+x")
    expect(signed_in.get_by_label("Filter", exact=True)).to_be_focused()
    assert signed_in.evaluate("window.getSelection().toString()") == "lastnam"
    expect(signed_in.locator(".filter-error mark")).to_have_text("lastnam")


def test_what_a_crm_sends_runs_nothing(signed_in: Page, filled: Connection) -> None:
    user = User.objects.get(username="admin")
    user.columns = {"north/Contacts": ["notes", "website", "lines"]}
    user.save()
    for path in (LIST, LIST + "?source=live", LIST + "c1/", LIST + "c1/?source=live"):
        signed_in.goto(path)
        signed_in.get_by_text("javascript:document").first.click()
        assert "hacked" not in signed_in.title(), path


def test_pages_read_from_right_to_left_in_persian(signed_in: Page, filled: Connection) -> None:
    User.objects.update(language="fa")
    for size in (PHONE, {"width": 1280, "height": 900}):
        signed_in.set_viewport_size(size)  # type: ignore[arg-type]
        for path in ("/", LIST, LIST + "c1/", "/accounts/user/"):
            signed_in.goto(path)
            assert signed_in.evaluate("getComputedStyle(document.body).direction") == "rtl"
            assert not signed_in.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert signed_in.evaluate("document.querySelector('#portal-nav').getBoundingClientRect().left > innerWidth / 2")


def test_a_page_that_breaks_the_policy_is_stopped_and_reported(page: Page, watched: Watched) -> None:
    page.goto("/login/")
    with page.expect_request("**/csp-report/"):
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))"
        )
    for _ in range(50):
        if csp.reports():
            break
        page.wait_for_timeout(100)
    assert page.title() != "1" and watched.problems and csp.reports() == 1
    watched.problems.clear()
    cache.delete(csp.COUNT)
