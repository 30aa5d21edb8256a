"""What an answer of SarvCRM means: its data, or the one right error. The rule: by table, from HTTP status and code as the
document has them, from the message where no code comes, and an unclear answer to a write is never called "failed".

Facts §6: one code (12) has two meanings, error bodies come without `code`, `status` inside a body may be a text, `message`
a list. Facts §1.3: a bad query answers something that is not JSON and holds "MySQL Error".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import orjson

from connectors.context import Call
from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    Duplicate,
    ErrorMeaning,
    LockedOut,
    ProtocolError,
    QueryError,
    RateLimited,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)
from connectors.http import Answer
from connectors.sarvcrm.rows import is_id
from connectors.types import JSON
from connectors.wording import text as _

SESSIONS_WAIT = 60.0  # seconds after "number of sessions exceeded"; the vendor names none
DECODER = json.JSONDecoder()
BAD_SQL = "MYSQL"  # our code for a query the database refused
NO_RECORDS = "51"
TOO_MUCH = "90"
UNKNOWN_COLUMN = re.compile(r"Unknown column '([A-Za-z0-9_.]{1,128})'")


class SessionGone(AuthError):
    """The token is not known to the server (any more): log in again, once."""


class Forbidden(AccessDenied):
    """HTTP 403 for a reason the document does not have: public clients found that a new login may help, once (facts §1.2)."""


class NothingFound(RecordNotFound):
    """No record meets this: of a list that is no error, it is empty. `at` is the server's time when it said so."""

    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the document's table. `when_reading` is the error where the call changes nothing, if it is another."""

    status: int
    code: str
    name: str
    message: str
    error: Callable[..., ConnectorError]
    when_reading: Callable[..., ConnectorError] | None = None


TABLE = (
    Meaning(401, "10", "Invalid login", "Login attempt failed please check the username and password.", AuthError),
    Meaning(401, "11", "Invalid Session ID", "The session ID is invalid.", SessionGone),
    Meaning(401, "12", "User Not Configured", "Please log into your instance of SarvCRM to configure your user.", ConfigError),
    Meaning(400, "12", "Invalid Portal Client", "Portal Client does not have authorized access.", ConfigError),
    Meaning(400, "14", "Required Fields", "Please fill out the required fields and try again.", RecordInvalid, QueryError),
    Meaning(400, "15", "Type Mismatch", "Type mismatch Error.", RecordInvalid, QueryError),
    Meaning(400, "16", "File is Too Large", "Uploaded file is too large and exceeded the file size limit.", RecordInvalid),
    Meaning(404, "20", "Module Does Not Exist", "This module is not available on this server.", QueryError),
    Meaning(404, "21", "File Does Not Exist", "The desired file does not exist on the server.", RecordNotFound),
    Meaning(400, "22", "Deleted Record", "Access to this object is denied since it has been deleted or does not exist.", RecordNotFound),
    Meaning(400, "30", "Module Not Supported", "This module does not support this feature.", Unsupported),
    Meaning(400, "31", "Relationship Not Supported", "This module does not support this relationship.", Unsupported),
    Meaning(403, "40", "Access Denied", "You do not have access.", AccessDenied),
    Meaning(400, "50", "Duplicate Records", "Duplicate records have been found. Please be more specific.", Duplicate),
    Meaning(404, "51", "No Records", "No records were found.", NothingFound),
    Meaning(401, "60", "Sessions Exceeded", "Number of sessions exceeded.", RateLimited),
    Meaning(401, "70", "Admin credentials are required", "The logged-in user is not an administrator.", AccessDenied),
    Meaning(400, "90", "Resource Management Error", "The resource query limit specified in config.php has been exceeded during execution of the SOAP method.", Unavailable),
    Meaning(400, "1000", "Invalid call for this module", "This is an invalid call for this module. Please look at WSDL file for details.", Unsupported),
    Meaning(400, "1001", "Invalid data sent", "The data sent for this function is invalid. Please look at WSDL file for details.", RecordInvalid, QueryError),
    Meaning(400, "1005", "Invalid set_campaign_merge data", "set_campaign_merge: Merge action status will not be updated, because, campaign_id is null or no targets were selected.", RecordInvalid),
    Meaning(401, "1008", "Password Expired", "Your password has expired. Please provide a new password.", AuthError),
    Meaning(401, "1009", "lockout reached", "You have been locked out of the SarvCRM application and cannot log in using existing password. Please contact your Administrator.", LockedOut),
)  # fmt: skip
ERRORS = (
    *(
        ErrorMeaning(row.status, row.code, row.message, row.error, "writing" if row.when_reading else "")
        for row in TABLE
    ),
    *(
        ErrorMeaning(row.status, row.code, row.message, row.when_reading, "reading")
        for row in TABLE
        if row.when_reading
    ),
    ErrorMeaning(401, "", "", SessionGone),
    ErrorMeaning(403, "", "", Forbidden),
    ErrorMeaning(500, "", "", Unavailable),
    ErrorMeaning(400, "", "any code or message that is not named here", ProtocolError),
    ErrorMeaning(200, "", "MySQL Error", QueryError, "reading"),
    ErrorMeaning(200, "", "MySQL Error", ProtocolError, "writing"),
)


