"""The tables of a Really Simple Systems account's own: named in the connection, tried by its test, used like any module."""

from __future__ import annotations

import pytest

from connectors.context import Context
from connectors.errors import ConfigError, QueryError
from connectors.query import Query
from tests.connectors.reallysimple_account import ReallySimpleSeeder, account, connected, context, observer, sandbox
from tests.connectors.sandbox_client import Account

__all__ = ["account", "context", "observer", "sandbox"]  # fixtures


def test_custom_tables_are_named_one_a_line_and_offered_when_the_server_has_them(
    account: Account, context: Context
) -> None:
    account.control("POST", "switches", custom_tables=["policies"])
    own = connected(account, context, extra_objects="policies\n\nsites\nPOLICIES_2, old-ones")
    identity = own.check()
    assert [module.label for module in identity.modules if module.name == "policies"] == ["Policies"]
    assert [module.name for module in own.modules()][-1] == "policies"
    told = "There is no custom table sites, POLICIES_2, old-ones, or it is not permitted"
    assert any(told in note for note in identity.notes)
    assert not any("price plan" in note for note in identity.notes)


def test_a_custom_table_is_read_and_written_like_any_module(account: Account, context: Context) -> None:
    account.control("POST", "switches", custom_tables=["policies"])
    own = connected(account, context, extra_objects="policies")
    made = own.create("policies", {"name": "Fire", "accountid": "1001", "premium": "12.5"})
    assert own.get("policies", made.id).values["premium"] == "12.5"
    assert [r.id for r in own.related("accounts", "1001", "policies", Query()).records] == [made.id]
    assert own.update("policies", made.id, {"name": "Flood"}).values["name"] == "Flood"
    assert ReallySimpleSeeder(account).stored("policies", made.id)["name"] == "Flood"
    own.delete("policies", made.id)
    assert not own.read("policies", Query()).records


def test_a_table_nobody_named_is_unknown(account: Account, context: Context) -> None:
    account.control("POST", "switches", custom_tables=["policies"])
    with pytest.raises(QueryError, match="policies"):
        connected(account, context).read("policies", Query())


def test_custom_tables_that_the_server_has_not_are_not_offered(account: Account, context: Context) -> None:
    crm = connected(account, context, extra_objects="policies, sites")
    assert "policies" not in {module.name for module in crm.modules()}  # this server does not have them
    with pytest.raises(QueryError, match="policies"):
        crm.describe("policies")


def test_a_custom_table_that_cannot_be_one_is_refused_at_once(account: Account, context: Context) -> None:
    with pytest.raises(ConfigError, match="policies/1"):
        connected(account, context, extra_objects="policies/1")
