"""Bad input, kind by kind, through commands and screens: each is told in words with what to do, and nothing is half-saved."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from connectors.memory import store
from connectors.sandbox.server import Sandbox
from portal.connections.models import Connection
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.records.models import Copy, Mirror
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import World

pytestmark = pytest.mark.django_db
SECRET = {"vtiger": "access_key", "reallysimple": "access_token"}
MODULE = {"vtiger": "Contacts", "reallysimple": "contacts"}
OPERATORS = "=, !=, <, <=, >, >=, in, not in, contains, starts with, ends with, between, is empty, is not empty"
KEPT = (Connection, Mapping, Mirror, Copy, Run, Entry)


class WebPage(BaseHTTPRequestHandler):
    """Answers everything with a page for people, and status 200."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<!DOCTYPE html><html><body><h1>Welcome to our shop</h1></body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web_page() -> Iterator[str]:
    """The address of a web server that is no CRM."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), WebPage)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address of this machine at which nobody listens, for as long as the test lasts."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def connect_to(
    running_sandbox: Sandbox, vtiger: Account, make_connection: Callable[..., Connection]
) -> Callable[..., Connection]:
    """Return a function that stores the connection “berlin” to a vendor of the sandbox, with what is given instead."""

    def make(slug: str, *, writable: bool = True, **instead: str) -> Connection:
        said = {**running_sandbox.credentials[slug], **instead}
        secrets = {SECRET[slug]: said.pop(SECRET[slug])}
        return make_connection("berlin", connector=slug, settings=said, secrets=secrets, writable=writable)

    return make


def refused(code: int, *words: str) -> str:
    """Return what a command says that fails with this code: the same with --json and without, nothing on stdout, and
    nothing stored."""
    before = kept()
    told = [_failure(code, *words), _failure(code, *words, "--json")]
    assert told[0] == told[1] and "Traceback" not in told[0] and kept() == before
    return told[0]


def _failure(code: int, *words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as failed:
        call_command(*words, stdout=out, stderr=err)
    assert failed.value.returncode == code and out.getvalue() == err.getvalue() == ""
    return str(failed.value)


def kept() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in KEPT}


def page(client: Client, url: str, status: int) -> str:
    """Return the words of a page."""
    answer = client.get(url)
    assert answer.status_code == status
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def writes(account: Account) -> list[str]:
    """Return which writing operations the sandbox was asked for, of both vendors."""
    log = account.control("GET", "log")
    deeds = {"create", "update", "revise", "delete"}  # Vtiger's; Really Simple's name an object after it
    return [r["operation"] for r in log if r["operation"].split()[0] in deeds]


# A CRM that cannot be asked: (what is wrong, address or secret instead, what happened, what to do)

PLACES = [
    ("wrong password", "Invalid username or password", "Unauthenticated", "Copy the credentials from the CRM again"),
    ("closed port", *["127.0.0.1 refuses connections: is the server running"] * 2, "Check the address"),
    ("unknown name", *["The name host.invalid is not known"] * 2, "Check the address"),
    ("private address", *["10.0.0.1 is not an address on the public internet"] * 2, "add its network to CRM_ALLOWED"),
    ("web page", *["a web page instead of JSON (HTTP status 200)"] * 2, "Check that the address is that of the CRM"),
]


@pytest.fixture(params=["vtiger", "reallysimple"])
def slug(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PLACES, ids=[place[0] for place in PLACES])
def wrong(
    request: pytest.FixtureRequest, slug: str, web_page: str, closed_port: str, settings: Any
) -> tuple[dict[str, str], str, str]:
    """What is wrong with the connection's settings, what happened, and what to do."""
    what, vtiger_says, reallysimple_says, advice = request.param
    if what in ("closed port", "unknown name"):
        settings.CALL_DEADLINE_SECONDS = 0.3  # too short for a second try, which would only cost time here
    instead = {
        "wrong password": {SECRET[slug]: "wrong"},
        "closed port": {"url": closed_port},
        "unknown name": {"url": "https://host.invalid"},
        "private address": {"url": "https://10.0.0.1"},
        "web page": {"url": web_page},
    }
    return instead[what], vtiger_says if slug == "vtiger" else reallysimple_says, advice


Wrong = tuple[dict[str, str], str, str]


