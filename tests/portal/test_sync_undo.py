"""Taking a run back: what still holds what the run left in it is as it was before, and the rest is listed."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from connectors.errors import RecordInvalid, Unavailable
from connectors.types import Change, Record
from portal.ledger.models import AuditEntry, Entry, Run
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping
from portal.records.models import Mirror
from portal.records.store import store_changes
from portal.sync.approve import approve
from portal.sync.models import Base, Link
from portal.sync.run import SyncRefused, carry_out, request_sync
from portal.sync.undo.start import request_undo
from tests.portal.sync_world import World, emails, person

pytestmark = pytest.mark.django_db(transaction=True)


def undo(run: Run, **how: Any) -> Run:
    """Take a run back in this process."""
    return carry_out(request_undo(run, actor="test", enqueue=False, **how))


def resumed(world: World) -> Run:
    """Resume the mapping, and run it."""
    world.mapping.refresh_from_db()
    pause_mapping(world.mapping, False, "test")
    return world.sync()


def names(world: World) -> dict[str, str]:
    """Return e-mail -> first name of everybody in the target CRM."""
    return {r.values["email"]: r.values["firstname"] for r in world.south.of("Contacts")}


def there(world: World, name: str) -> Record:
    return next(r for r in world.south.of("Contacts") if r.values["email"] == f"{name}@example.org")


def in_step(**said: Any) -> tuple[World, list[Record]]:
    """Return a world in which ada, bo and cy are on both sides."""
    world = World(**said)
    people = world.add(world.north, "ada", "bo", "cy")
    world.sync()
    return world, people


def renamed(**said: Any) -> tuple[World, Run]:
    """Return a world in which a run renamed ada and bo."""
    world, (ada, bo, _cy) = in_step(**said)
    for record in (ada, bo):
        world.north.put("Contacts", {"firstname": "New"}, record.id)
    return world, world.sync()


def left(run: Run) -> dict[str, str]:
    """Return who is left as he is, and why."""
    return {e.label: e.reason for e in Entry.objects.filter(run=run, state="skipped", superseded_by=None)}


def test_an_update_is_restored_where_the_record_still_holds_what_was_stored() -> None:
    world, run = renamed()
    world.south.put("Contacts", {"firstname": "By hand"}, there(world, "bo").id)
    taken = undo(run)
    assert (taken.state, taken.kind, taken.undoes) == ("succeeded", "undo", run)
    assert names(world) == {"ada@example.org": "Test", "bo@example.org": "By hand", "cy@example.org": "Test"}
    assert taken.counts["update"] == 1 and left(taken) == {"New Bo": "edited_since"}
    entry = Entry.objects.get(run=taken, state="skipped")
    assert entry.evidence["edits"] == {"firstname": {"stored": "New", "now": "By hand", "before": "Test"}}


def test_the_next_run_neither_repeats_what_was_taken_back_nor_sends_anything() -> None:
    world, run = renamed()
    undo(run)
    again = resumed(world)
    assert again.state == "succeeded" and sum(again.counts.values()) == 0
    assert set(names(world).values()) == {"Test"}


def test_an_edit_of_the_source_that_came_after_the_run_is_still_carried_over() -> None:
    world, run = renamed()
    ada = world.north.of("Contacts")[0]
    world.north.put("Contacts", {"firstname": "Newer"}, ada.id)
    undo(run)
    again = resumed(world)
    assert again.counts["update"] == 1
    assert names(world) == {"ada@example.org": "Newer", "bo@example.org": "Test", "cy@example.org": "Test"}


def test_the_mapping_is_paused_and_says_why() -> None:
    world, run = renamed()
    taken = undo(run)
    world.mapping.refresh_from_db()
    assert world.mapping.state == Mapping.State.PAUSED
    assert str(run.pk) in world.mapping.paused_reason and str(taken.pk) in world.mapping.paused_reason
    with pytest.raises(SyncRefused, match="paused"):
        request_sync(world.mapping, actor="test", enqueue=False)
    assert AuditEntry.objects.filter(action="undo_run", object_id=str(run.pk)).exists()


def test_a_created_record_that_nobody_changed_is_deleted_and_its_pair_rests() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    run = world.sync()
    world.south.put("Contacts", {"notes": "called her"}, there(world, "bo").id)
    taken = undo(run)
    assert (taken.state, taken.counts["delete"]) == ("succeeded", 1)
    assert emails(world.south) == ["bo@example.org"] and left(taken) == {"Test Bo": "edited_since"}
    assert sorted(Link.objects.values_list("state", flat=True)) == ["linked", "retired"]
    assert sum(resumed(world).counts.values()) == 0
    assert emails(world.south) == ["bo@example.org"], "not made a second time"
    world.north.put("Contacts", {"firstname": "Changed"}, world.north.of("Contacts")[0].id)
    world.say(delete_policy="delete", guards={})
    assert sum(world.sync().counts.values()) == 0, "not even when its source changes, or with a new version"


def test_created_records_may_be_kept_and_stay_in_step() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    taken = undo(world.sync(), keep_created=True)
    assert emails(world.south) == ["ada@example.org"] and left(taken) == {"Test Ada": "kept_as_asked"}
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    assert resumed(world).counts["update"] == 1


def test_a_retired_pair_is_not_matched_by_key_with_a_record_made_by_hand() -> None:
    world = World()
    world.add(world.north, "ada")
    undo(world.sync())
    world.add(world.south, "ada")
    again = resumed(world)
    assert sum(again.counts.values()) == 0 and Link.objects.get().state == "retired"


def test_in_a_two_way_mapping_a_record_with_the_key_of_a_resting_one_waits_for_a_person() -> None:
    world = World(direction="both")
    world.add(world.north, "ada")
    undo(world.sync())
    world.add(world.south, "ada")
    again = resumed(world)
    assert again.counts["conflict"] == 1 and not again.counts["create"] and Link.objects.get().state == "retired"
    assert Entry.objects.get(run=again).reason == "match_taken"


def test_in_a_two_way_mapping_nothing_comes_back_from_either_side() -> None:
    world = World(direction="both")
    world.add(world.north, "ada")
    world.add(world.south, "zoe")
    taken = undo(world.sync())
    assert taken.counts["delete"] == 2
    assert (emails(world.north), emails(world.south)) == (["ada@example.org"], ["zoe@example.org"])
    assert sum(resumed(world).counts.values()) == 0
    assert (emails(world.north), emails(world.south)) == (["ada@example.org"], ["zoe@example.org"])


def deleted(**said: Any) -> tuple[World, Run, Record]:
    """Return a world in which a run deleted ada, as she was deleted at the source."""
    world, (ada, _bo, _cy) = in_step(delete_policy="delete", **said)
    her = there(world, "ada")
    world.south.put("Contacts", {"notes": "a note", "tags": ["A", "B"]}, her.id)
    world.north.remove("Contacts", ada.id)
    run = world.sync()
    assert run.counts["delete"] == 1
    return world, run, her


def test_a_deleted_record_is_made_again_from_what_it_held_and_its_pair_rests() -> None:
    world, run, her = deleted()
    taken = undo(run)
    made = there(world, "ada")
    assert (taken.state, taken.counts["create"]) == ("succeeded", 1) and made.id != her.id
    assert (made.values["notes"], made.values["tags"]) == ("a note", ["A", "B"])
    assert made.values["firstname"] == "Test"
    link = Link.objects.get(state="retired")
    assert made.id in (link.left_id, link.right_id)
    assert sum(resumed(world).counts.values()) == 0 and there(world, "ada").id == made.id


def test_a_record_that_somebody_made_again_by_hand_is_not_made_twice() -> None:
    world, run, _her = deleted()
    world.add(world.south, "ada")
    taken = undo(run)
    assert left(taken) == {"Test Ada": "has_twin"} and emails(world.south).count("ada@example.org") == 1


def test_a_deleted_record_that_came_back_in_the_crm_is_not_deleted_once_more() -> None:
    world, run, her = deleted()
    world.south.put("Contacts", dict(her.values), her.id)
    undo(run)
    assert Link.objects.filter(state="retired").count() == 1
    resumed(world)
    assert there(world, "ada").id == her.id


def test_what_referred_to_a_record_that_was_deleted_too_gets_its_new_number() -> None:
    world, run, her = deleted()
    account = world.south.put("Accounts", {"name": "Acme"})
    Entry.objects.filter(run=run, action="delete").update(before={**her.values, "account": account.id})
    mirror = Mirror.objects.create(connection=world.connections["south"], module="Accounts")
    store_changes(mirror, [Change(account.id, account)])
    assert made_with(world, run) == account.id, "it is there"
    world.south.remove("Accounts", account.id)
    store_changes(mirror, [Change(account.id)])
    assert made_with(world, run) is None, "somebody deleted it for good"
    other = Run.objects.create(kind="sync", state="succeeded", actor="test")
    theirs = Entry(run=other, action="delete", state="done", connection=mirror.connection, module="Accounts")
    theirs.number, theirs.record_id = 98, account.id
    theirs.save()
    taken = plan_of(run)
    assert left(taken)["Test Ada"] == "refers_to_deleted"
    Entry.objects.create(
        run=taken, number=99, action="create", state="done", connection=mirror.connection, module="Accounts",
        record_id="77", undoes=theirs,
    )  # fmt: skip
    assert made_with(world, run) == "77"


def plan_of(run: Run) -> Run:
    """Return a new plan of taking the run back."""
    return undo(run, plan_only=True)


def made_with(world: World, run: Run) -> str | None:
    """Return the account with which ada would be made again."""
    entry = Entry.objects.get(run=plan_of(run), action="create", state="awaiting")
    found: str | None = entry.intended.get("account")
    return found


def test_a_merely_matched_pair_stays_linked() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    (ada,) = world.add(world.south, "ada")
    world.south.put("Contacts", {"firstname": "Before"}, ada.id)
    taken = undo(world.sync())
    assert (taken.counts["update"], taken.counts["delete"]) == (1, 1)
    assert names(world) == {"ada@example.org": "Before"}
    assert Link.objects.get(state="linked").right_id == ada.id
    assert sum(resumed(world).counts.values()) == 0 and names(world) == {"ada@example.org": "Before"}


def test_what_the_server_stored_differently_is_compared_with_what_it_stored() -> None:
    world, (ada, _bo, _cy) = in_step()
    world.north.put("Contacts", {"firstname": "New"}, ada.id)
    run = world.sync()
    entry = Entry.objects.get(run=run, action="update")
    Entry.objects.filter(pk=entry.pk).update(stored={"firstname": "NEW."}, state="stored_differently")
    world.south.put("Contacts", {"firstname": "NEW."}, there(world, "ada").id)
    assert undo(run).counts["update"] == 1 and there(world, "ada").values["firstname"] == "Test"


def test_a_record_that_is_as_it_was_already_is_left_alone() -> None:
    world, run = renamed()
    undo(run)
    again = undo(run)
    assert again.state == "succeeded" and set(left(again).values()) == {"as_before"}


def test_the_plan_is_shown_first_and_touches_nothing() -> None:
    world, run = renamed()
    plan = undo(run, plan_only=True)
    assert (plan.state, plan.is_plan, plan.counts["update"]) == ("awaiting_approval", True, 2)
    assert set(names(world).values()) == {"New", "Test"} and world.mapping.state == Mapping.State.ACTIVE
    assert [e.before for e in Entry.objects.filter(run=plan)] == [{"firstname": "New"}] * 2
    assert [e.intended for e in Entry.objects.filter(run=plan)] == [{"firstname": "Test"}] * 2


def test_an_approved_undo_carries_out_what_was_shown_and_nothing_else() -> None:
    world, run = renamed()
    plan = undo(run, plan_only=True)
    world.south.put("Contacts", {"firstname": "By hand"}, there(world, "bo").id)
    done = carry_out(approve(plan, actor="test", enqueue=False))
    assert (done.pk, done.state, done.counts["update"]) == (plan.pk, "succeeded", 1)
    assert names(world) == {"ada@example.org": "Test", "bo@example.org": "By hand", "cy@example.org": "Test"}
    assert left(done)["New Bo"] == "edited_since"
    world.mapping.refresh_from_db()
    assert world.mapping.state == Mapping.State.PAUSED


def test_a_sync_meanwhile_leaves_the_plan_of_an_undo_alone() -> None:
    world, run = renamed()
    plan = undo(run, plan_only=True)
    world.sync()
    assert Entry.objects.filter(run=plan, state="awaiting").count() == 2
    assert carry_out(approve(plan, actor="test", enqueue=False)).counts["update"] == 2


def test_an_undo_can_itself_be_taken_back() -> None:
    world, (ada, bo, _cy) = in_step(delete_policy="delete")
    world.north.put("Contacts", {"firstname": "New"}, ada.id)
    world.north.remove("Contacts", bo.id)
    world.add(world.north, "dan")
    run = world.sync()
    after = names(world)
    first = undo(run)
    assert sorted(names(world)) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    second = undo(first)
    assert (first.state, second.state) == ("succeeded", "succeeded") and left(second) == {}
    assert names(world) == after
    again = resumed(world)
    assert sum(again.counts.values()) == 0 and names(world) == after
    dan = next(r for r in world.north.of("Contacts") if r.values["email"].startswith("dan"))
    world.north.put("Contacts", {"firstname": "Daniel"}, dan.id)
    assert world.sync().counts["update"] == 1 and names(world)["dan@example.org"] == "Daniel"


def test_runs_are_taken_back_one_after_the_other_newest_first() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    first = world.sync()
    world.north.put("Contacts", {"firstname": "New"}, ada.id)
    second = world.sync()
    undo(second)
    assert undo(first).counts["delete"] == 1 and emails(world.south) == []


def test_a_run_whose_record_a_later_run_changed_leaves_it() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    first = world.sync()
    world.north.put("Contacts", {"firstname": "New"}, ada.id)
    world.sync()
    assert left(undo(first)) == {"Test Ada": "edited_since"}


def test_an_update_whose_answer_was_lost_is_looked_up_and_sent_again(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0
    for after in (True, False):
        world, run = renamed()
        world.south.fail("update", Unavailable("No answer.", code="ReadTimeoutError", maybe_done=True), after=after)
        assert undo(run).state == "succeeded" and set(names(world).values()) == {"Test"}
        _start_again()


def test_a_record_that_is_made_again_exists_once_though_the_answer_was_lost(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0
    for after in (True, False):
        world, run, _her = deleted()
        world.south.fail("create", Unavailable("No answer.", code="ReadTimeoutError", maybe_done=True), after=after)
        assert undo(run).state == "succeeded" and emails(world.south).count("ada@example.org") == 1
        assert Link.objects.filter(state="retired").count() == 1
        _start_again()


def _start_again() -> None:
    from tests.portal.sync_world import start_again

    start_again()


def test_one_refusal_does_not_keep_the_others() -> None:
    world, run = renamed()
    world.south.fail("update", RecordInvalid("No."))
    taken = undo(run)
    assert taken.state == "partly_failed" and (taken.counts["update"], taken.counts["failed"]) == (1, 1)
    again = undo(run)
    assert again.state == "succeeded" and again.counts["update"] == 1 and set(names(world).values()) == {"Test"}


def test_a_refused_restoring_is_not_tried_again_by_the_sync(settings: Any) -> None:
    world, run = renamed()
    world.south.fail("update", RecordInvalid("No."))
    undo(run)
    Entry.objects.filter(state="failed").update(next_try=run.created_at)
    assert sum(resumed(world).counts.values()) == 0


def test_the_base_is_what_both_sides_then_hold() -> None:
    world, run = renamed()
    undo(run)
    for base in Base.objects.all():
        assert all(left == right for left, right in base.values.values() if left in ("Test",)), base.values
    rule = next(str(r.uuid) for r in world.mapping.versions.get().rules.all() if r.right == "firstname")
    assert sorted(base.values[rule][1] for base in Base.objects.all()) == ["Test"] * 3


def test_what_cannot_be_taken_back_is_refused_with_the_reason() -> None:
    world = World()
    nothing = world.sync()
    with pytest.raises(SyncRefused, match="wrote nothing"):
        undo(nothing)
    world.add(world.north, "ada")
    plan = world.sync(plan_only=True)
    with pytest.raises(SyncRefused, match="is a plan"):
        undo(plan)
    run = world.sync()
    waiting = request_sync(world.mapping, actor="test", enqueue=False)
    with pytest.raises(SyncRefused, match="still going on"):
        undo(waiting)
    with pytest.raises(SyncRefused, match="being carried out just now"):
        undo(run)
    carry_out(waiting)
    with pytest.raises(SyncRefused, match="cannot be taken back"):
        undo(Run.objects.create(kind="import", state="succeeded", actor="test"))


def test_what_was_written_to_another_crm_is_out_of_reach() -> None:
    world, run = renamed()
    AuditEntry.objects.create(
        actor="test",
        action="other_crm",
        object_type="connections.connection",
        object_id=str(world.connections["south"].pk),
    )
    with pytest.raises(SyncRefused, match="another CRM since"):
        undo(run)


def test_a_second_press_finds_the_undo_that_is_under_way_and_no_sync_begins_meanwhile() -> None:
    world, run = renamed()
    first = request_undo(run, actor="test", enqueue=False)
    assert request_undo(run, actor="test", enqueue=False) == first
    with pytest.raises(SyncRefused, match="taken back"):
        request_sync(world.mapping, actor="test", enqueue=False)
    with pytest.raises(SyncRefused, match="let that end first"):
        request_undo(run, actor="test", enqueue=False, keep_created=True)


def test_a_newer_plan_takes_the_place_of_an_older_one() -> None:
    world, run = renamed()
    old = undo(run, plan_only=True)
    new = undo(run, plan_only=True, keep_created=True)
    old.refresh_from_db()
    assert (old.state, new.state) == ("cancelled", "awaiting_approval")


def test_a_stopped_undo_ends_and_the_next_sync_goes_on_where_it_was() -> None:
    world, run = renamed()
    taken = request_undo(run, actor="test", enqueue=False)
    Run.objects.filter(pk=taken.pk).update(stop_requested=True)
    taken = carry_out(taken)
    assert taken.state == "cancelled"
    assert sum(resumed(world).counts.values()) == 0
    assert person("ada")["email"] in names(world)


def command(*words: str) -> tuple[dict[str, Any], int]:
    """Run `undo_run` and return what it printed and its exit code."""
    out = io.StringIO()
    try:
        call_command("undo_run", *words, json=True, stdout=out)
    except SystemExit as e:
        return orjson.loads(out.getvalue()), int(e.code or 0)
    return orjson.loads(out.getvalue()), 0


def test_the_command_shows_the_plan_with_3_and_takes_the_run_back_with_0() -> None:
    world, run = renamed()
    told, code = command(str(run.pk), "--plan")
    assert (told["state"], told["counts"]["update"], code) == ("awaiting_approval", 2, 3)
    out = io.StringIO()
    call_command("sync", "contacts", "--approve", str(told["id"]), stdout=out)
    assert "Succeeded" in out.getvalue() or "succeeded" in out.getvalue()
    assert set(names(world).values()) == {"Test"}
    told, code = command(str(run.pk))
    assert (told["state"], told["counts"]["left"], code) == ("succeeded", 2, 0)
    with pytest.raises(CommandError) as e:
        command("999")
    assert e.value.returncode == 2 and "no run 999" in str(e.value)


def test_an_entry_added_to_a_list_of_the_crm_is_listed_and_stays() -> None:
    world, run = renamed()
    Entry.objects.create(
        run=run, number=99, action="append", state="done", connection=world.connections["south"], module="Contacts",
        label="Gold", mapping=world.mapping.uuid, intended={"status": "Gold"},
    )  # fmt: skip
    taken = undo(run)
    assert left(taken) == {"Gold": "cannot_undo"} and taken.counts["update"] == 2


def test_why_tells_of_a_restored_value_which_run_was_taken_back() -> None:
    world, run = renamed()
    taken, out = undo(run), io.StringIO()
    call_command("why", there(world, "ada").id, "firstname", "--connection", "south", stdout=out)
    assert f"Written by run #{taken.pk}" in out.getvalue()
    assert f"what the record held before run #{run.pk}" in out.getvalue() and "No rule" not in out.getvalue()
