"""What an edit of OpenCRM answers besides an id: a refusal is known from how it begins, and never beside what may be saved."""

from __future__ import annotations

import pytest

from connectors.context import Call
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConnectorError,
    ProtocolError,
    RateLimited,
    RecordInvalid,
    RecordNotFound,
)
from connectors.http import Answer
from connectors.opencrm.answers import NoSuchEndpoint, new_id, result
from connectors.opencrm.client import is_refusal, writing

WRITE = writing("edit_contact")


def answer(body: str, maybe_done: bool = False) -> Answer:
    return Answer(200, {}, body.encode(), maybe_done)


def edited(call: Call, said: Answer, about: str, id: str) -> str:
    """Return the id in the answer to an edit."""
    return new_id(call, said, result(call, said, about, id), about, id)


@pytest.mark.parametrize("error", ['""', "null", "false", "[]"])
def test_an_empty_error_beside_an_id_is_none(error: str) -> None:
    assert edited(WRITE, answer(f'{{"record_id": "123", "error": {error}}}'), "contact", "") == "123"
    assert edited(WRITE, answer(f'{{"error": {error}, "crmid": "0", "id": 123}}'), "contact", "") == "123"


@pytest.mark.parametrize(
    "body",
    [
        "21707\nMailer: authentication failed", "21707 Unauthorized", "Saved 21707. Workflow function x not found",
        "Contact saved, but the mail could not be sent", "Contact saved with no mail: authentication failed",
        "id=21707, mailer: authentication failed", "Unauthorized mailer. Record saved", "Mailer: contact 7 saved",
        "Unauthorized\n21707", "Unknown method: record created", "Unauthorized: the mailer", "Error: Unauthorized, workflow stopped", "Successfully updated. Invalid api key for the mailer",
        "Mailer: authentication failed", "Authentication failed for the mailer", "Workflow function x not found",
        "Function saveTicket not found", "Undefined method log()", '{"error": "Call to undefined function save()"}',
        '{"record_id": "123", "error": "Unauthorized"}', '{"error": "Saved 21707. Unauthorized"}',
        '{"error": {"message": "Contact saved. Mailer failed"}}', '{"error": ""}', '{"error": null}', '{"error": false}',
    ],
)  # fmt: skip
def test_a_refusal_beside_what_may_be_saved_is_not_believed(body: str) -> None:
    """Believed, a write would be sent again: with a new access key, by another name, or by the person who reads it."""
    with pytest.raises(ProtocolError) as caught:
        edited(WRITE, answer(body, maybe_done=True), "contact", "")
    assert caught.value.maybe_done
    assert not is_refusal(WRITE, answer(body, maybe_done=True))


@pytest.mark.parametrize(
    "told",
    [
        "Invalid operation: the price is too low",
        "Credit limit exceeded", "The daily limit of this customer is reached", "Too many contacts in this company",
        "Relationship not valid", "Value not allowed for Industry", "Permission of the parent is missing",
        "Created by is required", "Invalid api key field", "The skip not set", "Contact not saved, nothing was done",
    ],
)  # fmt: skip
def test_words_about_the_record_are_no_words_about_the_keys_the_calls_or_the_name(told: str) -> None:
    for body in (told, f'{{"error": "{told}"}}', f'{{"error": {{"message": "{told}"}}}}'):
        with pytest.raises(ConnectorError) as caught:
            edited(WRITE, answer(body), "contact", "")
        assert type(caught.value) is RecordInvalid and told.rstrip(".") in str(caught.value)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("Invalid User Details - AUTHENTICATION FAILED", AuthError), ("Unauthorized", AuthError), ("Error: Unauthorized", AuthError),
        ("Unauthorized. No passkey was sent", AuthError), ("Unauthorized (missing key)", AuthError),
        ("Authentication failed.", AuthError), ("Invalid access key", AuthError), ("Unknown method", NoSuchEndpoint),
        ("Unknown method: edit_ticket", NoSuchEndpoint), ("Method edit_ticket does not exist", NoSuchEndpoint),
        ("The requested end point was not found", NoSuchEndpoint), ("Rate limit exceeded", RateLimited),
        ("Your daily API limit is reached", RateLimited), ("Limit of API calls reached", RateLimited),
        ("Too many requests", RateLimited), ("Access denied", AccessDenied), ("API is not enabled", AccessDenied),
        ("Access from IP address 1.2.3.4 not allowed", AccessDenied),
    ],
)  # fmt: skip
def test_a_clear_refusal_of_a_write_is_known(told: str, error: type[ConnectorError]) -> None:
    for body in (told, f'"{told}"', f'{{"error": "{told}"}}'):
        with pytest.raises(ConnectorError) as caught:
            edited(WRITE, answer(body, maybe_done=True), "contact", "7")
        assert type(caught.value) is error


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("Record 7 does not exist in Contacts", RecordNotFound),
        ("Contact 7 was deleted", RecordNotFound),
        ("Company 55 does not exist", RecordInvalid),
        ("Contact 77 does not exist", RecordInvalid),
        ("Line 2: product record deleted", RecordInvalid),
        ("Record not found", RecordInvalid),
    ],
)
def test_a_write_learns_that_its_record_is_gone_only_by_its_id(told: str, error: type[ConnectorError]) -> None:
    for body in (told, f'{{"error": "{told}"}}'):
        with pytest.raises(ConnectorError) as caught:
            edited(WRITE, answer(body), "contact", "7")
        assert type(caught.value) is error
