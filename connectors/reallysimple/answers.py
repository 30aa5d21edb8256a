"""What an error answer of Really Simple Systems means. The rule: by table, from status and message as its document and its
real servers have them, and an unclear answer to a write is never called "failed".

Facts §4 and §6: a bad token answers 403 "Unauthenticated", documented is 402, and a redirect means a login page; an object
outside the price plan answers 402, 403 or 404; an unknown object answers 500 "Invalid record type".
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from connectors.context import Call
from connectors.errors import (
    AuthError,
    ConnectorError,
    ErrorMeaning,
    NotInPlan,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer
from connectors.types import JSON
from connectors.wording import joined
from connectors.wording import text as _

OF_TOKEN = ("unauthenticated", "unauthorized", "unauthorised", "token")
OF_PLAN = ("limit", "subscription", "plan")

ERRORS = (
    ErrorMeaning(301, "", "", AuthError),
    ErrorMeaning(400, "", "Bad request", RecordInvalid, "writing"),
    ErrorMeaning(400, "", "Invalid field (nme)", QueryError, "reading"),
    ErrorMeaning(401, "", "", AuthError),
    ErrorMeaning(402, "", "Forbidden, please check your access token", AuthError),
    ErrorMeaning(403, "", "Unauthenticated", AuthError),
    ErrorMeaning(402, "", "", NotInPlan),
    ErrorMeaning(403, "", "Your plan does not include this record type", NotInPlan),
    ErrorMeaning(404, "", "Record not found", RecordNotFound, "a record"),
    ErrorMeaning(404, "", "Page not found", QueryError, "reading"),
    ErrorMeaning(405, "", "Not Allowed", ProtocolError),
    ErrorMeaning(422, "", "The given data was invalid.", RecordInvalid, "writing"),
    ErrorMeaning(422, "", "Subscription limit reached", NotInPlan, "writing"),
    ErrorMeaning(422, "", "The given data was invalid.", QueryError, "reading"),
    ErrorMeaning(500, "500", "Invalid record type (accountss)", QueryError),
    ErrorMeaning(500, "", "", Unavailable),
)


def failure(call: Call, answer: Answer, object_name: str, id: str = "") -> ConnectorError:
    """Return the error for an answer that is no success. `id` is the record asked for, "" for a list or a create."""
    told = error_body(answer)
    message = str(told.get("message") or "")[:300]
    status, about = answer.status, f"{object_name} {id}".strip()
    code = str(told.get("code") or status)
    said = what_it_says(about, message, status)
    if status >= 500 and "invalid record type" in message.lower():
        unknown = _("Really Simple Systems knows no object “%(name)s”.", name=object_name)
        return QueryError(unknown, code=code, vendor_message=message)
    if status >= 500:
        failed = _("%(said)s. Its server failed.", said=said)
        return Unavailable(failed, code=code, vendor_message=message, maybe_done=answer.maybe_done)
    if 300 <= status < 400:
        sent_away = _("Really Simple Systems sends us to its login page: the access token is not valid.")
        return AuthError(sent_away, code=code)
    if status == 404:
        return missing(object_name, id, code, message)
    if status in (401, 402, 403):
        return refused(call, said, code, message, status)
    if status == 422 or (status == 400 and call.writes):
        return invalid(call, said, code, message, told.get("validation"))
    if status == 400:
        return QueryError(_("%(said)s.", said=said), code=code, vendor_message=message)
    return ProtocolError(_("%(said)s.", said=said), code=code, vendor_message=message, maybe_done=answer.maybe_done)


def what_it_says(about: str, message: str, status: int) -> str:
    """Return what the server says, without the full stop."""
    if message:
        return _("Really Simple Systems says of %(about)s: %(told)s", about=about, told=message.rstrip("."))
    return _("Really Simple Systems answers HTTP status %(status)s for %(about)s", status=status, about=about)


def missing(object_name: str, id: str, code: str, message: str) -> ConnectorError:
    """Return the error of a record that is not there, or of an object when none was asked for."""
    if id:
        told = _("There is no %(name)s %(id)s in Really Simple Systems, or not any more.", name=object_name, id=id)
        return RecordNotFound(told, code=code)
    told = _("Really Simple Systems has no “%(name)s”, or not in this account's price plan.", name=object_name)
    return QueryError(told, code=code, vendor_message=message)


def of_token(status: int, message: str) -> bool:
    """Say whether a refusal is one of the access token, by its status and message in lower case."""
    return status == 401 or (status in (402, 403) and any(word in message for word in OF_TOKEN))


def refuses_token(answer: Answer) -> bool:
    """Say whether the server did not look at the call because of its access token."""
    if answer.status not in (401, 402, 403):
        return 300 <= answer.status < 400
    return of_token(answer.status, str(error_body(answer).get("message") or "").lower())


def refused(call: Call, said: str, code: str, message: str, status: int) -> ConnectorError:
    """Tell apart a token that is not valid, a limit of the subscription, and an object this token may not use."""
    words = message.lower()
    if of_token(status, words):
        sentence = _(
            "Really Simple Systems refuses the access token: %(why)s. Make a new one and give it to the connection.",
            why=message or _("it gave no reason"),
        )
        return AuthError(sentence, code=code, vendor_message=message)
    if call.writes and "limit" in words:
        return NotInPlan(_("%(said)s.", said=said), code=code, vendor_message=message)
    sentence = _(
        "%(said)s. The price plan or the permissions of this user do not include it. Test the "
        "connection: when all objects are refused, it is the access token.",
        said=said,
    )
    return NotInPlan(sentence, code=code, vendor_message=message)


def invalid(call: Call, said: str, code: str, message: str, validation: JSON) -> ConnectorError:
    """Return the error of a refused write with what is wrong by field; a full subscription is no fault of the values."""
    fields = faults(validation)
    if not fields and "limit" in message.lower() and any(word in message.lower() for word in OF_PLAN):
        return NotInPlan(_("%(said)s.", said=said), code=code, vendor_message=message)
    if not call.writes:
        return QueryError(_("%(said)s.", said=said), code=code, vendor_message=message)
    listed = joined(_("; "), (_("%(field)s: %(problem)s", field=name, problem=why) for name, why in fields.items()))
    sentence = _("%(said)s (%(problems)s).", said=said, problems=listed) if listed else _("%(said)s.", said=said)
    return RecordInvalid(sentence, code=code, vendor_message=message, fields=fields)


def faults(validation: JSON) -> dict[str, str]:
    """Return {field: what is wrong} from `validation`, which is nested lists, objects and texts of any depth."""
    if isinstance(validation, Mapping):
        return {str(name): ", ".join(words(why)) or _("is not valid") for name, why in validation.items()}
    found: dict[str, str] = {}
    for item in validation if isinstance(validation, list) else []:
        found |= faults(item)
    return found


def words(node: JSON) -> list[str]:
    """Return the texts in a nested fault: [{"Max": ["255"]}] gives ["Max 255"]."""
    if isinstance(node, Mapping):
        return [" ".join([str(rule), *words(detail)]) for rule, detail in node.items()]
    if isinstance(node, list):
        return [word for item in node for word in words(item)]
    return [] if node in (None, "") or isinstance(node, bool) else [str(node)]


def error_body(answer: Answer) -> dict[str, JSON]:
    """Return the error object, {} for a web page or nothing."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
