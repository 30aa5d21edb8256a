"""A secret goes in and never comes out: a marker is planted as a secret and looked for everywhere."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client

from portal.connections.access import open_connector
from portal.connections.crypto import Sealed
from portal.connections.forms import Kept
from portal.connections.models import Connection, Session
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db
MARKER = "MarkerSecret-8f41"
ADD = "/connections/add/vtiger/"


@pytest.fixture
def planted(vtiger: Account) -> dict[str, str]:
    """Return the form of a Vtiger connection filled in; its access key is the marker to look for."""
    values = vtiger.secrets | {"time_zone": "UTC", "region": "GB", "name": "berlin", "max_parallel": "4"}
    return {name if name in ("name", "max_parallel") else f"setting_{name}": value for name, value in values.items()}


def everything_in_the_database() -> str:
    """Return every cell of every table as text."""
    found = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                found += [bytes(c).decode("latin-1") if isinstance(c, bytes | memoryview) else str(c) for c in row]
    return "\n".join(found)


def test_a_planted_secret_is_found_nowhere(
    admin: Client, planted: dict[str, str], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    marker = planted["setting_access_key"]
    caplog.set_level(logging.DEBUG)
    pages = [
        admin.post(ADD, planted | {"_test": "1"}),
        admin.get(ADD),
        admin.post(ADD, planted | {"setting_url": "http://127.0.0.1:1", "_save": "1"}),
        admin.post(ADD, planted | {"setting_username": "nobody", "_save": "1"}),
        admin.post(ADD, planted | {"name": "not a name", "_save": "1"}),
        admin.post(ADD, planted | {"_save": "1"}, follow=True),
        admin.get("/connections/"),
        admin.get("/connections/berlin/change/"),
        admin.post("/connections/berlin/test/"),
        admin.post("/connections/berlin/change/", planted | {"setting_url": "https://10.0.0.1", "_test": "1"}),
        admin.post("/connections/berlin/writing/", {"writable": "yes"}, follow=True),
        admin.get("/connections/berlin/history/", follow=True),
        admin.get("/connections/call/"),
        admin.get("/"),
    ]
    assert Connection.objects.get().open_secrets() == {"access_key": marker}, "it was planted"
    token = next(iter(Session.objects.get().token.open().values()))
    out, err = io.StringIO(), io.StringIO()
    for command in (
        ["check_connection", "berlin"],
        ["list_modules", "berlin"],
        ["describe_module", "berlin", "Contacts"],
    ):
        call_command(*command, stdout=out, stderr=err)
    call_command("dumpdata", stdout=out, stderr=err)
    shown = capfd.readouterr()
    told = [page.content.decode() for page in pages]
    places = {"pages": told, "headers": [str(page.headers) + str(page.cookies) for page in pages], "log": caplog.text}
    places |= {"commands": out.getvalue() + err.getvalue(), "output": shown.out + shown.err}
    places["database"] = everything_in_the_database()
    for place, text in places.items():
        assert marker not in str(text), place
        assert token not in str(text), f"the login session: {place}"


def test_no_exception_repr_or_traceback_holds_it(planted: dict[str, str], vtiger: Account) -> None:
    stored = Connection.objects.create(
        name="berlin",
        connector="vtiger",
        settings={"url": vtiger.url, "username": "nobody"},
        secrets={"access_key": MARKER},
    )
    connection = Connection.objects.get(pk=stored.pk)
    with open_connector(connection, purpose="person") as crm:
        shown = [crm, connection, connection.secrets, connection.open_secrets(), vars(connection)]
        with pytest.raises(Exception) as failed:  # noqa: PT011  whatever it is, it must not tell
            crm.check()
    error: BaseException | None = failed.value
    while error is not None:
        shown += [repr(error), str(error), vars(error)]
        error = error.__cause__ or error.__context__
    shown += [Kept(Sealed(access_key=MARKER)), Sealed(access_key=MARKER), vars(stored)["secrets"].__class__]
    assert MARKER not in str([f"{thing} {thing!r}" for thing in shown])


def test_even_the_page_of_an_unforeseen_error_does_not_show_it(
    admin: Client, planted: dict[str, str], settings: Any
) -> None:
    planted["setting_access_key"] = MARKER
    settings.DEBUG, settings.CREDENTIAL_KEYS = True, []
    admin.raise_request_exception = False
    page = admin.post(ADD, planted | {"_save": "1"})
    assert page.status_code == 500 and "CREDENTIAL_KEYS is not set" in page.content.decode()
    assert MARKER not in page.content.decode()


def test_a_dump_holds_no_secret_not_even_sealed_and_can_be_loaded(north: Connection, tmp_path: Any) -> None:
    north.secrets = {"password": MARKER}
    north.save()
    file = tmp_path / "dump.json"
    call_command("dumpdata", "connections", output=str(file), verbosity=0)
    assert MARKER not in file.read_text() and "gAAAA" not in file.read_text()
    Connection.objects.all().delete()
    call_command("loaddata", str(file), verbosity=0)
    assert Connection.objects.get().open_secrets() == {}


def test_a_command_that_fails_does_not_repeat_it() -> None:
    with pytest.raises(CommandError) as failed:
        call_command("add_connection", "vtiger", "--name", "x", f"--set=access_key={MARKER}", stderr=io.StringIO())
    assert MARKER not in str(failed.value)
