"""What Really Simple Systems is told to write, what comes of it when its answer is unclear, and its calls by name."""

from __future__ import annotations

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import (
    ProtocolError,
    QueryError,
    RateLimited,
    RecordInvalid,
    Unavailable,
    Unsupported,
)
from connectors.query import Query
from tests.connectors.contract import CountingObserver
from tests.connectors.reallysimple_account import account, connected, context, crm, observer, sandbox, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "context", "crm", "observer", "sandbox", "seeder"]  # fixtures


# Writing


def test_a_refused_value_is_named_with_the_vendors_words(crm: Connector, account: Account) -> None:
    with pytest.raises(RecordInvalid) as caught:
        crm.create("contacts", {"last": "Ito", "accountid": "999999"})
    assert caught.value.fields == {"accountid": "Exists accounts"}
    assert caught.value.vendor_message == "The given data was invalid."


def test_a_missing_required_field_is_named_before_anything_is_sent(crm: Connector, observer: CountingObserver) -> None:
    with pytest.raises(RecordInvalid) as caught:
        crm.create("contacts", {"first": "Ada"})
    assert set(caught.value.fields) == {"last", "accountid"}
    assert not any(call.writes for call in observer.calls)


@pytest.mark.parametrize(
    "fault", ["http_500", "http_502_html", "cut_before", "cut_after", "truncated_json", "empty_body"]
)
def test_an_unclear_answer_to_a_write_may_have_been_done_and_is_not_repeated(
    crm: Connector, account: Account, observer: CountingObserver, fault: str
) -> None:
    account.control("POST", "faults", fault=fault, operation="create contacts")
    with pytest.raises((Unavailable, ProtocolError)) as caught:
        crm.create("contacts", {"last": "Maybe", "accountid": "1001"})
    assert caught.value.maybe_done  # type: ignore[attr-defined]
    assert sum(call.writes for call in observer.calls) == 1


def test_being_asked_to_wait_long_is_passed_on(crm: Connector, account: Account) -> None:
    account.control("POST", "faults", fault="rate_limited", operation="list contacts", retry_after=60)
    with pytest.raises(RateLimited) as caught:
        crm.read("contacts", Query())
    assert caught.value.retry_after == 60


# Pick lists and operations


def test_entries_are_added_to_a_pick_list_whose_name_was_set(account: Account, context: Context) -> None:
    crm = connected(account, context, list_names="accounts/type=accounttype\ncontacts/source=contactsource")
    crm.append_choices("accounts", "type", ["Reseller"])
    field = crm.describe("accounts").field("type")
    assert field is not None and "Reseller" in {choice.value for choice in field.choices}


def test_the_name_of_a_pick_list_is_never_guessed(crm: Connector, observer: CountingObserver) -> None:
    with pytest.raises(Unsupported, match="accounts/type=name"):
        crm.append_choices("accounts", "type", ["Reseller"])
    assert not observer.calls


def test_every_documented_call_can_be_carried_out_by_name(crm: Connector) -> None:
    made = crm.call("create", {"object": "contacts", "record": '{"last": "Op", "accountid": 1001}'})
    id = str(made["id"])
    assert crm.call("update", {"object": "contacts", "id": id, "record": {"first": "By"}})["first"] == "By"
    assert crm.call("get", {"object": "contacts", "id": id})["last"] == "Op"
    listed = crm.call("list", {"object": "contacts", "q": '{"last": "Op"}', "order": '{"id": "desc"}', "limit": "5"})
    assert [row["id"] for row in listed["list"]] == [made["id"]]
    assert crm.call("related", {"object": "accounts", "id": "1001", "relation": "contacts"})["total_count"] >= 1
    assert crm.call("delete", {"object": "contacts", "id": id}) is None
    assert {"name", "type"} <= set(crm.call("datadictionary", {"object": "contacts"})[0])
    assert crm.call("append_lookup", {"list_name": "accounttype", "items": "One\nTwo"})["message"]
    assert {"value": "Two", "id": "Two"} in crm.call("lookup", {"object": "accounts", "field": "type"})["items"]
    assert {operation.name for operation in crm.operations} == {
        "create", "update", "get", "list", "related", "delete", "datadictionary", "append_lookup", "lookup", "call",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("get", {"object": "contacts"}),
        ("get", {"object": "contacts", "id": "1", "colour": "red"}),
        ("list", {"object": "contacts", "q": "last = Ito"}),
        ("list", {"object": "contacts", "limit": "many"}),
        ("call", {"method": "PUT", "path": "contacts/1"}),
        ("call", {"method": "GET", "path": "contacts?q={}"}),
        ("call", {"method": "GET", "path": "https://example.org/contacts"}),
        ("call", {"method": "GET", "path": "../contacts"}),
    ],
)
def test_wrong_parameters_of_an_operation_are_refused_before_it_is_sent(
    crm: Connector, observer: CountingObserver, operation: str, params: dict[str, str]
) -> None:
    with pytest.raises(QueryError):
        crm.call(operation, params)
    assert not observer.calls


def test_any_call_can_be_made_by_its_path_and_its_answer_comes_whole(crm: Connector) -> None:
    body = {"last": "Raw", "accountid": 1001, "first": "By hand"}
    made = crm.call("call", {"method": "POST", "path": "contacts", "body": body})
    assert (made["status"], made["answer"]["metadata"]["record_type"]) == (201, "contact")
    id = made["answer"]["record"]["id"]
    changed = crm.call("call", {"method": "PATCH", "path": f"contacts/{id}", "body": '{"first": "Other"}'})
    assert changed["answer"]["record"]["first"] == "Other"
    asked = {"q": {"last": "Raw"}, "limit": 5, "order": '{"id": "asc"}'}
    found = crm.call("call", {"method": "GET", "path": "/contacts/", "params": asked})
    assert [item["record"]["id"] for item in found["answer"]["list"]] == [id]
    assert crm.call("call", {"method": "DELETE", "path": f"contacts/{id}"}) == {"status": 200, "answer": {}}
    with pytest.raises(QueryError, match=f"contacts/{id}"):
        crm.call("call", {"method": "GET", "path": f"contacts/{id}"})


def test_any_call_is_told_as_what_it_does_and_only_reading_is_repeated(
    crm: Connector, account: Account, observer: CountingObserver
) -> None:
    account.control("POST", "faults", fault="cut_after", times=1)
    crm.call("call", {"method": "GET", "path": "contacts"})
    account.control("POST", "faults", fault="cut_after", times=1)
    with pytest.raises(Unavailable) as unclear:
        crm.call("call", {"method": "DELETE", "path": "contacts/20001"})
    assert unclear.value.maybe_done
    assert [(call.method, call.safe, call.writes) for call in observer.calls] == [
        ("GET", True, False), ("GET", True, False), ("DELETE", False, True),
    ]  # fmt: skip
