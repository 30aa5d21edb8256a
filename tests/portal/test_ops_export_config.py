"""`export_config`: what comes out goes in again and changes nothing, and no secret is in it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox.server import Sandbox
from portal.connections.models import Connection
from portal.ledger.models import AuditEntry
from portal.mappings.copy import copy_mapping
from portal.mappings.definition import (
    COMPARISONS,
    DELETE_POLICIES,
    DIRECTIONS,
    LEAVING,
    POLICIES,
    Definition,
    Rule,
    Schedule,
    Side,
)
from portal.mappings.document import read_definition
from portal.mappings.export import mapping_document, table_document
from portal.mappings.models import Mapping, MappingVersion, ValueTable
from portal.mappings.save import save_draft
from portal.mappings.stored import definition_of, newest
from portal.mappings.table_document import read_table
from portal.mappings.tables import UNLISTED, Table
from portal.ops.config_file import import_document
from portal.ops.export_file import to_yaml
from tests.connectors.sandbox_client import Account

database = pytest.mark.django_db(transaction=True)
SECRET = "s3cret-in-the-environment"
NORTH = {"connection": "north", "module": "Contacts"}
SOUTH = {"connection": "south", "module": "Contacts"}
NAMES = [{"left": "lastname", "right": "lastname"}]
DOCUMENT: dict[str, Any] = {
    "connections": [
        {
            "name": "north",
            "connector": "memory",
            "writable": True,
            "settings": {"store": "memory"},
            "secrets": {"password": "env:NORTH_PASSWORD"},
            "calls_per_day": 5000,
            "max_parallel": 2,
        },
        {"name": "south", "connector": "memory", "settings": {"store": "other"}},
    ],
    "value_tables": [
        {
            "name": "states",
            "description": "How far we are",
            "unlisted": "default",
            "default_right": "New",
            "values": {"New": "New", "In Progress": "Done", "no": ""},
        },
        {"name": "unused", "values": [{"left": "1", "right": "یک"}]},
    ],
    "mappings": [
        {
            "name": "contacts",
            "left": {**NORTH, "filter": "email is not empty"},
            "right": SOUTH,
            "direction": "left-to-right",
            "match": [{"left": "email", "right": "email"}],
            "fields": [
                *NAMES,
                {"left": "status", "right": "status", "table": "states"},
                {"left": "account", "right": "account", "mapping": "firms"},
                {"expression": "{{ firstname|upper }}", "right": "firstname", "only_on_create": True},
                {"value": "no", "right": "notes"},
            ],
            "guards": "off",
            "schedule": {"cron": "0 7 * * 1-5", "paused": True},
            "leaving": "keep",
        },
        {
            "name": "firms",
            "left": {**NORTH, "module": "Accounts"},
            "right": {**SOUTH, "module": "Accounts"},
            "direction": "left-to-right",
            "match": [{"left": "name", "right": "name"}],
            "fields": [{"left": "name", "right": "name", "may_clear": True}],
            "guards": {"creates": 5, "deletes": "5%"},
        },
    ],
}


@pytest.fixture
def set_up(transactional_db: None) -> dict[str, Any]:
    """Everything a document can hold, imported; a mapping refers to one that stands below it."""
    report = import_document(DOCUMENT, {"NORTH_PASSWORD": SECRET})
    assert report.mappings == {"contacts": "created", "firms": "created"}
    assert report.value_tables == {"states": "created", "unused": "created"}
    return DOCUMENT


def export(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("export_config", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def forget_everything() -> None:
    Mapping.objects.all().delete()
    ValueTable.objects.all().delete()
    Connection.objects.all().delete()


def test_what_is_exported_and_imported_again_changes_nothing(set_up: dict[str, Any]) -> None:
    text, _ = export("--connections")
    audited = AuditEntry.objects.count()
    report = import_document(yaml.safe_load(text), {"NORTH_PASSWORD": SECRET})
    deeds = [*report.connections.values(), *report.value_tables.values(), *report.mappings.values()]
    assert deeds == ["unchanged"] * 6
    assert MappingVersion.objects.count() == 2 and AuditEntry.objects.count() == audited


def test_an_empty_portal_becomes_the_same(set_up: dict[str, Any]) -> None:
    text, _ = export("--connections")
    forget_everything()
    import_document(yaml.safe_load(text), {"NORTH_PASSWORD": SECRET})
    assert export("--connections")[0] == text
    assert Connection.objects.get(name="north").open_secrets()["password"] == SECRET
    firms = Mapping.objects.get(name="firms")
    assert Mapping.objects.get(name="contacts").versions.get().rules.get(left="account").linked == firms.uuid


def test_no_secret_is_in_it_but_the_variable_it_is_taken_from(set_up: dict[str, Any]) -> None:
    text, _ = export("--connections")
    assert SECRET not in text
    assert "# " + "  NORTH_PASSWORD: north, password" in text and "password: env:NORTH_PASSWORD" in text


def test_two_connections_never_share_a_variable(make_connection: Callable[..., Connection]) -> None:
    for name in ("a-b", "a_b", "شمال"):
        make_connection(name, secrets={"password": "x"})
    said = yaml.safe_load(export("--connections")[0])["connections"]
    assert len({c["secrets"]["password"] for c in said}) == 3
    assert all(c["secrets"]["password"].isascii() for c in said)


@database
def test_connections_are_exported_only_when_asked_for(set_up: dict[str, Any]) -> None:
    assert yaml.safe_load(export()[0]).keys() == {"value_tables", "mappings"}


def test_one_mapping_comes_with_the_tables_it_uses_and_says_what_is_lacking(set_up: dict[str, Any]) -> None:
    text, said = export("--mapping", "contacts", "--connections")
    found = yaml.safe_load(text)
    assert [table["name"] for table in found["value_tables"]] == ["states"]
    assert [mapping["name"] for mapping in found["mappings"]] == ["contacts"]
    assert "“contacts” refers to the mapping “firms”, which is not exported." in said


def test_a_mapping_that_does_not_exist_is_wrong_use(set_up: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="There is no mapping “nosuch”. There are: contacts, firms") as e:
        export("--mapping", "nosuch")
    assert e.value.returncode == 2


def test_the_live_version_is_exported_unless_the_draft_is_asked_for(set_up: dict[str, Any]) -> None:
    firms = Mapping.objects.get(name="firms")
    wanted = definition_of(firms)
    draft = Definition(**{**{name: getattr(wanted, name) for name in wanted.__slots__}, "direction": "right-to-left"})
    save_draft(firms, draft, user=None, actor="test")
    save_draft(None, Definition("new", wanted.left, wanted.right, "both", rules=wanted.rules), user=None, actor="test")
    live, said = export()
    assert [m["direction"] for m in yaml.safe_load(live)["mappings"]] == ["left-to-right"] * 2
    assert "“new” is left out: it was never made live" in said
    newer = yaml.safe_load(export("--draft")[0])["mappings"]
    assert [m["direction"] for m in newer] == ["left-to-right", "right-to-left", "both"]
    report = import_document(yaml.safe_load(live), {})
    assert set(report.mappings.values()) == {"unchanged"}
    assert newest(firms) == 2, "the draft is still there"


def test_json_is_the_document_itself(set_up: dict[str, Any]) -> None:
    assert orjson.loads(export("--json")[0]) == yaml.safe_load(export()[0])


@database
def test_simulated_crms_are_exported_and_set_up_again(
    vtiger: Account, running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"url": vtiger.secrets["url"], "username": vtiger.secrets["username"]}
    key = vtiger.secrets["access_key"]
    crm = {"name": "v", "connector": "vtiger", "settings": wanted, "secrets": {"access_key": "env:KEY"}}
    import_document({"connections": [crm | {"allow_http": True}]}, {"KEY": key})
    text, _ = export("--connections")
    assert key not in text
    again = import_document(yaml.safe_load(text), {"V_ACCESS_KEY": key})
    assert again.connections == {"v": "unchanged"}
    forget_everything()
    assert import_document(yaml.safe_load(text), {"V_ACCESS_KEY": key}).connections == {"v": "created"}
    assert export("--connections")[0] == text


def changed(path: str, value: Any) -> dict[str, Any]:
    document = orjson.loads(orjson.dumps(DOCUMENT))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


@database
@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed("value_tables.0.colour", "red"), "value_tables[0]: unknown key “colour”"),
        (changed("value_tables.0.name", "two words"), "value_tables[0].name: “two words” is no name"),
        (changed("value_tables.1.name", "states"), "value_tables[1].name: “states” stands here twice."),
        (changed("value_tables.0.unlisted", "guess"), "value_tables[0].unlisted: “guess” is not one of"),
        (changed("value_tables.0.default_right", ""), "value_tables[0].default_right: Say the default"),
        (changed("value_tables.1.values", "A=B"), "value_tables[1].values: expected a list."),
        (changed("value_tables.1.values.0.left", 1), "value_tables[1].values[0].left: expected text: write it between"),
        (changed("value_tables.1.values.0", {}), "value_tables[1].values[0]: both sides are empty."),
        (changed("value_tables.1.values.0.middle", "x"), "value_tables[1].values[0]: unknown key “middle”"),
        (changed("value_tables.1.values.0.left", "x" * 501), "value_tables[1].values[0].left: longer than 500"),
        (changed("value_tables.0.values", {False: "New"}), "value_tables[0].values: expected text: write it between"),
        (changed("value_tables.0.description", "x" * 201), "value_tables[0].description: longer than 200"),
        (
            changed("mappings.0.fields.1.table", "status"),
            "mappings[0].fields[1].table: there is no value table “status”",
        ),
        (changed("mappings.0.fields.2.mapping", "firm"), "mappings[0].fields[2].mapping: there is no mapping “firm”"),
        (changed("mappings.1.name", "contacts"), "mappings[1].name: “contacts” stands here twice."),
        (
            changed("value_tables.1.values", [{"left": str(n), "right": "x"} for n in range(5001)]),
            "value_tables[1].values: It has 5001 rows, more than the 5000",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_saved(
    document: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as e:
        import_document(document, {"NORTH_PASSWORD": SECRET})
    assert str(e.value).startswith(message)
    assert not ValueTable.objects.exists() and not Mapping.objects.exists() and not Connection.objects.exists()


def test_a_copy_says_the_same_under_its_own_name_and_waits_to_be_made_live(set_up: dict[str, Any]) -> None:
    contacts = Mapping.objects.get(name="contacts")
    copy = copy_mapping(contacts, "people", user=None, actor="test")
    assert not copy.is_live and newest(copy) == 1
    said = mapping_document(definition_of(copy, 1))
    assert said == mapping_document(definition_of(contacts)) | {"name": "people"}
    old, new = (set(m.versions.get().rules.values_list("uuid", flat=True)) for m in (contacts, copy))
    assert not old & new


# Whatever a mapping or a table says

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.none() | st.booleans() | WORDS | st.lists(WORDS, max_size=2)
MAY = st.sampled_from
COMMON: dict[str, Any] = {
    "direction": MAY(["", *DIRECTIONS]),
    "only_on_create": st.booleans(),
    "may_clear": st.booleans(),
    "policy": MAY(["", *POLICIES]),
    "compare": MAY(["", *COMPARISONS]),
}
BOTH = {"left": WORDS, "right": WORDS}
ONE_FIELD = st.sampled_from([("left", "right"), ("right", "left")])


def one_sided(**given: Any) -> st.SearchStrategy[Rule]:
    left = st.builds(Rule, left=WORDS, **given, **COMMON)
    return left | st.builds(Rule, right=WORDS, **given, **COMMON)


RULES = st.one_of(
    st.builds(Rule, **BOTH, **COMMON),
    st.builds(Rule, **BOTH, table=WORDS, **COMMON),
    st.builds(Rule, **BOTH, source=st.just("reference"), mapping=WORDS, **COMMON),
    one_sided(source=st.just("value"), value=VALUES),
    one_sided(source=st.just("expression"), expression=WORDS),
)
SIDES = st.builds(Side, WORDS, WORDS, st.just("") | WORDS)
SCHEDULES = st.builds(Schedule, minutes=st.none() | st.integers(1, 10_000), paused=st.booleans()) | st.builds(
    Schedule, cron=MAY(["0 7 * * 1-5", "*/5 * * * *"]), paused=st.booleans()
)
FIGURES = st.integers(0, 99) | st.integers(0, 99).map("{}%".format)
DEFINITIONS = st.builds(
    Definition,
    name=WORDS,
    left=SIDES,
    right=SIDES,
    direction=MAY(DIRECTIONS),
    match=st.lists(st.tuples(WORDS, WORDS), max_size=3).map(tuple),
    rules=st.lists(RULES, min_size=1, max_size=5).map(tuple),
    guards=st.none() | st.dictionaries(MAY(["creates", "deletes", "changes"]), FIGURES),
    schedule=SCHEDULES,
    conflict_policy=MAY(POLICIES),
    delete_policy=MAY(DELETE_POLICIES),
    leaving=MAY(LEAVING),
)


@settings(deadline=None)
@given(DEFINITIONS)
def test_whatever_a_mapping_says_is_read_as_it_was_written(definition: Definition) -> None:
    written = to_yaml(mapping_document(definition))
    assert read_definition(yaml.safe_load(written), "m") == definition


PRINTED = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip).map(str.strip)
)
PAIRS = st.tuples(PRINTED, PRINTED | st.just("")) | st.tuples(st.just(""), PRINTED)


@settings(deadline=None)
@given(st.lists(PAIRS, max_size=6).map(tuple), MAY(UNLISTED), PRINTED, PRINTED)
def test_whatever_a_table_says_is_read_as_it_was_written(
    pairs: tuple[tuple[str, str], ...], unlisted: str, default: str, description: str
) -> None:
    table = Table("states", pairs, unlisted, default)
    written = to_yaml(table_document(table, description))
    assert read_table(yaml.safe_load(written), "t") == (table, description)
