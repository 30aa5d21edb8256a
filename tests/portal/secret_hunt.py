"""What a hunt for secrets needs: hands that do everything and remember what they were shown, every place that keeps something,
and a server that repeats what it was sent."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import pickle
import re
import subprocess
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.apps import apps
from django.conf import settings
from django.contrib.admin.utils import quote as admin_quote
from django.contrib.sessions.models import Session as BrowserSession
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client
from django.urls import URLPattern, get_resolver
from django_q.models import Task
from django_q.signing import BadSignature, SignedPackage

from portal.connections.models import Connection
from portal.ledger.models import Run
from portal.records.models import Copy
from tests.portal.task_queue import everything_in_redis, payloads

Seen = dict[str, str]  # place -> all that is there to be read


# What is searched


def cells() -> Iterator[str]:
    """Yield every cell of every table as text, with what is packed unpacked."""
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield from (bytes(c).decode("latin-1") if isinstance(c, bytes | memoryview) else str(c) for c in row)
    yield from (str(session.get_decoded()) for session in BrowserSession.objects.all())
    yield from (repr(SignedPackage.loads(payload)) for payload in payloads())
    yield from (repr([task.args, task.kwargs, task.result]) for task in Task.objects.all())


def cached() -> Iterator[str]:
    """Yield the values in the cache's table, or all that Redis keeps, the tasks that wait there included."""
    if settings.REDIS_URL:
        yield from (
            f"{key}: {content.decode('latin-1')}\n{_unpacked(content)}" for key, content in everything_in_redis()
        )
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT value FROM portal_cache")
        yield from (repr(pickle.loads(base64.b64decode(value))) for (value,) in cursor.fetchall())


def raw_files() -> Iterator[str]:
    """Yield the bytes of SQLite's files, free pages and journal included."""
    if database.vendor == "sqlite":
        name = str(database.settings_dict["NAME"])
        yield from (_bytes_of(path).decode("latin-1") for path in Path(name).parent.glob(f"{Path(name).name}*"))


def spellings(secret: str) -> list[str]:
    """Return the forms in which a secret gives itself away."""
    plain = secret.encode()
    encoded = [base64.b64encode(plain[skip:]).decode().rstrip("=")[:-1] for skip in range(3)]
    return [secret, quote(secret, safe=""), hashlib.md5(plain).hexdigest(), plain.hex(), *encoded]


def assert_nowhere(secrets: dict[str, str], seen: Seen) -> None:
    assert min(map(len, secrets.values())) > 11, "too short to be looked for"
    leaks = [
        f"{name} in {place}: …{text[max(0, at - 200) : at]}[HERE]"
        for name, secret in secrets.items()
        for form in spellings(secret)
        for place, text in seen.items()
        if (at := text.find(form)) >= 0
    ]
    assert not leaks, "\n".join(leaks)


# What is done


class Hands:
    """A person at the command line and in the browser; remembers all they were shown."""

    def __init__(self, browser: Client) -> None:
        self.browser = browser
        self.told: list[str] = []
        browser.raise_request_exception = False

    def command(self, *words: str) -> None:
        """Call a command as it is and with --json, and take down all that it says, how it ends too."""
        for more in ([], ["--json"]):
            out, err = io.StringIO(), io.StringIO()
            try:
                call_command(*words, *more, stdout=out, stderr=err)
            except (CommandError, SystemExit) as e:
                self.told.append("".join(traceback.format_exception(e)))
            self.told += [out.getvalue(), err.getvalue()]

    def page(self, address: str, data: dict[str, str] | None = None) -> int:
        """Open a page, or send a form to it, and take down what comes."""
        answer = self.browser.get(address) if data is None else self.browser.post(address, data)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self.told += [address, content.decode(), str(answer.headers), str(answer.cookies)]
        return answer.status_code


def addresses(samples: Callable[[str, str], list[str]]) -> Iterator[str]:
    """Yield every address of the portal that can be opened, with the values there are for its parts."""

    def routes(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            yield from routes(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [(route, pattern)]

    for route, _ in routes(get_resolver().url_patterns):
        if "^" in route or "logout" in route or ".*" in route:
            continue
        found = [f"/{route}"]
        for part, name in re.findall(r"(<(?:\w+:)?(\w+)>)", route):
            found = [a.replace(part, value) for a in found for value in samples(route, name)]
        yield from found


def sample(route: str, name: str) -> list[str]:
    """Return what can stand for a part of an address: keys of what is stored."""
    told = re.match(r"(\w+)/(\w+)/", route)
    if name in ("object_id", "id") and told and told[1] in {app.label for app in apps.get_app_configs()}:
        return [str(pk) for pk in apps.get_model(told[1], told[2]).objects.values_list("pk", flat=True)[:30]]
    if name == "name" and route.startswith("mappings/"):
        return ["people"]
    if name in ("name", "connection"):
        kept = Connection.objects.exclude(name="refused" if "<str:module>" in route else "")  # each page logs in anew
        return [*kept.values_list("name", flat=True)]
    if name == "id":
        return [admin_quote(c) for c in Copy.objects.values_list("record_id", flat=True)[:5]] + ["19x6", "1"]
    if name == "pk":
        return [str(pk) for pk in Run.objects.values_list("pk", flat=True)]
    return {
        "module": ["Users", "Contacts", "contacts", "People"],
        "connector": ["vtiger", "reallysimple", "memory"],
    }.get(name, [])


def told_by(error: BaseException | None) -> Iterator[str]:
    """Yield all that an exception and those behind it hold."""
    while error is not None:
        yield from (repr(error), str(error), str(vars(error)), "".join(traceback.format_exception(error)))
        error = error.__cause__ or error.__context__


class Parrot(BaseHTTPRequestHandler):
    """A server that refuses everything, and says what it was sent."""

    def do_GET(self) -> None:
        sent = f"{self.headers.get('Authorization')} {self.path} {self.rfile.read(int(self.headers.get('Content-Length') or 0))!r}"
        told = f"Not allowed: {sent}"
        error = {"success": False, "error": {"code": "ACCESS_DENIED", "message": told}, "message": told, "code": 400}
        if "getchallenge" in self.path:
            error = {"success": True, "result": {"token": "t"}}
        if b"operation=login" in sent.encode():
            error = {"success": True, "result": {"sessionName": "MarkerSession-8f41c7", "userId": "19x1"}}
        body = json.dumps(error).encode()
        self.send_response(200 if "webservice" in self.path else 422)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _unpacked(content: bytes) -> str:
    """Return what the cache packed, or django-q2 signed (a task, a cluster's figures); "" for what is neither."""
    try:
        return repr(SignedPackage.loads(content.decode("latin-1")))
    except BadSignature:
        pass
    try:
        return repr(pickle.loads(content))
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError):
        return ""


def _bytes_of(path: Path) -> bytes:
    """Return the file's bytes, read by another process: closing any handle on a database gives up this process's locks on
    it, and the next process to leave would take the log away from under us."""
    return subprocess.run(["cat", str(path)], stdout=subprocess.PIPE, check=True).stdout
