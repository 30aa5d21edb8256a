"""Pulling: everything once, then only what changed; it may end anywhere and goes on there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connectors.context import Call, Context, Outcome
from connectors.errors import Unavailable
from connectors.memory import MemoryConnector, Store, store
from connectors.types import Capabilities, ChangePage, Cursor
from connectors.values import CODEC_VERSION
from portal.connections.models import Connection
from portal.ledger.lease import DatabaseClock, LeaseLost, is_free, take
from portal.ledger.models import Lease
from portal.records.models import CopyChange, Mirror
from portal.records.pull import MirrorBusy, Pulled, mirror_of, pull

pytestmark = pytest.mark.django_db


class Calls:
    """An observer that counts, and lets the connection fail at one call."""

    def __init__(self, fail_at: int = 0) -> None:
        self.count, self.fail_at = 0, fail_at

    def before(self, call: Call) -> None:
        self.count += 1
        if self.count == self.fail_at:
            raise Unavailable("The server is down.")

    def after(self, call: Call, outcome: Outcome) -> None:
        pass


def crm(calls: Calls | None = None, kind: type[MemoryConnector] = MemoryConnector) -> MemoryConnector:
    return kind({}, {}, Context(observer=calls or Calls()))


def people(count: int) -> Store:
    """Fill the CRM with that many contacts."""
    known = store()
    for number in range(count):
        known.put("Contacts", {"lastname": f"Person {number}"})
    return known


@pytest.fixture
def mirror(north: Connection) -> Mirror:
    return mirror_of(north, "Contacts")


def stored(mirror: Mirror) -> dict[str, Any]:
    return {copy.record_id: copy.values["lastname"] for copy in mirror.copies.filter(deleted="")}


def in_crm() -> dict[str, Any]:
    return {record.id: record.values["lastname"] for record in store().of("Contacts")}


def test_the_first_pull_stores_everything_and_tells_how_far_it_is(mirror: Mirror) -> None:
    people(2_345)
    told: list[tuple[int, int | None]] = []
    pulled = pull(mirror, crm(), progress=lambda done, total: told.append((done, total)))
    assert pulled == Pulled(new=2_345, changed=0, unchanged=0, gone=0, complete=True)
    assert stored(mirror) == in_crm()
    assert [done for done, _ in told] == [2_000, 2_345]
    mirror.refresh_from_db()
    assert mirror.records == mirror.version == 2_345
    assert (mirror.cursor, mirror.reading, mirror.codec) == ("2345", {}, CODEC_VERSION)
    assert mirror.completed_at is not None and mirror.pulled_at is not None


def test_a_pull_over_nothing_new_asks_once_and_writes_no_record(mirror: Mirror) -> None:
    people(250)
    pull(mirror, crm())
    calls = Calls()
    with CaptureQueriesContext(database) as queries:
        pulled = pull(mirror, crm(calls))
    assert (calls.count, pulled) == (1, Pulled(0, 0, 0, 0, complete=True))
    assert not record_writes(queries)
    assert len(queries) < 20  # a fixed number, however large the mirror


def test_only_what_changed_is_stored_by_the_next_pull(mirror: Mirror) -> None:
    known = people(250)
    pull(mirror, crm())
    known.put("Contacts", {"lastname": "Changed"}, "17")
    known.put("Contacts", {"lastname": "New"})
    known.remove("Contacts", "3")
    assert pull(mirror, crm()) == Pulled(new=1, changed=1, unchanged=0, gone=1, complete=True)
    assert stored(mirror) == in_crm()
    assert mirror.copies.get(record_id="3").deleted == "gone"
    assert mirror.records == 250


def test_a_full_reading_of_unchanged_records_writes_none(mirror: Mirror) -> None:
    people(1_250)
    pull(mirror, crm())
    with CaptureQueriesContext(database) as queries:
        pulled = pull(mirror, crm(), full=True)
    assert pulled == Pulled(new=0, changed=0, unchanged=1_250, gone=0, complete=True)
    assert not record_writes(queries)
    assert mirror.version == 1_250 and not CopyChange.objects.exists()


def record_writes(queries: CaptureQueriesContext) -> list[str]:
    wanted = r"(\d+ times: )?\s*(INSERT INTO|UPDATE|DELETE FROM|COPY) \W?records_copy"
    return [q["sql"] for q in queries if re.match(wanted, q["sql"])]


@pytest.mark.parametrize("full", [False, True])
def test_a_stopped_pull_keeps_what_came_and_the_next_goes_on_there(mirror: Mirror, full: bool) -> None:
    known = people(450)
    if full:
        pull(mirror, crm())
        known.put("Contacts", {"lastname": "Changed"}, "449")
    first, second, pages = Calls(), Calls(), 5
    pulled = pull(mirror, crm(first), full=full, stop=lambda: first.count == 2)
    assert not pulled.complete and pulled.new + pulled.unchanged == 200
    mirror.refresh_from_db()
    assert (mirror.reading["cursor"], mirror.reading["done"]) == ("200", 200)
    assert pull(mirror, crm(second)).complete  # without `full`: a reading under way is ended first
    assert (first.count, second.count) == (2, pages - 2)
    assert stored(mirror) == in_crm()
    mirror.refresh_from_db()
    assert mirror.reading == {} and int(mirror.cursor) == known.last_change


def test_a_pull_ends_at_its_deadline(mirror: Mirror) -> None:
    people(250)
    pulled = pull(mirror, crm(), deadline=time.monotonic())
    assert (pulled.complete, pulled.new) == (False, 100)


def test_what_came_before_an_error_is_kept(mirror: Mirror) -> None:
    people(450)
    with pytest.raises(Unavailable):
        pull(mirror, crm(Calls(fail_at=4)))
    assert mirror.copies.count() == 300
    assert is_free(f"mirror:{mirror.pk}")
    second = Calls()
    assert pull(mirror, crm(second)).new == 150
    assert second.count == 2


def test_a_record_that_a_full_reading_does_not_bring_is_not_taken_for_deleted(mirror: Mirror) -> None:
    known = people(3)
    pull(mirror, crm())
    del known.records["Contacts", "2"], known.happened["Contacts", "2"]  # gone without a trace
    assert pull(mirror, crm(), full=True).complete
    assert mirror.copies.filter(deleted="").count() == 3


def test_a_newer_codec_reads_everything_again(mirror: Mirror) -> None:
    people(3)
    pull(mirror, crm())
    Mirror.objects.update(codec=CODEC_VERSION - 1)
    assert pull(mirror, crm()).unchanged == 3
    assert pull(mirror, crm()).unchanged == 0


def test_two_pulls_of_one_mirror_do_not_run_at_the_same_time(mirror: Mirror) -> None:
    people(3)
    other = take(f"mirror:{mirror.pk}")
    assert other is not None
    calls = Calls()
    with pytest.raises(MirrorBusy):
        pull(mirror, crm(calls))
    assert calls.count == 0
    assert pull(mirror, crm(), held=other).new == 3
    assert not is_free(f"mirror:{mirror.pk}")  # the caller's lease is the caller's to give back


@pytest.mark.django_db(transaction=True)
def test_a_pull_that_lost_its_lease_stores_nothing_more(mirror: Mirror) -> None:
    people(250)
    held = take(f"mirror:{mirror.pk}")

    def lose() -> bool:
        Lease.objects.update(expires_at=DatabaseClock(-1))
        return False

    with pytest.raises(LeaseLost):
        pull(mirror, crm(), held=held, stop=lose)
    assert not mirror.copies.exists()


def test_a_long_pull_renews_its_lease(mirror: Mirror) -> None:
    people(3)
    held = take(f"mirror:{mirror.pk}", seconds=100)
    assert held is not None
    held.until -= 60
    pull(mirror, crm(), held=held)
    assert held.seconds_left() > 90


class OneAtATime(MemoryConnector):
    """Brings its pages one after the other."""

    capabilities = Capabilities(changes_since=True)


class Broken(OneAtATime):
    """Fails after its first page."""

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        yield next(super().changes(module, since))
        raise Unavailable("The server is down.")


@pytest.mark.django_db(transaction=True)
def test_a_crm_that_brings_one_page_at_a_time_is_pulled_alike(mirror: Mirror) -> None:
    people(1_250)
    assert pull(mirror, crm(kind=OneAtATime)).new == 1_250
    assert stored(mirror) == in_crm()
    with pytest.raises(Unavailable):
        pull(mirror, crm(kind=Broken), full=True)
    mirror.refresh_from_db()
    assert mirror.reading["done"] == 100


@pytest.mark.django_db(transaction=True)
def test_statistics_are_fresh_after_a_large_first_load(mirror: Mirror) -> None:
    people(5_000)
    pull(mirror, crm())
    mirror.refresh_from_db()
    if database.vendor != "postgresql":
        assert mirror.analyzed_at is None
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'records_copy'")
        assert cursor.fetchone() == (5_000,)
    assert mirror.analyzed_at is not None


def run_command(*arguments: str) -> Any:
    out = StringIO()
    call_command("pull", *arguments, stdout=out, stderr=StringIO())
    return orjson.loads(out.getvalue())


def test_the_command_makes_the_mirror_and_tells_what_came(north: Connection) -> None:
    people(250)
    result = run_command("north", "Contacts", "--json")
    assert {k: result[k] for k in ("new", "changed", "records", "complete")} == {
        "new": 250, "changed": 0, "records": 250, "complete": True,
    }  # fmt: skip
    assert run_command("north", "Contacts", "--json")["new"] == 0
    assert run_command("north", "Contacts", "--full", "--json")["unchanged"] == 250


def test_the_command_refuses_unknown_names_and_leaves_no_empty_mirror(
    make_connection: Callable[..., Connection],
) -> None:
    make_connection("north")
    with pytest.raises(CommandError, match="no connection “south”. There are: north") as wrong:
        run_command("south", "Contacts")
    assert wrong.value.returncode == 2
    with pytest.raises(CommandError, match="no module “Nothing”") as failed:
        run_command("north", "Nothing")
    assert failed.value.returncode == 2
    assert not Mirror.objects.exists()
