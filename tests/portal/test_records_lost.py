"""Edits whose process died on the way, or whose answer was unclear: what became of them is found out, or asked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.errors import AuthError, Unavailable
from connectors.memory import store
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.ledger.models import AuditEntry, Entry, Lease, Run
from portal.records.edit import Editor
from portal.records.lost import settle_lost
from portal.records.models import Copy
from portal.records.pull import mirror_of
from portal.sync.tasks import resume_runs
from tests.portal.task_queue import queued

pytestmark = pytest.mark.django_db(transaction=True)
ADA = {"lastname": "Lovelace", "firstname": "Ada", "email": "ada@example.org"}
DYING = """
import os
from connectors.memory import Store, store
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.records.edit import Editor

class Dying(Store):
    def put(self, *args, **kwargs):
        os._exit(9)
    remove = put

store("memory").put("Contacts", {ada}, "c1")
store("memory").__class__ = Dying
connection = Connection.objects.get(name="north")
with open_connector(connection, purpose="person") as crm:
    editor = Editor(connection, crm, module_schema(connection, "Contacts", crm=crm))
    editor.{deed}
"""


@pytest.fixture(autouse=True)
def no_grace(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0


@pytest.fixture
def die(north: Connection, other_process: Callable[[str], subprocess.Popen[str]]) -> Callable[[str], Run]:
    """Return a function that has another process begin an edit of our ada and be killed while it is sent."""
    store("memory").put("Contacts", ADA, "c1")

    def begin(deed: str) -> Run:
        process = other_process(DYING.format(ada=ADA, deed=deed))
        assert process.wait(60) == 9
        run = Run.objects.get()
        assert (run.state, run.entries.get().state) == ("running", "sent")
        return run

    return begin


def settled(run: Run) -> tuple[str, str, str]:
    run.refresh_from_db()
    entry = run.entries.get()
    return run.state, entry.state, entry.reason


def test_a_change_that_arrived_is_done_though_its_process_died(die: Callable[[str], Run], north: Connection) -> None:
    mirror = mirror_of(north, "Contacts")
    run = die('change("c1", {"firstname": "Augusta"})')
    store("memory").put("Contacts", {"firstname": "Augusta"}, "c1")
    assert settle_lost() == 1 and settled(run) == ("succeeded", "done", "")
    assert run.entries.get().stored == {"firstname": "Augusta"} and run.finished_at is not None
    assert Copy.objects.get(mirror=mirror).values["firstname"] == "Augusta"
    assert settle_lost() == 0 and not Lease.objects.filter(name__startswith="edit:").exists()


def test_a_change_that_did_not_arrive_is_said_to_be_lost(die: Callable[[str], Run]) -> None:
    run = die('change("c1", {"firstname": "Augusta"})')
    settle_lost()
    assert settled(run) == ("failed", "failed", "edit_lost")
    assert store("memory").of("Contacts")[0].values["firstname"] == "Ada", "nothing is sent again"


def test_a_record_that_somebody_else_changed_too_waits_for_a_person(die: Callable[[str], Run]) -> None:
    run = die('change("c1", {"firstname": "Augusta"})')
    store("memory").put("Contacts", {"firstname": "Countess"}, "c1")
    settle_lost()
    assert settled(run) == ("partly_failed", "unknown", "edit_unknown")
    assert "Look at the record in the CRM" in run.message


def test_a_create_cannot_be_told_and_waits_for_a_person(die: Callable[[str], Run]) -> None:
    run = die('create({"lastname": "Byron"})')
    settle_lost()
    assert settled(run) == ("partly_failed", "unknown", "edit_unknown")
    assert len(store("memory").of("Contacts")) == 1, "nothing is sent again"


@pytest.mark.parametrize(
    ("is_gone", "ends"), [(True, ("succeeded", "done", "")), (False, ("failed", "failed", "edit_lost"))]
)
def test_a_deletion_is_told_by_whether_the_record_is_there(
    die: Callable[[str], Run], is_gone: bool, ends: tuple[str, str, str]
) -> None:
    run = die('delete("c1")')
    if is_gone:
        store("memory").remove("Contacts", "c1")
    settle_lost()
    assert settled(run) == ends


def test_a_crm_that_does_not_answer_is_asked_again_later_and_one_that_refuses_us_leaves_it_to_a_person(
    die: Callable[[str], Run],
) -> None:
    run = die('change("c1", {"firstname": "Augusta"})')
    store("memory").fail("get", Unavailable("The server is down."))
    settle_lost()
    run.refresh_from_db()
    assert run.state == "postponed" and run.not_before and run.not_before > timezone.now() and settle_lost() == 0
    Run.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    store("memory").fail("get", AuthError("No."))
    settle_lost()
    assert settled(run) == ("partly_failed", "unknown", "edit_unknown")


def test_what_was_never_sent_is_said_not_to_be(north: Connection) -> None:
    run = Run.objects.create(kind="edit", connection=north, actor="test")
    settle_lost()
    run.refresh_from_db()
    assert run.state == "failed" and "before anything was sent" in run.message


def test_an_edit_that_lives_or_that_was_sent_a_moment_ago_is_left_alone(
    die: Callable[[str], Run], settings: Any
) -> None:
    run = die('change("c1", {"firstname": "Augusta"})')
    settings.UNKNOWN_GRACE_SECONDS = 30
    assert settle_lost() == 0
    settings.UNKNOWN_GRACE_SECONDS = 0
    Lease.objects.filter(name=f"edit:{run.pk}").update(host="another machine", boot_id="")
    assert settle_lost() == 0


def test_whoever_looks_for_interrupted_runs_has_lost_edits_settled(die: Callable[[str], Run]) -> None:
    die('change("c1", {"firstname": "Augusta"})')
    resume_runs(at_once=True)
    assert [function for function, _ in queued()] == ["portal.sync.tasks.settle_edits"]


def unclear(north: Connection) -> Entry:
    """Create a record whose answer gets lost."""
    store("memory").fail("create", Unavailable("The line went dead.", maybe_done=True))
    with open_connector(north, purpose="person") as crm, pytest.raises(Unavailable):
        Editor(north, crm, module_schema(north, "Contacts", crm=crm)).create({"lastname": "Byron"})
    return Entry.objects.get(state="unknown")


@pytest.mark.parametrize(("answer", "ends"), [("yes", ("succeeded", "done")), ("no", ("failed", "failed"))])
def test_a_person_says_on_the_runs_page_whether_it_arrived(
    admin: Client, north: Connection, answer: str, ends: tuple[str, str]
) -> None:
    entry = unclear(north)
    page = admin.get(reverse("sync:run", args=[entry.run_id])).content.decode()
    assert "It arrived" in page and "It did not arrive" in page
    url = reverse("sync:settle", args=[entry.run_id, entry.pk])
    page = admin.post(url, {"arrived": answer}, follow=True).content.decode()
    assert "It arrived" not in page and settled(entry.run)[:2] == ends
    audit = AuditEntry.objects.get(action="settle_edit")
    assert audit.actor == "admin" and audit.changes["arrived"] is (answer == "yes")
    assert "settled meanwhile" in admin.post(url, {"arrived": "yes"}, follow=True).content.decode()
    assert settled(entry.run)[:2] == ends


def test_without_an_answer_nothing_is_settled(admin: Client, north: Connection) -> None:
    entry = unclear(north)
    admin.post(reverse("sync:settle", args=[entry.run_id, entry.pk]))
    assert settled(entry.run)[1] == "unknown"
