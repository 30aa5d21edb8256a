"""What every fault means to every vendor's connector, as a table: a value, or which error, and whether a write happened once.

The rule behind it: an error without `maybe_done` means that nothing was written, with it nobody knows, and nothing is ever
written twice. What is read is whole, or it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors import OFFERED, connect, connector_class
from connectors.base import Connector
from connectors.context import Context, NetworkRules
from connectors.errors import ConnectorError
from connectors.query import Query
from connectors.sandbox.faults import FAULTS
from connectors.sandbox.server import Sandbox
from tests.connectors.every_vendor import LOCAL, SUBJECTS
from tests.connectors.quick_clock import QuickClock
from tests.connectors.sandbox_client import Account

READS = ("read", "get", "changes")
WRITES = ("create", "update", "delete")
# What each fault means: to what is read; to what is written, "?" for maybe_done, and how often it happened.
MEANS = {
    "http_500": ("Unavailable", "Unavailable? 0"),
    "http_502_html": ("done", "Unavailable? 0"),
    "rate_limited": ("RateLimited", "RateLimited 0"),
    "time_out": ("Unavailable", "Unavailable? 0"),
    "cut_before": ("done", "Unavailable? 0"),
    "cut_after": ("done", "Unavailable? 1"),
    "truncated_json": ("ProtocolError", "ProtocolError? 1"),
    "empty_body": ("ProtocolError", "ProtocolError? 1"),
    "session_expired": ("done", "done 1"),
    "overlapping_page": ("done", "done 1"),
    "php_warnings": ("ProtocolError", "ProtocolError? 1"),
}
# Where a vendor differs, and why: (vendor, fault) -> deed -> outcome.
DIFFERS: dict[tuple[str, str], dict[str, str]] = {
    **{  # PHP servers print warnings before their JSON: facts §5
        (vendor, "php_warnings"): dict.fromkeys(READS, "done") | dict.fromkeys(WRITES, "done 1")
        for vendor in ("vtiger", "simplycrm", "sarvcrm", "opencrm")
    },
    # Its token is all there is: one that has run out must be replaced by a person.
    ("opencrm", "session_expired"): dict.fromkeys(READS, "AuthError") | dict.fromkeys(WRITES, "AuthError 0"),
    ("reallysimple", "session_expired"): dict.fromkeys(READS, "AuthError") | dict.fromkeys(WRITES, "AuthError 0"),
    # A number of records cut short is one: it asks for less to be there than there is, and all is read.
    ("opencrm", "truncated_json"): {"changes": "done"},
    # A DELETE is answered by its status alone, and nothing for a record is believed when the list agrees (facts §6).
    ("reallysimple", "empty_body"): {"delete": "done 1", "get": "done"},
    ("reallysimple", "truncated_json"): {"delete": "done 1"},
    ("reallysimple", "php_warnings"): {"delete": "done 1"},
    **{  # Deletions come by a call of their own, first: they are a gain, and the sweep finds what it does not tell.
        ("simplycrm", fault): {"changes": "done"} for fault in ("http_500", "empty_body", "truncated_json")
    },
}


IN_TIME = NetworkRules(allowed_networks=LOCAL, deadline=10)
HASTY = NetworkRules(
    allowed_networks=LOCAL, deadline=1.0
)  # where the deadline itself is met: no busy machine is a fault else
MEET_THE_DEADLINE = {"time_out", "rate_limited"}


class World:
    """One vendor's server, seen from both sides."""

    def __init__(self, sandbox: Sandbox, vendor: str) -> None:
        self.subject = SUBJECTS[vendor]
        self.account = Account(sandbox, vendor)
        self.context, self.vendor, self.number = Context(network=IN_TIME, clock=QuickClock()), vendor, 0

    def stored(self) -> dict[str, Any]:
        """Return id -> text of all records, as the server keeps them."""
        kept = self.account.control("GET", "records", module=self.subject.module)
        return {record["id"]: record["values"].get(self.subject.field) for record in kept}

    def outcome(self, fault: str, deed: str) -> str:
        """Let a deed meet a fault; return how it ended for us and, of a write, how often it happened."""
        self.number += 1
        given = self.account.secrets
        rules = HASTY if fault in MEET_THE_DEADLINE else IN_TIME
        crm = connect(self.vendor, given, given, replace(self.context, network=rules))
        try:
            return self._outcome(crm, fault, deed, f"Fault {self.number}")
        finally:
            self.account.control("DELETE", "faults")
            crm.close()

    def _outcome(self, crm: Connector, fault: str, deed: str, text: str) -> str:
        id = crm.create(self.subject.module, {self.subject.field: "Before", **self.subject.needed}).id
        before = self.stored()
        self.account.control("POST", "faults", fault=fault, ms=2_000)
        try:
            told = self._do(crm, deed, id, text, before)
        except ConnectorError as e:
            told = type(e).__name__ + "?" * getattr(e, "maybe_done", False)
        after = self.stored()
        happened = {
            "create": list(after.values()).count(text),
            "update": int(after.get(id) == text),
            "delete": int(id not in after),
        }
        return f"{told} {happened[deed]}" if deed in happened else told

    def _do(self, crm: Connector, deed: str, id: str, text: str, before: dict[str, Any]) -> str:
        module, name = self.subject.module, self.subject.field
        if deed == "read":
            assert {r.id for r in crm.read(module, Query(limit=100)).records} == before.keys()
        elif deed == "get":
            assert crm.get(module, id).values[name] == "Before"
        elif deed == "changes":
            assert {change.id for page in crm.changes(module, None) for change in page.changes} == before.keys()
        elif deed == "create":
            assert crm.create(module, {name: text, **self.subject.needed}).values[name] == text
        elif deed == "update":
            assert crm.update(module, id, {name: text}).values[name] == text
        else:
            crm.delete(module, id)
        return "done"


@pytest.fixture(scope="module", params=OFFERED)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with Sandbox(vendors=(request.param,), records=12) as sandbox:
        made = World(sandbox, request.param)
        yield made
        made.account.close()


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_told_as_what_it_means_and_no_write_happens_twice(world: World, fault: str) -> None:
    reads, writes = MEANS[fault]
    expected = dict.fromkeys(READS, reads) | dict.fromkeys(WRITES, writes) | DIFFERS.get((world.vendor, fault), {})
    if not connector_class(world.vendor).capabilities.delete:
        del expected["delete"]
    found = {deed: world.outcome(fault, deed) for deed in expected}
    assert found == expected
