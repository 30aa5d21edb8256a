"""Sending to one of Simply CRM's incoming webhooks, which creates a record from what it is sent.

The document tells neither the form of the address nor verb, body, login or answer. So: the address is pasted by a person and
kept as a secret, the body is a form or JSON as they choose, any 2xx is delivered, and the reply is shown (facts §2, §6).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from connectors.context import Call, Context
from connectors.errors import AccessDenied, ConfigError, ConnectorError, RecordInvalid, Unavailable
from connectors.http import Answer, Http
from connectors.simplycrm.about import FORM, JSON_BODY
from connectors.spelling import as_text
from connectors.types import JSON
from connectors.wording import text as _

CALL = Call("webhook", "POST", safe=False, writes=True)
LONGEST_REPLY = 2000  # characters of the reply that are shown


def deliver(context: Context, address: str, values: Mapping[str, JSON], body: str = FORM) -> dict[str, JSON]:
    """Send the values once and return {"status", "reply"}.

    Raises ConfigError (address), RecordInvalid (refused), AccessDenied, and Unavailable with maybe_done where nobody knows
    whether a record was made. Never repeated. Nothing raised or returned holds the address.
    """
    if not address:
        raise ConfigError(_("No address of an incoming webhook is set for this connection."))
    if body not in (FORM, JSON_BODY):
        raise ConfigError(_("A webhook of Simply CRM is sent as “form” or as “json”."))
    base, params = parts(address)
    http = Http(context, base)
    try:
        if body == JSON_BODY:
            answer = http.send(CALL, params=params, json=dict(values))
        else:
            answer = http.send(CALL, params=params, data={name: _form(value) for name, value in values.items()})
    finally:
        http.close()
    return reply(answer, address)


def parts(address: str) -> tuple[str, dict[str, str]]:
    """Return the address without its parameters, and those. Raises ConfigError for what is no address."""
    try:
        split = urlsplit(address.strip())
    except ValueError as e:
        raise ConfigError(_("The address of the webhook cannot be read. Paste it again.")) from e
    return urlunsplit((split.scheme, split.netloc, split.path, "", "")), dict(parse_qsl(split.query, True))


def reply(answer: Answer, address: str) -> dict[str, JSON]:
    """Return what the webhook answered when it took the values. Raises the error for any other status."""
    text = without_address(answer.text, address)[:LONGEST_REPLY]
    if 200 <= answer.status < 300:
        return {"status": answer.status, "reply": text}
    raise refusal(answer.status, text)


def refusal(status: int, text: str) -> ConnectorError:
    """Return the error for a status that is not 2xx."""
    code, told = str(status), text[:300]
    if status >= 500:
        sentence = _("Simply CRM's webhook failed (HTTP status %(status)s).", status=status)
        return Unavailable(sentence, code=code, vendor_message=told, maybe_done=True)
    if status in (401, 403):
        sentence = _("Simply CRM's webhook refuses us (HTTP status %(status)s): it may be switched off.", status=status)
        return AccessDenied(sentence, code=code, vendor_message=told)
    if status in (400, 409, 422):
        sentence = _("Simply CRM's webhook refuses these values (HTTP status %(status)s).", status=status)
        return RecordInvalid(sentence, code=code, vendor_message=told)
    if status == 415:
        sentence = _("Simply CRM's webhook does not take a body of this kind: send the other, form or JSON.")
        return ConfigError(sentence, code=code, vendor_message=told)
    sentence = _(
        "There is no webhook at this address, or it is not active (HTTP status %(status)s). Paste its address again.",
        status=status,
    )
    return ConfigError(sentence, code=code, vendor_message=told)


def without_address(text: str, address: str) -> str:
    """Return the reply without the address, its path and the parameters in it, should the server quote them."""
    split = urlsplit(address.strip())
    secret = {address.strip(), split.path, split.query, *parts(address)[1].values()}
    for part in sorted((p for p in secret if len(p) >= 8), key=len, reverse=True):
        text = text.replace(part, "•••")
    return text


def _form(value: JSON) -> str:
    """Return a value as a form field holds it: yes is 1, several choices as the CRM joins them."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " |##| ".join(value)
    return "" if value is None else as_text(value)
