"""The rarer kinds of what waits, each made by a real run and settled: records that are missing, creates of which nobody knows,
answers with somebody else's record, and what only has to be looked at again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connectors.errors import Unavailable
from connectors.memory import Store
from connectors.types import Record, Values
from portal.accounts.models import User
from portal.ledger.models import Entry, Run
from portal.sync.choices.decide import decide, settled
from portal.sync.choices.options import choice_from
from portal.sync.models import Link
from portal.sync.run import carry_out
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import RULES, World, emails, entries, expire_leases, person
from tests.portal.test_sync_both_ways import linked
from tests.portal.test_sync_decide import both_changed, choose, gone, nothing_is_left, several, waiting
from tests.portal.test_sync_gone import Losing, linked_world
from tests.portal.test_sync_sweep import Swept, later

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("word", "left"), [("delete", []), ("retire", ["ada@example.org"])])
def test_a_record_that_is_missing_at_its_source_is_deleted_or_kept(vtiger: Account, word: str, left: list[str]) -> None:
    world = Swept(vtiger, delete_policy="mark")
    ada = world.put("ada")
    world.sync()
    later(vtiger, minutes=10)
    world.remove(ada)
    world.a_day_passes()
    world.sync()
    (entry,) = entries("blocked")
    assert entry.reason in ("source_missing", "source_gone")
    choose(entry, word)
    assert emails(world.south) == left and settled(entry)
    world.a_day_passes()
    nothing_is_left(world)


def test_a_record_that_vanished_while_it_was_written_is_made_again() -> None:
    world = linked_world()
    world.south.__class__ = Losing
    world.north.put("Contacts", {"firstname": "New"}, "1")
    world.sync()
    (entry,) = waiting("target_missing")
    world.south.__class__ = Store
    choose(entry, "new")
    assert emails(world.south) == ["ada@example.org"] and settled(entry)
    nothing_is_left(world)


def test_deleted_here_and_changed_there_is_deleted_there_too() -> None:
    world, north, south = linked(delete_policy="delete")
    world.north.remove("Contacts", north)
    world.south.put("Contacts", {"lastname": "Changed"}, south)
    world.sync()
    (entry,) = waiting("deleted_and_changed")
    choose(entry, "delete")
    assert emails(world.south) == [] and settled(entry)
    nothing_is_left(world)


def without_a_key_in_what_was_sent() -> World:
    """Ada was sent without her address, by which she could be looked up, and no answer came."""
    world = World(rules=RULES[:2])
    world.add(world.north, "ada")
    world.south.fail("create", Unavailable("The line went dead.", maybe_done=True))
    world.sync()
    return world


def test_what_cannot_be_looked_up_is_sent_again_once_a_person_looked() -> None:
    world = without_a_key_in_what_was_sent()
    (entry,) = waiting("cannot_look_up")
    choose(entry, "new")
    assert len(world.south.of("Contacts")) == 1 and settled(entry)
    nothing_is_left(world)


def test_what_cannot_be_looked_up_is_the_record_that_a_person_found() -> None:
    world = without_a_key_in_what_was_sent()
    (entry,) = waiting("cannot_look_up")
    it = world.south.put("Contacts", {"lastname": "Ada", "firstname": "Test"})
    choose(entry, "join", record=it.id)
    assert len(world.south.of("Contacts")) == 1 and settled(entry)
    nothing_is_left(world)


class Merging(Store):
    """A server that answers every create with the first record it has."""

    def put(self, module: str, values: Values, id: str = "", **kwargs: Any) -> Record:
        return super().put(module, values, id or "1", **kwargs)


def test_an_answer_with_somebody_elses_record_is_left_or_made_anew() -> None:
    world = linked_world()
    world.south.__class__ = Merging
    world.add(world.north, "bo", "cy")
    world.sync()
    bo, cy = waiting("already_linked", "already_linked")
    world.south.__class__ = Store
    choose(bo, "retire")
    choose(cy, "new")
    assert len(world.south.of("Contacts")) == 2 and settled(bo) and settled(cy)
    assert sorted(Link.objects.values_list("state", flat=True)) == ["linked", "linked", "retired"]
    world.sync()
    nothing_is_left(world)


def test_what_is_still_so_when_it_is_looked_at_again_waits_on_and_can_be_chosen_about_again() -> None:
    world = World()
    world.north.put("Contacts", {**person("ada"), "email": "ada😀@example.org"})
    world.sync()
    (entry,) = waiting("unsafe_match_key")
    choose(entry, "retry")
    (again,) = waiting("unsafe_match_key")
    assert again.pk != entry.pk and again.decision is None and not settled(entry)
    world.north.put("Contacts", {"email": "ada@example.org"}, entry.source_id)
    choose(again, "retry")
    assert emails(world.south) == ["ada@example.org"] and settled(entry) and settled(again)


def test_who_changed_a_record_is_told_where_the_crm_tells(vtiger: Account, client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss", password="x"))
    world = Swept(vtiger)
    world.put("ada")
    world.add(world.south, "ada", "ada")
    assert world.sync().state == Run.State.SUCCEEDED
    page = client.get(reverse("sync:inbox")).content.decode()
    assert "Several records on the other side" in page and "changed by" in page


class Killed(BaseException):
    """The process is killed."""


@pytest.mark.parametrize("phase", ["pull", "plan", "apply"])
@pytest.mark.parametrize("kind", ["several", "gone", "both"])
def test_a_choice_is_carried_out_once_though_the_process_is_killed_on_the_way(kind: str, phase: str) -> None:
    def kill(at: str, done: int, total: int | None) -> None:
        if at == phase:
            raise Killed

    world, entry, word = made(kind)
    decided = decide([(entry, choice_from((word,), entry))], user=None, actor="test", enqueue=False)
    with suppress(Killed):
        carry_out(decided.runs[0], kill)
    expire_leases()
    assert carry_out(decided.runs[0]).state == Run.State.SUCCEEDED
    assert settled(entry) and len(emails(world.south)) == {"several": 3, "gone": 1, "both": 1}[kind]
    nothing_is_left(world)


def made(kind: str) -> tuple[World, Entry, str]:
    """Return a world, what waits in it, and what is to be chosen about that."""
    if kind == "several":
        return *several(), "new"
    if kind == "gone":
        return *gone("south"), "new"
    world = both_changed()[0]
    return world, entries("conflict")[0], "left"  # type: ignore[index]
