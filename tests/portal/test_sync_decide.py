"""What a person chooses about what waits: it is done by the next run, once, and stays so; or it is asked anew."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import RecordInvalid, Unavailable
from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.models import AuditEntry, Entry, Run
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping
from portal.sync.approve import approve
from portal.sync.choices.choice import decision_of
from portal.sync.choices.decide import decide, settled, take_up_kept
from portal.sync.choices.options import ChoiceRefused, choice_from
from portal.sync.models import Base, Link
from portal.sync.run import carry_out, request_sync
from tests.portal.sync_world import World, emails, entries, person
from tests.portal.test_sync_both_ways import linked, value

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(*reasons: str) -> list[Entry]:
    """What waits, oldest first; it must be for these reasons."""
    found = list(entries("conflict", "blocked", "failed", "parked"))
    assert [entry.reason for entry in found] == list(reasons)
    return found


def choose(entry: Entry, *words: str, record: str = "") -> Run:
    """Choose about an entry, and carry the choice out."""
    made = decide([(entry, choice_from(words, entry, record=record))], user=None, actor="test", enqueue=False)
    assert made.stored == [entry] and made.runs
    return carry_out(made.runs[0])


def nothing_is_left(world: World) -> None:
    run = world.sync()
    assert run.state == Run.State.SUCCEEDED and not any(run.counts.values()), run.counts
    waiting()


def both_changed(**said: Any) -> tuple[World, str, str]:
    """Ada's last name is North here and South there."""
    world, north, south = linked(conflict_policy="ask", **said)
    world.north.put("Contacts", {"lastname": "North"}, north)
    world.south.put("Contacts", {"lastname": "South"}, south)
    world.sync()
    return world, north, south


@pytest.mark.parametrize(("word", "expected"), [("left", ("North", "North")), ("right", ("South", "South"))])
def test_the_side_that_is_chosen_wins_and_it_stays_so(word: str, expected: tuple[str, str]) -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    assert choose(entry, word).state == Run.State.SUCCEEDED
    assert (value(world, "north", north, "lastname"), value(world, "south", south, "lastname")) == expected
    assert settled(entry)
    nothing_is_left(world)


def test_both_are_left_as_they_are_and_nothing_is_sent() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    run = choose(entry, "both")
    assert (run.counts["update"], settled(entry)) == (0, True)
    assert (value(world, "north", north, "lastname"), value(world, "south", south, "lastname")) == ("North", "South")
    assert ["North", "South"] in Base.objects.get().values.values()
    nothing_is_left(world)


def test_each_field_is_chosen_by_the_name_either_side_has_for_it() -> None:
    world, north, south = linked(conflict_policy="ask")
    world.north.put("Contacts", {"lastname": "North", "firstname": "N"}, north)
    world.south.put("Contacts", {"lastname": "South", "firstname": "S"}, south)
    world.sync()
    (entry,) = waiting("both_changed")
    choose(entry, "lastname=left", "firstname=right")
    for side, id in (("north", north), ("south", south)):
        assert (value(world, side, id, "lastname"), value(world, side, id, "firstname")) == ("North", "S")
    nothing_is_left(world)


def test_what_is_not_chosen_of_several_fields_goes_on_waiting() -> None:
    world, north, south = linked(conflict_policy="ask")
    world.north.put("Contacts", {"lastname": "North", "firstname": "N"}, north)
    world.south.put("Contacts", {"lastname": "South", "firstname": "S"}, south)
    world.sync()
    (entry,) = waiting("both_changed")
    choose(entry, "lastname=right")
    (left,) = waiting("both_changed")
    assert list(left.evidence) == ["firstname"] and left.decision is None and settled(entry)


def test_a_choice_about_values_that_changed_meanwhile_is_asked_anew_and_says_so() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    world.south.put("Contacts", {"lastname": "Newer"}, south)
    choose(entry, "left")
    assert value(world, "south", south, "lastname") == "Newer"
    (anew,) = waiting("both_changed")
    entry.refresh_from_db()
    assert entry.superseded_by == anew and anew.decision is None and not settled(entry)
    assert anew.evidence["lastname"]["right"] == "Newer"


@pytest.mark.parametrize("side", ["north", "south"])
def test_a_choice_about_a_pair_just_matched_holds_though_something_else_of_a_record_changed(side: str) -> None:
    world = World(direction="both", conflict_policy="ask")
    world.add(world.north, "ada")
    there = world.south.put("Contacts", {**person("ada"), "lastname": "Other"})
    world.sync()
    (entry,) = waiting("both_changed")
    getattr(world, side).put("Contacts", {"notes": "no rule carries this"}, "1")
    choose(entry, "left")
    assert settled(entry) and value(world, "south", there.id, "lastname") == "Ada"
    nothing_is_left(world)


