"""Who may call the simulated OpenCRM: a pair of keys as parameters or headers, or the access key a login gave (document,
"Authentication"); and the firewall before it (facts §3)."""

from __future__ import annotations

import secrets
from typing import Any

from connectors.sandbox.opencrm.errors import CrmError
from connectors.sandbox.wire import Clock, Reply, Request

JSON = Any
IDLE_SECONDS = 1800
UNAUTHORIZED = "Unauthorized"
FAILED = "Invalid User Details - AUTHENTICATION FAILED"
_BLOCKED = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n"


def blocked(request: Request) -> Reply | None:
    """Return the firewall's answer to a client that looks like a script, None to any other."""
    agent = request.headers.get("user-agent", "").lower()
    return Reply(403, _BLOCKED, "text/html") if "curl" in agent or "python" in agent else None


class Access:
    """The keys of one account and its open sessions, which end after half an hour without a call."""

    def __init__(self, key: str, passkey: str, clock: Clock) -> None:
        self.key, self.passkey = key, passkey
        self._clock = clock
        self._used: dict[str, float] = {}
        self._refuse = False

    def expire(self) -> None:
        """Forget every session, and refuse the next call once even if it brings the keys."""
        self._used.clear()
        self._refuse = True

    def check(self, request: Request, params: dict[str, JSON], code: str, code_in_session: bool) -> None:
        """Raises CrmError unless the call may be made. `code` is what the account wants besides, if anything; with
        `code_in_session` a login that brought it is enough."""
        refuse, self._refuse = self._refuse, False
        known = code_in_session and bool(params.get("accesskey"))
        if refuse or (code and not known and str(params.get("code", "")) != code):
            raise CrmError(UNAUTHORIZED)
        if params.get("accesskey"):
            self._continue(str(params["accesskey"]))
        else:
            self._pair(request, params)

    def login(self) -> str:
        """Return a new access key."""
        key = secrets.token_hex(16)
        self._used[key] = self._clock.seconds()
        return key

    def _pair(self, request: Request, params: dict[str, JSON]) -> None:
        key = params.get("key") or request.headers.get("key1")
        passkey = params.get("passkey") or request.headers.get("key2")
        if not key or not passkey:
            raise CrmError(UNAUTHORIZED)
        if (key, passkey) != (self.key, self.passkey):
            raise CrmError(FAILED)

    def _continue(self, key: str) -> None:
        now = self._clock.seconds()
        if now - self._used.get(key, float("-inf")) >= IDLE_SECONDS:
            self._used.pop(key, None)
            raise CrmError(UNAUTHORIZED)
        self._used[key] = now
