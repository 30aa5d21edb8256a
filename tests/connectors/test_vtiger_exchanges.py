"""Every recorded exchange of an operation the client uses gives the recorded result, or the error that says what to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.context import Context, NetworkRules
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConnectorError,
    Duplicate,
    ProtocolError,
    QueryError,
    RecordConflict,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)
from connectors.vtiger.answers import SessionGone
from connectors.vtiger.client import CALLS, VtigerClient

FOLDER = Path(__file__).parent / "exchanges" / "vtiger"
ERRORS: dict[type[ConnectorError], str] = {
    AccessDenied: """create_elementtype_lowercase create_unknown_module create_via_get
        nonadmin_query_users private_sharing_delete_denied private_sharing_retrieve_denied private_sharing_revise_denied
        sync_from_1_Groups sync_from_1_LineItem sync_from_1_Nope""",
    AuthError: """extendsession_post_phpsessid getchallenge_no_user getchallenge_unknown_user getchallenge_via_post
        login_accesskey_lowercase_param login_inactive_user login_md5_uppercase login_plain_accesskey login_unknown_user
        login_via_get login_with_password_instead_of_accesskey login_wrong_key""",
    SessionGone: """extendsession_get extendsession_get_session listtypes_bad_session listtypes_bad_session_chars
        listtypes_no_session logout_again logout_no_session retrieve_session_name_as_simply_doc session_as_cookie_only
        session_file_gc use_after_logout""",
    Duplicate: "create_duplicate_unique_field revise_duplicate_unique_field",
    ProtocolError: "create_bad_owner_id",
    QueryError: """describe_lowercase describe_unknown query_alias query_brackets query_count_field query_deleted_field
        query_empty query_is_null query_join query_lowercase_module query_ltgt query_no_semicolon query_not_in query_not_like
        query_offset_kw query_order_desc_two query_quote_backslash query_quote_unescaped query_syntax_error
        query_syntax_error2 query_trailing_garbage query_unknown_field query_unknown_module query_unknown_where_field
        query_via_post query_via_post_real retrieve_related_bad_label""",
    RecordConflict: "convertlead_again",
    RecordInvalid: """create_bad_reference_garbage create_bad_reference_wrong_type create_empty_element
        create_empty_mandatory create_malformed_json create_missing_mandatory_lastname create_missing_owner
        create_no_element_json_array create_quote_no_lines create_task_missing create_ticket create_user
        revise_empty_mandatory update_malformed_json update_missing_id update_missing_mandatory update_via_get""",
    RecordNotFound: """delete_again delete_garbage delete_missing delete_no_id delete_via_get files_retrieve_no_file
        nonadmin_retrieve_user private_sharing_retrieve_missing retrieve_after_delete retrieve_event_as_calendar
        retrieve_garbage retrieve_id_variant_12X230 retrieve_missing_record retrieve_no_id retrieve_numeric_only
        retrieve_unknown_prefix retrieve_via_post retrieve_wrong_prefix retrieve_x0 revise_after_delete
        revise_missing_record update_after_delete update_missing_record""",
    Unavailable: """cf_dec_comma create_json_scalar db_down_getchallenge db_down_query format_xml invoice_update_full
        logout_stock_php8 query_dotted_ref query_double_quotes query_empty_string_value sync_all_modules
        sync_from_1_Emails sync_from_zero_contacts sync_groups sync_iso_string sync_missing_time sync_stock_php8
        sync_unknown sync_users""",
    Unsupported: "logout_via_get",
}
EXPECTED = {case: kind for kind, cases in ERRORS.items() for case in cases.split()}
NAMED = {  # the field a refusal names
    "create_missing_owner": "assigned_user_id",
    "create_quote_no_lines": "productid",
    "create_bad_reference_wrong_type": "account_id",
    "revise_empty_mandatory": "lastname",
}


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    case: str
    method: str
    params: dict[str, Any]
    status: int
    kind: str
    response: Any

    @property
    def operation(self) -> str:
        return str(self.params["operation"]).lower()

    @property
    def given(self) -> dict[str, Any]:
        return {k: v for k, v in self.params.items() if k not in ("operation", "sessionName", "session_name", "files")}

    @property
    def result(self) -> Any:
        """Return what was answered, also where PHP's warnings stood before it."""
        text = self.response if isinstance(self.response, str) else json.dumps(self.response)
        return json.loads(text[text.index('{"success"') :])["result"]

    @property
    def body(self) -> bytes:
        text = self.response if isinstance(self.response, str) else json.dumps(self.response)
        return text.encode()


def load(path: Path) -> Exchange | None:
    """Return the exchange in a file, None for summaries of several, answers recorded in part, and other operations."""
    told = json.loads(path.read_text())
    if not isinstance(told, dict) or "response" not in told or not told.get("url", "").endswith("/webservice.php"):
        return None
    params = told.get("params") or {}
    response = told["response"]
    if str(params.get("operation", "")).lower() not in CALLS or (
        isinstance(response, dict) and "_truncated" in response
    ):
        return None
    return Exchange(told["case"], told["method"], params, told["status"], told["response_kind"], response)


CASES = [exchange for path in sorted(FOLDER.glob("*.json")) if (exchange := load(path))]


