"""A record made over there says where it comes from: after a lost answer it is found for certain, whatever became of it since."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import Unavailable
from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.mappings.check_marker import check_marker, may_mark
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.document import read_definition
from portal.mappings.export import mapping_document
from portal.sync.models import Link
from portal.sync.run import carry_out, request_sync, work
from tests.portal.sync_world import RULES, World, entries

pytestmark = pytest.mark.django_db(transaction=True)


def lost_and_edited(settings: Any, changes: dict[str, JSON], **said: Any) -> World:
    """Ada was created over there, the answer was lost, and somebody edited her before she was looked up."""
    settings.UNKNOWN_GRACE_SECONDS = 600
    world = World(marker=("", "notes"), **said)
    world.add(world.north, "ada")
    world.south.fail("create", Unavailable("No answer.", code="ReadTimeoutError", maybe_done=True), after=True)
    run = carry_out(request_sync(world.mapping, actor="test", enqueue=False))
    assert run.state == Run.State.POSTPONED
    world.south.put("Contacts", changes, world.south.of("Contacts")[0].id)
    settings.UNKNOWN_GRACE_SECONDS = 0
    Run.objects.update(not_before=None)
    Entry.objects.filter(state=Entry.State.UNKNOWN).update(next_try=run.created_at)
    work(run.pk)
    return world


def test_a_new_record_says_where_it_comes_from() -> None:
    world = World(marker=("", "notes"))
    [ada] = world.add(world.north, "ada")
    world.sync()
    assert world.south.of("Contacts")[0].values["notes"] == f"north/Contacts/{ada.id}"


def test_it_is_found_by_its_marker_though_its_key_and_name_were_changed_meanwhile(settings: Any) -> None:
    world = lost_and_edited(settings, {"email": "new@example.org", "lastname": "King"})
    assert len(world.south.of("Contacts")) == 1 and Link.objects.get().state == Link.State.LINKED
    assert world.south.of("Contacts")[0].values["lastname"] == "King"
    assert not any(world.sync().counts.values())


def test_what_was_changed_meanwhile_is_asked_where_both_sides_count(settings: Any) -> None:
    world = lost_and_edited(settings, {"lastname": "King"}, direction="both")
    [entry] = entries(Entry.State.CONFLICT)
    assert entry.reason == "both_changed" and Link.objects.get().state == Link.State.LINKED
    assert world.north.of("Contacts")[0].values["lastname"] == "Ada"


def test_two_records_with_the_marker_wait_for_a_person(settings: Any) -> None:
    settings.UNKNOWN_GRACE_SECONDS = 600
    world = World(marker=("", "notes"))
    [ada] = world.add(world.north, "ada")
    world.south.fail("create", Unavailable("No answer.", code="ReadTimeoutError", maybe_done=True), after=True)
    carry_out(request_sync(world.mapping, actor="test", enqueue=False))
    copied = world.south.of("Contacts")[0]
    world.south.put("Contacts", {**copied.values, "lastname": "Copy"})
    Entry.objects.filter(state=Entry.State.UNKNOWN).update(next_try=copied.modified)
    Run.objects.update(not_before=None)
    work(Run.objects.get().pk)
    assert [entry.reason for entry in entries(Entry.State.CONFLICT)] == ["outcome_unclear"]


def test_only_a_long_text_that_nothing_else_uses_can_be_a_marker() -> None:
    world = World()
    world.sync()
    schemas = {side: world.north.schema("Contacts") for side in ("left", "right")}
    sides = Side("north", "Contacts"), Side("south", "Contacts")

    def wrong(name: str) -> list[str]:
        said = Definition("contacts", *sides, "both", rules=(*RULES, Rule("website", "website")), marker=("", name))
        return [finding.place for finding in check_marker(said, schemas)]  # type: ignore[arg-type]

    assert wrong("notes") == []
    for name in ("nothing", "email", "firstname", "children", "created", "website"):
        assert wrong(name) == ["marker.right"], name
    assert [f.name for f in schemas["left"].fields if may_mark(f)] == ["notes", "address/city"]


def test_a_marker_survives_export_and_import() -> None:
    sides = Side("north", "Contacts"), Side("south", "Contacts")
    said = Definition("contacts", *sides, "both", (("email", "email"),), RULES, marker=("", "notes"))
    document = mapping_document(said)
    assert document["marker"] == {"right": "notes"} and read_definition(document, "m").marker == ("", "notes")
