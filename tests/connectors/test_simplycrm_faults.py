"""What Simply CRM's connector says when the mobile API fails, refuses or forgets: never "failed" where a write may have been
done, never a second login where the first was refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.context import Context, MemorySessions
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConnectorError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
)
from connectors.query import Query
from connectors.simplycrm.client import SLOT
from connectors.simplycrm.connector import SimplyCrmConnector
from tests.connectors.simplycrm_account import KEY, PASSWORD, RULES, Simply, account, crm, mobile, observer, sandbox

__all__ = ["account", "crm", "mobile", "observer", "sandbox"]  # fixtures
NEVER = 0  # times a fault is met: every time


def outcome(deed: Callable[[], object]) -> ConnectorError | None:
    """Return what the deed raised."""
    try:
        deed()
    except ConnectorError as e:
        return e
    return None


@pytest.mark.parametrize("wrong", [{"password": "MARKER-WORD"}, {"username": "nobody"}])
def test_a_refused_login_is_not_tried_again_and_shown_nowhere(account: Simply, wrong: dict[str, str]) -> None:
    for without in ((KEY,), ()):
        crm = account.connect(Context(network=RULES), *without, **wrong)
        with pytest.raises(AuthError) as refusal:
            crm.check()
        assert "MARKER" not in repr(refusal.value) + str(refusal.value.__dict__)
        assert refusal.value.vendor_message
        assert "username" in wrong or "refuses the user name or the password" in str(refusal.value)
    assert account.asked()["mobile.login"] == (1 if "username" in wrong else 2)


def test_who_is_not_on_the_list_of_addresses_is_told_so(account: Simply) -> None:
    account.switch(allowed_ips=[])
    for without in ((KEY,), (PASSWORD,), ()):
        with pytest.raises(AccessDenied, match="Whitelist IP"):
            account.connect(Context(network=RULES), *without).check()


def test_one_login_serves_all_processes_and_threads(account: Simply) -> None:
    sessions = MemorySessions()
    crms = [account.connect(Context(network=RULES, sessions=sessions), KEY) for _number in range(3)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: len(crms[n % 3].read("Contacts", Query(limit=60)).records), range(12)))
    assert found == [60] * 12
    assert account.asked()["mobile.login"] == 1
    assert set(sessions.tokens) == {SLOT}


def test_the_two_apis_keep_their_sessions_apart(account: Simply) -> None:
    sessions = MemorySessions()
    crm = account.connect(Context(network=RULES, sessions=sessions, max_parallel=1))
    crm.describe("Contacts")
    assert set(sessions.tokens) == {"0", SLOT}
    assert (account.asked()["login"], account.asked()["mobile.login"]) == (1, 1)


def test_a_forgotten_session_is_made_again_once(account: Simply, mobile: SimplyCrmConnector) -> None:
    mobile.describe("Contacts")
    for logins in (2, 3):
        account.fault("session_expired", "mobile.query")
        assert mobile.read("Contacts", Query(limit=5)).records
        assert account.asked()["mobile.login"] == logins
    account.fault("session_expired", "mobile.query", times=NEVER)
    with pytest.raises(AuthError):
        mobile.read("Contacts", Query(limit=5))
    assert account.asked()["mobile.login"] == 4


def test_the_code_of_a_lost_session_that_means_something_else_is_no_reason_to_log_in(
    account: Simply, mobile: SimplyCrmConnector
) -> None:
    mobile.describe("Contacts")
    with pytest.raises(RecordInvalid, match="Values cannot be empty"):
        mobile.call("mobile.saveRecord", {"module": "Contacts", "values": {}})
    assert account.asked()["mobile.login"] == 1


def test_the_spelling_of_the_document_is_understood_too(account: Simply) -> None:
    account.switch(documented_spelling=True)
    crm = account.connect(Context(network=RULES))
    assert crm.check().version == "7.1.0"
    contact = crm.create("Contacts", {"lastname": "Ito"}).id
    with pytest.raises(RecordNotFound):
        crm.get("Contacts", "4x999999")
    crm.call("logout", {})
    assert crm.get("Contacts", contact).values["lastname"] == "Ito"


def test_a_field_that_the_vendor_hides_is_absent_and_not_empty(account: Simply) -> None:
    account.switch(hidden_fields={"Contacts": ["title"]})
    for without in ((KEY,), ()):
        crm = account.connect(Context(network=RULES), *without)
        assert crm.describe("Contacts").field("title") is None
        record = crm.read("Contacts", Query(limit=1)).records[0]
        assert "title" not in record.values and "title" not in crm.get("Contacts", record.id).values


def test_the_server_names_the_field_it_misses(mobile: SimplyCrmConnector) -> None:
    with pytest.raises(RecordInvalid) as refusal:
        mobile.create("Contacts", {"firstname": "Only"})
    assert list(refusal.value.fields) == ["lastname"]


def test_an_id_as_a_document_prints_it_is_understood(mobile: SimplyCrmConnector) -> None:
    id = mobile.read("Contacts", Query(limit=1)).records[0].id
    assert mobile.get("Contacts", id.replace("x", "×")).id == id


def test_a_record_whose_owner_is_no_more_spoils_no_other(account: Simply, mobile: SimplyCrmConnector) -> None:
    spoilt = account.mutate("create", "Contacts", lastname="Nobody's", assigned_user_id="9999")
    found = mobile.read("Contacts", Query(limit=100)).records
    assert len(found) == 60 and spoilt not in {record.id for record in found}
    assert {change.id for page in mobile.changes("Contacts", None) for change in page.changes} == {r.id for r in found}
    assert spoilt in {id for page in mobile.ids("Contacts") for id in page}  # so nobody takes it for deleted
    with pytest.raises(QueryError):
        mobile.read("Nothing", Query())
