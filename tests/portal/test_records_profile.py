"""Figures of fields: what is counted, how little is remembered, when a mirror is read again."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from connectors.types import FieldSchema, FieldType, Module, ModuleSchema
from portal.connections.models import Connection, KnownSchema
from portal.connections.schema import schema_to_json
from portal.records.figures import Figures, figures_of
from portal.records.models import Copy, Mirror
from portal.records.profile import COUNTED, CUT, SAMPLES, SHOWN, SKETCHED, FieldProfile, profile

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = ModuleSchema(
    Module("People", "People"),
    (
        FieldSchema("name", "Name"),
        FieldSchema("status", "Status", FieldType.CHOICE),
        FieldSchema("tags", "Tags", FieldType.MULTICHOICE),
        FieldSchema("amount", "Amount", FieldType.MONEY),
        FieldSchema("since", "Since", FieldType.DATE),
        FieldSchema("active", "Active", FieldType.BOOLEAN),
        FieldSchema("phone", "Phone", FieldType.PHONE),
        FieldSchema("lines", "Lines", FieldType.LINES),
        FieldSchema("accesskey", "Access key"),
    ),
)


def profiled(*records: dict[str, Any]) -> dict[str, FieldProfile]:
    return profile(records, SCHEMA)


# The pure part


def test_a_field_that_is_absent_or_empty_is_not_filled() -> None:
    found = profiled({"name": "Acme"}, {"name": None}, {})["name"]
    assert (found.records, found.filled, found.fill) == (3, 1, 1 / 3)


def test_the_most_frequent_values_come_first_with_their_counts() -> None:
    found = profiled(*({"status": s} for s in ("New", "Won", "Won", "Lost", "Won", "Lost")))["status"]
    assert found.frequent == (("Won", 3), ("Lost", 2), ("New", 1)) and found.distinct == 3 and not found.many


def test_each_entry_of_several_choices_counts_but_the_record_once() -> None:
    found = profiled({"tags": ["a", "b"]}, {"tags": ["b"]})["tags"]
    assert found.frequent == (("b", 2), ("a", 1)) and found.filled == 2


def test_the_smallest_and_largest_are_of_numbers_and_days_not_of_texts() -> None:
    found = profiled(
        {"amount": "9.5", "since": "2024-02-29", "name": "Zoe"}, {"amount": "10", "since": "2023-01-01", "name": "Al"}
    )
    assert (found["amount"].smallest, found["amount"].largest) == ("9.5", "10")
    assert (found["since"].smallest, found["since"].largest) == ("2023-01-01", "2024-02-29")
    assert found["name"].smallest is None and found["name"].longest == 3


def test_a_number_field_that_holds_a_word_is_no_stumbling_block() -> None:
    assert profiled({"amount": "n/a"}, {"amount": "3"})["amount"].largest == "3"


def test_nothing_is_told_of_a_password() -> None:
    found = profiled({"accesskey": "hunter2", "name": "x"})
    assert "accesskey" not in found and "hunter2" not in repr(found)


def test_what_is_remembered_stays_small_however_many_values_there_are() -> None:
    found = profile(({"name": f"Person {n}"} for n in range(30_000)), SCHEMA)["name"]
    assert found.many and found.unique == 1.0
    assert len(found.frequent) == SHOWN and len(found.samples) == SAMPLES and len(found.sketch) == SKETCHED
    assert 30_000 * 0.7 < found.distinct < 30_000 * 1.3  # an estimate
    assert len(pickle.dumps(found)) < 10_000


def test_long_texts_are_measured_and_not_kept() -> None:
    found = profiled({"name": "x" * (CUT + 1)})["name"]
    assert found.longest == CUT + 1 and not found.frequent and not found.samples


def test_samples_do_not_hang_on_the_order_of_the_records() -> None:
    records = [{"name": f"Person {n}"} for n in range(COUNTED * 2)]
    mixed = random.Random(7).sample(records, len(records))
    one, other = profile(records, SCHEMA)["name"], profile(mixed, SCHEMA)["name"]
    assert (one.samples, one.sketch, one.distinct) == (other.samples, other.sketch, other.distinct)


def test_an_overlap_is_of_the_poorer_field_and_about_right_when_estimated() -> None:
    few, many = ({"name": f"P{n}"} for n in range(50)), [{"name": f"P{n}"} for n in range(5_000)]
    half = [{"name": f"P{n}"} for n in range(2_500, 7_500)]
    small, large, other = (profile(r, SCHEMA)["name"] for r in (few, many, half))
    assert 0.35 < large.overlap(other) < 0.65 and large.overlap(large) > 0.95
    assert small.overlap(small) == 1.0 and small.overlap(FieldProfile("x")) == 0.0


def test_a_phone_is_the_same_with_its_country_and_without() -> None:
    one, other = (profiled({"phone": p})["phone"] for p in ("+98 912 537 3105", "۰۹۱۲۵۳۷۳۱۰۵"))
    assert one.overlap(other) == 1.0


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=30),
    st.lists(st.text(max_size=5)),
    st.just([{"price": "1"}]),
    st.just({}),
)


@given(st.lists(st.dictionaries(st.sampled_from(SCHEMA.names), VALUES), max_size=40))
def test_any_records_have_a_profile_of_every_open_field(records: list[dict[str, Any]]) -> None:
    found = profile(records, SCHEMA)
    assert set(found) == set(SCHEMA.names) - {"accesskey"}
    for told in found.values():
        assert told.records == len(records) >= told.filled and 0 <= told.unique <= 1
        assert found == profile(records, SCHEMA) and told.overlap(told) in (0.0, 1.0)


# From a mirror


@pytest.fixture
def mirror(make_connection: Callable[..., Connection]) -> Iterator[Mirror]:
    connection = make_connection()
    KnownSchema.objects.create(connection=connection, module="People", document=schema_to_json(SCHEMA), read_at=NOW)
    cache.clear()
    yield Mirror.objects.create(connection=connection, module="People", pulled_at=NOW)
    cache.clear()


def fill(mirror: Mirror, number: int, **columns: Any) -> None:
    start = mirror.copies.count()
    made = range(start, start + number)
    Copy.objects.bulk_create(
        Copy(
            mirror=mirror, record_id=f"p{n}", values={"name": f"Person {n}", "amount": str(n), "accesskey": "hunter2"}, digest=b"",
            codec=1, version=1, first_seen=NOW, last_seen=NOW, **columns,
        )
        for n in made
    )  # fmt: skip
    Mirror.objects.filter(pk=mirror.pk).update(
        records=mirror.copies.filter(deleted="").count(), version=mirror.version + 1
    )
    mirror.refresh_from_db()


def test_the_figures_are_of_the_copies_that_are_present(mirror: Mirror) -> None:
    fill(mirror, 1_100)
    fill(mirror, 5, deleted="gone")
    found = figures_of(mirror)
    assert (found.records, found.looked_at, found.sampled, found.as_of) == (1_100, 1_100, False, NOW)
    assert found.profiles["name"].filled == 1_100 and "accesskey" not in found.profiles


def test_an_unchanged_mirror_is_not_read_again_and_a_changed_one_is(mirror: Mirror) -> None:
    fill(mirror, 10)
    first = figures_of(mirror, SCHEMA)
    with CaptureQueriesContext(database) as asked:
        assert figures_of(mirror, SCHEMA) == first
    assert not [q for q in asked if "records_copy" in q["sql"]]
    fill(mirror, 1)
    assert figures_of(mirror, SCHEMA).records == 11 and figures_of(mirror, SCHEMA).profiles["name"].filled == 11


def test_of_a_large_mirror_a_fair_sample_is_read_and_said_so(mirror: Mirror) -> None:
    fill(mirror, 3_000)
    found = figures_of(mirror, most=600)
    assert found.sampled and found.records == 3_000 and 500 < found.looked_at < 700
    ends = found.profiles["amount"]  # of all of it, not of its beginning
    assert int(ends.smallest or 9_999) < 300 and int(ends.largest or 0) > 2_700


def test_without_a_mirror_or_a_description_there_is_nothing_to_tell(mirror: Mirror) -> None:
    assert figures_of(None) == Figures()
    assert figures_of(Mirror(connection=mirror.connection, module="Never")) == Figures()
    fill(mirror, 3)
    KnownSchema.objects.all().delete()
    assert (figures_of(mirror).records, dict(figures_of(mirror).profiles)) == (3, {})
