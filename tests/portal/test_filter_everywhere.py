"""One filter, one answer: evaluated here, in the mirror on the database the suite runs on, and by each vendor's server."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import connect
from connectors.base import Connector
from connectors.context import Context, NetworkRules
from connectors.query import (
    Condition,
    Filter,
    Op,
    Order,
    Query,
    comparable,
    match_record,
    parse,
    parse_order,
    sort_key,
    sorted_records,
    to_text,
)
from connectors.query.names import ID_TYPES, OPERATORS, UNSORTED
from connectors.sandbox.server import Sandbox
from connectors.types import NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, Record
from portal.connections.models import Connection
from portal.records.models import Mirror
from portal.records.page import mirror_page
from portal.records.pull import mirror_of, pull
from tests.connectors.sandbox_client import Account
from tests.portal.test_records_filter_properties import several

pytestmark = pytest.mark.django_db
SUITE = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
NIGHTLY = settings(SUITE, max_examples=500)
RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)
ZONE = "Europe/Berlin"  # two of its hours a year are not what they seem
NASTY = 64  # records beside the seeded ones

# What is stored, as the server spells it. Where two texts are one to MySQL's collation, or one to us, both are here.
TEXTS = [
    *("", "Miller", "miller", "MILLER ", " Miller", "Müller", "Muller", "MÜLLER", "Mu\u0308ller", "Weiß", "Weiss", "ẞ"),
    *(
        "O'Brien",
        "O''Brien",
        "O’Brien",
        'say "hi"',
        "a\\b",
        "a\\\\b",
        "\\",
        "100%",
        "100x",
        "a_b",
        "axb",
        "%",
        "_",
        "'",
    ),
    *(
        "<b>bold</b>",
        "<b",
        "&amp;",
        "&",
        "علي",
        "علی",
        "كتاب",
        "کتاب",
        "نیک‌نژاد",
        "نیکنژاد",
        "۱۲۳",
        "١٢٣",
        "123",
        "12",
        "0",
    ),
    *(
        "İstanbul",
        "istanbul",
        "ISTANBUL",
        "ı",
        "K2",
        "\u212a2",
        "ΣΟΦΟΣ",
        "σοφος",
        "Ängström",
        "\u212bngström",
        "angstrom",
    ),
    *(
        "line 1\nline 2",
        "tab\there",
        "a;b",
        "a, b",
        "or",
        "x) or (y",
        "--",
        "long " * 60,
        "n/a",
        "null",
        "Alpha",
        "{}",
        "*?",
    ),
]
DAYS = ["", "0000-00-00", "1999-12-31", "2023-12-31", "2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31"]
MOMENTS = [
    *(
        "2024-02-29 00:00:00",
        "2024-02-29 23:59:59",
        "2024-03-01 00:00:00",
        "2024-01-01 12:00:00",
        "2023-06-15 01:02:03",
    ),
    *(
        "2024-03-31 01:59:59",
        "2024-03-31 03:00:00",
        "2024-03-31 03:30:00",
        "2024-10-27 01:30:00",
        "2024-10-27 02:00:00",
    ),
    *("2024-10-27 02:30:00", "2024-10-27 03:00:00"),  # 02:30 was twice that night
]
NEVER = ["2024-03-31 02:00:00", "2024-03-31 02:30:00"]  # no clock showed these, a server of another zone may hold them
NUMBERS = ["", "0", "-1", "1", "2", "9", "10", "12.5", "-12.5", "0.1", "0.05", "-0.01", "100", "99.99", "1234567.89"]
CHOICES = ["", "Alpha", "alpha", "Beta", "Beta, gamma", "Gamma & Co", "دلتا", "Ärger"]


@dataclass(frozen=True)
class Vendor:
    """A module to ask, what its fields are filled with, and filters and orders that once went wrong."""

    module: str
    pools: dict[str, list[Any]]
    needed: dict[str, Any]
    once_wrong: tuple[tuple[str, str], ...]


def wire_numbers(*, whole: bool = False) -> list[Any]:
    return [None if n == "" else float(n) if "." in n else int(n) for n in NUMBERS if not (whole and "." in n)]


VENDORS = {
    "vtiger": Vendor(
        "Contacts",
        dict.fromkeys(("firstname", "lastname", "email", "phone", "department", "description", "cf_915"), TEXTS)
        | {"leadsource": CHOICES, "cf_901": ["", "Alpha", "Alpha |##| Beta", "Beta|##|Alpha", "Beta, gamma", "alpha", " |##| "]}
        | {"cf_903": NUMBERS, "cf_907": NUMBERS, "cf_905": [n for n in NUMBERS if "." not in n]}
        | {"birthday": DAYS, "support_end_date": DAYS, "createdtime": ["", *NEVER, *MOMENTS], "modifiedtime": MOMENTS}
        | {"cf_911": ["", "00:00:00", "09:05:00", "10:30:00", "23:59:59"], "donotcall": ["", "0", "1"]}
        | {"account_id": ["", "11x1", "11x2", "11x10", "11x100"], "assigned_user_id": ["19x1", "19x6", "20x2"]},
        {},
        (
            ("cf_901 is not empty", ""),
            ("account_id = 19x1 or assigned_user_id = 20x6", ""),
            ("account_id = 11x002 or id = 11x12", ""),
            ("support_end_date < 0001-01-01", ""),
            ("createdtime = 2024-03-31T01:00:00Z", ""),
            ("createdtime >= 2024-10-27T01:15:00Z", "id desc"),
            ("", "birthday, modifiedtime"),
            ("", "-support_end_date, cf_903"),
        ),
    ),
    "reallysimple": Vendor(
        "opportunities",
        dict.fromkeys(("name", "nextstep", "notes"), TEXTS)
        | {"status": CHOICES, "source": [None, *CHOICES], "value": wire_numbers(), "probability": wire_numbers(whole=True)}
        | {"closedate": [None, *DAYS[1:]], "createddate": [*NEVER, *MOMENTS], "modifieddate": MOMENTS}
        | {"forecast": [0, 1], "repeat": [None, 0, 1], "contactid": [None, 0, 1, 2, 10, 100, 20001], "ownerid": [90505, 7]},
        {"accountid": 1001},
        (
            ("contactid < 99999999999999999999", ""),
            ("createddate != 0001-01-01T00:00:00Z", ""),
            ("forecast is not empty", "contactid, value"),
            ("", "-closedate, -id"),
        ),
    ),
}  # fmt: skip


class World:
    """The same records three times: as read, in the mirror, at the vendor's. `pools` are the values to ask for, by field."""

    def __init__(self, crm: Connector, mirror: Mirror, filled: Iterable[str]) -> None:
        self.crm, self.mirror, self.schema = crm, mirror, crm.describe(mirror.module)
        self.records = read_all(crm, mirror.module)
        asked = [f for f in self.schema.fields if f.name in filled or f.type in {FieldType.ID, FieldType.LINES}]
        self.pools = {field: values_of(self.records, field) for field in asked}

    def here(self, filter: Filter | None, order: tuple[Order, ...]) -> list[str]:
        holds = match_record(filter, self.schema)
        return [r.id for r in sorted_records([r for r in self.records if holds(r)], order, self.schema)]

    def columns(self, order: tuple[Order, ...]) -> dict[str, Any]:
        """Return by id what a record is sorted by; ties need not come by id, where an index or a vendor has its own way."""
        key = sort_key(order, self.schema)
        return {r.id: key(r)[: -1 if order else None] for r in self.records}

    def in_the_mirror(self, filter: Filter | None, order: tuple[Order, ...], size: int) -> list[str]:
        found, cursor = list[str](), ""
        while True:
            listing = mirror_page(self.mirror, self.schema, filter, order or (Order("id"),), cursor, size)
            found += [r.id for r in listing.records]
            if listing.next is None:
                return found
            cursor = listing.next

    def at_the_vendor(self, filter: Filter | None, order: tuple[Order, ...], size: int) -> list[str]:
        return [r.id for r in read_all(self.crm, self.schema.module.name, filter, order, size)]


