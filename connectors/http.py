"""The one way out: every request to a CRM goes through `Http.send` or `begin`; the HTTP library is imported only by what
stands behind them: `exchange`, `answer`, `guard` and `body`.

The rule: a request is repeated only when its caller declared it safe, never longer than the deadline allows, and the
observer is told of each one. No exception, log line or observer ever sees a query string, a header or a body.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from connectors.answer import Answer, busy
from connectors.body import Files, checked, encode
from connectors.context import Call, Context
from connectors.echo import without_echo
from connectors.errors import ConfigError, HostRefused, Unavailable
from connectors.exchange import Exchange, Request, Route
from connectors.guard import POOLS, checked_addresses, open_pool
from connectors.paging import Pending
from connectors.types import JSON
from connectors.wording import text as _

__all__ = ["USER_AGENT", "Answer", "Http", "root_of"]

LONGEST_WAIT = 5.0  # seconds; who asks us to wait longer postpones the run
ATTEMPTS = 3
IN_TARGETS = "%/:=&?~#+!$,;'@()*[]"  # what may stand in a target as it is; all else is percent-encoded

# At its debug level urllib3 logs whole request targets, at its warning level those of odd answers: both hold sessions. The
# filter holds whatever level somebody sets.
logging.getLogger("urllib3").setLevel(logging.ERROR)
for part in ("connectionpool", "connection", "util.retry", "response"):  # a filter holds for its own logger only
    logging.getLogger(f"urllib3.{part}").addFilter(lambda record: record.levelno >= logging.ERROR)

try:
    USER_AGENT = f"CRM-Portal/{version('crm-portal')}"
except PackageNotFoundError:  # a copy of the folder without an installation
    USER_AGENT = "CRM-Portal"


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
        self._route: Route | None = None

    def close(self) -> None:
        """Close the sockets. The next request opens new ones."""
        with self._lock:
            route, self._route = self._route, None
        if route is not None:
            route.pool.close()

    @property
    def keeps_several(self) -> bool:
        """Say whether one thread may have several requests under way; through a proxy each is sent when its answer is read."""
        return not self._open().proxied

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
        return self.begin(call, url, params=params, data=data, json=json, headers=headers, files=files).result()

    def begin(
        self,
        call: Call,
        url: str = "",
        *,
        params: Mapping[str, JSON] | None = None,
        data: Mapping[str, JSON] | bytes | None = None,
        json: JSON = None,
        headers: Mapping[str, str] | None = None,
        files: Files | None = None,
    ) -> Pending[Answer]:
        """Send as `send` does, and leave the answer for later: a thread may have several under way."""
        target = self._target(url, params)
        body, kind = encode(data, json, files)
        sent = {**self._headers, **kind, **checked(headers or {})}
        request = Request(call, target, body, sent)
        first = self._begun(request, self.context.network.deadline)

        def result() -> Answer:
            answer = self._repeated(request, first)
            return replace(answer, body=without_echo(answer.body, sent, params, data))

        return Pending(result, first.close)

    def _repeated(self, request: Request, exchange: Exchange) -> Answer:
        """Send until there is an answer to hand back, no try is left, or the next one would come after the deadline."""
        clock, call = self.context.clock, request.call
        end = clock.monotonic() + exchange.left
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = exchange.answer()
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
            exchange = self._begun(request, end - clock.monotonic())

    def _begun(self, request: Request, seconds: float) -> Exchange:
        route = self._open()
        if route.proxied and self.scheme == "http":
            request = replace(request, target=self.origin + request.target)
        return Exchange(self.context, route, request, seconds)

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
        return quote(path, safe=IN_TARGETS)

    def _open(self) -> Route:
        """Return the way there with its sockets, made at the first request and after each `close`."""
        route = self._route
        if route is None:
            with self._lock:
                if self._route is None:
                    pool, proxied = open_pool(self.origin, self.context.network, self.context.max_parallel)
                    self._route = Route(pool, self.host, proxied)
                route = self._route
        if route.proxied:
            self._check_behind_proxy()
        return route

    def _check_behind_proxy(self) -> None:
        """Refuse what resolves, here, to a refused address; a name only the proxy can resolve is the proxy's to refuse."""
        try:
            checked_addresses(self.host, self.port, self.scheme, self.context.network)
        except OSError:
            return


def root_of(url: str, example: str, *ends: str) -> str:
    """Return a server's root, without a slash, for an address with or without scheme, query, or one of these ends behind it.
    Raises ConfigError, which shows the example."""
    parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
    if not parts.netloc:
        raise ConfigError(_("The address should look like %(example)s.", example=example))
    path = parts.path.rstrip("/")
    for end in ends:
        path = path.removesuffix(end)
    return urlunsplit((parts.scheme, parts.netloc, path.rstrip("/"), "", ""))
