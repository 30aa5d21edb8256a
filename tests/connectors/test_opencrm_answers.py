"""What OpenCRM's answers mean, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.context import Call
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    ProtocolError,
    QueryError,
    RateLimited,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer
from connectors.opencrm.answers import NoSuchEndpoint, NothingFound, access_key, new_id, result
from connectors.opencrm.client import reading, root, writing
from connectors.opencrm.rows import as_row, as_rows, id_of

READ, WRITE = reading("get_contact"), writing("edit_contact")
PAGE = "<html><body><h1>403 Forbidden</h1></body></html>"


def answer(body: str, status: int = 200, maybe_done: bool = False) -> Answer:
    return Answer(status, {}, body.encode(), maybe_done)


def edited(call: Call, said: Answer, about: str, id: str) -> str:
    """Return the id in the answer to an edit."""
    return new_id(call, said, result(call, said, about, id), about, id)


def listed(said: Answer, about: str) -> list[Any]:
    """Return the rows in the answer to a list, none where it says that there are none."""
    try:
        return [*as_rows(READ, said, result(READ, said, about), about)]
    except NothingFound:
        return []


ERRORS: list[tuple[int, str, type[ConnectorError]]] = [
    (200, '{"error":"Unauthorized"}', AuthError),
    (200, "Invalid User Details - AUTHENTICATION FAILED", AuthError),
    (200, '"Invalid User Details - AUTHENTICATION FAILED"', AuthError),
    (401, "", AuthError),
    (200, '{"error":"Unknown method"}', NoSuchEndpoint),
    (200, '{"error":"Invalid end point get_thing"}', NoSuchEndpoint),
    (404, "Not Found", NoSuchEndpoint),
    (404, PAGE, NoSuchEndpoint),
    (405, "", NoSuchEndpoint),
    (404, '{"error":"Record not found"}', RecordNotFound),
    (200, '{"error":"Record 5 does not exist in Contacts"}', RecordNotFound),
    (200, '{"error":"This record was deleted"}', RecordNotFound),
    (200, '{"error": {"message": "Unauthorized"}}', AuthError),
    (200, '{"error": {"code": 12}}', QueryError),
    (200, '{"error": ["Unknown column"]}', QueryError),
    (200, '{"error": ""}', QueryError),
    (200, '{"error": "Credit limit exceeded"}', QueryError),
    (200, '{"error": "Relationship not valid"}', QueryError),
    (200, '{"error":"API limit reached"}', RateLimited),
    (200, '{"error":"Too many requests today"}', RateLimited),
    (200, '{"error":"API is not enabled"}', AccessDenied),
    (200, '{"error":"Access denied for IP address 1.2.3.4"}', AccessDenied),
    (403, PAGE, AccessDenied),
    (403, "Not from here", AccessDenied),
    (302, "", AccessDenied),
    (500, "", Unavailable),
    (502, PAGE, Unavailable),
    (200, PAGE, ProtocolError),
    (200, '{"lastname": "Smi', ProtocolError),
    (200, '[{"id": 1', ProtocolError),
    (200, '"Smi', ProtocolError),
]


@pytest.mark.parametrize(("status", "body", "error"), ERRORS)
def test_an_answer_means_one_error(status: int, body: str, error: type[ConnectorError]) -> None:
    with pytest.raises(error) as caught:
        result(READ, answer(body, status), "contact", "5")
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("", None),
        ("null", None),
        ("123", 123),
        ('"123"', "123"),
        ("[]", []),
        ('\ufeff{"lastname": "Ito"}', {"lastname": "Ito"}),
        ('{"error": "", "id": 7}', {"error": "", "id": 7}),
        ("No records found", "No records found"),
        ("<br />\n<b>Notice</b>:  Undefined index: x in <b>/www/a.php</b> on line <b>12</b><br />\n[1]", [1]),
        ('"products": [{"lineid": "3"}],\n{"subject": "A"}', [{"products": [{"lineid": "3"}]}, {"subject": "A"}]),
    ],
)
def test_an_answer_that_is_no_error_is_read(body: str, value: Any) -> None:
    assert result(READ, answer(body), "contact") == value


@pytest.mark.parametrize(
    ("body", "id"),
    [
        ("123456", "123456"),
        ('"123456"', "123456"),
        ('{"record_id": "123456"}', "123456"),
        ('{"id": 123456}', "123456"),
        ('{"crmid": 123456, "message": "ok"}', "123456"),
        (" 123456\n", "123456"),
    ],
)
def test_an_edit_is_answered_by_an_id(body: str, id: str) -> None:
    assert edited(WRITE, answer(body), "contact", "") == id


@pytest.mark.parametrize(
    "body", ["", "null", "0", "false", "true", "-5", "[]", "{}", "1.5", '{"record_id": 12', PAGE, "<br />"]
)
def test_an_edit_answered_by_no_id_and_no_sentence_may_have_been_done(body: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        edited(WRITE, answer(body, maybe_done=True), "contact", "")
    assert caught.value.maybe_done


@pytest.mark.parametrize(
    "body", ['"Line 1: invalid taxclass"', "Line 1: invalid taxclass", '{"error": "Line 1: invalid taxclass"}']
)
def test_an_edit_answered_by_a_sentence_was_refused(body: str) -> None:
    with pytest.raises(RecordInvalid, match="invalid taxclass"):
        edited(WRITE, answer(body, maybe_done=True), "quote", "")


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_that_fails_at_a_write_may_have_done_it(status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        edited(WRITE, answer("", status, maybe_done=True), "contact", "")
    assert caught.value.maybe_done


@pytest.mark.parametrize(
    "body", ['{"12345tfgyhuj"}', '"12345tfgyhuj"', '{"accesskey":"12345tfgyhuj"}', "12345tfgyhuj\n"]
)
def test_an_access_key_is_read_in_every_spelling(body: str) -> None:
    assert access_key(answer(body)) == "12345tfgyhuj"


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", PAGE, "no", "Please log in first"])
def test_what_is_no_access_key_is_not_taken_for_one(body: str) -> None:
    with pytest.raises(ProtocolError):
        access_key(answer(body))


@pytest.mark.parametrize(
    "body", ["[]", "null", "{}", "No records found", '{"error": "No records found."}', '"No results"']
)
def test_a_list_of_nothing_is_empty_however_that_is_said(body: str) -> None:
    assert listed(answer(body), "get_contact_list") == []


@pytest.mark.parametrize(
    ("body", "error"), [("", ProtocolError), ("12", ProtocolError), ('{"error": "No such field x"}', QueryError)]
)
def test_what_is_no_list_is_no_empty_list(body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        listed(answer(body), "get_contact_list")


def test_rows_numbered_by_name_or_a_single_one_are_rows() -> None:
    assert listed(answer('{"0": {"id": 1}, "1": {"id": 2}}'), "x") == [{"id": 1}, {"id": 2}]
    assert listed(answer('{"id": 1, "a": "b"}'), "x") == [{"id": 1, "a": "b"}]


def test_the_id_goes_by_three_names() -> None:
    assert [id_of(row) for row in ({"id": 7}, {"crmid": "7"}, {"record_id": "7"}, {"crmid": "0", "id": 7})] == ["7"] * 4
    for row in ({"id": "x"}, {}):
        with pytest.raises(ProtocolError):
            id_of(row)
    assert as_row([{"products": []}, {"subject": "A"}]) == {"products": [], "subject": "A"}


@pytest.mark.parametrize(
    "url",
    ["https://a.opencrm.co.uk", "a.opencrm.co.uk/", "https://a.opencrm.co.uk/index.php", "https://a.opencrm.co.uk/api/rest/get_contact/"],
)  # fmt: skip
def test_the_address_may_be_the_system_or_what_the_document_shows(url: str) -> None:
    assert root(url) == "https://a.opencrm.co.uk"


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError):
        root("https://")


PLAIN = "Warning: Undefined variable $owner in /www/a.php on line 12\n"
HTML = "<br />\n<b>Warning</b>:  Undefined variable $owner in <b>/www/a.php</b> on line <b>12</b><br />\n"


@pytest.mark.parametrize("warning", [PLAIN, HTML, f"\n{PLAIN}", f"PHP {PLAIN}", PLAIN * 3, HTML + PLAIN, "Notice: odd\n", f"\ufeff{PLAIN}"])  # fmt: skip
@pytest.mark.parametrize("told", ["123", '"123"', '{"record_id": "123"}', " 123\n"])
def test_an_id_behind_warnings_or_before_them_is_read(warning: str, told: str) -> None:
    assert edited(WRITE, answer(warning + told, maybe_done=True), "contact", "") == "123"
    assert edited(WRITE, answer(told + "\n" + warning.lstrip("\ufeff"), maybe_done=True), "contact", "") == "123"


@pytest.mark.parametrize(
    "body",
    [
        PLAIN, HTML, "Warning: odd", "Warning: odd<br />123", "Saving contact\n123", "Contact saved", "Success",
        "123<br />Warning: Undefined method log()", '"Warning: unknown function"', "123 Notice: Invalid method",
        "Fatal error: Uncaught TypeError in /www/a.php:3\nStack trace:\n#0 {main}\n  thrown in /www/a.php on line 3",
        "PHP Fatal error:  Allowed memory size exhausted in /www/a.php on line 3",
        f"{PLAIN}Fatal error: Maximum execution time exceeded in /www/a.php on line 3", "123\nFatal error: gone",
        "<br />\n<b>Fatal error</b>:  Uncaught Error in <b>/x.php</b>",
    ],
)  # fmt: skip
def test_an_edit_after_which_nobody_knows_invites_no_second_try(body: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        edited(WRITE, answer(body, maybe_done=True), "contact", "")
    assert caught.value.maybe_done


@pytest.mark.parametrize(
    "told", ["Line 1: invalid taxclass", "The contact could not be saved", "Record must be created by its owner"]
)
def test_a_refusal_behind_a_warning_is_a_refusal(told: str) -> None:
    for body in (told, PLAIN + told, HTML + told):
        with pytest.raises(RecordInvalid):
            edited(WRITE, answer(body, maybe_done=True), "contact", "")


def test_what_is_read_behind_plain_warnings_is_read() -> None:
    assert result(READ, answer(f'{PLAIN}[{{"id": 1, "notes": "Warning: this\\nis a note"}}]'), "contact") == [
        {"id": 1, "notes": "Warning: this\nis a note"}
    ]
    with pytest.raises(ProtocolError):
        listed(answer(PLAIN), "contact")


def test_a_page_of_warnings_alone_says_nothing_of_a_record() -> None:
    """A server that died while it warned: taken for an empty answer, a sweep would believe the record deleted."""
    died = answer(
        "<br />\n<b>Fatal error</b>:  Allowed memory size exhausted in <b>/x.php</b> on line <b>3</b><br />\n"
    )
    for call in (reading("get_contact"), writing("edit_contact")):
        with pytest.raises(ProtocolError):
            result(call, died, "contact", "7")
    with pytest.raises(ProtocolError):
        listed(died, "contact")


def test_a_broken_server_is_no_missing_end_point_and_no_missing_record() -> None:
    """After the first an alternate name would be tried, and a record made twice; after the second it would be taken for deleted."""
    with pytest.raises(ConnectorError) as broken:
        result(writing("edit_ticket"), answer('{"error": "Call to undefined function saveTicket()"}'), "ticket")
    assert not isinstance(broken.value, NoSuchEndpoint)
    with pytest.raises(ConnectorError) as away:
        text = '{"error": "Please contact support, the service is not available"}'
        result(reading("get_contact"), answer(text), "contact", "7")
    assert not isinstance(away.value, RecordNotFound)
