"""What the tests of authorising share: a simulated Really Simple Systems that approves at once, a connection to it, and the way of a
browser there and back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from django.test import Client

from connectors.oauth import GRANT, Grant
from connectors.sandbox.reallysimple.oauth import CLIENT_ID, CLIENT_SECRET
from connectors.sandbox.server import Sandbox
from portal.connections.models import Connection
from portal.connections.save import define
from portal.connections.sessions import StoredSessions
from tests.connectors.sandbox_client import Account

ASK, BACK, CHANGE = "/connections/london/authorise/", "/connections/authorised/", "/connections/london/change/"


@pytest.fixture
def account(running_sandbox: Sandbox) -> Iterator[Account]:
    account = Account(running_sandbox, "reallysimple")
    account.control("POST", "reset")
    yield account
    account.close()


@pytest.fixture
def london(account: Account, db: None) -> Connection:
    """A connection that has a client and no token; one call at a time, so that a test sees what it stored itself."""
    own = {"url": account.url, "authorize_url": f"{account.url}/oauth/authorize"}
    client = {"token_url": f"{account.url}/oauth/token", "client_id": CLIENT_ID}
    return define(
        "london", "reallysimple", {**own, **client}, {"client_secret": CLIENT_SECRET}, columns={"max_parallel": 1}
    )


def left(browser: Client, **said: str) -> str:
    """Press the button; return the CRM's address the browser is sent to."""
    answer = browser.post(ASK, said)
    assert answer.status_code == 302
    return str(answer["Location"])


def approved(address: str) -> str:
    """Be at the CRM; return the address of ours it sends the browser to."""
    answer = requests.get(address, allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    return answer.headers["Location"].removeprefix("http://testserver")


def came_back(browser: Client, address: str) -> str:
    """Return the page the person sees in the end."""
    answer = browser.get(address, follow=True)
    assert "code=" not in answer.redirect_chain[-1][0]
    return str(answer.content.decode())


def grant_of(connection: Connection) -> Grant | None:
    return Grant.read(StoredSessions(connection.pk).get(GRANT))


def token_calls(account: Account) -> int:
    counted: int = account.control("GET", "counters").get("reallysimple", {}).get("oauth token", 0)
    return counted
