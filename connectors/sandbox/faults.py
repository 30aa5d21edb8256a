"""Faults a test switches on: which requests they meet, how often, and what they do to the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from connectors.sandbox.wire import Reply, Request

FAULTS = frozenset((
    "http_500", "http_502_html", "rate_limited", "time_out", "cut_before", "cut_after", "truncated_json",
    "empty_body", "session_expired", "overlapping_page", "php_warnings",
))  # fmt: skip
BAD_GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
PHP_WARNING = (
    b"<br />\n<b>Deprecated</b>:  Return type of ADODB_Iterator::current() should either be compatible with Iterator::current(): "
    b"mixed, or the #[\\ReturnTypeWillChange] attribute should be used to temporarily suppress the notice in "
    b"<b>/var/www/vtiger/libraries/adodb_vtigerfix/adodb.inc.php</b> on line <b>3570</b><br />\n"
)


@dataclass(slots=True)
class Fault:
    """One fault. It lets `after` matching requests pass, meets the next `times` (0: all), and matches on the vendor and, where
    given, the operation's name, a part of the path, and a part of the decoded address or body.

    `applied` (time_out only): the request is carried out before the wait. `ms` is that wait; `rows` the overlap.
    """

    fault: str
    vendor: str = ""
    operation: str = ""
    path: str = ""
    contains: str = ""
    times: int = 1
    after: int = 0
    ms: int = 60_000
    retry_after: int | None = 1
    applied: bool = False
    rows: int = 3
    met: int = 0

    def matches(self, vendor: str, operation: str, request: Request) -> bool:
        return (
            (not self.vendor or self.vendor == vendor)
            and (not self.operation or self.operation.lower() == operation.lower())
            and self.path in request.path
            and (not self.contains or self.contains in request.text)
        )


class Cut(Exception):
    """Close the connection without an answer, after waiting `ms`."""

    def __init__(self, ms: int = 0) -> None:
        super().__init__("connection cut by a fault")
        self.ms = ms


class Faults:
    """The faults that are on, in the order they were switched on; the first that matches is met."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, wanted: dict[str, Any]) -> None:
        """Raises ValueError for an unknown fault and TypeError for an unknown key."""
        if wanted.get("fault") not in FAULTS:
            raise ValueError(f"There is no fault “{wanted.get('fault')}”; there are {', '.join(sorted(FAULTS))}.")
        with self._lock:
            self._faults.append(Fault(**wanted))

    def clear(self, vendor: str = "") -> None:
        with self._lock:
            self._faults = [f for f in self._faults if vendor and f.vendor != vendor]

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(f) for f in self._faults]

    def meet(self, vendor: str, operation: str, request: Request) -> Fault | None:
        """Return the fault this request meets and count it, or None."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(vendor, operation, request):
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.met += 1
                    if fault.times and fault.met >= fault.times:
                        self._faults.remove(fault)
                    return fault
        return None


def answer_with(
    fault: Fault, request: Request, answer: Callable[[Request], Reply], expire: Callable[[], None]
) -> Reply:
    """Return the answer as the fault changes it. Raises Cut where the connection is to be closed instead."""
    if fault.fault == "http_500":
        return Reply(500, b"", "text/html; charset=UTF-8")
    if fault.fault == "http_502_html":
        return Reply(502, BAD_GATEWAY, "text/html")
    if fault.fault == "rate_limited":
        wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Reply(429, b'{"message":"Too Many Attempts."}', headers=wait)
    if fault.fault == "cut_before":
        raise Cut
    if fault.fault == "time_out" and not fault.applied:
        raise Cut(fault.ms)
    if fault.fault == "session_expired":
        expire()
    if fault.fault == "overlapping_page":
        request.overlap = fault.rows
    return _spoil(fault, answer(request))


def _spoil(fault: Fault, reply: Reply) -> Reply:
    """Return the applied request's answer, spoiled."""
    if fault.fault == "cut_after":
        raise Cut
    if fault.fault == "time_out":
        raise Cut(fault.ms)
    if fault.fault == "truncated_json":
        return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.content_type, reply.headers)
    if fault.fault == "empty_body":
        return Reply(reply.status, b"", reply.content_type, reply.headers)
    if fault.fault == "php_warnings":
        return Reply(reply.status, PHP_WARNING * 18 + reply.body, reply.content_type, reply.headers)
    return reply
