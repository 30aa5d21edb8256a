"""What a CRM granted at its own pages: whose records it leads to, which changes leave it valid, its renewing and its end."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection as database
from django.test import Client

from connectors.errors import AuthError
from connectors.query import Query
from portal.connections import check
from portal.connections.access import open_connector
from portal.connections.models import Connection, Session
from portal.records.models import Mirror
from tests.connectors.sandbox_client import Account
from tests.portal.authorising import (
    ASK,
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


def test_where_records_are_kept_a_person_says_whose_they_will_be(
    admin: Client, london: Connection, account: Account
) -> None:
    Mirror.objects.create(connection=london, module="accounts")
    page = admin.post(ASK).content.decode()
    assert "Say which it is" in page and "Another CRM" in page and token_calls(account) == 0
    came_back(admin, approved(left(admin, same_data="yes")))
    assert Mirror.objects.filter(connection=london).exists()
    came_back(admin, approved(left(admin, same_data="no")))
    assert not Mirror.objects.filter(connection=london).exists()


def changed(admin: Client, london: Connection, **changes: str) -> None:
    """Save the form with these settings, all others as they are."""
    form = {f"setting_{name}": value for name, value in london.settings.items()}
    whole = {**form, "name": "london", "max_parallel": "1", "_save_anyway": "1", "_save": "1"}
    answer = admin.post(CHANGE, {**whole, **{f"setting_{name}": value for name, value in changes.items()}})
    assert answer.status_code == 302, answer.content.decode()
    london.refresh_from_db()


def test_another_setting_leaves_what_was_granted_and_the_test_before_saving_uses_it(
    admin: Client, london: Connection
) -> None:
    came_back(admin, approved(left(admin)))
    before = grant_of(london)
    london.refresh_from_db()
    changed(admin, london, region="DE")
    assert london.settings["region"] == "DE" and london.check_state == "ok" and grant_of(london) == before


@pytest.mark.parametrize(
    "change", [{"client_id": "another"}, {"access_token": "pasted"}, {"client_secret": "another-secret"}]
)
def test_what_was_granted_is_void_when_what_it_hangs_on_changes(
    admin: Client, london: Connection, change: dict[str, str]
) -> None:
    came_back(admin, approved(left(admin)))
    london.refresh_from_db()
    changed(admin, london, **change)
    assert grant_of(london) is None


def test_a_test_before_saving_that_renews_does_not_lose_what_was_renewed(
    admin: Client, london: Connection, account: Account
) -> None:
    account.control("POST", "switches", oauth_seconds=1)
    came_back(admin, approved(left(admin)))
    first = grant_of(london)
    time.sleep(1.0)
    account.control("POST", "switches", oauth_seconds=3600)
    london.refresh_from_db()
    changed(admin, london, region="FR")
    second = grant_of(london)
    assert first and second and first.refresh_token != second.refresh_token
    assert check.check(london).modules


def test_when_the_grant_has_ended_the_page_says_to_authorise_again_and_that_helps(
    admin: Client, london: Connection, account: Account
) -> None:
    account.control("POST", "switches", oauth_seconds=1)
    came_back(admin, approved(left(admin)))
    account.control("POST", "switches", oauth_withdrawn=True)
    time.sleep(1.0)
    before = token_calls(account)
    page = admin.post("/connections/london/test/").content.decode()
    assert "has run out or was withdrawn. Press “Authorise at the CRM”" in page
    with pytest.raises(AuthError, match="Authorise at the CRM"):
        check.check(london)
    assert token_calls(account) == before + 1
    account.control("POST", "switches", oauth_withdrawn=False, oauth_seconds=3600)
    assert "The CRM authorised" in came_back(admin, approved(left(admin)))
    assert check.check(london).modules


@pytest.mark.django_db(transaction=True)
def test_several_workers_renew_once(admin: Client, london: Connection, account: Account) -> None:
    account.control("POST", "switches", oauth_seconds=1)
    came_back(admin, approved(left(admin)))
    account.control("POST", "switches", oauth_seconds=3600)
    time.sleep(1.0)
    before, found = token_calls(account), []

    def work() -> None:
        try:
            with open_connector(Connection.objects.get(pk=london.pk), purpose="sync") as crm:
                found.append(len(crm.read("accounts", Query(limit=1)).records))
        finally:
            database.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 4 and token_calls(account) == before + 1
    assert Session.objects.filter(connection=london).count() == 1
