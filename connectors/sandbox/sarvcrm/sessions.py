"""Signing in to the simulated SarvCRM: tokens, their end, lock-outs."""

from __future__ import annotations

import hashlib
from typing import Any

from connectors.sandbox.people import letters
from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.store import Row

JSON = Any
UTYPE = "demo"
LANGUAGES = ("fa_IR", "en_US")
Session = list[JSON]  # user id, unix seconds of the login, language


class Sessions:
    """Tokens are kept in the store, so that a kept state keeps its clients signed in; failures are not."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm
        self._failures: dict[str, int] = {}
        self._issued = 0

    def begin(self) -> None:
        self._failures.clear()

    @property
    def password(self) -> str:
        """Return the one password of all users."""
        return letters(self._crm.store.notes["seed"], "sarvcrm:password", 14)

    def end_all(self) -> None:
        self._crm.store.note("sessions", {})

    def login(self, sent: dict[str, JSON]) -> dict[str, JSON]:
        """Return the token. Raises SarvError 401/10, 12, 60, 1009 or 400/12."""
        name = str(next((sent[key] for key in self._crm.switches["login_keys"] if sent.get(key)), "")).lower()
        limit = self._crm.switches["lock_out_after"]
        if limit and self._failures.get(name, 0) >= limit:
            raise SarvError("401/1009")
        user = self._user(name)
        proof = hashlib.md5(self.password.encode()).hexdigest()
        if user is None or sent.get("utype") != UTYPE or str(sent.get("password", "")).lower() != proof:
            self._failures[name] = self._failures.get(name, 0) + 1
            raise SarvError("401/10")
        self._failures.pop(name, None)
        self._allowed(user, sent.get("login_type"))
        return {"token": self._token(user, str(sent.get("language") or ""))}

    def _user(self, name: str) -> Row | None:
        users = self._crm.store.table("Users").living()
        return next((u for u in users if name and str(u.values["user_name"]).lower() == name), None)

    def _allowed(self, user: Row, login_type: JSON) -> None:
        if user.hidden.get("new"):
            raise SarvError("401/12")
        portal = bool(user.hidden.get("portal"))
        if login_type == "portal" and not portal:
            raise SarvError("400/12")
        if portal and login_type != "portal":
            raise SarvError("401/10")

    def _token(self, user: Row, language: str) -> str:
        sessions, now = self._living(), self._crm.clock.seconds()
        most = self._crm.switches["max_sessions"]
        if most and len(sessions) >= most:
            raise SarvError("401/60")
        self._issued = max(self._issued, self._crm.store.notes.get("tokens", 0)) + 1
        self._crm.store.note("tokens", self._issued)
        token = letters(self._crm.store.notes["seed"], f"sarvcrm:token:{self._issued}", 64)
        known = language if language in LANGUAGES else LANGUAGES[0]
        self._crm.store.note("sessions", {**sessions, token: [user.values["id"], now, known]})
        return token

    def _living(self) -> dict[str, Session]:
        seconds, now = self._crm.switches["session_seconds"], self._crm.clock.seconds()
        found: dict[str, Session] = self._crm.store.notes.get("sessions", {})
        return {token: session for token, session in found.items() if now - session[1] < seconds}

    def of(self, authorization: str) -> Session:
        """Return the session of an Authorization header. Raises SarvError 401/11."""
        scheme, _, token = authorization.partition(" ")
        session = self._living().get(token)
        if scheme.lower() != "bearer" or session is None or self._crm.find("Users", session[0]) is None:
            raise SarvError("401/11")
        return session
