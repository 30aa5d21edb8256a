"""What a connector does besides reading and writing records: relations, links, comments, files, owners, views, pick lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.base import Connector
from connectors.errors import QueryError, RecordError, RecordInvalid, RecordNotFound, Unsupported
from connectors.query import Order, Query, match_record, parse, sort_key
from connectors.types import Capabilities, FileContent, Record
from tests.connectors.contract.support import (
    ContractFixtures,
    CountingObserver,
    Seeder,
    no_request,
    nothing_written,
)

COMMENTS = ("Called back: <b>yes</b> & no", "یادداشت ۱\nline 2")
FILE = FileContent("گزارش 'é'.txt", bytes(range(256)) * 3, "text/plain")


def needs(crm: Connector, capability: str) -> None:
    """Skip the test where the capability says no."""
    assert capability in Capabilities.__slots__
    if not getattr(crm.capabilities, capability):
        pytest.skip(f"cannot: {capability}")


def all_related(crm: Connector, module: str, id: str, relation: str, query: Query) -> list[Record]:
    """Return all related records the query finds, page after page."""
    found: list[Record] = []
    for _ in range(100):
        page = crm.related(module, id, relation, query)
        assert len(page.records) <= query.limit
        found += page.records
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)
    raise AssertionError("the pages do not end")


class DeedsContract(ContractFixtures):
    """`related`, `link`, `unlink`, `comment`, `find_by`, `files`, `download`, `upload`, `owners`, `views`,
    `append_choices`, `record_url`."""

    # Relations

    def test_related_records_are_filtered_sorted_and_cut_as_asked(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "related")
        module, id, relation, wanted = seeder.related()
        everything = all_related(crm, module, id, relation, Query())
        assert {record.id for record in everything} == wanted
        schema = crm.describe(relation)
        name = next(f.name for f in schema.fields if f.name in schema.label_fields and everything[0].values[f.name])
        text = str(everything[0].values[name])
        for words in (f'{name} = "{text}"', f'{name} != "{text}"'):
            filter = parse(words, schema)
            found = all_related(crm, module, id, relation, Query(filter, fields=(name,), limit=2))
            assert {r.id for r in found} == {r.id for r in everything if match_record(filter, schema)(r)}
            assert all(set(record.values) == {name} for record in found)
        for order in ((Order(name),), (Order(name, True),)):
            found = all_related(crm, module, id, relation, Query(order=order))
            keys = [sort_key(order, schema)(record)[:-1] for record in found]
            assert keys == sorted(keys) and {record.id for record in found} == wanted

    def test_relations_of_what_is_not_there_are_refused(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "related")
        module, id, relation, _wanted = seeder.related()
        with pytest.raises(QueryError):
            crm.related(module, id, "NoSuchModule", Query())
        with pytest.raises(QueryError):
            crm.related(module, id, relation, Query(order=(Order("no_such_field"),)))
        with pytest.raises(QueryError):
            crm.related(module, id, relation, Query(cursor="nonsense"))
        for wrong in ("no such id", "1' or '1'='1", ""):
            with pytest.raises(RecordNotFound):
                crm.related(module, wrong, relation, Query())

    def test_a_link_is_kept_and_made_once(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "link")
        module, id, relation, other = seeder.linkable()
        for _ in range(2):
            crm.link(module, id, relation, other)
            if crm.capabilities.related:
                assert [r.id for r in all_related(crm, module, id, relation, Query()) if r.id == other] == [other]
            else:
                assert seeder.linked(id, other)

    def test_what_is_not_there_cannot_be_linked(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        needs(crm, "link")
        module, id, relation, other = seeder.linkable()
        gone = seeder.put("Gone")
        seeder.remove(gone)
        for pair in ((module, id, relation, "no such id"), (module, "no such id", relation, other)):
            with nothing_written(observer), pytest.raises(RecordNotFound):
                crm.link(*pair)
        with nothing_written(observer), pytest.raises(QueryError):
            crm.link(module, id, "NoSuchModule", other)
        pair = (module, id, relation, gone) if relation == seeder.module else (module, gone, relation, other)
        with pytest.raises(RecordError):  # some servers only say that it is no record
            crm.link(*pair)

    def test_a_link_that_is_undone_is_gone_and_the_records_stay(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "unlink")
        module, id, relation, other = seeder.linkable()
        crm.link(module, id, relation, other)
        crm.unlink(module, id, relation, other)
        assert other not in {record.id for record in all_related(crm, module, id, relation, Query())}
        assert (crm.get(module, id).id, crm.get(relation, other).id) == (id, other)
        for wrong in ((module, id, relation, "no such id"), (module, "no such id", relation, other)):
            with pytest.raises(RecordNotFound):
                crm.unlink(*wrong)

    # Comments and phones

    def test_a_comment_is_kept_with_its_record(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "comment")
        id, other = seeder.put("Spoken to"), seeder.put("Not spoken to")
        for text in COMMENTS:
            crm.comment(seeder.module, id, text)
        assert sorted(seeder.comments(id)) == sorted(COMMENTS)
        assert seeder.comments(other) == []

    def test_who_has_a_phone_number_is_found_however_it_is_written(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "find_by_phone")
        id, other = seeder.with_phone("02122225678"), seeder.with_phone("02199990000")
        for number in ("02122225678", "021 2222-5678", "(021) 2222 5678", "۰۲۱۲۲۲۲۵۶۷۸"):
            found = {record.id: record.module for record in crm.find_by("phone", number)}
            assert found.get(id) == seeder.module and other not in found, number
        assert crm.find_by("phone", "0999 000 111 222 333") == []

    # Files

    def test_a_file_comes_back_byte_by_byte(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "upload")
        id, other = seeder.put("With a file"), seeder.put("Without")
        told = crm.upload(seeder.module, id, FILE)
        assert told.id and (told.name, told.size) == (FILE.name, len(FILE.content))
        needs(crm, "files")
        assert [file.id for file in crm.files(seeder.module, id)] == [told.id]
        assert crm.files(seeder.module, other) == []
        got = crm.download(seeder.module, id, told.id)
        assert (got.name, got.content) == (FILE.name, FILE.content)

    def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "upload")
        assert crm.capabilities.max_upload > 0
        id = seeder.put("With a file")
        large = FileContent("large.bin", bytes(crm.capabilities.max_upload + 1))
        with no_request(seeder), pytest.raises(RecordInvalid, match=r"large\.bin"):
            crm.upload(seeder.module, id, large)

    def test_a_file_that_is_not_there_is_not_found(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "files")
        id = seeder.put("Without a file")
        for wrong in ("no such file", "", id):
            with pytest.raises(RecordNotFound):
                crm.download(seeder.module, id, wrong)

    # Owners, views, pick lists, addresses

    def test_owners_have_ids_and_names_of_their_own(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "lists_owners")
        owners = crm.owners()
        assert owners and all(owner.id and owner.label and owner.kind in ("user", "group") for owner in owners)
        assert len({owner.id for owner in owners}) == len(owners)
        field = crm.describe(seeder.module).owner_field
        assert field is not None
        own = next(owner.id for owner in owners if owner.active and owner.kind == "user")
        made = crm.create(seeder.module, {**seeder.needed, seeder.field: "Owned", field: own})
        assert made.values[field] == own

    def test_views_have_ids_and_names_of_their_own(self, crm: Connector, seeder: Seeder) -> None:
        needs(crm, "views")
        views = crm.views(seeder.module)
        assert views and all(view.id and view.label for view in views)
        assert len({view.id for view in views}) == len(views)

    def test_entries_added_to_a_pick_list_may_be_written_and_keep_the_others(
        self, crm: Connector, seeder: Seeder
    ) -> None:
        needs(crm, "appends_choices")
        module, name = seeder.pick_list()
        before = crm.describe(module).field(name)
        assert before is not None and before.choices
        crm.append_choices(module, name, ["Added 1", "اضافه", before.choices[0].value])
        after = crm.describe(module).field(name)
        assert after is not None
        assert [c.value for c in after.choices] == [c.value for c in before.choices] + ["Added 1", "اضافه"]
        id = seeder.put("Chosen")
        assert crm.update(module, id, {name: "Added 1"}).values[name] == "Added 1"

    def test_entries_for_a_field_that_is_no_pick_list_are_refused(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        needs(crm, "appends_choices")
        for name in ("no_such_field", seeder.field):
            with nothing_written(observer), pytest.raises((QueryError, RecordError, Unsupported)):
                crm.append_choices(seeder.module, name, ["Added"])

    def test_the_address_of_a_record_is_its_own_and_costs_nothing(self, crm: Connector, seeder: Seeder) -> None:
        ids = [seeder.put("One"), seeder.put("Other")]
        with no_request(seeder):
            told = [crm.record_url(seeder.module, id) for id in ids]
            odd = crm.record_url(seeder.module, '1"><script>')
        if told[0] is None:
            return
        assert told[0] != told[1] and all(str(url).startswith(("https://", "http://127.0.0.1")) for url in told)
        assert odd is None or not {'"', "<"} & set(odd)
