"""What a run over nothing new costs: a request a side, between two vendors as they really answer, and no row but its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps

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
OF_THE_WORKER = {  # who works, who may call, and when was last looked: rows there are, not more with each run
    *(f"ledger_lease.{name}" for name in ("number", "host", "boot_id", "pid", "taken_at", "expires_at")),
    *(f"connections_lock.{name}" for name in ("holder", "expires_at")),
    "records_mirror.pulled_at",
}


@pytest.fixture
def accounts(running_sandbox: Sandbox) -> Iterator[dict[str, Account]]:
    """Both simulated CRMs as they were seeded."""
    found = {slug: Account(running_sandbox, slug) for slug in ("vtiger", "reallysimple")}
    found["vtiger"].control("POST", "reset")
    yield found
    for account in found.values():
        account.close()


@pytest.fixture(params=["left-to-right", "both"])
def mapping(accounts: dict[str, Account], request: pytest.FixtureRequest) -> Mapping:
    """Contacts of Vtiger and of Really Simple Systems, copied one way or kept in step both ways."""
    for slug, account in accounts.items():
        given = account.secrets
        settings = {name: value for name, value in given.items() if name not in SECRETS}
        secrets = {name: given[name] for name in SECRETS & given.keys()}
        Connection.objects.create(name=slug, connector=slug, writable=True, settings=settings, secrets=secrets)
    definition = Definition(
        "contacts",
        Side("vtiger", "Contacts"),
        Side("reallysimple", "contacts"),
        request.param,
        (("email", "email"),),
        (Rule("lastname", "last"), Rule("email", "email"), Rule("", "accountid", "value", "1001")),
        guards={},
    )
    return save_mapping(definition, user=None, actor="test")


def sync(mapping: Mapping) -> Run:
    return carry_out(request_sync(mapping, actor="test", enqueue=False))


def asked(run: Run) -> list[str]:
    return sorted(f"{call.connection.connector} {call.operation}" for call in Call.objects.filter(run_id=run.pk))


def counted(accounts: dict[str, Account]) -> dict[str, int]:
    """Return how many requests each server has counted."""
    return {slug: sum(account.control("GET", "counters").get(slug, {}).values()) for slug, account in accounts.items()}


def everything() -> dict[str, dict[str, dict[str, Any]]]:
    """Return table -> primary key -> columns, of every table of the portal and of django-q2."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        rows = model._default_manager.values()
        found[model._meta.db_table] = {str(row[model._meta.pk.attname]): row for row in rows}
    return found


def test_a_run_over_nothing_new_asks_each_side_once_and_writes_no_row_but_the_run(
    accounts: dict[str, Account], mapping: Mapping
) -> None:
    sync(mapping)
    sync(mapping)  # sees what the first one wrote
    for account in accounts.values():
        account.control("POST", "clock", shift_seconds=400)  # the second in which it was written is closed then
    sync(mapping)
    requests, before = counted(accounts), everything()
    run = sync(mapping)
    after = everything()
    assert asked(run) == ["reallysimple list", "vtiger query"]
    assert {slug: number - requests[slug] for slug, number in counted(accounts).items()} == dict.fromkeys(accounts, 1)
    assert made(before, after) == {"ledger_run": 1, "connections_call": 2}
    assert changed(before, after) <= OF_THE_WORKER


def made(before: Any, after: Any) -> dict[str, int]:
    """Return table -> how many rows more there are."""
    return {table: len(rows) - len(before[table]) for table, rows in after.items() if len(rows) != len(before[table])}


def changed(before: Any, after: Any) -> set[str]:
    """Return the columns ("table.column") that differ in rows there were."""
    pairs = ((table, row, after[table][pk]) for table, rows in before.items() for pk, row in rows.items())
    return {f"{table}.{name}" for table, old, new in pairs for name in old if old[name] != new[name]}
