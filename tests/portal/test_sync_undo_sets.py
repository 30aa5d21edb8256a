"""A sync set's run taken back as one: its parts in reverse order, the next only once the one before is back whole."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connectors.errors import RecordInvalid
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping
from portal.sync.approve import approve
from portal.sync.run import SyncRefused, carry_out, request_stop, request_sync, work
from portal.sync.sets.start import request_set
from portal.sync.undo.start import request_undo
from tests.portal.set_world import PARENT, SetWorld
from tests.portal.test_sync_undo_whole import Guillotine, Killed, connection, expire_leases

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> SetWorld:
    """A company, somebody who works there, and a deal with both."""
    made = SetWorld()
    acme = made.company("Acme")
    made.deal("Boots", acme, made.person("ada", acme))
    return made


def sync(world: SetWorld) -> Run:
    for mapping in Mapping.objects.filter(state="paused"):
        pause_mapping(mapping, False, "test")
    return carry_out(request_set(world.set, actor="test", enqueue=False))


def undo(run: Run, **how: Any) -> Run:
    return carry_out(request_undo(run, actor="test", enqueue=False, **how))


def records(world: SetWorld) -> dict[str, int]:
    return {module: len(world.south.of(module)) for module in ("Accounts", "Contacts", "Deals")}


NONE = {"Accounts": 0, "Contacts": 0, "Deals": 0}
ALL = {"Accounts": 1, "Contacts": 1, "Deals": 1}


def test_the_parts_are_taken_back_in_reverse_order_and_nothing_comes_again(world: SetWorld) -> None:
    run = sync(world)
    taken = undo(run)
    assert (taken.state, taken.kind, taken.undoes, taken.counts["delete"]) == ("succeeded", "undo", run, 3)
    assert records(world) == NONE
    sent = Entry.objects.filter(run__parent=taken).order_by("sent_at", "pk").values_list("module", flat=True)
    assert list(sent) == ["Deals", "Contacts", "Accounts"]
    assert set(Mapping.objects.values_list("state", flat=True)) == {"paused"}
    again = sync(world)
    assert again.state == "succeeded" and not any(again.counts.values()) and records(world) == NONE


def test_the_whole_is_planned_first_and_approved_as_one(world: SetWorld) -> None:
    plan = undo(sync(world), plan_only=True)
    assert (plan.state, plan.is_plan, plan.counts["delete"]) == ("awaiting_approval", True, 3)
    assert records(world) == ALL and set(Mapping.objects.values_list("state", flat=True)) == {"active"}
    part = plan.children.order_by("pk")[0]
    with pytest.raises(SyncRefused, match="approve that one"):
        approve(part, actor="test", enqueue=False)
    done = carry_out(approve(plan, actor="test", enqueue=False))
    assert (done.pk, done.state, done.counts["delete"]) == (plan.pk, "succeeded", 3) and records(world) == NONE


def test_what_comes_before_a_part_that_was_not_taken_back_whole_is_left_and_said_so(world: SetWorld) -> None:
    run = sync(world)
    world.south.fail("delete", RecordInvalid("Not this deal."))
    taken = undo(run)
    assert taken.state == "partly_failed" and records(world) == ALL and "deals" in taken.message
    states = dict(taken.children.values_list("mapping_name", "state"))
    assert states == {"deals": "partly_failed", "contacts": "cancelled", "companies": "cancelled"}
    assert undo(run).state == "succeeded" and records(world) == NONE


def test_an_undo_of_a_set_can_itself_be_taken_back(world: SetWorld) -> None:
    taken = undo(sync(world))
    back = undo(taken)
    assert back.state == "succeeded" and back.counts["create"] == 3
    assert records(world) == ALL
    assert world.arrived("Contacts", "account") == {"Ada": "Acme"}
    assert world.arrived("Deals", "contact") == {"Boots": "Ada"}
    assert not any(sync(world).counts.values()) and records(world) == ALL


def test_a_set_that_is_taken_back_in_slices_and_killed_between_ends_the_same(world: SetWorld, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    run = sync(world)
    taken = request_undo(run, actor="test", enqueue=False)
    for statements in (20, 60, 90, 130, 180, 240, *[1_000_000] * 30):
        try:
            with connection.execute_wrapper(Guillotine(statements)):
                taken = work(taken.pk)
        except Killed:
            expire_leases()
        Run.objects.filter(state="postponed").update(not_before=None)
        if taken.state in Run.ENDED:
            break
    assert taken.state == "succeeded" and records(world) == NONE


def test_a_second_press_finds_the_first_and_a_stop_ends_all_of_it(world: SetWorld) -> None:
    run = sync(world)
    first = request_undo(run, actor="test", enqueue=False)
    assert request_undo(run, actor="test", enqueue=False) == first
    with pytest.raises(SyncRefused, match="taken back"):
        request_set(world.set, actor="test", enqueue=False)
    request_stop(first, None, actor="test")
    first.refresh_from_db()
    assert first.state == "cancelled" and set(first.children.values_list("state", flat=True)) == {"cancelled"}
    assert records(world) == ALL


def test_its_page_shows_the_parts_and_approves_them_as_one(world: SetWorld, admin: Client) -> None:
    run = sync(world)
    assert reverse("sync:undo", args=[run.pk]) in admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    asked = admin.get(reverse("sync:undo", args=[run.pk])).content.decode()
    assert "3 records</strong> that it made" in asked
    admin.post(reverse("sync:undo", args=[run.pk]), {"created": "delete"})
    plan = carry_out(Run.objects.get(undoes=run))
    text = admin.get(reverse("sync:run", args=[plan.pk])).content.decode()
    assert "Take it back now" in text and "Its mappings are paused" in text
    part = plan.children.order_by("pk")[0]
    text = admin.get(reverse("sync:run", args=[part.pk])).content.decode()
    assert "Take it back now" not in text
    admin.post(reverse("sync:approve", args=[plan.pk]))
    assert carry_out(Run.objects.get(pk=plan.pk)).state == "succeeded" and records(world) == NONE
    again = admin.post(reverse("sync:undo_again", args=[plan.pk]), follow=True).content.decode()
    assert "3 records are synced again" in again
    assert sync(world).counts["create"] == 3 and world.arrived("Deals", "contact") == {"Boots": "Ada"}


def emptied(world: SetWorld) -> Run:
    """Have a run of the set delete all three, as they were deleted at the source; return it."""
    for name in ("companies", "contacts", "deals"):
        world.say(name, delete_policy="delete")
    sync(world)
    for module in ("Deals", "Contacts", "Accounts"):
        for record in world.north.of(module):
            world.north.remove(module, record.id)
    run = sync(world)
    assert run.counts["delete"] == 3 and records(world) == NONE, run.message
    return run


def test_what_a_set_deleted_is_made_again_each_with_the_new_number_of_whom_it_refers_to(world: SetWorld) -> None:
    taken = undo(emptied(world))
    assert (taken.state, taken.counts["create"], taken.counts.get("left")) == ("succeeded", 3, None), taken.message
    assert world.arrived("Contacts", "account") == {"Ada": "Acme"}
    assert (world.arrived("Deals", "account"), world.arrived("Deals", "contact")) == (
        {"Boots": "Acme"},
        {"Boots": "Ada"},
    )
    again = sync(world)
    assert again.state == "succeeded" and not any(again.counts.values()) and records(world) == ALL


def test_after_an_approval_what_refers_to_what_was_made_again_waits_for_a_word_of_its_own(world: SetWorld) -> None:
    plan = undo(emptied(world), plan_only=True)
    assert plan.counts["create"] == 1 and plan.counts["left"] == 2
    made = []
    for _word in range(3):
        plan = carry_out(approve(plan, actor="test", enqueue=False))
        made.append(sum(records(world).values()))
    assert plan.state == "succeeded" and made == [1, 2, 3]
    assert world.arrived("Deals", "contact") == {"Boots": "Ada"}


def test_a_company_and_the_one_it_belongs_to_are_made_again_in_one_go(world: SetWorld) -> None:
    world.say("companies", PARENT, delete_policy="delete")
    [acme] = world.north.of("Accounts")
    branch = world.company("Branch", parent=acme.id)
    mapping = Mapping.objects.get(name="companies")

    def alone() -> Run:
        pause_mapping(Mapping.objects.get(pk=mapping.pk), False, "test")
        return carry_out(request_sync(Mapping.objects.get(pk=mapping.pk), actor="test", enqueue=False))

    assert alone().counts["create"] == 2
    for id in (branch, acme.id):
        world.north.remove("Accounts", id)
    run = alone()
    assert run.counts["delete"] == 2
    taken = undo(run)
    assert (taken.state, taken.counts["create"], taken.counts.get("left")) == ("succeeded", 2, None), taken.message
    assert world.arrived("Accounts", "parent") == {"Acme": None, "Branch": "Acme"}
