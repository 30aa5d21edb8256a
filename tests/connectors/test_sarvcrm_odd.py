"""Servers that do not do what SarvCRM documents: nothing is lost or thought deleted, and what cannot be understood is said."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from connectors.context import Context
from connectors.errors import AccessDenied, ProtocolError, RecordNotFound
from connectors.query import Order, Query, parse
from connectors.sarvcrm.connector import SarvConnector
from connectors.sarvcrm.rows import in_order
from tests.connectors.sarvcrm_account import RULES
from tests.connectors.sarvcrm_samples import ONE, OTHER, spec

Params = dict[str, Any]
Answers = Callable[[str, Params], Any]  # verb and all parameters -> the data, or (HTTP status, the body)
DESCRIBED = {name: spec(name, "id" if name == "id" else "varchar", name) for name in ("id", "last_name")}
IDS = [f"{n * 7919 % 1000:03}-lead" for n in range(40)]  # as they were made, not as they are sorted
ROWS = [{"id": id, "last_name": f"Name {id}"} for id in IDS]
FORBIDDEN = (403, {"status": 403, "message": "Forbidden", "data": []})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        params: Params = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if self.headers.get("Content-Type") == "application/json":
            params |= orjson.loads(raw)
        self.server.seen.append((self.command, params["method"], params.get("id", "")))
        told = self.server.answer(self.command, params)
        status, body = told if isinstance(told, tuple) else (200, {"status": 200, "message": "", "data": told})
        data = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_DELETE = do_GET


class Server(ThreadingHTTPServer):
    """Answers Login, GetModuleFields as the document has it, the rest as the test says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, str]] = []
        self.answers: Answers = lambda verb, params: []
        self.more: dict[str, Any] = {}  # fields besides the id and the name

    def answer(self, verb: str, params: Params) -> Any:
        if params["method"] == "Login":
            return {"token": f"token {self.count('Login')}"}
        return DESCRIBED | self.more if params["method"] == "GetModuleFields" else self.answers(verb, params)

    def count(self, method: str) -> int:
        return sum(seen[1] == method for seen in self.seen)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.serve_forever, args=(0.02,))
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(server: Server, clock: Clock) -> Iterator[SarvConnector]:
    given = {
        "url": f"http://127.0.0.1:{server.server_port}",
        "utype": "firm",
        "username": "joel",
        "password": "Secret-1",
    }
    one = SarvConnector(given, given, Context(network=RULES, clock=clock))
    yield one
    one.close()


