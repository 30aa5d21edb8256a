"""The sandbox's HTTP side: one port of 127.0.0.1 per vendor, HTTP/1.1 with kept connections; every answer is sent whole, in one
write, after what it tells has been stored."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from connectors.sandbox.control import PREFIX, Control, Journal
from connectors.sandbox.faults import Cut, Faults, answer_with
from connectors.sandbox.opencrm.vendor import OpenCrm
from connectors.sandbox.reallysimple.vendor import ReallySimple
from connectors.sandbox.sarvcrm.vendor import SarvCrm
from connectors.sandbox.simplycrm.vendor import SimplyCrm
from connectors.sandbox.store import Store
from connectors.sandbox.vtiger.vendor import Vtiger
from connectors.sandbox.wire import Reply, Request, Vendor

VENDORS: dict[str, Callable[[Store, int, int], Vendor]] = {
    "vtiger": Vtiger,
    "reallysimple": ReallySimple,
    "opencrm": OpenCrm,
    "simplycrm": SimplyCrm,
    "sarvcrm": SarvCrm,
}
MAX_BODY = 64 * 1024 * 1024


class Sandbox:
    """Simulated vendors on ports of 127.0.0.1, as a context manager or between start() and stop().

    `port` 0 takes free ports; otherwise the vendors get port, port+1, … in the order given. `records` is how many records each
    main module starts with and `seed` which; with `state_dir` the state is kept there and a second start goes on with it.
    `urls` and `credentials` (settings and secrets by the names a connector declares) hold from the moment of creation.
    `meanwhile(vendor, operation)` is called when a request was carried out and its answer is not sent yet: the moment at
    which somebody else may change what it tells.
    """

    def __init__(
        self,
        vendors: Sequence[str] = ("vtiger", "reallysimple"),
        port: int = 0,
        records: int = 300,
        seed: int = 1,
        latency_ms: float = 0,
        state_dir: str | Path | None = None,
        control: bool = True,
    ) -> None:
        self.meanwhile: Callable[[str, str], None] | None = None
        self._stores = {v: Store(Path(state_dir) / f"{v}.jsonl" if state_dir else None) for v in vendors}
        self._vendors: dict[str, Vendor] = {v: VENDORS[v](self._stores[v], records, seed) for v in vendors}
        self._faults, self._journal = Faults(), Journal()
        self._control = Control(self._vendors, self._faults, self._journal, self._reset) if control else None
        self._latency = latency_ms / 1000
        self._session_locks: dict[tuple[str, str], threading.Lock] = {}
        self._open, self._guard = Counter[tuple[str, ...]](), threading.Lock()
        self._servers: dict[str, Server] = {}
        self._threads: list[threading.Thread] = []
        try:
            self._listen(port)
        except OSError:
            self.stop()
            raise

    def _listen(self, port: int) -> None:
        for position, slug in enumerate(self._vendors):
            self._servers[slug] = Server(self, slug, port + position if port else 0)

    @property
    def urls(self) -> dict[str, str]:
        return {slug: f"http://127.0.0.1:{server.server_address[1]}" for slug, server in self._servers.items()}

    @property
    def credentials(self) -> dict[str, dict[str, str]]:
        return {slug: self._vendors[slug].credentials(url) for slug, url in self.urls.items()}

    def start(self) -> Sandbox:
        for slug, server in self._servers.items():
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), name=f"sandbox-{slug}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self) -> None:
        """Stop serving and close every connection, so that a client sees a server that is down. May be called twice."""
        for server in self._servers.values():
            if self._threads:
                server.shutdown()
            server.server_close()
            server.close_connections()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        for slug, store in self._stores.items():
            with self._vendors[slug].lock:
                store.close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, slug: str, request: Request) -> Reply:
        """Return the answer to one request, faults, latency, log and counters included. Raises Cut."""
        if self._control is not None and request.path.startswith(PREFIX):
            return self._control.answer(slug, request)
        vendor = self._vendors[slug]
        operation = vendor.operation(request)
        started = time.perf_counter()
        fault = self._faults.meet(slug, operation, request)
        entry: dict[str, Any] = {"method": request.method, "path": request.path, "at": vendor.clock.text()}
        entry["fault"] = fault.fault if fault else None
        try:
            session = vendor.session_key(request)
            with self._under_way(slug, session, entry), self._turn(slug, session):
                if self._latency:
                    time.sleep(self._latency)
                if fault is None:
                    reply = vendor.answer(request)
                else:
                    reply = answer_with(fault, request, vendor.answer, vendor.expire_sessions)
            if self.meanwhile is not None:
                self.meanwhile(slug, operation)
            entry["status"] = reply.status
            return reply
        finally:
            entry["ms"] = round((time.perf_counter() - started) * 1000, 2)
            self._journal.add(slug, operation, entry)

    def date(self, slug: str) -> str:
        """Return the vendor's own time as the Date header has it."""
        return formatdate(self._vendors[slug].clock.seconds(), usegmt=True)

    @contextlib.contextmanager
    def _under_way(self, slug: str, session: str | None, entry: dict[str, Any]) -> Iterator[None]:
        """Note how many requests are under way with this one, at this vendor and within its session, which goes by a number."""
        keys = [(slug,)] if session is None else [(slug,), (slug, session)]
        with self._guard:
            self._open.update(keys)
            entry["under_way"], entry["in_session"] = self._open[keys[0]], self._open[keys[-1]]
            entry["session"] = None if session is None else [*self._open].index(keys[1])
        try:
            yield
        finally:
            with self._guard:
                self._open.subtract(keys)

    def _turn(self, slug: str, session: str | None) -> contextlib.AbstractContextManager[Any]:
        """Return what requests of one session take turns on, as PHP's session lock makes them (vtiger-facts B9)."""
        if session is None:
            return contextlib.nullcontext()
        return self._session_locks.setdefault((slug, session), threading.Lock())

    def _reset(self, slug: str) -> None:
        self._vendors[slug].reset()


class Server(ThreadingHTTPServer):
    """One vendor's port. It knows its open connections, so that stop() can close them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, sandbox: Sandbox, slug: str, port: int) -> None:
        self.sandbox, self.slug = sandbox, slug
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report; anything else is a bug of ours and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, has it answered, sends the answer in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def _serve(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
        body = self.rfile.read(length) if length else b""
        request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        try:
            reply = self.server.sandbox.answer(self.server.slug, request)
        except Cut as cut:
            time.sleep(cut.ms / 1000)
            self.close_connection = True
            return
        self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        self.send_header("Date", self.server.sandbox.date(self.server.slug))
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The journal below /_control/log keeps what is worth knowing."""
