"""One edit of a record taken back: by what the CRM holds now, written as any edit is."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from portal.connections.access import open_connector
from portal.connections.schema import module_schema
from portal.ledger.models import Entry, Run
from portal.records.edit import Edited, Editor
from tests.portal.sync_world import World, emails, person

pytestmark = pytest.mark.django_db(transaction=True)


def edit(world: World, deed: str, *words: Any) -> Edited:
    connection = world.connections["south"]
    with open_connector(connection, purpose="person") as crm:
        edited: Edited = getattr(Editor(connection, crm, module_schema(connection, "Contacts", crm=crm)), deed)(*words)
        return edited


def command(run: Run, *words: str) -> tuple[dict[str, Any], int]:
    out = io.StringIO()
    try:
        call_command("undo_run", str(run.pk), *words, json=True, stdout=out)
    except SystemExit as e:
        return orjson.loads(out.getvalue()), int(e.code or 0)
    return orjson.loads(out.getvalue()), 0


@pytest.fixture
def world() -> World:
    made = World()
    made.add(made.south, "ada")
    return made


def name(world: World) -> str:
    return str(world.south.of("Contacts")[0].values["firstname"])


def test_a_changed_record_gets_back_what_it_held_and_again_what_it_was_given(world: World) -> None:
    (ada,) = world.south.of("Contacts")
    run = edit(world, "change", ada.id, {"firstname": "New"}).run
    assert command(run, "--plan") == ({"id": None, "kind": "update", "values": {"firstname": "Test"}, "reason": ""}, 3)
    assert name(world) == "New"
    told, code = command(run)
    assert (told["state"], code, name(world)) == ("succeeded", 0, "Test")
    back = Run.objects.get(pk=told["id"])
    assert (back.kind, back.undoes) == ("edit", run) and Entry.objects.get(run=back).undoes == run.entries.get()
    assert command(back)[1] == 0 and name(world) == "New"


def test_a_record_that_was_changed_since_is_left_and_that_is_said(world: World) -> None:
    (ada,) = world.south.of("Contacts")
    run = edit(world, "change", ada.id, {"firstname": "New"}).run
    world.south.put("Contacts", {"firstname": "Newer"}, ada.id)
    with pytest.raises(CommandError, match="changed it since") as e:
        command(run)
    assert e.value.returncode == 2 and name(world) == "Newer"
    assert command(run, "--plan")[0]["reason"] == "edited_since"


def test_a_made_record_is_deleted_and_a_deleted_one_made_again(world: World) -> None:
    made = edit(world, "create", person("bo")).run
    assert command(made)[1] == 0 and emails(world.south) == ["ada@example.org"]
    (ada,) = world.south.of("Contacts")
    gone = edit(world, "delete", ada.id).run
    assert emails(world.south) == []
    assert command(gone)[1] == 0 and emails(world.south) == ["ada@example.org"]


def test_the_page_shows_the_fields_and_takes_it_back(world: World, admin: Client) -> None:
    (ada,) = world.south.of("Contacts")
    run = edit(world, "change", ada.id, {"firstname": "New"}).run
    assert reverse("sync:undo", args=[run.pk]) in admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    text = admin.get(reverse("sync:undo", args=[run.pk])).content.decode()
    assert "Restored to" in text and "Take it back now" in text and name(world) == "New"
    answer = admin.post(reverse("sync:undo", args=[run.pk]), follow=True)
    assert "This takes back the run" in answer.content.decode() and name(world) == "Test"
    world.south.put("Contacts", {"firstname": "Newer"}, ada.id)
    text = admin.get(reverse("sync:undo", args=[run.pk])).content.decode()
    assert "Somebody changed it since" in text and "Take it back now" not in text
