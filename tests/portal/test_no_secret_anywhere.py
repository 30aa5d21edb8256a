"""No secret in clear anywhere: markers are planted wherever a secret can come from, everything is done that can be done with
them, and then every place that keeps or shows something is searched. The rule: whoever finds a marker has found a leak."""

from __future__ import annotations

import base64
import hashlib
import logging
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from multiprocessing import Value
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.cache import cache
from django.db import connection as database
from django.test import Client
from django_q.brokers import get_broker
from django_q.models import Task
from django_q.monitor import monitor
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from django_q.worker import worker

from connectors.memory import store
from connectors.sandbox.server import Sandbox
from connectors.types import FieldSchema, ModuleSchema
from portal.connections.access import open_connector
from portal.connections.models import Connection, Session
from portal.ledger.models import Problem, Run
from portal.mappings.models import Mapping
from portal.records.models import Copy
from portal.sync.run import request_sync
from portal.sync.run import work as carry_out
from tests.connectors.sandbox_client import Account
from tests.portal.secret_hunt import Hands, Parrot, addresses, assert_nowhere, cached, cells, raw_files, sample, told_by
from tests.portal.task_queue import payloads, queued

pytestmark = pytest.mark.django_db(transaction=True)
WRONG, HASH, TYPED, LITERAL, BROKER = (f"Marker{n}-8f41c7" for n in ("Wrong", "Hash", "Typed", "Literal", "Broker"))
OTHERS_KEY = "MarkerKey0fSale5"  # of another user of that Vtiger


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(records=12, seed=9) as running:
        account = Account(running, "vtiger")
        for user in ("19x6", "19x7"):
            planted = {"accesskey": OTHERS_KEY, "user_password": HASH, "confirm_password": HASH}
            account.control("POST", "mutate", action="update", module="Users", id=user, values=planted)
        account.close()
        yield running


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger says all it can, the SQL and the HTTP library's too."""
    loggers = [logging.getLogger(name) for name in (*logging.root.manager.loggerDict, "urllib3.connectionpool")]
    before = [(logger, logger.level) for logger in loggers]
    caplog.set_level(logging.DEBUG)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    database.force_debug_cursor = True
    yield caplog
    database.force_debug_cursor = False
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture
def people() -> ModuleSchema:
    """A module of the CRM in memory with fields for passwords, and a person in it."""
    crm = store("memory")
    fields = [FieldSchema(n, n.title()) for n in ("portal_password", "accesskey")]
    contacts = crm.schemas["Contacts"]
    crm.schemas["Contacts"] = ModuleSchema(
        contacts.module, (*contacts.fields, *fields), contacts.label_fields, "modified"
    )
    crm.put("Contacts", {"lastname": "Lee", "portal_password": HASH, "accesskey": OTHERS_KEY})
    return crm.schemas["Contacts"]


