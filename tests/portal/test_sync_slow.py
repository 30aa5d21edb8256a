"""CRMs that answer slowly lose nobody a lease, and a run that takes long looks again before it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.memory import MemoryConnector
from connectors.types import Change, ChangePage, Cursor, Record
from portal.connections.access import open_connector
from portal.ledger import lease
from portal.ledger.lease import Held, LeaseLost, renewing
from portal.ledger.models import Run
from portal.records.models import Copy, Mirror
from portal.records.pull import mirror_lease, mirror_of, pull
from portal.sync.job import open_job
from portal.sync.run import lease_name, request_sync, work
from tests.portal.sync_world import World, emails, entries

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_leases(settings: Any) -> None:
    """A lease of 2.5 s instead of 75, and calls of at most a second."""
    settings.LEASE_SECONDS = 2.5
    settings.CALL_DEADLINE_SECONDS = 1


class Slow(MemoryConnector):
    """Asks twelve times, a quarter of a second each, before the first page comes."""

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        for _ in range(12):
            time.sleep(0.25)
            self.check()
        yield ChangePage((Change("1", Record(module, "1", {"lastname": "Ada"})),), "1")


def test_a_run_whose_crm_answers_slowly_keeps_its_leases() -> None:
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    held = lease.take(lease_name(run))
    assert held is not None
    with open_job(run, held, time.monotonic() + 9, lambda *_: None) as job:
        crm = Slow({}, {}, job.crms["left"].context)
        with job.holding(job.mirrors["left"]) as mirrors:
            assert pull(job.mirrors["left"], crm, held=mirrors).new == 1
    assert held.seconds_left() > 0 and Copy.objects.count() == 1


def test_a_lease_that_was_lost_meanwhile_is_not_renewed() -> None:
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    held = lease.take(lease_name(run))
    assert held is not None
    with open_job(run, held, time.monotonic() + 9, lambda *_: None) as job:
        time.sleep(2.6)
        assert lease.take(lease_name(run)) is not None
        with pytest.raises(LeaseLost):
            job.crms["left"].check()


def test_pulling_by_command_keeps_the_mirrors_lease_while_the_crm_is_slow() -> None:
    world = World()
    mirror, leases = mirror_of(world.connections["north"], "Contacts"), list[Held]()
    with open_connector(world.connections["north"], purpose="sync", guard=renewing(leases)) as crm:
        slow = Slow({}, {}, crm.context)
        with mirror_lease(mirror, None) as held:
            leases.append(held)
            assert pull(mirror, slow, held=held).new == 1


def test_a_run_that_takes_long_looks_again_and_creates_nobody_who_was_entered_meanwhile(settings: Any) -> None:
    settings.LEASE_SECONDS, settings.CALL_DEADLINE_SECONDS, settings.SLICE_SECONDS = 75, 30, -1
    world = World()
    world.add(world.north, "ada", "bo", "cy")
    run = request_sync(world.mapping, actor="test", enqueue=False)
    while not list(entries("done")):
        assert work(run.pk).state == "running"
    waiting = [entry.label.split()[-1].lower() for entry in entries("planned")]
    assert waiting
    world.add(world.south, *waiting)
    Mirror.objects.update(pulled_at=timezone.now() - timedelta(minutes=11))
    settings.SLICE_SECONDS = 20
    work(run.pk)
    assert Run.objects.get(pk=run.pk).state == "succeeded"
    assert emails(world.south) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    assert not entries("conflict")
