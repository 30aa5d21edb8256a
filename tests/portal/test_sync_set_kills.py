"""A set's run that dies again and again: whichever stage it is in, every record arrives once, with what it refers to."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.errors import Unavailable
from portal.connections.models import Connection
from portal.ledger.models import Lease, Run
from portal.mappings.models import Mapping
from portal.sync.approve import approve
from portal.sync.lead import stage_of
from portal.sync.models import Link, SyncSet
from portal.sync.run import carry_out, work
from portal.sync.sets.start import request_set
from portal.sync.tasks import resume_runs, run_slice
from tests.portal.set_world import MAIN_CONTACT, PARENT, SetWorld
from tests.portal.sync_world import entries, expire_leases
from tests.portal.task_queue import take_next
from tests.portal.test_sync_recover import Guillotine, Killed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_grace(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0


QUICK = [Phase.explicit, Phase.reuse, Phase.generate]
SEEDS = given(seed=st.integers(0, 2**32))
HOW: dict[str, Any] = {"phases": QUICK, "deadline": None, "suppress_health_check": list(HealthCheck)}


@SEEDS
@settings(max_examples=3, **HOW)
def test_a_set_killed_anywhere_ends_with_every_record_once_and_all_references(seed: int) -> None:
    ends_well(seed)


@pytest.mark.nightly
@SEEDS
@settings(max_examples=60, **HOW)
def test_many_sets_killed_anywhere_end_well(seed: int) -> None:
    ends_well(seed)


@pytest.mark.parametrize("stage", ["plan", "hold", "apply"])
def test_a_set_killed_in_each_stage_goes_on_from_there(stage: str, settings: Any) -> None:
    world = SetWorld()
    world.say("deals", guards={"creates": 0})
    acme = world.company("Acme")
    world.deal("Boots", acme, world.person("ada", acme))
    settings.SLICE_SECONDS = 0
    run = request_set(world.set, actor="test", enqueue=False)
    for statements in range(30, 400, 40):
        while stage_of(run) != stage and run.state in Run.OPEN:
            run = work(run.pk)
        if run.state == "awaiting_approval":
            run = approve(run, actor="test", enqueue=False)
        try:
            with connection.execute_wrapper(Guillotine(statements)):
                work(run.pk)
        except Killed:
            expire_leases()
        run.refresh_from_db()
    settings.SLICE_SECONDS = 20
    run = carry_out(run)
    if run.state == "awaiting_approval":
        assert not world.south.of("Accounts"), "nothing is sent before a person's word"
        run = carry_out(approve(run, actor="test", enqueue=False))
    assert run.state == "succeeded" and run.children.count() == 3
    assert world.arrived("Deals", "contact") == {"Boots": "Ada"} and len(world.south.records) == 3


def ends_well(seed: int) -> None:
    chance = random.Random(seed)
    for table in (SyncSet, Mapping, Run, Connection, Lease):
        table.objects.all().delete()  # type: ignore[attr-defined]
    world = filled(chance)
    plan_only = chance.random() < 0.5
    run = live_on(world, chance, plan_only)
    assert run.state == "succeeded", (run.state, run.message)
    north = {f"{m}.{f}": told(world, m, f) for m, f in REFERENCES}
    assert {f"{m}.{f}": world.arrived(m, f) for m, f in REFERENCES} == north
    assert not entries("sent", "unknown", "planned", "awaiting", "failed", "conflict", "blocked")
    assert Link.objects.filter(state="linked").count() == sum(
        len(world.north.of(m)) for m in ("Accounts", "Contacts", "Deals")
    )
    assert not Run.objects.filter(state__in=Run.OPEN).exists()


REFERENCES = (("Accounts", "contact"), ("Accounts", "parent"), ("Contacts", "account"), ("Deals", "contact"))


def filled(chance: random.Random) -> SetWorld:
    world = SetWorld()
    world.say("companies", MAIN_CONTACT, PARENT, guards={"creates": 0} if chance.random() < 0.3 else {})
    companies = [world.company(f"C{n}") for n in range(3)]
    people = [world.person(f"p{n}", chance.choice([*companies, None])) for n in range(4)]
    for n, id in enumerate(companies):
        world.north.put("Accounts", {"contact": chance.choice(people), "parent": companies[n - 1]}, id)
    for n in range(2):
        world.deal(f"D{n}", chance.choice(companies), chance.choice(people))
    if chance.random() < 0.5:
        world.south.put("Accounts", {"name": "C0"})
    for _ in range(chance.randint(0, 3)):
        place = chance.choice(["create", "update", "changes"])
        error = chance.choice([Killed(), Unavailable("No answer.", code="Reset", maybe_done=True)])
        chance.choice([world.south, world.north]).fail(place, error, after=chance.random() < 0.5)  # type: ignore[arg-type]
    return world


def told(world: SetWorld, module: str, field: str) -> dict[str, Any]:
    """Return what each record of the north refers to, by names."""
    names = {(r.module, r.id): r.values.get("name") or r.values.get("lastname") for r in world.north.records.values()}
    to = {f.name: f.refers_to for f in world.north.schema(module).fields}[field][0]
    found = {}
    for record in world.north.of(module):
        value = record.values.get(field)
        found[str(names[module, record.id])] = None if value is None else names[to, str(value)]
    return found


def live_on(world: SetWorld, chance: random.Random, plan_only: bool) -> Run:
    """Carry out slices that die at any statement, later ones that do not, until the run ends."""
    run = request_set(world.set, actor="test", enqueue=False, plan_only=plan_only)
    for life in range(40):
        statements = chance.randint(1, 400) if life < 12 else 1_000_000
        try:
            with connection.execute_wrapper(Guillotine(statements)):
                run = Run.objects.get(pk=run.pk)
                if run.state == "awaiting_approval":
                    approve(run, actor="test", enqueue=False)
                run = work(run.pk)
        except Killed:
            expire_leases()
        Run.objects.exclude(not_before=None).update(not_before=None)
        run.refresh_from_db()
        if run.state in Run.ENDED:
            break
    return run


def test_a_part_that_outlived_its_set_is_ended_by_whoever_looks() -> None:
    world = SetWorld()
    world.company("Acme")
    run = request_set(world.set, actor="test", enqueue=False)
    part = Run.objects.create(kind="sync", parent=run, mapping=Mapping.objects.get(name="deals").uuid, actor="test")
    Run.objects.filter(pk=run.pk).update(state="failed", message="Lost.")
    resume_runs()
    part.refresh_from_db()
    assert (part.state, part.message) == ("cancelled", "Lost.")


def test_only_the_set_is_taken_up_again_not_its_parts() -> None:
    world = SetWorld()
    world.company("Acme")
    run = request_set(world.set, actor="test", enqueue=False)
    Run.objects.create(kind="sync", parent=run, mapping=Mapping.objects.get(name="companies").uuid, actor="test")
    assert resume_runs(at_once=True) == 1


def test_a_qcluster_carries_a_set_on_task_after_task_whichever_part_was_asked_for(settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    world = SetWorld()
    world.person("ada", world.company("Acme"))
    run = request_set(world.set, actor="test")
    for _turn in range(60):
        if (task := take_next()) is None:
            break
        run_slice(*task)
        part = run.children.first()
        if part is not None and part.state == "queued":
            run_slice(part.pk)
    run.refresh_from_db()
    assert run.state == "succeeded" and world.arrived("Contacts", "account") == {"Ada": "Acme"}
    assert len(world.south.of("Accounts")) == 1
