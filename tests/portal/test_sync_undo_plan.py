"""What to do with one record to take a run back: the table line by line, and what holds for every record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.types import JSON, FieldSchema, Module, ModuleSchema
from portal.sync.cases import Seen
from portal.sync.undo.plan import Case, Deed, Means, Undo, decide

FIELDS = (
    FieldSchema("name", "Name", required=True),
    FieldSchema("city", "City"),
    FieldSchema("notes", "Notes"),
    FieldSchema("modified", "Modified", editable=False),
)
MEANS = Means(ModuleSchema(Module("Contacts", "Contacts"), FIELDS), compare={"city": "case"})
OLD: dict[str, JSON] = {"name": "Ada", "city": "Paris", "notes": None, "modified": "1"}
NEW: dict[str, JSON] = {**OLD, "city": "Rome", "modified": "2"}
CHANGED = Deed("update", {"city": "Paris"}, {"city": "Rome"}, {"city": "Rome"})
MADE = Deed("create", {}, {"name": "Ada", "city": "Rome"}, {"name": "Ada", "city": "Rome"})
REMOVED = Deed("delete", {**OLD, "password": "•"})


def now(**values: JSON) -> Seen:
    return Seen("7", {**NEW, **values})


def barred(**rights: bool) -> Means:
    return replace(MEANS, schema=replace(MEANS.schema, module=replace(MEANS.schema.module, **rights)))


LINES: list[tuple[str, Case, Means, str, dict[str, JSON], str]] = [
    ("an update whose record is as it was left", Case([CHANGED], now()), MEANS, "update", {"city": "Paris"}, ""),
    ("edited elsewhere", Case([CHANGED], now(notes="!")), MEANS, "update", {"city": "Paris"}, ""),
    ("edited there", Case([CHANGED], now(city="Bonn")), MEANS, "", {}, "edited_since"),
    ("emptied there", Case([CHANGED], now(city=None)), MEANS, "", {}, "edited_since"),
    ("what the rule calls alike", Case([CHANGED], now(city="ROME ")), MEANS, "update", {"city": "Paris"}, ""),
    ("changed back by hand", Case([CHANGED], now(city="Paris")), MEANS, "", {}, "as_before"),
    ("deleted since", Case([CHANGED], replace(now(), deleted="gone")), MEANS, "", {}, "gone_since"),
    ("not known any more", Case([CHANGED], None), MEANS, "", {}, "no_copy"),
    ("no right to change", Case([CHANGED], now()), barred(updatable=False), "", {}, "cannot_update"),
    ("a field that is gone", Case([Deed("update", {"x": "1"}, {"x": "2"})], now(x="2")), MEANS, "", {}, "field_gone"),
    ("nobody kept what it held", Case([replace(CHANGED, before={})], now()), MEANS, "", {}, "nothing_kept"),
    (
        "what the server made of it counts",
        Case([replace(CHANGED, stored={"city": "Roma"})], now(city="Roma")),
        MEANS,
        "update",
        {"city": "Paris"},
        "",
    ),
    (
        "twice changed: the first before, the last stored",
        Case([Deed("update", {"city": "Rome"}, {"city": "Bonn"}), CHANGED], now(city="Bonn")),
        MEANS,
        "update",
        {"city": "Paris"},
        "",
    ),
    (
        "one of two fields edited: neither is restored",
        Case([Deed("update", {"city": "Paris", "notes": None}, {"city": "Rome", "notes": "n"})], now(notes="mine")),
        MEANS,
        "",
        {},
        "edited_since",
    ),
    ("made and untouched", Case([MADE], now()), MEANS, "delete", {}, ""),
    ("made, then changed by the run", Case([CHANGED, MADE], now()), MEANS, "delete", {}, ""),
    ("made and touched", Case([MADE], now(), is_touched=True), MEANS, "", {}, "edited_since"),
    ("changed by a later run", Case([MADE], now(), {"city": ["Rome", "Bonn"]}), MEANS, "", {}, "edited_since"),
    ("changed and changed back", Case([MADE], now(), {"city": ["Rome", "Rome"]}), MEANS, "delete", {}, ""),
    ("what the server counts", Case([MADE], now(), {"modified": ["1", "2"]}), MEANS, "delete", {}, ""),
    ("to be kept", Case([MADE], now()), replace(MEANS, keep_created=True), "", {}, "kept_as_asked"),
    ("no right to delete", Case([MADE], now()), barred(deletable=False), "", {}, "cannot_delete"),
    ("made and gone", Case([MADE], replace(now(), deleted="gone")), MEANS, "skip", {}, "gone_already"),
    (
        "made and deleted by the run",
        Case([REMOVED, MADE], replace(now(), deleted="gone")),
        MEANS,
        "skip",
        {},
        "gone_already",
    ),
    ("deleted", Case([REMOVED], replace(now(), deleted="gone")), MEANS, "create", {"name": "Ada", "city": "Paris"}, ""),
    (
        "changed, then deleted by the run",
        Case([Deed("delete", NEW), CHANGED], replace(now(), deleted="gone")),
        MEANS,
        "create",
        {"name": "Ada", "city": "Paris"},
        "",
    ),
    ("deleted, never seen again", Case([REMOVED], None), MEANS, "create", {"name": "Ada", "city": "Paris"}, ""),
    ("deleted and come back", Case([REMOVED], now()), MEANS, "", {}, "came_back"),
    ("come back without its partner", Case([REMOVED], now(), is_alone=True), MEANS, "skip", {}, "came_back"),
    ("made anew by hand", Case([REMOVED], None, has_twin=True), MEANS, "", {}, "has_twin"),
    ("deleted before anything was kept", Case([Deed("delete")], None), MEANS, "", {}, "nothing_kept"),
    (
        "whom it referred to was made again",
        Case([REMOVED], None, moved={"city": "New"}),
        MEANS,
        "create",
        {"name": "Ada", "city": "New"},
        "",
    ),
    ("whom it referred to is no more", Case([REMOVED], None, moved={"city": ""}), MEANS, "create", {"name": "Ada"}, ""),
    (
        "whom it referred to was deleted too",
        Case([REMOVED], None, moved={"city": None}),
        MEANS,
        "",
        {},
        "refers_to_deleted",
    ),
    ("no right to create", Case([REMOVED], None), barred(creatable=False), "", {}, "cannot_create"),
    ("an entry added to a list", Case([Deed("append", {}, {"city": "Rome"})], None), MEANS, "", {}, "cannot_undo"),
]


@pytest.mark.parametrize(
    ("case", "means", "kind", "values", "reason"), [line[1:] for line in LINES], ids=[line[0] for line in LINES]
)
def test_the_table(case: Case, means: Means, kind: str, values: dict[str, JSON], reason: str) -> None:
    found = decide(case, means)
    assert (found.kind, dict(found.values), found.reason) == (kind, values, reason)


def test_what_differs_is_told_field_by_field() -> None:
    found = decide(Case([CHANGED], now(city="Bonn")), MEANS)
    assert found.differs == {"city": {"stored": "Rome", "now": "Bonn", "before": "Paris"}}


names = st.sampled_from(["name", "city", "notes", "modified", "gone", "password"])
values = st.dictionaries(names, st.sampled_from(["a", "b", "A ", None, "•"]), max_size=4)
deeds = st.builds(Deed, st.sampled_from(["create", "update", "update", "delete", "append"]), values, values, values)
seen = st.none() | st.builds(Seen, st.just("7"), values, deleted=st.sampled_from(["", "", "", "gone", "missing"]))
cases = st.builds(
    Case,
    st.lists(deeds, min_size=1, max_size=4),
    seen,
    is_touched=st.booleans(),
    has_twin=st.booleans(),
    is_alone=st.booleans(),
)
updates = st.lists(st.builds(Deed, st.just("update"), values, values, values), min_size=1, max_size=3)


@given(cases, st.booleans())
def test_every_record_gets_a_deed_or_a_reason_and_no_record_both(case: Case, keep: bool) -> None:
    found = decide(case, replace(MEANS, keep_created=keep))
    assert found.kind in ("", "skip", "update", "create", "delete")
    assert bool(found.reason) == (found.kind in ("", "skip"))
    assert found.kind in ("update", "create") or not found.values
    assert "password" not in found.values and "•" not in str(found.values.get("password"))


@given(cases)
def test_nothing_that_somebody_touched_is_deleted_and_nothing_living_is_made_twice(case: Case) -> None:
    found = decide(case, MEANS)
    if found.kind == "delete":
        assert not case.is_touched and case.now is not None and not case.now.deleted
    if found.kind == "create":
        assert not case.has_twin and (case.now is None or case.now.deleted)


@given(updates, values)
def test_a_restored_record_held_what_was_left_in_it_and_then_holds_what_was_before(
    writes: list[Deed], held: dict[str, JSON]
) -> None:
    case = Case(writes, Seen("7", held))
    found = decide(case, MEANS)
    if found.kind != "update":
        return
    for name, value in found.values.items():
        newest = next(deed for deed in writes if name in deed.intended)
        oldest = next(deed for deed in reversed(writes) if name in deed.intended)
        assert MEANS.alike(name, held[name], newest.left_in(name)) and value == oldest.before[name]
    again = decide(replace(case, now=Seen("7", {**held, **found.values})), MEANS)
    assert again == Undo("", reason="as_before")


@given(updates, values, names, st.text(min_size=3, max_size=5))
def test_an_edit_of_any_written_field_keeps_the_whole_record(
    writes: list[Deed], held: dict[str, JSON], name: str, edit: str
) -> None:
    written = any(name in deed.intended for deed in writes)
    found = decide(Case(writes, Seen("7", {**held, name: edit})), MEANS)
    assert not written or edit.strip() == "" or found.kind == ""
