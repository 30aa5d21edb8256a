"""What one call of the simulated mobile API knows and how it fails; its operations are in the modules beside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.sandbox.vtiger.crm import Crm, PhpFatal, User, WsError
from connectors.sandbox.wire import Request

JSON = Any
CALLER = "127.0.0.1"  # the sandbox listens nowhere else


def params_of(request: Request) -> dict[str, JSON]:
    """Return the body's parameters, of a form, of multipart or of JSON; the address counts for nothing."""
    if "json" not in request.headers.get("content-type", ""):
        return dict(request.form)
    try:
        sent = orjson.loads(request.body)
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}


def check_address(crm: Crm) -> None:
    """Raise ACCESS_DENIED unless the caller's address is in the user's Whitelist IP field, the switch `allowed_ips`.

    The vendor's document says that it must be there and not what is answered otherwise; the words are made up.
    """
    if CALLER not in crm.switches["allowed_ips"]:
        raise WsError("ACCESS_DENIED", f"The IP address {CALLER} is not in the Whitelist IP field of this user")


class MobileError(Exception):
    """HTTP 200 with {"success": false, "error": {"code", "message"}}; the error is null where `code` is None (facts §2)."""

    def __init__(self, code: int | str | None, message: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Call:
    """A signed-in call. `params` are the body's, of a form (texts) or of JSON (anything); `overlap` is a fault's."""

    crm: Crm
    user: User
    params: dict[str, JSON]
    overlap: int = 0

    def text(self, name: str) -> str:
        """Return the parameter as text, "" where it was not sent."""
        value = self.params.get(name)
        return "" if value is None else value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str) -> int:
        """Return the parameter as a number, 0 where it was not sent. Raises PhpFatal for any other text (facts §2)."""
        text = self.text(name).strip()
        if text and not text.isdigit():
            raise PhpFatal
        return int(text or 0)
