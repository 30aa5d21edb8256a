"""Authorising a connection at the CRM's own pages in a real Chromium: the Content-Security-Policy lets the browser leave from that
one page, and it comes back with the session it left with."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from connectors.sandbox.reallysimple.oauth import CLIENT_ID, CLIENT_SECRET
from tests.browser.chromium import DESK
from tests.browser.conftest import Watched
from tests.browser.screens import sign_in
from tests.browser.stack import Stack


def test_a_person_leaves_for_the_crm_and_comes_back_authorised(
    browser: Browser, tmp_path: Path, watched: Watched
) -> None:
    with Stack(tmp_path) as stack:
        url = stack.credentials["reallysimple"]["url"]
        own = {"url": url, "authorize_url": f"{url}/oauth/authorize", "token_url": f"{url}/oauth/token"}
        london = stack.connection("london", "reallysimple")
        settings, secrets = {**own, "client_id": CLIENT_ID}, {"client_secret": CLIENT_SECRET}
        stack.import_config(connections=[london | {"settings": settings, "secrets": secrets}])
        tab = browser.new_context(base_url=stack.url, viewport=DESK).new_page()  # type: ignore[arg-type]
        watched.watch(tab)
        sign_in(tab)
        tab.goto("/connections/london/change/")
        tab.get_by_role("link", name="Authorise at the CRM").click()
        expect(tab.locator("#content")).to_contain_text(url)
        tab.locator(".submit-row [type=submit]").click()
        expect(tab.locator(".messagelist")).to_contain_text("The CRM authorised “london”.")
        assert tab.url == f"{stack.url}/connections/london/change/"
        expect(tab.locator("#content")).to_contain_text("works")
        tab.context.close()
        assert watched.problems == [], stack.log()
        assert stack.csp_reports() == 0
