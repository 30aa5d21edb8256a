"""Approving a plan: what was shown is carried out, and nothing else is."""

from __future__ import annotations

import io
from collections.abc import Callable

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from connectors.errors import RecordInvalid, Unavailable
from connectors.memory import Store
from portal.accounts.models import User
from portal.ledger.models import AuditEntry, Entry, Run
from portal.mappings.models import Mapping
from portal.sync.approve import approve
from portal.sync.models import Link
from portal.sync.run import SyncRefused, carry_out, request_sync
from tests.portal.sync_world import RULES, World, emails, entries, person

pytestmark = pytest.mark.django_db(transaction=True)


def approved(run: Run) -> Run:
    """Approve a run as it waits, and carry it out."""
    return carry_out(approve(run, actor="test", enqueue=False))


def waiting(world: World) -> Run:
    run = world.sync()
    assert run.state == Run.State.AWAITING_APPROVAL
    return run


def test_what_was_shown_is_carried_out_in_the_same_run_and_who_approved_it_is_kept() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada", "bo")
    run = waiting(world)
    shown = [entry.pk for entry in entries("awaiting")]
    boss = User.objects.create_user("boss")
    ended = carry_out(approve(run, user=boss, actor="boss", enqueue=False))
    assert (ended.pk, ended.state, ended.counts["create"]) == (run.pk, "succeeded", 2)
    assert (ended.approved_by, ended.approve_all) == (boss, False) and ended.approved_at is not None
    assert [entry.pk for entry in entries("done")] == shown, "the very entries that were shown"
    assert emails(world.south) == ["ada@example.org", "bo@example.org"]
    audit = AuditEntry.objects.get(action="approve_run")
    assert (audit.user, audit.object_id, audit.changes["entries"]) == (boss, str(run.pk), 2)


def test_a_record_that_appeared_after_the_plan_was_shown_waits_for_a_word_of_its_own() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    world.add(world.north, "zoe")
    run = approved(run)
    assert run.state == "awaiting_approval" and emails(world.south) == ["ada@example.org"]
    assert [entry.label for entry in entries("awaiting")] == ["Test Zoe"] and "1" in run.message
    assert approved(run).state == "succeeded"
    assert emails(world.south) == ["ada@example.org", "zoe@example.org"]
    assert sum(world.sync().counts.values()) == 0


def test_a_record_that_was_changed_since_waits_again_with_its_new_values() -> None:
    world = World(guards={"creates": 0})
    ada, bo = world.add(world.north, "ada", "bo")
    run = waiting(world)
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    run = approved(run)
    assert run.state == "awaiting_approval" and emails(world.south) == ["bo@example.org"]
    (left,) = entries("awaiting")
    assert left.intended["firstname"] == "Augusta" and left.source_id == ada.id
    assert not Entry.objects.filter(state="awaiting").exclude(pk=left.pk).exists(), "the old one waits no more"


def test_a_change_that_does_not_touch_what_is_sent_needs_no_second_word() -> None:
    world = World(guards={"creates": 0})
    (ada,) = world.add(world.north, "ada")
    run = waiting(world)
    world.north.put("Contacts", {"notes": "no rule carries this"}, ada.id)
    assert approved(run).state == "succeeded" and emails(world.south) == ["ada@example.org"]


def updates(guards: dict[str, int]) -> tuple[World, Run]:
    """Return a world in step whose mapping waits with one update: ada's first name."""
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.say(guards=guards)
    world.sync()
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    return world, waiting(world)


def test_what_would_be_overwritten_must_be_what_was_shown_too() -> None:
    world, run = updates({"changes": 0})
    (theirs,) = world.south.of("Contacts")
    world.south.put("Contacts", {"firstname": "Edited there"}, theirs.id)
    run = approved(run)
    assert run.state == "awaiting_approval" and world.south.of("Contacts")[0].values["firstname"] == "Edited there"
    assert entries("awaiting")[0].before == {"firstname": "Edited there"}


def test_what_is_no_longer_to_be_done_is_not_done_and_waits_no_more() -> None:
    world, run = updates({"changes": 0})
    (ada,) = world.north.of("Contacts")
    world.north.put("Contacts", {"firstname": "Test"}, ada.id)
    assert approved(run).state == "succeeded"
    assert world.south.of("Contacts")[0].values["firstname"] == "Test"
    assert not Entry.objects.filter(state="awaiting").exists() and not Entry.objects.filter(
        action="update", state="done"
    )


def test_a_pair_that_was_matched_is_linked_with_the_rest() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada", "bo")
    world.add(world.south, "bo")
    run = waiting(world)
    assert approved(run).state == "succeeded"
    assert [entry.reason for entry in entries("skipped")] == ["matched"] and Link.objects.count() == 2


def test_after_a_new_version_of_the_mapping_all_of_it_waits_again() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    world.say(guards={"creates": 0}, rules=RULES[1:] + RULES[:1])
    run = approved(run)
    assert run.state == "awaiting_approval" and emails(world.south) == []
    assert run.mapping_version == world.mapping.version == 2
    assert approved(run).state == "succeeded" and emails(world.south) == ["ada@example.org"]