def read_all(
    crm: Connector, module: str, filter: Filter | None = None, order: tuple[Order, ...] = (), size: int = 100
) -> list[Record]:
    """Return the records of all pages."""
    found, cursor = list[Record](), None
    while True:
        page = crm.read(module, Query(filter, order, limit=size, cursor=cursor))
        assert len(page.records) <= size
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            return found


def nasty(vendor: Vendor) -> list[dict[str, Any]]:
    """Return as many records as it takes for every value of every pool to occur, in random company."""
    dice = random.Random(11)
    columns = {}
    for name, pool in vendor.pools.items():
        columns[name] = [*pool, *dice.choices(pool, k=max(0, NASTY - len(pool)))][:NASTY]
        dice.shuffle(columns[name])
    return [{name: column[n] for name, column in columns.items()} | vendor.needed for n in range(NASTY)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Both vendors, with the nasty records put in behind their back."""
    with Sandbox(records=6, seed=5) as running:
        for slug, vendor in VENDORS.items():
            account = Account(running, slug)
            made = [{"action": "create", "module": vendor.module, "values": v, "touch": False} for v in nasty(vendor)]
            account.control("POST", "mutate", changes=made)
            account.close()
        yield running


@pytest.fixture(params=VENDORS)
def world(request: pytest.FixtureRequest, sandbox: Sandbox, db: None) -> Iterator[World]:
    vendor, given = VENDORS[request.param], {**sandbox.credentials[request.param], "time_zone": ZONE}
    crm = connect(request.param, given, given, Context(network=RULES))
    mirror = mirror_of(Connection.objects.create(name="south", connector=request.param), vendor.module)
    pull(mirror, crm)
    mirror.refresh_from_db()
    yield World(crm, mirror, vendor.pools)
    crm.close()


def values_of(records: list[Record], field: FieldSchema) -> list[Any]:
    """Return what may be asked of a field: what it holds somewhere, and what lies between, beside and beyond."""
    held = [r.id if field.type is FieldType.ID else r.values.get(field.name) for r in records]
    flat = [v for value in held for v in (value if isinstance(value, list) else [value]) if isinstance(v, str | bool)]
    more: list[Any] = []
    if field.type in TEXT_TYPES | {FieldType.CHOICE, FieldType.MULTICHOICE}:
        more = [*TEXTS, *CHOICES]
    elif field.type in NUMBER_TYPES:
        more = [*NUMBERS, "3.3", "1000000000000000.5", "123456789012345678901", "-999999999999999"]
    elif field.type is FieldType.DATE:
        more = ["0001-01-01", "2000-01-01", "9999-12-31"]
    elif field.type is FieldType.DATETIME:
        more = [
            f"{d}T{t}Z"
            for d in ("2024-03-31", "2024-10-27", "2024-02-29")
            for t in ("00:30:00", "01:15:00", "02:00:00")
        ]
        more += ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    elif field.type in ID_TYPES:
        more = ["19x1", "20x1", "20x6", "11x2", "12x2", "11x007", "007", "7", "0", "1", "ABC", "99999999999999999999"]
    elif field.type is FieldType.BOOLEAN:
        more = [True, False]
    return list(dict.fromkeys(v for v in [*flat, *more] if comparable(field, v) is not None))  # fmt: skip


@st.composite
def texts(draw: st.DrawFn, pool: list[str]) -> str:
    """Return a value, or a part of one, perhaps in another case."""
    text = draw(st.sampled_from(pool))
    if draw(st.booleans()):
        start = draw(st.integers(0, max(0, len(text) - 1)))
        text = text[start : start + draw(st.integers(1, 5))]
    return draw(st.sampled_from([str, str.upper, str.lower, str.swapcase]))(text)


@st.composite
def conditions(draw: st.DrawFn, world: World) -> Filter:
    field = draw(st.sampled_from(list(world.pools)))
    op = draw(st.sampled_from(sorted(OPERATORS[field.type])))
    sizes = {
        Op.EMPTY: 0,
        Op.NOT_EMPTY: 0,
        Op.BETWEEN: 2,
        Op.IN: draw(st.integers(0, 3)),
        Op.NOT_IN: draw(st.integers(0, 3)),
    }
    if not (size := sizes.get(op, 1)):
        return Condition(field.name, op)
    pool = world.pools[field]
    is_text = field.type in TEXT_TYPES | {FieldType.CHOICE, FieldType.MULTICHOICE} or op in {
        Op.CONTAINS,
        Op.STARTS,
        Op.ENDS,
    }
    one = texts(pool) if is_text else st.sampled_from(pool)
    return Condition(field.name, op, tuple(draw(st.lists(one, min_size=size, max_size=size))))  # fmt: skip


def orders(world: World) -> st.SearchStrategy[tuple[Order, ...]]:
    """Return orders, but none by a field that holds times which never were: a server sorts them as they are written."""
    unsorted = {f.name for f in world.pools if f.type in UNSORTED} | {world.schema.created_field}
    columns = st.sampled_from([f.name for f in world.pools if f.name not in unsorted])
    return st.lists(st.builds(Order, columns, st.booleans()), max_size=2, unique_by=lambda o: o.field).map(tuple)


def same_everywhere(world: World, filter: Filter | None, order: tuple[Order, ...], size: int) -> None:
    expected, columns = world.here(filter, order), world.columns(order)
    for place, ask in (("the mirror", world.in_the_mirror), ("the server", world.at_the_vendor)):
        found = ask(filter, order, size)
        assert sorted(found) == sorted(expected), f"{place}: {to_text(filter)}"
        assert [columns[id] for id in found] == [columns[id] for id in expected], f"the order of {place}: {order}"


def look(world: World, effort: settings) -> None:
    filters = st.recursive(conditions(world), several, max_leaves=6)
    effort(given(st.just(world), filters, orders(world), st.sampled_from([7, 30, 100]))(same_everywhere))()


def test_the_same_filter_finds_the_same_records_here_in_the_mirror_and_at_the_vendor(world: World) -> None:
    look(world, SUITE)


def test_what_once_was_different_is_the_same(world: World) -> None:
    for text, order in VENDORS[world.crm.slug].once_wrong:
        same_everywhere(world, parse(text, world.schema), parse_order(order, world.schema), 30)


@pytest.mark.nightly
def test_however_long_one_looks_no_filter_finds_anything_else_elsewhere(world: World) -> None:
    look(world, NIGHTLY)