def test_a_crm_that_cannot_be_asked_is_told_by_commands_and_page_and_leaves_nothing(
    admin: Client, connect_to: Callable[..., Connection], vtiger: Account, slug: str, wrong: Wrong
) -> None:
    instead, happened, advice = wrong
    connect_to(slug, **instead)
    for words in (["list_records", "berlin", MODULE[slug], "--live"], ["pull", "berlin", MODULE[slug]]):
        told = refused(1, *words)
        assert told.startswith("berlin: ") and happened in told and advice in told
    shown = page(admin, f"/records/berlin/{MODULE[slug]}/", 503)
    assert "berlin" in shown and happened in shown and advice in shown
    assert not Mirror.objects.exists() and not writes(vtiger)


def test_a_write_to_a_crm_that_cannot_be_asked_is_told_and_is_not_tried(
    connect_to: Callable[..., Connection], vtiger: Account, web_page: str, slug: str
) -> None:
    connect_to(slug, url=web_page)
    for words in (["save_record", "berlin", MODULE[slug], "--set", "email=a@b.c"], ["delete_record", "berlin", MODULE[slug], "1"]):  # fmt: skip
        assert "berlin: The server sent a web page" in refused(1, *words)


def test_a_connection_that_fails_its_test_is_not_added(
    connect_to: Callable[..., Connection], running_sandbox: Sandbox, slug: str, wrong: Wrong,
    monkeypatch: pytest.MonkeyPatch, db: None,
) -> None:  # fmt: skip
    instead, happened, advice = wrong
    said = {**running_sandbox.credentials[slug], **instead}
    monkeypatch.setenv("THE_SECRET", said[SECRET[slug]])
    said[SECRET[slug]] = "env:THE_SECRET"
    told = refused(1, "add_connection", slug, "--name", "berlin", "--check", *(f"--set={k}={v}" for k, v in said.items()))  # fmt: skip
    assert told.startswith("berlin: ") and happened in told and advice in told
    assert not Connection.objects.exists()


def test_a_private_address_is_refused_before_a_packet_leaves(
    connect_to: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    connect_to(slug, url="https://10.0.0.1")
    refused(1, "list_records", "berlin", MODULE[slug])
    assert not [address for address in asked if address[0] == "10.0.0.1"]


# What is not there


@pytest.mark.parametrize(
    "words",
    [["describe_module"], ["list_records"], ["pull"], ["get_record", "12x1"], ["delete_record", "12x1"], ["save_record", "--set=a=b"]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_module_that_does_not_exist_is_named_with_those_that_do(
    connect_to: Callable[..., Connection], vtiger: Account, slug: str, words: list[str]
) -> None:
    connect_to(slug)
    command, *rest = words
    told = refused(2, command, "berlin", "Nothing", *rest)
    assert "“Nothing”" in told and re.search(rf"(There|Known) are: .*\b{MODULE[slug]}\b", told)
    assert not writes(vtiger)


def test_the_page_of_a_module_that_does_not_exist_says_so(
    admin: Client, connect_to: Callable[..., Connection], slug: str
) -> None:
    connect_to(slug)
    shown = page(admin, "/records/berlin/Nothing/", 404)
    assert "“Nothing”" in shown and "Check the names of module and fields" in shown and not Mirror.objects.exists()


@pytest.mark.parametrize(
    ("typed", "told", "character"),
    [
        ("emial = x", "There is no field “emial” in Contacts. Did you mean “email”?", 1),
        ("email = x and emial is empty", "There is no field “emial” in Contacts. Did you mean “email”?", 15),
        ("email ~ x", f"An operator is expected after “email”: {OPERATORS}; here is “~”.", 7),
        ("email = ", "A value for “email” is expected, but the filter ends here.", 9),
        ("(email = x", "A closing bracket “)” is expected, but the filter ends here.", 11),
    ],
)
def test_a_filter_with_a_typo_is_told_with_its_place_and_nothing_is_read(
    admin: Client,
    connect_to: Callable[..., Connection],
    vtiger: Account,
    slug: str,
    typed: str,
    told: str,
    character: int,
) -> None:
    connect_to(slug)
    said = refused(2, "list_records", "berlin", MODULE[slug], "--filter", typed)
    assert said == f"{told} (at character {character})"
    shown = page(admin, f"/records/berlin/{MODULE[slug]}/?filter={typed.replace(' ', '+')}", 200)
    assert told in shown and "Nothing was read: the filter above is not understood." in shown


MAPPING: dict[str, Any] = {
    "name": "contacts",
    "left": {"connection": "north", "module": "Contacts"},
    "right": {"connection": "north", "module": "Contacts"},
    "direction": "left-to-right",
    "match": [{"left": "email", "right": "email"}],
    "fields": [{"left": "lastname", "right": "lastname"}],
}
NORTH: dict[str, Any] = {"name": "north", "connector": "memory"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"conections": []}, "unknown key “conections”"),
        ({"connections": [NORTH | {"writeable": True}]}, "connections[0]: unknown key “writeable”"),
        ({"connections": [NORTH | {"settings": {"colour": "red"}}]}, "“colour”"),
        ({"connections": [NORTH], "mappings": [MAPPING | {"guard": "off"}]}, "mappings[0]: unknown key “guard”"),
        ({"connections": [NORTH], "mappings": [MAPPING | {"left": {"conection": "north"}}]}, "mappings[0].left: unknown key “conection”"),
        ({"connections": [NORTH], "mappings": [MAPPING | {"fields": [{"lft": "lastname"}]}]}, "mappings[0].fields[0]: unknown key “lft”"),
    ],
)  # fmt: skip
def test_an_import_file_with_an_unknown_key_is_told_with_its_place_and_nothing_of_it_is_saved(
    db: None, tmp_path: Path, document: dict[str, Any], told: str
) -> None:
    file = tmp_path / "portal.json"
    file.write_text(json.dumps(document))
    said = refused(2, "import_config", str(file))
    assert said.startswith(f"{file}: ") and told in said and "nown" in said and said.endswith("Nothing was saved.")


