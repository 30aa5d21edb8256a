"""One record travels, and everything that may happen to it on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from django.db import models

from connectors.errors import AuthError, Duplicate, RateLimited, RecordInvalid, Unavailable
from connectors.memory import Store
from connectors.types import Change, FieldSchema, Record, Values
from portal.ledger.models import Entry, Problem, Run
from portal.mappings.definition import Rule
from portal.records.models import Copy, CopyChange, Mirror
from portal.records.store import store_changes
from portal.sync.models import Base, Checkpoint, Link, MatchKey
from portal.sync.run import request_stop, request_sync, work
from portal.sync.tasks import resume_runs
from tests.portal.sync_world import RULES, World, emails, entries, person

pytestmark = pytest.mark.django_db(transaction=True)


def contents(*tables: type[models.Model]) -> list[list[object]]:
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


def states(found: Iterable[Entry]) -> list[tuple[str, str, str]]:
    return [(entry.action, entry.state, entry.reason) for entry in found]


def test_a_record_travels_from_one_crm_to_the_other() -> None:
    world = World()
    world.add(world.north, "ada")
    run = world.sync()
    assert (run.state, run.message) == ("succeeded", "")
    assert emails(world.south) == ["ada@example.org"]
    assert run.counts["create"] == 1 and run.calls > 0
    link = Link.objects.get()
    assert (link.state, link.left_id, link.right_id) == ("linked", "1", "1")
    entry = Entry.objects.get(action="create")
    assert (entry.intended, entry.stored) == (person("ada"), person("ada")) and entry.attempts == 1


def test_several_records_are_sent_at_the_same_time() -> None:
    world = World(parallel=8)
    world.add(world.north, *(f"p{n}" for n in range(20)))
    assert world.sync().counts["create"] == 20
    assert len(set(emails(world.south))) == 20


@pytest.mark.parametrize("direction", ["left-to-right", "both"])
def test_a_second_run_with_nothing_new_makes_a_call_per_side_and_writes_no_row_but_the_run(direction: str) -> None:
    world = World(direction=direction)
    world.add(world.north, "ada", "bo")
    world.north.put("Contacts", {"lastname": "Nokey"})
    world.add(world.south, "bo")
    world.sync()
    tables = (Entry, Link, Base, Checkpoint, MatchKey, Copy, CopyChange, Problem)
    before = contents(*tables)
    again = world.sync()
    assert (again.state, again.calls, sum(again.counts.values())) == ("succeeded", 2, 0)
    assert contents(*tables) == before


def test_an_edit_is_carried_over_with_only_the_field_that_changed() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    world.sync()
    assert Entry.objects.get(action="update").intended == {"firstname": "Augusta"}
    assert world.south.of("Contacts")[0].values["firstname"] == "Augusta"


def test_an_edit_on_the_target_is_left_alone_until_its_source_field_changes() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.south.put("Contacts", {"firstname": "Mine"}, "1")
    assert world.sync().counts["update"] == 0
    world.north.put("Contacts", {"firstname": "Theirs"}, ada.id)
    world.sync()
    assert world.south.of("Contacts")[0].values["firstname"] == "Theirs"


def test_a_known_person_is_matched_not_created_again() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    world.south.put("Contacts", {**person("ada"), "email": " ADA@Example.org", "firstname": None})
    world.add(world.south, "bo")
    run = world.sync()
    assert run.counts["create"] == 0 and Link.objects.count() == 2
    assert states(entries("done", "skipped")) == [("update", "done", ""), ("skip", "skipped", "matched")]


def test_a_field_is_erased_only_where_its_rule_may_clear() -> None:
    world = World(rules=(RULES[0], Rule("firstname", "firstname"), Rule("notes", "notes", may_clear=True), RULES[2]))
    values = {**person("ada"), "notes": "A"}
    record = world.north.put("Contacts", values)
    world.sync()
    world.north.put("Contacts", {"firstname": None, "notes": None}, record.id)
    world.sync()
    stored = world.south.of("Contacts")[0].values
    assert (stored["firstname"], stored["notes"]) == ("Test", None)


def test_records_without_a_key_are_blocked_and_doubled_ones_wait_for_a_person() -> None:
    world = World()
    world.add(world.north, "ada", "ada", "bo")
    world.north.put("Contacts", {"lastname": "Nokey"})
    world.add(world.south, "bo", "bo")
    run = world.sync()
    assert (run.state, run.counts["conflict"], run.counts["blocked"], run.counts["create"]) == ("succeeded", 3, 1, 0)
    assert sorted(entry.reason for entry in entries()) == [
        "doubled_key",
        "doubled_key",
        "no_match_key",
        "several_matches",
    ]


def test_a_conflict_is_over_as_soon_as_the_other_record_changes() -> None:
    world = World()
    one, other = world.add(world.north, "ada", "ada")
    world.sync()
    world.north.put("Contacts", {"email": "other@example.org"}, other.id)
    run = world.sync()
    assert run.counts["create"] == 2 and not entries("conflict")
    assert emails(world.south) == ["ada@example.org", "other@example.org"]


def test_a_doubled_record_that_is_deleted_frees_the_other() -> None:
    world = World()
    one, other = world.add(world.north, "ada", "ada")
    world.sync()
    world.north.remove("Contacts", other.id)
    assert world.sync().counts["create"] == 1
    assert sorted(states(entries())) == [("create", "done", ""), ("skip", "skipped", "resolved")]


def test_a_deleted_target_is_listed_and_never_made_again() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.south.remove("Contacts", "1")
    world.sync()
    world.north.put("Contacts", {"firstname": "New"}, ada.id)
    world.sync()
    assert emails(world.south) == [] and states(entries("blocked")) == [("blocked", "blocked", "target_gone")]


def test_a_deleted_source_is_ignored_unless_the_mapping_says_delete() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.north.remove("Contacts", ada.id)
    assert world.sync().counts["delete"] == 0 and emails(world.south)
    world.say(delete_policy="delete")
    assert world.sync().counts["delete"] == 1 and not emails(world.south)
    assert world.sync().calls == 2


def test_what_leaves_the_filter_is_neither_deleted_nor_updated() -> None:
    world = World(left_filter="children > 1")
    ada = world.north.put("Contacts", {**person("ada"), "children": "2"})
    world.north.put("Contacts", {**person("bo"), "children": None})
    world.sync()
    world.north.put("Contacts", {"children": None, "firstname": "Out"}, ada.id)
    world.sync()
    assert [record.values["firstname"] for record in world.south.of("Contacts")] == ["Test"]


def test_a_value_that_does_not_fit_blocks_its_record_and_names_field_and_value() -> None:
    world = World(rules=(*RULES, Rule("notes", "height")))
    world.north.put("Contacts", {**person("ada"), "notes": "tall"})
    world.add(world.north, "bo")
    run = world.sync()
    assert (run.state, run.counts["create"], run.counts["blocked"]) == ("succeeded", 1, 1)
    (entry,) = entries("blocked")
    assert entry.reason == "cannot_convert" and "Height" in entry.message and "tall" in entry.message


def test_one_refused_record_stops_no_other_and_is_tried_again_later_then_parked() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    world.south.fail("create", RecordInvalid("Bad e-mail.", fields={"email": "is bad"}, code="E7"), times=5)
    world.south.faults[0].times = 1
    run = world.sync()
    assert (run.state, run.counts["create"], run.counts["failed"]) == ("partly_failed", 1, 1)
    (entry,) = entries("failed")
    assert entry.evidence["fields"]["email"] == {"why": "is bad", "value": entry.intended["email"]}
    assert Problem.objects.get(closed_at=None).mapping == world.mapping.uuid
    assert world.sync().state == "succeeded" and entries("failed") == [entry]  # its time has not come
    world.south.fail("create", Duplicate("There is one."), times=4)
    for _ in range(4):
        Entry.objects.filter(state="failed").update(next_try=entry.created_at)
        world.sync()
    (parked,) = entries("parked")
    assert parked.attempts == 5 and parked.next_try is None
    world.sync()
    assert entries("parked") == [parked] and len(emails(world.south)) == 1
    world.north.put("Contacts", {"firstname": "Mended"}, parked.source_id)
    assert world.sync().counts["create"] == 1 and not Problem.objects.filter(closed_at=None)


def test_a_refused_record_that_was_changed_is_tried_again_at_once() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.south.fail("create", RecordInvalid("No."))
    world.sync()
    world.north.put("Contacts", {"lastname": "Better"}, ada.id)
    assert world.sync().counts["create"] == 1


def test_a_busy_crm_postpones_the_run_until_it_says_and_loses_nothing() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    world.south.fail("create", RateLimited("Slow down.", retry_after=600))
    run = world.sync()
    assert run.state == "postponed" and run.not_before is not None and run.message == "Slow down."
    assert Link.objects.filter(state="pending").count() == 0
    assert work(run.pk).state == "postponed"
    Run.objects.update(not_before=run.created_at)
    run = world.sync()
    assert (run.state, run.counts["create"], run.counts["failed"]) == ("succeeded", 2, 0)
    assert Run.objects.count() == 1


def test_a_connection_that_does_not_work_fails_the_run_and_opens_a_problem_until_it_works_again() -> None:
    world = World()
    world.add(world.north, "ada")
    world.north.fail("changes", AuthError("The password is refused."))
    run = world.sync()
    assert (run.state, run.message) == ("failed", "The password is refused.")
    assert Problem.objects.get(closed_at=None).detail == "The password is refused."
    assert world.sync().state == "succeeded"
    assert not Problem.objects.filter(closed_at=None)


def test_nothing_is_written_to_a_read_only_connection() -> None:
    world = World()
    world.add(world.north, "ada")
    world.connections["south"].writable = False
    world.connections["south"].save()
    assert world.sync().state == "failed" and emails(world.south) == []
    world.connections["south"].writable = True
    world.connections["south"].save()
    assert world.sync().counts["create"] == 1


class Shouting(Store):
    """A server that keeps notes in capitals."""

    def put(self, module: str, values: Values, *args: Any, **kwargs: Any) -> Record:
        notes = values.get("notes")
        return super().put(module, {**values, "notes": notes.upper()} if notes else values, *args, **kwargs)


def test_what_the_server_stores_differently_is_told_and_not_sent_again() -> None:
    world = World(rules=(*RULES, Rule("notes", "notes")))
    world.south.__class__ = Shouting
    ada = world.north.put("Contacts", {**person("ada"), "notes": "loud"})
    world.sync()
    (entry,) = entries("stored_differently")
    assert entry.evidence["differs"] == {"notes": ["loud", "LOUD"]}
    assert sum(world.sync().counts.values()) == 0
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    world.sync()
    assert Entry.objects.get(action="update").intended == {"firstname": "Augusta"}


def test_a_large_first_run_waits_for_approval_and_sends_nothing() -> None:
    world = World(guards=None)
    world.add(world.north, *(f"p{n}" for n in range(51)))
    run = world.sync()
    assert (run.state, emails(world.south)) == ("awaiting_approval", [])
    assert "51" in run.message and len(list(entries("awaiting"))) == run.counts["create"] == 51
    approved = world.sync(approve_all=True)
    run.refresh_from_db()
    assert (run.state, approved.state, approved.counts["create"]) == ("cancelled", "succeeded", 51)
    assert run.counts["create"] == 0
    assert approved.approved_at is not None and approved.approve_all
    assert not entries("awaiting") and len(emails(world.south)) == 51


def test_a_run_that_is_stopped_settles_what_was_sent_and_the_next_one_goes_on() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    run = request_sync(world.mapping, actor="test", enqueue=False)
    request_stop(run, None)
    run.refresh_from_db()
    assert run.state == "cancelled" and emails(world.south) == []
    assert world.sync().counts["create"] == 2


def test_pressing_the_button_twice_gives_the_same_run() -> None:
    world = World()
    first = request_sync(world.mapping, actor="test", enqueue=False)
    assert request_sync(world.mapping, actor="test", enqueue=False) == first


def test_a_new_version_of_the_mapping_plans_everything_again() -> None:
    world = World()
    world.north.put("Contacts", {**person("ada"), "notes": "Al"})
    world.sync()
    world.say(rules=(*RULES, Rule("notes", "notes")))
    run = world.sync()
    assert run.counts["update"] == 1 and world.south.of("Contacts")[0].values["notes"] == "Al"


def test_a_mapping_from_right_to_left_uses_the_same_links() -> None:
    world = World()
    world.add(world.north, "ada")
    world.sync()
    world.say(direction="right-to-left")
    world.add(world.south, "bo")
    run = world.sync()
    assert run.counts["create"] == 1 and emails(world.north) == ["ada@example.org", "bo@example.org"]
    assert Link.objects.count() == 2


def test_a_password_like_value_is_sent_once_and_kept_nowhere() -> None:
    world = World(rules=(*RULES, Rule("notes", "portal_password")))
    schema = world.south.schemas["Contacts"]
    world.south.schemas["Contacts"] = replace(
        schema, fields=(*schema.fields, FieldSchema("portal_password", "Password"))
    )
    ada = world.north.put("Contacts", {**person("ada"), "notes": "hunter2"})
    world.sync()
    assert world.south.of("Contacts")[0].values["portal_password"] == "hunter2"
    world.north.put("Contacts", {"firstname": "Augusta", "notes": "hunter3"}, ada.id)
    assert world.sync().counts["update"] == 1
    assert world.south.of("Contacts")[0].values["portal_password"] == "hunter2"
    kept = str(contents(Entry, Base, Run)) + str(list(Copy.objects.filter(mirror__connection__name="south").values()))
    assert "hunter" not in kept and Entry.objects.get(action="create").intended["portal_password"] == "•"


def test_a_lost_create_with_a_password_is_not_repeated_by_itself() -> None:
    world = World(rules=(*RULES, Rule("notes", "portal_password")))
    schema = world.south.schemas["Contacts"]
    world.south.schemas["Contacts"] = replace(
        schema, fields=(*schema.fields, FieldSchema("portal_password", "Password"))
    )
    world.north.put("Contacts", {**person("ada"), "notes": "hunter2"})
    world.south.fail("create", Unavailable("No answer.", code="Reset", maybe_done=True))
    world.sync()
    assert states(entries("conflict")) == [("create", "conflict", "outcome_unclear")] and not emails(world.south)


def test_a_run_whose_mapping_is_deleted_is_cancelled_and_says_so() -> None:
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    world.mapping.delete()
    run = work(run.pk)
    assert (run.state, run.message) == ("cancelled", "Its mapping was deleted.")
    assert not Problem.objects.filter(closed_at=None).exists()


def test_a_plan_whose_mapping_is_deleted_waits_for_nobody() -> None:
    world = World(guards={"creates": 0})
    world.add(world.north, "ada")
    run = world.sync()
    world.mapping.delete()
    resume_runs()
    run.refresh_from_db()
    assert (run.state, run.message) == ("cancelled", "Its mapping was deleted.")
    assert states(entries()) == [("create", "skipped", "mapping_deleted")]


def test_an_unexpected_error_interrupts_the_run_and_fails_it_only_when_it_comes_back() -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", ZeroDivisionError("a bug"), after=True, times=1)  # type: ignore[arg-type]
    run = world.slice()
    assert run.state == "interrupted" and "ZeroDivisionError" in run.message
    Run.objects.update(not_before=None)
    assert world.sync().state == "succeeded" and emails(world.south) == ["ada@example.org"]
    world.add(world.north, "bo")
    world.south.fail("read", ZeroDivisionError("a bug"))  # type: ignore[arg-type]
    for _ in range(3):
        world.north.fail("changes", ZeroDivisionError("a bug"))  # type: ignore[arg-type]
        run = world.slice()
        Run.objects.update(not_before=None)
    assert run.state == "failed" and Problem.objects.filter(closed_at=None).exists()


class Busy(Store):
    """A server during whose first create our copy of another record changes, as by a webhook."""

    def put(self, module: str, values: Values, *args: Any, **kwargs: Any) -> Record:
        self.__class__ = Store
        mirror = Mirror.objects.get(connection__name="north")
        record = Record("Contacts", "2", {**person("bo"), "firstname": "Newer"})
        store_changes(mirror, [Change("2", record)])
        return self.put(module, values, *args, **kwargs)


def test_a_record_that_changed_after_the_plan_is_planned_again_before_it_is_sent() -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    world.south.__class__ = Busy
    run = world.sync()
    assert (run.state, run.counts["create"]) == ("succeeded", 2)
    assert [record.values["firstname"] for record in world.south.of("Contacts")] == ["Test", "Newer"]
    assert Entry.objects.filter(reason="changed_meanwhile", state="skipped").count() == 1
