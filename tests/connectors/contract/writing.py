"""Writing: what is given arrives, what is not given stays, and a refusal changes nothing."""

from __future__ import annotations

import pytest

from connectors.base import Connector
from connectors.errors import ReadOnly, RecordInvalid, RecordNotFound
from connectors.types import TEXT_TYPES, ModuleSchema
from tests.connectors.contract.support import (
    ContractFixtures,
    CountingObserver,
    Seeder,
    nothing_written,
    optional_fields,
    read_all,
    samples,
)


class WritingContract(ContractFixtures):
    """`create`, `update`, `delete`."""

    def test_a_created_record_is_returned_as_stored_and_can_be_read(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        made = crm.create(seeder.module, {**seeder.needed, seeder.field: "Zoë O'Brien"})
        assert made.module == seeder.module and made.id
        assert made.values[seeder.field] == "Zoë O'Brien"
        assert any(call.writes for call in observer.calls)
        read = crm.get(seeder.module, made.id)
        assert {name: read.values[name] for name in made.values} == dict(made.values)

    def test_every_kind_of_value_arrives_as_it_was_given(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder
    ) -> None:
        id = seeder.put("Values")
        tried = set()
        for field in optional_fields(schema, seeder):
            for value in samples(field):
                assert crm.update(seeder.module, id, {field.name: value}).values[field.name] == value, field.name
                tried.add(field.type)
            if samples(field):
                assert crm.get(seeder.module, id).values[field.name] == samples(field)[-1], field.name
        assert len(tried) >= 3

    def test_an_update_changes_only_what_was_given(self, crm: Connector, schema: ModuleSchema, seeder: Seeder) -> None:
        id = read_all(crm, seeder.module)[0].id
        before = crm.get(seeder.module, id)
        after = crm.update(seeder.module, id, {seeder.field: "Changed"})
        untouched = {f.name for f in schema.fields if f.editable} - {seeder.field}
        kept = crm.get(seeder.module, id).values
        assert after.id == id and kept[seeder.field] == "Changed"
        assert {n: kept[n] for n in kept if n in untouched} == {n: before.values[n] for n in kept if n in untouched}

    def test_an_update_of_nothing_writes_nothing(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        id = seeder.put("As it was")
        before = crm.get(seeder.module, id)
        with nothing_written(observer):
            assert crm.update(seeder.module, id, {}).values[seeder.field] == "As it was"
        assert crm.get(seeder.module, id) == before

    def test_none_clears_a_field(self, crm: Connector, schema: ModuleSchema, seeder: Seeder) -> None:
        field = next(f for f in optional_fields(schema, seeder) if f.type in TEXT_TYPES)
        id = seeder.put("Cleared")
        assert crm.update(seeder.module, id, {field.name: samples(field)[0]}).values[field.name] is not None
        assert crm.update(seeder.module, id, {field.name: None}).values[field.name] is None
        assert crm.get(seeder.module, id).values[field.name] is None

    def test_values_that_do_not_fit_are_refused_by_name_and_nothing_is_sent(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder, observer: CountingObserver
    ) -> None:
        id = seeder.put("Refused")
        wrong = {"no_such_field": "x"} | {f.name: "x" for f in schema.fields if not f.editable}
        for name, value in {**wrong, seeder.field: "NUL \x00"}.items():
            observer.calls.clear()
            with pytest.raises(RecordInvalid) as refusal:
                crm.update(seeder.module, id, {name: value})
            assert name in refusal.value.fields
            assert not any(call.writes for call in observer.calls)

    def test_a_create_without_a_required_field_is_refused(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder
    ) -> None:
        required = [f.name for f in schema.fields if f.required and f.editable]
        if not required:
            pytest.skip("nothing is required")
        before = len(read_all(crm, seeder.module))
        with pytest.raises(RecordInvalid):
            crm.create(seeder.module, {f.name: samples(f)[0] for f in optional_fields(schema, seeder) if samples(f)})
        assert len(read_all(crm, seeder.module)) == before

    def test_a_deleted_record_is_not_found_by_anything(self, crm: Connector, seeder: Seeder) -> None:
        id = seeder.put("Deleted")
        if crm.capabilities.delete:
            crm.delete(seeder.module, id)
            with pytest.raises(RecordNotFound):
                crm.delete(seeder.module, id)
        else:
            seeder.remove(id)
        with pytest.raises(RecordNotFound):
            crm.get(seeder.module, id)
        with pytest.raises(RecordNotFound):
            crm.update(seeder.module, id, {seeder.field: "Too late"})
        assert id not in {record.id for record in read_all(crm, seeder.module)}

    def test_an_observer_that_forbids_writing_is_obeyed(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        id = seeder.put("Before")
        observer.read_only = True
        with pytest.raises(ReadOnly):
            crm.update(seeder.module, id, {seeder.field: "After"})
        with pytest.raises(ReadOnly):
            crm.create(seeder.module, {**seeder.needed, seeder.field: "New"})
        if crm.capabilities.delete:
            with pytest.raises(ReadOnly):
                crm.delete(seeder.module, id)
        assert crm.get(seeder.module, id).values[seeder.field] == "Before"
