"""What is different between two descriptions of a module: the table, and that nothing is made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.memory_store import SCHEMAS
from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.connections.schema_diff import Kind, SchemaChange, compare, completed, is_whole

CONTACTS = SCHEMAS[0]
PHONE = FieldSchema("phone", "Phone", max_length=40)
CITY = FieldSchema("city", "City")
STATUS = FieldSchema("status", "Status", FieldType.CHOICE, choices=(Choice("new", "New"), Choice("old", "Old")))
OWNER = FieldSchema("account", "Account", FieldType.REFERENCE, refers_to=("Accounts",))

# what the field was, what it is, what is told of it
TABLE: list[tuple[FieldSchema | None, FieldSchema | None, list[tuple[Kind, str, str]]]] = [
    (PHONE, PHONE, []),
    (PHONE, None, [(Kind.FIELD_GONE, "text", "")]),
    (None, PHONE, [(Kind.FIELD_NEW, "", "text")]),
    (None, replace(PHONE, required=True), [(Kind.FIELD_NEW, "", "text"), (Kind.NOW_REQUIRED, "", "")]),
    (PHONE, replace(PHONE, type=FieldType.PHONE), [(Kind.TYPE_CHANGED, "text", "phone")]),
    (OWNER, replace(OWNER, refers_to=("Leads",)), [(Kind.TYPE_CHANGED, "reference → Accounts", "reference → Leads")]),
    (OWNER, replace(OWNER, refers_to=()), []),  # not told this time
    (PHONE, replace(PHONE, required=True), [(Kind.NOW_REQUIRED, "", "")]),
    (PHONE, replace(PHONE, required=True, default="-"), []),  # the CRM fills it
    (PHONE, replace(PHONE, required=True, editable=False), [(Kind.READ_ONLY, "", "")]),
    (replace(PHONE, required=True), PHONE, []),
    (PHONE, replace(PHONE, editable=False), [(Kind.READ_ONLY, "", "")]),
    (replace(PHONE, editable=False), PHONE, []),
    (PHONE, replace(PHONE, max_length=20), [(Kind.SHORTER, "40", "20")]),
    (PHONE, replace(PHONE, max_length=60), []),
    (PHONE, replace(PHONE, max_length=None), []),  # not told
    (STATUS, replace(STATUS, choices=STATUS.choices[:1]), [(Kind.CHOICE_GONE, "old", "")]),
    (STATUS, replace(STATUS, choices=(*STATUS.choices, Choice("x", "X"))), [(Kind.CHOICE_NEW, "", "x")]),
    (STATUS, replace(STATUS, choices=STATUS.choices[::-1]), []),
    (STATUS, replace(STATUS, choices=(Choice("new", "Neu"), Choice("old", "Alt"))), []),
    (STATUS, replace(STATUS, choices=()), []),  # a list that was not told says nothing about what is on it
    (PHONE, replace(PHONE, label="Telephone", help="Call me"), []),
]


def schema(*fields: FieldSchema | None, **module: Any) -> ModuleSchema:
    return ModuleSchema(Module("People", "People", **module), tuple(f for f in (CITY, *fields) if f is not None))


@pytest.mark.parametrize(("was", "now", "told"), TABLE)
def test_each_difference_that_is_certain_is_told_and_no_other(
    was: FieldSchema | None, now: FieldSchema | None, told: list[tuple[Kind, str, str]]
) -> None:
    found = compare(schema(was), schema(now))
    assert [(change.kind, change.before, change.after) for change in found] == told
    assert all(change.field == (was or now).name for change in found)  # type: ignore[union-attr]


@pytest.mark.parametrize("kept", [0, 1, 9])
def test_an_answer_with_hardly_a_field_does_not_mean_that_all_are_gone(kept: int) -> None:
    short = replace(CONTACTS, fields=CONTACTS.fields[:kept])
    assert not is_whole(CONTACTS, short) and compare(CONTACTS, short) == []


def test_where_fields_are_read_off_a_record_one_that_it_does_not_carry_is_kept() -> None:
    whole = completed(schema(PHONE, STATUS), schema(replace(PHONE, max_length=20)))
    assert whole == schema(replace(PHONE, max_length=20), STATUS)


def test_a_module_is_gone_only_when_somebody_says_so() -> None:
    assert compare(CONTACTS, None, believed=True) == [SchemaChange(Kind.MODULE_GONE, "", "Contacts")]


def test_a_module_in_which_nothing_may_be_changed_any_more_is_told_in_words() -> None:
    (change,) = compare(schema(), schema(updatable=False))
    assert change.sentence == "“People” was open for new records and changes and is open for new records only now."
    assert compare(schema(creatable=False), schema()) == []


def test_every_change_has_a_sentence() -> None:
    for kind in Kind:
        assert "“Phone" in SchemaChange(kind, "phone", "Phone", "x", "y").sentence or kind == Kind.MODULE_GONE
    assert compare(schema(PHONE), schema())[0].sentence == "The field “Phone (phone)” is gone."


names = st.sampled_from(["a", "b", "c", "d"])
choices = st.lists(st.builds(Choice, names, names), max_size=3).map(tuple)
fields = st.builds(
    FieldSchema,
    name=names,
    label=names,
    type=st.sampled_from(FieldType),
    required=st.booleans(),
    editable=st.booleans(),
    choices=choices,
    refers_to=st.lists(names, max_size=2).map(tuple),
    max_length=st.none() | st.integers(0, 9),
    default=st.none() | names,
)
schemas = st.builds(
    ModuleSchema,
    module=st.builds(Module, names, names, creatable=st.booleans(), updatable=st.booleans()),
    fields=st.lists(fields, max_size=4, unique_by=lambda field: field.name).map(tuple),
)


@settings(deadline=None)  # a busy machine is no mistake
@given(schemas, schemas)
def test_what_is_told_is_so_and_what_is_the_same_is_no_change(before: ModuleSchema, after: ModuleSchema) -> None:
    assert compare(before, before) == []
    gone = {change.field for change in compare(before, after) if change.kind == Kind.FIELD_GONE}
    assert gone == (set(before.names) - set(after.names) if is_whole(before, after) else set())
    for change in compare(before, after):
        assert change.sentence and (change.field in {*before.names, *after.names} or not change.field)


def test_what_changes_about_a_line_is_told_by_the_name_of_the_field_of_lines() -> None:
    amount = FieldSchema("quantity", "Quantity", FieldType.DECIMAL)
    lines = FieldSchema("lines", "Lines", FieldType.LINES, lines=(PHONE, amount))
    found = compare(schema(lines), schema(replace(lines, lines=(amount,))))
    assert [(change.kind, change.field) for change in found] == [(Kind.FIELD_GONE, "lines.phone")]
    assert compare(schema(lines), schema(replace(lines, lines=()))) == []  # not told this time