def test_an_import_that_cannot_ask_a_crm_has_failed_and_saves_nothing(
    db: None, tmp_path: Path, web_page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "x")
    settings = {"url": web_page, "username": "admin"}
    west = {"name": "west", "connector": "vtiger", "settings": settings, "secrets": {"access_key": "env:THE_SECRET"}}
    mapping = MAPPING | {"left": {"connection": "west", "module": "Contacts"}}
    file = tmp_path / "portal.json"
    file.write_text(json.dumps({"connections": [NORTH, west], "mappings": [mapping]}))
    said = refused(1, "import_config", str(file))
    assert "mappings[0].left: “west” could not describe “Contacts”: The server sent a web page" in said


# Writing where it is not allowed

READ_ONLY = "is read-only: nothing was sent. Allow writing on the connection's page or with “allow_writing"


@pytest.mark.parametrize("deed", ["save_record", "delete_record"])
def test_a_write_to_a_read_only_connection_is_told_and_the_crm_is_not_asked_for_it(
    connect_to: Callable[..., Connection], vtiger: Account, slug: str, deed: str
) -> None:
    connection = connect_to(slug, writable=False)
    there = vtiger.control("GET", "records", vendor=slug, module=MODULE[slug])
    rest = [there[0]["id"], *(["--set", "email=new@example.org"] if deed == "save_record" else [])]
    for json_too in ([], ["--json"]):
        told = _failure(1, deed, connection.name, MODULE[slug], *rest, *json_too)
        assert READ_ONLY in told and "berlin" in told and "Whoever may change this connection can allow it." in told
    assert not writes(vtiger) and vtiger.control("GET", "records", vendor=slug, module=MODULE[slug]) == there
    assert {run.state for run in Run.objects.all()} == {entry.state for entry in Entry.objects.all()} == {"failed"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_sync_into_a_read_only_connection_fails_says_so_and_writes_nothing(admin: Client, as_json: bool) -> None:
    world = World()
    store("memory").put("Contacts", {"lastname": "Miller", "email": "miller@example.org"}, "1")
    Connection.objects.filter(name="south").update(writable=False)
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("sync", world.mapping.name, *(["--json"] if as_json else []), stdout=out, stderr=err)
    assert ended.value.code == 1 and not world.south.records
    assert f"“south” {READ_ONLY} south”" in (err if as_json else out).getvalue()
    if as_json:
        assert json.loads(out.getvalue())["state"] == "failed"
    run = Run.objects.get(kind=Run.Kind.SYNC)
    assert READ_ONLY in page(admin, f"/runs/{run.pk}/", 200)
