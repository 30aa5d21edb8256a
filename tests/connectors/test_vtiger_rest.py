"""What Vtiger's connector does beside reading and writing: relations, files, owners, operations; and no secret gets out."""

from __future__ import annotations

import json

import pytest

from connectors.context import Context
from connectors.errors import (
    ConnectorError,
    QueryError,
    ReadOnly,
    RecordConflict,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.query import Query
from connectors.types import FileContent
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.vtiger_account import RULES, VtigerAccount, account, sandbox

__all__ = ["account", "sandbox"]  # fixtures


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: VtigerAccount, observer: CountingObserver) -> VtigerConnector:
    return account.connect(Context(observer=observer, network=RULES))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("contacts", "mean one of: Contacts"),
        ("Acount", "mean one of: Accounts"),
        ("Xyz", "There are: Campaigns, Vendors"),
    ],
)
def test_a_module_that_is_not_there_is_told_with_names_like_it(
    crm: VtigerConnector, observer: CountingObserver, name: str, told: str
) -> None:
    for ask in (crm.describe, lambda name: crm.read(name, Query())):
        with pytest.raises(QueryError, match=f"There is no module “{name}”") as caught:
            ask(name)
        assert told in str(caught.value) and "ACCESS_DENIED" not in str(caught.value)
    assert [call.operation for call in observer.calls][2:] == ["describe", "listtypes"] * 2
    crm.describe("Contacts")
    assert [call.operation for call in observer.calls].count("listtypes") == 2  # only for a module that is not there


PARAMS = {
    "elementType": "Contacts",
    "element": {"lastname": "By operation", "assigned_user_id": "19x1", "id": "12x999999"},
    "id": "12x999999",
    "query": "SELECT id FROM Contacts LIMIT 1;",
    "modifiedTime": 1,
    "relatedType": "Products",
    "relatedLabel": "Products",
    "sourceRecordId": "12x999999",
    "relatedRecordId": "14x999999",
    "relationIdLabel": "Products",
    "leadId": "10x999999",
    "entities": {},
    "operation": "listtypes",
    "verb": "GET",
}

# Relations, files, owners


def test_linked_records_are_related_and_comments_are_kept(account: VtigerAccount, crm: VtigerConnector) -> None:
    contact = crm.create("Contacts", {"lastname": "Ito"}).id
    product = account.mutate("create", "Products", productname="Widget")
    crm.link("Contacts", contact, "Products", product)
    assert [r.id for r in crm.related("Contacts", contact, "Products", Query()).records] == [product]
    crm.comment("Contacts", contact, "Called & <b>")
    comments = account.records("ModComments")
    assert (comments[-1]["values"]["commentcontent"], comments[-1]["values"]["related_to"]) == ("Called & <b>", contact)


def test_a_file_comes_back_as_it_was_given(crm: VtigerConnector) -> None:
    contact = crm.create("Contacts", {"lastname": "Ito"}).id
    info = crm.upload("Contacts", contact, FileContent("نامه.txt", b"\x00\xff hello", "text/plain"))
    assert (info.name, info.size) == ("نامه.txt", 8)
    assert crm.files("Contacts", contact) == [info]
    assert crm.download("Contacts", contact, info.id).content == b"\x00\xff hello"
    with pytest.raises(RecordNotFound):
        crm.download("Contacts", contact, "15x999999")


def test_a_file_that_is_too_large_is_not_sent(crm: VtigerConnector, observer: CountingObserver) -> None:
    with pytest.raises(RecordInvalid, match="3 MB"):
        crm.upload("Contacts", "12x1", FileContent("big", b"x" * (crm.capabilities.max_upload + 1)))
    assert not any(call.writes for call in observer.calls)


def test_owners_are_users_and_groups_and_inactive_ones_are_marked(crm: VtigerConnector) -> None:
    owners = {owner.label: owner for owner in crm.owners()}
    assert owners["Team Selling"].kind == "group"
    assert {owner.active for owner in owners.values()} == {True, False}


def test_who_may_not_list_users_sees_himself_and_the_groups(account: VtigerAccount) -> None:
    users = account.records("Users")
    key = next(u["values"]["accesskey"] for u in users if u["values"]["user_name"] == "sales")
    owners = account.connect(Context(network=RULES), username="sales", access_key=key).owners()
    assert owners[0].id == "19x6" and {owner.kind for owner in owners[1:]} == {"group"}


def test_a_record_has_an_address_in_the_screens(account: VtigerAccount, crm: VtigerConnector) -> None:
    assert crm.record_url("Contacts", "12x34") == f"{account.url}/index.php?module=Contacts&view=Detail&record=34"
    assert crm.record_url("Contacts", "nonsense") is None


# Operations and secrets


def test_every_declared_operation_is_carried_out_or_refused_by_the_server(
    crm: VtigerConnector, observer: CountingObserver
) -> None:
    for operation in crm.operations:
        observer.calls.clear()
        given = {p.name: PARAMS[p.name] for p in operation.parameters if p.required}
        try:
            crm.call(operation.name, given)
        except ConnectorError as e:
            assert isinstance(e, RecordNotFound | Unavailable | RecordInvalid) or operation.name == "convertlead", (
                operation.name
            )
        assert any(call.operation == operation.name for call in observer.calls), operation.name
        assert any(call.writes for call in observer.calls) is operation.writes


