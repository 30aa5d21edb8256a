"""Value tables: kept by one writer, needed by mappings, filled from CSV and from what two fields hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import RecordInvalid, Unsupported
from connectors.memory import store
from connectors.memory_store import with_choices
from connectors.sandbox.server import Sandbox
from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.models import Connection, OwnerLabel
from portal.connections.schema import refresh
from portal.ledger.models import AuditEntry, Entry, Problem
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.means import table_of
from portal.mappings.models import Mapping, ValueTable
from portal.mappings.save import save_draft, save_mapping
from portal.mappings.stored import definition_of, newest
from portal.mappings.table_append import append, lacking
from portal.mappings.table_check import flaws, remarks
from portal.mappings.table_csv import BadCsv, changes, merged, read_csv, text_of_bytes, write_csv
from portal.mappings.table_save import TableInUse, delete_table, save_table
from portal.mappings.table_uses import Place, Use, uses_of
from portal.mappings.table_values import end_of, ends_of, missing, offered_at, suggested
from portal.mappings.tables import Table
from portal.mappings.transform import Means, carried
from portal.mappings.transform import Place as Space
from portal.records.models import Mirror
from portal.records.pull import pull
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import RULES, World, emails, entries, person

STATES = Table("states", (("New", "Open"), ("Done", "Closed")))
database = pytest.mark.django_db


def kept(table: Table = STATES, **more: Any) -> ValueTable:
    return save_table(None, table, actor="test", **more)[0]


@pytest.fixture
def both(make_connection: Callable[..., Connection]) -> None:
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})


def mapping(name: str, *rules: Rule, live: bool = True) -> Mapping:
    wanted = Definition(
        name, Side("north", "Contacts"), Side("south", "Contacts"), "both", (("email", "email"),), rules
    )
    if live:
        return save_mapping(wanted, user=None, actor="test")
    return save_draft(Mapping.objects.filter(name=name).first(), wanted, user=None, actor="test")


THROUGH = Rule(left="status", right="status", table="states")
LOOKED_UP = Rule(right="notes", source="expression", expression="{{ status|lookup:'states' }}")


# Kept


@database
def test_a_table_is_kept_without_blanks_and_empty_rows_and_audited() -> None:
    row = kept(
        Table("states", ((" New ", "Open"), ("", " "), ("Lost", "")), "default", "", " Open "), description=" How far "
    )
    assert table_of(row) == Table("states", (("New", "Open"), ("Lost", "")), "default", "", "Open")
    assert row.description == "How far"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_label, entry.changes["rows"]) == ("add_value_table", "states", 2)


@database
def test_what_it_says_already_is_not_written_again() -> None:
    row = kept()
    assert save_table(row, STATES, actor="test") == (row, "unchanged")
    assert AuditEntry.objects.count() == 1
    saved, deed = save_table(row, replace(STATES, pairs=(*STATES.pairs, ("Lost", "Closed"))), actor="test")
    assert deed == "updated" and saved.pairs.count() == 3
    assert AuditEntry.objects.first().changes == {"rows_added": 1, "rows_removed": 0}  # type: ignore[union-attr]


@database
def test_another_name_keeps_the_rules_that_use_it(both: None) -> None:
    row = kept()
    found = mapping("contacts", THROUGH)
    saved, _ = save_table(row, replace(STATES, name="stages"), actor="test")
    assert saved.uuid == row.uuid
    assert definition_of(found).rules[0].table == "stages"


@database
def test_another_name_is_refused_while_an_expression_spells_this_one(both: None) -> None:
    row = kept()
    mapping("contacts", LOOKED_UP)
    with pytest.raises(TableInUse, match="“states” by this name, in contacts"):
        save_table(row, replace(STATES, name="stages"), actor="test")
    assert ValueTable.objects.get().name == "states"


@database
@pytest.mark.parametrize("rule", [THROUGH, LOOKED_UP])
def test_it_is_not_deleted_while_a_live_version_or_a_draft_needs_it(both: None, rule: Rule) -> None:
    row = kept()
    other = Rule(left="lastname", right="lastname")
    mapping("live", rule)
    mapping("live", other, live=False)
    mapping("drafted", other)
    mapping("drafted", rule, live=False)
    mapping("former", rule)
    mapping("former", other)
    with pytest.raises(TableInUse) as e:
        delete_table(row, actor="test")
    assert e.value.mappings == ["drafted", "live"]
    for name in e.value.mappings:
        Mapping.objects.get(name=name).delete()
    delete_table(row, actor="test")
    assert not ValueTable.objects.exists()
    assert newest(Mapping.objects.get(name="former")) == 2


@database
def test_uses_name_the_fields_between_which_it_stands(both: None) -> None:
    kept()
    mapping("contacts", THROUGH, LOOKED_UP)
    left, right = Place("north", "Contacts", "status"), Place("south", "Contacts", "status")
    assert uses_of("states") == [Use("contacts", left, right, (left, right)), Use("contacts")]


@pytest.mark.parametrize(
    ("table", "place"),
    [
        (Table("t", (("x" * 501, "y"),)), "left"),
        (Table("t", (("a", "b\nc"),)), "right"),
        (Table("t", (), "default"), "default_right"),
        (Table("t", tuple((str(n), "x") for n in range(5001))), "values"),
    ],
)
def test_what_cannot_be_kept_is_refused(table: Table, place: str) -> None:
    assert [flaw.place for flaw in flaws(table)] == [place]


def test_rows_that_count_only_one_way_are_told_as_what_they_are() -> None:
    said = remarks([("A", "1"), ("B", "1"), ("A", "2"), ("A", "1"), ("C", ""), ("", "3"), ("D", "")])
    assert {row: [str(text) for text in texts] for row, texts in said.items()} == {
        1: ["from right to left row 1 counts"],
        2: ["from left to right row 1 counts"],
        3: ["the same as row 1"],
        4: ["“C” becomes empty on the other side"],
        5: ["“3” becomes empty on the other side"],
        6: ["“D” becomes empty on the other side"],
    }


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "Left{}RIGHT\n", "\ufeffleft{}right\r\n"])
def test_any_usual_spelling_is_read(delimiter: str, header: str) -> None:
    text = (
        header.format(delimiter) + delimiter.join(("New", '"On, hold; or so"')) + "\n\n" + f" Done {delimiter}Closed\n"
    )
    assert read_csv(text) == (("New", "On, hold; or so"), ("Done", "Closed"))


def test_a_heading_of_another_kind_is_passed_over_when_said() -> None:
    assert read_csv("Status,Stage\nNew,Open\n", heading=True) == (("New", "Open"),)
    assert len(read_csv("Status,Stage\nNew,Open\n")) == 2


def test_a_comma_within_does_not_hide_the_semicolon_between() -> None:
    assert read_csv("a, b;c\nd, e;f\ng;h\n") == (("a, b", "c"), ("d, e", "f"), ("g", "h"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_in_unicode_are_read(encoding: str) -> None:
    assert read_csv(text_of_bytes("ایران,IR\n".encode(encoding))) == (("ایران", "IR"),)


def test_another_encoding_is_refused_with_the_line() -> None:
    with pytest.raises(BadCsv, match="Line 2 is not in UTF-8"):
        text_of_bytes("a,b\nÖsterreich,AT\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n\nc\nd,e,f\n", "Line 3: two values are expected, left and right; found: 1. Line 4: two values"),
        ('a,b\n"c,d\n', "Line 2: the quotation marks do not match."),
        ("a,b\nc," + "x" * 501, "Line 2: longer than 500 characters."),
        ('a,b\n"c\nd",e\n', "Line 3: holds a line break"),
        ("", "There is no row in it."),
        ("left,right\n", "There is no row in it."),
        ("a,b\n" * 5001, "It has 5001 rows, more than the 5000"),
        ("a\n" * 25, "And 5 more."),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text: str, message: str) -> None:
    with pytest.raises(BadCsv) as e:
        read_csv(text)
    assert message in str(e.value)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).map(str.strip)
PAIRS = st.lists(st.tuples(WORDS, WORDS).filter(any), min_size=1, max_size=8).map(tuple)


@settings(deadline=None)
@given(PAIRS)
def test_what_is_exported_comes_in_as_it_was(pairs: tuple[tuple[str, str], ...]) -> None:
    assert read_csv(text_of_bytes(write_csv(pairs).encode())) == pairs


@settings(deadline=None)
@given(PAIRS, PAIRS)
def test_what_an_import_changes_leads_from_the_one_to_the_other(
    before: tuple[tuple[str, str], ...], read: tuple[tuple[str, str], ...]
) -> None:
    after = merged(before, read)
    told = changes(before, after)
    made = (set(before) - set(told.removed) - {old for old, _ in told.changed}) | set(told.added)
    assert made | {new for _, new in told.changed} == set(after)
    assert bool(told) == (set(before) != set(after))
    table = Table("t", after)
    assert all(table.look_up(left, "right") == (right or None) for left, right in reversed(first(read)))


def first(read: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """The rows of a file that count: the first of each left value."""
    found: dict[str, str] = {}
    for left, right in read:
        found.setdefault(left, right)
    return [(left, right) for left, right in found.items() if left]


def test_rows_are_added_below_and_known_ones_changed_in_place() -> None:
    before = (("A", "1"), ("B", "2"))
    assert merged(before, (("C", "3"), ("A", "9"))) == (("A", "9"), ("B", "2"), ("C", "3"))


# What two fields hold


@pytest.fixture
def mirrored(both: None) -> None:
    for status, number in (("New", 3), ("In Progress", 1), ("Old", 2)):
        for _ in range(number):
            store("memory").put("Contacts", {"lastname": "x", "status": status, "address/city": status})
    other = store("other")
    choices = (Choice("10", "new"), Choice("20", "in progress"), Choice("30", "Lost"))
    schema = other.schema("Contacts")
    fields = tuple(replace(f, choices=choices) if f.name == "status" else f for f in schema.fields)
    other.schemas["Contacts"] = replace(schema, fields=fields)
    north = Connection.objects.get(name="north")
    with open_connector(north, purpose="sync") as crm:
        pull(Mirror.objects.create(connection=north, module="Contacts"), crm)


@pytest.mark.django_db(transaction=True)
def test_an_end_offers_its_list_with_how_many_records_hold_each_value(mirrored: None) -> None:
    left = end_of(Place("north", "Contacts", "status"))
    found = [(o.value, o.label, o.records, o.listed) for o in offered_at([left]).values()]
    assert found == [
        ("New", "New", 3, True),
        ("In Progress", "Being worked on", 1, True),
        ("Done", "Done", 0, True),
        ("Old", "", 2, False),
    ]
    cities = end_of(Place("north", "Contacts", "address/city"))
    assert [(o.value, o.records) for o in offered_at([cities]).values()] == [("New", 3), ("Old", 2), ("In Progress", 1)]


@pytest.mark.django_db(transaction=True)
def test_rows_are_suggested_for_what_stands_in_none(mirrored: None) -> None:
    ends = [(end_of(Place("north", "Contacts", "status")), end_of(Place("south", "Contacts", "status")))]
    found = suggested(Table("t", (("new", "10"),)), ends)
    assert [(one.left, one.right) for one in found] == [("In Progress", "20")]
    lost = missing(Table("t", (("New", "10"),)), "right", offered_at([ends[0][1]]))
    assert [one.value for one in lost] == ["20", "30"]


@database
def test_owners_are_offered_by_their_names(both: None) -> None:
    OwnerLabel.objects.create(connection=Connection.objects.get(name="north"), owner_id="7", label="Ada")
    OwnerLabel.objects.create(connection=Connection.objects.get(name="south"), owner_id="12", label="ada")
    uses = [Use("m", Place("north", "Contacts", "owner"), Place("south", "Contacts", "owner"))]
    ends = ends_of(uses)
    assert [(one.left, one.right) for one in suggested(Table("t", ()), ends)] == [("7", "12")]


@database
@pytest.mark.parametrize("place", ["nowhere/Contacts/status", "north/Nothing/status", "north/Contacts/nothing"])
def test_a_field_that_is_not_there_offers_nothing(both: None, place: str) -> None:
    assert end_of(Place(*place.split("/", 2))) is None


# Adding to the other CRM's list


APPENDING = Table("states", (("New", "New"), ("Old", "Past")), "append")
LIST = FieldSchema("r", "Status", FieldType.CHOICE, choices=(Choice("New", "New"),))


def into(target: FieldSchema, appends: bool = False, **rule: Any) -> Any:
    def send(value: Any) -> Any:
        sides = {"left": FieldSchema("l", "L"), "right": target}
        schemas = {name: ModuleSchema(Module("M", "M"), (field,)) for name, field in sides.items()}
        places = {name: Space(schema, appends=appends) for name, schema in schemas.items()}
        means = Means(places, {"states": APPENDING}, evaluate, fields_of)  # type: ignore[arg-type]
        return carried(Rule(**{"left": "l", "right": "r", "table": "states", **rule}), {"l": value}, "left", means)

    def evaluate(text: str, values: Any, place: Any, lookup: Any) -> Any:
        return lookup("states", values["l"])

    def fields_of(text: str) -> frozenset[str]:
        return frozenset({"l"})

    return send


def test_a_value_that_has_to_be_added_to_a_list_is_refused_where_that_cannot_be_done_from_here() -> None:
    assert into(LIST)("New") == "New"
    for value, told in (("Old", "“Past”"), ("Odd", "“Odd”")):
        with pytest.raises(RecordInvalid, match=f"“Status” has no entry {told}, and nothing can be added"):
            into(LIST)(value)
        assert into(LIST, appends=True)(value) == told.strip("“”")
    with pytest.raises(RecordInvalid, match="“A”, “Past”, and nothing"):
        into(replace(LIST, type=FieldType.MULTICHOICE))(["New", "A", "Old"])
    unknown = into(replace(LIST, choices=()), appends=True)
    assert unknown("Old") == "Past", "its list is not known, but the row is"
    with pytest.raises(RecordInvalid, match="“Odd” yet"):
        unknown("Odd")
    assert into(FieldSchema("r", "City"))("Odd") == "Odd", "a field without a list takes it"


def test_an_expression_adds_to_no_list() -> None:
    send = into(LIST, left="", source="expression", expression="{{ l|lookup:'states' }}", table="")
    assert send("New") == "New"
    with pytest.raises(RecordInvalid, match="an expression adds it to no list"):
        send("Odd")


@pytest.fixture
def world(transactional_db: None) -> World:
    """Records go from north to south through a table that adds to lists; Odd is in no list there."""
    kept(APPENDING)
    world = World(rules=(*RULES, THROUGH))
    for name, status in (("ada", "New"), ("bo", "Odd")):
        world.north.put("Contacts", {**person(name), "status": status})
    return world


def test_a_person_adds_an_entry_to_a_list_and_no_run_adds_it_again(world: World) -> None:
    assert world.sync().state == "awaiting_approval" and emails(world.south) == []
    row = ValueTable.objects.get()
    uses = uses_of("states")
    (found,) = lacking(table_of(row), ends_of(uses), uses)
    assert (str(found.place), found.values) == ("south/Contacts/status", ("Past", "Odd"))
    append(row, found.place, ["Odd"], user=User.objects.create_user("ada"))
    assert AuditEntry.objects.first().changes["outcome"] == "done"  # type: ignore[union-attr]
    assert world.sync().state == "succeeded"
    assert emails(world.south) == ["ada@example.org", "bo@example.org"]
    assert not Entry.objects.filter(action="append", state="done").exists() and not Problem.objects.exists()
    assert [one.values for one in lacking(table_of(row), ends_of(uses), uses)] == [("Past",)]


def test_what_a_table_could_not_carry_over_is_tried_again_when_it_got_the_row(world: World) -> None:
    row = ValueTable.objects.get()
    strict = replace(APPENDING, unlisted="error")
    save_table(row, strict, actor="test")
    world.sync()
    assert len(emails(world.south)) == 1
    save_table(row, replace(strict, pairs=(*strict.pairs, ("Odd", "Done"))), actor="test")
    world.sync()
    assert sorted(r.values["status"] for r in world.south.of("Contacts")) == ["Done", "New"]
    assert not entries(Entry.State.BLOCKED)


def test_an_entry_that_was_added_in_the_crm_itself_is_taken_up_as_well(world: World) -> None:
    world.sync()
    world.sync()
    schema = world.south.schema("Contacts")
    fields = tuple(with_choices(f, ["Odd"]) if f.name == "status" else f for f in schema.fields)
    world.south.schemas["Contacts"] = replace(schema, fields=fields)
    with open_connector(world.connections["south"], purpose="sync") as crm:
        refresh(world.connections["south"], "Contacts", crm)
    world.sync()
    assert emails(world.south) == ["ada@example.org", "bo@example.org"]


@database
def test_nothing_is_added_unless_the_table_says_so(both: None) -> None:
    ends = [(end_of(Place("north", "Contacts", "status")), end_of(Place("south", "Contacts", "status")))]
    assert lacking(replace(APPENDING, unlisted="keep"), ends) == []


@pytest.mark.django_db(transaction=True)
def test_a_real_list_gets_its_entry_by_the_name_the_connection_has_for_it(running_sandbox: Sandbox) -> None:
    account = Account(running_sandbox, "reallysimple")
    account.control("POST", "reset")
    given = account.secrets
    crm = Connection.objects.create(
        name="rss",
        connector="reallysimple",
        writable=True,
        settings={"url": given["url"], "list_names": "accounts/type=accounttype"},
        secrets={"access_token": given["access_token"]},
    )
    place = Place("rss", "accounts", "type")
    row = kept(Table("types", (("Dealer", "Reseller"),), "append"))
    (found,) = lacking(table_of(row), [(None, end_of(place))])
    assert found.values == ("Reseller",)
    append(row, place, found.values, user=User.objects.create_user("ada"))
    assert lacking(table_of(row), [(None, end_of(place))]) == []
    crm.settings = {"url": given["url"]}
    crm.save()
    with pytest.raises(Unsupported, match="wants the name of the pick list behind accounts/type"):
        append(row, place, ["Other"], user=User.objects.get())
    assert AuditEntry.objects.first().changes["outcome"] == "refused"  # type: ignore[union-attr]
    account.close()
