"""Storing: the hand-written SQL does exactly what the same rules do when written with the ORM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.types import Change, Record
from connectors.values import CODEC_VERSION, digest
from portal.connections.models import Connection
from portal.ledger.lease import DatabaseClock, LeaseLost, take
from portal.ledger.models import Lease
from portal.records.models import Copy, CopyChange, Mirror
from portal.records.store import Stored, analyze, refresh_statistics, store_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def mirror() -> Mirror:
    return Mirror.objects.create(
        connection=Connection.objects.create(name="north", connector="memory"), module="Contacts"
    )


def seen(id: str, modified: str | None = None, **values: Any) -> Change:
    return Change(id, Record("Contacts", id, values, modified))


@contextmanager
def writes() -> Iterator[list[str]]:
    """Collect the statements that write records, history or the mirror's row."""
    statements: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield statements
    statements += [q["sql"] for q in queries if re.match(r"(\d+ times: )?\s*(INSERT|UPDATE|DELETE|COPY)", q["sql"])]


# The reference: the same rules, one record after the other, through the ORM.


def store_by_orm(mirror: Mirror, changes: Iterable[Change], missing: Iterable[str], run_id: int | None) -> None:
    batch: dict[str, tuple[dict[str, Any], str, str]] = {}
    for change in changes:
        values, modified, _ = batch.get(change.id, ({}, "", ""))
        record = change.record
        if record is None:
            batch[change.id] = (values, modified, "gone")
        else:
            clean = {k: v.replace("\0", "\ufffd") if isinstance(v, str) else v for k, v in record.values.items()}
            clean = {k: v for k, v in clean.items() if "password" not in k}
            batch[change.id] = (values | clean, record.modified or modified, "")
    for id in missing:
        batch.setdefault(id, ({}, "", "missing"))
    for id, (values, modified, deleted) in batch.items():
        store_one_by_orm(mirror, id, values, modified, deleted, run_id)
    mirror.records = mirror.copies.filter(deleted="").count()
    mirror.save()


def store_one_by_orm(mirror: Mirror, id: str, values: dict[str, Any], modified: str, deleted: str, run_id: Any) -> None:
    copy = Copy.objects.filter(mirror=mirror, record_id=id).first()
    if copy is None and deleted:
        return
    if copy is not None and deleted and copy.deleted in ("gone", deleted):
        return
    new, old, old_deleted = copy is None, dict(copy.values) if copy else {}, copy.deleted if copy else ""
    copy = copy or Copy(mirror=mirror, record_id=id, first_seen=timezone.now(), codec=CODEC_VERSION)
    copy.values = old | values
    if not new and copy.values == old and old_deleted == deleted:
        return
    mirror.version += 1
    copy.version, copy.deleted, copy.modified = mirror.version, deleted, modified or copy.modified
    copy.digest, copy.last_seen = digest(copy.values), timezone.now()
    copy.deleted_at = timezone.now() if deleted else None
    copy.save()
    changed = {k: [old.get(k), v] for k, v in values.items() if old.get(k) != v}
    if not new and (changed or old_deleted != deleted):
        CopyChange.objects.create(
            mirror=mirror, record_id=id, version=mirror.version, at=timezone.now(), changes=changed, deleted=deleted,
            run_id=run_id,
        )  # fmt: skip


def contents(mirror: Mirror) -> dict[str, Any]:
    """Return all that is stored but the times, which only say whether they are set."""
    mirror.refresh_from_db()
    fields = ("record_id", "values", "modified", "version", "deleted", "codec")
    return {
        "mirror": (mirror.version, mirror.records),
        "copies": [
            (*(getattr(c, f) for f in fields), bytes(c.digest), c.deleted_at is None, c.first_seen <= c.last_seen)
            for c in mirror.copies.order_by("record_id")
        ],
        "history": list(
            CopyChange.objects.filter(mirror=mirror).order_by("version").values_list("record_id", "version", "changes", "deleted", "run_id")
        ),
    }  # fmt: skip