def result(call: Call, answer: Answer, about: str = "") -> JSON:
    """Return the `data` of an answer, None where there is none, or raise what its error means.

    Success is an HTTP status 2xx and, inside, a status 2xx or none (facts §6). `about` names module and record.
    """
    told = envelope(answer)
    if told is None:
        raise not_an_envelope(call, answer)
    if "mysql error" in "".join(around(answer)).lower():
        raise bad_sql(call, answer)  # printed beside an answer that then looks empty
    inner = number(told.get("status"))
    status = answer.status if not 200 <= answer.status < 300 else inner if inner is not None else 200
    if 200 <= status < 300:
        if "data" not in told and (inner is None or not call.writes):  # "nothing there" is said by an empty `data`
            raise answer.not_understood(_("JSON that is not SarvCRM's “status” and “data”"))
        return told.get("data")
    raise failure(call, answer, status, told, about)


def envelope(answer: Answer) -> dict[str, JSON] | None:
    """Return the JSON object of an answer, also within what PHP printed before and behind it; None when there is none."""
    try:
        told = orjson.loads(answer.body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        told = within(answer)[0]
    return told if isinstance(told, dict) and told.keys() & {"status", "data", "message"} else None


def within(answer: Answer) -> tuple[JSON, int, int]:
    """Return the envelope in a text, where it begins and where it ends; None for none, or one that breaks off."""
    start = max(0, answer.text.find('{"status"'))
    try:
        told, end = DECODER.raw_decode(answer.text, start)
    except ValueError:
        return None, start, start
    whole = isinstance(told, dict) and told.keys() & {"message", "data"}  # else it is a record of a damaged list
    return (told if whole else None), start, end


def around(answer: Answer) -> tuple[str, str]:
    """Return what was printed before an envelope and behind it."""
    if answer.body.startswith(b"{") and answer.body.rstrip().endswith(b"}"):
        return "", ""
    _told, start, end = within(answer)
    return answer.text[:start], answer.text[end:]


def is_file(answer: Answer) -> bool:
    """Say whether an answer is a file and not the API's JSON, nor a page that tells of a problem."""
    kind = str(answer.headers.get("Content-Type") or "text/html").lower()
    attached = str(answer.headers.get("Content-Disposition") or "").lower().startswith("attachment")
    told = attached or not kind.startswith(("text/", "application/json", "application/xml"))
    return 200 <= answer.status < 300 and told and envelope(answer) is None


def not_an_envelope(call: Call, answer: Answer) -> ConnectorError:
    """Return the error for what is not the API's JSON: a database's complaint, a web page, nothing, damaged data."""
    if b"mysql error" in answer.body[:20_000].lower():
        return bad_sql(call, answer)
    status = str(answer.status)
    if answer.status >= 500:
        sentence = _("SarvCRM's server failed (HTTP status %(status)s).", status=status)
        return Unavailable(sentence, code=status, maybe_done=answer.maybe_done)
    if answer.status == 401:
        return SessionGone(_("SarvCRM does not accept our login any more."), code=status)
    if answer.status == 403:
        return AccessDenied(_("The server refuses us before SarvCRM is asked (HTTP status 403)."), code=status)
    if 300 <= answer.status < 500:
        sentence = _("There is no SarvCRM API at this address (HTTP status %(status)s): check it.", status=status)
        return ConfigError(sentence, code=status)
    try:
        answer.json()
    except ProtocolError as e:
        return e
    return answer.not_understood(_("JSON that is not SarvCRM's “status” and “data”"))


def bad_sql(call: Call, answer: Answer) -> ConnectorError:
    """Return the error for a body with "MySQL Error". It shows no SQL: of the server's words only which column is unknown."""
    if call.writes:
        sentence = _("SarvCRM's database refused a part of what was to be stored; it is not known how much is done.")
        return ProtocolError(sentence, code=BAD_SQL, maybe_done=answer.maybe_done)
    column = UNKNOWN_COLUMN.search(answer.text[:20_000])
    sentence = _("SarvCRM's database cannot carry out this query: a field in it may not be a column there.")
    return QueryError(sentence, code=BAD_SQL, vendor_message=column.group(1) if column else "")


def new_id(answer: Answer, told: JSON) -> str:
    """Return the id of a new record: documented as a list, shown as a text (facts §6). Raises ProtocolError."""
    found = told.get("id") if isinstance(told, dict) else told
    found = found[0] if isinstance(found, list) and found else found
    if not isinstance(found, str | int) or not found or not is_id(str(found)):
        raise answer.not_understood(_("no id in answer to a create"))
    return str(found)


def failure(call: Call, answer: Answer, status: int, told: dict[str, JSON], about: str) -> ConnectorError:
    """Return the error of the document's table for an answer that is no success."""
    message, given = message_of(told), told.get("code", told.get("error_code"))
    found = meaning(status, "" if given is None else str(given), message)
    if found is None:
        return unlisted(answer, status, "" if given is None else str(given), message, about)
    sentence = said(about, message or found.message)
    if found.error is RateLimited:
        return RateLimited(sentence, code=found.code, vendor_message=message, retry_after=SESSIONS_WAIT)
    if found.error is Unavailable:
        return Unavailable(sentence, code=found.code, vendor_message=message, maybe_done=answer.maybe_done)
    kind = found.error if call.writes or found.when_reading is None else found.when_reading
    return kind(sentence, code=found.code, vendor_message=message)


def meaning(status: int, code: str, message: str) -> Meaning | None:
    """Return the row of the table: by status and code, by a code that means one thing, by what the message says."""
    rows = [row for row in TABLE if row.code == code] if code else list(TABLE)
    exact = [row for row in rows if code and (row.status == status or len(rows) == 1)]
    if exact:
        return exact[0]
    words = folded(message)
    by_words = (row for row in rows if words and (folded(row.message) in words or folded(row.name) in words))
    return next(by_words, rows[0] if code and rows else None)


def unlisted(answer: Answer, status: int, code: str, message: str, about: str) -> ConnectorError:
    """Return the error for what the table does not have."""
    code = code or str(status)
    sentence = said(about, message or _("HTTP status %(status)s, without a reason", status=status))
    if status == 401:
        return SessionGone(sentence, code=code, vendor_message=message)
    if status == 403:
        return Forbidden(sentence, code=code, vendor_message=message)
    if status >= 500:
        return Unavailable(sentence, code=code, vendor_message=message, maybe_done=answer.maybe_done)
    return ProtocolError(sentence, code=code, vendor_message=message, maybe_done=answer.maybe_done)


def said(about: str, message: str) -> str:
    """Return what the server says, as a sentence."""
    why = message if getattr(message, "template", None) else message.rstrip(". ")
    if about:
        return _("SarvCRM says of %(about)s: %(told)s.", about=about, told=why)
    return _("SarvCRM says: %(told)s.", told=why)


def message_of(told: dict[str, JSON]) -> str:
    """Return the message, which may be a text or a list of texts."""
    message = told.get("message")
    parts = message if isinstance(message, list) else [message]
    return " ".join(str(part) for part in parts if part)[:300]


def number(value: JSON) -> int | None:
    """Return a status as the number it is, also when it comes as text."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdecimal() else None


def folded(text: str) -> str:
    """Return the text as two messages are compared."""
    return " ".join(text.lower().replace(".", " ").split())
