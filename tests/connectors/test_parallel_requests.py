"""How many requests are under way at the same time, by the servers' own counts: never more than the context allows, whatever
asks, and at servers that make the requests of a session wait for each other one session for each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connectors import OFFERED, connect, connector_class
from connectors.base import Connector
from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.every_vendor import RULES, Server

LATENCY = 5  # milliseconds of each answer
RECORDS = {"vtiger": 2600, "simplycrm": 2600, "opencrm": 3200}  # where a worker reads more than a page; else six pages
WITH_SESSIONS = {"vtiger", "simplycrm"}  # PHP makes the requests of one session wait for each other (vtiger-facts B9)


@pytest.fixture(scope="module", params=OFFERED)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Sandbox((request.param,), records=12, latency_ms=LATENCY) as sandbox:
        made = Server(sandbox, request.param)
        made.fill(RECORDS.get(request.param, 6 * connector_class(request.param).capabilities.page_size))
        yield made
        made.account.close()


def connected(server: Server, most: int) -> Connector:
    given = server.account.secrets
    crm = connect(server.vendor, given, given, Context(network=RULES, max_parallel=most))
    crm.describe(server.subject.module)
    return crm


def seen(server: Server, since: int) -> list[dict[str, Any]]:
    """Return the requests after the first so many, as the server saw them."""
    found: list[dict[str, Any]] = server.account.control("GET", "log")
    return found[since:]


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("reading", ["changes", "ids"])
def test_no_more_pages_are_under_way_than_the_context_allows(server: Server, most: int, reading: str) -> None:
    crm, before, module = connected(server, most), len(server.account.control("GET", "log")), server.subject.module
    if reading == "changes":
        found = {change.id for page in crm.changes(module, None) for change in page.changes}
    else:
        found = {id for page in crm.ids(module) for id in page}
    crm.close()
    assert len(found) == len(server.account.control("GET", "records", module=module))
    busiest = max(entry["under_way"] for entry in seen(server, before))
    allowed = most if crm.capabilities.parallel_pages else 1
    assert busiest <= allowed and (busiest > 1 or allowed == 1 or reading == "ids")  # of ids there are few pages


def test_a_worker_has_a_session_of_its_own_where_a_session_makes_requests_wait(server: Server) -> None:
    crm, most = connected(server, 3), 3
    ids = [id for page in crm.ids(server.subject.module) for id in page][:40]
    before = len(server.account.control("GET", "log"))
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda id: crm.get(server.subject.module, id).id, ids))
    crm.close()
    log = seen(server, before)
    assert got == ids
    assert all(entry["in_session"] == 1 for entry in log if entry["session"] is not None)
    if server.vendor in WITH_SESSIONS:
        sessions = {entry["session"] for entry in log} - {None}
        assert len(sessions) == most == max(entry["under_way"] for entry in log)
        assert sum("login" in entry["operation"].lower() for entry in log) <= most
