"""What Vtiger's connector says when the server fails, refuses or forgets: never "failed" where a write may have been done."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.context import Context, MemorySessions
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    ProtocolError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer
from connectors.query import Query
from connectors.vtiger.answers import SessionGone, result
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.vtiger_account import RULES, VtigerAccount, account, sandbox

__all__ = ["account", "sandbox"]  # fixtures


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: VtigerAccount, observer: CountingObserver) -> VtigerConnector:
    """A connector that is logged in and knows the module, so that a fault meets the request under test."""
    crm = account.connect(Context(observer=observer, network=RULES))
    crm.describe("Contacts")
    return crm


def outcome(deed: Callable[[], object]) -> ConnectorError | None:
    """Return what the deed raised."""
    try:
        deed()
    except ConnectorError as e:
        return e
    return None


def test_the_credentials_that_are_wrong_are_told_and_shown_nowhere(account: VtigerAccount) -> None:
    for changes in ({"access_key": "MARKER-KEY"}, {"username": "nobody"}, {"username": "inactive1"}):
        with pytest.raises(AuthError) as refusal:
            account.connect(Context(network=RULES), **changes).check()
        assert "MARKER" not in repr(refusal.value) + str(refusal.value.__dict__)
        assert refusal.value.vendor_message


@pytest.mark.parametrize("path", ["", "/", "/webservice.php", "/index.php", "/index.php?module=Home&view=List"])
def test_the_address_may_be_any_page_of_the_instance(account: VtigerAccount, path: str) -> None:
    assert account.connect(Context(network=RULES), url=account.url + path).check().version == "8.0.0"


ANSWERS: list[tuple[int, bytes, type[ConnectorError]]] = [
    (404, b"<html>Not Found</html>", ConfigError),
    (301, b"", ConfigError),
    (403, b"Forbidden", AccessDenied),
    (200, b"<!DOCTYPE html><html>Sign in</html>", ProtocolError),
    (200, b'{"hello": 1}', ProtocolError),
    (200, b'{"success":true,"result":', ProtocolError),
    (200, b'{"success":false,"error":null}', ProtocolError),
    (200, b'{"success":false,"error":{"errorCode":"INVALID_SESSIONID","errorMessage":"x"}}', SessionGone),
    (200, b'{"success":false,"error":{"code":0,"message":"Something else"}}', ProtocolError),
    (503, b"<html>Busy</html>", Unavailable),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("maybe_done", [False, True])
def test_an_answer_that_is_no_result_is_told_as_what_it_means(
    status: int, body: bytes, expected: type[ConnectorError], maybe_done: bool
) -> None:
    error = outcome(lambda: result("Vtiger", "create", Answer(status, {}, body, maybe_done)))
    assert type(error) is expected
    assert getattr(error, "maybe_done", maybe_done) is maybe_done


def test_warnings_of_php_around_the_answer_are_passed_over() -> None:
    body = b'<br />\n<b>Deprecated</b>: {"x"}\n{"success":true,"result":{"a":"b"}}<br />'
    assert result("Vtiger", "retrieve", Answer(200, {}, body)) == {"a": "b"}


def test_sessions_are_shared_and_one_login_serves_all_processes(account: VtigerAccount) -> None:
    sessions = MemorySessions()
    for _ in range(3):
        account.connect(Context(network=RULES, sessions=sessions)).describe("Contacts")
    assert account.asked()["login"] == 1


def test_several_threads_have_a_session_each_and_log_in_one_after_the_other(account: VtigerAccount) -> None:
    crm = account.connect(Context(network=RULES, max_parallel=4))
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: len(crm.read("Contacts", Query(limit=60)).records), range(16)))
    assert pages == [60] * 16
    assert account.asked()["login"] <= 4


def test_a_login_elsewhere_at_the_same_moment_is_survived(account: VtigerAccount) -> None:
    crms = [account.connect(Context(network=RULES)) for _ in range(2)]  # which keep their sessions each for itself
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda crm: outcome(crm.check), crms)) == [None, None]


def test_all_sessions_lost_at_once_are_made_again(account: VtigerAccount, crm: VtigerConnector) -> None:
    for _ in range(2):
        account.fault("session_expired", "query")
        assert crm.read("Contacts", Query(limit=5)).records


def test_missing_forbidden_and_foreign_records_are_told_apart(account: VtigerAccount) -> None:
    account.switch(private_sharing=True)
    secret = account.mutate("create", "Contacts", lastname="Of the admin")
    key = next(u["values"]["accesskey"] for u in account.records("Users") if u["values"]["user_name"] == "sales")
    crm = account.connect(Context(network=RULES), username="sales", access_key=key)
    with pytest.raises(AccessDenied):
        crm.get("Contacts", secret)
    with pytest.raises(RecordNotFound):
        crm.get("Contacts", "12x999999")
    with pytest.raises(RecordNotFound):
        crm.get("Accounts", secret)


def test_an_owner_who_does_not_exist_is_refused_before_the_server_spoils_a_page(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    with pytest.raises(RecordInvalid) as refusal:
        crm.create("Contacts", {"lastname": "Nobody's", "assigned_user_id": "19x9999"})
    assert list(refusal.value.fields) == ["assigned_user_id"]
    assert account.asked()["create"] == 0


def test_the_server_names_the_field_it_misses(crm: VtigerConnector) -> None:
    with pytest.raises(RecordInvalid) as refusal:
        crm.create("Contacts", {"firstname": "Only"})
    assert list(refusal.value.fields) == ["lastname"]
