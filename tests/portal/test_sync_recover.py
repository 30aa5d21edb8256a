"""Requests whose answer never came: looked up, adopted, sent again or handed to a person, and never twice on the other side."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ProtocolError, Unavailable
from connectors.memory import Store
from connectors.types import Record, Values
from portal.ledger.lease import take
from portal.ledger.models import Entry, Lease, Run
from portal.mappings.definition import Rule
from portal.sync.models import Link
from portal.sync.run import carry_out, request_sync, work
from tests.portal.sync_world import RULES, World, emails, entries, expire_leases, person, start_again

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture(autouse=True)
def no_grace(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0


def lost(*, code: str = "ReadTimeoutError") -> Unavailable:
    return Unavailable("No answer.", code=code, maybe_done=True)


@pytest.mark.parametrize("after", [True, False])
def test_a_create_whose_answer_was_lost_exists_once_whether_it_arrived_or_not(after: bool) -> None:
    world = World()
    world.add(world.north, "ada", "bo")
    world.south.fail("create", lost(), after=after)
    run = world.sync()
    assert (run.state, run.counts["create"], run.counts["failed"]) == ("succeeded", 2, 0)
    assert emails(world.south) == ["ada@example.org", "bo@example.org"]
    assert Link.objects.filter(state="linked").count() == 2 and not Link.objects.filter(state="pending")
    assert sum(world.sync().counts.values()) == 0


def test_it_is_sent_again_only_after_two_empty_look_ups_with_the_grace_before_each(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 600
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", lost())
    run = world.sync()
    assert run.state == "postponed" and run.not_before is not None and emails(world.south) == []
    for empty in (1, 2):
        Run.objects.update(not_before=None)
        Entry.objects.filter(state="unknown").update(next_try=run.created_at)
        settings.UNKNOWN_GRACE_SECONDS = 600 if empty == 1 else 0
        before = len(world.south.of("Contacts"))
        run = work(run.pk)
        assert before == 0 and len(world.south.of("Contacts")) == empty - 1
    assert run.state == "succeeded"


def test_after_a_reset_it_is_looked_up_at_once(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 600
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", lost(code="ConnectionResetError"), after=True)
    assert world.sync().state == "succeeded" and emails(world.south) == ["ada@example.org"]


def test_a_garbled_answer_is_unknown_not_failed() -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", ProtocolError("Half an answer.", maybe_done=True), after=True)
    run = world.sync()
    assert (run.state, emails(world.south)) == ("succeeded", ["ada@example.org"])


def test_an_update_whose_answer_was_lost_is_looked_up_by_its_id() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.sync()
    for after in (True, False):
        name = f"New {after}"
        world.north.put("Contacts", {"firstname": name}, ada.id)
        world.south.fail("update", lost(), after=after)
        assert world.sync().state == "succeeded"
        assert world.south.of("Contacts")[0].values["firstname"] == name


def test_a_delete_whose_answer_was_lost_is_done_when_the_record_is_gone() -> None:
    world = World(delete_policy="delete")
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.north.remove("Contacts", ada.id)
    world.south.fail("delete", lost(), after=True)
    run = world.sync()
    assert (run.state, run.counts["delete"], emails(world.south)) == ("succeeded", 1, [])


def test_a_record_found_that_does_not_hold_what_was_sent_waits_for_a_person() -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", lost())
    run = request_sync(world.mapping, actor="test", enqueue=False)
    world.south.__class__ = Rival
    run = carry_out(run)
    (entry,) = entries("conflict")
    assert entry.reason == "outcome_unclear" and entry.evidence["found"] == ["1"]
    world.sync()
    world.north.put("Contacts", {"firstname": "Again"}, entry.source_id)
    world.sync()
    assert len(emails(world.south)) == 1 and entries("conflict") == [entry]


class Rival(Store):
    """A server in which somebody creates the same person by hand as soon as it is read."""

    def of(self, module: str) -> list[Record]:
        if not super().of(module):
            self.put(module, {**person("ada"), "firstname": "By hand"})
        return super().of(module)


def test_two_records_with_the_key_are_adopted_by_nobody() -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.__class__ = Twice
    world.south.fail("create", lost(), after=True)
    world.sync()
    (entry,) = entries("conflict")
    assert entry.reason == "outcome_unclear" and len(entry.evidence["found"]) == 2


class Twice(Store):
    """A server that makes every new record twice."""

    def put(self, module: str, values: Values, id: str = "", **kwargs: Any) -> Record:
        if not id:
            super().put(module, values, **kwargs)
        return super().put(module, values, id, **kwargs)


def test_without_a_match_key_among_what_was_sent_nothing_is_sent_twice() -> None:
    world = World(rules=(RULES[0], RULES[1]))
    world.add(world.north, "ada")
    world.south.fail("create", lost())
    world.sync()
    assert [entry.reason for entry in entries("conflict")] == ["cannot_look_up"]
    world.sync()
    assert emails(world.south) == []


def test_a_phone_that_the_server_spells_anew_is_found_again() -> None:
    world = World(match=(("phone", "phone"),), rules=(RULES[0], Rule("phone", "phone")))
    world.north.put("Contacts", {"lastname": "Ada", "phone": "+44 20 7946 0018"})
    world.south.__class__ = Respelling
    world.south.fail("create", lost(), after=True)
    world.sync()
    assert len(world.south.of("Contacts")) == 1
    assert [entry.reason for entry in entries("conflict")] == ["outcome_unclear"]


class Respelling(Store):
    """A server with its own idea of phone numbers."""

    def put(self, module: str, values: Values, id: str = "", **kwargs: Any) -> Record:
        return super().put(module, {**values, "phone": "(020) 7946-0018"}, id, **kwargs)


def test_the_source_deleted_while_nobody_knew_makes_no_second_record() -> None:
    world = World()
    (ada,) = world.add(world.north, "ada")
    world.south.fail("create", Killed(), after=True)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        world.slice()
    world.north.remove("Contacts", ada.id)
    assert world.sync().state == "succeeded"
    assert emails(world.south) == ["ada@example.org"] and Link.objects.get().state == "linked"


def test_whoever_lost_the_lease_while_sending_writes_nothing_and_the_other_finds_out() -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.__class__ = Slow
    run = request_sync(world.mapping, actor="test", enqueue=False)
    after = work(run.pk)
    assert after.state == "running" and [e.state for e in entries()] == ["sent"]
    Lease.objects.update(host="")
    assert carry_out(run).state == "succeeded" and len(emails(world.south)) == 1


class Slow(Store):
    """A server so slow that the sender's lease runs out and somebody else takes it."""

    def put(self, module: str, values: Values, id: str = "", **kwargs: Any) -> Record:
        record = super().put(module, values, id, **kwargs)
        expire_leases()
        for lease in Lease.objects.filter(name__startswith="mapping:"):
            assert take(lease.name) is not None
        self.__class__ = Store
        return record