def test_a_create_whose_answer_was_lost_is_looked_up_and_sent_again_under_the_same_approval(settings: object) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0  # type: ignore[attr-defined]
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    world.south.fail("create", Unavailable("The line went dead.", maybe_done=True))
    assert approved(run).state == "succeeded" and emails(world.south) == ["ada@example.org"]


def test_the_rest_waits_though_the_crm_refused_some_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    world.add(world.north, "zoe")
    world.south.fail("create", RecordInvalid("No."))
    run = approved(run)
    assert run.state == "awaiting_approval" and run.counts["failed"] == 1 and "refused" in run.message


def test_only_a_run_that_waits_can_be_approved_and_only_once() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    assert run.counts["create"] == 1, "what it would do"
    assert approve(run, actor="test", enqueue=False).counts["create"] == 0, "what it did"
    with pytest.raises(SyncRefused, match="waits no longer"):
        approve(run, actor="test", enqueue=False)
    newer = carry_out(run)
    with pytest.raises(SyncRefused, match="waits no longer"):
        approve(newer, actor="test", enqueue=False)


def test_a_plan_that_a_newer_run_replaced_cannot_be_approved() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    request_sync(world.mapping, actor="test", enqueue=False)
    with pytest.raises(SyncRefused):
        approve(run, actor="test", enqueue=False)


def test_a_paused_mapping_carries_nothing_out() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    Mapping.objects.update(state="paused")
    with pytest.raises(SyncRefused, match="paused"):
        approve(run, actor="test", enqueue=False)
    run.refresh_from_db()
    assert run.state == "awaiting_approval" and emails(world.south) == []


class Busy(Store):
    """Somebody adds a person while we write the first one."""

    added: Callable[[], object] | None = None

    def put(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        if self.added is not None:
            add, self.added = self.added, None
            add()
        return super().put(*args, **kwargs)  # type: ignore[arg-type]


def test_what_changes_between_plan_and_sending_is_compared_once_more() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, *(f"p{n}" for n in range(3)))
    run = waiting(world)
    approve(run, actor="test", enqueue=False)
    last = world.north.of("Contacts")[-1]
    world.south.__class__ = Busy
    # Our own copy changes while the first record is sent: that is what a pull of another mapping does.
    world.south.added = lambda: _store_changed(last.id)  # type: ignore[attr-defined]
    run = carry_out(run)
    assert run.state == "awaiting_approval" and len(emails(world.south)) == 2
    assert [entry.intended["firstname"] for entry in entries("awaiting")] == ["Meanwhile"]


def _store_changed(id: str) -> None:
    from connectors.types import Change, Record
    from portal.records.models import Mirror
    from portal.records.store import store_changes

    changed = Record("Contacts", id, {**person("p2"), "firstname": "Meanwhile"})
    store_changes(Mirror.objects.get(connection__name="north"), [Change(id, changed)])


def command(*words: str) -> tuple[dict[str, object], int]:
    out = io.StringIO()
    try:
        call_command("sync", "contacts", *words, json=True, stdout=out)
    except SystemExit as e:
        return orjson.loads(out.getvalue()), int(e.code or 0)
    return orjson.loads(out.getvalue()), 0


def test_the_command_approves_a_run_and_ends_with_3_when_a_rest_waits() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    told, code = command()
    assert code == 3
    world.add(world.north, "zoe")
    told, code = command("--approve", str(told["id"]))
    assert (told["state"], code) == ("awaiting_approval", 3) and emails(world.south) == ["ada@example.org"]
    told, code = command("--approve", str(told["id"]))
    assert (told["state"], code) == ("succeeded", 0)
    with pytest.raises(CommandError) as e:
        command("--approve", str(told["id"]))
    assert e.value.returncode == 2 and "waits no longer" in str(e.value)
    with pytest.raises(CommandError) as e:
        command("--approve", "999")
    assert e.value.returncode == 2 and "no run 999" in str(e.value)


def test_the_page_approves_what_it_shows(admin: Client) -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    page = admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert "nothing was sent yet" in page and reverse("sync:approve", args=[run.pk]) in page
    world.add(world.north, "zoe")
    answer = admin.post(reverse("sync:approve", args=[run.pk]), follow=True)
    assert "waiting for a worker" in answer.content.decode()
    run = carry_out(Run.objects.get(pk=run.pk))
    page = admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert "What was approved is done." in page and "approved by admin" in page
    assert emails(world.south) == ["ada@example.org"]


def test_the_page_says_so_when_somebody_else_was_faster(admin: Client) -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    approved(run)
    answer = admin.post(reverse("sync:approve", args=[run.pk]), follow=True)
    assert "waits no longer" in answer.content.decode()
    assert emails(world.south) == ["ada@example.org"]


def test_who_may_only_look_cannot_approve(client: Client) -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = waiting(world)
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.post(reverse("sync:approve", args=[run.pk])).status_code == 403
