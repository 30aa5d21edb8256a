"""A sync set's run: companies, contacts and deals as one, in their order, whatever happens on the way."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import AuthError, RecordInvalid, Unavailable
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.approve import approve
from portal.sync.lines import entry_lines
from portal.sync.run import SyncRefused, carry_out, request_stop, request_sync, work
from portal.sync.sets.start import request_set
from tests.portal.set_world import MAIN_CONTACT, NAME, PARENT, SetWorld
from tests.portal.sync_world import entries

pytestmark = pytest.mark.django_db(transaction=True)


def sync(world: SetWorld, **how: object) -> Run:
    return carry_out(request_set(world.set, actor="test", enqueue=False, **how))  # type: ignore[arg-type]


def parts(run: Run) -> dict[str, str]:
    """Return the state of each part, in the order in which they began."""
    return dict(run.children.order_by("pk").values_list("mapping_name", "state"))


@pytest.fixture
def world() -> SetWorld:
    """A company, somebody who works there, and a deal with both."""
    made = SetWorld()
    acme = made.company("Acme")
    made.deal("Boots", acme, made.person("ada", acme))
    return made


def test_three_mappings_arrive_in_one_run_each_record_with_what_it_refers_to(world: SetWorld) -> None:
    run = sync(world)
    assert run.state == "succeeded" and run.counts["create"] == 3 and not run.counts["blocked"]
    assert parts(run) == {"companies": "succeeded", "contacts": "succeeded", "deals": "succeeded"}
    assert world.arrived("Contacts", "account") == {"Ada": "Acme"}
    assert (world.arrived("Deals", "account"), world.arrived("Deals", "contact")) == (
        {"Boots": "Acme"},
        {"Boots": "Ada"},
    )
    assert not entries("blocked")


def test_a_second_run_over_nothing_new_does_nothing_and_asks_each_crm_once_a_module(world: SetWorld) -> None:
    sync(world)
    run = sync(world)
    assert run.state == "succeeded" and not any(run.counts.values()) and run.calls == 6
    assert not Entry.objects.filter(run__parent=run).exists()


def test_records_of_a_circle_arrive_in_one_run_too(world: SetWorld) -> None:
    world.say("companies", MAIN_CONTACT, PARENT)
    [acme] = world.north.of("Accounts")
    [ada] = world.north.of("Contacts")
    top = world.company("Top", contact=ada.id)
    world.north.put("Accounts", {"contact": ada.id, "parent": top}, acme.id)
    run = sync(world)
    assert run.state == "succeeded" and not entries("blocked")
    assert world.arrived("Accounts", "contact") == {"Acme": "Ada", "Top": "Ada"}
    assert world.arrived("Accounts", "parent") == {"Acme": "Top", "Top": None}
    assert not any(sync(world).counts.values())


def test_what_needs_a_part_that_failed_does_not_begin_and_what_does_not_goes_on(world: SetWorld) -> None:
    world.say("deals", rules=(NAME,))
    world.south.fail("changes", AuthError("Wrong key."), times=1)
    run = sync(world)
    assert run.state == "partly_failed"
    assert parts(run) == {"companies": "failed", "contacts": "cancelled", "deals": "succeeded"}
    assert "companies" in run.children.get(mapping_name="contacts").message and "Wrong key" in run.message
    assert len(world.south.of("Deals")) == 1
    assert sync(world).state == "succeeded" and world.arrived("Contacts", "account") == {"Ada": "Acme"}


def test_a_mapping_that_is_run_alone_just_then_is_waited_for(world: SetWorld) -> None:
    alone = request_sync(Mapping.objects.get(name="companies"), actor="test", enqueue=False)
    run = request_set(world.set, actor="test", enqueue=False)
    run = work(run.pk)
    assert run.state == "postponed" and not world.south.of("Accounts") and "companies" in run.message
    carry_out(alone)
    Run.objects.filter(pk=run.pk).update(not_before=None)
    assert carry_out(run).state == "succeeded"
    assert len(world.south.of("Accounts")) == 1 and run.children.count() == 3


def test_a_person_who_runs_a_part_alone_finds_the_run_of_the_set_and_sends_nothing_before_the_rest_is_planned(
    world: SetWorld, settings: Any
) -> None:
    settings.SLICE_SECONDS = 0
    run = request_set(world.set, actor="test", enqueue=False)
    while not run.children.exists():
        run = work(run.pk)
    part = request_sync(Mapping.objects.get(name="companies"), actor="test", enqueue=False)
    assert part.parent == run
    while run.children.count() < 3:
        work(part.pk)
        assert not world.south.of("Accounts")
    settings.SLICE_SECONDS = 20
    assert carry_out(part).state == "succeeded" and carry_out(run).state == "succeeded"
    assert world.arrived("Deals", "contact") == {"Boots": "Ada"} and Run.objects.count() == 4


def test_a_run_that_is_stopped_is_stopped_as_one_whichever_part_was_meant(world: SetWorld) -> None:
    run = sync(world, plan_only=True)
    part = run.children.get(mapping_name="contacts")
    request_stop(part, None, actor="test")
    run.refresh_from_db()
    assert run.state == "cancelled" and set(parts(run).values()) == {"cancelled"}
    assert not world.south.of("Accounts")
    assert sync(world).state == "succeeded", "nothing of it holds the next one up"


def test_a_crm_that_is_down_for_a_moment_postpones_the_whole_and_it_goes_on(world: SetWorld) -> None:
    world.south.fail("changes", Unavailable("Down.", retry_after=1.0), times=1)
    run = sync(world)
    assert run.state == "succeeded" and world.arrived("Deals", "contact") == {"Boots": "Ada"}


def test_one_refused_record_fails_a_part_partly_and_the_rest_goes_on(world: SetWorld) -> None:
    world.person("bo")
    world.south.fail("create", RecordInvalid("No such company.", fields={"name": "no"}), times=1)
    run = sync(world)
    assert run.state == "partly_failed" and (run.counts["failed"], run.counts["create"]) == (1, 1)
    assert parts(run) == {"companies": "partly_failed", "contacts": "succeeded", "deals": "succeeded"}
    assert world.arrived("Contacts", "account") == {"Bo": None}


def test_the_plan_of_a_set_shows_what_its_other_parts_will_make_and_is_carried_out_as_shown(world: SetWorld) -> None:
    run = sync(world, plan_only=True)
    assert run.state == "awaiting_approval" and run.counts["create"] == 3 and not run.counts["blocked"]
    assert set(parts(run).values()) == {"awaiting_approval"}
    shown = {entry.pk: entry for entry in entries("awaiting")}
    [ada] = [line for line in entry_lines(shown.values()) if line.name == "Ada"]
    assert [f.intended for f in ada.fields if f.name == "account"] == ["(will be made by companies)"]
    assert not any(crm for crm in (world.south.of(m) for m in ("Accounts", "Contacts", "Deals")))
    run = approved(run)
    assert run.state == "succeeded" and run.counts["create"] == 3
    assert {entry.pk for entry in entries("done")} == shown.keys(), "the very entries that were shown"
    assert world.arrived("Deals", "contact") == {"Boots": "Ada"} and world.arrived("Contacts", "account") == {
        "Ada": "Acme"
    }
    assert not any(sync(world).counts.values())


def test_a_guard_of_one_part_stops_all_of_them_before_anything_is_sent(world: SetWorld) -> None:
    world.say("deals", guards={"creates": 0})
    run = sync(world)
    assert run.state == "awaiting_approval" and "deals" in run.message and "1" in run.message
    assert set(parts(run).values()) == {"awaiting_approval"} and not world.south.of("Accounts")
    assert sync(world, approve_all=True).state == "succeeded"


def test_what_is_new_since_the_plan_was_shown_waits_again_and_the_rest_is_carried_out(world: SetWorld) -> None:
    run = sync(world, plan_only=True)
    zoe = world.person("zoe", world.company("Globex"))
    run = approved(run)
    assert run.state == "awaiting_approval" and world.arrived("Contacts", "account") == {"Ada": "Acme"}
    assert sorted(entry.label for entry in entries("awaiting")) == ["Globex"]
    assert [entry.source_id for entry in entries("blocked")] == [zoe]
    approved(run)
    assert "Globex" in world.arrived("Accounts", "contact")


def test_a_matched_record_is_referred_to_by_its_id_and_linked_first(world: SetWorld) -> None:
    there = world.south.put("Accounts", {"name": "Acme"})
    run = sync(world, plan_only=True)
    [ada] = [line for line in entry_lines(entries("awaiting")) if line.name == "Ada"]
    assert [f.intended for f in ada.fields if f.name == "account"] == [f"{there.id} (will be linked by companies)"]
    assert approved(run).state == "succeeded" and world.arrived("Contacts", "account") == {"Ada": "Acme"}


def test_what_follows_later_in_a_circle_goes_under_the_same_approval(world: SetWorld) -> None:
    world.say("companies", MAIN_CONTACT, PARENT)
    [acme] = world.north.of("Accounts")
    [ada] = world.north.of("Contacts")
    world.north.put("Accounts", {"contact": ada.id, "parent": world.company("Top")}, acme.id)
    run = sync(world, plan_only=True)
    told = {line.name: line.later for line in entry_lines(entries("awaiting"))}
    assert len(told["Acme"]) == 2 and not told["Ada"]
    run = approved(run)
    assert run.state == "succeeded" and not entries("blocked", "awaiting")
    assert (
        world.arrived("Accounts", "contact")["Acme"] == "Ada" and world.arrived("Accounts", "parent")["Acme"] == "Top"
    )


def test_a_record_whose_promise_is_not_kept_is_never_sent(world: SetWorld) -> None:
    run = sync(world, plan_only=True)
    world.south.fail("create", RecordInvalid("No such company.", fields={"name": "no"}), times=1)
    run = approved(run)
    assert run.state == "partly_failed" and not world.south.of("Contacts")
    assert {entry.reason for entry in entries("blocked")} == {"no_partner"}
    Entry.objects.filter(state="failed").update(next_try="2020-01-01T00:00Z")
    assert sync(world).state == "succeeded" and world.arrived("Deals", "contact") == {"Boots": "Ada"}


def test_a_run_of_one_part_alone_takes_the_place_of_the_whole_plan_and_a_part_is_not_approved_by_itself(
    world: SetWorld,
) -> None:
    run = sync(world, plan_only=True)
    with pytest.raises(SyncRefused, match=str(run.pk)):
        approve(run.children.get(mapping_name="contacts"), actor="test")
    carry_out(request_sync(Mapping.objects.get(name="companies"), actor="test", enqueue=False))
    run.refresh_from_db()
    assert run.state == "cancelled" and "companies" in run.message and "awaiting_approval" not in parts(run).values()
    with pytest.raises(SyncRefused, match="no longer"):
        approve(run, actor="test")


def approved(run: Run) -> Run:
    return carry_out(approve(run, actor="test", enqueue=False))


def test_a_part_whose_crm_is_down_for_long_is_waited_for_by_those_that_need_it_and_by_no_others(
    world: SetWorld,
) -> None:
    world.say("deals", rules=(NAME,))
    world.south.fail("create", Unavailable("Down for hours.", retry_after=3600.0), times=1)
    run = sync(world)
    assert run.state == "postponed" and run.not_before is not None and "hours" in run.message
    assert parts(run) == {"companies": "postponed", "contacts": "queued", "deals": "succeeded"}
    assert [len(world.south.of(m)) for m in ("Accounts", "Contacts", "Deals")] == [0, 0, 1]
    Run.objects.update(not_before=None)
    run = carry_out(run)
    assert run.state == "succeeded" and world.arrived("Contacts", "account") == {"Ada": "Acme"}


def test_a_part_that_cannot_be_planned_in_time_is_left_out_of_a_plan_that_needs_a_word(world: SetWorld) -> None:
    world.say("deals", rules=(NAME,), guards={"creates": 0})
    world.south.fail("changes", Unavailable("Down for hours.", retry_after=3600.0), times=1)
    run = sync(world)
    assert run.state == "awaiting_approval"
    assert parts(run) == {"companies": "cancelled", "deals": "awaiting_approval", "contacts": "cancelled"}
    assert "hours" in run.children.get(mapping_name="companies").message
    run = approved(run)
    assert run.state == "partly_failed" and len(world.south.of("Deals")) == 1
    assert sync(world).state == "succeeded" and world.arrived("Contacts", "account") == {"Ada": "Acme"}


def test_mappings_of_both_ways_bring_new_records_of_either_side_with_what_they_refer_to(world: SetWorld) -> None:
    for name in ("companies", "contacts"):
        world.say(name, direction="both")
    there = world.south.put("Accounts", {"name": "Globex"})
    world.south.put("Contacts", {"lastname": "Bo", "email": "bo@example.org", "account": there.id})
    run = sync(world, plan_only=True)
    assert run.counts["create"] == 5 and not run.counts["blocked"]
    assert approved(run).state == "succeeded"
    assert world.arrived("Contacts", "account") == {"Ada": "Acme", "Bo": "Globex"}
    names = {record.id: record.values["name"] for record in world.north.of("Accounts")}
    found = {r.values["lastname"]: names[str(r.values["account"])] for r in world.north.of("Contacts")}
    assert found == {"Ada": "Acme", "Bo": "Globex"}
    assert not any(sync(world).counts.values())
