"""What an answer of OpenCRM means. The rule: by table, from what the text says, since errors come with HTTP status 200; and an
unclear answer to a write is never called "failed".

Document, "Error Messages"; facts §3: {"error": "Unauthorized"} with status 200, plain text, an empty body, a login that answers
no JSON, an edit that answers a number, its text, an object, or the text of what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime

import orjson

from connectors.context import Call
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConnectorError,
    ErrorMeaning,
    ProtocolError,
    QueryError,
    RateLimited,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer
from connectors.opencrm.words import (
    A_WORD,
    NO_ENDPOINT,
    NO_ENTRY,
    NOT_ALLOWED,
    NOTHING_FOUND,
    TOO_MANY,
    WARNED,
    may_be_saved,
    says_missing,
)
from connectors.types import JSON
from connectors.wording import text as _

# What PHP prints of itself, as a page has it or as plain lines. After a fatal error nothing else comes.
_LEVEL = rb"(?:PHP )?(?:Warning|Notice|Deprecated|Strict Standards)"
_AS_PAGE = rb"<br />\s*<b>[^<]*</b>:.*?on line <b>\d+</b><br />\s*"
_AS_LINE = _LEVEL + rb":[^\n]*(?:\n\s*|\Z)"
BEFORE = re.compile(rb"\A\s*(?:" + _AS_PAGE + rb"|" + _AS_LINE + rb")+", re.DOTALL)
BEHIND = re.compile(rb"(?:\s*" + _AS_PAGE + rb"|\s*^" + _AS_LINE + rb")+\Z", re.DOTALL | re.MULTILINE)
DIED = re.compile(
    rb"^\s*(?:<br />\s*<b>)?(?:PHP )?(?:Fatal error|Parse error|Recoverable fatal error|Catchable fatal error)(?:</b>)?:",
    re.MULTILINE,
)
SHORT = 4000  # bytes; longer answers are lists, which are not searched for warnings behind them


class NoSuchEndpoint(QueryError):
    """The server does not know a call of that name: the one answer after which an alternate name may be tried."""


class NothingFound(QueryError):
    """No record meets this: a list is empty then. `at` is the server's time when it said so."""

    at: datetime | None = None


ERRORS = (
    ErrorMeaning(200, "", "Unauthorized", AuthError),
    ErrorMeaning(200, "", "Authentication Failed", AuthError, "logging in"),
    ErrorMeaning(200, "", "Unknown method", NoSuchEndpoint),
    ErrorMeaning(200, "", "Access denied", AccessDenied),
    ErrorMeaning(200, "", "Rate limit exceeded", RateLimited),
    ErrorMeaning(200, "", "Record not found", RecordNotFound, "a record"),
    ErrorMeaning(200, "", "Last name is missing", RecordInvalid, "writing"),
    ErrorMeaning(200, "", "Unknown field", QueryError, "reading"),
    ErrorMeaning(302, "", "", AccessDenied),
    ErrorMeaning(401, "", "", AuthError),
    ErrorMeaning(403, "", "", AccessDenied),
    ErrorMeaning(404, "", "", NoSuchEndpoint),
    ErrorMeaning(404, "", "Record not found", RecordNotFound, "a record"),
    ErrorMeaning(500, "", "", Unavailable),
)


def result(call: Call, answer: Answer, about: str, id: str = "") -> JSON:
    """Return what the answer says: JSON, a plain text, or None for nothing. Raises the error it stands for."""
    text = body(answer)
    if answer.status >= 300:
        raise by_status(call, answer, spoken(text), about, id)
    if (not text and answer.body.strip()) or (len(text) < SHORT and DIED.search(text)):
        raise answer.not_understood(_("nothing but its own warnings"))  # least of all is known that nothing is there
    if not text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = unbracketed(text) or plain_text(answer, text)
    if call.writes and isinstance(value, str) and WARNED.search(value):  # whatever it warns of, more may have been done
        raise answer.not_understood(_("nothing but its own warnings"))
    error = error_text(value)
    if error is not None:
        if call.writes and (not error or number_in(value) or may_be_saved(error)):
            raise answer.not_understood(_("an error that does not tell whether the record was saved"))
        raise failure(call, answer, error, about, id)
    return value


def body(answer: Answer) -> bytes:
    """Return the body without what PHP puts before it, or behind a short one, when it warns of itself."""
    text = BEFORE.sub(b"", answer.body.removeprefix(b"\xef\xbb\xbf"))
    return (BEHIND.sub(b"", text) if len(text) < SHORT else text).strip()


def unbracketed(text: bytes) -> list[JSON]:
    """Return the two parts of a sales record as the document's sample shows it: "products": […], {…} without brackets around
    (facts §6, 11); nothing for any other text."""
    if not text.startswith(b'"products"'):
        return []
    try:
        lines, end = json.JSONDecoder().raw_decode(rest := text.decode().partition(":")[2].lstrip())
        return [{"products": lines}, orjson.loads(rest[end:].strip().lstrip(",").strip())]
    except ValueError:
        return []


def plain_text(answer: Answer, text: bytes) -> str:
    """Return a body that is a plain sentence. Raises ProtocolError for a web page and for damaged JSON."""
    if text.startswith((b"<", b"{", b"[", b'"')) or b"</" in text or len(text) > 1000:
        answer.json()  # raises, and says what came instead
    return text.decode("utf-8", "replace")


def error_text(value: JSON) -> str | None:
    """Return the error in {"error": …}, or the text of a known refusal without it; None where there is none. An empty error
    beside an id is none: a server may send both with each answer."""
    if isinstance(value, Mapping) and "error" in value:
        error = value["error"]
        return None if not error and number_in(value) else in_words(error)
    known = (NO_ENDPOINT, NO_ENTRY)
    return value if isinstance(value, str) and any(pattern.match(value) for pattern in known) else None


