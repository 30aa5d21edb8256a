"""What an answer of the mobile API means: the result, or the one right error. The rule: by table, from code and message
together, since one code means several things (facts §2, vtiger-facts G3).

Errors come with HTTP 200; `code` is a number or a word, and `error` may be null. What the webservice says in words is said
here in the same words, so its table is used for them.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    ErrorMeaning,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)
from connectors.http import Answer
from connectors.types import JSON
from connectors.vtiger.answers import ERRORS as OF_WEBSERVICE
from connectors.vtiger.answers import SessionGone, envelope, refusal
from connectors.vtiger.answers import failure as of_the_webservice
from connectors.vtiger.answers import not_an_envelope as no_json_of_the_webservice
from connectors.wording import text as _

REFUSED = "1210"  # the user or the password; the access key is of no account here
LOGIN = "1501"  # "Login required", but also three other things
# How the webservice calls what is asked: it decides what its overloaded ACCESS_DENIED means.
LIKE = {
    "fetchRecord": "retrieve",
    "fetchRecordWithGrouping": "retrieve",
    "fetchRecordsWithGrouping": "query",
    "relatedRecordsWithGrouping": "retrieve_related",
    "deleteRecords": "delete",
    "addRecordComment": "create",
}

# Where an id that is refused is not one we asked for, but one in a record of the page (G13).
OF_MANY = frozenset({"query", "queryWithGrouping", "syncModuleRecords", "fetchRecordsWithGrouping"})


def result(crm: str, operation: str, answer: Answer, *, changes_one: bool = False) -> JSON:
    """Return the `result` of an answer, or raise what its error means. `changes_one`: a record that is there is saved."""
    said = envelope(answer)
    if said is None:
        raise not_an_envelope(crm, answer)
    if said.get("success") is True:
        return said.get("result")
    error = said.get("error")
    like = ("revise" if changes_one else "create") if operation == "saveRecord" else LIKE.get(operation, operation)
    raise failure(crm, operation, like, error if isinstance(error, dict) else {}, maybe_done=answer.maybe_done)


def not_an_envelope(crm: str, answer: Answer) -> ConnectorError:
    """Return the error for what is not the API's JSON: nothing, a web page, "Sorry! …", damaged data."""
    status = str(answer.status)
    if answer.status in (401, 403):
        sentence = _(
            "%(crm)s refuses us (HTTP status %(status)s). Most likely this portal's address is not in “Whitelist IP”"
            " under My Preferences of this user.",
            crm=crm,
            status=status,
        )
        return AccessDenied(sentence, code=status)
    if 200 < answer.status < 500:
        sentence = _("There is no mobile API at this address (HTTP status %(status)s): check the URL.", status=status)
        return ConfigError(sentence, code=status)
    return no_json_of_the_webservice(crm, answer)


def failure(crm: str, operation: str, like: str, error: dict[str, JSON], *, maybe_done: bool) -> ConnectorError:
    """Return the error for `{"code", "message"}`; `maybe_done` says whether the call could have changed something."""
    sentence, code, told = refusal(crm, operation, error)
    if code == LOGIN:
        return of_1501(sentence, told)
    if code == "ACCESS_DENIED" and operation in OF_MANY and told.endswith("denied for id"):
        return AccessDenied(sentence, code=code, vendor_message=told)
    if code == REFUSED:
        given = {"crm": crm, "why": told or _("it gave no reason"), "code": code}
        sentence = _("%(crm)s refuses the user name or the password: %(why)s (%(code)s).", **given)
    if kind := BY_NUMBER.get(code):
        return kind(sentence, code=code, vendor_message=told)
    return of_the_webservice(crm, operation, error, maybe_done=maybe_done, like=like)


def of_1501(sentence: str, told: str) -> ConnectorError:
    """Tell apart what all has the code 1501: logging in again helps only where the message says so."""
    lower = told.lower()
    if "login" in lower:
        return SessionGone(sentence, code=LOGIN, vendor_message=told)
    if "not available" in lower:
        return Unavailable(sentence, code=LOGIN, vendor_message=told)
    kind = RecordInvalid if "values" in lower else QueryError
    return kind(sentence, code=LOGIN, vendor_message=told)


BY_NUMBER: dict[str, Callable[..., ConnectorError]] = {
    REFUSED: AuthError,  # also for a user who does not exist
    "1404": Unsupported,  # no such operation
    "1401": RecordNotFound,  # no such alert
    "1001": RecordNotFound,  # no record was named
}
ERRORS = (
    *(ErrorMeaning(200, code, "", error) for code, error in BY_NUMBER.items()),
    ErrorMeaning(200, LOGIN, "Login required", SessionGone),
    ErrorMeaning(200, LOGIN, "Module not available", Unavailable),
    ErrorMeaning(200, LOGIN, "Values missing", RecordInvalid),
    ErrorMeaning(200, LOGIN, "Module name missing", QueryError),
    *OF_WEBSERVICE,
)
