"""What OpenCRM is told to write, what comes of it when its answer is unclear, who we say we are, and its calls by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.context import Context
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import USER_AGENT
from connectors.opencrm.catalog import KINDS
from connectors.opencrm.connector import OpenCrmConnector
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import OpenCrmSeeder, account, connected, context, crm, observer, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures

OWNED = {"assigned_user_id": "1"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=60, seed=3) as running:
        yield running


def calls(observer: CountingObserver) -> list[str]:
    """Return the names of the calls made, and forget them."""
    made = [call.operation for call in observer.calls]
    observer.calls.clear()
    return made


# Who we are


@pytest.mark.parametrize("auth", ["parameters", "header", "login"])
def test_the_keys_are_sent_in_every_documented_way_and_never_in_an_address(
    account: Account, context: Context, auth: str
) -> None:
    crm = connected(account, context, auth=auth)
    assert {module.name for module in crm.check().modules} == set(KINDS)
    log = account.control("GET", "log")
    assert log and all(request["method"] == "POST" for request in log)
    told = str([request.get("path", "") for request in log]) + str([request.get("target", "") for request in log])
    assert account.secrets["key"] not in told and "key/" not in told


def test_one_login_serves_all_calls_and_an_access_key_that_ran_out_is_renewed(
    account: Account, context: Context, observer: CountingObserver
) -> None:
    crm = connected(account, context, auth="login")
    made = crm.create("contact", {**OWNED, "lastname": "Before"})
    assert calls(observer).count("login") == 1
    account.control("POST", "faults", fault="session_expired", operation="edit_contact")
    assert crm.update("contact", made.id, {"lastname": "After"}).values["lastname"] == "After"
    assert calls(observer) == ["edit_contact", "login", "edit_contact", "get_contact"]


@pytest.mark.parametrize("shape", ["braces", "string", "object", "plain"])
def test_an_access_key_is_read_however_the_login_spells_it(account: Account, context: Context, shape: str) -> None:
    account.control("POST", "switches", login_reply=shape)
    assert connected(account, context, auth="login").count("contact", Query())


@pytest.mark.parametrize("auth", ["parameters", "header", "login"])
def test_keys_that_are_refused_are_tried_once_and_not_told(
    account: Account, context: Context, observer: CountingObserver, auth: str
) -> None:
    crm = connected(account, context, auth=auth, passkey="not-the-pass-key")
    with pytest.raises(AuthError, match="AUTHENTICATION FAILED") as caught:
        crm.check()
    assert "not-the-pass-key" not in str(caught.value)
    assert len(observer.calls) == 1


def test_the_firewall_sees_a_client_it_lets_through() -> None:
    assert not {"curl", "python"} & set(USER_AGENT.lower().replace("/", " ").replace("-", " ").split())
    assert "curl" not in USER_AGENT.lower() and "python" not in USER_AGENT.lower()


def test_the_check_hides_modules_the_server_does_not_have(account: Account, crm: OpenCrmConnector) -> None:
    account.control("POST", "switches", absent=["get_asset_list_count", "get_contract_list_count"])
    identity = crm.check()
    assert {module.name for module in identity.modules} == set(KINDS) - {"asset", "contract"}
    assert {module.name for module in crm.modules()} == set(KINDS) - {"asset", "contract"}
    assert any("Assets, Contracts" in note for note in identity.notes)
    assert any("change everything" in note for note in identity.notes)


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


@pytest.mark.parametrize("missing", ["error", "empty", "null"])
def test_a_record_that_is_not_there_is_not_found_however_that_is_said(
    account: Account, crm: OpenCrmConnector, missing: str
) -> None:
    account.control("POST", "switches", missing_record=missing)
    with pytest.raises(RecordNotFound):
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


@pytest.mark.parametrize("auth", ["parameters", "header", "login"])
@pytest.mark.parametrize("module", ["company", "lead"])
def test_a_postcode_is_changed_where_the_account_wants_a_code_of_the_same_name(
    account: Account, context: Context, observer: CountingObserver, auth: str, module: str
) -> None:
    account.control("POST", "switches", code="111111")
    crm = connected(account, context, code="111111", auth=auth)
    name = {"company": "accountname", "lead": "lastname"}[module]
    made = crm.create(module, {**OWNED, name: "Coded"})
    assert made.values["code"] is None
    assert crm.update(module, made.id, {"code": "YO1 7HH"}).values["code"] == "YO1 7HH"
    assert crm.call("call", {"endpoint": f"edit_{module}", "params": {"crmid": made.id, "code": "YO2"}}) == int(made.id)
    assert crm.call("call", {"endpoint": f"edit_{module}", "params": {"crmid": made.id, "city": "York"}}) == int(
        made.id
    )
    assert crm.get(module, made.id).values["code"] == "YO2"
    assert calls(observer).count("login") == 1


def test_a_postcode_that_cannot_be_sent_beside_the_code_is_refused_with_what_to_set(
    account: Account, context: Context, seeder: OpenCrmSeeder
) -> None:
    account.control("POST", "switches", code="111111", code_in_session=False)
    crm = connected(account, context, code="111111")
    id = seeder.mutate("create", "company", accountname="Coded", code="YO1")
    with pytest.raises(AccessDenied, match="“Code”"):
        crm.update("company", id, {"city": "York"})
    assert (seeder.stored("company", id)["code"], seeder.stored("company", id)["city"]) == ("YO1", "")
    account.control("POST", "switches", absent=["login"])
    with pytest.raises(AccessDenied, match="“Code”"):
        connected(account, context, code="111111").update("company", id, {"city": "York"})
    assert crm.create("contact", {**OWNED, "lastname": "Coded"}).values["lastname"] == "Coded"


def test_the_portal_says_who_it_is_by_the_name_it_was_given(account: Account, context: Context) -> None:
    assert connected(account, context, user_agent="Acme-Sync/1").check().modules
    for name in ("curl/8", "my Python script"):
        with pytest.raises(ConfigError, match="firewall"):
            connected(account, context, user_agent=name)
    with pytest.raises(ConfigError):
        connected(account, context, user_agent="Acme\r\nX: y")


def test_a_change_that_was_taken_of_a_record_that_is_then_not_shown_may_have_been_done(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    id = seeder.put("Before")
    crm.describe("contact")
    account.control("POST", "switches", hidden_records=[int(id)])
    with pytest.raises(ProtocolError, match=id) as caught:
        crm.update("contact", id, {"lastname": "After"})
    assert caught.value.maybe_done and seeder.stored("contact", id)["lastname"] == "After"


def test_the_code_of_the_account_never_becomes_a_postcode(account: Account, context: Context) -> None:
    crm = connected(account, context, code="111111")
    made = crm.create("company", {**OWNED, "accountname": "Coded"})
    assert made.values["code"] is None
    assert crm.update("company", made.id, {"code": "YO1 7HH"}).values["code"] == "YO1 7HH"


def test_a_code_the_account_wants_is_sent_with_each_call(account: Account, context: Context) -> None:
    account.control("POST", "switches", code="111111")
    made = connected(account, context, code="111111").create("contact", {**OWNED, "lastname": "Coded"})
    assert made.values["lastname"] == "Coded"
    with pytest.raises((AuthError, AccessDenied)):
        connected(account, context, code="").count("contact", Query())
