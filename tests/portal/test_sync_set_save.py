"""Sync sets as they are saved, exported and imported: by name, beside the mappings', and when they run by themselves."""

from __future__ import annotations

import io
from dataclasses import replace

import orjson
import pytest
from django.core.management import call_command
from django_q.models import Schedule as Row

from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.ledger.models import AuditEntry
from portal.mappings.definition import Schedule
from portal.mappings.document import BadDocument
from portal.mappings.models import Mapping
from portal.mappings.save import NameTaken, save_draft
from portal.mappings.stored import definition_of
from portal.ops.config_file import import_document
from portal.ops.export_file import export_document, to_yaml
from portal.sync.models import SyncSet
from portal.sync.schedules import name_of_set, next_run
from portal.sync.sets.document import read_set, set_document
from portal.sync.sets.order import order_of
from portal.sync.sets.references import Circles, circles_of, references_of
from portal.sync.sets.save import BadSet, SaidSet, delete_set, said_of, save_set
from tests.portal.set_world import MAIN_CONTACT, MODULES, PARENT, SetWorld

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_order_follows_from_the_rules_and_a_circle_is_broken_where_a_field_may_stay_empty() -> None:
    world = SetWorld()
    known = references_of(world.set.mappings.all())
    assert order_of(MODULES, known).names == ("companies", "contacts", "deals")
    world.say("companies", MAIN_CONTACT, PARENT)
    found = order_of(MODULES, references_of(world.set.mappings.all()))
    assert found.names == ("companies", "contacts", "deals")
    assert [(r.mapping, r.field) for r in found.later] == [("companies", "parent"), ("companies", "contact")]


def test_a_mapping_knows_whom_of_those_it_refers_to_lead_back_to_it() -> None:
    world = SetWorld(parent={"required": True})
    assert circles(world.say("companies")) == Circles() == circles(world.say("deals"))
    made = world.say("companies", MAIN_CONTACT, PARENT)
    assert circles(made) == Circles(frozenset(("companies", "contacts")))
    for connection in Connection.objects.all():
        module_schema(connection, "Accounts")
    assert circles(made).stuck == {"companies"}
    assert circles(Mapping.objects.get(name="contacts")).circles == {"companies"}
    assert circles(Mapping.objects.get(name="deals")) == Circles()


def circles(mapping: Mapping) -> Circles:
    return circles_of(mapping, definition_of(mapping))


def test_a_set_is_saved_once_and_what_became_of_it_stands_in_the_audit_trail() -> None:
    world = SetWorld()
    said = SaidSet("crm", frozenset(("companies", "deals")), Schedule(15))
    assert [save_set(world.set, said, actor="test")[1] for _ in range(2)] == ["updated", "unchanged"]
    assert said_of(SyncSet.objects.get()) == said and next_run(world.set) is not None
    assert Row.objects.get(name=name_of_set(world.set.uuid)).func == "portal.sync.tasks.scheduled_set"
    assert AuditEntry.objects.filter(action="change_sync_set").get().changes["removed"] == ["contacts"]
    delete_set(world.set, actor="test")
    assert not SyncSet.objects.exists() and not Row.objects.filter(name__startswith="set:").exists()
    assert Mapping.objects.count() == 3


@pytest.mark.parametrize(("name", "mappings", "field"), [("deals", ["deals"], "name"), ("x", [], "mappings"), ("x", ["no"], "mappings")])  # fmt: skip
def test_a_set_without_mappings_or_with_a_mappings_name_is_refused(name: str, mappings: list[str], field: str) -> None:
    SetWorld()
    with pytest.raises(BadSet) as refused:
        save_set(None, SaidSet(name, frozenset(mappings)), actor="test")
    assert refused.value.field == field


def test_a_mapping_cannot_get_the_name_of_a_set() -> None:
    SetWorld()
    said = definition_of(Mapping.objects.get(name="deals"))
    with pytest.raises(NameTaken, match="sync set"):
        save_draft(None, replace(said, name="crm"), user=None, actor="test")
    document = {"mappings": [], "sync_sets": [{"name": "deals", "mappings": ["deals"]}]}
    with pytest.raises(BadDocument, match=r"sync_sets\[0\].name"):
        import_document(document, {})


def test_what_is_exported_and_imported_again_changes_nothing_and_elsewhere_makes_the_same() -> None:
    world = SetWorld()
    said = SaidSet("crm", frozenset(MODULES), Schedule(cron="0 7 * * 1-5"))
    save_set(world.set, said, actor="test")
    exported = export_document()
    assert exported.document["sync_sets"] == [set_document(said)] and not exported.warnings
    assert import_document(exported.document, {}).sync_sets == {"crm": "unchanged"}
    delete_set(world.set, actor="test")
    Mapping.objects.all().delete()
    assert import_document(exported.document, {}).sync_sets == {"crm": "created"}
    assert said_of(SyncSet.objects.get()) == said


def test_a_part_of_the_mappings_is_exported_with_the_sets_that_hold_none_but_them() -> None:
    SetWorld()
    assert "sync_sets" not in export_document(["deals"]).document
    assert len(export_document([*MODULES]).document["sync_sets"]) == 1


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"mappings": ["a"]}, "s:"),
        ({"name": "a b", "mappings": ["a"]}, "s.name"),
        ({"name": "a", "mappings": []}, "s.mappings"),
        ({"name": "a", "mappings": [1]}, r"s.mappings\[0\]"),
        ({"name": "a", "mappings": ["a"], "schedule": {"minutes": 0}}, "s.schedule.minutes"),
        ({"name": "a", "mappings": ["a"], "when": 1}, "s: unknown"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_place(document: dict[str, object], place: str) -> None:
    with pytest.raises(BadDocument, match=f"^{place}"):
        read_set(document, "s")


def test_the_commands_tell_of_sets(tmp_path: object) -> None:
    SetWorld()
    file = tmp_path / "portal.yaml"  # type: ignore[operator]
    file.write_text(to_yaml(export_document().document))
    out = io.StringIO()
    call_command("import_config", str(file), "--json", stdout=out)
    assert orjson.loads(out.getvalue())["sync_sets"] == {"crm": "unchanged"}