def after(params: Params, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows behind the id that the query names."""
    found = re.search(r"id > '([^']*)'", str(params.get("query") or ""))
    return [row for row in rows if not found or row["id"] > found.group(1)]


def said(told: Any, verb: str, params: Params) -> Any:
    """Answer the same to everything."""
    return told


def test_another_record_than_asked_for_is_no_proof_that_this_one_is_gone(server: Server, crm: SarvConnector) -> None:
    server.answers = lambda verb, params: ROWS
    with pytest.raises(ProtocolError, match=ONE):
        crm.get("Leads", ONE)


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_instead_of_a_list_is_not_the_end_of_a_reading(
    server: Server, crm: SarvConnector, nothing: Any
) -> None:
    rows = sorted(ROWS, key=lambda row: row["id"])
    server.answers = lambda verb, params: after(params, rows)[:10] if "id > '" not in params["query"] else nothing
    with pytest.raises(ProtocolError):
        list(crm.changes("Leads", None))
    with pytest.raises(ProtocolError):
        list(crm.ids("Leads"))


def test_a_server_that_heeds_the_query_and_not_the_order_loses_no_record_without_a_word(
    server: Server, crm: SarvConnector
) -> None:
    server.answers = lambda verb, params: after(params, ROWS)[:10]
    for reading in (lambda: list(crm.changes("Leads", None)), lambda: list(crm.ids("Leads"))):
        with pytest.raises(ProtocolError, match="order of ids in Leads"):
            reading()
    with pytest.raises(ProtocolError, match="order of ids in Leads"):
        crm.read("Leads", Query())


def test_the_order_of_every_database_is_one() -> None:
    orders = [
        ["1", "2", "10"], ["1", "10", "2"], ["A", "b", "C"], ["A", "C", "b"], ["a-b", "a_b", "aa"], ["a_b", "a-b", "ab"],
        ["5316", "5316cfc7", "5316D"], ["a", "a"], [],
    ]  # fmt: skip
    for ids in orders:
        assert in_order([{"id": id} for id in ids])
        assert in_order([{"id": id} for id in reversed(ids)], down=True)
    for ids in (["b", "a"], ["2", "1"], ["5316d", "5316c"], ["ab", "a"]):
        assert not in_order([{"id": id} for id in ids])
        assert not in_order([{"id": ids[1]}], ids[0])


# 403 without a code


def test_a_write_refused_with_403_is_sent_once(server: Server, crm: SarvConnector) -> None:
    server.answers = lambda verb, params: FORBIDDEN
    deeds: list[Callable[[], object]] = [
        lambda: crm.create("Leads", {"last_name": "Once"}),
        lambda: crm.update("Leads", ONE, {"last_name": "Once"}),
        lambda: crm.delete("Leads", ONE),
    ]
    for deed in deeds:
        with pytest.raises(AccessDenied):
            deed()
    assert (server.count("Save"), server.count("Login")) == (3, 1)


def test_modules_that_refuse_with_403_use_up_no_sessions(server: Server, crm: SarvConnector, clock: Clock) -> None:
    server.answers = lambda verb, params: FORBIDDEN
    for module in ("Leads", "Contacts", "Bugs", "Leads"):
        with pytest.raises(AccessDenied):
            crm.read(module, Query())
    assert server.count("Login") == 2
    clock.sleep(3600)
    with pytest.raises(AccessDenied):
        crm.read("Leads", Query())
    assert server.count("Login") == 3


# What is an id


@pytest.mark.parametrize("id", ["{5316cfc7}", "1:2", "a@b", "x" * 64])
def test_whatever_came_as_an_id_is_sent_as_one(server: Server, crm: SarvConnector, id: str) -> None:
    server.answers = lambda verb, params: [{"id": id}] if verb == "GET" else [] if verb == "DELETE" else [{"id": id}]
    assert crm.get("Leads", id).id == id
    crm.delete("Leads", id)
    assert server.seen[-1] == ("DELETE", "Save", id)


@pytest.mark.parametrize("id", ["a b", "a/b", "x" * 65, "شناسه"])
def test_what_could_never_be_asked_for_again_is_not_read_as_an_id(server: Server, crm: SarvConnector, id: str) -> None:
    server.answers = lambda verb, params: [{"id": id, "last_name": "Odd"}]
    with pytest.raises(ProtocolError, match="cannot be an id"):
        crm.read("Leads", Query())


# What is asked


def test_sorting_here_reads_no_more_than_is_told(server: Server, crm: SarvConnector) -> None:
    def endless(verb: str, params: Params) -> Any:
        found = re.search(r"id > '([^']*)'", params["query"])
        first = int(found.group(1)) + 1 if found else params["offset"]
        return [{"id": f"{n:09}", "last_name": "Other"} for n in range(first, first + params["limit"])]

    server.answers = endless
    schema = crm.describe("Leads")
    page = crm.read("Leads", Query(parse('last_name contains "nobody"', schema), (Order("last_name"),)))
    assert page.records == () and page.next_cursor
    assert server.count("Retrieve") <= 25


@pytest.mark.parametrize("text", ["", " ", "nobody", "+", "- -"])
def test_a_number_without_a_digit_is_nobodys(server: Server, crm: SarvConnector, text: str) -> None:
    server.answers = lambda verb, params: [{"module": "Leads", "id": ONE, "name": "Anybody"}]
    assert crm.find_by("phone", text) == [] and server.count("SearchByNumber") == 0
    assert [record.id for record in crm.find_by("phone", "۰۲۱")] == [ONE]


def test_a_field_that_only_a_later_record_shows_is_looked_up_and_then_left_alone(
    server: Server, crm: SarvConnector
) -> None:
    server.answers = lambda verb, params: (
        [{"id": OTHER}, {"id": ONE, "shown_by_nobody": "x"}] if not params["query"] else []
    )
    crm.describe("Leads")
    for _reading in range(2):
        list(crm.changes("Leads", None))
    assert server.count("GetModuleFields") == 2
    crm.modules()
    asked = server.count("GetModuleFields")
    list(crm.changes("Leads", None))
    assert server.count("GetModuleFields") == asked


def test_a_relation_that_shows_some_records_several_times_is_read_to_its_end(
    server: Server, crm: SarvConnector
) -> None:
    shown = [{"id": IDS[0]}, {"id": IDS[0]}, {"id": IDS[0]}, *({"id": id} for id in IDS[1:])]
    described = {"members": spec("members", "link", "Members", related_module="Leads")}

    def pages_of_two(verb: str, params: Params) -> Any:
        return shown[params["offset"] : params["offset"] + 2]

    server.answers, server.more = pages_of_two, described
    page = crm.related("Accounts", ONE, "Leads", Query(limit=300))
    assert sorted(record.id for record in page.records) == sorted(IDS)


def test_a_missing_record_is_still_a_missing_record(server: Server, crm: SarvConnector) -> None:
    gone = (404, {"status": 404, "code": 51, "message": "No records were found.", "data": []})
    answers: list[Any] = [[], gone]
    for told in answers:
        server.answers = partial(said, told)
        with pytest.raises(RecordNotFound):
            crm.get("Leads", ONE)


def test_a_password_is_not_shown(crm: SarvConnector) -> None:
    assert "Secret-1" not in repr(crm.client.account)
