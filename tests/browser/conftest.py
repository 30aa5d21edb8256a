"""A real Chromium for the tests of screens. Whatever a page breaks on its way fails its test: a script's error, an address
that is not there, a report of the Content-Security-Policy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import User
from portal.ui import csp
from tests.browser.chromium import CHROMIUM, DESK, FLAGS

# Playwright's synchronous interface runs an event loop in this thread; Django would take our queries for asynchronous ones.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here as a browser test, and give it what its server needs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@dataclass
class Watched:
    """What went wrong in a browser. A test that wants an answer such as 404 adds its address to `expected`."""

    problems: list[str] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of" not in message.text:  # answers are judged by their address
            self.problems.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and not any(part in response.url for part in self.expected):
            self.problems.append(f"{response.status} {response.url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run; without one the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("There is no Chromium. Get one with: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watched() -> Watched:
    """What the browser of this test met."""
    return Watched()


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, watched: Watched) -> Iterator[BrowserContext]:
    """A fresh browser profile; afterwards nothing may have gone wrong in it."""
    cache.delete(csp.COUNT)
    profile = browser.new_context(base_url=live_server.url, viewport=DESK)  # type: ignore[arg-type]
    profile.set_default_timeout(10_000)
    yield profile
    profile.close()
    assert watched.problems == []
    assert csp.reports() == 0, "the Content-Security-Policy was broken; the log says where"


@pytest.fixture
def page(context: BrowserContext, watched: Watched) -> Page:
    """A tab in which nobody is logged in."""
    tab = context.new_page()
    watched.watch(tab)
    return tab


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer) -> Page:
    """A tab in which the superuser "admin" is logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser("admin", "admin@example.org", "a long password"))
    assert client.session[SESSION_KEY]
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    return page
