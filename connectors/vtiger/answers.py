"""What an answer of webservice.php means: the result, or the one right error. The rule: by table, from the code and the
message of recorded answers, in the name of the CRM that answered; an unclear answer to a write is never called "failed".

Facts A–D and I of the vendor's recorded behaviour: errors come with HTTP 200; `error` may be null and `code` the integer 0;
PHP warnings may stand before the JSON; a 500 without a body and the text "Sorry! …" may follow a write that *was* done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import orjson

from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    Duplicate,
    ErrorMeaning,
    ProtocolError,
    QueryError,
    RecordConflict,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)
from connectors.http import Answer
from connectors.types import JSON
from connectors.wording import text as _

ENVELOPE = b'{"success"'
MISSING = "Permission to perform the operation is denied"  # what a missing or deleted record answers (D1)
ON_ONE_RECORD = frozenset(
    {"retrieve", "update", "revise", "delete", "files_retrieve", "retrieve_related", "add_related"}
)
WITH_ELEMENT = frozenset({"create", "update", "revise", "convertlead"})


class SessionGone(AuthError):
    """The session is not known to the server (any more): log in again, once."""


def result(crm: str, operation: str, answer: Answer) -> JSON:
    """Return the `result` of an answer, or raise what its error means. `crm` is what the CRM is called, `operation` the
    vendor's name, lower case."""
    said = envelope(answer)
    if said is None:
        raise not_an_envelope(crm, answer)
    if said.get("success") is True:
        return said.get("result")
    error = said.get("error")
    raise failure(crm, operation, error if isinstance(error, dict) else {}, maybe_done=answer.maybe_done)


def envelope(answer: Answer) -> dict[str, JSON] | None:
    """Return the JSON object of the answer, also behind PHP's warnings (A4), or None when there is none."""
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        start = answer.body.find(ENVELOPE)
        if start < 0:
            return None
        try:
            said, _ = json.JSONDecoder(strict=False).raw_decode(answer.body[start:].decode("utf-8", "replace"))
        except json.JSONDecodeError:
            return None
    return said if isinstance(said, dict) and "success" in said else None


def not_an_envelope(crm: str, answer: Answer) -> ConnectorError:
    """Return the error for what is not webservice.php's JSON: nothing, a web page, "Sorry! …", damaged data."""
    status = str(answer.status)
    if answer.status >= 500:
        sentence = _(
            "The server of %(crm)s failed (HTTP status %(status)s): a PHP error, an operation it does not know, or its"
            " database is down.",
            crm=crm,
            status=status,
        )
        return Unavailable(sentence, code=status, maybe_done=answer.maybe_done)
    if answer.body.lstrip().startswith(b"Sorry!"):
        sentence = _("%(crm)s answered “Sorry! Attempt to access restricted file.” instead of a result.", crm=crm)
        return ProtocolError(sentence, code="SORRY", vendor_message=answer.text[:200], maybe_done=answer.maybe_done)
    if answer.status != 200:
        return of_status(crm, answer.status)
    try:
        answer.json()
    except ProtocolError as e:
        return e
    return answer.not_understood(_("JSON without the “success” and “result” of %(crm)s", crm=crm))


def of_status(crm: str, number: int) -> ConnectorError:
    """Return the error for a status below 500 that comes from before the CRM."""
    status = str(number)
    if number in (401, 403):
        sentence = _("The server refuses us before %(crm)s is asked (HTTP status %(status)s).", crm=crm, status=status)
        return AccessDenied(sentence, code=status)
    sentence = _(
        "There is no webservice of %(crm)s at this address (HTTP status %(status)s): check the URL.",
        crm=crm,
        status=status,
    )
    return ConfigError(sentence, code=status)


def failure(crm: str, operation: str, error: dict[str, JSON], *, maybe_done: bool, like: str = "") -> ConnectorError:
    """Return the error for `{"code", "message"}`; `maybe_done` says whether the operation could have changed something, `like`
    which operation of the webservice it is like, where its name is another."""
    sentence, code, told = refusal(crm, operation, error)
    if code in UNCLEAR:
        return Unavailable(sentence, code=code, vendor_message=told, maybe_done=maybe_done)
    if code == "0" and told.startswith("Duplicate"):
        sentence = _("%(crm)s forbids a second record like this one.", crm=crm)
        return Duplicate(sentence, code=code, vendor_message=told)
    if code == "ACCESS_DENIED":
        return denied(like or operation, told)(sentence, code=code, vendor_message=told)
    if code in NAMES_A_FIELD:
        return invalid(sentence, code, told)
    kind = BY_CODE.get(code)
    if kind is None:
        return ProtocolError(sentence, code=code, vendor_message=told, maybe_done=maybe_done)
    return kind(sentence, code=code, vendor_message=told)


def refusal(crm: str, operation: str, error: dict[str, JSON]) -> tuple[str, str, str]:
    """Return the sentence for a person, the code and the vendor's own message of an error, whose parts have two names each."""
    code = str(error.get("code", error.get("errorCode", "")))
    told = str(error.get("message") or error.get("errorMessage") or "")[:300]
    why = told or _("it gave no reason")
    names = {"crm": crm, "operation": operation, "why": why}
    if not code:
        return _("%(crm)s refuses “%(operation)s”: %(why)s.", **names), code, told
    return _("%(crm)s refuses “%(operation)s”: %(why)s (%(code)s).", code=code, **names), code, told


