"""The Content-Security-Policy, and the browsers' reports of what it stopped."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.core.cache import cache
from django.template.loader import render_to_string
from django.test import Client

from portal.accounts.models import User
from portal.ui import csp

pytestmark = pytest.mark.django_db
REPORT = {
    "document-uri": "https://portal.example/records/north/Contacts/?q=secret",
    "blocked-uri": "https://evil.example/x.js?token=secret",
    "violated-directive": "script-src-elem",
}


def send(client: Client, body: Any) -> int:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/csp-report/", text, content_type="application/csp-report").status_code


@pytest.mark.parametrize("url", ["/login/", "/", "/records/", "/accounts/user/", "/no/such/page/"])
def test_every_page_allows_only_what_comes_from_the_portal(admin: Client, url: str) -> None:
    policy = admin.get(url)["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "report-uri /csp-report/" in policy and "unsafe" not in policy


def test_pages_that_only_say_something_keep_the_policy_and_the_look(admin: Client) -> None:
    missing = admin.get("/no/such/page/")
    assert missing.status_code == 404 and "There is no such page" in missing.content.decode()
    strict = Client(enforce_csrf_checks=True)
    expired = strict.post("/login/", {"username": "x"})
    assert expired.status_code == 403 and "This form has expired" in expired.content.decode()
    strict.force_login(User.objects.create_user("viewer", is_staff=True))
    refused = strict.get("/records/")
    assert refused.status_code == 403 and "You may not see this" in refused.content.decode()
    for page in (missing, expired, refused, render_to_string("500.html")):
        text = page if isinstance(page, str) else page.content.decode()
        assert "portal/portal.css" in text and "<style" not in text and " style=" not in text


def test_a_report_is_logged_without_what_people_searched_for_and_counted(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    cache.delete(csp.COUNT)
    with caplog.at_level(logging.WARNING):
        assert send(client, {"csp-report": REPORT}) == 204
    assert "script-src-elem" in caplog.text and "/records/north/Contacts/" in caplog.text
    assert "secret" not in caplog.text and csp.reports() == 1


@pytest.mark.parametrize("body", ["", "{", "[]", "7", '{"csp-report": 5}', b"\xff", "x" * 20_000])
def test_a_report_that_is_none_is_refused_and_not_counted(client: Client, body: str | bytes) -> None:
    cache.delete(csp.COUNT)
    assert send(client, body) == 400 and csp.reports() == 0


def test_nobody_can_write_lines_of_their_own_into_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    forged = dict.fromkeys(REPORT, "x\nERROR portal: all is lost")
    with caplog.at_level(logging.WARNING):
        assert send(client, {"csp-report": forged}) == 204
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_a_report_needs_no_login_but_is_only_posted(client: Client) -> None:
    assert client.get("/csp-report/").status_code == 405
