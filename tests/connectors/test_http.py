"""The way out, against a small server of this file that misbehaves on request."""

from __future__ import annotations

import gzip
import itertools
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.context import Call, Context, NetworkRules, Outcome
from connectors.errors import (
    BudgetSpent,
    ConfigError,
    ConnectorError,
    HostRefused,
    ProtocolError,
    RateLimited,
    RetryLater,
    Unavailable,
)
from connectors.http import Http
from tests.connectors.quick_clock import QuickClock

READ = Call("list", "GET", safe=True)
WRITE = Call("create", "POST", safe=False, writes=True)
HERE = (ip_network("127.0.0.0/8"),)
SECRET = "marker-s3cret"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = {"path": self.path, "headers": dict(self.headers), "body": body, "method": self.command}
        self.server.seen.append(seen)
        getattr(self, "do_" + urlsplit(self.path).path.strip("/").replace("/", "_"))()

    do_POST = do_GET

    def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_ok(self) -> None:
        self.answer(body=b'{"ok": true}')

    def do_base_list(self) -> None:
        self.answer()

    def do_flaky(self) -> None:
        self.answer(503 if len(self.server.seen) < 3 else 200)

    def do_busy(self) -> None:
        self.answer(503)

    def do_slowdown(self) -> None:
        self.answer(429, Retry_After=parse_qs(urlsplit(self.path).query)["after"][0])

    def do_moved(self) -> None:
        self.answer(301, Location="/ok")

    def do_gzip(self) -> None:
        self.answer(body=gzip.compress(b'{"packed": true}'), Content_Encoding="gzip")

    def do_bomb(self) -> None:
        self.answer(body=gzip.compress(bytes(8 * 2**20)), Content_Encoding="gzip")

    def do_large(self) -> None:
        self.answer(body=bytes(2 * 2**20))

    def do_page(self) -> None:
        self.answer(body=b"<!DOCTYPE html><p>hello")

    def do_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b'{"half": ')
        self.close_connection = True

    def do_early(self) -> None:
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        self.wfile.flush()
        time.sleep(0.1)
        self.answer(body=b'{"early": true}')

    def do_badheaders(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\n\r\n{}")

    def do_gone(self) -> None:
        self.close_connection = True

    def do_silent(self) -> None:
        self.server.released.wait(5)

    def do_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.server.released.wait(0.05):
            try:
                self.wfile.write(b"x")
            except OSError:
                break
        self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, Any]] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.released.set()
    one.shutdown()
    thread.join()
    one.server_close()


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.outcomes: list[Outcome] = []

    def before(self, call: Call) -> None:
        self.calls.append(call)

    def after(self, call: Call, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def http(server: Server, told: Told, clock: QuickClock) -> Iterator[Http]:
    rules = NetworkRules(allowed_networks=HERE, max_response=2**20)
    one = Http(Context(observer=told, clock=clock, network=rules), server.url, headers={"Authorization": SECRET})
    yield one
    one.close()


@pytest.fixture
def slow_reader() -> Iterator[str]:
    """A server that answers at once and reads a large body only after six seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    length = 0
                    while (header := stream.readline()).strip():
                        name, _, value = header.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    if line.startswith(b"POST"):
                        time.sleep(6)
                    stream.read(length)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def hurried(server: Server, deadline: float) -> Http:
    return Http(Context(network=NetworkRules(allowed_networks=HERE, deadline=deadline)), server.url)


def test_an_answer_carries_status_headers_and_json(http: Http) -> None:
    answer = http.send(READ, "ok")
    assert (answer.status, answer.headers["content-LENGTH"], answer.json()) == (200, "12", {"ok": True})


def test_a_path_is_put_below_the_base_and_parameters_are_encoded(server: Server) -> None:
    http = Http(Context(network=NetworkRules(allowed_networks=HERE)), f"{server.url}/base/")
    http.send(READ, "list", params={"q": '{"name": "Ä & b"}', "page": 2})
    assert parse_qs(urlsplit(server.seen[0]["path"]).query) == {"q": ['{"name": "Ä & b"}'], "page": ["2"]}
    assert server.seen[0]["path"].startswith("/base/list?")


def test_the_user_agent_is_ours_and_names_no_library(http: Http, server: Server) -> None:
    http.send(READ, "ok")
    agent = server.seen[0]["headers"]["User-Agent"]
    assert agent.startswith("CRM-Portal")
    assert not {"python", "curl", "urllib3", "requests"} & set(agent.lower().replace("/", " ").split())


@pytest.mark.parametrize(
    ("given", "kind", "body"),
    [
        ({"json": {"name": "Ä"}}, "application/json", '{"name":"Ä"}'.encode()),
        ({"data": {"a": "1 2"}}, "application/x-www-form-urlencoded", b"a=1+2"),
        ({"data": b"raw"}, None, b"raw"),
    ],
)
def test_a_body_is_sent_with_its_content_type(http: Http, server: Server, given: Any, kind: str, body: bytes) -> None:
    http.send(WRITE, "ok", **given)
    assert server.seen[0]["headers"].get("Content-Type") == kind
    assert server.seen[0]["body"] == body


def test_files_are_sent_as_multipart_beside_plain_fields(http: Http, server: Server) -> None:
    http.send(WRITE, "ok", data={"id": 7}, files={"file": ("a.txt", b"content", "text/plain")})
    assert server.seen[0]["headers"]["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="id"\r\n\r\n7' in server.seen[0]["body"]
    assert b'filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ncontent' in server.seen[0]["body"]


def test_a_packed_answer_is_unpacked_and_the_wire_bytes_are_counted(http: Http, told: Told) -> None:
    assert http.send(READ, "gzip").json() == {"packed": True}
    assert told.outcomes[0].received_bytes == len(gzip.compress(b'{"packed": true}'))


def test_a_safe_call_is_repeated_until_the_server_recovers_and_each_try_is_told(
    http: Http, told: Told, clock: QuickClock
) -> None:
    assert http.send(READ, "flaky").status == 200
    assert [outcome.status for outcome in told.outcomes] == [503, 503, 200]
    assert len(told.calls) == 3
    assert 0 < clock.slept[0] < clock.slept[1]


def test_a_safe_call_gives_up_after_three_tries(http: Http, server: Server) -> None:
    with pytest.raises(Unavailable) as caught:
        http.send(READ, "busy")
    assert (len(server.seen), caught.value.code, caught.value.maybe_done) == (3, "503", False)


def test_an_unsafe_call_is_sent_once_and_its_503_is_handed_back(http: Http, server: Server) -> None:
    assert http.send(WRITE, "busy").status == 503
    assert len(server.seen) == 1


def test_a_short_retry_after_is_waited_for(http: Http, clock: QuickClock) -> None:
    with pytest.raises(RateLimited):
        http.send(READ, "slowdown", params={"after": "2"})
    assert clock.slept == [2, 2]


@pytest.mark.parametrize("call", [READ, WRITE])
def test_a_long_retry_after_postpones(http: Http, server: Server, call: Call) -> None:
    with pytest.raises(RateLimited) as caught:
        http.send(call, "slowdown", params={"after": "60"})
    assert caught.value.retry_after == 60
    assert len(server.seen) == 1


def test_a_retry_after_given_as_a_date_is_understood(http: Http) -> None:
    with pytest.raises(RateLimited) as caught:
        http.send(READ, "slowdown", params={"after": "Fri, 01 Jan 2100 00:00:00 GMT"})
    assert caught.value.retry_after is not None and caught.value.retry_after > 3600


def test_an_unreadable_retry_after_counts_as_none(http: Http) -> None:
    with pytest.raises(RateLimited) as caught:
        http.send(READ, "slowdown", params={"after": "soon"})
    assert caught.value.retry_after is None


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(server: Server) -> None:
    began = time.monotonic()
    with pytest.raises(RateLimited):
        hurried(server, deadline=1).send(READ, "slowdown", params={"after": "3"})
    assert time.monotonic() - began < 1
    assert len(server.seen) == 1


def test_a_redirect_is_handed_back_and_not_followed(http: Http, server: Server) -> None:
    assert http.send(READ, "moved").status == 301
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["large", "bomb"])
def test_an_answer_beyond_the_limit_is_refused_packed_or_not(http: Http, path: str) -> None:
    with pytest.raises(ProtocolError, match="larger than 1 MB"):
        http.send(READ, path)


def test_after_a_refused_answer_the_next_one_is_read_whole(http: Http) -> None:
    with pytest.raises(ProtocolError):
        http.send(READ, "large")
    assert http.send(READ, "ok").json() == {"ok": True}


def test_an_answer_that_is_no_json_says_what_came_instead(http: Http) -> None:
    with pytest.raises(ProtocolError, match="sent a web page instead of JSON .HTTP status 200"):
        http.send(READ, "page").json()


def test_an_unreadable_answer_to_a_write_may_have_been_done(http: Http) -> None:
    with pytest.raises(ProtocolError) as caught:
        http.send(WRITE, "page").json()
    assert caught.value.maybe_done


@pytest.mark.parametrize("path", ["cut", "gone"])
def test_a_write_whose_answer_breaks_off_may_have_been_done(http: Http, server: Server, path: str) -> None:
    with pytest.raises(Unavailable) as caught:
        http.send(WRITE, path)
    assert caught.value.maybe_done
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["cut", "gone"])
def test_a_read_whose_answer_breaks_off_is_repeated(http: Http, server: Server, path: str) -> None:
    with pytest.raises(Unavailable) as caught:
        http.send(READ, path)
    assert (len(server.seen), caught.value.maybe_done) == (3, False)


@pytest.mark.parametrize("path", ["silent", "drip"])
def test_a_slow_answer_ends_with_the_deadline_however_it_is_slow(server: Server, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        hurried(server, deadline=0.4).send(WRITE, path)
    assert 0.3 < time.monotonic() - began < 1.5
    assert caught.value.maybe_done


def test_a_write_to_a_server_that_refuses_connections_was_not_done(server: Server, told: Told) -> None:
    context = Context(network=NetworkRules(allowed_networks=HERE), observer=told)
    with pytest.raises(Unavailable, match="refuses connections") as caught:
        Http(context, "http://127.0.0.1:1").send(WRITE)
    assert not caught.value.maybe_done
    assert told.outcomes[0].error == "Unavailable"


def test_a_write_to_a_name_that_does_not_exist_was_not_done() -> None:
    with pytest.raises(Unavailable, match="nowhere.invalid is not known") as caught:
        Http(Context(), "https://nowhere.invalid").send(WRITE)
    assert not caught.value.maybe_done


def test_the_observer_may_forbid_a_request(server: Server) -> None:
    class Strict(Told):
        def before(self, call: Call) -> None:
            raise BudgetSpent("spent", retry_after=30)

    observer = Strict()
    http = Http(Context(observer=observer, network=NetworkRules(allowed_networks=HERE)), server.url)
    with pytest.raises(BudgetSpent):
        http.send(READ, "ok")
    assert not server.seen
    assert not observer.outcomes


def test_the_observer_is_told_status_time_and_bytes(http: Http, told: Told) -> None:
    http.send(WRITE, "ok", json={"a": 1})
    outcome = told.outcomes[0]
    assert (outcome.status, outcome.sent_bytes, outcome.received_bytes, outcome.error) == (200, 7, 12, "")
    assert 0 < outcome.ms < 5000
    assert told.calls == [WRITE]


def test_eight_threads_share_the_pool_and_each_gets_its_own_answer(http: Http, server: Server) -> None:
    failed: list[str] = []

    def ask() -> None:
        for path, count in itertools.product(("ok", "gzip"), range(10)):
            if http.send(READ, path).json() != ({"ok": True} if path == "ok" else {"packed": True}):
                failed.append(f"{path} {count}")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(server.seen) == 160


def test_a_closed_way_out_opens_again(http: Http) -> None:
    http.send(READ, "ok")
    http.close()
    assert http.send(READ, "ok").status == 200


def test_an_answer_that_points_to_another_host_is_not_followed(http: Http, server: Server) -> None:
    with pytest.raises(HostRefused):
        http.send(READ, "http://evil.example/ok")
    assert http.send(READ, f"{server.url}/ok").status == 200


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example",
        "crm.example",
        "https://",
        "https://me:pw@crm.example",
        "https://crm.example/?a=1",
        "https://[x",
    ],
)
def test_an_address_that_cannot_be_right_is_refused_before_any_request(url: str) -> None:
    with pytest.raises(ConfigError):
        Http(Context(), url)


@pytest.mark.parametrize("secret", ["line\nbreak " + SECRET, "“" + SECRET + "”"])
def test_a_secret_that_no_header_can_carry_is_refused_without_quoting_it(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Http(Context(), "https://crm.example", headers={"Authorization": secret})
    assert SECRET not in repr(caught.value)


@pytest.mark.parametrize("path", ["busy", "cut", "gone", "large", "page"])
def test_no_secret_is_in_errors_logs_or_what_the_observer_sees(
    http: Http, told: Told, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConnectorError) as caught:
        http.send(READ, path, params={"session": SECRET}).json()
    errors: list[BaseException | None] = [caught.value, caught.value.__cause__, caught.value.__context__]
    seen = f"{errors!r} {[str(e) for e in errors]} {told.calls} {told.outcomes} {caplog.text} {http!r}"
    assert SECRET not in seen


def test_waiting_for_the_observer_counts_into_the_deadline(server: Server) -> None:
    class Slow(Told):
        def before(self, call: Call) -> None:
            time.sleep(0.15)

    rules = NetworkRules(allowed_networks=HERE, deadline=0.1)
    with pytest.raises(RetryLater, match="no time left"):
        Http(Context(observer=Slow(), network=rules), server.url).send(WRITE, "ok")
    assert not server.seen


def test_one_thread_has_several_requests_under_way_and_reads_them_in_any_order(http: Http, told: Told) -> None:
    ok, packed = http.begin(READ, "ok"), http.begin(READ, "gzip")
    assert packed.result().json() == {"packed": True} and ok.result().json() == {"ok": True}
    assert len(told.calls) == len(told.outcomes) == 2


def test_a_request_that_failed_on_its_way_is_repeated_when_its_answer_is_wanted(http: Http, server: Server) -> None:
    busy, flaky = http.begin(READ, "ok"), http.begin(READ, "flaky")
    assert flaky.result().status == busy.result().status == 200
    assert [seen["path"] for seen in server.seen].count("/flaky") == 2


def test_an_answer_nobody_wants_any_more_is_told_once_and_never_read_as_another(http: Http, told: Told) -> None:
    dropped = http.begin(READ, "gzip")
    dropped.close()
    dropped.close()
    assert [outcome.error for outcome in told.outcomes] == ["Dropped"]
    assert http.send(READ, "ok").json() == {"ok": True}


def test_time_the_caller_spends_elsewhere_is_not_the_servers(server: Server) -> None:
    http = hurried(server, 0.4)
    waiting = http.begin(READ, "ok")
    time.sleep(0.6)
    assert waiting.result().status == 200
    http.close()


def test_an_answer_before_the_answer_is_not_understood_and_what_follows_is_nobody_elses(http: Http) -> None:
    with pytest.raises(ProtocolError, match="103") as caught:
        http.send(WRITE, "early")
    assert caught.value.maybe_done
    time.sleep(0.2)
    assert http.send(READ, "ok").json() == {"ok": True}


def test_no_logger_of_the_library_tells_a_target_whatever_level_somebody_sets(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="urllib3")
    http.send(READ, "badheaders", params={"session": SECRET})
    assert SECRET not in caplog.text


def test_time_in_which_an_answer_lies_unread_is_not_told_as_the_servers(http: Http, told: Told) -> None:
    waiting = http.begin(READ, "ok")
    time.sleep(0.5)
    waiting.result()
    assert told.outcomes[0].ms < 450


def test_a_body_may_take_longer_to_send_than_connecting_may_also_on_a_socket_kept_open(
    slow_reader: str, told: Told
) -> None:
    http = Http(Context(observer=told, network=NetworkRules(allowed_networks=HERE, max_response=2**20)), slow_reader)
    http.send(READ, "first")
    assert http.send(WRITE, "upload", data=bytes(24 * 2**20)).status == 200
    http.close()
