"""A CRM that is not the bottleneck: answers in Really Simple Systems' wire form, composed before the first request.

`python benchmarks/static_crm.py --records 100000 --latency-ms 20` prints its address and serves until its stdin closes.
One thread, one epoll loop, no parsing beyond the request line. `/_requests` tells how many requests came (not counting
itself). The latency is a timer on each request, however many wait at the same time. A PATCH is answered with the record
as it would then be, and forgotten.
"""

from __future__ import annotations

import argparse
import heapq
import json
import selectors
import socket
import sys
import time
from collections import deque
from datetime import datetime, timedelta
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 100
FIELDS = (
    ("id", "integer"), ("first", "text"), ("last", "text"), ("email", "email"), ("phone", "text"), ("mobile", "text"),
    ("jobtitle", "text"), ("accountid", "integer"), ("ownerid", "integer"), ("decisionmaker", "boolean"),
    ("leadscore", "integer"), ("addressline", "text"), ("addresscity", "text"), ("addresspostcode/zip", "text"),
    ("addresscountry", "text"), ("source", "text"), ("notes", "textarea"), ("createdby", "integer"),
    ("createddate", "datetime"), ("modifieddate", "datetime"),
)  # fmt: skip
FIRST = ("Ada", "Jürgen", "Zoë", "Siobhán", "Reza", "مریم", "Li", "Oluwaseun")
LAST = ("Lovelace", "O'Brien", "Müller", "رضایی", "van der Berg", "Smith", "García", "Nguyen")
CITIES = ("London", "Köln", "Tehran", "São Paulo", "Lyon")
START = datetime(2024, 1, 1)
FIRST_ID = 1_000_000
DATE = formatdate(usegmt=True)  # of the start: composed once like everything else


def stamp(number: int) -> str:
    """Return when the record of that number was last changed: one second after the one before."""
    return (START + timedelta(seconds=number)).isoformat(sep=" ")


