"""The one way out: every request to a CRM goes through `Http.send`, and only here, in `guard` and in `body` is the HTTP
library imported.

The rule: a request is repeated only when its caller declared it safe, never longer than the deadline allows, and the
observer is told of each one. No exception, log line or observer ever sees a query string, a header or a body.
"""

from __future__ import annotations

import http.client
import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlencode, urlsplit

import orjson
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from connectors.body import Files, checked, encode
from connectors.context import Call, Context, Outcome
from connectors.echo import without_echo
from connectors.errors import (
    ConfigError,
    HostRefused,
    ProtocolError,
    RateLimited,
    RetryLater,
    Unavailable,
)
from connectors.guard import POOLS, NotSent, checked_addresses, open_pool, unreachable
from connectors.types import JSON
from connectors.wording import text as _

CONNECT_TIMEOUT = 5.0  # seconds, all addresses of the host together
LONGEST_WAIT = 5.0  # seconds; who asks us to wait longer postpones the run
ATTEMPTS = 3
CHUNK = 256 * 1024
BUSY = frozenset({502, 503, 504})

# At its debug level urllib3 logs whole request targets, at its warning level those of odd answers: both hold sessions. The
# filter holds whatever level somebody sets.
logging.getLogger("urllib3").setLevel(logging.ERROR)
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno >= logging.ERROR)

try:
    USER_AGENT = f"CRM-Portal/{version('crm-portal')}"
