"""Two mappings of the same two modules meet at one record."""

from __future__ import annotations

import time

import pytest

from portal.ledger import lease
from portal.ledger.models import Entry
from portal.records.pull import mirror_of
from portal.sync.apply import _agree, _intend
from portal.sync.job import open_job
from portal.sync.models import Link
from portal.sync.run import lease_name
from tests.portal.sync_world import World, entries

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_record_linked_by_another_mapping_this_very_moment_is_planned_again() -> None:
    world = World(guards={"creates": 0})
    (ada,) = world.add(world.north, "ada")
    run = world.sync()
    (entry,) = entries(Entry.State.AWAITING)
    north, south = (mirror_of(world.connections[name], "Contacts") for name in ("north", "south"))
    Link.objects.create(left_mirror=north, left_id=ada.id, right_mirror=south, right_id="77")
    held = lease.take(lease_name(run))
    assert held is not None
    with open_job(run, held, time.monotonic() + 9, lambda *_: None) as job:
        assert not _intend(job, [entry], "right")
    entry.refresh_from_db()
    assert (entry.state, entry.reason, entry.attempts) == (Entry.State.SKIPPED, "changed_meanwhile", 0)


def test_a_matched_record_that_is_linked_elsewhere_this_very_moment_is_planned_again() -> None:
    world = World(guards={"creates": 0})
    ada, _bo = world.add(world.north, "ada", "bo")
    (there,) = world.add(world.south, "ada")
    run = world.sync()
    matched = next(entry for entry in entries(Entry.State.AWAITING) if entry.action == Entry.Action.SKIP)
    north, south = (mirror_of(world.connections[name], "Contacts") for name in ("north", "south"))
    Link.objects.create(left_mirror=north, left_id="77", right_mirror=south, right_id=there.id)
    held = lease.take(lease_name(run))
    assert held is not None
    with open_job(run, held, time.monotonic() + 9, lambda *_: None) as job:
        _agree(job, [matched], "right")
    matched.refresh_from_db()
    assert (matched.source_id, matched.state, matched.reason) == (ada.id, Entry.State.SKIPPED, "changed_meanwhile")
