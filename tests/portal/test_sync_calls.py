"""What a run costs the CRMs in requests: over nothing new one a side, between the two vendors as they really answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from portal.connections.models import Call, Connection
from portal.ledger.models import Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.sync.run import carry_out, request_sync
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db(transaction=True)
SECRETS = {"access_key", "access_token"}


@pytest.fixture
def accounts(running_sandbox: Sandbox) -> Iterator[dict[str, Account]]:
    """Both simulated CRMs as they were seeded."""
    found = {slug: Account(running_sandbox, slug) for slug in ("vtiger", "reallysimple")}
    found["vtiger"].control("POST", "reset")
    yield found
    for account in found.values():
        account.close()


@pytest.fixture
def mapping(accounts: dict[str, Account]) -> Mapping:
    """Contacts of Vtiger, to be copied to Really Simple Systems."""
    for slug, account in accounts.items():
        given = account.secrets
        settings = {name: value for name, value in given.items() if name not in SECRETS}
        secrets = {name: given[name] for name in SECRETS & given.keys()}
        Connection.objects.create(name=slug, connector=slug, writable=True, settings=settings, secrets=secrets)
    definition = Definition(
        "contacts",
        Side("vtiger", "Contacts"),
        Side("reallysimple", "contacts"),
        "left-to-right",
        (("email", "email"),),
        (Rule("lastname", "last"), Rule("email", "email"), Rule("", "accountid", "value", "1001")),
        guards={},
    )
    return save_mapping(definition, user=None, actor="test")


def sync(mapping: Mapping) -> Run:
    return carry_out(request_sync(mapping, actor="test", enqueue=False))


def asked(run: Run) -> list[str]:
    return sorted(f"{call.connection.connector} {call.operation}" for call in Call.objects.filter(run_id=run.pk))


def test_a_run_over_nothing_new_asks_each_side_once(accounts: dict[str, Account], mapping: Mapping) -> None:
    assert sync(mapping).state in ("succeeded", "partly_failed")
    for account in accounts.values():
        account.control("POST", "clock", shift_seconds=400)  # what was written in the last second is closed then
    sync(mapping)
    before = {slug: account.control("GET", "counters").get(slug, {}) for slug, account in accounts.items()}
    run = sync(mapping)
    after = {slug: account.control("GET", "counters").get(slug, {}) for slug, account in accounts.items()}
    assert asked(run) == ["reallysimple list", "vtiger query"]
    assert {slug: sum(after[slug].values()) - sum(before[slug].values()) for slug in accounts} == {
        "vtiger": 1,
        "reallysimple": 1,
    }
