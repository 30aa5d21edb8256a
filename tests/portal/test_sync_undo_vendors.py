"""Runs taken back at every simulated vendor: what a server adds to its records by itself is nobody's edit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors import OFFERED, connector_class
from connectors.memory import store
from connectors.sandbox.server import Sandbox
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping, save_mapping
from portal.sync.run import carry_out, request_sync
from portal.sync.undo.start import request_undo
from tests.connectors.every_vendor import SUBJECTS, Subject
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """All simulated vendors, started once."""
    with Sandbox(vendors=OFFERED, records=6) as running:
        yield running


@pytest.fixture(params=OFFERED)
def account(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Account]:
    found = Account(sandbox, request.param)
    found.control("POST", "reset", vendor=request.param)
    yield found
    found.close()


def mapping_to(slug: str, account: Account, subject: Subject) -> Mapping:
    """Return a mapping from people in RAM to the vendor's."""
    said = [(s, account.secrets[s.name]) for s in connector_class(slug).settings if account.secrets.get(s.name)]
    settings: dict[str, Any] = {s.name: value for s, value in said if not s.secret}
    secrets = {s.name: value for s, value in said if s.secret}
    Connection.objects.create(name="north", connector="memory", writable=True, settings={"store": "memory"})
    Connection.objects.create(name=slug, connector=slug, writable=True, settings=settings, secrets=secrets)
    given = tuple(Rule("", name, "value", value) for name, value in subject.needed.items())
    return save_mapping(
        Definition(
            "people",
            Side("north", "Contacts"),
            Side(slug, subject.module),
            "left-to-right",
            (("lastname", subject.field),),
            (Rule("lastname", subject.field), *given),
            guards={},
        ),
        user=None,
        actor="test",
    )


def sync(mapping: Mapping) -> Run:
    mapping.refresh_from_db()
    pause_mapping(mapping, False, "test")
    return carry_out(request_sync(mapping, actor="test", enqueue=False))


def undo(run: Run) -> Run:
    return carry_out(request_undo(run, actor="test", enqueue=False))


def test_changes_are_restored_and_created_records_deleted_again(account: Account) -> None:
    slug = account.slug
    subject = SUBJECTS[slug]
    mapping = mapping_to(slug, account, subject)
    people = [store("memory").put("Contacts", {"lastname": f"Undone {n}"}) for n in range(3)]
    before = len(account.control("GET", "records", module=subject.module))
    first = sync(mapping)
    assert (first.state, first.counts["create"]) == ("succeeded", 3), first.message
    account.control("POST", "clock", shift_seconds=400)
    sync(mapping)
    store("memory").put("Contacts", {"lastname": "Renamed"}, people[0].id)
    second = sync(mapping)
    assert second.counts["update"] == 1
    account.control("POST", "clock", shift_seconds=400)
    assert sum(sync(mapping).counts.values()) == 0
    taken = undo(second)
    assert (taken.state, taken.counts["update"]) == ("succeeded", 1), left(taken)
    account.control("POST", "clock", shift_seconds=400)
    assert sum(sync(mapping).counts.values()) == 0
    taken = undo(first)
    stay = 0 if deletes(mapping) else 3
    assert (taken.state, taken.counts["delete"]) == ("succeeded", 3 - stay), left(taken)
    assert [reason for _state, reason, *_ in left(taken) if reason] == ["cannot_delete"] * stay
    assert len(account.control("GET", "records", module=subject.module)) == before + stay
    account.control("POST", "clock", shift_seconds=400)
    assert sum(sync(mapping).counts.values()) == 0
    assert len(account.control("GET", "records", module=subject.module)) == before + stay


def deletes(mapping: Mapping) -> bool:
    """Say whether the vendor deletes records of that module."""
    return module_schema(mapping.right_connection, mapping.right_module).module.deletable


def left(run: Run) -> list[Any]:
    return list(Entry.objects.filter(run=run).values_list("state", "reason", "evidence", "message"))