@pytest.fixture
def file(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for import_config: secrets from the environment, and one that stands in it."""
    given = sandbox.credentials
    monkeypatch.setenv("VTIGER_KEY", given["vtiger"]["access_key"])
    monkeypatch.setenv("RSS_TOKEN", given["reallysimple"]["access_token"])
    north = {"url": given["vtiger"]["url"], "username": "admin"}
    south = {"url": given["reallysimple"]["url"]}
    names = [
        ("vtiger", north, "access_key", "env:VTIGER_KEY"),
        ("reallysimple", south, "access_token", "env:RSS_TOKEN"),
    ]
    found = [
        {"name": slug, "connector": slug, "writable": True, "settings": where, "secrets": {key: value}}
        for slug, where, key, value in names
    ]
    found.append({**found[0], "name": "refused", "secrets": {"access_key": WRONG}})
    found.append({"name": "memory", "connector": "memory", "writable": True, "secrets": {"password": LITERAL}})
    mapping = {
        "name": "people",
        "left": {"connection": "vtiger", "module": "Contacts"},
        "right": {"connection": "reallysimple", "module": "contacts"},
        "direction": "left-to-right",
        "match": [{"left": "email", "right": "email"}],
        "fields": [
            {"left": "lastname", "right": "last"},
            {"left": "email", "right": "email"},
            {"value": "1001", "right": "accountid"},
        ],
        "guards": False,
        "schedule": {"minutes": 15},
    }
    path = tmp_path / "portal.yaml"
    path.write_text(yaml.safe_dump({"connections": found, "mappings": [mapping]}))
    return path


def test_a_secret_that_was_used_in_every_way_is_found_nowhere(
    admin: Client,
    sandbox: Sandbox,
    people: ModuleSchema,
    file: Path,
    loud: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    hands = Hands(admin)
    work(hands, file)
    fail(hands, sandbox)
    tokens = {f"session {row.pk}": row.token.open()["token"].split()[0] for row in Session.objects.all()}
    assert tokens and Copy.objects.filter(mirror__module="Users", values__user_name="sales").exists()
    assert Problem.objects.exists() and Task.objects.exists() and queued()
    statuses = {address: hands.page(address) for address in [*addresses(sample), "/records/refused/Users/"]}
    assert [address for address, status in statuses.items() if status == 500] == []
    assert len(statuses) > 100 and "/records/vtiger/Users/19x6/" in statuses
    given = sandbox.credentials
    secrets = {
        "access key": given["vtiger"]["access_key"],
        "access token": given["reallysimple"]["access_token"],
        **tokens,
    }
    secrets |= {"refused key": WRONG, "hash": HASH, "another's key": OTHERS_KEY, "typed": TYPED, "literal": LITERAL}
    shown = capfd.readouterr()
    seen = {"what was told": "\n".join(hands.told), "log": loud.text, "output": shown.out + shown.err}
    seen |= {"database": "\n".join(cells()), "cache": "\n".join(cached()), "files": "\n".join(raw_files())}
    assert_nowhere(secrets, seen)


def work(hands: Hands, file: Path) -> None:
    """Do what goes well, with commands and in the background."""
    hands.command("import_config", str(file))
    for name in ("vtiger", "reallysimple", "memory"):
        hands.command("check_connection", name)
        hands.command("list_modules", name)
    for name, module in (
        ("vtiger", "Contacts"),
        ("vtiger", "Users"),
        ("reallysimple", "contacts"),
        ("memory", "Contacts"),
    ):
        hands.command("describe_module", name, module)
        hands.command("pull", name, module)
        hands.command("list_records", name, module)
        hands.command("list_records", name, module, "--live")
    hands.command("get_record", "vtiger", "Users", "19x6")
    hands.command("get_record", "memory", "Contacts", "1")
    hands.command("save_record", "memory", "Contacts", "1", "--set", f"portal_password={TYPED}")
    hands.command("save_record", "memory", "Contacts", "--set", "lastname=Ito", "--set", f"accesskey={TYPED}")
    hands.command("sync", "people")
    hands.command("sync", "people", "--background")
    hands.command("rotate_credentials")
    hands.command("dumpdata")


def fail(hands: Hands, sandbox: Sandbox) -> None:
    """Do what goes wrong: refused logins, wrong words, servers that fail in the middle, tasks that break."""
    for name in ("vtiger", "reallysimple"):
        control = Account(sandbox, name)
        for fault in ("time_out", "cut_after", "truncated_json", "http_500", "session_expired", "rate_limited"):
            control.control("POST", "faults", fault=fault, ms=10, retry_after=60)
            hands.command("list_records", name, "Users" if name == "vtiger" else "contacts", "--live")
        for fault in ("http_500", "cut_before", "session_expired"):
            control.control("POST", "faults", fault=fault, times=0)
            Run.objects.update(not_before=None)
            carry_out(request_sync(Mapping.objects.get(name="people"), actor="test", enqueue=False).pk)
            if fault == "session_expired":
                hands.command("check_connection", name)
            control.control("DELETE", "faults")
        control.close()
    hands.command("check_connection", "refused")
    hands.command("save_record", "vtiger", "Users", "19x6", "--set", f"user_password={TYPED}")
    hands.command("save_record", "vtiger", "Users", "19x6", "--set", f"accesskey={TYPED}")
    hands.command("add_connection", "vtiger", "--name", "x", "--set", f"access_key={TYPED}")
    hands.command("add_connection", "vtiger", "--name", "x", "--set", f"url=https://admin:{TYPED}@10.0.0.1", "--check")
    async_task("portal.sync.tasks.run_slice", 10**9)
    in_the_background()


def in_the_background() -> None:
    """Do all that is queued as a qcluster does, one task excepted, which stays in the queue."""
    tasks, results = Queue(), Queue()  # type: Queue[Any], Queue[Any]
    for payload in payloads():
        tasks.put(SignedPackage.loads(payload))
    async_task("portal.sync.tasks.scheduled", str(Mapping.objects.get(name="people").uuid))
    tasks.put("STOP")
    worker(tasks, results, Value("f", -1))
    results.put("STOP")
    monitor(results)


@pytest.fixture
def parrot() -> Iterator[str]:
    """The address of a parrot."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("slug", "more", "secret"), [("reallysimple", {}, "access_token"), ("vtiger", {"username": "admin"}, "access_key")]
)
def test_a_server_that_repeats_what_it_was_sent_gives_nothing_away(
    admin: Client, parrot: str, slug: str, more: dict[str, str], secret: str, loud: pytest.LogCaptureFixture
) -> None:
    row = {"connector": slug, "settings": {"url": parrot, **more}, "secrets": {secret: LITERAL}, "writable": True}
    connection = Connection.objects.create(name="parrot", **row)
    hands = Hands(admin)
    for words in (
        ("check_connection",),
        ("list_modules",),
        ("get_record", "contacts", "12x5"),
        ("list_records", "contacts"),
    ):
        hands.command(words[0], "parrot", *words[1:])
    for address in ("/connections/parrot/change/", "/records/parrot/contacts/", "/records/parrot/contacts/12x5/", "/"):
        hands.page(address)
    hands.page("/connections/parrot/test/", {})
    with open_connector(connection, purpose="person") as crm:
        for deed in (crm.check, crm.modules, lambda: crm.get("contacts", "12x5"), lambda: crm.create("contacts", {})):
            with pytest.raises(Exception) as failed:
                deed()
            hands.told += told_by(failed.value)
    assert "Not allowed" in "\n".join(hands.told), "the server's words are shown"
    seen = {"what was told": "\n".join(hands.told), "log": loud.text, "database": "\n".join(cells())}
    assert_nowhere({"secret": LITERAL, "session": "MarkerSession-8f41c7"}, seen)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("slug", ["vtiger", "reallysimple"])
