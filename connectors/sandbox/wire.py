"""What passes between the HTTP server and a simulated vendor; the vendor never sees a socket and the server never a record."""

from __future__ import annotations

import base64
import json
import threading
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from email import message_from_bytes
from email.policy import HTTP
from functools import cached_property, lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

JSON = Any


@dataclass
class Request:
    """One HTTP request as it arrived. `overlap` asks a list answer to begin with so many rows of the page before."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    overlap: int = 0

    @cached_property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """Return the body's parameters, of a form or multipart; a file part "x" reads as "file:x", JSON of its name, type and
        base64 content."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        if kind.startswith("multipart/form-data"):
            return _multipart(kind, self.body)
        return {}

    @cached_property
    def text(self) -> str:
        """Return the decoded address and the body, as it is and as a form, for faults that match on what a request holds."""
        body = self.body.decode("utf-8", "replace")
        return "\n".join((unquote(self.target), body, unquote_plus(body)))


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. `body` is complete; the server adds Content-Length."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def _multipart(kind: str, body: bytes) -> dict[str, str]:
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
    form: dict[str, str] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        if part.get_filename():
            encoded = base64.b64encode(content).decode()
            file = {"filename": part.get_filename(), "filetype": part.get_content_type(), "filesize": len(content)}
            form[f"file:{name}"] = json.dumps({**file, "filecontents": encoded})
        else:
            form[name] = content.decode("utf-8", "replace")
    return form


class Clock:
    """The simulated server's clock: ours plus a shift a test may set. Its wall shows the time of its zone."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Go with ours again, in UTC."""
        self.shift = 0.0
        self.zone: tzinfo = UTC

    def seconds(self) -> float:
        return time.time() + self.shift

    def text(self, seconds: float | None = None) -> str:
        """Return "YYYY-MM-DD HH:MM:SS" in the server's zone, one second resolution, as both vendors write it."""
        moment = datetime.fromtimestamp(self.seconds() if seconds is None else seconds, self.zone)
        return moment.strftime("%Y-%m-%d %H:%M:%S")


class Vendor(Protocol):
    """What the server needs of a simulated vendor. `switches` are oddities a test may turn on or off."""

    slug: str
    clock: Clock
    switches: dict[str, JSON]
    lock: threading.RLock

    def reset(self) -> None:
        """Forget everything and start again from the seed."""

    def operation(self, request: Request) -> str:
        """Return the short name of what is asked, for counters, log and fault matching."""

    def session_key(self, request: Request) -> str | None:
        """Return what the vendor serialises requests on, None for requests that run side by side."""

    def answer(self, request: Request) -> Reply: ...

    def expire_sessions(self) -> None: ...

    def credentials(self, url: str) -> dict[str, str]:
        """Return the settings and secrets a connection needs, by the names a connector declares."""

    def records(self, module: str, deleted: bool) -> list[JSON]:
        """Return the module's records as stored: {"id", "values", "deleted"}. Raises KeyError for an unknown module."""

    def mutate(self, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
        """Change a record behind the API's back and return it. Raises KeyError for an unknown module or record."""


def escaped_json(value: JSON) -> bytes:
    r"""Return compact JSON as PHP's json_encode writes it: ASCII only, and "/" as "\/"."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


@lru_cache(maxsize=100_000)
def collate(text: str) -> str:
    """Return the text as MySQL's utf8_general_ci compares it: case, Latin/Greek/Cyrillic accents and trailing blanks do not
    count; Arabic-script letters all differ (the collation has no weights for that plane)."""
    return weights(text.rstrip(" "))


@lru_cache(maxsize=100_000)
def weights(text: str) -> str:
    """Return the text as LIKE compares it: like collate, but trailing blanks count."""
    return text.upper() if text.isascii() else "".join(map(_weight, text))


@lru_cache(maxsize=10_000)
def _weight(character: str) -> str:
    if character == "ß":
        return "S"
    if "\u0600" <= character < "\u1e00":
        return character
    base = unicodedata.normalize("NFD", character)
    return base[0].upper()[0] if base else character
