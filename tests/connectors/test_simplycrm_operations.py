"""Simply CRM's documented operations, called by name: carried out, refused, and no secret gets out."""

from __future__ import annotations

import json

import pytest

from connectors.context import Context, MemorySessions
from connectors.errors import (
    ConfigError,
    ConnectorError,
    QueryError,
    ReadOnly,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)
from connectors.query import Query
from connectors.simplycrm.client import SLOT
from connectors.simplycrm.connector import SimplyCrmConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.simplycrm_account import KEY, PASSWORD, RULES, Simply, account, crm, mobile, observer, sandbox

__all__ = ["account", "crm", "mobile", "observer", "sandbox"]  # fixtures

PARAMS = {
    "module": "Contacts", "record": "4x999999", "values": {"lastname": "By operation", "assigned_user_id": "19x1"},
    "ids": ["4x999999"], "filterid": "99999", "alertid": "1", "query": "SELECT id FROM Contacts LIMIT 0,1;",
    "operation": "userInfo", "relatedmodule": "HelpDesk", "related_to": "4x999999", "commentcontent": "x",
}  # fmt: skip


def test_every_mobile_operation_is_carried_out_or_refused_by_the_server(
    crm: SimplyCrmConnector, observer: CountingObserver
) -> None:
    id = crm.read("Contacts", Query(limit=1)).records[0].id
    tried = [operation for operation in crm.operations if operation.name.startswith("mobile.")]
    for operation in tried:
        observer.calls.clear()
        params = {p.name: PARAMS[p.name] for p in operation.parameters if p.required}
        if operation.name in ("mobile.fetchRecord", "mobile.fetchRecordWithGrouping"):
            params["record"] = id
        if "related_to" in params:
            params["related_to"] = id
        try:
            silent = operation.name in ("mobile.filterDetailsWithCount", "mobile.logout")
            assert crm.call(operation.name, params) is not None or silent
        except RecordNotFound:
            assert operation.name in ("mobile.deleteRecords", "mobile.relatedRecordsWithGrouping")
        wanted = "mobile.fetchRecord" if operation.name == "mobile.deleteRecords" else operation.name
        assert wanted in [call.operation for call in observer.calls]
        writes = operation.writes and operation.name != "mobile.deleteRecords"  # which first looks whether it is there
        assert any(call.writes for call in observer.calls) is writes, operation.name
    assert len(tried) == 20  # the eighteen of the document, to end the session, and any other


def test_every_webservice_operation_of_the_document_is_carried_out(
    crm: SimplyCrmConnector, observer: CountingObserver
) -> None:
    id = crm.create("Contacts", {"lastname": "Ito"}).id
    element = {"id": id, "lastname": "Sato", "assigned_user_id": "19x1", "description": ""}
    for name, params in {
        "getchallenge": {}, "login": {}, "listtypes": {}, "describe": {"elementType": "Contacts"},
        "create": {"elementType": "Contacts", "element": {"lastname": "Ito", "assigned_user_id": "19x1"}},
        "retrieve": {"id": id}, "update": {"element": element}, "query": {"query": "SELECT id FROM Contacts LIMIT 1;"},
        "sync": {"elementType": "Contacts", "modifiedTime": 1}, "delete": {"id": id}, "extendsession": {}, "logout": {},
    }.items():  # fmt: skip
        observer.calls.clear()
        crm.call(name, params)
        assert name in [call.operation for call in observer.calls]


def test_any_operation_of_either_api_is_called_by_its_name(account: Simply, crm: SimplyCrmConnector) -> None:
    assert crm.call("call", {"operation": "describe", "verb": "GET", "params": {"elementType": "Contacts"}})["idPrefix"]
    assert crm.call("mobile.call", {"operation": "fetchModuleOwners", "params": {"module": "Contacts"}})
    values = {"lastname": "<By its name>", "assigned_user_id": "19x1"}
    params = {"operation": "saveRecord", "params": {"module": "Contacts", "values": values}}
    account.fault("session_expired", "mobile.saveRecord")
    made = crm.call("mobile.call", params)["record"]["id"]
    assert account.asked()["mobile.saveRecord"] == 2  # the first was refused for its session
    assert account.values("Contacts", made)["lastname"] == "<By its name>"
    account.fault("cut_after", "mobile.saveRecord")
    with pytest.raises(Unavailable) as unclear:
        crm.call("mobile.call", params)
    assert unclear.value.maybe_done and account.asked()["mobile.saveRecord"] == 3
    assert {o.name for o in crm.operations if o.admin_only} == {"call", "mobile.call"}
    shown = crm.call("mobile.call", {"operation": "query", "params": {"query": "SELECT * FROM Users LIMIT 0,5;"}})
    assert "accesskey" not in json.dumps(shown)


