"""Reading a module again in full finds what a cursor missed, ends anywhere, and empties nothing."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.utils import timezone

from connectors.errors import Unavailable
from connectors.memory import Store
from connectors.types import Record
from portal.connections.access import open_connector
from portal.records.afresh import read_afresh
from portal.records.models import Copy, Mirror
from portal.records.tasks import read_module
from tests.portal.sync_world import World, emails, person

pytestmark = pytest.mark.django_db(transaction=True)


def behind_the_cursor(crm: Store, record: Record, **values: Any) -> None:
    """Change a record, or make it, so that no list of changes ever tells of it."""
    crm.records["Contacts", record.id] = replace(record, values={**record.values, **values})


@pytest.fixture
def world() -> World:
    world = World()
    world.add(world.north, *(f"person{n}" for n in range(250)))
    world.sync()
    return world


def command(*words: str) -> Any:
    out = StringIO()
    call_command(*words, "--json", stdout=out)
    return orjson.loads(out.getvalue())


def test_what_no_list_of_changes_told_is_found_and_carried_over_by_the_next_run(world: World) -> None:
    first, second, third, *_rest = world.north.of("Contacts")
    behind_the_cursor(world.north, first, lastname="Lovelace")
    behind_the_cursor(world.north, Record("Contacts", "zz9", {**first.values, **person("zoe")}))
    del world.north.records["Contacts", third.id]
    assert not any(world.sync().counts.values())
    told = command("reread", "contacts")
    assert (told["sides"]["left"]["records"], told["sides"]["left"]["corrected"]) == (250, 3)
    assert told["sides"]["right"]["corrected"] == 0
    run = world.sync()
    assert (run.counts["update"], run.counts["create"]) == (1, 1)
    assert "zoe@example.org" in emails(world.south)


def test_one_side_alone_is_read(world: World) -> None:
    before = Mirror.objects.get(connection__name="south").completed_at
    assert list(command("reread", "contacts", "--side", "left")["sides"]) == ["left"]
    assert Mirror.objects.get(connection__name="south").completed_at == before


def test_a_reading_that_ended_early_goes_on_and_empties_nothing(world: World) -> None:
    mirror = Mirror.objects.get(connection__name="north")
    since = timezone.now()
    with open_connector(mirror.connection, purpose="sync") as crm:
        assert not read_afresh(mirror, crm, since, deadline=0.0)
        assert (mirror.reading["done"], Copy.objects.filter(mirror=mirror, deleted="").count()) == (100, 250)
        assert read_afresh(mirror, crm, since)
    mirror.refresh_from_db()
    assert mirror.reading == {} and mirror.completed_at and mirror.swept_at
    assert min(mirror.completed_at, mirror.swept_at) >= since


def test_a_reading_that_began_before_begins_again(world: World) -> None:
    mirror = Mirror.objects.get(connection__name="north")
    with open_connector(mirror.connection, purpose="sync") as crm:
        read_afresh(mirror, crm, timezone.now(), deadline=0.0)
        behind_the_cursor(world.north, world.north.of("Contacts")[0], lastname="Lovelace")  # on the page that came
        assert read_afresh(mirror, crm, timezone.now())
    assert Copy.objects.filter(mirror=mirror, values__lastname="Lovelace").exists()


def test_a_worker_reads_by_slices_and_goes_on_after_an_error(world: World, settings: Any) -> None:
    mirror = Mirror.objects.get(connection__name="north")
    since = timezone.now().isoformat()
    world.north.fail("changes", Unavailable("down"))
    assert read_module(mirror.pk, since) == "later"
    settings.SLICE_SECONDS = 0
    assert read_module(mirror.pk, since) == "goes on"
    settings.SLICE_SECONDS = 20
    assert read_module(mirror.pk, since) == "complete"
