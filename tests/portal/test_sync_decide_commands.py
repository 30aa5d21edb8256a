"""`resolve_conflict` and `retry_entries`: what they do, what they print, and by which exit code they say that it is done."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from connectors.errors import RecordInvalid
from portal.ledger.models import Entry, Run
from portal.mappings.save import pause_mapping
from tests.portal.sync_world import World, emails, entries
from tests.portal.test_sync_both_ways import value
from tests.portal.test_sync_decide import both_changed, nothing_is_left, several

pytestmark = pytest.mark.django_db(transaction=True)


def run(*words: Any) -> tuple[int, Any]:
    """Run a command with --json; return its exit code and what it printed."""
    out = io.StringIO()
    code = 0
    try:
        call_command(*(str(word) for word in words), "--json", stdout=out, stderr=io.StringIO())
    except SystemExit as e:
        code = int(e.code or 0)
    except CommandError as e:
        code = e.returncode
    return code, orjson.loads(out.getvalue())


def test_a_conflict_is_resolved_field_by_field() -> None:
    world, north, south = both_changed()
    (entry,) = entries("conflict")
    code, told = run("resolve_conflict", entry.pk, "--take", "lastname=right")
    assert (code, told["undone"], told["entries"], told["runs"][0]["state"]) == (0, [], [entry.pk], "succeeded")
    assert value(world, "north", north, "lastname") == "South"
    nothing_is_left(world)


def test_a_record_is_named_that_is_it() -> None:
    world, entry = several()
    code, _told = run("resolve_conflict", entry.pk, "--record", world.south.of("Contacts")[0].id)
    assert code == 0
    nothing_is_left(world)


def test_what_cannot_be_chosen_is_wrong_use_and_says_what_can() -> None:
    both_changed()
    (entry,) = entries("conflict")
    for words in (["--take", "delete"], ["--take", "nosuch=left"], []):
        code, told = run("resolve_conflict", entry.pk, *words)
        assert code == 2 and ("left" in told["error"]["message"]), told
    assert run("resolve_conflict", 999_999, "--take", "left")[0] == 2


def test_what_changed_meanwhile_is_not_done_and_the_exit_code_says_so() -> None:
    world, _north, south = both_changed()
    (entry,) = entries("conflict")
    world.south.put("Contacts", {"lastname": "Newer"}, south)
    code, told = run("resolve_conflict", entry.pk, "--take", "left")
    assert (code, told["undone"]) == (1, [entry.pk]) and "asked anew" in told["error"]["message"]


def test_a_choice_for_a_paused_mapping_is_kept_and_not_called_done() -> None:
    world, _north, _south = both_changed()
    (entry,) = entries("conflict")
    pause_mapping(world.mapping, True, "ann")
    code, told = run("resolve_conflict", entry.pk, "--take", "left")
    assert code == 1 and "paused" in told["kept"][0] and told["undone"] == [entry.pk]
    code, told = run("resolve_conflict", entry.pk, "--take", "right")
    assert code == 1 and "nothing was overwritten" in told["error"]["message"]


def test_while_a_plan_waits_for_approval_the_exit_code_is_three() -> None:
    world, _north, _south = both_changed()
    world.add(world.north, "bo")
    world.sync(plan_only=True)
    (entry,) = entries("conflict")
    code, told = run("resolve_conflict", entry.pk, "--take", "left")
    assert (code, told["runs"]) == (3, []) and "waits for approval" in told["kept"][0]


def test_in_the_background_it_is_only_handed_over() -> None:
    both_changed()
    (entry,) = entries("conflict")
    code, told = run("resolve_conflict", entry.pk, "--take", "left", "--background")
    assert (code, told["runs"][0]["state"], told["undone"]) == (0, "queued", [])


def refused() -> World:
    world = World()
    world.add(world.north, "ada", "bo")
    for _ in "ab":
        world.south.fail("create", RecordInvalid("No."))
    world.sync()
    return world


def test_what_failed_of_a_run_is_tried_again() -> None:
    world = refused()
    code, told = run("retry_entries", Run.objects.get().pk)
    assert (code, len(told["entries"]), told["undone"]) == (0, 2, [])
    assert len(emails(world.south)) == 2
    nothing_is_left(world)


def test_what_fails_again_is_told_and_the_exit_code_says_so() -> None:
    world = refused()
    world.south.fail("create", RecordInvalid("Still no."))
    code, told = run("retry_entries", "--mapping", "contacts")
    assert code == 1 and len(told["undone"]) == 1 and len(emails(world.south)) == 1


def test_where_nothing_waits_there_is_nothing_to_do() -> None:
    World().sync()
    assert run("retry_entries", "--mapping", "contacts")[0] == 0
    out = io.StringIO()
    call_command("retry_entries", "--mapping", "contacts", stdout=out)
    assert "Nothing waits" in out.getvalue()


def test_one_of_a_run_and_a_mapping_is_named() -> None:
    World().sync()
    for words in ([], [1, "--mapping", "contacts"], [999_999], ["--mapping", "nosuch"]):
        assert run("retry_entries", *words)[0] == 2


def test_show_run_tells_the_numbers_to_choose_about() -> None:
    both_changed()
    (entry,) = entries("conflict")
    code, told = run("show_run", entry.run_id)
    assert [(e["entry"], e["reason"]) for e in told["waiting"]] == [(entry.pk, "both_changed")]
    out = io.StringIO()
    call_command("show_run", str(entry.run_id), stdout=out)
    assert f"#{entry.pk} " in out.getvalue() and Entry.objects.get(pk=entry.pk).decision is None
