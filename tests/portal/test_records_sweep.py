"""Sweeping: what is missing is said only after every id came and reading that very record failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.context import Context
from connectors.errors import AuthError, Unavailable
from connectors.memory import MemoryConnector, Store, store
from connectors.query import Query
from connectors.types import Capabilities
from portal.connections.models import Connection
from portal.ledger.lease import take
from portal.records.models import CopyChange, Mirror, SweptId
from portal.records.pull import MirrorBusy, mirror_of, pull
from portal.records.sweep import SweepRefused, Swept, sweep

pytestmark = pytest.mark.django_db


def crm(kind: type[MemoryConnector] = MemoryConnector) -> MemoryConnector:
    return kind({}, {}, Context())


@pytest.fixture
def known() -> Store:
    """A CRM with 250 contacts."""
    for number in range(250):
        store().put("Contacts", {"lastname": f"Person {number}"})
    return store()


@pytest.fixture
def mirror(north: Connection, known: Store) -> Mirror:
    mirror = mirror_of(north, "Contacts")
    pull(mirror, crm())
    return mirror


def deleted(mirror: Mirror) -> dict[str, str]:
    return dict(mirror.copies.exclude(deleted="").values_list("record_id", "deleted"))


def test_a_sweep_over_an_unchanged_module_changes_nothing(mirror: Mirror) -> None:
    assert sweep(mirror, crm()) == Swept(ids=250, missing=0, found=0, complete=True)
    mirror.refresh_from_db()
    assert mirror.version == 250 and mirror.swept_at is not None


def test_a_deleted_record_is_missing_never_gone(mirror: Mirror, known: Store) -> None:
    known.remove("Contacts", "7")
    known.remove("Contacts", "8")
    assert sweep(mirror, crm()) == Swept(ids=248, missing=2, found=0, complete=True)
    assert deleted(mirror) == {"7": "missing", "8": "missing"}
    mirror.refresh_from_db()
    assert mirror.records == 248
    assert set(CopyChange.objects.values_list("record_id", "deleted")) == {("7", "missing"), ("8", "missing")}
    assert sweep(mirror, crm()).missing == 0  # said once


class Lists(MemoryConnector):
    """Lists only the ids below "2", as a server with a broken list would."""

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        for page in super().ids(module, after):
            yield [id for id in page if id < "2"]


def test_a_record_that_was_not_listed_but_can_be_read_stays(mirror: Mirror, known: Store) -> None:
    known.put("Contacts", {"lastname": "Changed"}, "77")
    swept = sweep(mirror, crm(Lists))
    assert (swept.missing, swept.complete) == (0, True)
    assert deleted(mirror) == {}
    assert mirror.copies.get(record_id="77").values["lastname"] == "Changed"


def test_a_record_the_mirror_lacks_is_fetched_and_one_believed_missing_comes_back(mirror: Mirror, known: Store) -> None:
    mirror.copies.filter(record_id="5").delete()
    record = known.records["Contacts", "9"]
    known.remove("Contacts", "9")
    assert sweep(mirror, crm()) == Swept(ids=249, missing=1, found=1, complete=True)
    known.records["Contacts", "9"] = record  # taken back out of the recycle bin
    assert sweep(mirror, crm()) == Swept(ids=250, missing=0, found=1, complete=True)
    assert deleted(mirror) == {}
    assert mirror.copies.filter(record_id="5").exists()


def test_a_stopped_sweep_changes_nothing(mirror: Mirror, known: Store) -> None:
    for id in list(known.records):
        known.remove(*id)
    for number in range(150):
        known.put("Contacts", {"lastname": f"Other {number}"})
    assert not sweep(mirror, crm(), stop=lambda: True).complete
    assert deleted(mirror) == {} and mirror.copies.count() == 250
    mirror.refresh_from_db()
    assert mirror.swept_at is None


class Breaks(MemoryConnector):
    """Answers two pages of ids, then fails."""

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        pages = super().ids(module, after)
        yield next(pages)
        yield next(pages)
        raise Unavailable("The server is down.")


def test_a_sweep_that_met_an_error_changes_nothing(mirror: Mirror, known: Store) -> None:
    known.remove("Contacts", "7")
    with pytest.raises(Unavailable):
        sweep(mirror, crm(Breaks))
    assert deleted(mirror) == {}
    assert sweep(mirror, crm()).missing == 1


class Asked(MemoryConnector):
    """Notes behind which id it was asked to go on."""

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        behind.append(after)
        return super().ids(module, after)


behind: list[str | None] = []


def test_a_sweep_that_ended_early_goes_on_where_it_was(mirror: Mirror, known: Store) -> None:
    mirror.copies.filter(record_id="5").delete()
    known.remove("Contacts", "7")
    known.remove("Contacts", "8")
    behind.clear()
    times = 1
    while not (swept := sweep(mirror, crm(Asked), stop=lambda: True)).complete:
        assert deleted(mirror) == {} or mirror.sweep["step"] != "ids"
        times += 1
        assert times < 20
    assert swept == Swept(ids=248, missing=2, found=1, complete=True)
    assert deleted(mirror) == {"7": "missing", "8": "missing"} and mirror.copies.filter(record_id="5").exists()
    assert len(behind) == len(set(behind)) == 4 and not SweptId.objects.exists()
    mirror.refresh_from_db()
    assert mirror.sweep == {} and mirror.swept_at is not None


def test_what_is_new_since_an_interrupted_sweep_began_is_not_looked_for(mirror: Mirror, known: Store) -> None:
    sweep(mirror, crm(), stop=lambda: True)
    for number in range(10):
        known.put("Contacts", {"lastname": "New"}, f"0{number}")  # ids before those that came
    pull(mirror, crm())
    known.fail("get", Unavailable("No record should be asked for."))
    assert sweep(mirror, crm()) == Swept(ids=250, missing=0, found=0, complete=True)


def test_a_sweep_interrupted_long_ago_begins_again(mirror: Mirror) -> None:
    sweep(mirror, crm(), stop=lambda: True)
    mirror.sweep["began"] = "2026-01-01T00:00:00+00:00"
    mirror.save()
    behind.clear()
    assert sweep(mirror, crm(Asked)).complete and behind == [None]


class Silent(MemoryConnector):
    """Lists nothing and counts all the same."""

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        yield from ()


class Uncounted(Silent):
    """Lists nothing and cannot count."""

    def count(self, module: str, query: Query) -> int | None:
        return None


@pytest.mark.parametrize("kind", [Silent, Uncounted])
def test_an_empty_sweep_is_refused_while_the_crm_does_not_say_it_is_empty(
    mirror: Mirror, kind: type[MemoryConnector]
) -> None:
    with pytest.raises(SweepRefused, match="250 are known. Nothing was marked"):
        sweep(mirror, crm(kind))
    assert deleted(mirror) == {}


def test_an_empty_module_that_is_counted_as_empty_is_believed(mirror: Mirror, known: Store) -> None:
    for id in list(known.records):
        known.remove(*id)
    assert sweep(mirror, crm()) == Swept(ids=0, missing=250, found=0, complete=True)


def test_nothing_is_missing_while_the_connection_does_not_answer_its_check(mirror: Mirror, known: Store) -> None:
    known.remove("Contacts", "7")
    known.fail("check", AuthError("The store refuses this password."))
    with pytest.raises(AuthError):
        sweep(mirror, crm())
    assert deleted(mirror) == {}


def test_a_mirror_never_read_completely_is_not_swept(north: Connection, known: Store) -> None:
    mirror = mirror_of(north, "Contacts")
    assert sweep(mirror, crm()) == Swept(0, 0, 0, complete=False)
    assert not mirror.copies.exists()


class OneAtATime(MemoryConnector):
    """Brings its pages one after the other."""

    capabilities = Capabilities(changes_since=True)


@pytest.mark.django_db(transaction=True)
def test_a_crm_that_brings_one_page_at_a_time_is_swept_alike(mirror: Mirror, known: Store) -> None:
    known.remove("Contacts", "7")
    assert sweep(mirror, crm(OneAtATime)).missing == 1


def test_a_mirror_that_is_being_read_is_not_swept(mirror: Mirror) -> None:
    assert take(f"mirror:{mirror.pk}") is not None
    with pytest.raises(MirrorBusy):
        sweep(mirror, crm())


def test_a_mirror_that_is_forgotten_takes_its_sweep_along(mirror: Mirror) -> None:
    sweep(mirror, crm(), stop=lambda: True)
    assert SweptId.objects.exists()
    mirror.delete()
    assert not SweptId.objects.exists()
