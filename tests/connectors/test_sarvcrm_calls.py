"""Each call of SarvCRM as its document writes it, against a server that answers with the document's own samples and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
import pytest

from connectors.base import find_operation
from connectors.context import Context
from connectors.errors import ProtocolError, QueryError
from connectors.sarvcrm.account import md5
from connectors.sarvcrm.connector import SarvConnector
from tests.connectors.sarvcrm_account import RULES
from tests.connectors.sarvcrm_samples import BUNDLED, ELLIE, FIELDS, FOUND, JOEL, LEAD, ONE, OTHER, SAMPLES

FORM = "application/x-www-form-urlencoded"


class Handler(BaseHTTPRequestHandler):
    """Answers with the document's samples and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        told = SAMPLES[self.command, query["method"], "id" in query]
        form = self.headers.get("Content-Type") == FORM
        body = dict(parse_qsl(raw.decode())) if form else orjson.loads(raw) if raw else None
        self.server.seen.append((self.command, parts.path, query, body, dict(self.headers)))
        answer = orjson.dumps(told)
        self.send_response(told["status"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], Any, dict[str, str]]] = []

    def connector(self, **changes: str) -> SarvConnector:
        url = f"http://127.0.0.1:{self.server_port}/API.php"
        given = {"url": url, "utype": "firm", "username": "joel", "password": "Secret-1", **changes}
        return SarvConnector(given, given, Context(network=RULES))


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


LIST = {
    "query": f'id = "{ONE}"',
    "order_by": "date_entered",
    "selected_fields": "id\nname",
    "limit": "25",
    "offset": "0",
}
LISTED = {
    "query": f"accounts.id IN ('{ONE}')",
    "order_by": "accounts.date_entered ASC, accounts.id ASC",
    "selected_fields": ["id", "name"],
    "select_fields": ["id", "name"],
    "limit": 25,
    "offset": 0,
}  # fmt: skip
NO_ID = {"method": "Retrieve", "module": "Accounts"}


@pytest.mark.parametrize(
    ("operation", "params", "verb", "query", "body", "answer"),
    [
        ("create", {"module": "Leads", "values": LEAD}, "POST", {"method": "Save", "module": "Leads"}, LEAD, {"id": ONE}),
        ("list", {"module": "Accounts", **LIST}, "POST", NO_ID, LISTED, [ELLIE, JOEL]),
        ("list", {"module": "Accounts"}, "POST", NO_ID, {"query": "", "order_by": "accounts.id ASC", "limit": 25, "offset": 0}, [ELLIE, JOEL]),
        ("get", {"module": "Accounts", "id": ONE}, "GET", {**NO_ID, "id": ONE}, None, {**ELLIE, "type": "Individual"}),
        ("update", {"module": "Leads", "id": ONE, "values": LEAD}, "PUT", {"method": "Save", "module": "Leads", "id": ONE}, LEAD, {"id": ONE}),
        ("delete", {"module": "Leads", "id": ONE}, "DELETE", {"method": "Save", "module": "Leads", "id": ONE}, None, {}),
        ("get_module_fields", {"module": "Accounts"}, "GET", {"method": "GetModuleFields", "module": "Accounts"}, None, FIELDS),
        (
            "get_relationship", {"module": "Accounts", "id": ONE, "related_field": "members", **LIST}, "POST",
            {"method": "GetRelationship", "module": "Accounts", "id": ONE, "related_field": "members"}, LISTED, [ELLIE, JOEL],
        ),
        (
            "search_by_number", {"number": "09121111234", "module": "Accounts"}, "GET",
            {"method": "SearchByNumber", "number": "09121111234", "module": "Accounts"}, None, [FOUND],
        ),
        ("search_by_number", {"number": "0912"}, "GET", {"method": "SearchByNumber", "number": "0912"}, None, [FOUND]),
        (
            "save_relationships",
            {"module": "Product_Bundle", "id": ONE, "field_name": "products", "related_records": [OTHER, BUNDLED]}, "POST",
            {"method": "SaveRelationships", "module": "Product_Bundle", "id": ONE},
            {"field_name": "products", "related_records": [OTHER, BUNDLED]}, {},
        ),
    ],
)  # fmt: skip
def test_a_call_is_sent_as_the_document_writes_it_and_its_sample_is_read(
    server: Server, operation: str, params: dict[str, Any], verb: str, query: dict[str, str], body: Any, answer: Any
) -> None:
    crm = server.connector()
    assert crm.call(operation, params) == answer
    sent_verb, path, sent_query, sent_body, headers = server.seen[-1]
    assert (sent_verb, path, sent_query, sent_body) == (verb, "/API.php", query, body)
    assert headers["Authorization"] == "Bearer TOKEN_STRING"
    assert (headers.get("Content-Type") == "application/json") is (body is not None)
    assert [seen[2]["method"] for seen in server.seen].count("Login") == 1
    crm.close()


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {"language": "fa_IR"}),
        ({"language": "en_US"}, {"language": "en_US"}),
        ({"portal_user": "yes"}, {"language": "fa_IR", "login_type": "portal"}),
    ],
)
def test_a_login_is_sent_as_the_document_writes_it(
    server: Server, changes: dict[str, str], more: dict[str, str]
) -> None:
    crm = server.connector(**changes)
    assert crm.call("login", {}) == {}
    crm.close()
    (verb, path, query, body, headers) = server.seen[0]
    assert (verb, path, query) == ("POST", "/API.php", {"method": "Login"})
    assert body == {"utype": "firm", "user_name": "joel", "username": "joel", "password": md5("Secret-1"), **more}
    assert (headers["Content-Type"], headers.get("Authorization")) == (FORM, None)


def test_an_update_that_answers_with_another_records_id_is_not_told_as_done(server: Server) -> None:
    crm = server.connector()
    crm.update("Leads", ONE, {"status": "Expired"})
    with pytest.raises(ProtocolError, match="another record") as caught:
        crm.update("Leads", OTHER, {"status": "Expired"})
    assert caught.value.maybe_done
    crm.close()


MODULE, ID = {"module": True}, {"module": True, "id": True}
PAGED = {"query": False, "order_by": False, "selected_fields": False, "limit": False, "offset": False}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("login", {}),
        ("create", {**MODULE, "values": True}),
        ("list", {**MODULE, **PAGED}),
        ("get", ID),
        ("update", {**ID, "values": True}),
        ("delete", ID),
        ("get_module_fields", MODULE),
        ("get_relationship", {**ID, "related_field": True, **PAGED}),
        ("search_by_number", {"number": True, "module": False}),
        ("save_relationships", {**ID, "field_name": True, "related_records": True}),
    ],
)
def test_every_documented_parameter_can_be_given_and_is_required_where_it_is(
    server: Server, operation: str, parameters: dict[str, bool]
) -> None:
    crm = server.connector()
    declared = find_operation(crm, operation)
    assert {own.name: own.required for own in declared.parameters} == parameters
    needed = [name for name, required in parameters.items() if required]
    if needed:
        with pytest.raises(QueryError) as caught:
            crm.call(operation, {})
        assert all(name in str(caught.value) for name in needed) and not server.seen
    crm.close()