def in_words(error: JSON) -> str:
    """Return an error as a text, however it is wrapped: {"message": …}, or a list."""
    if isinstance(error, Mapping):
        error = next((error[name] for name in ("message", "error", "text") if error.get(name)), error)
    if isinstance(error, Mapping | list):
        return orjson.dumps(error).decode()
    return str(error or "")


def number_in(value: JSON) -> str:
    """Return the id in an answer: 123, "123", or an object that names it; "" where there is none."""
    given = [value.get(name) for name in ("crmid", "record_id", "id")] if isinstance(value, Mapping) else [value]
    texts = (str(one).strip() for one in given if isinstance(one, int | str) and not isinstance(one, bool))
    return next((text for text in texts if text.isascii() and text.isdecimal() and int(text) > 0), "")


def spoken(text: bytes) -> str:
    """Return the message of an error body, "" for a web page or nothing."""
    if text.startswith(b"<"):
        return ""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace")[:300]
    found = error_text(value)
    message = value.get("message") if isinstance(value, Mapping) else value
    return found if found is not None else str(message or "")[:300]


def failure(call: Call, answer: Answer, text: str, about: str, id: str) -> ConnectorError:
    """Return the error that a text stands for."""
    message, name = text[:300], f"{about} {id}".strip()
    if NO_ENDPOINT.match(message):
        return no_endpoint(call, message)
    if NO_ENTRY.match(message):
        return refused(message)
    said = _("OpenCRM says of %(about)s: %(told)s", about=name, told=message.rstrip(".") or _("nothing more"))
    if TOO_MANY.search(message):
        return RateLimited(_("%(said)s.", said=said), vendor_message=message)
    if says_missing(message, id, writes=call.writes):
        return missing(about, id, message)
    if NOT_ALLOWED.search(message):
        return AccessDenied(_("%(said)s.", said=said), vendor_message=message)
    if call.writes:
        return RecordInvalid(_("%(said)s.", said=said), vendor_message=message)
    if NOTHING_FOUND.fullmatch(message.strip()):
        found = NothingFound(_("%(said)s.", said=said), vendor_message=message)
        found.at = answer.at
        return found
    return QueryError(_("%(said)s.", said=said), vendor_message=message)


def by_status(call: Call, answer: Answer, message: str, about: str, id: str) -> ConnectorError:
    """Return the error for an answer whose HTTP status already says that it is one."""
    status, code = answer.status, str(answer.status)
    if status >= 500:
        sentence = _("OpenCRM's server failed (HTTP status %(status)s).", status=status)
        return Unavailable(sentence, code=code, vendor_message=message, maybe_done=answer.maybe_done)
    if status < 400:
        sentence = _("OpenCRM sends us to another page: the API is not enabled, or the address is not right.")
        return AccessDenied(sentence, code=code)
    nothing = NOTHING_FOUND.fullmatch(message.strip()) and not call.writes
    if status in (404, 405) and not nothing and not says_missing(message, id, writes=False):
        return no_endpoint(call, message, code)
    if status == 403 and not message:
        sentence = _(
            "OpenCRM's firewall refused the call (HTTP status 403). Ask OpenCRM's support whether calls are limited to"
            " certain addresses, or set the “Name of the caller” to one it lets through."
        )
        return AccessDenied(sentence, code=code)
    if status == 401 and not NO_ENTRY.match(message):
        return refused(message)
    error = failure(call, answer, message or _("HTTP status %(status)s", status=status), about, id)
    if status == 403 and not isinstance(error, AuthError | RateLimited):
        return AccessDenied(error.message, code=code, vendor_message=message)
    return error


def no_endpoint(call: Call, message: str, code: str = "") -> NoSuchEndpoint:
    """Return the error of a call this server does not know."""
    sentence = _("This OpenCRM knows no call “%(name)s”.", name=call.operation)
    return NoSuchEndpoint(sentence, code=code, vendor_message=message)


def refused(message: str) -> AuthError:
    """Return the error for keys or an access key that are not accepted."""
    sentence = _(
        "OpenCRM refuses the API keys: %(why)s. Compare key and pass key with those its support gave you.",
        why=message.rstrip(".") or _("it gave no reason"),
    )
    return AuthError(sentence, vendor_message=message)


def missing(about: str, id: str, message: str = "") -> RecordNotFound:
    """Return the error of a record that is not there."""
    sentence = _("There is no %(name)s %(id)s in OpenCRM, or not any more.", name=about, id=id)
    return RecordNotFound(sentence, vendor_message=message)


def new_id(call: Call, answer: Answer, told: JSON, about: str, id: str) -> str:
    """Return the id in the answer to an edit: 123, "123", or an object that names it. Raises RecordInvalid with what the server
    finds wrong, and ProtocolError (maybe_done) for what is neither an id nor surely a refusal: a second try may make a second
    record."""
    if number := number_in(told):
        return number
    if isinstance(told, str) and A_WORD.search(told) and not may_be_saved(told):
        raise failure(call, answer, told, about, id)
    raise answer.not_understood(_("no id in answer to a write"))


def access_key(answer: Answer) -> str:
    r"""Return the access key of a login: a JSON text, {"accesskey": …}, plain text, or the documented {"…"}, which is no JSON."""
    text = body(answer)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text.decode("utf-8", "replace").strip("{}\"' \r\n")
    if isinstance(value, Mapping):
        value = value.get("accesskey") or value.get("accesscode") or ""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{8,}", value):
        raise ProtocolError(_("OpenCRM answered the login with something that is no access key."))
    return value
