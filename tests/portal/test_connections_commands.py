"""The commands about connections: what they print, how they end, what they refuse."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from connectors.memory import store
from portal.connections.models import Connection, KnownSchema, Session
from portal.ledger.models import AuditEntry
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db


def run(*words: str) -> tuple[Any, str]:
    """Return the JSON a command prints, and what it says on stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, "--json", stdout=out, stderr=err)
    assert out.getvalue().count("\n") == 1, "exactly one value"
    return json.loads(out.getvalue()), err.getvalue()


def fails(code: int, *words: str) -> str:
    with pytest.raises(CommandError) as failed:
        run(*words)
    assert failed.value.returncode == code
    return str(failed.value)


def test_settings_and_secrets_are_told_apart_and_a_secret_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THE_KEY", "marker=secret")
    words = ["--set", "url=https://crm.example.com/a=b", "--set", "username=ada", "--set", "access_key=env:THE_KEY"]
    told, said = run("add_connection", "vtiger", "--name", "north", *words)
    connection = Connection.objects.get()
    assert connection.settings["url"] == "https://crm.example.com/a=b" and connection.settings["time_zone"] == "UTC"
    assert connection.open_secrets() == {"access_key": "marker=secret"}
    assert told["created"] and not told["writable"] and "marker" not in f"{told}{said}" and said == ""


def test_what_a_command_does_to_a_connection_stands_in_the_audit_trail() -> None:
    run("add_connection", "memory", "--name", "north", "--set", "password=marker")
    run("allow_writing", "north")
    trail = AuditEntry.objects.order_by("id").values_list("actor", "action", "object_label")
    assert list(trail) == [("command", "add_connection", "north"), ("command", "allow_writing", "north")]
    assert "marker" not in str(list(AuditEntry.objects.values_list("changes", flat=True)))


def test_a_literal_secret_is_taken_with_a_warning_that_does_not_repeat_it() -> None:
    _, said = run("add_connection", "memory", "--name", "north", "--set", "password=marker")
    assert "shell's history" in said and "marker" not in said
    assert Connection.objects.get().open_secrets()["password"] == "marker"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing", "--name", "n"], "no connector “nothing”"),
        (["memory", "--name", "n", "--set", "colour=red"], "store, password (secret), time_zone, region"),
        (["memory", "--name", "n", "--set", "store"], "key=value"),
        (["memory", "--name", "n", "--set", "password=env:NOT_SET"], "NOT_SET"),
        (["memory", "--name", "n", "--set", "time_zone=Mars/Base"], "time_zone"),
        (["memory", "--name", "not a name"], "name"),
        (["memory", "--name", "n", "--max-parallel", "0"], "max_parallel"),
        (["vtiger", "--name", "n", "--set", "url=https://c.example.com"], "access_key"),
    ],
)
def test_wrong_use_ends_with_2_names_what_is_known_and_saves_nothing(words: list[str], told: str) -> None:
    assert told in fails(2, "add_connection", *words)
    assert not Connection.objects.exists()


def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_replaced() -> None:
    run("add_connection", "memory", "--name", "north", "--set", "password=old", "--calls-per-day", "9")
    assert "--replace" in fails(1, "add_connection", "memory", "--name", "north")
    told, _ = run("add_connection", "memory", "--name", "north", "--replace", "--set", "region=IR")
    connection = Connection.objects.get()
    assert not told["created"] and connection.settings["region"] == "IR" and connection.calls_per_day == 9
    assert connection.open_secrets()["password"] == "old"


def test_replacing_the_host_without_its_secrets_is_refused() -> None:
    run("add_connection", "memory", "--name", "north", "--set", "password=old")
    words = ["add_connection", "memory", "--name", "north", "--replace", "--set", "store=other"]
    assert "enter this again" in fails(2, *words)
    run(*words, "--set", "password=new")
    assert Connection.objects.get().settings["store"] == "other"


def test_with_check_a_connection_that_does_not_work_is_not_saved() -> None:
    store().password = "right"
    words = ["add_connection", "memory", "--name", "north", "--check", "--set"]
    assert "password" in fails(1, *words, "password=wrong")
    assert not Connection.objects.exists()
    run(*words, "password=right")
    assert Connection.objects.get().check_state == "ok"


def test_allow_writing_and_its_opposite(make_connection: Callable[..., Connection]) -> None:
    make_connection("north", writable=False)
    assert run("allow_writing", "north")[0] == {"name": "north", "writable": True}
    connection = Connection.objects.get()
    assert connection.writable and connection.writable_changed_by == "command" and connection.writable_changed_at
    assert run("allow_writing", "north", "--off")[0]["writable"] is False


