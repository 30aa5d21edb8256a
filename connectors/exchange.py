"""One request and its answer: sent at once, read when asked for. The rule: the observer is told once, however it ends, and
a socket with something left in it is never used again.

Between the two no thread waits: so one thread keeps several requests under way, which for a fast server costs a third
less than as many threads do that take Python's lock from each other.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from connectors.answer import Answer
from connectors.context import Call, Context, Outcome
from connectors.errors import ConnectorError, ProtocolError, Unavailable
from connectors.guard import SILENCE, NotSent, unreachable
from connectors.wording import text as _

CONNECT_TIMEOUT = 5.0  # seconds, all addresses of the host together
CHUNK = 256 * 1024
FAILURES = (HTTPError, OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `target` is path and query, absolute when a proxy forwards it."""

    call: Call
    target: str
    body: bytes | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """The way there: the sockets, the host's name for messages, whether a proxy stands in between."""

    pool: HTTPConnectionPool
    host: str
    proxied: bool


class Exchange:
    """One request under way. `seconds` is the time there is for it, counted while we send and while we wait."""

    def __init__(self, context: Context, route: Route, request: Request, seconds: float) -> None:
        """Send. Raises what the observer raises, and then nothing was sent; how sending failed is told by `answer`."""
        self._context, self._route, self._request, self._left = context, route, request, seconds
        self._clock = context.clock
        self._connection: HTTPConnection | None = None
        self._failed: Exception | None = None
        self._spent = 0.0
        self._over = False
        asked = self._clock.monotonic()
        context.observer.before(request.call)
        self._began = self._clock.monotonic()
        self._left -= self._began - asked
        try:
            self._send()
        except (*FAILURES, NotSent, ConnectorError) as e:
            self._failed = e
        except BaseException:
            self.close()
            raise
        self._spent = self._clock.monotonic() - self._began
        self._left -= self._spent

    @property
    def left(self) -> float:
        """Return the seconds left for the answer, or for another try."""
        return self._left

    def answer(self) -> Answer:
        """Return what the server said. Raises Unavailable, HostRefused, ConfigError and ProtocolError (too large)."""
        answer, received, error = None, 0, ""
        self._began = self._clock.monotonic() - self._spent  # what lies unread costs nobody time
        try:
            answer, received = self._received()
            return answer
        except BaseException as e:
            error = type(e).__name__
            raise
        finally:
            self._tell(answer.status if answer else 0, received, error)

    def close(self) -> None:
        """Give up an answer nobody wants any more; does nothing once it was read."""
        if not self._over:
            self._give_back(reusable=False)
            self._tell(0, 0, "Dropped")

    def _send(self) -> None:
        if self._left <= 0:
            raise Unavailable(_("There was no time left to ask %(host)s.", host=self._route.host))
        if self._route.proxied:
            return  # the library sends and reads in one; several at a time are not kept under way there
        request = self._request
        # The pool's two methods for "several requests of one thread": `urlopen` would wait for the answer.
        connection = self._connection = self._socket()
        connection.timeout = min(CONNECT_TIMEOUT if connection.sock is None else SILENCE, self._left)
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it closed: reading tells
            connection.request(
                request.call.method, request.target, request.body, request.headers, preload_content=False
            )

    def _socket(self) -> HTTPConnection:
        try:
            return self._route.pool._get_conn()  # type: ignore[return-value]  # it makes no others
        except HTTPError as e:  # the pool was closed meanwhile
            raise NotSent from e

    def _received(self) -> tuple[Answer, int]:
        """Return the answer and how many bytes came over the wire."""
        host, safe = self._route.host, self._request.call.safe
        try:
            if self._failed is not None:
                raise self._failed
            return self._read(self._response())
        except NotSent as e:
            raise unreachable(e, host) from e
        except FAILURES as e:
            late, broken = _("did not answer in time"), _("broke off before its answer was complete")
            what = late if "imeout" in type(e).__name__ else broken
            raise Unavailable(
                _("%(host)s %(what)s.", host=host, what=what), code=type(e).__name__, maybe_done=not safe
            ) from e

    def _response(self) -> BaseHTTPResponse:
        if self._connection is not None:
            self._connection.timeout = max(self._left, 0.001)
            return self._connection.getresponse()
        request, timeout = self._request, Timeout(connect=min(CONNECT_TIMEOUT, self._left), total=self._left)
        return self._route.pool.urlopen(
            request.call.method, request.target, request.body, request.headers, retries=False, redirect=False, assert_same_host=False, timeout=timeout, preload_content=False,
        )  # fmt: skip

    def _read(self, response: BaseHTTPResponse) -> tuple[Answer, int]:
        limit, maybe_done = self._context.network.max_response, not self._request.call.safe
        chunks: list[bytes] = []
        size, whole = 0, False
        try:
            if response.status < 200:
                what = _("an answer before the answer (HTTP status %(status)s)", status=response.status)
                raise Answer(response.status, response.headers, b"", maybe_done).not_understood(what)
            while chunk := response.read(CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    sentence = _(
                        "%(host)s sent an answer larger than %(limit)s MB.", host=self._route.host, limit=limit // 2**20
                    )
                    raise ProtocolError(sentence, code="TOO_LARGE", maybe_done=maybe_done)
            whole = True
        finally:
            if not whole:
                response.close()  # what is left in the socket must not be read as the next answer
            self._give_back(reusable=whole)
        return Answer(response.status, response.headers, b"".join(chunks), maybe_done), response.tell()

    def _give_back(self, *, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if not reusable:
                connection.close()
            self._route.pool._put_conn(connection)

    def _tell(self, status: int, received: int, error: str) -> None:
        self._over = True
        self._give_back(reusable=False)  # does nothing after an answer read whole
        ms = (self._clock.monotonic() - self._began) * 1000
        sent = len(self._request.body or b"")
        self._context.observer.after(self._request.call, Outcome(status, ms, sent, received, error))
