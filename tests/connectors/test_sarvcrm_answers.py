"""What SarvCRM's answers mean: the whole table of errors, the odd shapes of success, and logging in without a second try."""

from __future__ import annotations

import hashlib

import orjson
import pytest

from connectors.context import Call
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    Duplicate,
    LockedOut,
    ProtocolError,
    QueryError,
    RateLimited,
    RecordInvalid,
    RecordNotFound,
    RetryLater,
    Unavailable,
    Unsupported,
)
from connectors.http import Answer
from connectors.sarvcrm.account import md5
from connectors.sarvcrm.answers import TABLE, Forbidden, NothingFound, SessionGone, new_id, result
from connectors.sarvcrm.client import CREATE, LIST, root

LEAD = "Leads"
# status, code -> error of a read, error of a write, by the document
MEANS: dict[tuple[int, str], tuple[type[ConnectorError], type[ConnectorError]]] = {
    (401, "10"): (AuthError, AuthError),
    (401, "11"): (SessionGone, SessionGone),
    (401, "12"): (ConfigError, ConfigError),
    (400, "12"): (ConfigError, ConfigError),
    (400, "14"): (QueryError, RecordInvalid),
    (400, "15"): (QueryError, RecordInvalid),
    (400, "16"): (RecordInvalid, RecordInvalid),
    (404, "20"): (QueryError, QueryError),
    (404, "21"): (RecordNotFound, RecordNotFound),
    (400, "22"): (RecordNotFound, RecordNotFound),
    (400, "30"): (Unsupported, Unsupported),
    (400, "31"): (Unsupported, Unsupported),
    (403, "40"): (AccessDenied, AccessDenied),
    (400, "50"): (Duplicate, Duplicate),
    (404, "51"): (NothingFound, NothingFound),
    (401, "60"): (RateLimited, RateLimited),
    (401, "70"): (AccessDenied, AccessDenied),
    (400, "90"): (Unavailable, Unavailable),
    (400, "1000"): (Unsupported, Unsupported),
    (400, "1001"): (QueryError, RecordInvalid),
    (400, "1005"): (RecordInvalid, RecordInvalid),
    (401, "1008"): (AuthError, AuthError),
    (401, "1009"): (LockedOut, LockedOut),
}


def answered(body: object, status: int = 200, *, maybe_done: bool = False) -> Answer:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(status, {}, raw, maybe_done)


def raised(call: Call, answer: Answer) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        result(call, answer, LEAD)
    return caught.value


def test_the_table_holds_every_error_of_the_document() -> None:
    assert {(row.status, row.code) for row in TABLE} == set(MEANS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.status}-{row.code}")
@pytest.mark.parametrize(
    "shape", ["with code", "code as text", "message only", "name only", "message as list", "HTTP 200"]
)
def test_an_error_means_the_same_in_every_shape_it_comes_in(row: object, shape: str) -> None:
    meaning = next(found for found in TABLE if found is row)
    body: dict[str, object] = {"status": meaning.status, "message": meaning.message, "data": []}
    if shape in ("with code", "HTTP 200"):
        body["code"] = int(meaning.code)
    elif shape == "code as text":
        body |= {"code": meaning.code, "message": "", "status": str(meaning.status)}
    elif shape == "name only":
        body["message"] = meaning.name.upper()
    elif shape == "message as list":
        body["message"] = [meaning.message]
    http = 200 if shape == "HTTP 200" else meaning.status
    reading, writing = MEANS[meaning.status, meaning.code]
    for call, kind in ((LIST, reading), (CREATE, writing)):
        error = raised(call, answered(body, http, maybe_done=call.writes))
        assert type(error) is kind and error.code == meaning.code
        assert getattr(error, "maybe_done", False) is (meaning.code == "90" and call.writes)


def test_too_many_sessions_is_told_with_a_wait() -> None:
    error = raised(LIST, answered({"status": 401, "message": "Number of sessions exceeded.", "data": []}, 401))
    assert isinstance(error, RetryLater) and error.retry_after and error.retry_after >= 30


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": 200, "message": "", "data": [1]}, 200),
        ({"status": "200", "message": [], "data": [1]}, 200),
        ({"message": "", "data": [1]}, 200),
        ({"status": 201, "message": ["The record has been created."], "data": [1]}, 201),
        ({"status": 200, "message": ["x"], "data": [1]}, 201),
        (b'\xef\xbb\xbf{"status":200,"data":[1]}', 200),
        (b'<br />Notice: x<br />{"status":200,"data":[1]}', 200),
    ],
)
def test_success_is_read_in_every_shape(body: object, status: int) -> None:
    assert result(LIST, answered(body, status)) == [1]


def test_an_answer_without_data_is_nothing() -> None:
    """After a write; a reading without it is no empty list, or a sweep would take all for deleted."""
    link = Call("save_relationships", "POST", safe=False, writes=True)
    assert result(link, answered({"status": 200, "message": "Created Successfully"})) is None
    for call, body in ((LIST, {"status": 200, "message": "OK"}), (link, {"message": "maintenance"})):
        with pytest.raises(ProtocolError):
            result(call, answered(body))


