"""What the tests that go over all vendors share: whom they meet at each simulated server, and that server seen from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from connectors.context import NetworkRules
from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

LOCAL = (IPv4Network("127.0.0.0/8"),)
RULES = NetworkRules(allowed_networks=LOCAL, deadline=10)


@dataclass(frozen=True, slots=True)
class Subject:
    """A module, a field of text in it, what a new record needs besides, and what it needs at the vendor's own screens."""

    module: str
    field: str
    needed: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Any] = field(default_factory=dict)


SUBJECTS = {
    "opencrm": Subject("contact", "lastname", {"assigned_user_id": "1"}, {"smownerid": "1"}),
    "reallysimple": Subject("contacts", "last", {"accountid": "1001"}, {"accountid": 1001}),
    "sarvcrm": Subject("Leads", "last_name"),
    "simplycrm": Subject("Contacts", "lastname"),
    "vtiger": Subject("Contacts", "lastname"),
}


class Server:
    """One vendor's simulated server: what was asked of it, and a way to fill it."""

    def __init__(self, sandbox: Sandbox, vendor: str) -> None:
        self.subject, self.vendor = SUBJECTS[vendor], vendor
        self.account = Account(sandbox, vendor)

    def asked(self) -> dict[str, int]:
        """Return how often each operation was asked since the reset."""
        return dict(self.account.control("GET", "counters").get(self.vendor, {}))

    @contextmanager
    def calls(self) -> Iterator[dict[str, int]]:
        """Lend a dict that holds, at the end, how often each operation was asked meanwhile."""
        before, told = self.asked(), dict[str, int]()
        yield told
        now = self.asked()
        told |= {name: now[name] - before.get(name, 0) for name in now if now[name] > before.get(name, 0)}

    def fill(self, total: int) -> None:
        """Add records until there are so many, then let a day pass: what is there is old."""
        there = len(self.account.control("GET", "records", module=self.subject.module))
        rows = [{self.subject.field: f"Crowd {n}", **self.subject.stored} for n in range(total - there)]
        self.account.create_all(self.subject.module, rows)
        self.account.control("POST", "clock", shift_seconds=86_400)
