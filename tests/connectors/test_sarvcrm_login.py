"""Logging in to SarvCRM: one session for all workers, no second try of what was refused, and nothing secret leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from connectors.context import Context, MemorySessions
from connectors.errors import AccessDenied, AuthError, ConfigError, ConnectorError, LockedOut, RateLimited, Unavailable
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from connectors.sarvcrm.account import md5
from connectors.sarvcrm.connector import SarvConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import RULES, account, connected

__all__ = ["account"]  # fixtures

LEAD = "Leads"


class Forbidding(BaseHTTPRequestHandler):
    """Hands out tokens 1, 2, …; answers 403 without a code to all before the server's `good` one."""

    server: Tokens

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.logins += 1
        self.answer(200, {"status": 200, "message": "", "data": {"token": f"token {self.server.logins}"}})

    def do_GET(self) -> None:
        number = int(self.headers["Authorization"].rpartition(" ")[2])
        if number < self.server.good:
            self.answer(403, {"status": 403, "message": "Try again.", "data": []})
        else:
            self.answer(200, {"status": 200, "message": "", "data": {"id": {"name": "id", "type": "id"}}})

    def answer(self, status: int, told: object) -> None:
        body = orjson.dumps(told)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Tokens(ThreadingHTTPServer):
    """A server that says no with 403 until the token is this one."""

    logins, good = 0, 1


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with Tokens(("127.0.0.1", 0), Forbidding) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("good", "logins"), [(1, 1), (2, 2), (9, 2)])
def test_a_403_without_a_code_is_worth_one_new_login(tokens: Tokens, good: int, logins: int) -> None:
    tokens.good = good
    given = {"url": f"http://127.0.0.1:{tokens.server_port}", "utype": "u", "username": "n", "password": "p"}
    crm = SarvConnector(given, given, Context(network=RULES))
    if good > 2:
        with pytest.raises(AccessDenied, match="Try again"):
            crm.describe(LEAD)
    else:
        assert crm.describe(LEAD).names == ("id",)
    assert tokens.logins == logins
    crm.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=10, seed=3) as running:
        yield running


def logins(account: Account) -> int:
    return int(account.control("GET", "counters").get("sarvcrm", {}).get("Login", 0))


