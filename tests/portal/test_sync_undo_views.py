"""Taking a run back from its page: asked, shown field by field, approved."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from connectors.errors import RecordInvalid
from portal.accounts.models import User
from portal.ledger.models import Entry, Run
from portal.sync.run import carry_out
from tests.portal.sync_world import World
from tests.portal.test_sync_undo import names, renamed, resumed, there, undo

pytestmark = pytest.mark.django_db(transaction=True)


def page(client: Client, name: str, run: Run) -> str:
    return client.get(reverse(name, args=[run.pk])).content.decode()


def asked(client: Client, run: Run, **said: str) -> Run:
    """Press “Show the plan” and carry the plan out as the qcluster does."""
    answer = client.post(reverse("sync:undo", args=[run.pk]), said)
    plan = Run.objects.filter(kind="undo").order_by("pk").last()
    assert plan is not None and answer.url == reverse("sync:run", args=[plan.pk])  # type: ignore[attr-defined]
    return carry_out(plan)


def test_a_run_that_wrote_something_offers_to_be_taken_back(admin: Client) -> None:
    world, run = renamed()
    assert reverse("sync:undo", args=[run.pk]) in page(admin, "sync:run", run)
    nothing = world.sync()
    assert reverse("sync:undo", args=[nothing.pk]) not in page(admin, "sync:run", nothing)
    assert "wrote nothing" in page(admin, "sync:undo", nothing)


def test_the_page_says_what_it_would_do_before_anything_is_planned(admin: Client) -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    text = page(admin, "sync:undo", world.sync())
    assert "2 records</strong> that it made" in text and "is paused" in text and 'value="keep"' in text
    assert not Run.objects.filter(kind="undo").exists()


def test_the_plan_shows_field_by_field_what_is_restored_and_what_is_left_and_why(admin: Client) -> None:
    world, run = renamed()
    world.south.put("Contacts", {"firstname": "By hand"}, there(world, "bo").id)
    plan = asked(admin, run)
    text = page(admin, "sync:run", plan)
    assert "Take it back now" in text and "nothing was sent yet" in text
    assert "Somebody changed it since" in text and "By hand" in text and "Before the run" in text
    assert "Restored to" in text and set(names(world).values()) == {"New", "By hand", "Test"}
    admin.post(reverse("sync:approve", args=[plan.pk]))
    plan.refresh_from_db()
    assert carry_out(plan).state == "succeeded" and names(world)["ada@example.org"] == "Test"
    text = page(admin, "sync:run", plan)
    assert "The mapping is paused" in text and "left as they are" in text.lower()
    assert "Taken back by" in page(admin, "sync:run", run)


def test_created_records_are_kept_where_the_person_chose_so(admin: Client) -> None:
    world = World()
    world.add(world.north, "ada")
    plan = asked(admin, world.sync(), created="keep")
    assert plan.keep_created and plan.state == "succeeded" and len(names(world)) == 1


def test_a_plan_may_be_dropped(admin: Client) -> None:
    _world, run = renamed()
    plan = asked(admin, run)
    admin.post(reverse("sync:stop", args=[plan.pk]))
    plan.refresh_from_db()
    assert plan.state == "cancelled"


def test_the_lists_tell_an_undo_from_a_sync(admin: Client) -> None:
    _world, run = renamed()
    taken = undo(run)
    text = admin.get(reverse("sync:runs")).content.decode()
    assert f"#{taken.pk} contacts, takes back #{run.pk}" in text


def test_who_may_only_look_can_neither_ask_nor_press(client: Client) -> None:
    _world, run = renamed()
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(reverse("sync:undo", args=[run.pk])).status_code == 403
    assert client.post(reverse("sync:undo", args=[run.pk])).status_code == 403


def test_what_rests_is_synced_again_once_a_person_says_so(admin: Client) -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    taken = undo(world.sync())
    text = page(admin, "sync:run", taken)
    assert text.count("Sync it again") == 2 and "Sync all of them again" in text
    entry = Entry.objects.get(run=taken, label="Test Bo")
    again = reverse("sync:undo_again", args=[taken.pk])
    assert "1 record is synced again" in admin.post(again, {"entry": entry.pk}, follow=True).content.decode()
    assert resumed(world).counts["create"] == 1 and list(names(world)) == ["bo@example.org"]
    admin.post(again)
    assert resumed(world).counts["create"] == 1 and len(names(world)) == 2
    assert "Sync it again" not in page(admin, "sync:run", taken)


def test_a_person_who_may_only_look_cannot_have_it_synced_again(client: Client) -> None:
    world = World()
    world.add(world.north, "ada")
    taken = undo(world.sync())
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.post(reverse("sync:undo_again", args=[taken.pk])).status_code == 403


def test_what_could_not_be_restored_waits_for_nobody_and_says_how_to_go_on(admin: Client) -> None:
    world, run = renamed()
    world.south.fail("update", RecordInvalid("No."))
    taken = undo(run)
    assert taken.state == "partly_failed" and "take the run back once more" in page(admin, "sync:run", taken)
    shown = admin.get(reverse("mappings:show", args=["contacts"])).content.decode()
    assert reverse("sync:inbox") + "?mapping=contacts" not in shown