def test_a_call_by_name_neither_logs_in_nor_sets_what_the_portal_sets(
    crm: SimplyCrmConnector, observer: CountingObserver
) -> None:
    for params in (
        {"operation": "loginAndFetchModules"},
        {"operation": "login", "params": {"username": "x"}},
        {"operation": "describe", "params": {"_session": "x"}},
    ):
        with pytest.raises(QueryError):
            crm.call("mobile.call", params)
    assert not observer.calls


def test_a_field_that_does_not_exist_is_not_saved_without_a_word(account: Simply, crm: SimplyCrmConnector) -> None:
    values = {"lastname": "Ito", "lastnaem": "Ito", "start_time": "10:00"}
    with pytest.raises(RecordInvalid, match="“lastnaem” does not exist; “start_time” does not exist") as refusal:
        crm.call("mobile.saveRecord", {"module": "Contacts", "values": values})
    assert set(refusal.value.fields) == {"lastnaem", "start_time"}
    assert account.asked()["mobile.saveRecord"] == 0


def test_a_record_of_another_module_is_not_saved(account: Simply, crm: SimplyCrmConnector) -> None:
    contact = crm.create("Contacts", {"lastname": "Ito"}).id
    with pytest.raises(RecordNotFound, match="its ids begin with 3x"):
        crm.call("mobile.saveRecord", {"module": "Accounts", "record": contact, "values": {"phone": "1"}})
    given = {"module": "Contacts", "record": contact.replace("x", "×"), "values": {"phone": "1"}}
    crm.call("mobile.saveRecord", given)
    assert account.values("Contacts", contact)["phone"] == "1" and account.asked()["mobile.saveRecord"] == 1


@pytest.mark.parametrize("documented", [False, True])
def test_sessions_end_by_post_or_where_that_is_refused_by_get(account: Simply, documented: bool) -> None:
    account.switch(documented_spelling=documented)
    sessions = MemorySessions()
    crm = account.connect(Context(network=RULES, sessions=sessions, max_parallel=1))
    crm.describe("Contacts")
    kept = dict(sessions.tokens)
    assert set(kept) == {"0", SLOT}
    crm.call("logout", {})
    crm.call("mobile.logout", {})
    assert account.asked()["logout"] == 1 + documented and not sessions.tokens
    sessions.tokens.update(kept)
    account.control("POST", "faults", fault="http_500", operation="login", times=0)
    account.control("POST", "faults", fault="http_500", operation="mobile.login", times=0)
    for ask in (lambda: crm.call("listtypes", {}), lambda: crm.call("mobile.fetchAllAlerts", {})):
        with pytest.raises(Unavailable):  # neither session is known any more, so that a login is tried
            ask()


def test_sentences_name_the_crm_that_was_asked(account: Simply, crm: SimplyCrmConnector) -> None:
    told: list[str] = []
    for deed in (
        lambda: crm.call("query", {"query": "SELECT nothing FROM Contacts;"}),
        lambda: crm.call("call", {"operation": "nonsense", "verb": "GET"}),
        lambda: crm.call("retrieve", {"id": "4x999999"}),
        lambda: crm.get("Contacts", "nonsense"),
        lambda: crm.describe("Nothing"),
        lambda: crm.create("Contacts", {"lastname": "x", "assigned_user_id": "19x999"}),
        lambda: list(crm.changes("Contacts", "nonsense")),
        lambda: account.connect(Context(network=RULES), PASSWORD, access_key="wrong").check(),
        lambda: crm.call("mobile.query", {"query": "SELECT nothing FROM Contacts;"}),
    ):
        with pytest.raises(ConnectorError) as refusal:
            deed()
        told.append(str(refusal.value))
    assert not [sentence for sentence in told if "Vtiger" in sentence]
    assert len([sentence for sentence in told if "Simply CRM" in sentence]) >= 5
    assert not [note for note in crm.check().notes if "Vtiger" in note]


