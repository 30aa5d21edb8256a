"""Servers that do not do what Really Simple Systems documents: nothing is lost, and what cannot be understood is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import connect
from connectors.base import Connector
from connectors.context import Context
from connectors.errors import AuthError, ProtocolError, RecordNotFound
from connectors.query import Query
from tests.connectors.contract import CountingObserver
from tests.connectors.reallysimple_account import RULES

Params = dict[str, str]
Answers = Callable[[str, Params], Any]
ROWS = [{"id": n, "last": f"Person {n}", "modifieddate": f"2026-01-01 00:{n % 60:02}:00"} for n in range(1, 251)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answers: Answers

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        told = self.answers(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        status, body = told if isinstance(told, tuple) else (200, told)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def serve() -> Iterator[Callable[[Answers], Connector]]:
    """Return a function that serves the answers and returns a connector to them."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread, Connector]] = []

    def start(answers: Answers, observer: CountingObserver | None = None) -> Connector:
        handler = type("Odd", (Handler,), {"answers": staticmethod(answers)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        settings = {"url": f"http://127.0.0.1:{server.server_port}"}
        context = Context(network=RULES, observer=observer or CountingObserver())
        crm = connect("reallysimple", settings, {"access_token": "a.b.c"}, context)
        running.append((server, thread, crm))
        return crm

    yield start
    for server, thread, crm in running:
        crm.close()
        server.shutdown()
        thread.join()
        server.server_close()


def page(rows: list[dict[str, Any]], params: Params, **metadata: Any) -> Any:
    """Return the page of these rows that is asked for."""
    limit, number = int(params.get("limit", 10)), int(params.get("page", 1))
    found = rows[(number - 1) * limit : number * limit]
    return {"metadata": {"object_type": "list", **metadata}, "list": [{"record": row} for row in found]}


def deaf(path: str, params: Params) -> Any:
    """A server that ignores `q` and `order`."""
    if path.startswith("/datadictionary"):
        return [{"name": name} for name in ROWS[0]]
    return page(ROWS, params, total_count=len(ROWS))


def test_a_server_deaf_to_filters_is_read_whole_each_time(serve: Callable[..., Connector]) -> None:
    crm = serve(deaf)
    pages = list(crm.changes("contacts", None))
    assert [change.id for p in pages for change in p.changes] == [str(row["id"]) for row in ROWS]
    for _ in range(2):
        pages = list(crm.changes("contacts", pages[-1].cursor))
        assert {change.id for p in pages for change in p.changes} == {str(row["id"]) for row in ROWS}


def test_a_server_that_refuses_to_be_asked_by_time_is_read_whole_each_time(serve: Callable[..., Connector]) -> None:
    def answers(path: str, params: Params) -> Any:
        refused = "modifieddate" in params.get("order", "") + params.get("q", "") and refusing
        return (400, {"message": "Invalid field (modifieddate)"}) if refused else deaf(path, params)

    refusing = False
    crm = serve(answers)
    cursor = list(crm.changes("contacts", None))[-1].cursor
    refusing = True
    for _ in range(2):
        pages = list(crm.changes("contacts", cursor))
        assert len({change.id for p in pages for change in p.changes}) == len(ROWS)
        cursor = pages[-1].cursor
    assert len(list(serve(answers).changes("contacts", None))) == 4


def test_many_records_are_asked_one_by_one_of_a_server_deaf_to_filters(serve: Callable[..., Connector]) -> None:
    def answers(path: str, params: Params) -> Any:
        id = path.rpartition("/")[2]
        return {"record": ROWS[int(id) - 1]} if id.isdecimal() else deaf(path, params)

    assert {record.id for record in serve(answers).get_many("contacts", ["7", "222"])} == {"7", "222"}


def test_a_server_that_sends_the_same_page_for_ever_is_not_followed_for_ever(serve: Callable[..., Connector]) -> None:
    def answers(path: str, params: Params) -> Any:
        return deaf(path, {"limit": "100"}) if not path.startswith("/data") else deaf(path, params)

    with pytest.raises(ProtocolError, match="same page"):
        list(serve(answers).ids("contacts"))


def test_a_list_out_of_order_is_not_taken_for_complete(serve: Callable[..., Connector]) -> None:
    def answers(path: str, params: Params) -> Any:
        return deaf(path, params) if path.startswith("/data") else page(ROWS[::-1], params, total_count=len(ROWS))

    with pytest.raises(ProtocolError, match="order of ids"):
        list(serve(answers).changes("contacts", None))


def test_a_server_that_tells_no_total_is_read_by_id(serve: Callable[..., Connector]) -> None:
    def answers(path: str, params: Params) -> Any:
        if path.startswith("/datadictionary"):
            return [{"name": "last"}]
        q = json.loads(params.get("q", "{}"))
        rows = [row for row in ROWS if row["id"] > q.get("id", {}).get("$gt", 0)]
        return page(rows, params)

    crm = serve(answers)
    assert [id for ids in crm.ids("contacts") for id in ids][-250:] == [str(row["id"]) for row in ROWS]
    assert crm.count("contacts", Query()) is None


@pytest.mark.parametrize("nothing", [b"", b"{}", b"null", b"[]", b'{"record": null}'])
def test_nothing_for_a_record_is_believed_when_the_list_agrees(serve: Callable[..., Connector], nothing: bytes) -> None:
    def answers(path: str, params: Params) -> Any:
        if path == "/contacts/7":
            return nothing
        if path.startswith("/datadictionary"):
            return [{"name": "last"}]
        wanted = json.loads(params["q"])["id"]
        return page([row for row in ROWS if row["id"] == wanted and there], params, total_count=int(there))

    there = False
    with pytest.raises(RecordNotFound):
        serve(answers).get("contacts", "7")
    there = True
    assert serve(answers).get("contacts", "7").values["last"] == "Person 7"


def test_without_a_dictionary_the_fields_are_those_of_a_record(serve: Callable[..., Connector]) -> None:
    def answers(path: str, params: Params) -> Any:
        return (404, b"") if path.startswith("/datadictionary") else page(ROWS, params, total_count=250)

    assert serve(answers).describe("contacts").names == ("id", "last", "modifieddate")


def test_fields_nobody_describes_are_passed_over_and_asked_about_once(serve: Callable[..., Connector]) -> None:
    observer = CountingObserver()

    def answers(path: str, params: Params) -> Any:
        return [{"name": "last"}] if path.startswith("/datadictionary") else page(ROWS, params, total_count=250)

    crm = serve(answers, observer)
    for _ in range(3):
        records = crm.read("contacts", Query()).records
        assert set(records[0].values) == {"id", "last"}
    assert [call.operation for call in observer.calls].count("datadictionary") == 1


@pytest.mark.parametrize(
    "body", [b"<html>hello", b'{"list": [1]}', b'{"list": [{"record": {"name": "no id"}}]}', b'"text"', b'{"a": 1}']
)
def test_an_answer_that_is_no_list_of_records_is_a_protocol_error(serve: Callable[..., Connector], body: bytes) -> None:
    def answers(path: str, params: Params) -> Any:
        return [{"name": "last"}] if path.startswith("/datadictionary") else body

    with pytest.raises(ProtocolError):
        serve(answers).read("contacts", Query())


def test_a_login_page_is_a_matter_of_the_token(serve: Callable[..., Connector]) -> None:
    with pytest.raises(AuthError):
        serve(lambda path, params: (301, b"<html>Redirecting to login")).check()
