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
    NotInPlan,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer
from connectors.types import JSON

NAME = "Really Simple Systems"
OF_TOKEN = ("unauthenticated", "unauthorized", "unauthorised", "token")
OF_PLAN = ("limit", "subscription", "plan")


def failure(call: Call, answer: Answer, object_name: str, id: str = "") -> ConnectorError:
    """Return the error for an answer that is no success. `id` is the record asked for, "" for a list or a create."""
    told = error_body(answer)
    message = str(told.get("message") or "")[:300]
    status, about = answer.status, f"{object_name} {id}".strip()
    code = str(told.get("code") or status)
    what = f"says of {about}: {message.rstrip('.')}" if message else f"answers HTTP status {status} for {about}"
    said = f"{NAME} {what}"
    if status >= 500 and "invalid record type" in message.lower():
        return QueryError(f"{NAME} knows no object “{object_name}”.", code=code, vendor_message=message)
    if status >= 500:
        failed = f"{said}. Its server failed."
        return Unavailable(failed, code=code, vendor_message=message, maybe_done=answer.maybe_done)
    if 300 <= status < 400:
        return AuthError(f"{NAME} sends us to its login page: the access token is not valid.", code=code)
    if status in (401, 402, 403):
        return refused(call, said, code, message, status)
    if status == 404 and id:
        return RecordNotFound(f"There is no {object_name} {id} in {NAME}, or not any more.", code=code)
    if status == 404:
        missing = f"{NAME} has no “{object_name}”, or not in this account's price plan."
        return QueryError(missing, code=code, vendor_message=message)
    if status == 422 or (status == 400 and call.writes):
        return invalid(call, said, code, message, told.get("validation"))
    if status == 400:
        return QueryError(f"{said}.", code=code, vendor_message=message)
    return ProtocolError(f"{said}.", code=code, vendor_message=message, maybe_done=answer.maybe_done)


def refused(call: Call, said: str, code: str, message: str, status: int) -> ConnectorError:
    """Tell apart a token that is not valid, a limit of the subscription, and an object this token may not use."""
    words = message.lower()
    if status == 401 or any(word in words for word in OF_TOKEN):
        sentence = (
            f"{NAME} refuses the access token: {message or 'it gave no reason'}. Make a new one and paste it here."
        )
        return AuthError(sentence, code=code, vendor_message=message)
    if call.writes and "limit" in words:
        return NotInPlan(f"{said}.", code=code, vendor_message=message)
    sentence = (
        f"{said}. The price plan or the permissions of this user do not include it. "
        "Test the connection: when all objects are refused, it is the access token."
    )
    return NotInPlan(sentence, code=code, vendor_message=message)


def invalid(call: Call, said: str, code: str, message: str, validation: JSON) -> ConnectorError:
    """Return the error of a refused write with what is wrong by field; a full subscription is no fault of the values."""
    fields = faults(validation)
    if not fields and "limit" in message.lower() and any(word in message.lower() for word in OF_PLAN):
        return NotInPlan(f"{said}.", code=code, vendor_message=message)
    if not call.writes:
        return QueryError(f"{said}.", code=code, vendor_message=message)
    listed = "; ".join(f"{name}: {why}" for name, why in fields.items())
    sentence = said + (f" ({listed})." if listed else ".")
    return RecordInvalid(sentence, code=code, vendor_message=message, fields=fields)


def faults(validation: JSON) -> dict[str, str]:
    """Return {field: what is wrong} from `validation`, which is nested lists, objects and texts of any depth."""
    if isinstance(validation, Mapping):
        return {str(name): ", ".join(words(why)) or "is not valid" for name, why in validation.items()}
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