def test_an_empty_side_that_a_person_chose_clears_the_other_though_the_rule_does_not() -> None:
    world, north, south = linked(conflict_policy="ask")
    world.north.put("Contacts", {"firstname": None}, north)
    world.south.put("Contacts", {"firstname": "S"}, south)
    world.sync()
    choose(waiting("both_changed")[0], "left")
    assert value(world, "south", south, "firstname") is None
    nothing_is_left(world)


def test_a_choice_outlives_a_refusal_of_the_server_and_is_carried_out_once_it_takes_it() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    world.south.fail("update", RecordInvalid("Not today."))
    choose(entry, "left")
    (failed,) = waiting("refused")
    assert failed.obeys == entry and not settled(entry)
    choose(failed, "retry")
    assert value(world, "south", south, "lastname") == "North" and settled(entry) and settled(failed)
    nothing_is_left(world)


def test_a_choice_about_a_paused_mapping_is_kept_until_it_is_resumed() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    pause_mapping(world.mapping, True, "ann")
    made = decide([(entry, choice_from(("left",), entry))], user=None, actor="test", enqueue=False)
    assert made.stored == [entry] and not made.runs and "paused" in made.kept[0]
    assert take_up_kept() == []
    pause_mapping(world.mapping, False, "ann")
    (run,) = take_up_kept()
    assert take_up_kept() == [] and run.trigger == "decision"
    carry_out(run)
    assert value(world, "south", south, "lastname") == "North"
    nothing_is_left(world)


def test_a_choice_made_while_a_plan_waits_is_done_with_it_and_needs_no_approval_of_its_own() -> None:
    world, north, south = both_changed()
    world.add(world.north, "bo")
    world.sync(plan_only=True)
    plan = Run.objects.get(state="awaiting_approval")
    (entry,) = waiting("both_changed")
    made = decide([(entry, choice_from(("left",), entry))], user=None, actor="test", enqueue=False)
    assert not made.runs and str(plan.pk) in made.kept[0] and take_up_kept() == []
    carry_out(approve(plan, actor="test", enqueue=False))
    assert value(world, "south", south, "lastname") == "North" and settled(entry)
    nothing_is_left(world)


def test_a_choice_whose_run_stopped_at_its_plan_is_carried_out_by_the_next_one() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    decide([(entry, choice_from(("left",), entry))], user=None, actor="test", enqueue=False)
    Run.objects.filter(state="queued").update(plan_only=True)  # or a guard that something else trips
    carry_out(Run.objects.get(state="queued"))
    assert value(world, "south", south, "lastname") == "South" and not settled(entry)
    world.sync()
    assert value(world, "south", south, "lastname") == "North" and settled(entry)
    nothing_is_left(world)


def test_a_choice_made_while_a_run_is_at_work_is_taken_up_by_it() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    world.add(world.north, "bo")

    def choose_meanwhile(phase: str, done: int, total: int | None) -> None:
        if phase == "apply":
            write.decide(entry, decision_of(choice_from(("right",), entry)), None, actor="ann")

    carry_out(request_sync(world.mapping, actor="test", enqueue=False), choose_meanwhile)
    assert value(world, "north", north, "lastname") == "South" and settled(entry)
    nothing_is_left(world)


def test_a_choice_is_taken_back_as_long_as_no_run_took_it_up() -> None:
    world, north, south = both_changed()
    (entry,) = waiting("both_changed")
    write.decide(entry, decision_of(choice_from(("left",), entry)), None, actor="ann")
    assert write.take_back(entry, None, actor="ann") and not write.take_back(entry, None, actor="ann")
    world.sync()
    assert value(world, "south", south, "lastname") == "South" and waiting("both_changed") == [entry]


def test_who_chose_second_is_told_and_overwrites_nothing() -> None:
    both_changed()
    (entry,) = waiting("both_changed")
    ann = User.objects.create_user("ann")
    decide([(entry, choice_from(("left",), entry))], user=ann, actor="ann", enqueue=False)
    late = decide([(entry, choice_from(("right",), entry))], user=None, actor="bob", enqueue=False)
    assert late.stored == [] and late.late == [entry]
    entry.refresh_from_db()
    assert entry.decision is not None and entry.decision["by"] == "ann"
    assert AuditEntry.objects.get(action="decide_entry").user == ann


def gone(side: str, **said: Any) -> tuple[World, Entry]:
    """Ada is on both sides, and deleted on one of them."""
    world = World(**said)
    north = world.add(world.north, "ada")[0].id
    world.sync()
    store, id = (world.north, north) if side == "north" else (world.south, world.south.of("Contacts")[0].id)
    store.remove("Contacts", id)
    if side == "south":
        world.north.put("Contacts", {"firstname": "New"}, north)
    world.sync()
    return world, entries("blocked", "conflict")[0]  # type: ignore[index]


