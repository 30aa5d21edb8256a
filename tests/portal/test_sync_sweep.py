"""A run finds out what was deleted at a CRM that does not tell: a simulated Vtiger is copied to a CRM in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors import CONNECTORS
from connectors.memory import MemoryConnector
from portal.connections.access import open_connector
from portal.connections.models import Call, Connection
from portal.ledger.models import Problem, Run
from portal.records.models import Copy, Mirror
from portal.records.pull import mirror_of
from portal.records.sweep import sweep
from portal.sync.approve import approve
from portal.sync.run import carry_out, request_sync, work
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import World, emails, entries, person

pytestmark = pytest.mark.django_db(transaction=True)


class Swept(World):
    """`north` is a Vtiger whose people called Sweep are copied to `south`."""

    def __init__(self, vtiger: Account, **said: Any) -> None:
        super().__init__(**{"left_filter": 'firstname = "Sweep"', **said})
        self.vtiger, north = vtiger, self.connections["north"]
        names = {"url", "username"}
        north.connector = "vtiger"
        north.settings = {k: v for k, v in vtiger.secrets.items() if k in names}
        north.secrets = {k: v for k, v in vtiger.secrets.items() if k not in names}
        north.save()

    def put(self, name: str, id: str | None = None) -> str:
        """Make somebody at Vtiger and return the id."""
        values = {**person(name), "firstname": "Sweep"}
        made = self.vtiger.control("POST", "mutate", action="create", module="Contacts", id=id, values=values)
        return str(made["id"])

    def remove(self, id: str) -> None:
        """Delete somebody behind our back."""
        self.vtiger.control("POST", "mutate", action="delete", module="Contacts", id=id)

    def calls(self, run: Run) -> Counter[str]:
        """Return the operations the run asked of Vtiger."""
        return Counter(Call.objects.filter(run_id=run.pk, connection__name="north").values_list("operation", flat=True))

    @property
    def mirror(self) -> Mirror:
        return mirror_of(self.connections["north"], "Contacts")

    def a_day_passes(self) -> None:
        Mirror.objects.update(swept_at=timezone.now() - timedelta(days=1))


def later(vtiger: Account, **by: float) -> None:
    """Let time pass at Vtiger."""
    vtiger.control("POST", "clock", shift_seconds=timedelta(**by).total_seconds())


def test_the_first_run_sweeps_and_the_next_one_asks_once(vtiger: Account) -> None:
    world = Swept(vtiger)
    world.put("ada")
    assert world.sync().counts["create"] == 1
    swept_at = world.mirror.swept_at
    assert swept_at is not None and world.mirror.sweep == {}
    later(vtiger, minutes=10)  # the second that was written into is over
    world.sync()
    run = world.sync()
    assert run.calls == 2 and world.calls(run) == {"query": 1}
    assert world.mirror.swept_at == swept_at


def test_a_record_that_was_deleted_is_found_out_within_a_day(vtiger: Account) -> None:
    world = Swept(vtiger)
    id = world.put("ada")
    world.sync()
    world.remove(id)
    world.sync()
    assert Copy.objects.get(mirror=world.mirror, record_id=id).deleted == ""
    world.a_day_passes()
    run = world.sync()
    assert Copy.objects.get(mirror=world.mirror, record_id=id).deleted == "missing"
    assert (run.state, run.counts["delete"], emails(world.south)) == ("succeeded", 0, ["ada@example.org"])


def test_what_a_reading_missed_is_found_by_the_sweep(vtiger: Account) -> None:
    world = Swept(vtiger)
    world.put("ada")
    world.sync()
    id = world.put("bo")
    world.sync()
    later(vtiger, minutes=10)
    world.sync()
    Copy.objects.filter(mirror=world.mirror, record_id=id).delete()  # as if it had never come
    world.a_day_passes()
    world.sync()
    assert Copy.objects.filter(mirror=world.mirror, record_id=id).exists()


@pytest.mark.parametrize("guards", [{}, {"deletes": 100}])
def test_a_missing_record_is_deleted_on_the_other_side_only_with_approval(
    guards: dict[str, Any], vtiger: Account
) -> None:
    world = Swept(vtiger, delete_policy="delete", guards=guards)
    ada, _bo = world.put("ada"), world.put("bo")
    world.sync()
    world.remove(ada)
    run = world.sync()
    assert (run.state, run.counts["delete"], len(emails(world.south))) == ("awaiting_approval", 1, 2)
    run = carry_out(approve(run, actor="test", enqueue=False))
    assert (run.state, run.counts["delete"], emails(world.south)) == ("succeeded", 1, ["bo@example.org"])


def test_a_record_that_came_back_before_the_approval_is_not_deleted(vtiger: Account) -> None:
    world = Swept(vtiger, delete_policy="delete")
    ada = world.put("ada")
    world.sync()
    world.remove(ada)
    run = world.sync()
    world.put("ada", ada)  # taken back out of the recycle bin
    run = carry_out(approve(run, actor="test", enqueue=False))
    assert (run.state, run.counts["delete"], emails(world.south)) == ("succeeded", 0, ["ada@example.org"])


def test_without_a_sweep_in_the_run_a_missing_record_only_waits(vtiger: Account) -> None:
    world = Swept(vtiger, delete_policy="delete")
    ada = world.put("ada")
    world.sync()
    world.remove(ada)
    with open_connector(world.connections["north"], purpose="sync") as crm:
        assert sweep(world.mirror, crm).missing == 1  # as `manage.py pull --sweep` does
    run = carry_out(request_sync(world.mapping, actor="schedule", trigger="schedule", enqueue=False))
    assert (run.state, [entry.reason for entry in entries("blocked")]) == ("succeeded", ["source_missing"])
    assert "query" in world.calls(run) and world.calls(run).total() == 1
    run = world.sync()  # the button: swept
    assert (run.state, [entry.reason for entry in entries("awaiting")]) == ("awaiting_approval", ["source_missing"])


def test_a_sweep_that_does_not_fit_into_a_slice_goes_on_in_the_next(vtiger: Account, settings: Any) -> None:
    world = Swept(vtiger)
    world.put("ada")
    world.sync()
    ids = [world.put(f"p{number}") for number in range(3)]
    world.sync()
    for id in ids:
        world.remove(id)
    world.a_day_passes()
    settings.SLICE_SECONDS = -1  # no slice has time for more than a second
    run = request_sync(world.mapping, actor="test", enqueue=False)
    slices = 0
    while work(run.pk).state == "running":
        slices += 1
        assert slices < 30
    run.refresh_from_db()
    assert run.state == "succeeded" and run.slices > 2
    assert Copy.objects.filter(mirror=world.mirror, deleted="missing").count() == 3


class Blind(MemoryConnector):
    """A CRM that does not tell of deletions, and lists nothing though it holds something."""

    capabilities = replace(MemoryConnector.capabilities, tells_gone=False)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        yield from ()


def test_an_account_that_is_shown_nothing_any_more_deletes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONNECTORS, "blind", f"{__name__}.Blind")
    world = World(delete_policy="delete")
    Connection.objects.filter(name="north").update(connector="blind")
    world.mapping.refresh_from_db()
    world.add(world.north, "ada")
    run = world.sync()
    assert (run.state, emails(world.south)) == ("succeeded", ["ada@example.org"])
    problem = Problem.objects.get(kind="sweep", closed_at=None)
    assert "listed no records, but 1 are known" in problem.detail
    assert mirror_of(world.connections["north"], "Contacts").swept_at is None
