"""Reading: the same records as our own evaluation finds, each once, in order, and not one request that writes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.base import Connector
from connectors.errors import QueryError
from connectors.query import And, Condition, Filter, Not, Op, Or, Order, Query, match_record, parse, sort_key, to_text
from connectors.query.names import ID_TYPES, OPERATORS, UNSORTED
from connectors.spelling import canonical
from connectors.types import FieldSchema, FieldType, ModuleSchema, Record
from connectors.values import is_secret_field
from tests.connectors.contract.support import ContractFixtures, CountingObserver, Seeder, read_all

PARTS = {Op.CONTAINS, Op.STARTS, Op.ENDS}
OPEN_TYPES = {
    FieldType.CHOICE,
    FieldType.MULTICHOICE,
    FieldType.JSON,
    FieldType.LINES,
}  # servers keep unknown choices too


def known_values(field: FieldSchema, records: list[Record]) -> list[object]:
    """Return up to two of the values the field holds, the same each time."""
    found = [r.id if field.type is FieldType.ID else r.values.get(field.name) for r in records]
    flat = [v for value in found if value is not None for v in (value if isinstance(value, list) else [value])]
    distinct = sorted({v for v in flat if isinstance(v, str | bool)}, key=str)
    return random.Random(field.name).sample(distinct, min(2, len(distinct)))


def conditions_on(field: FieldSchema, op: Op, records: list[Record]) -> Iterator[Condition]:
    """Yield conditions with that operator that some records meet and some do not."""
    if op in {Op.EMPTY, Op.NOT_EMPTY}:
        yield Condition(field.name, op)
        return
    values = known_values(field, records)
    if op in PARTS and field.type is not FieldType.MULTICHOICE:
        for value in map(str, values):
            part = {Op.CONTAINS: value[1:5], Op.STARTS: value[:3], Op.ENDS: value[-3:]}[op]
            if part:
                yield Condition(field.name, op, (part if field.type in ID_TYPES else part.swapcase(),))
    elif op in {Op.IN, Op.NOT_IN}:
        yield Condition(field.name, op, tuple(values))
    elif op is Op.BETWEEN:
        if len(values) > 1:
            yield Condition(field.name, op, tuple(values[:2]))
            yield Condition(field.name, op, tuple(reversed(values[:2])))
    else:
        yield from (Condition(field.name, op, (value,)) for value in values)


def fields_of_each_type(schema: ModuleSchema) -> list[FieldSchema]:
    """Return two fields of each type, those that all fields of it stand for."""
    return [f for f in schema.fields if f in [other for other in schema.fields if other.type is f.type][:2]]


def is_canonical(field: FieldSchema, value: object) -> bool:
    """Say whether the value is in its one spelling; text that the type cannot be read from is kept as it came."""
    try:
        return bool(canonical(field, value) == value)
    except ValueError:
        return isinstance(value, str)


class ReadingContract(ContractFixtures):
    """`read`, `count`, `explain`, `get`, `get_many`, `ids`, `related`."""

    @pytest.fixture
    def records(self, crm: Connector, seeder: Seeder) -> list[Record]:
        return read_all(crm, seeder.module)

    def agrees(self, crm: Connector, schema: ModuleSchema, records: list[Record], filter: Filter) -> None:
        """Fail unless the vendor and our own evaluation find the same records."""
        query = Query(filter, fields=schema.names[:1], limit=crm.capabilities.page_size)
        found = [record.id for record in read_all(crm, schema.module.name, query)]
        holds = match_record(filter, schema)
        assert sorted(found) == sorted(record.id for record in records if holds(record)), to_text(filter)

    def test_values_are_canonical_and_hold_no_password(
        self, schema: ModuleSchema, records: list[Record], seeder: Seeder
    ) -> None:
        assert len(records) >= 30
        for record in records:
            assert record.module == seeder.module and record.id
            for name, value in record.values.items():
                field = schema.field(name)
                assert field is not None and not is_secret_field(name)
                assert field.type in OPEN_TYPES or is_canonical(field, value), (name, value)

    @pytest.mark.parametrize("op", list(Op), ids=str)
    def test_an_operator_finds_the_same_records_as_our_own_evaluation(
        self, crm: Connector, schema: ModuleSchema, records: list[Record], op: Op
    ) -> None:
        tried = 0
        for field in fields_of_each_type(schema):
            if op in OPERATORS[field.type]:
                for condition in conditions_on(field, op, records):
                    self.agrees(crm, schema, records, condition)
                    tried += 1
        assert tried

    def test_compound_filters_find_the_same_records_as_our_own_evaluation(
        self, crm: Connector, schema: ModuleSchema, records: list[Record]
    ) -> None:
        able = [(f, op) for f in fields_of_each_type(schema) for op in sorted(OPERATORS[f.type])]
        pool = [condition for f, op in able for condition in conditions_on(f, op, records)]
        dice = random.Random(5)
        for _ in range(40):
            a, b, c, d = dice.sample(pool, 4)
            shapes: list[Filter] = [
                And((a, Or((b, c)))),
                Or((And((a, b)), Not(And((c, d))))),
                Not(Or((a, Not(b)))),
                And((Not(a), b)),
                Or((a, b, Not(c))),
            ]
            self.agrees(crm, schema, records, dice.choice(shapes))

    def test_other_cases_digits_and_quotation_marks_find_the_same(
        self, crm: Connector, schema: ModuleSchema, records: list[Record], seeder: Seeder
    ) -> None:
        for text in ("O'BRIEN", "۱", "1", "%", "_", "\\", "ي", "É", "<b>", '"', "i", "k"):
            for op in (Op.CONTAINS, Op.EQ):
                self.agrees(crm, schema, records, Condition(seeder.field, op, (text,)))

    def test_every_sortable_field_sorts_both_ways(
        self, crm: Connector, schema: ModuleSchema, records: list[Record], seeder: Seeder
    ) -> None:
        for field in (f for f in fields_of_each_type(schema) if f.type not in UNSORTED):
            for order in (
                (Order(field.name),),
                (Order(field.name, True),),
                (Order(field.name), Order(seeder.field, True)),
            ):
                if len({column.field for column in order}) < len(order):
                    continue
                carried = (
                    (field.name, seeder.field) if len(order) == 1 else None
                )  # all fields once each: they are slow to read
                found = read_all(crm, seeder.module, Query(None, order, carried, crm.capabilities.page_size))
                key = sort_key(order, schema)
                keys = [key(record)[:-1] for record in found]  # ties may come in the vendor's own order of ids
                assert keys == sorted(keys), order
                assert sorted(r.id for r in found) == sorted(r.id for r in records)

    @pytest.mark.parametrize("limit", [25, 1000])
    def test_paging_brings_every_record_once(
        self, crm: Connector, schema: ModuleSchema, records: list[Record], seeder: Seeder, limit: int
    ) -> None:
        wanted = sorted(record.id for record in records)
        for order in ((), (Order(seeder.field),), (Order(seeder.field, True),)):
            assert sorted(r.id for r in read_all(crm, seeder.module, Query(order=order, limit=limit))) == wanted

    def test_paging_a_filter_evaluated_here_or_there_brings_every_match_once(
        self, crm: Connector, schema: ModuleSchema, records: list[Record], seeder: Seeder
    ) -> None:
        filter = Not(Condition(seeder.field, Op.CONTAINS, ("a",)))
        holds = match_record(filter, schema)
        found = read_all(crm, seeder.module, Query(filter, (Order(seeder.field),), None, 20))
        assert sorted(r.id for r in found) == sorted(r.id for r in records if holds(r))

    def test_only_the_fields_asked_for_are_carried(self, crm: Connector, schema: ModuleSchema, seeder: Seeder) -> None:
        other = next(f.name for f in schema.fields if f.name != seeder.field and f.type is not FieldType.ID)
        filter = Condition(other, Op.NOT_EMPTY)
        for fields in ((seeder.field,), (seeder.field, other)):
            for record in crm.read(seeder.module, Query(filter, (Order(other),), fields, 5)).records:
                assert set(record.values) == set(fields)

    def test_the_count_is_how_many_match(
        self, crm: Connector, schema: ModuleSchema, records: list[Record], seeder: Seeder
    ) -> None:
        if not crm.capabilities.counts:
            pytest.skip("cannot count")
        assert crm.count(seeder.module, Query()) == len(records)
        filter = Condition(seeder.field, Op.CONTAINS, ("e",))
        assert crm.count(seeder.module, Query(filter)) in {None, sum(map(match_record(filter, schema), records))}

    def test_reading_makes_no_call_that_writes(
        self, crm: Connector, records: list[Record], observer: CountingObserver
    ) -> None:
        assert observer.calls and not any(call.writes for call in observer.calls)
        assert len(observer.outcomes) == len(observer.calls)

    def test_explaining_tells_what_runs_where_and_reads_no_record(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder, observer: CountingObserver
    ) -> None:
        crm.check()
        harmless = {call.operation for call in observer.calls}
        text = f'{seeder.field} contains "x" and not ({seeder.field} is empty or {seeder.field} ends with "é")'
        observer.calls.clear()
        told = crm.explain(seeder.module, Query(parse(text, schema)))
        assert {call.operation for call in observer.calls} <= harmless
        assert told.pushed or told.local
        observer.calls.clear()
        for query in (Query(), Query(parse(text, schema), (Order(seeder.field),), (seeder.field,), 7)):
            crm.explain(seeder.module, query)
        assert not observer.calls, "not even for what is known by now"
        assert not told.local or parse(told.local, schema) is not None

    def test_a_filter_or_order_by_a_field_that_does_not_exist_is_a_query_error(
        self, crm: Connector, seeder: Seeder
    ) -> None:
        with pytest.raises(QueryError):
            crm.read(seeder.module, Query(Condition("no_such_field", Op.EQ, ("x",))))
        with pytest.raises(QueryError):
            crm.read(seeder.module, Query(order=(Order("no_such_field"),)))
        with pytest.raises(QueryError):
            crm.read(seeder.module, Query(Condition(seeder.field, Op.EQ, ())))

    def test_one_record_reads_like_all_of_them(self, crm: Connector, records: list[Record], seeder: Seeder) -> None:
        for record in records[:3]:
            alone = crm.get(seeder.module, record.id)
            assert (alone.module, alone.id, alone.modified) == (record.module, record.id, record.modified)
            assert {name: alone.values[name] for name in record.values} == dict(record.values)

    def test_many_records_are_those_there_are(self, crm: Connector, records: list[Record], seeder: Seeder) -> None:
        gone = seeder.put("Gone")
        seeder.remove(gone)
        wanted = [record.id for record in records[:5]]
        found = crm.get_many(seeder.module, [*wanted, gone, "no such id", wanted[0]])
        assert sorted(record.id for record in found) == sorted(wanted), "each once"
        assert {r.id: dict(r.values) for r in found} == {id: dict(crm.get(seeder.module, id).values) for id in wanted}
        assert crm.get_many(seeder.module, []) == []
        everything = crm.get_many(seeder.module, [record.id for record in records])
        assert sorted(record.id for record in everything) == sorted(record.id for record in records)

    def test_the_sweep_of_ids_is_complete(self, crm: Connector, records: list[Record], seeder: Seeder) -> None:
        found = [id for page in crm.ids(seeder.module) for id in page]
        assert sorted(found) == sorted(record.id for record in records), "each once"

    def test_a_sweep_that_was_interrupted_at_a_record_since_deleted_misses_nothing(
        self, crm: Connector, records: list[Record], seeder: Seeder
    ) -> None:
        found = [id for page in crm.ids(seeder.module) for id in page]
        half = len(found) // 2
        seeder.remove(found[half])
        assert set(found[half + 1 :]) <= {id for page in crm.ids(seeder.module, found[half]) for id in page}

    def test_an_interrupted_sweep_goes_on_behind_its_last_id(
        self, crm: Connector, records: list[Record], seeder: Seeder
    ) -> None:
        found = [id for page in crm.ids(seeder.module) for id in page]
        half = len(found) // 2
        assert [id for page in crm.ids(seeder.module, after=found[half]) for id in page] == found[half + 1 :]
        assert not [id for page in crm.ids(seeder.module, found[-1]) for id in page]

    def test_related_records_are_those_that_hang_on_it(self, crm: Connector, seeder: Seeder) -> None:
        if not crm.capabilities.related:
            pytest.skip("cannot list related records")
        module, id, relation, wanted = seeder.related()
        found: list[Record] = []
        query = Query(limit=2)
        while True:
            page = crm.related(module, id, relation, query)
            found += page.records
            if page.next_cursor is None:
                break
            query = Query(limit=2, cursor=page.next_cursor)
        assert {record.id for record in found} == wanted
        assert {record.module for record in found} == {relation}

    def test_several_threads_read_at_once(self, crm: Connector, records: list[Record], seeder: Seeder) -> None:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: len(read_all(crm, seeder.module)), range(4)))
        assert found == [len(records)] * 4