def denied(operation: str, told: str) -> Callable[..., ConnectorError]:
    """Tell apart what Vtiger calls ACCESS_DENIED: a missing record, no right, an unknown module, field or user (D1)."""
    if operation == "getchallenge":
        return AuthError
    if operation in ON_ONE_RECORD and told == MISSING:
        return RecordNotFound
    if told.endswith("denied for id"):
        return RecordInvalid if operation in WITH_ELEMENT else RecordNotFound
    if " denied for name" in told or "attribute denied" in told or told.endswith("denied for query"):
        return QueryError
    return AccessDenied


def invalid(sentence: str, code: str, told: str) -> RecordInvalid:
    """Return the error that names the field: "lastname does not have a value", "Invalid reference specified for x"."""
    found = re.match(r"(\w+) does not have a value|.* specified for (\w+)", told)
    name = (found[1] or found[2]) if found else ""
    return RecordInvalid(sentence, code=code, vendor_message=told, fields={name: told} if name else {})


def fields(operation: str, answer: JSON, *, maybe_done: bool = False) -> dict[str, JSON]:
    """Return the answer as the object it must be. Raises ProtocolError."""
    if not isinstance(answer, dict):
        sentence = _("The answer to “%(operation)s” is not an object.", operation=operation)
        raise ProtocolError(sentence, maybe_done=maybe_done)
    return answer


def rows(operation: str, answer: JSON) -> list[dict[str, JSON]]:
    """Return the answer as the list of objects it must be; null is an empty list. Raises ProtocolError."""
    found = answer if answer is not None else []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ProtocolError(_("The answer to “%(operation)s” is not a list of records.", operation=operation))
    return found


def first_taken(*tries: Callable[[], object]) -> None:
    """Carry out the first of these that the server does not refuse; what else it says is of no interest."""
    for deed in tries:
        try:
            deed()
        except (Unsupported, AccessDenied):
            continue
        except ConnectorError:
            return
        else:
            return


UNCLEAR = frozenset({  # the server failed somewhere: whether before or after the deed, nobody knows
    "INTERNAL_SERVER_ERROR", "DATABASE_QUERY_ERROR",
    "LEAD_RELATEDLIST_UPDATE_FAILED", "FAILED_TO_CREATE_RELATION", "FAILED_TO_MARK_LEAD_CONVERTED",
})  # fmt: skip
NAMES_A_FIELD = frozenset({"MANDATORY_FIELDS_MISSING", "REFERENCE_INVALID"})
BY_CODE: dict[str, Callable[..., ConnectorError]] = {
    "AUTHENTICATION_REQUIRED": SessionGone,
    "INVALID_SESSIONID": SessionGone,
    "SESSION_EXPIRED": SessionGone,
    "SESSION_LEFT_IDLE": SessionGone,
    "AUTHENTICATION_FAILURE": AuthError,
    "INVALID_AUTH_TOKEN": AuthError,
    "INVALID_USER_CREDENTIALS": AuthError,
    "ACCESSKEY_UNDEFINED": AuthError,
    "INVALID_ID_ATTRIBUTE": RecordNotFound,
    "RECORD_NOT_FOUND": RecordNotFound,
    "QUERY_SYNTAX_ERROR": QueryError,
    "UNKOWN_ENTITY": QueryError,
    "OPERATION_NOT_SUPPORTED": Unsupported,
    "UNKNOWN_OPERATION": Unsupported,
    "LEAD_ALREADY_CONVERTED": RecordConflict,
    "INVALID_POTENTIAL_FOR_CONVERTLEAD": RecordInvalid,
    "FAILED_TO_CREATE": RecordInvalid,
    "CURRENCY_INACTIVE": RecordInvalid,
}
ERRORS = (
    *(ErrorMeaning(200, code, "", error) for code, error in BY_CODE.items()),
    *(ErrorMeaning(200, code, "", RecordInvalid) for code in sorted(NAMES_A_FIELD)),
    *(ErrorMeaning(200, code, "", Unavailable) for code in sorted(UNCLEAR)),
    ErrorMeaning(200, "0", "Duplicate entry", Duplicate, "writing"),
    ErrorMeaning(200, "ACCESS_DENIED", MISSING, RecordNotFound, "a record"),
    ErrorMeaning(200, "ACCESS_DENIED", "permission to read given object is denied for id", RecordNotFound, "a record"),
    ErrorMeaning(200, "ACCESS_DENIED", "permission to read given object is denied for id", RecordInvalid, "writing"),
    ErrorMeaning(200, "ACCESS_DENIED", "Permission to perform the operation is denied for name", QueryError),
    ErrorMeaning(200, "ACCESS_DENIED", "", AuthError, "logging in"),
    ErrorMeaning(200, "ACCESS_DENIED", "", AccessDenied),
    ErrorMeaning(200, "ANY_OTHER_CODE", "", ProtocolError),
)
OF_NO_ANSWER = (
    ErrorMeaning(200, "SORRY", "Sorry! Attempt to access restricted file.", ProtocolError),
    ErrorMeaning(401, "", "", AccessDenied),
    ErrorMeaning(403, "", "", AccessDenied),
    ErrorMeaning(404, "", "", ConfigError),
    ErrorMeaning(500, "", "", Unavailable),
)
