"""Authorising a connection at the CRM's own pages, as a person with a browser meets it: against a simulated Really Simple
Systems that approves at once."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client

from connectors.query import Query
from connectors.sandbox.reallysimple.oauth import CLIENT_SECRET
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.save import define
from portal.ledger.models import AuditEntry
from tests.connectors.sandbox_client import Account
from tests.portal.authorising import (
    ASK,
    BACK,
    CHANGE,
    account,
    approved,
    came_back,
    grant_of,
    left,
    london,
    token_calls,
)

pytestmark = pytest.mark.django_db
__all__ = ["account", "london"]  # fixtures


# There and back


def test_a_person_authorises_a_connection_and_it_works(admin: Client, london: Connection, account: Account) -> None:
    assert f'href="{ASK}"' in admin.get(CHANGE).content.decode()
    page = admin.get(ASK).content.decode()
    assert account.url in page and "http://testserver/connections/authorised/" in page
    page = came_back(admin, approved(left(admin)))
    assert "The CRM authorised “london”." in page
    london.refresh_from_db()
    assert london.check_state == "ok" and london.token_expires_at is None
    with open_connector(london, purpose="sync") as crm:
        assert crm.read("accounts", Query(limit=1)).records
    entry = AuditEntry.objects.get(action="authorise_connection")
    assert entry.actor == "admin" and entry.object_label == "london"


def test_what_is_sent_to_the_crm_holds_a_state_and_a_challenge_and_no_secret(admin: Client, london: Connection) -> None:
    asked = parse_qs(urlsplit(left(admin)).query)
    assert asked["code_challenge_method"] == ["S256"] and len(asked["code_challenge"][0]) == 43
    assert asked["redirect_uri"] == ["http://testserver/connections/authorised/"]
    assert CLIENT_SECRET not in str(asked) and "code_verifier" not in asked
    again = parse_qs(urlsplit(left(admin)).query)
    assert asked["state"] != again["state"] and asked["code_challenge"] != again["code_challenge"]


def test_only_the_page_with_the_button_lets_a_form_lead_to_the_crm(
    admin: Client, london: Connection, account: Account
) -> None:
    assert f"form-action 'self' {account.url};" in admin.get(ASK)["Content-Security-Policy"] + ";"
    assert account.url not in admin.get(CHANGE)["Content-Security-Policy"]
    assert account.url not in admin.get("/")["Content-Security-Policy"]


def test_what_was_granted_is_sealed_and_shown_nowhere(
    admin: Client, london: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        address = approved(left(admin))
        page = came_back(admin, address) + admin.get(CHANGE).content.decode() + admin.get(ASK).content.decode()
    grant = grant_of(london)
    assert grant is not None
    code = parse_qs(urlsplit(address).query)["code"][0]
    rows = [str(row) for table in _tables() for row in _rows(table)]
    for secret in (grant.access_token, grant.refresh_token, CLIENT_SECRET, code):
        assert secret not in page and secret not in caplog.text and not any(secret in row for row in rows)


def _tables() -> list[str]:
    return database.introspection.table_names()


def _rows(table: str) -> list[Any]:
    with database.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')
        return [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cursor.fetchall()]


def test_a_new_connection_without_a_token_says_to_save_it_first_and_then_to_authorise(
    admin: Client, account: Account
) -> None:
    own = {"url": account.url, "authorize_url": f"{account.url}/oauth/authorize"}
    own |= {"token_url": f"{account.url}/oauth/token", "client_id": "x", "client_secret": "y"}
    own |= {"time_zone": "UTC", "region": "GB"}
    form = {"name": "london", "max_parallel": "1", **{f"setting_{name}": value for name, value in own.items()}}
    page = admin.post("/connections/add/reallysimple/", form | {"_save": "1"}).content.decode()
    assert "There is no access token yet" in page and "press “Authorise at the CRM” on its page" in page
    page = admin.post("/connections/add/reallysimple/", form | {"_save_anyway": "1"}, follow=True).content.decode()
    assert f'href="{ASK}"' in page
    assert account.control("GET", "counters").get("reallysimple", {}) == {}


# Answers that do not count


def test_the_same_answer_counts_once(admin: Client, london: Connection, account: Account) -> None:
    address = approved(left(admin))
    came_back(admin, address)
    assert "does not belong to an authorisation" in came_back(admin, address)
    assert token_calls(account) == 1


@pytest.mark.parametrize("change", ["none", "forged", "cut", "other"])
def test_an_answer_with_a_wrong_state_changes_nothing(
    admin: Client, london: Connection, account: Account, change: str
) -> None:
    query = {k: v[0] for k, v in parse_qs(urlsplit(approved(left(admin))).query).items()}
    other = parse_qs(urlsplit(left(admin)).query)["state"][0]  # begun after it: the first one is void
    state = {"none": "", "forged": "WzEsIm4iXQ:aaaaaa:bbbb", "cut": other[:-3], "other": query["state"]}[change]
    page = came_back(admin, f"{BACK}?{urlencode({**query, 'state': state})}")
    assert "does not belong to an authorisation" in page and "Nothing was changed" in page
    assert grant_of(london) is None and token_calls(account) == 0


def test_an_answer_counts_only_in_the_session_it_was_begun_in(
    admin: Client, london: Connection, account: Account
) -> None:
    address = approved(left(admin))
    thief = Client()
    thief.force_login(User.objects.create_superuser("other", "other@example.org", "a long password"))
    assert "does not belong to an authorisation" in came_back(thief, address)
    assert grant_of(london) is None and token_calls(account) == 0
    assert "The CRM authorised" in came_back(admin, address)


def test_who_is_not_logged_in_is_led_to_the_login_without_the_code(admin: Client, london: Connection) -> None:
    answer = Client().get(approved(left(admin)), follow=True)
    assert "/login/" in answer.redirect_chain[-1][0]
    assert not any("code" in address or "state" in address for address, _ in answer.redirect_chain)


def test_an_answer_that_comes_too_late_does_not_count(admin: Client, london: Connection) -> None:
    address = approved(left(admin))
    session = admin.session
    key = f"authorising {london.pk}"
    session[key] = {**session[key], "until": time.time() - 1}
    session.save()
    assert "within the last ten minutes" in came_back(admin, address)
    assert grant_of(london) is None


def test_a_refusal_at_the_crm_is_told_and_changes_nothing(admin: Client, london: Connection, account: Account) -> None:
    account.control("POST", "switches", oauth_denies=True)
    page = came_back(admin, approved(left(admin)))
    assert "did not authorise “london” (access_denied)" in page and grant_of(london) is None
    assert token_calls(account) == 0


def test_a_code_the_crm_does_not_take_is_told(admin: Client, london: Connection, account: Account) -> None:
    parts = parse_qs(urlsplit(approved(left(admin))).query)
    page = came_back(admin, f"{BACK}?{urlencode({'code': 'no such code', 'state': parts['state'][0]})}")
    assert "did not accept the authorisation (invalid_grant)" in page and grant_of(london) is None


# Who may


def test_who_may_not_change_connections_is_refused(client: Client, london: Connection) -> None:
    reader = User.objects.create_user("reader", "reader@example.org", "a long password", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_connection"))
    client.force_login(reader)
    assert ASK not in client.get(CHANGE).content.decode()
    assert client.get(ASK).status_code == client.post(ASK).status_code == 403


def test_a_connection_that_cannot_be_authorised_offers_nothing(
    admin: Client, account: Account, north: Connection
) -> None:
    define("london", "reallysimple", {"url": account.url}, {"access_token": account.secrets["access_token"]})
    assert "Authorise at the CRM</a>" not in admin.get(CHANGE).content.decode()
    assert admin.get(ASK).status_code == 404
    assert admin.get("/connections/north/authorise/").status_code == 404
