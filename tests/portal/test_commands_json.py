"""The contract of --json, over every command: whatever happens, stdout holds exactly one JSON value, and it says what is wrong
when something is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from connectors.errors import AuthError, RecordInvalid, Unavailable
from connectors.memory import store
from portal.connections.models import Connection
from portal.ui.command import PortalCommand
from tests.portal.sync_world import World

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[..., tuple[int, Any, str]]
NOWHERE = "There is no connection “nowhere”."

# Every command: how it is called wrongly or fails, with which code it ends, and the beginning of what it says.
FAILURES: dict[str, tuple[list[str], int, str, str]] = {
    "add_comment": (["nowhere", "Contacts", "1", "Hello"], 2, "WrongUse", NOWHERE),
    "add_connection": (["memory", "--name", "x", "--set", "colour=red"], 2, "WrongUse", "Memory has no setting"),
    "allow_writing": (["nowhere"], 2, "WrongUse", NOWHERE),
    "call_operation": (["north", "nothing"], 1, "Unsupported", "north: "),
    "check_connection": (["nowhere"], 2, "WrongUse", NOWHERE),
    "check_mapping": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "delete_record": (["north", "Contacts", "404"], 1, "RecordNotFound", "north: "),
    "describe_module": (["north", "Nothing"], 2, "QueryError", "There is no module “Nothing”"),
    "export_config": (["--mapping", "nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "get_record": (["north", "Contacts", "404"], 1, "RecordNotFound", "north: "),
    "import_config": (["/nowhere/portal.yaml"], 2, "WrongUse", "/nowhere/portal.yaml cannot be read"),
    "list_modules": (["nowhere"], 2, "WrongUse", NOWHERE),
    "list_operations": (["nowhere"], 2, "WrongUse", NOWHERE),
    "list_records": (["north", "Contacts", "--filter", "a ="], 2, "QueryError", "There is no field “a”"),
    "pause_mapping": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "preview_mapping": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "pull": (["north", "Nothing"], 2, "QueryError", "There is no module “Nothing”"),
    "reconcile": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "refresh_schema": (["nowhere"], 2, "WrongUse", NOWHERE),
    "related_records": (["north", "Contacts", "404", "Deals"], 1, "RecordNotFound", "north: "),
    "reread": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "reset_mapping": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "resolve_conflict": (["404", "--take", "left"], 2, "WrongUse", "There is no entry 404."),
    "resume_mapping": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "retry_entries": (["404"], 2, "WrongUse", "There is no run 404."),
    "review_matches": (["nothing"], 2, "WrongUse", "There is no mapping “nothing”."),
    "rotate_credentials": ([], 1, "Failed", "Sealed with a key that is not in CREDENTIAL_KEYS: north, lost."),
    "save_record": (["north", "Contacts", "404", "--set", "lastname=x"], 1, "RecordNotFound", "north: "),
    "show_run": (["404"], 2, "WrongUse", "There is no run 404."),
    "sync": (["nothing"], 2, "WrongUse", "There is no mapping and no sync set “nothing”."),
    "undo_run": (["404"], 2, "WrongUse", "There is no run 404."),
    "why": (["404", "email"], 2, "WrongUse", "We have no copy of a record “404” there."),
    "write_docs": (["--check"], 1, "Failed", "Out of date: "),
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that calls a command as a shell does, with --json: its exit code, the JSON on stdout, the text on stderr."""

    def call(name: str, *words: str) -> tuple[int, Any, str]:
        code = 0
        try:
            load_command_class(get_commands()[name], name).run_from_argv(["manage.py", name, *words, "--json"])
        except SystemExit as e:
            code = int(e.code or 0)
        told = capsys.readouterr()
        return code, json.loads(told.out), told.err

    return call


def names() -> list[str]:
    """Return the commands that take --json."""
    ours = [name for name, app in get_commands().items() if app.startswith("portal.")]
    return sorted(name for name in ours if isinstance(load_command_class(get_commands()[name], name), PortalCommand))


def test_the_table_names_every_command() -> None:
    assert sorted(FAILURES) == names()


@pytest.mark.parametrize("name", FAILURES)
def test_a_command_that_fails_says_so_in_json_and_in_words(
    name: str, run: Run, north: Connection, settings: Any, tmp_path: Path
) -> None:
    words, code, kind, begins = FAILURES[name]
    if name == "rotate_credentials":
        Connection.objects.create(name="lost", connector="memory", secrets={"password": "x"})
        settings.CREDENTIAL_KEYS = ["a" * 43 + "="]
    settings.BASE_DIR = tmp_path if name == "write_docs" else settings.BASE_DIR
    ended, told, said = run(name, *words)
    assert (ended, told["error"]["kind"]) == (code, kind)
    message = told["error"]["message"]
    assert message.startswith(begins) and message in said and "Traceback" not in said


@pytest.mark.parametrize("name", FAILURES)
def test_a_command_called_with_a_word_it_does_not_know_says_so_in_json_and_in_words(name: str, run: Run) -> None:
    code, told, said = run(name, "--nothing")
    assert (code, set(told), told["error"]["kind"]) == (2, {"error"}, "WrongUse")
    assert told["error"]["message"] in said and "usage:" in said and "usage" not in told["error"]["message"]


def test_the_fields_a_crm_refuses_and_its_code_are_named(run: Run, north: Connection) -> None:
    why = RecordInvalid("It is not valid.", code="INVALID", fields={"email": "is not an e-mail address"})
    store("memory").fail("create", why)
    code, told, _ = run("save_record", "north", "Contacts", "--set", "lastname=x")
    error = told["error"]
    assert (code, error["kind"], error["code"]) == (1, "RecordInvalid", "INVALID")
    assert error["fields"] == {"email": "is not an e-mail address"}


def test_a_write_that_may_have_happened_is_told_apart(run: Run, north: Connection) -> None:
    store("memory").fail("create", Unavailable("No answer.", maybe_done=True, retry_after=30), after=True)
    code, told, _ = run("save_record", "north", "Contacts", "--set", "lastname=x")
    assert (code, told["error"]["maybe_done"], told["error"]["retry_after"]) == (1, True, 30)


def test_the_place_of_a_mistake_in_a_filter_is_counted_as_in_the_words(run: Run, north: Connection) -> None:
    _, told, said = run("list_records", "north", "Contacts", "--filter", "status = New and lastnam = x")
    assert told["error"]["character"] == 18 and "(at character 18)" in said


def test_a_run_that_failed_is_printed_with_why(run: Run) -> None:
    world = World()
    world.north.fail("changes", AuthError("Refused."))
    code, told, said = run("sync", "contacts")
    assert (code, told["state"]) == (1, "failed")
    assert "Refused." in told["error"]["message"] and told["error"]["message"] in said


def test_an_error_that_nobody_foresaw_is_still_one_json_value_and_keeps_its_traceback(
    north: Connection, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CALL_DEADLINE_SECONDS = "MarkerWrong"
    with pytest.raises(TypeError):
        load_command_class("portal.connections", "list_modules").run_from_argv(
            ["manage.py", "list_modules", "north", "--json"]
        )
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "TypeError" and "MarkerWrong" not in error["message"]


def test_help_stays_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load_command_class("portal.connections", "list_modules").run_from_argv(
            ["manage.py", "list_modules", "--help", "--json"]
        )
    assert not ended.value.code and "usage:" in capsys.readouterr().out