@pytest.mark.parametrize("said", [{"direction": "left-to-right"}, {"direction": "both"}])
def test_a_record_deleted_over_there_is_made_again(said: dict[str, str]) -> None:
    world, entry = gone("south", **said)
    assert entry.reason == "target_gone"
    run = choose(entry, "new")
    assert run.counts["create"] == 1 and emails(world.south) == ["ada@example.org"] and settled(entry)
    nothing_is_left(world)


def test_a_record_deleted_over_there_is_deleted_here_too() -> None:
    world, entry = gone("south")
    run = choose(entry, "delete")
    assert run.counts["delete"] == 1 and emails(world.north) == [] and settled(entry)
    nothing_is_left(world)


@pytest.mark.parametrize(("word", "left"), [("delete", []), ("retire", ["ada@example.org"])])
def test_a_record_whose_source_was_deleted_is_deleted_or_kept_for_ever(word: str, left: list[str]) -> None:
    world, entry = gone("north", delete_policy="mark")
    assert entry.reason == "source_gone"
    choose(entry, word)
    assert emails(world.south) == left and settled(entry)
    nothing_is_left(world)


def test_a_retired_pair_is_neither_made_nor_matched_again() -> None:
    world, entry = gone("south")
    choose(entry, "retire")
    world.north.put("Contacts", {"firstname": "Newer"}, entry.source_id)
    nothing_is_left(world)
    assert Link.objects.get().state == Link.State.RETIRED and emails(world.south) == []


def test_deleted_here_and_changed_there_is_made_again_here_where_both_ways_are_synced() -> None:
    world, north, south = linked(delete_policy="delete")
    world.north.remove("Contacts", north)
    world.south.put("Contacts", {"lastname": "Changed"}, south)
    world.sync()
    (entry,) = waiting("deleted_and_changed")
    choose(entry, "new")
    assert [r.values["lastname"] for r in world.north.of("Contacts")] == ["Changed"]
    nothing_is_left(world)


def test_a_record_is_not_deleted_once_it_is_not_what_was_shown() -> None:
    world, north, south = linked(delete_policy="delete")
    world.north.remove("Contacts", north)
    world.south.put("Contacts", {"lastname": "Changed"}, south)
    world.sync()
    (entry,) = waiting("deleted_and_changed")
    choice = choice_from(("delete",), entry)
    world.south.put("Contacts", {"lastname": "Once more"}, south)
    made = decide([(entry, choice)], user=None, actor="test", enqueue=False)
    carry_out(made.runs[0])
    assert emails(world.south) == ["ada@example.org"] and not settled(entry)
    assert waiting("deleted_and_changed")[0].pk != entry.pk


def several(**said: Any) -> tuple[World, Entry]:
    """Ada is once in the north and twice in the south."""
    world = World(**said)
    world.add(world.north, "ada")
    world.add(world.south, "ada", "ada")
    world.sync()
    return world, waiting("several_matches")[0]


def test_this_one_is_it_links_the_two() -> None:
    world, entry = several()
    it = world.south.of("Contacts")[1].id
    world.north.put("Contacts", {"firstname": "New"}, entry.source_id)
    choose(entry, "join", record=it)
    assert settled(entry) and value(world, "south", it, "firstname") == "New"
    assert len(emails(world.south)) == 2
    nothing_is_left(world)


def test_a_new_one_is_made_all_the_same() -> None:
    world, entry = several()
    run = choose(entry, "new")
    assert run.counts["create"] == 1 and len(emails(world.south)) == 3 and settled(entry)
    nothing_is_left(world)


def test_a_new_one_is_not_made_once_there_is_another_candidate() -> None:
    world, entry = several()
    world.add(world.south, "ada")
    choose(entry, "new")
    assert len(emails(world.south)) == 3 and waiting("several_matches")[0].pk != entry.pk


def test_a_record_is_never_synced_again_where_a_person_says_so() -> None:
    world, entry = several()
    choose(entry, "retire")
    assert settled(entry)
    world.north.put("Contacts", {"firstname": "New"}, entry.source_id)
    nothing_is_left(world)


def test_of_doubles_each_is_settled_by_itself() -> None:
    world = World()
    world.add(world.north, "ada", "ada")
    world.sync()
    first, second = waiting("doubled_key", "doubled_key")
    choose(first, "new")
    (second,) = waiting("doubled_key")
    choose(second, "retire")
    assert emails(world.south) == ["ada@example.org"]
    nothing_is_left(world)


