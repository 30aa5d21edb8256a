"""Random histories of a two-way mapping, a run of which is taken back: what nobody touched is as it was, what somebody touched is his."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connectors.memory import Store
from connectors.types import JSON
from portal.ledger.models import Entry
from portal.sync.run import carry_out
from portal.sync.undo.start import request_undo
from tests.portal.sync_world import World, person, start_again
from tests.portal.test_sync_undo_whole import resumed

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = ("lastname", "firstname")
People = dict[str, dict[str, JSON]]  # e-mail -> the fields the rules carry


def people(crm: Store) -> People:
    return {str(r.values["email"]): {f: r.values[f] for f in FIELDS} for r in crm.of("Contacts")}


def meddle(world: World, chance: random.Random, word: str, *, delete: bool) -> dict[str, set[tuple[str, str]]]:
    """Edit, add and delete at random on both sides; return side -> (e-mail, field) that were edited."""
    edited: dict[str, set[tuple[str, str]]] = {"north": set(), "south": set()}
    for side, crm in (("north", world.north), ("south", world.south)):
        for record in crm.of("Contacts"):
            roll = chance.random()
            if delete and roll < 0.15:
                crm.remove("Contacts", record.id)
            elif roll < 0.5:
                name = chance.choice(FIELDS)
                crm.put("Contacts", {name: f"{word} {chance.random()}"}, record.id)
                edited[side].add((str(record.values["email"]), name))
        if delete:
            crm.put("Contacts", person(f"{side}{chance.randint(0, 10**6)}"))
    return edited


@given(seed=st.integers(0, 2**32))
@examples(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_nobody_touched_is_as_before_the_run_and_what_somebody_touched_is_his(seed: int) -> None:
    chance = random.Random(seed)
    start_again()
    world = World(direction="both", delete_policy="delete")
    world.add(world.north, *(f"p{n}" for n in range(6)))
    world.sync()
    meddle(world, chance, "early", delete=True)
    crms = {"north": world.north, "south": world.south}
    before = {side: people(crm) for side, crm in crms.items()}
    run = world.sync()
    after = {side: people(crm) for side, crm in crms.items()}
    edited = meddle(world, chance, "late", delete=False)
    now = {side: people(crm) for side, crm in crms.items()}
    if before == after:
        return
    undo = carry_out(request_undo(run, actor="test", enqueue=False))
    assert undo.state == "succeeded", undo.message
    for side, crm in crms.items():
        assert people(crm) == expected(before[side], after[side], now[side], edited[side]), (seed, side)
    settled = {side: people(crm) for side, crm in crms.items()}
    again = resumed(world)
    assert again.state == "succeeded" and not again.counts["create"] and not again.counts["delete"], seed
    late = {email for places in edited.values() for email, _field in places}
    for side, crm in crms.items():
        untouched = {email: kept for email, kept in settled[side].items() if email not in late}
        assert {email: kept for email, kept in people(crm).items() if email not in late} == untouched, (seed, side)
    assert not Entry.objects.filter(run=again, action__in=("create", "delete"))


def expected(before: People, after: People, now: People, edited: set[tuple[str, str]]) -> People:
    """Return what a side is to hold: a record whose written fields nobody edited as it was before the run, edits of other
    fields kept; one that the run made only if somebody edited it."""
    found: People = {}
    for email in before.keys() | now.keys():
        if email not in before:  # the run made it
            found |= {email: now[email]} if any((email, f) in edited for f in FIELDS) else {}
        elif email not in now:  # the run deleted it
            found[email] = before[email]
        else:
            written = [f for f in FIELDS if before[email][f] != after[email][f]]
            his = any((email, f) in edited for f in written)
            found[email] = now[email] if his else {**now[email], **{f: before[email][f] for f in written}}
    return found
