"""Why a value stands in a record: by which run, rule and source value; or edited in the CRM; or not ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from connectors.errors import Unavailable
from portal.connections.models import Call
from portal.ledger.models import Run
from portal.mappings.definition import Rule
from portal.sync.approve import approve
from portal.sync.run import carry_out, request_sync
from portal.sync.why.origin import Change, Write, origin, values_at
from tests.portal.sync_world import RULES, World
from tests.portal.test_records_afresh import behind_the_cursor
from tests.portal.test_sync_decide import both_changed, choose, waiting
from tests.portal.test_sync_run import Shouting


@pytest.fixture
def world(transactional_db: None) -> World:
    world = World(
        rules=(*RULES, Rule("", "notes", source="expression", expression="{{ firstname|upper }} {{ lastname }}"))
    )
    world.add(world.north, "ada")
    world.sync()
    return world


def why(id: str, field: str, *words: str) -> Any:
    out = StringIO()
    call_command("why", id, field, "--json", "--connection", "south", *words, stdout=out)
    return orjson.loads(out.getvalue())


def there(world: World) -> str:
    """Return the id of the only record that was made."""
    (record,) = world.south.of("Contacts")
    return record.id


def test_a_value_we_wrote_tells_run_version_rule_source_and_who(world: World) -> None:
    ada = world.north.of("Contacts")[0]
    world.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    run = world.sync()
    world.north.put("Contacts", {"lastname": "Byron"}, ada.id)  # later: what it was then is told
    world.say(rules=(Rule("firstname", "lastname"), *RULES[1:]))  # and by the rule as it read then
    world.sync()
    told = why(there(world), "Notes")
    who = told["run"]["id"], told["run"]["actor"]
    assert (told["origin"], *who, told["version"]) == ("written", run.pk, "test", 1)
    assert told["rule"].startswith("{{ firstname|upper }} {{ lastname }} → notes")
    assert told["source"] == {
        "connection": "north", "module": "Contacts", "id": ada.id, "label": "Test Lovelace",
        "values": {"firstname": "Test", "lastname": "Lovelace"},
    }  # fmt: skip
    assert told["before"] == "TEST Ada"
    assert any("version 1" in sentence for sentence in told["text"])


def test_a_value_of_a_record_we_made_was_written_by_the_run_that_made_it(world: World) -> None:
    told = why(there(world), "email")
    assert (told["origin"], told["value"], told["mapping"]) == ("written", "ada@example.org", "contacts")
    assert told["source"]["values"] == {"email": "ada@example.org"}


def test_what_the_crm_filled_in_itself_as_it_took_a_record_says_so(world: World) -> None:
    told = why(there(world), "created")
    assert (told["origin"], told["run"]["id"]) == ("filled_in", Run.objects.get().pk)


def test_an_edit_in_the_crm_says_when_it_was_seen(world: World) -> None:
    world.south.put("Contacts", {"firstname": "Augusta"}, there(world))
    world.sync()
    told = why(there(world), "firstname")
    assert (told["origin"], told["before"], told["run"], told["rule"]) == ("edited", "Test", None, None)


def test_what_was_there_before_us_is_unknown(world: World) -> None:
    (bob,) = world.add(world.south, "bob")
    world.sync()
    told = why(bob.id, "lastname")
    assert told["origin"] == "unknown" and "first saw" in told["text"][0]


def test_what_was_stored_differently_tells_both(world: World) -> None:
    world.south.__class__ = Shouting
    world.north.put("Contacts", {"lastname": "Lovelace"}, world.north.of("Contacts")[0].id)
    world.sync()
    told = why(there(world), "notes")
    assert (told["origin"], told["value"]) == ("written", "TEST LOVELACE")
    assert any("TEST Lovelace" in sentence for sentence in told["text"])


def test_a_write_whose_answer_was_lost_is_still_ours(world: World, settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 0
    world.south.fail("update", Unavailable("timeout", maybe_done=True), after=True)
    world.north.put("Contacts", {"lastname": "Lovelace"}, world.north.of("Contacts")[0].id)
    world.sync()
    assert why(there(world), "lastname")["origin"] == "written"


def test_whoever_approved_the_plan_is_named(world: World, admin_user: Any) -> None:
    world.north.put("Contacts", {"lastname": "Lovelace"}, world.north.of("Contacts")[0].id)
    run = carry_out(request_sync(world.mapping, actor="schedule", plan_only=True, enqueue=False))
    carry_out(approve(run, actor="admin", user=admin_user, enqueue=False))
    assert "schedule, approved by admin" in why(there(world), "lastname")["text"][0]


@pytest.mark.django_db(transaction=True)
def test_whoever_chose_between_two_edits_is_named() -> None:
    world, north, south = both_changed()
    choose(waiting("both_changed")[0], "left")
    told = why(south, "lastname")
    assert (told["origin"], told["value"]) == ("written", "North")
    assert any(sentence.startswith("test had chosen so") for sentence in told["text"])


def test_an_edit_made_here_names_its_person(world: World) -> None:
    call_command(
        "save_record", "south", "Contacts", there(world), "--set", "firstname=Augusta", "--json", stdout=StringIO()
    )
    told = why(there(world), "firstname")
    assert (told["origin"], told["run"]["kind"], told["mapping"], told["rule"]) == ("written", "edit", None, None)


def test_an_id_known_in_two_places_asks_for_which_and_one_that_is_not_says_so(world: World) -> None:
    id = there(world)
    assert id == world.north.of("Contacts")[0].id
    with pytest.raises(CommandError, match="north · Contacts, south · Contacts"):
        call_command("why", id, "email", "--mapping", "contacts")
    with pytest.raises(CommandError, match="no copy"):
        call_command("why", "zz9", "email")
    with pytest.raises(CommandError, match="There are: .*lastname"):
        call_command("why", id, "nickname", "--connection", "south")


def test_no_crm_is_asked(world: World) -> None:
    calls = Call.objects.count()
    why(there(world), "email")
    assert Call.objects.count() == calls


def test_the_answer_opens_beside_the_value_and_as_a_page(admin: Client, world: World) -> None:
    page = admin.get(reverse("records:record", args=["south", "Contacts", there(world)])).content.decode()
    assert "Why Last name?" in page
    asked = {"connection": "south", "module": "Contacts", "id": there(world), "field": "lastname"}
    part = admin.get(reverse("sync:why"), asked, headers={"HX-Request": "true"}).content.decode()
    assert "Written by run" in part and "<html" not in part
    whole = admin.get(reverse("sync:why"), asked).content.decode()
    assert "Written by run" in whole and "<html" in whole
    assert admin.get(reverse("sync:why"), {**asked, "field": "nickname"}).status_code == 404


def test_whoever_may_not_see_the_connection_gets_no_answer(
    client: Client, world: World, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_user("eve", password="x", is_staff=True))
    asked = {"connection": "south", "module": "Contacts", "id": there(world), "field": "lastname"}
    assert client.get(reverse("sync:why"), asked).status_code == 403


def test_what_no_list_of_changes_told_is_theirs_too(world: World) -> None:
    behind_the_cursor(world.south, world.south.of("Contacts")[0], firstname="Augusta")
    call_command("reread", "contacts", "--json", stdout=StringIO())
    assert why(there(world), "firstname")["origin"] == "edited"


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
times = st.integers(0, 10).map(lambda n: NOON + timedelta(minutes=n))
few = st.sampled_from([None, "X", "Y"])
changes = st.none() | st.builds(Change, times, few, few, st.none() | st.integers(1, 3))
writes = st.none() | st.builds(Write, st.integers(1, 9), st.integers(1, 3), times, times, few)


@given(few, changes, writes, writes)
@how(max_examples=300, deadline=None)
def test_ours_is_only_what_our_write_left_there(value: Any, change: Any, write: Any, made: Any) -> None:
    found = origin(value, change, write, made, NOON)
    if found.kind == "written":
        assert write is not None and (found.entry, found.run) == (write.entry, write.run)
        assert write.stored == value or (change is not None and change.run == write.run)
        assert change is None or change.run == write.run or change.at <= write.settled_at
    if found.kind == "edited":
        assert change is not None and change.run is None and found.at == change.at
    if found.kind == "unknown":
        assert change is None and made is None and found.at == NOON


@given(st.lists(st.dictionaries(st.sampled_from("abc"), few), max_size=6))
@how(max_examples=200, deadline=None)
def test_undoing_every_change_leads_back_to_the_beginning(steps: list[dict[str, Any]]) -> None:
    values: dict[str, Any] = dict.fromkeys("abc")
    done: list[dict[str, Any]] = []
    for step in steps:
        done.insert(0, {name: [values[name], after] for name, after in step.items()})
        values |= step
    assert values_at(values, done) == dict.fromkeys("abc")
