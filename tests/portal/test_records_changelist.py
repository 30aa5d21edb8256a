"""Lists of records: pages by keyset, search, columns, and how many questions a page asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connectors.memory import store
from connectors.query import Order, match, parse, sorted_records
from connectors.types import Change, FieldSchema, FieldType, Module, ModuleSchema, Record
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.records import changelist, page
from portal.records.models import Copy, Mirror
from portal.records.pull import mirror_of
from portal.records.store import store_changes
from tests.portal.test_records_filter_properties import SCHEMA, seeded_values

pytestmark = pytest.mark.django_db
CONTACTS = store("schemas").schema("Contacts")


@pytest.fixture
def mirror(north: Connection) -> Mirror:
    """A mirror of 120 records of every kind of value."""
    found = mirror_of(north, "Things")
    store_changes(found, [Change(id, Record("Things", id, values)) for id, values in seeded_values(120).items()])
    found.refresh_from_db()
    return found


def turned(mirror: Mirror, order: tuple[Order, ...], size: int = 25) -> tuple[list[str], list[str]]:
    """Return the ids met going on to the end, and those met coming back to the beginning."""
    on, cursor, last = [], "", None
    while True:
        last = page.mirror_page(mirror, SCHEMA, None, order, cursor, size)
        on += [r.id for r in last.records]
        if last.next is None:
            break
        cursor = last.next
    back = [r.id for r in last.records]
    while last.previous:
        last = page.mirror_page(mirror, SCHEMA, None, order, last.previous, size)
        back = [r.id for r in last.records] + back
    return on, back


ORDERS = [
    (Order('odd "name'),),
    (Order('odd "name', True),),
    (Order("back\\slash"), Order("boolean", True)),
    (Order("reference", True), Order("a.b[0]")),
    (Order("id", True),),
]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_meet_every_record_once_in_order_both_ways(mirror: Mirror, order: tuple[Order, ...]) -> None:
    values = seeded_values(120)
    whole = [r.id for r in sorted_records([Record("Things", id, v) for id, v in values.items()], order, SCHEMA)]
    assert turned(mirror, order) == (whole, whole)


def test_without_an_order_the_newest_come_first(mirror: Mirror) -> None:
    Copy.objects.filter(record_id="12x7").update(modified="2026-01-02T00:00:00Z")
    Copy.objects.filter(record_id="12x9").update(modified="2026-01-03T00:00:00Z")
    on, back = turned(mirror, ())
    assert on[:2] == ["12x9", "12x7"] and len(set(on)) == 120 and back == on


def test_a_deleted_record_is_in_no_list(mirror: Mirror) -> None:
    store_changes(mirror, [Change("12x3")])
    assert "12x3" not in turned(mirror, ())[0]


@pytest.mark.parametrize("cursor", ["?", "bm9wZQ", "WyJvbiIsIFsxXV0", "W10", "x" * 5000, "بله"])
def test_a_cursor_that_fits_nothing_means_the_first_page(mirror: Mirror, cursor: str) -> None:
    first = page.mirror_page(mirror, SCHEMA, None, (), "", 10)
    assert page.mirror_page(mirror, SCHEMA, None, (), cursor, 10).records == first.records


def test_a_total_is_counted_up_to_its_bound(mirror: Mirror) -> None:
    there = parse("id is not empty", SCHEMA)
    exact = page.mirror_page(mirror, SCHEMA, there, (), "", 10)
    bounded = page.mirror_page(mirror, SCHEMA, there, (), "", 10, counted=100)
    assert (exact.total, exact.more, bounded.total, bounded.more) == (120, False, 100, True)


def test_every_word_of_a_search_must_be_in_a_name_an_e_mail_or_a_phone() -> None:
    found = changelist.search("ann ORG", CONTACTS)
    holds = match(found, CONTACTS)
    assert holds({"firstname": "Anna", "email": "x@example.org"})
    assert not holds({"firstname": "Anna", "notes": "org"})


def test_sensible_columns_name_the_record_and_say_how_to_reach_it_and_when_it_changed() -> None:
    wanted = ["firstname", "lastname", "email", "phone", "account", "status", "owner", "modified"]
    assert changelist.default_columns(CONTACTS) == wanted


def test_a_module_that_tells_nothing_shows_its_first_fields() -> None:
    fields = tuple(FieldSchema(f"f{n}", f"F{n}") for n in range(9))
    assert changelist.default_columns(ModuleSchema(Module("M", "M"), fields)) == ["f0", "f1", "f2", "f3", "f4"]


def test_columns_are_kept_in_the_persons_order_and_forgotten_with_the_field() -> None:
    user = User.objects.create_user("anna")
    changelist.save_columns(user, "north/Contacts", ["email", "gone", "lastname", "email"], CONTACTS)
    user.refresh_from_db()
    assert user.columns == {"north/Contacts": ["email", "lastname"]}
    less = ModuleSchema(CONTACTS.module, tuple(f for f in CONTACTS.fields if f.name != "email"))
    assert [f.name for f in changelist.columns(user, "north/Contacts", less)] == ["lastname"]
    changelist.save_columns(user, "north/Contacts", [], CONTACTS)
    assert user.columns == {}


def fill(north: Connection, records: int) -> Mirror:
    crm = store("memory")
    for n in range(records):
        crm.put("Accounts", {"name": f"Firm {n}"}, f"a{n}")
        crm.put("Contacts", {"lastname": f"Miller {n}", "account": f"a{n}", "owner": "1"}, f"c{n}")
    for module in ("Accounts", "Contacts"):
        made = [Change(id, record) for (of, id), record in crm.records.items() if of == module]
        mirror = mirror_of(north, module)
        store_changes(mirror, made, cursor="1")
        Mirror.objects.filter(pk=mirror.pk).update(
            completed_at="2026-01-01T00:00:00Z", pulled_at="2026-01-01T00:00:00Z"
        )
    return mirror


def test_a_page_asks_as_many_questions_of_many_records_as_of_few(admin: Client, north: Connection) -> None:
    def asked(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(url).status_code == 200
        return len(captured)

    urls = ["/records/north/Contacts/", "/records/north/Contacts/?filter=lastname+contains+miller&o=-account"]
    fill(north, 55)
    admin.get(urls[0])  # the module's description is asked for once
    few = [asked(url) for url in urls]
    fill(north, 150)
    assert [asked(url) for url in urls] == few and max(few) <= 10


def test_values_of_every_type_are_shown_in_a_list(admin: Client, north: Connection) -> None:
    values: dict[str, Any] = {f.name: "x" for f in CONTACTS.fields if f.type in {FieldType.TEXT, FieldType.CHOICE}}
    store("memory").put("Contacts", values | {"revenue": "1234.5", "optout": True, "lines": [{"a": "1"}]}, "c1")
    user = User.objects.get(username="admin")
    changelist.save_columns(user, "north/Contacts", CONTACTS.names, CONTACTS)
    text = admin.get("/records/north/Contacts/").content.decode()
    assert "1,234.5" in text and "icon-check" in text and "1 line" in text


def test_the_example_of_a_filter_is_one_the_module_takes() -> None:
    text = changelist.example(CONTACTS)
    assert text == "status = New and firstname contains mi" and parse(text, CONTACTS) is not None
    assert changelist.example(ModuleSchema(Module("M", "M"), ())) == ""


def test_a_search_for_nothing_is_no_filter() -> None:
    assert changelist.search("  ", CONTACTS) is None
    assert changelist.search("x", ModuleSchema(Module("M", "M"), ())) is None
