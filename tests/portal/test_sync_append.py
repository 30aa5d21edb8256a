"""Entries that a value table adds to the other CRM's pick list: each a line of its own in the plan, sent once, before the records that
need it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RecordInvalid, Unavailable, Unsupported
from connectors.memory import Store
from connectors.memory_store import with_choices
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.connections.access import open_connector
from portal.connections.models import Call
from portal.connections.schema import refresh
from portal.ledger.models import Entry, Problem, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.table_save import save_table
from portal.mappings.tables import Table
from portal.mappings.transform import Means, Place
from portal.sync.additions import ADDS, adding
from portal.sync.approve import approve
from portal.sync.cases import Action, Seen, Terms
from portal.sync.previews.ready import planning_of
from portal.sync.previews.tally import preview
from portal.sync.run import carry_out, work
from portal.sync.undo.start import request_undo
from tests.portal.sync_world import RULES, World, emails, entries, person

pytestmark = pytest.mark.django_db(transaction=True)
THROUGH = Rule("status", "status", table="states")
FREELY: dict[str, JSON] = {"appends": 10}


@pytest.fixture(autouse=True)
def table(transactional_db: None) -> None:
    save_table(None, Table("states", (("New", "New"), ("Done", "Past")), "append"), actor="test")


def world(guards: Any = FREELY, **more: Any) -> World:
    return World(rules=(*RULES, THROUGH), guards=guards, **more)


def put(crm: Store, **statuses: str) -> None:
    """Put people into a CRM: ada="Hot" has that status."""
    fields = tuple(
        with_choices(f, ["Hot", "Cold"]) if f.name == "status" else f for f in crm.schemas["Contacts"].fields
    )
    crm.schemas["Contacts"] = replace(crm.schemas["Contacts"], fields=fields)
    for name, status in statuses.items():
        crm.put("Contacts", {**person(name), "status": status})


def listed(crm: Store) -> list[str]:
    field = crm.schemas["Contacts"].field("status")
    assert field is not None
    return [choice.value for choice in field.choices]


def asked() -> int:
    """Return how many requests to add something were sent."""
    return Call.objects.filter(operation="append_choices").count()


def additions(*states: str) -> list[Entry]:
    return [entry for entry in entries(*states) if entry.action == Entry.Action.APPEND]


def approved(run: Run) -> Run:
    return carry_out(approve(run, actor="test", enqueue=False))


def test_what_a_list_lacks_is_a_line_of_the_plan_that_waits_for_a_person_even_with_guards_off() -> None:
    north = (there := world(guards={})).north
    put(north, ada="New", bo="Hot", cy="Hot", di="Done")
    run = there.sync()
    assert run.state == "awaiting_approval" and "2 entries would be added to pick lists" in run.message
    lines = {(e.module, *e.intended.items(), e.message) for e in additions("awaiting")}
    assert lines == {
        ("Contacts", ("status", "Hot"), "2 records need it."),
        ("Contacts", ("status", "Past"), "1 record needs it."),
    }
    assert emails(there.south) == [] and asked() == 0
    assert run.counts["append"] == 2 and run.counts["create"] == 4


def test_once_approved_each_value_is_added_once_and_the_records_go_on_in_the_same_run() -> None:
    there = world(guards={})
    put(there.north, ada="New", bo="Hot", cy="Hot", di="Done")
    run = approved(there.sync())
    assert run.state == "succeeded" and (run.counts["append"], run.counts["create"]) == (2, 4)
    assert sorted(r.values["status"] for r in there.south.of("Contacts")) == ["Hot", "Hot", "New", "Past"]
    assert listed(there.south)[-2:] == ["Hot", "Past"] or listed(there.south)[-2:] == ["Past", "Hot"]
    assert asked() == 2
    order = list(Entry.objects.filter(run=run, state="done").order_by("sent_at").values_list("action", flat=True))
    assert order[:2] == ["append", "append"]
    again = there.sync()
    assert again.state == "succeeded" and not Entry.objects.filter(run=again).exists()


def test_a_mapping_that_names_a_figure_adds_up_to_that_many_without_a_word() -> None:
    there = world(guards={"appends": 1})
    put(there.north, bo="Hot")
    assert there.sync().state == "succeeded" and "Hot" in listed(there.south)
    put(there.north, di="Done", ed="Cold")
    assert there.sync().state == "awaiting_approval" and "Cold" not in listed(there.south)


def test_what_we_add_ourselves_is_no_change_of_the_module_that_somebody_has_to_look_at() -> None:
    there = world()
    put(there.north, bo="Hot")
    there.sync()
    there.sync()
    assert not Problem.objects.exists()


def test_a_value_that_somebody_added_meanwhile_is_not_sent() -> None:
    there = world(guards={})
    put(there.north, bo="Hot")
    run = there.sync()
    put(there.south)
    assert approved(run).state == "succeeded" and emails(there.south) == ["bo@example.org"]
    assert asked() == 0 and [e.reason for e in additions("done")] == ["already_listed"]


def test_a_value_that_nobody_needs_any_more_is_not_added() -> None:
    there = world(guards={})
    put(there.north, bo="Hot")
    run = there.sync()
    (bo,) = there.north.of("Contacts")
    there.north.put("Contacts", {"status": "New"}, bo.id)
    run = approved(run)
    assert "Hot" not in listed(there.south) and not additions("done", "awaiting", "planned")


def test_a_refused_addition_fails_by_itself_and_its_records_wait_while_the_others_go_on() -> None:
    there = world()
    put(there.north, ada="New", bo="Hot", cy="Cold")
    there.south.fail("append_choices", RecordInvalid("Not this one."))
    run = there.sync()
    assert run.state == "partly_failed" and len(emails(there.south)) == 2
    (failed,) = additions("failed")
    (waiting,) = (e for e in entries("blocked") if e.reason == "no_choice")
    assert failed.message == "Not this one." and "could not be added" in waiting.message
    there.sync()
    assert asked() == 2 and len(emails(there.south)) == 2, "not before its time"
    Entry.objects.filter(pk=failed.pk).update(next_try=failed.settled_at)
    assert there.sync().state == "succeeded" and len(emails(there.south)) == 3
    assert not entries("blocked", "failed")


def test_records_that_wait_for_a_refused_addition_are_not_written_down_anew_by_every_run() -> None:
    there = world()
    put(there.north, bo="Hot")
    there.south.fail("append_choices", Unsupported("Not configured."))
    there.sync()
    (bo,) = there.north.of("Contacts")
    there.north.put("Contacts", {"firstname": "Bob"}, bo.id)
    there.sync()
    count = Entry.objects.count()
    there.north.put("Contacts", {"firstname": "Rob"}, bo.id)
    run = there.sync()
    assert run.state == "succeeded" and Entry.objects.count() == count and asked() == 1
    there.connections["south"].save()  # a person changed its settings
    there.sync()
    assert emails(there.south) == ["bo@example.org"] and not entries("blocked")


@pytest.mark.parametrize("arrived", [True, False])
def test_after_an_unclear_answer_the_list_itself_tells(arrived: bool, settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0
    there = world(guards={})
    put(there.north, bo="Hot")
    there.south.fail("append_choices", Unavailable("cut", maybe_done=True), after=arrived)
    run = approved(there.sync())
    assert run.state == "succeeded" and emails(there.south) == ["bo@example.org"]
    assert asked() == (1 if arrived else 2) and listed(there.south).count("Hot") == 1
    assert not entries("blocked", "unknown", "awaiting")


def test_a_killed_run_that_may_have_sent_an_addition_looks_before_it_sends_again(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0
    there = world()
    put(there.north, bo="Hot")
    run = there.sync(plan_only=True)
    there.south.fail("append_choices", RuntimeError("killed"), after=True)  # type: ignore[arg-type]
    work(approve(run, actor="test", enqueue=False).pk)
    Run.objects.update(not_before=None)
    run = carry_out(run)
    assert run.state == "succeeded" and emails(there.south) == ["bo@example.org"] and asked() == 1


def test_a_crm_that_says_yes_and_lists_nothing_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    there = world()
    put(there.north, bo="Hot")
    there.sync(plan_only=True)
    lying = there.south.schemas

    class Kept(dict[str, Any]):
        def __setitem__(self, name: str, schema: Any) -> None:
            return

    there.south.schemas = Kept(lying)
    there.sync()
    assert [e.reason for e in additions("blocked")] == ["not_listed"] and emails(there.south) == []
    there.sync()
    assert asked() == 1


def test_both_ways_each_side_gets_what_its_list_lacks() -> None:
    there = world(direction="both")
    put(there.north, bo="Hot")
    put(there.south)
    there.south.put("Contacts", {**person("zoe"), "status": "Past"})
    assert there.sync().state == "succeeded"
    assert emails(there.north) == emails(there.south) == ["bo@example.org", "zoe@example.org"]
    assert {r.values["status"] for r in there.north.of("Contacts")} == {"Hot", "Done"}


def test_where_a_person_adds_it_in_the_crm_the_records_go_on() -> None:
    there = world()
    put(there.north, bo="Hot")
    there.south.fail("append_choices", Unsupported("Not configured."))
    there.sync()
    put(there.south)
    with open_connector(there.connections["south"], purpose="sync") as crm:
        refresh(there.connections["south"], "Contacts", crm)
    assert there.sync().state == "succeeded" and emails(there.south) == ["bo@example.org"]
    assert not entries("blocked", "failed")


def test_a_preview_counts_records_that_need_an_addition_as_a_run_plans_them() -> None:
    there = world(guards={})
    put(there.north, ada="New", bo="Hot")
    run = there.sync()
    assert preview(planning_of(there.mapping)).counts["create"] == run.counts["create"] == 2


VALUES = st.lists(st.sampled_from("abcde"), unique=True)


@given(listed=VALUES.filter(bool), wanted=VALUES, barred=VALUES, appends=st.booleans())
def test_what_is_added_is_all_that_the_list_lacks_and_nothing_else(
    listed: list[str], wanted: list[str], barred: list[str], appends: bool
) -> None:
    field = FieldSchema("tags", "Tags", FieldType.MULTICHOICE, choices=tuple(Choice(v, v) for v in listed))
    place = Place(ModuleSchema(Module("M", "M"), (field,)), appends=appends)
    means = Means({"left": place, "right": place}, {"t": Table("t", (), "append")})
    means = replace(means, barred=frozenset(("right", "tags", value) for value in barred))  # type: ignore[misc]
    rule = Rule("tags", "tags", table="t")
    terms = Terms(Definition("m", Side("a", "M"), Side("b", "M"), "left-to-right", (), (rule,)), means)
    planned = Action("create", "right", Seen("1", {}), values={"tags": wanted})
    found = adding(planned, terms)
    lacking = [value for value in wanted if value not in listed] if appends else []
    assert found.evidence.get(ADDS, {}).get("tags", []) == lacking
    assert (found.kind == "blocked") is bool(set(lacking) & set(barred))
    assert (found == planned) is (not lacking)


def test_an_undo_lists_what_was_added_and_leaves_it() -> None:
    there = world()
    put(there.north, bo="Hot")
    undo = carry_out(request_undo(there.sync(), actor="test", enqueue=False))
    assert emails(there.south) == [] and "Hot" in listed(there.south)
    (left,) = Entry.objects.filter(run=undo, action="append")
    assert (left.state, left.reason, left.label) == (
        "skipped",
        "cannot_undo",
        "Hot",
    ) and "1 record is left" in undo.message


def test_a_refused_addition_waits_on_the_page_of_decisions_and_a_person_has_it_tried_again(admin: Client) -> None:
    there = world()
    put(there.north, bo="Hot")
    there.south.fail("append_choices", RecordInvalid("Not this one."))
    run = there.sync()
    page = admin.get(reverse("sync:inbox")).content.decode()
    assert "Hot" in page and "Not this one." in page
    assert "could not be added" in admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    call_command("retry_entries", "--mapping", "contacts", stdout=io.StringIO())
    assert emails(there.south) == ["bo@example.org"] and not entries("failed", "blocked", "parked")
