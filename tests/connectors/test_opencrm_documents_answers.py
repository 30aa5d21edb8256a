"""What OpenCRM's document says of answers, as a server we make up spells them: errors with status 200, ids of three names, names
that conditions do not know."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.context import Context
from connectors.errors import AccessDenied, AuthError, ConnectorError, ProtocolError, QueryError, RateLimited
from connectors.opencrm.connector import OpenCrmConnector
from connectors.query import Query, parse
from tests.connectors.opencrm_account import RULES


@pytest.fixture
def saying() -> Iterator[Callable[..., OpenCrmConnector]]:
    """Give a connector to a server that answers each call with a text, or with what a function makes of the parameters."""
    opened: list[Callable[[], None]] = []

    def open_server(answer: str | Callable[[dict[str, str]], str], **settings: str) -> OpenCrmConnector:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                body = (answer if isinstance(answer, str) else answer(sent)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        given = {"url": f"http://127.0.0.1:{server.server_address[1]}", "key": "k1", "passkey": "k2", **settings}
        crm = OpenCrmConnector(given, given, Context(network=RULES))
        opened.extend((crm.close, server.shutdown, server.server_close))
        return crm

    yield open_server
    for close in opened:
        close()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ('{"error":"Invalid User Details - AUTHENTICATION FAILED"}', AuthError),
        ("Invalid User Details - AUTHENTICATION FAILED", AuthError),
        ('{"error":"Unauthorized"}', AuthError),
        ('"Unauthorized"', AuthError),
        ('{"error":"Access denied from this IP address"}', AccessDenied),
        ('{"error":"Too many requests"}', RateLimited),
        ('{"error":"Unknown column"}', QueryError),
        ('{"error":""}', QueryError),
    ],
)
def test_an_error_with_status_200_is_an_error(
    saying: Callable[[Any], OpenCrmConnector], said: str, error: type[ConnectorError]
) -> None:
    crm = saying(said)
    for deed in (
        lambda: crm.call("get_contact_list_count", {}),
        lambda: crm.call("get_contact", {"crmid": "5"}),
        lambda: crm.owners(),
    ):
        with pytest.raises(error):
            deed()


@pytest.mark.parametrize("name", ["id", "crmid", "record_id"])
@pytest.mark.parametrize("kind", [int, str])
def test_a_row_is_known_by_any_of_its_three_ids(
    saying: Callable[[Any], OpenCrmConnector], name: str, kind: type[int] | type[str]
) -> None:
    rows = [{name: kind(n), "lastname": f"Number {n}"} for n in (7, 8)]

    def listed(sent: dict[str, str]) -> str:
        return json.dumps(rows[int(sent["limit_start"]) : int(sent["limit_end"])])

    found = saying(listed).read("contact", Query(limit=10)).records
    assert [(record.id, record.values["lastname"]) for record in found] == [("7", "Number 7"), ("8", "Number 8")]


@pytest.mark.parametrize("meant", ["everything", "nothing"])
def test_a_name_the_server_does_not_know_in_conditions_hides_no_record(
    saying: Callable[[Any], OpenCrmConnector], meant: str
) -> None:
    rows = [{"id": n, "lastname": name} for n, name in ((7, "North"), (8, "South"))]

    def listed(sent: dict[str, str]) -> str:
        known = rows if meant == "everything" or not sent.get("query_string") else []
        return json.dumps(known[int(sent["limit_start"]) : int(sent["limit_end"])])

    crm = saying(listed)
    query = Query(parse("lastname = North", crm.describe("contact")), limit=10)
    for _ in range(2):
        assert [record.id for record in crm.read("contact", query).records] == ["7"]
    assert crm.explain("contact", query).pushed == "get_contact_list_full"


@pytest.mark.parametrize(
    "said",
    ["", "null", "[]", "{}", "true", "12", '"7"', '{"lastname": "Ito"}', '{"id": "8"}', '[[], {"products": []}]'],
)
def test_an_odd_answer_is_no_record_and_no_missing_one(saying: Callable[[Any], OpenCrmConnector], said: str) -> None:
    """Taken for a missing one, a sweep would believe it deleted; taken for one, a link would be made to nothing."""
    crm = saying(said)
    crm.context.learned.set("fields of contact", ["lastname"])  # so that nothing but the record is asked for
    with pytest.raises(ProtocolError):
        crm.get("contact", "7")
    with pytest.raises(ProtocolError):
        crm.link("company", "7", "contact", "7")


def test_an_owner_is_known_by_the_same_id_as_a_record(saying: Callable[[Any], OpenCrmConnector]) -> None:
    crm = saying('[{"id": "3", "crmid": "7", "user_name": "ito"}, {"crmid": "0", "id": 8, "user_name": "jun"}]')
    assert [owner.id for owner in crm.owners()] == ["7", "8"]


def test_an_error_in_an_object_is_no_record_and_no_field(saying: Callable[[Any], OpenCrmConnector]) -> None:
    crm = saying('{"error": {"message": "Unauthorized"}}')
    crm.context.learned.set("fields of contact", ["lastname"])
    with pytest.raises(AuthError):
        crm.get("contact", "7")
    crm = saying('[{"id": "7", "lastname": "Ito", "error": ""}]')
    assert {"lastname"} <= {field.name for field in crm.describe("contact").fields}
    assert "error" not in {field.name for field in crm.describe("contact").fields}


def test_a_link_answered_with_another_id_may_have_been_made(saying: Callable[[Any], OpenCrmConnector]) -> None:
    crm = saying(lambda sent: "9" if "parent_id" in sent else json.dumps({"record_id": sent["crmid"]}))
    with pytest.raises(ProtocolError) as caught:
        crm.link("company", "7", "contact", "8")
    assert caught.value.maybe_done


@pytest.mark.parametrize(
    ("settings", "module", "values"),
    [
        ({"auth": "login"}, "contact", {"lastname": "Ito"}),
        ({"code": "111111"}, "company", {"accountname": "Acme"}),
        ({}, "ticket", {"title": "Printer"}),
    ],
)
@pytest.mark.parametrize(
    "said",
    ["21707\nMailer: authentication failed", "Unauthorized\n21707", "Saved 21707. Workflow function x not found"],
)
def test_a_write_beside_whose_id_a_refusal_stands_is_sent_once(
    saying: Callable[..., OpenCrmConnector], settings: dict[str, str], module: str, values: dict[str, str], said: str
) -> None:
    written: list[dict[str, str]] = []

    def answered(sent: dict[str, str]) -> str:
        if "limit_start" in sent:
            return "[]"
        if "crmid" not in sent:
            return '"12345tfgyhuj"'
        written.append(sent)
        return said

    with pytest.raises(ProtocolError) as caught:
        saying(answered, **settings).create(module, {"assigned_user_id": "1", **values})
    assert caught.value.maybe_done and len(written) == 1
