"""Access to Really Simple Systems by what it grants at its own pages: the code, the tokens, their renewing, their end."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.base import Connector
from connectors.context import Context, SystemClock
from connectors.errors import AuthError, ConfigError, ConnectorError, Unavailable
from connectors.oauth import GRANT, Grant
from connectors.query import Query
from connectors.sandbox.reallysimple.oauth import CLIENT_ID, CLIENT_SECRET
from tests.connectors.contract import CountingObserver
from tests.connectors.reallysimple_account import RULES, account, connected, observer, sandbox
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "sandbox"]  # fixtures

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://portal.example.org/connections/authorised/"


class HeldClock(SystemClock):
    """A clock that a test sets forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def context(observer: CountingObserver, clock: HeldClock) -> Context:
    return Context(observer=observer, network=RULES, clock=clock)


@pytest.fixture
def crm(account: Account, context: Context) -> Iterator[Connector]:
    """A connection with a client and no pasted token."""
    crm = opened(account, context)
    yield crm
    crm.close()


def opened(account: Account, context: Context, **changes: str) -> Connector:
    own = {"authorize_url": f"{account.url}/oauth/authorize", "token_url": f"{account.url}/oauth/token"}
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "access_token": ""}
    return connected(account, context, **{**own, **client, **changes})


def sent_back(account: Account, crm: Connector, state: str = "the state") -> dict[str, str]:
    """Go where the browser goes, and return what it brings back."""
    answer = account.http.get(crm.authorize_url(state, CHALLENGE, BACK), allow_redirects=False, timeout=10)
    assert answer.status_code == 302 and answer.headers["Location"].startswith(f"{BACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def authorised(account: Account, crm: Connector) -> Grant:
    granted = crm.exchange(sent_back(account, crm)["code"], VERIFIER, BACK)
    crm.context.sessions.put(GRANT, granted)
    return stored(crm)


def stored(crm: Connector) -> Grant:
    grant = Grant.read(crm.context.sessions.get(GRANT))
    assert grant is not None
    return grant


def token_calls(observer: CountingObserver) -> int:
    return sum(call.operation == "token" for call in observer.calls)


# Being let in


def test_a_person_is_sent_to_the_crm_with_a_challenge_and_comes_back_with_state_and_code(
    account: Account, crm: Connector
) -> None:
    asked = parse_qs(urlsplit(crm.authorize_url("the state", CHALLENGE, BACK)).query)
    assert asked == {
        "response_type": ["code"], "client_id": [CLIENT_ID], "redirect_uri": [BACK], "state": ["the state"],
        "code_challenge": [CHALLENGE], "code_challenge_method": ["S256"],
    }  # fmt: skip
    assert sent_back(account, crm).keys() == {"state", "code"}


def test_what_was_granted_opens_the_crm_without_a_pasted_token(account: Account, crm: Connector) -> None:
    with pytest.raises(AuthError, match="There is no access token yet"):
        crm.check()
    authorised(account, crm)
    identity = crm.check()
    assert {module.name for module in identity.modules} >= {"accounts", "contacts"}
    assert identity.expires_at is None  # nobody has to do anything: it is renewed


def test_a_pasted_token_serves_until_the_crm_granted_one(account: Account, context: Context) -> None:
    crm = opened(account, context, access_token=account.secrets["access_token"])
    assert crm.read("accounts", Query(limit=1)).records
    grant = authorised(account, crm)
    account.control("POST", "switches", oauth_withdrawn=True)
    context.sessions.put(GRANT, Grant(grant.access_token, grant.refresh_token, renew_at=1.0).text())
    with pytest.raises(AuthError, match="Authorise at the CRM"):
        crm.read("accounts", Query(limit=1))


def test_without_a_token_and_without_a_client_there_is_no_connection(account: Account, context: Context) -> None:
    with pytest.raises(ConfigError, match="needs: Access token"):
        opened(account, context, client_id="")


@pytest.mark.parametrize(
    "wrong", [{"code": "no code"}, {"verifier": "w" * 64}, {"redirect": "https://elsewhere.example.org/"}]
)
def test_a_code_serves_only_with_its_verifier_and_its_address(
    account: Account, crm: Connector, wrong: dict[str, str]
) -> None:
    given = {"code": sent_back(account, crm)["code"], "verifier": VERIFIER, "redirect": BACK}
    with pytest.raises(AuthError, match="did not accept the authorisation"):
        crm.exchange(**{**given, **wrong})


def test_a_code_serves_once(account: Account, crm: Connector, observer: CountingObserver) -> None:
    code = sent_back(account, crm)["code"]
    crm.exchange(code, VERIFIER, BACK)
    with pytest.raises(AuthError):
        crm.exchange(code, VERIFIER, BACK)
    assert token_calls(observer) == 2 and not any(call.safe for call in observer.calls)


def test_a_client_the_crm_does_not_know_is_a_matter_of_that_setting(account: Account, context: Context) -> None:
    crm = opened(account, context, client_secret="another-secret")
    with pytest.raises(AuthError, match="check the client id and the client secret"):
        crm.exchange(sent_back(account, crm)["code"], VERIFIER, BACK)


@pytest.mark.parametrize(
    ("fault", "error"), [("http_500", Unavailable), ("cut_after", Unavailable), ("truncated_json", ConnectorError)]
)
def test_an_exchange_that_fails_is_not_repeated(
    account: Account, crm: Connector, observer: CountingObserver, fault: str, error: type[ConnectorError]
) -> None:
    code = sent_back(account, crm)["code"]
    account.control("POST", "faults", fault=fault, operation="oauth token")
    with pytest.raises(error) as failed:
        crm.exchange(code, VERIFIER, BACK)
    assert token_calls(observer) == 1 and code not in str(failed.value)


def test_a_wrong_address_for_tokens_is_a_matter_of_that_setting(account: Account, context: Context) -> None:
    crm = opened(account, context, token_url=f"{account.url}/oauth/nothing")
    with pytest.raises(ConfigError, match="check that setting"):
        crm.exchange("code", VERIFIER, BACK)


@pytest.mark.parametrize("address", ["ftp://crm.example.org/x", "crm.example.org", ""])
def test_nobody_is_sent_to_an_address_that_is_no_web_page(account: Account, context: Context, address: str) -> None:
    crm = opened(account, context, authorize_url=address, access_token=account.secrets["access_token"])
    with pytest.raises(ConfigError, match="must begin with https"):
        crm.authorize_url("state", CHALLENGE, BACK)


# Renewing


def test_a_token_is_renewed_before_it_runs_out_and_the_old_refresh_token_is_spent(
    account: Account, crm: Connector, clock: HeldClock, observer: CountingObserver
) -> None:
    first = authorised(account, crm)
    crm.read("accounts", Query(limit=1))
    assert token_calls(observer) == 1
    clock.ahead = timedelta(seconds=3600 - 59)
    crm.read("accounts", Query(limit=1))
    crm.read("accounts", Query(limit=1))
    second = stored(crm)
    assert token_calls(observer) == 2 and {first.access_token, first.refresh_token}.isdisjoint(
        {second.access_token, second.refresh_token}
    )


def test_many_workers_renew_once(
    account: Account, crm: Connector, context: Context, clock: HeldClock, observer: CountingObserver
) -> None:
    authorised(account, crm)
    others = [opened(account, context) for _ in range(6)]
    for other in others:
        other.describe("accounts")
    observer.calls.clear()
    clock.ahead = timedelta(hours=2)
    with ThreadPoolExecutor(6) as pool:
        pages = list(pool.map(lambda one: one.read("accounts", Query(limit=1)), others))
    assert all(page.records for page in pages) and token_calls(observer) == 1


def test_a_token_refused_before_its_time_is_renewed_and_the_call_made_once_more(
    account: Account, crm: Connector, observer: CountingObserver, context: Context
) -> None:
    grant = authorised(account, crm)
    crm.describe("accounts")
    early = Grant("was.withdrawn.early", grant.refresh_token, grant.renew_at, grant.ends_at)
    context.sessions.put(GRANT, early.text())
    observer.calls.clear()
    made = crm.create("accounts", {"name": "Once"})
    assert [call.operation for call in observer.calls] == ["create", "token", "create"]
    assert [r["values"]["name"] for r in account.control("GET", "records", module="accounts")].count("Once") == 1
    assert made.values["name"] == "Once"


def test_when_nothing_is_renewed_any_more_a_person_is_told_and_the_crm_not_asked_again(
    account: Account, crm: Connector, clock: HeldClock, observer: CountingObserver
) -> None:
    grant = authorised(account, crm)
    account.control("POST", "switches", oauth_withdrawn=True)
    clock.ahead = timedelta(days=30)
    for _ in range(3):
        with pytest.raises(AuthError, match="run out or was withdrawn. Press “Authorise at the CRM”") as ended:
            crm.read("accounts", Query(limit=1))
        assert grant.refresh_token not in str(ended.value) + ended.value.vendor_message + ended.value.code
    with pytest.raises(AuthError, match="Press “Authorise at the CRM”"):
        crm.check()
    assert token_calls(observer) == 2  # the exchange, and one try to renew
    account.control("POST", "switches", oauth_withdrawn=False)
    clock.ahead = timedelta()
    authorised(account, crm)
    assert crm.read("accounts", Query(limit=1)).records


def test_a_failure_while_renewing_leaves_the_grant_for_the_next_try(
    account: Account, crm: Connector, clock: HeldClock
) -> None:
    authorised(account, crm)
    clock.ahead = timedelta(hours=2)
    account.control("POST", "faults", fault="http_500", operation="oauth token")
    with pytest.raises(Unavailable, match="server for tokens failed"):
        crm.read("accounts", Query(limit=1))
    assert crm.read("accounts", Query(limit=1)).records


def test_a_wrong_client_while_renewing_does_not_end_the_grant(
    account: Account, context: Context, crm: Connector, clock: HeldClock
) -> None:
    authorised(account, crm)
    clock.ahead = timedelta(hours=2)
    with pytest.raises(AuthError, match="client secret"):
        opened(account, context, client_secret="another-secret").read("accounts", Query(limit=1))
    assert not stored(crm).refused and crm.read("accounts", Query(limit=1)).records


def test_a_firewall_before_the_server_does_not_end_the_grant(
    account: Account, crm: Connector, clock: HeldClock
) -> None:
    authorised(account, crm)
    clock.ahead = timedelta(hours=2)
    account.control("POST", "switches", oauth_blocked=True)
    with pytest.raises(ConfigError, match="answers HTTP status 403"):
        crm.read("accounts", Query(limit=1))
    account.control("POST", "switches", oauth_blocked=False)
    assert not stored(crm).refused and crm.read("accounts", Query(limit=1)).records


def test_no_token_is_shown_by_anything(account: Account, crm: Connector, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        grant = authorised(account, crm)
        crm.check()
    shown = caplog.text + repr(grant) + repr(crm)
    assert not any(secret in shown for secret in (grant.access_token, grant.refresh_token, CLIENT_SECRET))