def record(number: int) -> dict[str, Any]:
    """Return one record of about 550 bytes of JSON, the same for the same number."""
    first, last = FIRST[number % 8], LAST[number // 8 % 8]
    return {
        "id": FIRST_ID + number, "first": first, "last": f"{last} {number}", "email": f"person.{number}@example.org",
        "phone": f"+44 20 7946 {number % 10_000:04}", "mobile": f"+44 7700 {number % 1_000_000:06}",
        "jobtitle": "Head of purchasing" if number % 3 else "", "accountid": 50_000 + number % 20_000, "ownerid": 90_505,
        "decisionmaker": number % 2, "leadscore": number % 100, "addressline": f"{number % 300} High Street",
        "addresscity": CITIES[number % 5], "addresspostcode/zip": f"N{number % 20} {number % 9}AB",
        "addresscountry": "United Kingdom", "source": "Web" if number % 4 else None,
        "notes": "Met at the fair, asked for a quote." if number % 5 else None, "createdby": 90_505,
        "createddate": "2023-11-30 08:48:22", "modifieddate": stamp(number),
    }  # fmt: skip


def row(number: int) -> dict[str, Any]:
    """Return a record in the envelope it has in a list."""
    url = f"/contacts/{FIRST_ID + number}"
    meta = {"url": url, "list_url": "/contacts", "parent": "/", "object_type": "record", "record_type": "contact"}
    return {"metadata": meta, "record": record(number)}


def listing(rows: list[Any], total: int, more: bool) -> bytes:
    """Return the body of a list answer."""
    meta = {"url": "/contacts", "object_type": "list", "total_count": total, "has_more": more}
    return json.dumps({"metadata": meta, "list": rows}, ensure_ascii=False, separators=(",", ":")).encode()


def answer(body: bytes) -> bytes:
    """Return a whole HTTP answer."""
    head = f"HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class StaticCrm:
    """The server: pages composed at the start; what carries a filter on the modified time is composed on demand."""

    def __init__(self, records: int, latency: float, port: int) -> None:
        self.records, self.latency = records, latency
        pages = -(-records // PAGE)
        self.pages = {p: self.page(p, pages) for p in range(1, pages + 1)}
        self.beyond = answer(listing([], records, False))
        self.dictionary = answer(json.dumps([self.describe(*f) for f in FIELDS]).encode())
        self.requests = 0
        self.selector = selectors.DefaultSelector()
        self.waiting: list[tuple[float, int, socket.socket, bytes]] = []
        self.sending: dict[socket.socket, deque[memoryview]] = {}
        self.coming: dict[socket.socket, bytes] = {}
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def page(self, number: int, pages: int) -> bytes:
        low = (number - 1) * PAGE
        rows = [row(n) for n in range(low, min(low + PAGE, self.records))]
        return answer(listing(rows, self.records, number < pages))

    def describe(self, name: str, type: str) -> dict[str, Any]:
        return {"name": name, "label": name.title(), "type": type, "required": name == "last"}

    def changed(self, target: str, body: bytes) -> bytes:
        """Return the answer to a PATCH: the record with the fields that came."""
        self.requests += 1
        number = int(target.rpartition("/")[2]) - FIRST_ID
        return answer(json.dumps(record(number) | json.loads(body)).encode())

    def respond(self, target: str) -> bytes:
        """Return the answer to a GET of that target."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path == "/_requests":
            return answer(json.dumps(self.requests).encode())
        self.requests += 1
        if path.startswith("/datadictionary"):
            return self.dictionary
        if path.startswith("/lookup"):
            return answer(b'{"items":[]}')
        page, size = int(query.get("page", ["1"])[0]), int(query.get("limit", ["10"])[0])
        if "q" in query:
            return self.part(self.first_of(json.loads(query["q"][0])), page, size)
        if "desc" in query.get("order", [""])[0]:
            rows = [row(n) for n in range(self.records - 1, max(-1, self.records - 1 - size), -1)]
            return answer(listing(rows, self.records, size < self.records))
        return self.pages.get(page, self.beyond) if size == PAGE else self.part(0, page, size)

    def part(self, first: int, page: int, size: int) -> bytes:
        """Return one page of all records from that number on."""
        low = first + (page - 1) * size
        rows = [row(n) for n in range(low, min(low + size, self.records))]
        return answer(listing(rows, max(0, self.records - first), low + size < self.records))

    def first_of(self, condition: dict[str, Any]) -> int:
        """Return the first record after a lower bound of `modifieddate` and `id`, in whose order all records lie."""
        if "$or" in condition:
            return min(self.first_of(part) for part in condition["$or"])
        first = 0
        for name, bounds in condition.items():
            for operator, bound in (bounds if isinstance(bounds, dict) else {"$gte": bounds}).items():
                at = bound - FIRST_ID if name == "id" else int((datetime.fromisoformat(bound) - START).total_seconds())
                first = max(first, at + (operator == "$gt"))
        return first

    def serve(self) -> None:
        """Serve until stdin closes."""
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            timeout = max(0.0, self.waiting[0][0] - time.perf_counter()) if self.waiting else None
            for key, events in self.selector.select(timeout):
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self.listener:
                    self.accept()
                elif events & selectors.EVENT_WRITE:
                    self.send(key.fileobj)  # type: ignore[arg-type]
                else:
                    self.receive(key.fileobj)  # type: ignore[arg-type]
            while self.waiting and self.waiting[0][0] <= time.perf_counter():
                _, _, client, data = heapq.heappop(self.waiting)
                self.put(client, data)

    def accept(self) -> None:
        client, _ = self.listener.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 512 * 1024)
        self.selector.register(client, selectors.EVENT_READ)

    def receive(self, client: socket.socket) -> None:
        """Take one request, or a piece of it; a client of ours sends the next only after the answer."""
        try:
            data = client.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            self.close(client)
            return
        data = self.coming.pop(client, b"") + data
        head, _, body = data.partition(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if len(body) < int(length or 0):
            self.coming[client] = data
            return
        path = target.decode()
        response = self.changed(path, body) if method == b"PATCH" else self.respond(path)
        if self.latency:
            heapq.heappush(self.waiting, (time.perf_counter() + self.latency, id(client), client, response))
        else:
            self.put(client, response)

    def put(self, client: socket.socket, data: bytes) -> None:
        self.sending.setdefault(client, deque()).append(memoryview(data))
        self.send(client)

    def send(self, client: socket.socket) -> None:
        """Send what the socket takes; the rest when it takes more."""
        queue = self.sending[client]
        try:
            while queue:
                sent = client.send(queue[0])
                if sent < len(queue[0]):
                    queue[0] = queue[0][sent:]
                    self.selector.modify(client, selectors.EVENT_WRITE)
                    return
                queue.popleft()
        except BlockingIOError:
            self.selector.modify(client, selectors.EVENT_WRITE)
            return
        except OSError:
            self.close(client)
            return
        del self.sending[client]
        if self.selector.get_key(client).events != selectors.EVENT_READ:
            self.selector.modify(client, selectors.EVENT_READ)

    def close(self, client: socket.socket) -> None:
        self.sending.pop(client, None)
        self.coming.pop(client, None)
        self.selector.unregister(client)
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    crm = StaticCrm(options.records, options.latency_ms / 1000, options.port)
    print(f"http://127.0.0.1:{crm.listener.getsockname()[1]}", flush=True)
    crm.serve()


if __name__ == "__main__":
    main()