def test_users_and_groups_can_be_made_and_no_password_is_shown(account: Simply, crm: SimplyCrmConnector) -> None:
    group = {"groupname": "Night shift", "description": "d", "members": ["Users:1"]}
    assert crm.call("mobile.saveRecord", {"module": "Groups", "values": group})["id"].startswith("20x")
    user = {"user_name": "new", "user_password": "Geheim-99", "confirm_password": "Geheim-99", "last_name": "New"}
    made = crm.call(
        "mobile.saveRecord", {"module": "Users", "values": {**user, "roleid": "H2", "email1": "n@example.com"}}
    )
    assert made["id"].startswith("19x") and "Geheim-99" not in json.dumps(made)
    account.switch(users_can_be_made=False)
    with pytest.raises(ConnectorError) as refusal:
        crm.call("mobile.saveRecord", {"module": "Users", "values": user})
    assert "Geheim-99" not in repr(refusal.value) + str(refusal.value.__dict__)


def test_a_list_that_ignores_the_search_is_searched_here(account: Simply, crm: SimplyCrmConnector) -> None:
    record = crm.read("Contacts", Query(limit=60)).records[3]
    name = str(record.values["lastname"])
    params = {"module": "Contacts", "searchField": ["lastname", "c", name]}
    told = crm.call("mobile.listModuleRecords", params)
    assert told["records"] and not told["searchIgnored"]
    account.switch(search_ignored=True)
    told = crm.call("mobile.listModuleRecords", params)
    assert told["searchIgnored"] and all(name.lower() in str(row["lastname"]).lower() for row in told["records"])


def test_a_page_past_the_end_is_empty(crm: SimplyCrmConnector) -> None:
    told = crm.call("mobile.listModuleRecords", {"module": "Contacts", "page": 1000})
    assert told["records"] == [] and told["moreRecords"] is False


def test_an_operation_with_wrong_parameters_or_without_its_credential_is_not_sent(
    account: Simply, observer: CountingObserver
) -> None:
    crm = account.connect(Context(observer=observer, network=RULES), PASSWORD)
    with pytest.raises(QueryError, match="It takes: module"):
        crm.call("mobile.describe", {"modul": "Contacts"})
    with pytest.raises(ConfigError, match="password"):
        crm.call("mobile.describe", {"module": "Contacts"})
    with pytest.raises(ConfigError, match="password"):
        crm.call("mobile.call", {"operation": "userInfo"})
    with pytest.raises(Unsupported, match="only with the user's password, which this connection lacks"):
        crm.views("Contacts")
    with pytest.raises(ConfigError, match="webhook"):
        crm.call("webhook", {"values": {"a": "b"}})
    assert not observer.calls


def test_no_session_key_or_password_leaves_the_connector(account: Simply, crm: SimplyCrmConnector) -> None:
    shown = [crm.call(name, {}) for name in ("mobile.login", "mobile.loginAndFetchModules", "login", "getchallenge")]
    shown.append(crm.call("mobile.query", {"query": "SELECT * FROM Users LIMIT 0,5;"}))
    shown.append(crm.call("mobile.queryWithGrouping", {"query": "SELECT * FROM Users LIMIT 0,5;"}))
    text = json.dumps(shown)
    for word in (account.secrets[KEY], account.secrets[PASSWORD], "sessionName", '"session"', '"accesskey":'):
        assert word not in text, word
    assert account.secrets[PASSWORD] not in repr(crm)


def test_a_read_only_connection_writes_by_no_way(
    crm: SimplyCrmConnector, mobile: SimplyCrmConnector, observer: CountingObserver
) -> None:
    id = crm.read("Contacts", Query(limit=1)).records[0].id
    observer.read_only = True
    for deed in (
        lambda: crm.call("mobile.saveRecord", {"module": "Contacts", "record": id, "values": {"lastname": "x"}}),
        lambda: crm.call("mobile.deleteRecords", {"record": id}),
        lambda: mobile.update("Contacts", id, {"lastname": "x"}),
        lambda: mobile.comment("Contacts", id, "x"),
        lambda: mobile.delete("Contacts", id),
    ):
        with pytest.raises(ReadOnly):
            deed()
