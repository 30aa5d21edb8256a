"""Bad input, kind by kind, through commands and screens: each is told in words with what to do, and nothing is half-saved."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from connectors.memory import store
from connectors.sandbox.server import Sandbox
from portal.connections.models import Connection
from portal.ledger.models import Entry, Run
from portal.records.models import Mirror
from tests.connectors.sandbox_client import Account
from tests.portal.refusals import failure, page, refused, writes
from tests.portal.sync_world import World
from tests.portal.web_page import serving

pytestmark = pytest.mark.django_db
SECRET = {"vtiger": "access_key", "reallysimple": "access_token"}
MODULE = {"vtiger": "Contacts", "reallysimple": "contacts"}
OPERATORS = "=, !=, <, <=, >, >=, in, not in, contains, starts with, ends with, between, is empty, is not empty"
ONE_TRY = 0.3  # seconds: too short for a second one, which would only cost time here


@pytest.fixture(scope="module")
def web_page() -> Iterator[str]:
    """The address of a web server that is no CRM."""
    with serving() as address:
        yield address


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
        settings.CALL_DEADLINE_SECONDS = ONE_TRY
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


@pytest.mark.parametrize(
    "words", [["save_record", "--set=email=a@b.c"], ["delete_record", "1"]], ids=lambda words: words[0]
)
def test_a_write_to_what_is_no_crm_is_told_and_leaves_no_trace_of_a_run(
    connect_to: Callable[..., Connection], web_page: str, slug: str, words: list[str]
) -> None:
    connect_to(slug, url=web_page)
    command, *rest = words
    assert "berlin: The server sent a web page" in refused(1, command, "berlin", MODULE[slug], *rest)
    assert not Run.objects.exists()


def test_a_connection_that_fails_its_test_is_not_added(
    running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, slug: str, wrong: Wrong
) -> None:
    instead, happened, advice = wrong
    said = {**running_sandbox.credentials[slug], **instead}
    monkeypatch.setenv("THE_SECRET", said[SECRET[slug]])
    said[SECRET[slug]] = "env:THE_SECRET"
    pairs = [f"--set={name}={value}" for name, value in said.items()]
    told = refused(1, "add_connection", slug, "--name", "berlin", "--check", *pairs)
    assert told.startswith("berlin: ") and happened in told and advice in told
    assert not Connection.objects.exists()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_private_address_is_refused_before_a_packet_leaves_unless_the_settings_name_it(
    connect_to: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch, settings: Any, slug: str, allowed: bool
) -> None:
    packets, connect = list[Any](), socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        if address[0] != "10.0.0.1":
            return connect(self, address)
        packets.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", watched)
    settings.CALL_DEADLINE_SECONDS = ONE_TRY
    settings.CRM_ALLOWED_NETWORKS = [*settings.CRM_ALLOWED_NETWORKS, *(["10.0.0.0/8"] if allowed else [])]
    connect_to(slug, url="https://10.0.0.1")
    refused(1, "list_records", "berlin", MODULE[slug])
    assert bool(packets) is allowed


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
        told = failure(1, deed, connection.name, MODULE[slug], *rest, *json_too)
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