def test_many_workers_share_one_login(account: Account) -> None:
    context = Context(network=RULES)  # one store of sessions, as the processes of the portal share theirs
    workers = [connected(account, context) for _ in range(4)]
    threads = [threading.Thread(target=crm.read, args=(LEAD, Query(limit=5))) for crm in workers for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logins(account) == 1


@pytest.mark.parametrize(("key", "kind"), [("401/10", AuthError), ("401/1008", AuthError), ("401/1009", LockedOut)])
def test_a_refused_login_is_never_tried_again_by_itself(account: Account, key: str, kind: type[ConnectorError]) -> None:
    account.control("POST", "switches", fail_with={"Login": key})
    sessions = MemorySessions()
    for _process in range(3):
        crm = connected(account, Context(network=RULES, sessions=sessions))
        for _call in range(2):
            with pytest.raises(kind) as caught:
                crm.read(LEAD, Query())
            assert caught.value.code == key.partition("/")[2]
    assert logins(account) == 1


def test_testing_the_connection_tries_again_and_then_all_goes_on(account: Account) -> None:
    account.control("POST", "switches", fail_with={"Login": "401/10"})
    crm = connected(account, Context(network=RULES))
    with pytest.raises(AuthError):
        crm.read(LEAD, Query())
    account.control("POST", "switches", fail_with={})
    with pytest.raises(AuthError):
        crm.read(LEAD, Query())
    assert crm.check().modules
    assert crm.read(LEAD, Query(limit=1)).records
    assert logins(account) == 2


def test_testing_the_connection_again_opens_no_second_session(account: Account) -> None:
    crm = connected(account, Context(network=RULES))
    crm.check()
    account.control("POST", "switches", max_sessions=1)
    assert crm.check().modules and logins(account) == 1
    account.control("POST", "switches", max_sessions=0)
    account.control("POST", "faults", fault="session_expired", operation="GetModuleFields Accounts")
    assert connected(account, crm.context).check().modules and logins(account) == 2


def test_too_many_sessions_backs_off_and_a_later_run_logs_in(account: Account) -> None:
    account.control("POST", "switches", fail_with={"Login": "401/60"})
    crm = connected(account, Context(network=RULES))
    with pytest.raises(RateLimited) as caught:
        crm.read(LEAD, Query())
    assert caught.value.retry_after and logins(account) == 1
    account.control("POST", "switches", fail_with={})
    assert crm.read(LEAD, Query(limit=1)).records


def test_a_forgotten_session_costs_one_login_and_a_write_is_done_once(account: Account) -> None:
    crm = connected(account, Context(network=RULES))
    crm.read(LEAD, Query(limit=1))
    account.control("POST", "faults", fault="session_expired", operation="create Leads")
    made = crm.create(LEAD, {"last_name": "Once"})
    assert logins(account) == 2
    stored = [r["id"] for r in account.control("GET", "records", module=LEAD) if r["values"]["last_name"] == "Once"]
    assert stored == [made.id]


def test_a_session_that_is_never_accepted_does_not_loop(account: Account) -> None:
    account.control("POST", "switches", fail_with={"list Leads": "401/11"})
    crm = connected(account, Context(network=RULES))
    crm.describe(LEAD)
    before = logins(account)
    with pytest.raises(AuthError):
        crm.read(LEAD, Query())
    assert logins(account) == before + 1


def test_no_access_is_no_reason_to_log_in_again(account: Account) -> None:
    crm = connected(account, Context(network=RULES))
    crm.describe(LEAD)
    account.control("POST", "switches", denied=[LEAD])
    with pytest.raises(AccessDenied):
        crm.read(LEAD, Query())
    assert logins(account) == 1


@pytest.mark.parametrize("key", ["user_name", "username"])
def test_the_login_name_is_sent_under_both_of_its_names(account: Account, key: str) -> None:
    account.control("POST", "switches", login_keys=[key])
    assert connected(account, Context(network=RULES)).check().user == "Sara Karimi"
    assert logins(account) == 1


def test_a_portal_user_logs_in_as_one(account: Account) -> None:
    given = {"username": "portal", "portal_user": "yes"}
    assert connected(account, Context(network=RULES), **given).read(LEAD, Query(limit=1)).records
    with pytest.raises(ConfigError, match="Portal Client"):
        connected(account, Context(network=RULES), portal_user="yes").read(LEAD, Query())


def test_no_password_token_or_sum_leaves_the_connector(account: Account) -> None:
    observer = CountingObserver()
    crm = connected(account, Context(network=RULES, observer=observer))
    crm.check()
    token = crm.context.sessions.get("0")
    hidden = [account.secrets["password"], md5(account.secrets["password"]), token]
    shown = [repr(crm), repr(observer.calls), repr(observer.outcomes), str(crm.call("login", {}))]
    shown += [line["path"] for line in account.control("GET", "log")]
    with pytest.raises(AuthError) as caught:
        connected(account, Context(network=RULES), password="Wrong-Password-1").check()
    shown += [str(caught.value), repr(caught.value), caught.value.vendor_message]
    assert token and not [text for text in shown for secret in (*hidden, "Wrong-Password-1") if str(secret) in text]


def test_a_cut_login_is_not_repeated_and_no_write_is_thought_done(account: Account) -> None:
    account.control("POST", "faults", fault="cut_after", operation="Login")
    crm = connected(account, Context(network=RULES))
    with pytest.raises(Unavailable) as caught:
        crm.create(LEAD, {"last_name": "Never"})
    assert not caught.value.maybe_done and logins(account) == 1


def test_testing_the_connection_takes_three_calls_and_says_that_modules_were_not_tried(account: Account) -> None:
    observer = CountingObserver()
    account.control("POST", "switches", not_here=["Appointments"], denied=["Accounts"])
    identity = connected(account, Context(network=RULES, observer=observer)).check()
    asked = [call.operation for call in observer.calls]
    assert asked == ["Login", "GetModuleFields", "GetModuleFields", "Retrieve"]  # Accounts is refused, the next answers
    assert len(identity.modules) == 40 and any("says so when it is opened" in note for note in identity.notes)


def test_modules_that_are_not_here_are_hidden_and_named(account: Account) -> None:
    account.control("POST", "switches", not_here=["Appointments"], denied=["Bugs"])
    crm = connected(account, Context(network=RULES))
    names = [module.name for module in crm.modules()]
    assert len(names) == 38 and not {"Appointments", "Bugs"} & set(names)
    identity = crm.check()
    assert [module.name for module in identity.modules] == names
    assert any("Appointments" in note and "Bug Tracker" in note for note in identity.notes)


def test_a_module_named_after_the_others_were_tried_is_shown_untried(account: Account) -> None:
    context = Context(network=RULES)
    connected(account, context).modules()
    assert not any("when it is opened" in note for note in connected(account, context).check().notes)
    identity = connected(account, context, extra_modules="Product_Bundle").check()
    assert identity.modules[-1].name == "Product_Bundle"
    assert any("when it is opened" in note for note in identity.notes)


def test_a_module_whose_fields_came_broken_once_is_not_hidden(account: Account) -> None:
    account.control("POST", "faults", fault="truncated_json", operation="GetModuleFields Bugs")
    assert "Bugs" in {module.name for module in connected(account, Context(network=RULES)).modules()}


def test_a_login_refused_while_testing_is_told_though_the_connection_was_used_before(account: Account) -> None:
    crm = connected(account, Context(network=RULES))
    crm.check()
    account.control("POST", "switches", fail_with={"Login": "401/1008"})
    account.control("POST", "faults", fault="session_expired", operation="GetModuleFields Accounts")
    with pytest.raises(AuthError):
        crm.check()


def test_a_user_who_may_see_nothing_is_told_so(account: Account) -> None:
    account.control("POST", "switches", fail_with={"GetModuleFields": "403/40"})
    with pytest.raises(AccessDenied, match="none of its modules"):
        connected(account, Context(network=RULES)).check()


def test_an_account_whose_user_was_never_configured_is_told_so(account: Account) -> None:
    with pytest.raises(ConfigError, match="configure your user"):
        connected(account, Context(network=RULES), username="newcomer").check()