def test_the_page_of_an_unforeseen_error_in_the_middle_of_a_call_shows_no_secret(
    admin: Client, sandbox: Sandbox, settings: Any, debug: bool, slug: str
) -> None:
    given = sandbox.credentials[slug]
    secret = "access_key" if slug == "vtiger" else "access_token"
    public = {name: value for name, value in given.items() if name != secret}
    connection = Connection.objects.create(
        name="north", connector=slug, settings=public, secrets={secret: given[secret]}
    )
    module = "Contacts" if slug == "vtiger" else "contacts"
    hands = Hands(admin)
    assert hands.page(f"/records/north/{module}/") == 200
    settings.DEBUG, settings.CALL_DEADLINE_SECONDS = debug, "soon"  # nobody checks this one where it is used
    settings.REDIS_URL = f"redis://:{BROKER}@127.0.0.1:6379/0"
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "redis": settings.REDIS_URL}
    statuses = [hands.page(f"/records/north/{module}/"), hands.page("/connections/north/test/", {})]
    assert 500 in statuses and ("TypeError" in "".join(hands.told)) is debug
    tokens = {f"session {row.pk}": row.token.open()["token"].split()[0] for row in Session.objects.all()}
    secrets = {secret: connection.open_secrets()[secret], "broker": BROKER, **tokens}
    assert_nowhere(secrets, {"pages": "\n".join(hands.told)})


def test_a_file_that_cannot_be_read_is_not_repeated(tmp_path: Path, admin: Client) -> None:
    hands, path = Hands(admin), tmp_path / "portal.yaml"
    for text in (
        f'connections: [{{name: a, secrets: {{access_key: "{LITERAL}}}}}]',
        f"connections:\n  - name: a\n    secrets: {LITERAL}\n",
        f"connections:\n  - name: a\n    connector: vtiger\n    secrets: {{access_keys: {LITERAL}}}\n",
        f"connections:\n  - name: a\n    connector: vtiger\n    settings: {{access_key: {LITERAL}}}\n",
        f"connections:\n  - name: a\n    connector: vtiger\n    secrets: {{access_key: [{LITERAL}]}}\n",
        f"connections: {LITERAL}\n",
        f"access_key: {LITERAL}\n  b: c",
        f"access_key: *{LITERAL}",
    ):
        path.write_text(text)
        hands.command("import_config", str(path))
    hands.command("add_connection", "vtiger", "--name", "x", "--set", LITERAL)
    hands.command("add_connection", "vtiger", "--name", "x", "--set", f"accesskey={LITERAL}")
    assert len(hands.told) == 10 * 6 and all("CommandError" in told for told in hands.told[::3])
    assert_nowhere({"literal": LITERAL}, {"what was told": "\n".join(hands.told)})


def test_the_hunt_finds_what_is_kept_in_any_place(admin: Client) -> None:
    Connection.objects.create(name="north", connector="memory", settings={"store": WRONG})
    session = admin.session
    session["draft"] = {"sealed": TYPED}
    session.save()
    async_task("portal.sync.tasks.run_slice", HASH)
    cache.set("login", {"token": LITERAL})
    for text in (WRONG, TYPED, HASH):
        assert any(text in cell for cell in cells())
    assert any(LITERAL in value for value in cached())
    if settings.REDIS_URL:
        get_broker().set_stat(f"{settings.Q_NAME}:stat", SignedPackage.dumps({"told": BROKER}, True), 60)
        assert any(BROKER in value for value in cached()), "a cluster's figures are signed and compressed"
    packed = base64.b64encode(f"x{BROKER}".encode()).decode()
    for form in (f"?a={BROKER}", hashlib.md5(BROKER.encode()).hexdigest(), packed):
        with pytest.raises(AssertionError, match="somewhere"):
            assert_nowhere({"broker": BROKER}, {"somewhere": form})
