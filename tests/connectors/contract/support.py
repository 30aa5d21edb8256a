"""What the parts of the contract share: the fixtures, the seeder a vendor provides, and reading to the end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from connectors.base import Connector
from connectors.context import Call, Context, Outcome
from connectors.errors import ReadOnly
from connectors.query import Query
from connectors.types import FieldSchema, FieldType, ModuleSchema, Record, Values

TEXT_SAMPLES = ("Zoë O'Brien", 'A & B <b> "quoted"', "علی‌رضا یوسفی", "back\\slash 100%")
SAMPLES: dict[FieldType, tuple[object, ...]] = {
    FieldType.TEXT: TEXT_SAMPLES,
    FieldType.LONGTEXT: (*TEXT_SAMPLES, "line 1\nline 2"),
    FieldType.EMAIL: ("zoe.obrien@example.org",),
    FieldType.PHONE: ("+44 20 7946 0018",),
    FieldType.URL: ("https://example.org/a?b=c",),
    FieldType.INTEGER: ("42", "0", "-7"),
    FieldType.DECIMAL: ("12.5", "-3"),
    FieldType.MONEY: ("1234.5", "10"),
    FieldType.PERCENT: ("50",),
    FieldType.BOOLEAN: (True, False),
    FieldType.DATE: ("2024-02-29",),
    FieldType.TIME: ("23:59:00",),
    FieldType.DATETIME: ("2024-02-29T23:59:00Z", "2025-07-01T00:00:00Z"),
}


class Seeder(ABC):
    """The way behind the API's back, as another person at the CRM's own screens would change things.

    `module` is the module under test, `field` one of its editable text fields (20 characters at least, not unique),
    `needed` what else a create must give. What a vendor cannot do is never asked for: its capabilities say so first.
    """

    module: str
    field: str
    needed: Values

    @abstractmethod
    def requests(self) -> int:
        """Return how many requests the server has answered."""

    @abstractmethod
    def put(self, text: str, id: str = "") -> str:
        """Create a record with this text in `field`, or change it in the record with this id; return the id."""

    @abstractmethod
    def put_many(self, texts: Sequence[str]) -> list[str]:
        """Create a record with each of these texts, at once; return their ids."""

    @abstractmethod
    def remove(self, id: str) -> None:
        """Delete a record."""

    def related(self) -> tuple[str, str, str, set[str]]:
        """Return module, id, relation and the ids of the records (one at least) that hang on that record."""
        raise AssertionError("the capability says no")

    def linkable(self) -> tuple[str, str, str, str]:
        """Return module, id, relation and the id of another record that may be linked to it and is not."""
        raise AssertionError("the capability says no")

    def linked(self, id: str, other_id: str) -> bool:
        """Say whether the server keeps a link between the two; asked where related records cannot be listed."""
        raise AssertionError("the capability says no")

    def comments(self, id: str) -> list[str]:
        """Return the comments that the server keeps of a record of the module under test."""
        raise AssertionError("the capability says no")

    def with_phone(self, number: str) -> str:
        """Create a record that has this phone number and return its id."""
        raise AssertionError("the capability says no")

    def pick_list(self) -> tuple[str, str]:
        """Return module and name of a field to whose pick list entries may be added."""
        raise AssertionError("the capability says no")


@dataclass
class CountingObserver:
    """Keeps every call; refuses those that write while `read_only`."""

    calls: list[Call] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    read_only: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, call: Call) -> None:
        if self.read_only and call.writes:
            raise ReadOnly("This connection may not be written to.")
        with self.lock:
            self.calls.append(call)

    def after(self, call: Call, outcome: Outcome) -> None:
        with self.lock:
            self.outcomes.append(outcome)


class ContractFixtures:
    """What every part of the contract is given."""

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer)

    @pytest.fixture
    def schema(self, crm: Connector, seeder: Seeder) -> ModuleSchema:
        return crm.describe(seeder.module)


@contextmanager
def no_request(seeder: Seeder) -> Iterator[None]:
    """Fail when the server is asked anything meanwhile, by its own count."""
    before = seeder.requests()
    yield
    assert seeder.requests() == before


@contextmanager
def nothing_written(observer: CountingObserver) -> Iterator[None]:
    """Fail when a request that writes is sent meanwhile."""
    before = len(observer.calls)
    yield
    assert not [call.operation for call in observer.calls[before:] if call.writes]


def read_all(crm: Connector, module: str, query: Query | None = None) -> list[Record]:
    """Return all records of the query, page after page; fails when the pages do not end."""
    query = query or Query(limit=crm.capabilities.page_size)
    found: list[Record] = []
    for _ in range(1000):
        page = crm.read(module, query)
        assert len(page.records) <= query.limit
        found += page.records
        if page.next_cursor is None:
            return found
        query = Query(query.filter, query.order, query.fields, query.limit, page.next_cursor)
    raise AssertionError("the pages do not end")


def optional_fields(schema: ModuleSchema, seeder: Seeder) -> list[FieldSchema]:
    """Return the fields that may be set and left out: those a write can be tried with."""
    needed: Mapping[str, object] = {seeder.field: "", **seeder.needed}
    return [f for f in schema.fields if f.editable and not f.required and not f.unique and f.name not in needed]


def samples(field: FieldSchema) -> tuple[object, ...]:
    """Return values to write into the field, that fit it; none for kinds whose values only the vendor knows."""
    if field.type is FieldType.CHOICE:
        return tuple(c.value for c in field.choices[:2])
    if field.type is FieldType.MULTICHOICE:
        return ([c.value for c in field.choices[:2]],) if field.choices else ()
    limit = field.max_length or 10_000
    return tuple(v for v in SAMPLES.get(field.type, ()) if not isinstance(v, str) or len(v) <= limit)
