"""A simulated Vtiger as tests see it: over HTTP, with its control side, and connectors that ask it."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest

from connectors.context import Context, NetworkRules
from connectors.sandbox.server import Sandbox
from connectors.vtiger.connector import VtigerConnector

RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)


# What this family of servers keeps otherwise than it was sent, beside what is refused (vtiger-facts).
DIFFERENT = {
    "emoji": "a database of three-byte characters keeps “????” (E11); once seen, they are refused",
    "markup": "a text with a script in it is kept with entities for its signs (E10)",
    "long": "a text is cut at the length of its column, which the server does not tell",
    "phone: quotes": "the same: 50 characters",
    "tiny": "a number is rounded to the decimals of the API user (E5)",
}


class Server:
    """The simulated server as tests see it: over HTTP only."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url, self.credentials = sandbox.urls["vtiger"], sandbox.credentials["vtiger"]

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """Ask one of the control end points."""
        request = urllib.request.Request(f"{self.url}/_control/{path}", json.dumps(params).encode(), method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, fault: str, operation: str = "", **params: Any) -> None:
        """Make the next request of that operation fail so."""
        self.ask("POST", "faults", fault=fault, operation=operation, **params)

    def mutate(self, action: str, module: str, id: str | None = None, **values: str) -> str:
        """Change a record behind the API's back and return its id."""
        return str(self.ask("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def switch(self, **switches: Any) -> None:
        """Turn oddities of the server on or off."""
        self.ask("POST", "switches", **switches)

    def value(self, module: str, id: str, field: str) -> str:
        """Return what a record really holds."""
        found = self.ask("GET", f"records?module={module}&deleted=1")
        return next(str(record["values"][field]) for record in found if record["id"] == id)

    def asked(self) -> Counter[str]:
        """Return how often each operation was asked since the reset."""
        return Counter(self.ask("GET", "counters").get("vtiger", {}))

    def connect(self, context: Context, **changes: str) -> VtigerConnector:
        """Return a connector to the server; `changes` replace settings and secrets."""
        given = {**self.credentials, **changes}
        return VtigerConnector(given, given, context)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("vtiger",), records=60, seed=3) as running:
        yield running


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    """The server, as it was seeded."""
    fresh = Server(sandbox)
    fresh.ask("POST", "reset")
    return fresh