def test_what_php_prints_around_an_answer_is_passed_over() -> None:
    warning, told = b"<b>Warning</b>: {a} in x.php on line 3", orjson.dumps({"status": 200, "message": "", "data": [1]})
    for around in (warning + b"\n" + told, told + b"\n" + warning, warning + told + warning, told + b"\n\n"):
        assert result(LIST, answered(around)) == [1]


@pytest.mark.parametrize("body", [b"MySQL Error 1054: Unknown column<br />%s", b"%s\nMySQL Error 2006: gone away"])
def test_a_databases_complaint_beside_an_empty_answer_is_no_empty_list(body: bytes) -> None:
    with pytest.raises(QueryError):
        result(LIST, answered(body % b'{"status":200,"message":"","data":[]}'))


def test_a_record_of_a_list_that_breaks_off_is_no_answer() -> None:
    for broken in (
        b'{"message":"","data":[{"status":"200","id":"1"},{"sta',
        b'{"status":200,"message":"","data":[{"id":"1"',
    ):
        for call in (LIST, CREATE):
            with pytest.raises(ProtocolError):
                result(call, answered(broken))


def test_words_of_a_database_in_a_record_are_no_complaint() -> None:
    rows = [{"id": "1", "description": "MySQL Error 1054"}]
    assert result(LIST, answered({"status": 200, "message": "", "data": rows})) == rows


@pytest.mark.parametrize(
    ("body", "status", "reading", "writing"),
    [
        (b"<html>Bad</html>", 500, Unavailable, Unavailable),
        (b"", 500, Unavailable, Unavailable),
        (b"", 200, ProtocolError, ProtocolError),
        (b"<html>Login</html>", 200, ProtocolError, ProtocolError),
        (b'{"status":200,"da', 200, ProtocolError, ProtocolError),
        (b"[1]", 200, ProtocolError, ProtocolError),
        (b"<html>Not Found</html>", 404, ConfigError, ConfigError),
        (b"", 302, ConfigError, ConfigError),
        (b"no", 403, AccessDenied, AccessDenied),
        (b"no", 401, SessionGone, SessionGone),
        ({"status": 401, "message": "Who?", "data": []}, 401, SessionGone, SessionGone),
        ({"status": 403, "message": "No.", "data": []}, 403, Forbidden, Forbidden),
        ({"status": 404, "message": "Gone.", "data": []}, 404, ProtocolError, ProtocolError),
        ({"status": 500, "message": "Ouch.", "data": []}, 500, Unavailable, Unavailable),
        ({"status": 400, "message": "Something new.", "data": []}, 400, ProtocolError, ProtocolError),
        ({"status": 400, "code": 777, "message": "", "data": []}, 400, ProtocolError, ProtocolError),
        (b"Query Failed: MySQL Error 1064: syntax near 'secret'", 200, QueryError, ProtocolError),
        (b"Query Failed: MySQL Error 1064: syntax near 'secret'", 500, QueryError, ProtocolError),
    ],
)
def test_what_is_no_documented_answer_is_told_as_what_it_is(
    body: object, status: int, reading: type[ConnectorError], writing: type[ConnectorError]
) -> None:
    error = raised(LIST, answered(body, status))
    assert type(error) is reading and not getattr(error, "maybe_done", False)
    unclear = raised(CREATE, answered(body, status, maybe_done=True))
    assert type(unclear) is writing
    assert getattr(unclear, "maybe_done", False) is issubclass(writing, Unavailable | ProtocolError)


def test_a_refused_query_shows_no_sql() -> None:
    body = b"Error retrieving list: Query Failed: SELECT * FROM leads WHERE leads.x='Miller' MySQL Error 1054: Unknown column 'leads.x' in 'where clause'"
    error = raised(LIST, answered(body))
    assert error.vendor_message == "leads.x"
    for shown in (str(error), repr(error), error.vendor_message):
        assert not any(word in shown for word in ("SELECT", "Miller", "WHERE", "1054"))


@pytest.mark.parametrize("told", ["abc", ["abc"], {"id": "abc"}, {"id": ["abc"]}])
def test_the_id_of_a_new_record_comes_in_several_shapes(told: object) -> None:
    assert new_id(answered({}), told) == "abc"


@pytest.mark.parametrize("told", [None, [], {}, {"id": []}, {"id": ""}])
def test_a_create_without_an_id_may_have_been_done(told: object) -> None:
    with pytest.raises(ProtocolError) as caught:
        new_id(answered({}, maybe_done=True), told)
    assert caught.value.maybe_done


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://app.sarvcrm.com/API.php", "https://app.sarvcrm.com/API.php"),
        ("app.sarvcrm.com", "https://app.sarvcrm.com/API.php"),
        (" https://crm.example.com/sarv/ ", "https://crm.example.com/sarv/API.php"),
        ("https://crm.example.com/index.php?utype=x&module=Leads", "https://crm.example.com/API.php"),
        ("http://10.0.0.1:8080/API.php?method=Login", "http://10.0.0.1:8080/API.php"),
    ],
)
def test_the_address_may_be_what_a_person_has_at_hand(given: str, address: str) -> None:
    assert f"{root(given)}/API.php" == address


def test_the_password_is_sent_as_its_sum_and_a_sum_stays() -> None:
    total = hashlib.md5("رمز Pass'1".encode()).hexdigest()
    assert md5("رمز Pass'1") == total == md5(total)
    assert md5(total.upper()) != total.upper()
