"""All again, and forgetting what was agreed on: both stop at a plan, and what was edited meanwhile is seen before it is lost."""

from __future__ import annotations

from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from portal.ledger import lease
from portal.ledger.models import AuditEntry, Entry, Run
from portal.mappings.definition import Rule
from portal.sync.anew import agreeing, anew
from portal.sync.approve import approve
from portal.sync.models import Base, Link
from portal.sync.plan import plan
from portal.sync.run import carry_out, request_sync
from tests.portal.sync_world import RULES, World
from tests.portal.test_sync_plan import BOTH, TO_LEFT, TO_RIGHT, pair, terms, told
from tests.portal.test_sync_run import Shouting


def command(*words: str) -> Any:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*words, "--json", stdout=out, stderr=StringIO())
        raise SystemExit(0)
    return ended.value.code, orjson.loads(out.getvalue())


@pytest.mark.parametrize(
    ("direction", "left", "right", "base", "done"),
    [
        (TO_RIGHT, "X", "Y", ("X", "X"), ["update right city=X"]),  # edited at the target: the source wins
        (TO_RIGHT, "X", "x!", ("X", "x!"), ["update right city=X"]),  # stored differently, or the rule changed since
        (TO_RIGHT, "X", "X", ("X", "X"), []),
        (TO_RIGHT, None, "Y", ("X", "Y"), []),  # an empty winner erases only where the rule says so
        (TO_LEFT, "X", "Y", ("X", "Y"), ["update left city=Y"]),
        (BOTH, "X", "Y", ("X", "Y"), ["update right city=X"]),  # by the policy: left
        (BOTH, None, "Y", (None, "Y"), ["update left city=Y"]),  # an empty side is filled
        (BOTH, "X", "Y", ("X", "X"), ["update left city=Y"]),  # what only one side changed is carried over as always
        (BOTH, "X", "X", ("X", "X"), []),
    ],
)
def test_a_pair_is_planned_as_if_its_source_had_changed(
    direction: str, left: Any, right: Any, base: Any, done: list[str]
) -> None:
    assert told(plan(anew(pair(left, right, base), terms(direction)), terms(direction))) == done


def test_an_empty_source_erases_where_its_rule_may() -> None:
    may = terms(TO_RIGHT, may_clear=True)
    assert told(plan(anew(pair(None, "Y", ("X", "Y")), may), may)) == ["update right city=None"]


cities = st.sampled_from([None, "X", "Y", "Z "])


@given(
    st.sampled_from([TO_RIGHT, TO_LEFT, BOTH]), st.sampled_from(["left", "right", "ask"]), cities, cities,
    st.none() | st.tuples(cities, cities),
)  # fmt: skip
@how(max_examples=300, deadline=None)
def test_what_agrees_is_left_alone_and_what_is_written_agrees_afterwards(
    direction: str, policy: str, left: Any, right: Any, base: Any
) -> None:
    said = terms(direction, policy)
    case = pair(left, right, base)
    again = anew(case, said)
    if "c" in agreeing(case, said):
        assert all(not action.values for action in plan(again, said))
    for action in plan(again, said):
        if action.kind == "update":
            now = {"left": left, "right": right} | {action.side: action.values["city"]}
            assert "c" in agreeing(pair(now["left"], now["right"], base), said)


@pytest.fixture
def world(transactional_db: None) -> World:
    world = World()
    world.add(world.north, "ada", "bob", "eve")
    world.sync()
    ada = world.south.of("Contacts")[0]
    world.south.put("Contacts", {"firstname": "Edited there"}, ada.id)
    assert not any(world.sync().counts.values())
    return world


def first_names(world: World) -> list[Any]:
    return [record.values["firstname"] for record in world.south.of("Contacts")]


def test_all_again_stops_at_its_plan_and_writes_what_was_approved(world: World) -> None:
    code, run = command("sync", "contacts", "--all-again")
    assert (code, run["state"], run["counts"]["update"]) == (3, "awaiting_approval", 1)
    (entry,) = Entry.objects.filter(run=run["id"])
    assert (entry.before, entry.intended) == ({"firstname": "Edited there"}, {"firstname": "Test"})
    assert first_names(world)[0] == "Edited there"
    done = carry_out(approve(Run.objects.get(pk=run["id"]), actor="test", enqueue=False))
    assert (done.state, done.counts["update"], first_names(world)) == ("succeeded", 1, ["Test"] * 3)
    assert not any(world.sync().counts.values())


