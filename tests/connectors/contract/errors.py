"""Errors: what is not there is said to be so, by every method alike, and nothing is written for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.base import Connector
from connectors.errors import QueryError, RecordInvalid, RecordNotFound, Unsupported
from connectors.query import Order, Query
from connectors.types import FileContent, ModuleSchema
from tests.connectors.contract.support import ContractFixtures, CountingObserver, Seeder, no_request, nothing_written

NOWHERE = "NoSuchModule"
NO_IDS = ("", " ", "no such id", "1' or '1'='1", "../1", "1/2", "1?x=1", "1&x=1", "1\x00", "«۱»")  # at any vendor
# What other connectors, or nobody, gave out; not what this one may take for its own.
NO_CURSORS = ("nonsense", "7", "[]", "null", '"x"', '{"page": 2}', "after", "at", "at x", "after «x»", "sorted x", "left -1", "1 x")  # fmt: skip
NO_PLACES = ("nonsense", "7 x", "[]", "null", '"x"', '{"no such part": 2}', "after 7", "{", "-1")
FILE = FileContent("a.txt", b"a", "text/plain")
Deed = Callable[[Connector, str, str], object]  # of a module and an id
BY_ID: dict[str, Deed] = {
    "get": lambda crm, module, id: crm.get(module, id),
    "delete": lambda crm, module, id: crm.delete(module, id),
    "comment": lambda crm, module, id: crm.comment(module, id, "text"),
    "files": lambda crm, module, id: crm.files(module, id),
    "upload": lambda crm, module, id: crm.upload(module, id, FILE),
}
BY_MODULE: dict[str, Deed] = {
    "describes": lambda crm, module, id: crm.describe(module),
    "reads": lambda crm, module, id: crm.read(module, Query()),
    "explains": lambda crm, module, id: crm.explain(module, Query()),
    "counts": lambda crm, module, id: crm.count(module, Query()),
    "gets": lambda crm, module, id: crm.get(module, id),
    "gets many": lambda crm, module, id: crm.get_many(module, [id]),
    "changes": lambda crm, module, id: list(crm.changes(module, None)),
    "ids": lambda crm, module, id: list(crm.ids(module)),
    "creates": lambda crm, module, id: crm.create(module, {"name": "x"}),
    "updates": lambda crm, module, id: crm.update(module, id, {"name": "x"}),
    "delete": lambda crm, module, id: crm.delete(module, id),
    "views": lambda crm, module, id: crm.views(module),
    "related": lambda crm, module, id: crm.related(module, id, module, Query()),
    "link": lambda crm, module, id: crm.link(module, id, module, id),
    "comment": lambda crm, module, id: crm.comment(module, id, "text"),
    "files": lambda crm, module, id: crm.files(module, id),
    "upload": lambda crm, module, id: crm.upload(module, id, FILE),
    "appends_choices": lambda crm, module, id: crm.append_choices(module, "status", ["a"]),
}


def able(crm: Connector, deeds: dict[str, Deed]) -> Iterator[Deed]:
    """Yield those deeds that no capability denies; a deed without a capability of its name is always possible."""
    yield from (deed for name, deed in deeds.items() if getattr(crm.capabilities, name, True))


class ErrorsContract(ContractFixtures):
    """Unknown modules, records, fields and places."""

    def test_a_module_that_does_not_exist_is_a_query_error_everywhere(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        id = seeder.put("Here")
        with nothing_written(observer):
            for deed in able(crm, BY_MODULE):
                if deed is not BY_MODULE["counts"] or crm.capabilities.counts:
                    with pytest.raises(QueryError):
                        deed(crm, NOWHERE, id)

    def test_a_record_that_is_gone_is_not_found_by_any_method(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        gone = seeder.put("Gone")
        seeder.remove(gone)
        for id in (gone, "0", "-1"):
            for deed in able(crm, BY_ID):
                with pytest.raises(RecordNotFound):
                    deed(crm, seeder.module, id)
            with pytest.raises(RecordNotFound):
                crm.update(seeder.module, id, {seeder.field: "Too late"})
            assert crm.get_many(seeder.module, [id]) == []

    def test_what_cannot_be_an_id_is_not_found_and_nothing_is_written(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder, observer: CountingObserver
    ) -> None:
        for id in NO_IDS:
            with nothing_written(observer):
                for deed in able(crm, BY_ID):
                    with pytest.raises(RecordNotFound):
                        deed(crm, seeder.module, id)
                with pytest.raises(RecordNotFound):
                    crm.update(seeder.module, id, {seeder.field: "Changed"})
                assert crm.get_many(seeder.module, [id]) == [], id

    def test_a_field_that_is_unknown_or_read_only_is_refused_in_a_new_record_too(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder, observer: CountingObserver
    ) -> None:
        own = {**seeder.needed, seeder.field: "New"}
        fixed = [field.name for field in schema.fields if not field.editable]
        with nothing_written(observer):
            for name in ("no_such_field", *fixed[:3]):
                with pytest.raises(RecordInvalid) as refusal:
                    crm.create(seeder.module, {**own, name: "x"})
                assert name in refusal.value.fields

    def test_all_that_is_wrong_in_a_record_is_told_at_once(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        wrong = {seeder.field: "NUL \x00", "no_such_field": "x", "no_such_either": "y"}
        with nothing_written(observer), pytest.raises(RecordInvalid) as refusal:
            crm.create(seeder.module, {**seeder.needed, **wrong})
        assert refusal.value.fields.keys() == wrong.keys()
        assert all(name in str(refusal.value) for name in ("no_such_field", "no_such_either"))

    def test_a_place_in_a_list_that_this_connector_never_gave_out_is_refused(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder
    ) -> None:
        with no_request(seeder):
            for cursor in NO_CURSORS:
                for order in ((), (Order(seeder.field),), (Order(seeder.field, True),)):
                    with pytest.raises(QueryError):
                        crm.read(seeder.module, Query(order=order, cursor=cursor))

    def test_a_cursor_of_changes_that_this_connector_never_gave_out_is_refused(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder
    ) -> None:
        with no_request(seeder):
            for cursor in NO_PLACES:
                with pytest.raises(QueryError):
                    list(crm.changes(seeder.module, cursor))

    def test_a_search_of_a_kind_nobody_knows_is_unsupported(self, crm: Connector, seeder: Seeder) -> None:
        with no_request(seeder), pytest.raises(Unsupported):
            crm.find_by("no such kind", "1")