@pytest.mark.parametrize("command", ["allow_writing", "check_connection", "list_modules"])
def test_a_connection_that_does_not_exist_is_wrong_use_and_the_existing_are_named(
    make_connection: Callable[..., Connection], command: str
) -> None:
    make_connection("south")
    assert "no connection “north”. There are: south." in fails(2, command, "north")


def test_check_connection_tells_who_we_are_and_keeps_it(vtiger: Account) -> None:
    words = [word for name, value in vtiger.secrets.items() for word in ("--set", f"{name}={value}")]
    run("add_connection", "vtiger", "--name", "berlin", *words)
    told, _ = run("check_connection", "berlin")
    assert told["user"] == "admin" and "Contacts" in told["modules"]
    connection = Connection.objects.get()
    assert connection.check_state == "ok" and connection.identity["user"] == "admin"
    assert vtiger.secrets["access_key"] not in str(told)


def test_check_connection_with_a_wrong_password_says_why_and_what_to_do(vtiger: Account) -> None:
    words = [f"--set=url={vtiger.url}", "--set=username=admin", "--set=access_key=wrong"]
    run("add_connection", "vtiger", "--name", "berlin", *words)
    told = fails(1, "check_connection", "berlin")
    assert "refused the credentials" in told and "INVALID_USER_CREDENTIALS" in told and "Copy the credentials" in told
    assert Connection.objects.get().check_state == "failed"


def test_modules_and_fields_are_told_and_kept(north: Connection) -> None:
    modules, _ = run("list_modules", "north")
    assert [m["name"] for m in modules] == ["Contacts", "Accounts"]
    told, _ = run("describe_module", "north", "Contacts")
    fields = {f["name"]: f for f in told["fields"]}
    assert fields["lastname"]["required"] and fields["account"]["refers_to"] == ["Accounts"]
    assert fields["status"]["choices"][0] == {"value": "New", "label": "New"}
    assert set(KnownSchema.objects.values_list("module", flat=True)) == {"", "Contacts"}


def test_a_module_that_does_not_exist_is_wrong_use_and_the_existing_are_named(north: Connection) -> None:
    assert "There are: Contacts, Accounts." in fails(2, "describe_module", "north", "Nothing")


def test_people_get_lines_instead_of_json(north: Connection) -> None:
    out = io.StringIO()
    call_command("describe_module", "north", "Contacts", stdout=out)
    call_command("list_modules", "north", stdout=out)
    call_command("check_connection", "north", stdout=out)
    assert "lastname" in out.getvalue() and "(text, required)" in out.getvalue() and "Accounts" in out.getvalue()


def test_rotating_seals_everything_with_the_first_key_and_the_old_one_can_go(settings: Any) -> None:
    run("add_connection", "memory", "--name", "north", "--set", "password=marker")
    Session.objects.create(connection=Connection.objects.get(), slot="web", token={"token": "marker"})
    old = list(settings.CREDENTIAL_KEYS)
    new = [Fernet.generate_key().decode()]
    settings.CREDENTIAL_KEYS = new + old
    counts = {"connections": 1, "sessions": 1, "already": 0, "unreadable": []}
    assert run("rotate_credentials")[0] == counts
    settings.CREDENTIAL_KEYS = new
    assert Connection.objects.get().open_secrets()["password"] == "marker"
    assert Session.objects.get().token.open() == {"token": "marker"}
    assert run("rotate_credentials")[0] == counts | {"connections": 0, "sessions": 0, "already": 2}


def test_what_no_key_opens_is_named_and_left_as_it_is(settings: Any) -> None:
    run("add_connection", "memory", "--name", "north", "--set", "password=marker")
    before = bytes(Connection.objects.get().secrets)
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_credentials", "--json", stdout=out, stderr=err)
    assert ended.value.code == 1 and json.loads(out.getvalue())["unreadable"] == ["north"] and "north" in err.getvalue()
    assert bytes(Connection.objects.get().secrets) == before


def test_without_keys_nothing_is_sealed_and_the_message_says_how_to_make_them(settings: Any) -> None:
    settings.CREDENTIAL_KEYS = []
    assert "Fernet.generate_key" in fails(1, "add_connection", "memory", "--name", "n", "--set", "password=x")
    assert not Connection.objects.exists()