class Guillotine:
    """Lets a number of SQL statements through and then none: a killed process does not even tidy up."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return execute(sql, params, many, context)


@pytest.mark.parametrize("parallel", [1, 4])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_run_killed_anywhere_ends_with_every_record_once(parallel: int, seed: int) -> None:
    chance = random.Random(seed)
    start_again()
    world = World(parallel)
    world.add(world.north, *(f"p{n}" for n in range(5)))
    world.add(world.south, "p0")
    if chance.random() < 0.5:
        world.sync()
    world.add(world.north, *(f"q{n}" for n in range(3)))
    for record in world.north.of("Contacts")[:3]:
        world.north.put("Contacts", {"firstname": f"Edit {chance.random()}"}, record.id)
    for _ in range(chance.randint(1, 4)):
        place = chance.choice(["create", "update", "read", "changes", "get"])
        error = chance.choice([Killed(), lost(), lost(code="Reset")])
        chance.choice([world.south, world.north]).fail(place, error, after=chance.random() < 0.5)  # type: ignore[arg-type]
    run = live_on(world, chance)
    assert run.state == "succeeded", (run.state, run.message)
    assert emails(world.south) == sorted(emails(world.north)), "lost or doubled"
    names = {record.values["email"]: record.values["firstname"] for record in world.north.of("Contacts")}
    assert {r.values["email"]: r.values["firstname"] for r in world.south.of("Contacts")} == names
    assert not entries("sent", "unknown", "planned", "failed", "conflict")
    assert Link.objects.filter(state="linked").count() == len(names)


def live_on(world: World, chance: random.Random) -> Run:
    """Carry out slices that die at any statement, later ones that do not, until the run ends."""
    run = Run()
    for life in range(16):
        statements = chance.randint(1, 250) if life < 6 else 1_000_000
        try:
            with connection.execute_wrapper(Guillotine(statements)):
                run = world.slice()
        except Killed:
            expire_leases()
        Run.objects.filter(state="postponed").update(not_before=None)
        if run.state == "succeeded":
            break
    return run
