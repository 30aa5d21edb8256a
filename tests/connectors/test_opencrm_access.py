"""Who we say we are at OpenCRM: keys, access keys, the code some accounts want beside them, and the name of the caller."""

from __future__ import annotations

import pytest

from connectors.context import Context
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
)
from connectors.http import USER_AGENT
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.modules import MODULES
from connectors.query import Query
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


# Who we are


@pytest.mark.parametrize("auth", ["parameters", "header", "login"])
def test_the_keys_are_sent_in_every_documented_way_and_never_in_an_address(
    account: Account, context: Context, auth: str
) -> None:
    crm = connected(account, context, auth=auth)
    assert {module.name for module in crm.check().modules} == set(MODULES)
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
    assert {module.name for module in identity.modules} == set(MODULES) - {"asset", "contract"}
    assert {module.name for module in crm.modules()} == set(MODULES) - {"asset", "contract"}
    assert any("Assets, Contracts" in note for note in identity.notes)
    assert any("change everything" in note for note in identity.notes)


# The code


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
