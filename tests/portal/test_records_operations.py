"""The CRM's own operations, related records and comments from the shell, and what the audit trail keeps of them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from connectors.errors import Unavailable
from connectors.memory import store
from connectors.sandbox.server import Sandbox
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.save import define
from portal.ledger.models import AuditEntry
from portal.records.operations import carry_out
from tests.connectors.sandbox_client import Account

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
        "name": "module", "label": "Module", "type": "text", "required": True, "help": "", "choices": [],
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


# Operations for administrators only


@pytest.fixture
def hosted(running_sandbox: Sandbox, settings: Any, db: None) -> Connection:
    """A connection to a CRM that has an operation for administrators only: any call by its path."""
    settings.CRM_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    account = Account(running_sandbox, "reallysimple")
    account.control("POST", "reset")
    account.close()
    given = account.secrets
    return define("hosted", "reallysimple", {"url": given["url"]}, {"access_token": given["access_token"]})


READ = {"method": "GET", "path": "accounts/1001", "params": {"password": "marker-7"}}


def as_user(connection: Connection, user: User | None, operation: str, params: dict[str, Any]) -> Any:
    with open_connector(connection, purpose="person") as crm:
        return carry_out(connection, crm, operation, params, user=user)


def test_a_list_says_which_operations_are_for_administrators_only(hosted: Connection) -> None:
    marked = {o["name"] for o in run("list_operations", "hosted") if o["admin_only"]}
    assert marked == {"call"}
    out = io.StringIO()
    call_command("list_operations", "hosted", stdout=out)
    assert "(writes, administrators only)" in out.getvalue()


def test_the_shell_counts_as_an_administrator_and_is_audited_also_when_it_only_reads(hosted: Connection) -> None:
    words = [f"--set={name}={json.dumps(v) if name == 'params' else v}" for name, v in READ.items()]
    assert run("call_operation", "hosted", "call", *words)["answer"]["record"]["id"] == 1001
    params = {"method": "GET", "path": "accounts/1001", "params": {"password": "•"}}
    assert audited()[-1] == ("call_operation", {"operation": "call", "params": params, "outcome": "done"})


def test_a_superuser_may_carry_out_what_is_for_administrators_only(hosted: Connection) -> None:
    chief = User.objects.create_superuser("chief", "chief@example.org", "a long password")
    assert as_user(hosted, chief, "call", READ)["status"] == 200
    assert AuditEntry.objects.filter(action="call_operation").get().user == chief


def test_who_is_no_superuser_is_refused_whatever_else_they_may_and_that_is_audited(hosted: Connection) -> None:
    clerk = User.objects.create_user("clerk", "clerk@example.org", "a long password", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="connections"))
    with pytest.raises(PermissionDenied, match="“call” was not sent to “hosted”: only administrators"):
        as_user(hosted, clerk, "call", READ)
    entry = AuditEntry.objects.filter(action="call_operation").get()
    assert (entry.user, entry.changes["outcome"]) == (clerk, "refused")
    assert not hosted.calls.exists() and "marker-7" not in json.dumps(entry.changes)


def test_who_may_only_look_may_not_carry_out_what_writes(north: Connection) -> None:
    guest = User.objects.create_user("guest", "guest@example.org", "a long password", is_staff=True)
    guest.user_permissions.set(Permission.objects.filter(codename="view_connection"))
    store("memory").put("Contacts", {"lastname": "Ada"}, "c1")
    assert as_user(north, guest, "count_records", {"module": "Contacts"})["count"] == 1
    with pytest.raises(PermissionDenied, match="lacks the permission"):
        as_user(north, guest, "empty_module", {"module": "Contacts"})
    assert store("memory").records