@dataclass
class Replay:
    """A server that logs everybody in and answers one operation as recorded."""

    url: str = ""
    exchange: Exchange | None = None
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, method: str, params: dict[str, str]) -> tuple[int, bytes]:
        self.seen.append((method, params))
        operation = params["operation"]
        if self.exchange is not None and operation == self.exchange.operation:
            return self.exchange.status, self.exchange.body
        answers = {
            "getchallenge": {"token": "TOKEN", "serverTime": 1},
            "login": {"sessionName": "SECRET1", "userId": "19x1"},
        }
        return 200, json.dumps({"success": True, "result": answers[operation]}).encode()


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the server's `Replay`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    replay: Replay

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = body.decode() if self.command == "POST" else urlsplit(self.path).query
        status, answer = self.replay.answer(self.command, dict(parse_qsl(text, keep_blank_values=True)))
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = serve

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at what was asked, not at a log."""


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    Handler.replay = Replay()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    Handler.replay.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield Handler.replay
    server.shutdown()
    server.server_close()
    thread.join()


class Hasty:
    """A clock that does not wait."""

    def now(self) -> Any:
        raise AssertionError("the client asks nobody but the server for the time")

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture
def client(replay: Replay) -> Iterator[VtigerClient]:
    replay.exchange = None
    replay.seen.clear()
    rules = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),))
    client = VtigerClient("Vtiger", replay.url, "admin", "SECRETKEY", Context(network=rules, clock=Hasty()))
    yield client
    client.close()


def put_to(client: VtigerClient, exchange: Exchange) -> Any:
    """Ask what was asked then, in the client's own way."""
    if exchange.operation == "getchallenge":
        return client.getchallenge()
    if exchange.operation == "login":
        return client.login()
    return client.request(exchange.operation, exchange.given)


@pytest.mark.parametrize("exchange", CASES, ids=lambda exchange: exchange.case)
def test_a_recorded_exchange_gives_the_recorded_result_or_the_right_error(
    exchange: Exchange, client: VtigerClient, replay: Replay
) -> None:
    replay.exchange = exchange
    expected = EXPECTED.get(exchange.case)
    if expected is None:
        found = put_to(client, exchange)
        wanted = exchange.result
        if exchange.operation in ("login", "extendsession"):  # a session is kept, never handed on
            wanted = {name: value for name, value in wanted.items() if name != "sessionName"}
            found = {name: found[name] for name in wanted}
        assert found == wanted
    else:
        with pytest.raises(expected) as raised:
            put_to(client, exchange)
        assert type(raised.value) is expected
        assert "SECRET" not in str(raised.value) + raised.value.vendor_message
        if isinstance(raised.value, Unavailable | ProtocolError):
            assert raised.value.maybe_done is CALLS[exchange.operation].writes
        if isinstance(raised.value, RecordInvalid) and exchange.case in NAMED:
            assert list(raised.value.fields) == [NAMED[exchange.case]]
    assert_sent_where_it_is_read(replay, exchange)


def assert_sent_where_it_is_read(replay: Replay, exchange: Exchange) -> None:
    """The operation's own verb, the recorded parameters, and the session, unless it is about logging in (A5)."""
    method, params = next(seen for seen in replay.seen if seen[1]["operation"] == exchange.operation)
    assert method == CALLS[exchange.operation].method
    if exchange.operation in ("getchallenge", "login"):
        assert params["username"] == "admin" and "sessionName" not in params
    else:
        sent = {k: v for k, v in params.items() if k not in ("operation", "sessionName")}
        assert sent == {k: str(v) for k, v in exchange.given.items()}
        assert params["sessionName"] == "SECRET1"


def test_the_table_of_errors_names_exactly_the_recorded_refusals() -> None:
    refused = {c.case for c in CASES if c.kind != "json" or c.response.get("success") is not True}
    assert {case for case in refused if not case.startswith("display_errors")} == set(EXPECTED)
    assert len(CASES) > 250


@pytest.mark.parametrize("case", ["listtypes_bad_session", "session_file_gc", "listtypes_no_session"])
def test_a_forgotten_session_is_logged_in_again_exactly_once(case: str, client: VtigerClient, replay: Replay) -> None:
    replay.exchange = next(c for c in CASES if c.case == case)
    with pytest.raises(SessionGone):
        client.request(replay.exchange.operation, replay.exchange.given)
    asked = [params["operation"] for _, params in replay.seen]
    assert asked.count("login") == 2
    assert asked.count(replay.exchange.operation) == 2


@pytest.mark.parametrize(
    ("case", "logins"), [("login_wrong_key", 2), ("login_unknown_user", 2), ("getchallenge_unknown_user", 0)]
)
def test_a_refused_login_is_tried_again_only_for_the_race(
    case: str, logins: int, client: VtigerClient, replay: Replay
) -> None:
    replay.exchange = next(c for c in CASES if c.case == case)
    with pytest.raises(AuthError):
        client.login()
    assert [params["operation"] for _, params in replay.seen].count("login") == logins


def test_the_proof_at_login_is_the_lower_case_md5_of_challenge_and_key(client: VtigerClient, replay: Replay) -> None:
    client.login()
    assert replay.seen[-1][1]["accessKey"] == "e3d9186899a2512d1705e4e615a0a776"