VALUES = st.dictionaries(
    st.sampled_from(["name", "email", "tags", "password"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.text("aé'\"\\\t\n\0ی", max_size=3),
        st.lists(st.text("ab|", max_size=2), max_size=2),
    ),
)
IDS = st.sampled_from(["1", "2", "3", "4x'\t\\", "A", "a"])
CHANGES = st.one_of(
    st.builds(Change, IDS),
    st.builds(lambda id, v, m: Change(id, Record("Contacts", id, v, m)), IDS, VALUES, st.sampled_from([None, "2026-01-01T00:00:00Z"])),
)  # fmt: skip
BATCHES = st.lists(st.tuples(st.lists(CHANGES, max_size=6), st.sets(IDS, max_size=2)), max_size=6)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_any_sequence_of_pages_leaves_the_same_tables_as_the_rules_written_with_the_orm(
    mirror: Mirror, batches: list[tuple[list[Change], set[str]]]
) -> None:
    with transaction.atomic():
        other = Mirror.objects.create(connection=mirror.connection, module="reference")
        mine = Mirror.objects.create(connection=mirror.connection, module="ours")
        for number, (changes, missing) in enumerate(batches):
            missing_ids = sorted(missing)
            store_by_orm(other, changes, missing_ids, number)
            stored = store_changes(mine, changes, missing=missing_ids, run_id=number)
            assert stored.version == other.version
            assert contents(mine) == contents(other)
        transaction.set_rollback(True)


def test_a_page_without_news_writes_nothing_and_counts_it(mirror: Mirror) -> None:
    page = [seen("1", name="Ada"), seen("2", name="Bob")]
    store_changes(mirror, page, cursor="c1")
    with writes() as statements:
        stored = store_changes(mirror, page, cursor="c1")
    assert stored == Stored(new=0, changed=0, unchanged=2, gone=0, version=2)
    assert statements == []


def test_a_page_without_news_moves_the_cursor_and_nothing_else(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", name="Ada")], cursor="c1")
    with writes() as statements:
        stored = store_changes(mirror, [seen("1", name="Ada")], cursor="c2", reading={"done": 1})
    mirror.refresh_from_db()
    assert (mirror.cursor, mirror.reading, mirror.version, stored.version) == ("c2", {"done": 1}, 1, 1)
    assert len(statements) == 1 and "records_mirror" in statements[0]


def test_new_and_changed_records_take_consecutive_versions_in_their_order(mirror: Mirror) -> None:
    store_changes(mirror, [seen("b", name="B"), seen("a", name="A")])
    stored = store_changes(
        mirror, [seen("c", name="C"), seen("a", name="A2"), seen("b", name="B"), seen("d", name="D")]
    )
    assert stored == Stored(new=2, changed=1, unchanged=1, gone=0, version=5)
    assert dict(mirror.copies.values_list("record_id", "version")) == {"b": 1, "c": 3, "a": 4, "d": 5}


def test_a_field_that_is_not_carried_keeps_its_last_value(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", "2026-01-01T00:00:00Z", name="Ada", email="ada@example.org")])
    stored = store_changes(mirror, [seen("1", name="Ada")])
    assert (stored.unchanged, stored.changed) == (1, 0)
    store_changes(mirror, [seen("1", name="Ada L.")])
    copy = mirror.copies.get()
    assert copy.values == {"name": "Ada L.", "email": "ada@example.org"}
    assert copy.modified == "2026-01-01T00:00:00Z"
    assert CopyChange.objects.get().changes == {"name": ["Ada", "Ada L."]}


def test_an_emptied_field_is_a_change(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", email="ada@example.org")])
    assert store_changes(mirror, [seen("1", email=None)]).changed == 1
    assert CopyChange.objects.get().changes == {"email": ["ada@example.org", None]}


def test_password_like_fields_are_never_stored(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", name="Ada", user_password="hunter2", accesskey="abc")])
    assert mirror.copies.get().values == {"name": "Ada"}


def test_a_record_the_crm_reports_deleted_is_gone_and_may_come_back(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", name="Ada")])
    assert store_changes(mirror, [Change("1")]).gone == 1
    copy = mirror.copies.get()
    assert (copy.deleted, copy.deleted_at is not None, copy.values) == ("gone", True, {"name": "Ada"})
    assert store_changes(mirror, [seen("1", name="Ada")]).changed == 1
    mirror.refresh_from_db()
    copy = mirror.copies.get()
    assert (copy.deleted, copy.deleted_at, mirror.records) == ("", None, 1)
    assert list(CopyChange.objects.order_by("version").values_list("deleted", flat=True)) == ["gone", ""]


def test_missing_never_overrules_that_the_crm_itself_said_gone(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", name="Ada"), seen("2", name="Bob")])
    store_changes(mirror, [Change("1")])
    stored = store_changes(mirror, [], missing=["1", "2"])
    assert stored.gone == 1
    assert dict(mirror.copies.values_list("record_id", "deleted")) == {"1": "gone", "2": "missing"}


def test_an_answer_older_than_what_was_stored_since_it_was_asked_for_is_passed_over(mirror: Mirror) -> None:
    old, ours = seen("1", "2026-01-01T10:00:00Z", name="Old"), seen("1", "2026-01-01T10:05:00Z", name="Ours")
    store_changes(mirror, [old])
    asked_at = timezone.now()
    store_changes(mirror, [ours], run_id=7)  # we wrote it while the page with the old values was on its way
    assert store_changes(mirror, [old], asked_at=asked_at).unchanged == 1
    assert mirror.copies.get().values == {"name": "Ours"}
    assert (
        store_changes(mirror, [old], asked_at=timezone.now()).changed == 1
    )  # asked later: so it is, whatever its stamp


def test_a_newer_codec_with_the_same_values_is_noted_without_a_version(mirror: Mirror) -> None:
    store_changes(mirror, [seen("1", name="Ada")])
    mirror.copies.update(codec=CODEC_VERSION - 1, digest=b"of an older spelling")
    stored = store_changes(mirror, [seen("1", name="Ada")])
    copy = mirror.copies.get()
    assert (stored.unchanged, stored.version) == (1, 1)
    assert (copy.codec, bytes(copy.digest)) == (CODEC_VERSION, digest({"name": "Ada"}))


@pytest.mark.django_db(transaction=True)
def test_a_lost_lease_stores_nothing(mirror: Mirror) -> None:
    held = take("mirror:1")
    assert held is not None
    assert store_changes(mirror, [seen("1", name="Ada")], held=held).new == 1
    Lease.objects.update(expires_at=DatabaseClock(-1))
    with pytest.raises(LeaseLost):
        store_changes(mirror, [seen("2", name="Bob")], cursor="c9", held=held)
    mirror.refresh_from_db()
    assert (mirror.records, mirror.cursor) == (1, "")


def test_a_removed_mirror_is_told_as_such(mirror: Mirror) -> None:
    Mirror.objects.all().delete()
    with pytest.raises(Mirror.DoesNotExist):
        store_changes(mirror, [seen("1", name="Ada")])


@pytest.mark.django_db(transaction=True)
def test_statistics_are_refreshed_after_a_large_load_and_not_after_a_small_one(mirror: Mirror) -> None:
    store_changes(mirror, [seen(str(n), name=f"Person {n}") for n in range(5_000)])
    if connection.vendor != "postgresql":
        assert not analyze(mirror, 5_000)
        return
    assert not analyze(Mirror.objects.create(connection=mirror.connection, module="small"), 10)
    assert analyze(mirror, 5_000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'records_copy'")
        assert cursor.fetchone() == (5_000,)
    assert Mirror.objects.get(pk=mirror.pk).analyzed_at is not None
    assert not analyze(mirror, 10)
    assert refresh_statistics(5_000, Mirror, Copy) and not refresh_statistics(4_999, Mirror, Copy)
