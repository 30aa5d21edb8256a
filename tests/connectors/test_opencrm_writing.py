"""What OpenCRM is told to write, and what comes of it when its answer is unclear."""

from __future__ import annotations

import pytest

from connectors.context import Context
from connectors.errors import (
    ConfigError,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.opencrm.connector import OpenCrmConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import OpenCrmSeeder, account, connected, context, crm, observer, sandbox, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm", "sandbox"]  # fixtures

OWNED = {"assigned_user_id": "1"}


def calls(observer: CountingObserver) -> list[str]:
    """Return the names of the calls made, and forget them."""
    made = [call.operation for call in observer.calls]
    observer.calls.clear()
    return made


# Edit calls of several names


@pytest.mark.parametrize("status", [404, 200])
@pytest.mark.parametrize(
    ("module", "absent", "works"),
    [
        ("ticket", "edit_ticket", "edit_helpdesk"),
        ("ticket", "edit_helpdesk", "edit_ticket"),
        ("contract", "edit_contract", "edit_contracts"),
        ("contract", "edit_contracts", "edit_contract"),
    ],
)
def test_the_name_of_an_edit_call_that_works_is_found_and_remembered(
    account: Account,
    crm: OpenCrmConnector,
    observer: CountingObserver,
    module: str,
    absent: str,
    works: str,
    status: int,
) -> None:
    account.control("POST", "switches", absent=[absent], absent_status=status)
    field = {"ticket": {"title": "Printer"}, "contract": {}}[module]
    made = crm.create(module, {**OWNED, **field})
    calls(observer)
    crm.update(module, made.id, {"assigned_user_id": "2"})
    assert calls(observer) == [works, f"get_{module}"]
    assert len([r for r in account.control("GET", "records", module=module) if str(r["id"]) == made.id]) == 1


@pytest.mark.parametrize("shape", ["string", "plain", "object"])
def test_a_refusal_never_makes_another_call_be_tried(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver, seeder: OpenCrmSeeder, shape: str
) -> None:
    account.control("POST", "switches", absent=[], edit_error=shape)
    id = seeder.mutate("create", "ticket", title="Gone")
    seeder.mutate("delete", "ticket", id)
    crm.describe("ticket")
    calls(observer)
    with pytest.raises(RecordNotFound):
        crm.update("ticket", id, {"title": "Too late"})
    assert calls(observer) == ["edit_ticket"]


def test_without_any_edit_call_nothing_may_have_been_done(account: Account, crm: OpenCrmConnector) -> None:
    account.control("POST", "switches", absent=["edit_ticket", "edit_helpdesk"])
    with pytest.raises(QueryError, match="edit_helpdesk"):
        crm.create("ticket", {**OWNED, "title": "Printer"})


# Unclear answers


@pytest.mark.parametrize("shape", ["number", "text", "record_id", "id", "crmid"])
def test_the_id_is_read_from_every_shape_of_answer(account: Account, crm: OpenCrmConnector, shape: str) -> None:
    account.control("POST", "switches", edit_reply=shape)
    made = crm.create("company", {**OWNED, "accountname": "Acme"})
    assert crm.update("company", made.id, {"city": "York"}).values["city"] == "York"


def test_a_record_saved_behind_a_warning_is_made_once_and_known(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    account.control("POST", "switches", warning="Warning: Undefined index: owner in /www/edit.php on line 7\n")
    made = crm.create("contact", {**OWNED, "lastname": "Warned"})
    assert made.values["lastname"] == crm.get("contact", made.id).values["lastname"] == "Warned"
    assert crm.update("contact", made.id, {"lastname": "Again"}).values["lastname"] == "Again"
    account.control("POST", "switches", warning="Fatal error: Out of memory in /www/log.php on line 3\n")
    with pytest.raises(ProtocolError) as caught:
        crm.create("contact", {**OWNED, "lastname": "Died"})
    assert caught.value.maybe_done and sum(call.writes for call in observer.calls) == 3


@pytest.mark.parametrize(
    "fault", ["http_500", "http_502_html", "cut_before", "cut_after", "truncated_json", "empty_body"]
)
def test_an_unclear_answer_to_a_create_may_have_been_done_and_is_not_repeated(
    crm: OpenCrmConnector, account: Account, observer: CountingObserver, fault: str
) -> None:
    account.control("POST", "faults", fault=fault, operation="edit_contact")
    with pytest.raises((Unavailable, ProtocolError)) as caught:
        crm.create("contact", {**OWNED, "lastname": "Maybe"})
    assert caught.value.maybe_done  # type: ignore[attr-defined]
    assert sum(call.writes for call in observer.calls) == 1


@pytest.mark.parametrize("fault", ["http_500", "truncated_json", "empty_body", "rate_limited"])
def test_a_record_written_but_not_read_again_is_known_by_its_id(
    crm: OpenCrmConnector, account: Account, seeder: OpenCrmSeeder, fault: str
) -> None:
    crm.describe("contact")
    account.control("POST", "faults", fault=fault, operation="get_contact", times=0)
    made = crm.create("contact", {**OWNED, "lastname": "Written"})
    assert (made.values, seeder.stored("contact", made.id)["lastname"]) == ({}, "Written")


@pytest.mark.parametrize("id", ["", "0", "-1", "1 or 1", "007", "7.0", "x" * 99])
def test_what_cannot_be_an_id_is_not_sent(crm: OpenCrmConnector, observer: CountingObserver, id: str) -> None:
    crm.describe("contact")
    observer.calls.clear()
    with pytest.raises(RecordNotFound):
        crm.get("contact", id)
    with pytest.raises(RecordNotFound):
        crm.update("contact", id, {"lastname": "Nobody"})
    assert not observer.calls


def test_a_record_that_is_not_there_is_not_found_only_where_the_server_says_so(
    account: Account, crm: OpenCrmConnector
) -> None:
    with pytest.raises(RecordNotFound):
        crm.get("contact", "999999")
    for missing in ("empty", "null"):
        account.control("POST", "switches", missing_record=missing)
        with pytest.raises(ProtocolError):
            crm.get("contact", "999999")


# What is checked before anything is sent


@pytest.mark.parametrize(
    ("module", "values", "wrong"),
    [
        ("contact", {**OWNED}, "lastname"),
        ("contact", {"lastname": "Ito"}, "assigned_user_id"),
        ("company", {**OWNED, "accountname": "A", "credit_limit": "12.345"}, "credit_limit"),
        ("company", {**OWNED, "accountname": "A", "credit_limit": "1,200"}, "credit_limit"),
        ("company", {**OWNED, "accountname": "A", "credit_limit_days": "3.5"}, "credit_limit_days"),
        ("contact", {**OWNED, "lastname": "A", "birthday": "31.12.1999"}, "birthday"),
        ("contact", {**OWNED, "lastname": "A", "tps": "maybe"}, "tps"),
        ("contact", {**OWNED, "lastname": "A", "accountid": "Acme"}, "accountid"),
        ("contact", {**OWNED, "lastname": "A", "modifiedtime": "2024-01-01T00:00:00Z"}, "modifiedtime"),
        ("contact", {**OWNED, "lastname": "A", "cf_903": "five"}, "cf_903"),
        ("contact", {**OWNED, "lastname": "A", "lastnme": "B"}, "lastnme"),
        ("contact", {**OWNED, "lastname": "A", "password": "hidden"}, "password"),
    ],
)
def test_what_the_server_would_take_without_a_word_is_refused_here(
    crm: OpenCrmConnector, observer: CountingObserver, module: str, values: dict[str, str], wrong: str
) -> None:
    with pytest.raises(RecordInvalid) as caught:
        crm.create(module, values)
    assert set(caught.value.fields) == {wrong}
    assert not any(call.writes for call in observer.calls)


def test_a_field_a_person_named_is_written_by_its_type(account: Account, context: Context) -> None:
    crm = connected(account, context, extra_fields="contact/cf_901\ncontact/cf_903=integer")
    made = crm.create("contact", {**OWNED, "lastname": "Own", "cf_901": "Ünlü", "cf_903": "5"})
    assert (made.values["cf_901"], made.values["cf_903"]) == ("Ünlü", "5")
    with pytest.raises(RecordInvalid, match="cf_903"):
        crm.update("contact", made.id, {"cf_903": "five"})


@pytest.mark.parametrize("wrong", ["cf_901", "people/cf_901", "contact/cf_901=colour", "contact/"])
def test_a_field_named_wrongly_is_refused_at_once(account: Account, context: Context, wrong: str) -> None:
    with pytest.raises(ConfigError, match="contact/cf_123=date"):
        connected(account, context, extra_fields=wrong)


def test_a_change_that_was_taken_of_a_record_that_is_then_not_shown_may_have_been_done(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    id = seeder.put("Before")
    crm.describe("contact")
    account.control("POST", "switches", hidden_records=[int(id)])
    with pytest.raises(ProtocolError, match=id) as caught:
        crm.update("contact", id, {"lastname": "After"})
    assert caught.value.maybe_done and seeder.stored("contact", id)["lastname"] == "After"