def test_all_again_ends_also_in_slices_that_hold_no_more_than_a_batch(world: World, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    run = carry_out(request_sync(world.mapping, actor="test", anew=True, enqueue=False))
    assert (run.state, run.counts["update"]) == ("awaiting_approval", 1)
    done = carry_out(approve(run, actor="test", enqueue=False))
    assert (done.state, first_names(world)) == ("succeeded", ["Test"] * 3) and done.slices > 4


def test_a_plan_of_all_again_that_nobody_approves_changes_nothing_later(world: World) -> None:
    bases = list(Base.objects.order_by("pk").values())
    command("sync", "contacts", "--all-again")
    run = world.sync()
    assert (run.state, first_names(world)[0]) == ("succeeded", "Edited there")
    assert list(Base.objects.order_by("pk").values()) == bases


def test_all_again_over_equal_sides_writes_nothing(world: World) -> None:
    world.south.put("Contacts", {"firstname": "Test"}, world.south.of("Contacts")[0].id)
    world.sync()
    before = Entry.objects.count()
    code, run = command("sync", "contacts", "--all-again")
    assert (code, run["state"], Entry.objects.count()) == (0, "succeeded", before)


def test_a_changed_rule_reaches_all_records_when_it_is_applied_again(world: World) -> None:
    rules = (RULES[0], Rule("", "firstname", source="expression", expression="{{ firstname|upper }}"), RULES[2])
    world.say(rules=rules)
    code, run = command("sync", "contacts", "--all-again")
    assert run["counts"]["update"] == 3
    carry_out(approve(Run.objects.get(pk=run["id"]), actor="test", enqueue=False))
    assert first_names(world) == ["TEST"] * 3


def test_what_the_server_stores_differently_is_sent_once_in_a_run(world: World) -> None:
    world.say(rules=(*RULES, Rule("notes", "notes")))
    world.south.__class__ = Shouting
    world.north.put("Contacts", {"notes": "loud"}, world.north.of("Contacts")[1].id)
    world.sync()
    _code, run = command("sync", "contacts", "--all-again")
    done = carry_out(approve(Run.objects.get(pk=run["id"]), actor="test", enqueue=False))
    (entry,) = Entry.objects.filter(run=done, state="stored_differently")
    assert (done.state, done.counts["update"], entry.stored) == ("succeeded", 2, {"notes": "LOUD"})


def test_a_reset_says_first_what_it_does(world: World) -> None:
    with pytest.raises(CommandError, match="for 3 linked pairs .* --all-again"):
        call_command("reset_mapping", "contacts")
    assert Base.objects.count() == 3


def test_after_a_reset_every_run_stops_at_its_plan_until_one_is_approved(world: World) -> None:
    links = list(Link.objects.values_list("pk", flat=True))
    assert command("reset_mapping", "contacts", "--yes") == (0, {"mapping": "contacts", "agreed": 3, "waiting": 0})
    assert (Base.objects.count(), list(Link.objects.values_list("pk", flat=True))) == (0, links)
    run = world.sync()
    assert (run.state, first_names(world)[0]) == ("awaiting_approval", "Edited there")
    assert "reset" in run.message
    run = world.sync()  # a schedule would not even begin one
    assert run.state == "awaiting_approval"
    done = carry_out(approve(run, actor="test", enqueue=False))
    assert (done.state, first_names(world)[0], Base.objects.count()) == ("succeeded", "Test", 3)
    world.south.put("Contacts", {"firstname": "Edited there"}, world.south.of("Contacts")[0].id)
    world.north.put("Contacts", {"firstname": "New"}, world.north.of("Contacts")[0].id)
    assert world.sync().state == "succeeded"
    assert AuditEntry.objects.get(action="reset_mapping").changes == {"pairs": 3}


def test_a_mapping_at_work_is_not_reset(world: World) -> None:
    held = lease.take(f"mapping:{world.mapping.uuid}")
    assert held is not None
    with pytest.raises(CommandError, match="just now"):
        call_command("reset_mapping", "contacts", "--yes")
    assert Base.objects.count() == 3
    held.release()
