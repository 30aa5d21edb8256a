"""The CRM's own operations, related records and comments from the shell, and what the audit trail keeps of them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connectors.errors import Unavailable
from connectors.memory import store
from portal.connections.models import Connection
from portal.ledger.models import AuditEntry

pytestmark = pytest.mark.django_db


def run(*words: str) -> Any:
    out = io.StringIO()
    call_command(*words, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def fails(code: int, *words: str) -> str:
    with pytest.raises(CommandError) as failed:
        run(*words)
    assert failed.value.returncode == code
    return str(failed.value)


def audited() -> list[tuple[str, Any]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "changes"))


def test_operations_are_listed_without_asking_the_crm(north: Connection) -> None:
    found = run("list_operations", "north")
    assert [(o["name"], o["writes"]) for o in found] == [("count_records", False), ("empty_module", True)]
    assert found[0]["parameters"][0] == {
        "name": "module", "label": "", "type": "text", "required": True, "help": "", "choices": [],
    }  # fmt: skip
    out = io.StringIO()
    call_command("list_operations", "north", stdout=out)
    assert "empty_module module" in out.getvalue() and "(writes)" in out.getvalue()


def test_an_operation_that_reads_is_called_and_leaves_no_trace(north: Connection) -> None:
    store("memory").put("Contacts", {"lastname": "Ada"}, "c1")
    assert run("call_operation", "north", "count_records", "--set", "module=Contacts")["count"] == 1
    assert audited() == []


def test_an_operation_that_writes_is_in_the_audit_trail_with_its_outcome(north: Connection) -> None:
    store("memory").put("Contacts", {"lastname": "Ada"}, "c1")
    run("call_operation", "north", "empty_module", "--set", "module=Contacts")
    told = {"operation": "empty_module", "params": {"module": "Contacts"}, "outcome": "done"}
    assert audited() == [("call_operation", told)] and not store("memory").records


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["empty_module"], "“module” is needed"),
        (["empty_module", "--set", "module=Contacts", "--set", "colour=red"], "“colour” is not one of its parameters"),
        (["empty_module", "--set", "module"], "key=value"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_written_down(
    north: Connection, words: list[str], told: str
) -> None:
    assert told in fails(2, "call_operation", "north", *words)
    assert audited() == []


def test_an_operation_there_is_not_names_those_there_are(north: Connection) -> None:
    assert "It has: count_records, empty_module" in fails(1, "call_operation", "north", "fly")


def test_an_operation_that_writes_is_refused_on_a_connection_that_may_only_be_read(north: Connection) -> None:
    Connection.objects.update(writable=False)
    store("memory").put("Contacts", {"lastname": "Ada"}, "c1")
    assert "read-only" in fails(1, "call_operation", "north", "empty_module", "--set", "module=Contacts")
    assert store("memory").records and audited()[0][1]["outcome"] == "refused"


def test_an_answer_that_did_not_come_leaves_the_outcome_unknown(north: Connection) -> None:
    store("memory").fail("empty_module", Unavailable("gone", maybe_done=True), after=True)
    fails(1, "call_operation", "north", "empty_module", "--set", "module=Contacts")
    assert audited()[0][1]["outcome"] == "unknown"


def test_related_records_are_a_list_of_records_and_cross_pages(north: Connection) -> None:
    crm = store("memory")
    crm.put("Accounts", {"name": "Acme"}, "a1")
    for number in range(120):
        crm.put("Contacts", {"lastname": f"Miller {number:03}"}, f"c{number:03}")
        crm.links.add(frozenset({("Accounts", "a1"), ("Contacts", f"c{number:03}")}))
    crm.put("Contacts", {"lastname": "Stranger"}, "x")
    found = run("related_records", "north", "Accounts", "a1", "Contacts", "--limit", "500")
    assert [record["id"] for record in found] == [f"c{number:03}" for number in range(120)]
    assert len(run("related_records", "north", "Accounts", "a1", "Contacts", "--limit", "7")) == 7
    assert "nosuch" in fails(1, "related_records", "north", "Accounts", "nosuch", "Contacts")


def test_a_comment_is_added_and_audited(north: Connection) -> None:
    store("memory").put("Contacts", {"lastname": "Ada"}, "c1")
    run("add_comment", "north", "Contacts", "c1", "Called her.")
    assert store("memory").comments == [("Contacts", "c1", "Called her.")]
    told = {"module": "Contacts", "id": "c1", "text": "Called her.", "outcome": "done"}
    assert audited() == [("add_comment", told)]