except PackageNotFoundError:  # a copy of the folder without an installation
    USER_AGENT = "CRM-Portal"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `maybe_done` says whether an answer we cannot understand may still have changed something."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    maybe_done: bool = False

    @property
    def text(self) -> str:
        """Return the body as text; what is not UTF-8 becomes a replacement character."""
        return self.body.decode("utf-8", "replace")

    @property
    def at(self) -> datetime | None:
        """Return the server's own time, UTC, from its Date header; None when that is missing or cannot be read."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return None

    def json(self) -> JSON:
        """Return the body as JSON. Raises ProtocolError, saying what came instead."""
        try:
            return orjson.loads(self.body.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as e:
            what = _("%(what)s instead of JSON (HTTP status %(status)s)", what=self._looks_like(), status=self.status)
            raise self.not_understood(what) from e

    def not_understood(self, what: str) -> ProtocolError:
        """Return the error for an answer that is not as documented; `what` completes “The server sent …”."""
        sentence = _("The server sent %(what)s.", what=what)
        return ProtocolError(sentence, code=str(self.status), maybe_done=self.maybe_done)

    def _looks_like(self) -> str:
        start = self.body[:200].lstrip().lower()
        if not start:
            return _("an empty answer")
        if start.startswith((b"<!doctype", b"<html")):
            return _("a web page")
        return _("cut-off or damaged data") if start.startswith((b"{", b"[")) else _("something else")


class Http:
    """All requests of one connection: a pool of kept-open sockets that any number of threads may use at once."""

    def __init__(self, context: Context, base_url: str, *, headers: Mapping[str, str] | None = None) -> None:
        """Take the address that every request begins with, and headers for all of them. Raises ConfigError."""
        self.context = context
        self.base = base_url.rstrip("/")
        try:
            parts = urlsplit(self.base)
            self.host, self.port = parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)
        except ValueError as e:
            raise ConfigError(
                _("The address of the CRM cannot be read: it should look like https://crm.example.com.")
            ) from e
        if parts.scheme not in POOLS or not self.host:
            raise ConfigError(_("The address of the CRM must begin with https:// and name a host."))
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigError(_("The address of the CRM must hold no user name, password, “?” or “#”."))
        self.scheme, self.origin, self._path = parts.scheme, f"{parts.scheme}://{parts.netloc}", parts.path
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **checked(headers or {}),
        }
        self._lock = threading.Lock()
        self._pool: HTTPConnectionPool | None = None
        self._proxied = False

    def close(self) -> None:
        """Close the sockets. The next request opens new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def send(
        self,
        call: Call,
        url: str = "",
        *,
        params: Mapping[str, JSON] | None = None,
        data: Mapping[str, JSON] | bytes | None = None,
        json: JSON = None,
        headers: Mapping[str, str] | None = None,
        files: Files | None = None,
    ) -> Answer:
        """Send one call and return the answer, whatever its status but 429 and, for safe calls, 502, 503 and 504.

        `url` is a path below the base, "" for the base itself, or a full address on the same host. Redirects are handed
        back, never followed. Raises HostRefused, ConfigError (certificate), RateLimited, ProtocolError (too large) and
        Unavailable, with `maybe_done` when the call is not safe and may have reached the server.
        """
        target = self._target(url, params)
        body, kind = encode(data, json, files)
        sent = {**self._headers, **kind, **checked(headers or {})}
        answer = self._repeated(call, target, body, sent)
        return replace(answer, body=without_echo(answer.body, sent, params, data))

    def _repeated(self, call: Call, target: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """Send until there is an answer to hand back, no try is left, or the next one would come after the deadline."""
        clock = self.context.clock
        end = clock.monotonic() + self.context.network.deadline
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._observed(call, target, body, headers, end)
                error = busy(call, answer)
                if error is None:
                    return answer
            except Unavailable as e:
                error = e
            wait = error.retry_after if error.retry_after is not None else random.uniform(0.5, 1.0) * 0.3 * 2**attempt
            too_long = wait > LONGEST_WAIT or clock.monotonic() + wait >= end
            if not call.safe or attempt == ATTEMPTS or too_long:
                raise error
            clock.sleep(wait)

    def _target(self, url: str, params: Mapping[str, JSON] | None) -> str:
        """Return the request target: path and query, absolute when a proxy forwards it."""
        if "://" in url:
            if not url.startswith(f"{self.origin}/"):
                raise HostRefused(
                    _("The server pointed us to another host, and we do not follow."), code="HOST_REFUSED"
                )
            path = url.removeprefix(self.origin)
        else:
            path = f"{self._path}/{url.lstrip('/')}" if url else self._path or "/"
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params)
        return path

    def _observed(self, call: Call, target: str, body: bytes | None, headers: dict[str, str], end: float) -> Answer:
        """Send once and tell the observer, however it ends."""
        clock = self.context.clock
        self.context.observer.before(call)
        start = clock.monotonic()
        status, received, error = 0, 0, ""
        try:
            answer, received = self._exchange(call, target, body, headers, end - start)
            status = answer.status
            return answer
        except BaseException as e:
            error = type(e).__name__
            raise
        finally:
            ms = (clock.monotonic() - start) * 1000
            self.context.observer.after(call, Outcome(status, ms, len(body or b""), received, error))

    def _exchange(
        self, call: Call, target: str, body: bytes | None, headers: dict[str, str], left: float
    ) -> tuple[Answer, int]:
        """Send once; return the answer and how many bytes came over the wire."""
        if left <= 0:
            raise Unavailable(_("There was no time left to ask %(host)s.", host=self.host))
        timeout = Timeout(connect=min(CONNECT_TIMEOUT, left), total=left)
        try:
            pool = self._open()
            target = self.origin + target if self._proxied and self.scheme == "http" else target
            response = pool.urlopen(
                call.method, target, body, headers, retries=False, redirect=False, assert_same_host=False, timeout=timeout, preload_content=False,
            )  # fmt: skip
            return self._read(call, response)
        except NotSent as e:
            raise unreachable(e, self.host) from e
        except (HTTPError, OSError, http.client.HTTPException) as e:
            late, broken = _("did not answer in time"), _("broke off before its answer was complete")
            what = late if "imeout" in type(e).__name__ else broken
            sentence = _("%(host)s %(what)s.", host=self.host, what=what)
            raise Unavailable(sentence, code=type(e).__name__, maybe_done=not call.safe) from e

    def _read(self, call: Call, response: BaseHTTPResponse) -> tuple[Answer, int]:
        limit = self.context.network.max_response
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := response.read(CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise ProtocolError(
                        _("%(host)s sent an answer larger than %(limit)s MB.", host=self.host, limit=limit // 2**20),
                        code="TOO_LARGE",
                        maybe_done=not call.safe,
                    )
        except BaseException:
            response.close()  # what is left in the socket must not be read as the next answer
            raise
        return Answer(response.status, response.headers, b"".join(chunks), not call.safe), response.tell()

    def _open(self) -> HTTPConnectionPool:
        """Return the pool of sockets, made at the first request and after each `close`."""
        pool = self._pool
        if pool is None:
            with self._lock:
                if self._pool is None:
                    self._pool, self._proxied = open_pool(self.origin, self.context.network, self.context.max_parallel)
                pool = self._pool
        if self._proxied:
            self._check_behind_proxy()
        return pool

    def _check_behind_proxy(self) -> None:
        """Refuse what resolves, here, to a refused address; a name only the proxy can resolve is the proxy's to refuse."""
        try:
            checked_addresses(self.host, self.port, self.scheme, self.context.network)
        except OSError:
            return


def busy(call: Call, answer: Answer) -> RetryLater | None:
    """Return the error for an answer that means “not now”, or None. Only a safe call's 502, 503 and 504 mean that."""
    if answer.status == 429:
        return RateLimited(_("The CRM asks us to slow down."), code="429", retry_after=retry_after(answer))
    if call.safe and answer.status in BUSY:
        sentence = _("The CRM's server is not available just now (HTTP status %(status)s).", status=answer.status)
        return Unavailable(sentence, code=str(answer.status), retry_after=retry_after(answer))
    return None


def retry_after(answer: Answer) -> float | None:
    """Return the seconds of the Retry-After header, given as seconds or as a date, or None."""
    text = answer.headers.get("Retry-After")
    try:
        return Retry().parse_retry_after(text) if text else None
    except HTTPError:
        return None
