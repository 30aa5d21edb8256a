"""What a plan costs each CRM before anything is sent, whether today's calls suffice, and what cannot be known."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from portal.connections.limits import spent
from portal.connections.models import Connection
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Rule
from portal.sync.cost import Limits, cost
from portal.sync.plan_cost import plan_cost, sentence
from portal.sync.run import carry_out, request_sync
from tests.portal.sync_world import RULES, World

EACH = {"create": 2, "update": 1, "delete": 0}


def test_calls_are_the_sum_over_all_actions_and_what_sends_nothing_costs_nothing() -> None:
    assert cost({"create": 3, "update": 4, "skip": 9}, EACH, Limits()).calls == 10


def test_the_slower_of_limit_and_experience_tells_the_time() -> None:
    limits = Limits(per_minute=60, parallel=4, ms=200)
    assert cost({"create": 60}, EACH, limits).seconds == 120
    assert cost({"create": 60}, EACH, replace(limits, ms=8000)).seconds == 240
    assert cost({"create": 60}, EACH, Limits()).seconds is None


def test_what_today_does_not_suffice_for_takes_more_days() -> None:
    limits = Limits(per_day=50, left_today=20)
    assert cost({"update": 20}, EACH, limits).suffices is True
    found = cost({"update": 121}, EACH, limits)
    assert (found.suffices, found.more_days) == (False, 3)


@given(
    st.dictionaries(st.sampled_from([*EACH, "skip"]), st.integers(0, 10**6)),
    st.integers(1, 1000), st.integers(0, 1000), st.none() | st.integers(1, 1000), st.none() | st.floats(0, 1e5),
)  # fmt: skip
@how(max_examples=200, deadline=None)
def test_the_days_are_just_enough(numbers: Any, per_day: int, left: int, minute: Any, ms: Any) -> None:
    found = cost(numbers, EACH, Limits(minute, per_day, left, 2, ms))
    assert left + found.more_days * per_day >= found.calls
    assert found.suffices is (found.more_days == 0)
    assert found.suffices or left + (found.more_days - 1) * per_day < found.calls
    assert found.seconds is None or found.seconds >= 0


@pytest.fixture
def world(transactional_db: None) -> World:
    world = World()
    ada, *_rest = world.add(world.north, "ada", "bob")
    world.sync()
    world.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    world.add(world.north, "eve", "zoe", "max")
    return world


def planned(world: World) -> Run:
    return carry_out(request_sync(world.mapping, actor="test", plan_only=True, enqueue=False))


def limited(name: str, **limits: Any) -> None:
    Connection.objects.filter(name=name).update(**limits)


def test_a_plan_tells_its_calls_per_crm_and_what_is_unknown(world: World) -> None:
    (side,) = plan_cost(planned(world))
    assert (side.connection.name, side.numbers, side.cost.calls) == ("south", {"create": 3, "update": 1}, 4)
    assert any("Who owns the new records" in text for text in side.unknown)
    assert sentence(side).startswith("4 calls to south; takes less than a minute")


def test_what_applying_it_then_sends_is_what_was_told(world: World) -> None:
    run = planned(world)
    (side,) = plan_cost(run)
    before = world.south.requests
    call_command("sync", "contacts", "--approve", str(run.pk), "--json", stdout=StringIO())
    reading = 1  # the pull that comes before
    assert world.south.requests - before - reading == side.cost.calls
    assert plan_cost(Run.objects.get(pk=run.pk)) == []


def test_whether_todays_calls_suffice_counts_what_was_spent_and_leaves_a_fifth_to_people(world: World) -> None:
    limited("south", calls_per_day=10, calls_per_minute=1000)
    run = planned(world)
    spent_today = spent(world.connections["south"].pk, "day", timezone.now())
    (side,) = plan_cost(run)
    assert spent_today and side.limits.left_today == 8 - spent_today
    assert side.cost.suffices is (side.cost.calls <= 8 - spent_today)
    limited("south", calls_per_day=4)
    assert "do not suffice" in sentence(plan_cost(run)[0])


def test_an_owner_that_a_rule_or_a_setting_names_is_known(world: World) -> None:
    world.say(rules=(*RULES, Rule("", "owner", source="value", value="2")))
    (side,) = plan_cost(planned(world))
    assert not any("owns" in text for text in side.unknown)


def test_what_a_server_may_store_otherwise_is_told_of_the_types_that_are_written(world: World) -> None:
    run = planned(world)
    Connection.objects.filter(name="south").update(
        connector="vtiger", settings={}
    )  # only what it declares is looked at
    (side,) = plan_cost(run)
    assert any("longer than its column" in text for text in side.unknown)
    assert not any("rounded" in text for text in side.unknown)  # no number is written


def test_the_commands_print_it(world: World) -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("sync", "contacts", "--plan", "--json", stdout=out, stderr=StringIO())
    (side,) = orjson.loads(out.getvalue())["cost"]
    assert (side["connection"], side["calls"], side["calls_each"]) == ("south", 4, {"create": 1, "update": 1})
    assert side["suffices"] is None and side["unknown"]
    listed = StringIO()
    call_command("show_run", str(Run.objects.latest("pk").pk), "--json", stdout=listed)
    assert [entry["calls"] for entry in orjson.loads(listed.getvalue())["waiting"]] == [1] * 4
    shown = StringIO()
    call_command("show_run", str(Run.objects.latest("pk").pk), stdout=shown)
    assert "4 calls to south" in shown.getvalue() and "Not known before" in shown.getvalue()


def test_the_page_of_a_plan_shows_the_sum_and_the_calls_of_each_entry(admin: Client, world: World) -> None:
    run = planned(world)
    text = admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert "4 calls to south" in text and text.count("1 call</span>") == 4


def test_it_costs_the_same_queries_however_long_the_plan(world: World) -> None:
    counts = []
    for more in ("one", "two", "three"):
        run = planned(world)
        with CaptureQueriesContext(connection) as found:
            plan_cost(run)
        counts.append(len(found))
        world.add(world.north, more)
    assert len(set(counts)) == 1 and Entry.objects.filter(state="awaiting").exists()