def test_any_operation_is_called_by_its_name_and_shows_no_secret(account: VtigerAccount, crm: VtigerConnector) -> None:
    described = crm.call("call", {"operation": "Describe", "verb": "GET", "params": {"elementType": "Contacts"}})
    assert described["idPrefix"] == "12"
    element = {"lastname": "By its name", "assigned_user_id": "19x1"}
    params = {"operation": "create", "verb": "POST", "params": {"elementType": "Contacts", "element": element}}
    made = crm.call("call", params)
    assert account.values("Contacts", made["id"])["lastname"] == "By its name"
    shown = crm.call("call", {"operation": "query", "verb": "GET", "params": {"query": "SELECT * FROM Users;"}})
    assert "accesskey" not in shown[0] and shown[0]["user_name"]
    assert "token" not in crm.call(
        "call", {"operation": "getchallenge", "verb": "GET", "params": {"username": "admin"}}
    )
    assert not crm.call("call", {"operation": "wsapp_register", "verb": "POST", "params": {"type": "x"}})
    with pytest.raises(Unavailable, match="HTTP status 500.*an operation it does not know"):
        crm.call("call", {"operation": "delete_related", "verb": "POST"})


def test_a_call_by_name_renews_the_session_and_is_never_repeated(
    account: VtigerAccount, crm: VtigerConnector, observer: CountingObserver
) -> None:
    params = {"elementType": "Contacts", "element": {"lastname": "Once", "assigned_user_id": "19x1"}}
    given = {"operation": "create", "verb": "POST", "params": params}
    account.fault("session_expired", "create")
    crm.call("call", given)
    assert (account.asked()["create"], account.asked()["login"]) == (2, 2)  # the first was refused for its session
    for fault in ("cut_after", "http_502_html"):
        account.fault(fault, "create")
        with pytest.raises(Unavailable) as unclear:
            crm.call("call", given)
        assert unclear.value.maybe_done
    found = [record["values"]["lastname"] for record in account.records("Contacts")]
    assert found.count("Once") == 2 and account.asked()["create"] == 4
    observer.read_only = True
    with pytest.raises(ReadOnly):
        crm.call("call", given)
    assert next(o for o in crm.operations if o.name == "call").admin_only


def test_a_call_by_name_neither_logs_in_nor_sets_what_the_portal_sets(
    crm: VtigerConnector, observer: CountingObserver
) -> None:
    observer.calls.clear()
    for params, told in (
        ({"operation": "LOGIN ", "verb": "POST"}, "Use the operation “login”"),
        ({"operation": "query", "verb": "GET", "params": {"sessionName": "x"}}, "sets these parameters itself"),
        ({"operation": "query", "verb": "PUT"}, "must be one of: GET, POST"),
    ):
        with pytest.raises(QueryError, match=told):
            crm.call("call", params)
    assert not observer.calls


def test_a_lead_becomes_what_it_is_made_into_only_once(account: VtigerAccount, crm: VtigerConnector) -> None:
    lead = crm.create("Leads", {"lastname": "Ito", "company": "Acme"}).id
    entities = {
        "Accounts": {"create": True, "name": "Accounts", "accountname": "Acme"},
        "Contacts": {"create": True, "name": "Contacts", "lastname": "Ito"},
    }
    made = crm.call("convertlead", {"leadId": lead.replace("x", "×"), "entities": entities})
    assert crm.get("Accounts", made["Accounts"]).values["accountname"] == "Acme"
    assert crm.get("Contacts", made["Contacts"]).values["account_id"] == made["Accounts"]
    assert lead not in {record.id for record in crm.read("Leads", Query(limit=200)).records}
    with pytest.raises(RecordConflict):
        crm.call("convertlead", {"leadId": lead, "entities": entities})
    with pytest.raises(RecordNotFound):
        crm.call("convertlead", {"leadId": "10x2' or '1", "entities": entities})


def test_sync_may_be_asked_of_all_modules_and_says_when_the_server_cannot(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    account.switch(sync_works=True)
    assert crm.call("sync", {"elementType": "Contacts", "modifiedTime": 1})["updated"]
    with pytest.raises(Unavailable, match="500"):
        crm.call("sync", {"modifiedTime": 1})


def test_an_operation_with_wrong_parameters_is_refused_with_those_it_takes(
    crm: VtigerConnector, observer: CountingObserver
) -> None:
    observer.calls.clear()
    for params in ({}, {"id": "12x1", "nosuch": "x"}):
        with pytest.raises(QueryError, match="It takes: id"):
            crm.call("retrieve", params)
    with pytest.raises(QueryError, match="not JSON"):
        crm.call("create", {"elementType": "Contacts", "element": "{"})
    with pytest.raises(QueryError, match="whole number"):
        crm.call("sync", {"elementType": "Contacts", "modifiedTime": "yesterday"})
    assert not observer.calls


def test_no_session_key_or_password_leaves_the_connector(account: VtigerAccount, crm: VtigerConnector) -> None:
    key = account.secrets["access_key"]
    shown = [crm.call(name, {}) for name in ("getchallenge", "login", "extendsession", "logout")]
    shown += [crm.call("query", {"query": "SELECT * FROM Users;"}), crm.call("retrieve", {"id": "19x1"})]
    records = [dict(r.values) for r in crm.read("Users", Query()).records]
    text = json.dumps([shown, records, crm.describe("Users").names])
    for word in (key, "accesskey", "user_password", "sessionName", '"token"'):
        assert word not in text
    assert records


def test_a_read_only_connection_writes_by_no_operation(crm: VtigerConnector, observer: CountingObserver) -> None:
    observer.read_only = True
    contact = crm.read("Contacts", Query(limit=1)).records[0].id
    for deed in (
        lambda: crm.call("revise", {"id": contact, "element": {"lastname": "x"}}),
        lambda: crm.comment("Contacts", contact, "x"),
        lambda: crm.upload("Contacts", contact, FileContent("a", b"a")),
        lambda: crm.link("Contacts", contact, "Products", "14x1"),
    ):
        with pytest.raises(ReadOnly):
            deed()
