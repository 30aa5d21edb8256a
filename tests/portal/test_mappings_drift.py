"""A CRM describes a module otherwise than before: what that breaks is paused before it can do harm, all else goes on, and one
Problem says what to do until it is done."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from connectors.errors import AccessDenied, AuthError, Unavailable
from connectors.memory import Store, store
from connectors.types import Choice, FieldSchema, FieldType, ModuleSchema
from portal.connections.models import Connection, KnownSchema
from portal.connections.reread import daily, read, read_in_background
from portal.connections.schema import drift_of
from portal.ledger.models import AuditEntry, Problem, Run
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping, save_mapping
from portal.sync.run import SyncRefused, carry_out, request_sync
from portal.sync.schedules import next_run
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import World, emails, entries
from tests.portal.task_queue import queued, take_next

pytestmark = pytest.mark.django_db(transaction=True)
STATUS = Rule("status", "status")
FULL = Rule("", "notes", "expression", expression="{{ firstname }} {{ lastname }}")
NAMES = (Rule("lastname", "lastname"), Rule("email", "email"))
Change = Callable[[FieldSchema], FieldSchema | None]


@pytest.fixture
def world() -> Iterator[World]:
    """Two CRMs whose fields were read once."""
    world = World(schedule=Schedule(15))
    reread(world)
    yield world


def reread(world: World) -> None:
    for name in world.connections:
        read(world.connections[name], modules=["Contacts"])


def alter(crm: Store, **changes: Change) -> None:
    """Have an administrator of the CRM change fields of its contacts."""
    old = crm.schemas["Contacts"]
    made = [changes[f.name](f) if f.name in changes else f for f in old.fields]
    crm.schemas["Contacts"] = replace(old, fields=tuple(f for f in made if f is not None))


def gone(_: FieldSchema) -> None:
    return None


def required(field: FieldSchema) -> FieldSchema:
    return replace(field, required=True)


def read_only(field: FieldSchema) -> FieldSchema:
    return replace(field, editable=False)


def as_text(field: FieldSchema) -> FieldSchema:
    return replace(field, type=FieldType.TEXT)


def shorter(field: FieldSchema) -> FieldSchema:
    return replace(field, max_length=10)


def without_done(field: FieldSchema) -> FieldSchema:
    return replace(field, choices=field.choices[:-1])


def with_lost(field: FieldSchema) -> FieldSchema:
    return replace(field, choices=(*field.choices, Choice("Lost", "Lost")))


def problem() -> Problem | None:
    """Return the one open Problem, if there is one."""
    return Problem.objects.filter(closed_at=None, kind="schema").first()


def state(world: World) -> str:
    world.mapping.refresh_from_db()
    return str(world.mapping.state)


# what the mapping says besides, in which CRM, which field changes how, is it paused, what the Problem says of where
TABLE: list[tuple[dict[str, Any], str, str, Change, bool | None, str]] = [
    ({}, "north", "firstname", gone, True, "rule “firstname → firstname”"),
    ({}, "south", "firstname", gone, True, "rule “firstname → firstname”"),
    ({"rules": NAMES}, "north", "email", gone, True, "rule “email → email”, match key"),
    ({"match": (("phone", "phone"),)}, "south", "phone", gone, True, "(match key)"),
    ({"left_filter": "children > 2"}, "north", "children", gone, True, "(filter)"),
    ({"left_filter": "children > 2"}, "north", "children", as_text, None, "(filter)"),
    ({"left_filter": "optout = true"}, "north", "optout", lambda f: replace(f, type=FieldType.LINES), True, "(filter)"),
    ({"rules": (*NAMES, FULL)}, "north", "firstname", gone, True, "rule “notes”"),
    ({"rules": (*NAMES, FULL)}, "south", "firstname", gone, None, ""),
    ({}, "south", "firstname", read_only, True, "rule “firstname → firstname”"),
    ({}, "north", "firstname", read_only, None, ""),  # it is only read there
    ({}, "south", "phone", required, True, "no rule fills it"),
    ({}, "south", "firstname", required, False, "rule “firstname → firstname”"),
    ({}, "north", "phone", required, None, ""),
    ({}, "north", "phone", gone, None, ""),  # nobody uses it
    ({}, "south", "firstname", as_text, None, ""),  # it was one
    ({}, "south", "email", as_text, False, "rule “email → email”, match key"),
    ({}, "south", "firstname", shorter, False, "rule “firstname → firstname”"),
    ({}, "north", "firstname", shorter, None, ""),
    ({"rules": (*NAMES, STATUS)}, "north", "status", without_done, False, "rule “status → status”"),
    ({"rules": (*NAMES, STATUS)}, "north", "status", with_lost, False, "rule “status → status”"),
    ({"left_filter": "status = Done"}, "north", "status", without_done, False, "(filter)"),
    ({"left_filter": "status = New"}, "north", "status", without_done, None, ""),
    ({"rules": (*NAMES, Rule("", "status", "value", "Done"))}, "south", "status", without_done, False, "rule “status”"),
    ({"rules": (*NAMES, Rule("", "status", "value", "New"))}, "south", "status", without_done, None, ""),
]


@pytest.mark.parametrize(("said", "crm", "field", "change", "paused", "where"), TABLE)
def test_what_is_certain_to_go_wrong_pauses_the_mapping_and_what_may_is_told(
    said: dict[str, Any], crm: str, field: str, change: Change, paused: bool | None, where: str
) -> None:
    world = World(**said)
    reread(world)
    alter(getattr(world, crm), **{field: change})
    reread(world)
    assert (state(world) == "paused") == bool(paused)
    found = problem()
    if paused is None and where:  # the filter is read otherwise, which is told
        assert found is not None and where in found.detail
    elif paused is None:
        assert found is None and KnownSchema.objects.filter(former__isnull=True).count() == 2
    else:
        assert found is not None and found.connection == world.connections[crm] and where in found.detail
        assert found.mapping == world.mapping.uuid


def test_the_problem_is_opened_once_says_what_to_do_and_is_over_when_the_mapping_is_resumed(world: World) -> None:
    alter(world.north, firstname=gone)
    reread(world)
    found = problem()
    assert found is not None
    assert found.title == "“contacts” is paused: Contacts of “north” (Memory) changed"
    assert found.detail == (
        "The field “First name (firstname)” is gone. It concerns: “contacts” (rule “firstname → firstname”)."
    )
    assert "Read the fields again" in found.advice and "not resumed by itself" in found.advice
    assert world.mapping.uuid == found.mapping and state(world) == "paused"
    assert "The field “First name (firstname)” is gone" in world.mapping.paused_reason
    assert next_run(world.mapping) is None and found.times == 1
    reread(world)
    again = problem()
    assert again is not None and (again.pk, again.times, Problem.objects.count()) == (found.pk, 2, 1)
    assert AuditEntry.objects.filter(action="pause mapping").count() == 1
    world.north.schemas.update(world.south.schemas)
    reread(world)
    again = problem()
    assert again is not None and again.pk == found.pk and state(world) == "paused"
    assert "fits Contacts of “north” (Memory) again, and is still paused" in again.title
    pause_mapping(world.mapping, False, "ada")
    assert problem() is None and state(world) == "active" and next_run(world.mapping) is not None
    assert drift_of(world.connections["north"], "Contacts") is None


def test_a_mapping_that_was_mended_can_be_resumed_and_one_that_was_not_cannot(admin: Client, world: World) -> None:
    alter(world.north, firstname=gone)
    reread(world)
    page = admin.post(reverse("mappings:pause", args=["contacts"]), follow=True).content.decode()
    assert "First name (firstname)” is gone" in page and state(world) == "paused"
    world.say(rules=NAMES, schedule=Schedule(15))
    assert state(world) == "paused" and problem() is not None
    admin.post(reverse("mappings:pause", args=["contacts"]))
    assert state(world) == "active" and problem() is None


def test_what_may_go_wrong_is_over_when_somebody_has_saved_the_mapping_and_comes_back_with_the_next_change() -> None:
    world = World(rules=(*NAMES, STATUS))
    reread(world)
    alter(world.north, status=without_done)
    reread(world)
    assert problem() is not None and state(world) == "active"
    reread(world)
    assert problem() is not None
    world.say(rules=(*NAMES, STATUS))
    assert problem() is None
    reread(world)
    assert problem() is None
    alter(world.north, status=with_lost)
    reread(world)
    found = problem()
    assert found is not None and "“Lost” is a new choice" in found.detail


def test_two_mappings_of_a_module_stand_in_one_problem_and_only_the_broken_one_is_paused(world: World) -> None:
    first = world.mapping
    second = save_mapping(
        Definition(
            "names",
            Side("north", "Contacts"),
            Side("south", "Contacts"),
            "left-to-right",
            (("email", "email"),),
            (*NAMES, Rule("notes", "notes")),
        ),
        user=None,
        actor="test",
    )
    alter(world.north, firstname=gone, lastname=shorter, notes=lambda f: replace(f, type=FieldType.JSON))
    reread(world)
    first.refresh_from_db()
    second.refresh_from_db()
    found = problem()
    assert (first.state, second.state, found is not None) == ("paused", "active", True)
    assert found is not None and found.mapping is None and "“names” (rule “notes → notes”)" in found.detail


@pytest.mark.parametrize("error", [Unavailable("down"), AuthError("no longer"), AccessDenied("not you")])
def test_a_crm_that_cannot_be_asked_changes_nothing(world: World, error: Any) -> None:
    world.north.fail("describe", error, times=9)
    read_in_background(world.connections["north"].pk)
    assert problem() is None and state(world) == "active"


def test_an_answer_without_most_fields_is_told_and_believed_only_when_a_person_says_so(world: World) -> None:
    whole = world.north.schemas["Contacts"]
    world.north.schemas["Contacts"] = replace(whole, fields=whole.fields[:2])
    reread(world)
    found = problem()
    assert found is not None and state(world) == "active" and "told 2 of" in found.detail
    assert found.title == "“north” (Memory) tells hardly any field of Contacts" and "--believe" in found.advice
    world.north.schemas["Contacts"] = whole
    reread(world)
    assert problem() is None
    world.north.schemas["Contacts"] = replace(whole, fields=whole.fields[:2])
    told = refresh("north", "Contacts", "--believe")
    assert state(world) == "paused" and told["modules"][0]["fields"] == 2
    assert {"email", "phone"} <= {change["field"] for change in told["modules"][0]["changes"]}


def test_a_module_that_the_crm_lists_no_more_pauses_its_mappings(world: World) -> None:
    kept: ModuleSchema = world.north.schemas.pop("Contacts")
    reread(world)
    found = problem()
    assert found is not None and "The module “Contacts” is gone" in found.detail and state(world) == "paused"
    world.north.schemas["Contacts"] = kept
    reread(world)
    pause_mapping(world.mapping, False, "ada")
    assert problem() is None and carry_out(request_sync(world.mapping, actor="t", enqueue=False)).state == "succeeded"


def test_a_run_that_finds_its_module_gone_fails_once_and_pauses_the_mapping(world: World) -> None:
    world.south.schemas.pop("Contacts")
    KnownSchema.objects.update(read_at="2020-01-01T00:00Z")
    run = world.sync()
    assert (run.state, state(world), next_run(world.mapping)) == ("failed", "paused", None)
    assert "no module “Contacts”" in run.message and problem() is not None


def test_a_run_under_way_ends_before_its_next_request_and_says_why(world: World) -> None:
    world.add(world.north, "ada", "bo")
    run = request_sync(world.mapping, actor="test", enqueue=False)
    alter(world.south, firstname=gone)
    KnownSchema.objects.update(read_at="2020-01-01T00:00Z")  # the run itself finds out
    run = carry_out(run)
    assert (run.state, emails(world.south), list(entries("sent", "failed", "done"))) == ("cancelled", [], [])
    assert "First name (firstname)” is gone" in run.message and state(world) == "paused"
    with pytest.raises(SyncRefused, match="paused"):
        request_sync(world.mapping, actor="schedule")
    assert Run.objects.count() == 1


def test_a_filter_whose_field_is_gone_ends_the_run_without_a_request_that_writes() -> None:
    world = World(left_filter="children > 2")
    world.add(world.north, "ada")
    reread(world)
    alter(world.north, children=gone)
    KnownSchema.objects.update(read_at="2020-01-01T00:00Z")
    run = world.sync()
    assert (run.state, emails(world.south), state(world)) == ("failed", [], "paused")
    assert "children" in run.message


def test_the_daily_task_reads_each_connection_by_a_task_of_its_own(world: World) -> None:
    while take_next():
        pass
    Connection.objects.create(name="idle", connector="memory")
    assert daily() == 2
    assert [task[0] for task in queued()] == ["portal.connections.reread.read_in_background"] * 2
    alter(world.south, firstname=gone)
    while arguments := take_next():
        assert read_in_background(*arguments) == "Contacts"
    assert state(world) == "paused"


def test_the_button_reads_again_and_says_what_is_different(admin: Client, world: World) -> None:
    alter(world.north, firstname=gone)
    page = admin.post(reverse("connections:read_again", args=["north"]), follow=True).content.decode()
    assert "Read again: Contacts." in page and "The field “First name (firstname)” is gone." in page
    dashboard = admin.get("/").content.decode()
    assert "is paused: Contacts of “north”" in dashboard
    assert "Open the mapping contacts" in dashboard
    listed = admin.get("/ledger/problem/?state=open").content.decode()
    assert reverse("mappings:change", args=["contacts"]) in listed


def test_without_a_name_every_connection_is_read_and_one_that_fails_keeps_no_other_from_it(world: World) -> None:
    world.north.fail("describe", Unavailable("down"))
    alter(world.south, firstname=gone)
    told = refresh(code=1)
    assert [one["connection"] for one in told["modules"]] == ["south"] and "north: " in told["error"]["message"]
    assert told["modules"][0]["changes"][0]["kind"] == "field_gone"


def test_a_module_that_nobody_knows_is_an_error_and_no_problem(world: World) -> None:
    with pytest.raises(CommandError, match="There is no module “Nothing”"):
        call_command("refresh_schema", "north", "Nothing", stderr=io.StringIO())
    assert problem() is None and not KnownSchema.objects.filter(module="Nothing").exists()


def refresh(*words: str, code: int = 0) -> Any:
    """Return what the command prints."""
    out, ended = io.StringIO(), 0
    try:
        call_command("refresh_schema", *words, "--json", stdout=out, stderr=io.StringIO())
    except SystemExit as e:
        ended = int(e.code or 0)
    assert ended == code
    return json.loads(out.getvalue())


@pytest.fixture
def people(vtiger: Account) -> Mapping:
    """A mapping that writes to a simulated server."""
    settings = dict(vtiger.secrets)
    secrets = {"access_key": settings.pop("access_key")}
    Connection.objects.create(
        name="crm", connector="vtiger", settings=settings, secrets=secrets, allow_http=True, writable=True
    )
    Connection.objects.create(name="south", connector="memory", writable=True, settings={"store": "other"})
    said = Definition(
        "people",
        Side("south", "Contacts"),
        Side("crm", "Contacts"),
        "left-to-right",
        (("email", "email"),),
        (Rule("lastname", "lastname"), Rule("email", "email"), Rule("phone", "phone")),
        guards={},
    )
    return save_mapping(said, user=None, actor="test")


def test_at_a_real_server_a_field_that_goes_pauses_and_one_that_comes_back_waits_for_a_person(
    vtiger: Account, people: Mapping
) -> None:
    assert refresh("crm")["modules"][0]["changes"] == []
    vtiger.control("POST", "switches", changed_fields={"Contacts": {"phone": None, "leadsource": {"mandatory": True}}})
    kinds = {change["field"]: change["kind"] for change in refresh("crm")["modules"][0]["changes"]}
    assert kinds == {"phone": "field_gone", "leadsource": "now_required"}
    people.refresh_from_db()
    found = problem()
    assert people.state == Mapping.State.PAUSED and found is not None and str(found.connection) == "crm"
    assert "no rule fills it" in found.detail and "rule “phone → phone”" in found.detail
    vtiger.control("POST", "switches", changed_fields={})
    refresh("crm", "Contacts")
    people.refresh_from_db()
    assert people.state == Mapping.State.PAUSED and "still paused" in Problem.objects.get(closed_at=None).title
    pause_mapping(people, False, "ada")
    assert problem() is None
    assert carry_out(request_sync(people, actor="test", enqueue=False)).state == "succeeded"


def test_before_it_is_read_again_a_field_that_is_gone_stops_its_records_only_and_nothing_is_sent_for_them_twice(
    vtiger: Account, people: Mapping
) -> None:
    refresh("crm")
    before = len(vtiger.control("GET", "records", module="Contacts"))
    vtiger.control("POST", "switches", changed_fields={"Contacts": {"phone": None}})
    store("other").put("Contacts", {"lastname": "Ada", "email": "ada@example.org", "phone": "+44 20 7946 0000"})
    states = [carry_out(request_sync(people, actor="test", enqueue=False)).state for _ in range(2)]
    (entry,) = entries()
    assert states == ["partly_failed", "succeeded"] and (entry.state, entry.attempts) == ("failed", 1)
    assert "“phone” does not exist" in entry.message
    assert len(vtiger.control("GET", "records", module="Contacts")) == before