def test_a_record_without_a_key_is_made_or_joined() -> None:
    world = World()
    world.north.put("Contacts", {**person("ada"), "email": None})
    world.north.put("Contacts", {**person("bo"), "email": None})
    (bo,) = world.add(world.south, "bo")
    world.sync()
    ada, other = waiting("no_match_key", "no_match_key")
    choose(ada, "new")
    choose(other, "join", record=bo.id)
    assert len(world.south.of("Contacts")) == 2 and settled(ada) and settled(other)
    nothing_is_left(world)


def test_the_record_of_one_that_is_linked_elsewhere_cannot_be_taken() -> None:
    world = World()
    world.add(world.north, "ada")
    world.sync()
    world.north.put("Contacts", {"email": "other@example.org"}, "1")
    world.sync()
    world.south.put("Contacts", {"email": "ada@example.org"}, "1")
    world.add(world.north, "ada")
    world.sync()
    (entry,) = waiting("match_taken")
    choose(entry, "join", record="1")
    (anew,) = waiting("match_taken")
    assert "partner" in anew.message and not settled(entry)


def test_the_partner_of_one_that_was_deleted_is_taken_over() -> None:
    world = World()
    world.add(world.north, "ada")
    world.sync()
    world.north.remove("Contacts", "1")
    world.add(world.north, "ada")
    world.sync()
    (entry,) = waiting("match_taken_by_deleted")
    choose(entry, "join", record="1")
    assert settled(entry) and emails(world.south) == ["ada@example.org"] and Link.objects.count() == 1
    nothing_is_left(world)


def unclear(settings: Any) -> tuple[World, Entry]:
    """Nobody knows whether Ada arrived: somebody with her address is there, and holds something else."""
    settings.UNKNOWN_GRACE_SECONDS = 0
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", Unavailable("The line went dead.", maybe_done=True))
    world.slice()
    world.south.put("Contacts", {**person("ada"), "firstname": "Else"})
    world.sync()
    return world, waiting("outcome_unclear")[0]


def test_the_record_that_a_person_found_is_adopted_and_gets_what_differs(settings: Any) -> None:
    world, entry = unclear(settings)
    found = entry.evidence["found"][0]
    choose(entry, "join", record=found)
    assert settled(entry) and len(emails(world.south)) == 1 and value(world, "south", found, "firstname") == "Test"
    nothing_is_left(world)


def test_a_run_that_only_plans_adopts_nothing_and_the_next_one_does(settings: Any) -> None:
    world, entry = unclear(settings)
    it = entry.evidence["found"][0]
    write.decide(entry, decision_of(choice_from((), entry, record=it)), None, actor="ann")
    world.sync(plan_only=True)
    assert not settled(entry)
    world.sync()
    assert settled(entry) and len(emails(world.south)) == 1
    nothing_is_left(world)


def test_what_did_not_arrive_is_sent_again(settings: Any) -> None:
    world, entry = unclear(settings)
    run = choose(entry, "new")
    assert run.counts["create"] == 1 and len(emails(world.south)) == 2 and settled(entry)
    nothing_is_left(world)


def test_an_unclear_create_is_left_as_it_is(settings: Any) -> None:
    world, entry = unclear(settings)
    choose(entry, "retire")
    assert len(emails(world.south)) == 1 and settled(entry)
    nothing_is_left(world)


def test_an_unclear_create_is_looked_up_again(settings: Any) -> None:
    world, entry = unclear(settings)
    world.south.put("Contacts", {"firstname": "Test"}, entry.evidence["found"][0])
    choose(entry, "retry")
    assert len(emails(world.south)) == 1
    nothing_is_left(world)


def test_what_is_adopted_must_be_there(settings: Any) -> None:
    world, entry = unclear(settings)
    choose(entry, "join", record="nobody")
    assert not settled(entry) and waiting("outcome_unclear")[0].message


def test_a_parked_entry_is_tried_again_at_once_and_counts_from_one() -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", RecordInvalid("No."))
    world.sync()
    Entry.objects.update(state="parked", attempts=5, next_try=None)
    (entry,) = waiting("refused")
    world.south.fail("create", RecordInvalid("Still no."))
    choose(entry, "retry")
    (again,) = waiting("refused")
    assert (again.state, again.attempts) == ("failed", 1)
    choose(again, "retry")
    assert emails(world.south) == ["ada@example.org"] and settled(entry)
    nothing_is_left(world)


def test_a_choice_that_does_not_fit_is_refused_with_what_would() -> None:
    both_changed()
    (entry,) = waiting("both_changed")
    for words in (("delete",), ("nosuch=left",), ("lastname=up",), ()):
        with pytest.raises(ChoiceRefused):
            choice_from(words, entry)
    assert Mapping.objects.count() == 1
