"""The simulated authorisation server: approves at once, trades codes for tokens (PKCE, S256) and renews them. No public document
tells how the vendor's own works; its tokens look like those of a common PHP server (Laravel Passport), so this one does as
that does: a refresh token serves once, and errors are {"error", "error_description", "message"}.

Switches of the vendor: `oauth_denies` (the person presses Cancel), `oauth_seconds` (how long an access token lives), `oauth_withdrawn`
(no refresh token serves any more), `oauth_blocked` (a firewall answers for the server)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from connectors.sandbox.wire import Reply, Request

JSON = Any
CLIENT_ID, CLIENT_SECRET = "portal-of-the-sandbox", "secret-of-the-sandbox-client"
CODE_SECONDS = 600


class Refused(Exception):
    """An error answer of the token end point."""

    def __init__(self, word: str, told: str, status: int = 400) -> None:
        super().__init__(told)
        self.status, self.body = status, {"error": word, "error_description": told, "message": told}


class Authorisation:
    """Codes and tokens handed out. `seconds` tells the server's time, `switches` are those of the vendor."""

    def __init__(self, seconds: Callable[[], float], switches: Mapping[str, JSON]) -> None:
        self._seconds, self._switches = seconds, switches
        self.reset()

    def reset(self) -> None:
        self._codes: dict[str, dict[str, JSON]] = {}
        self._access: dict[str, float] = {}
        self._refresh: set[str] = set()

    def accepts(self, token: str) -> bool:
        """Say whether an access token handed out here is still good."""
        return self._access.get(token, 0.0) > self._seconds()

    def answer(self, request: Request) -> Reply:
        """Answer GET /oauth/authorize and POST /oauth/token."""
        if (request.method, request.path) == ("GET", "/oauth/authorize"):
            return self._authorize(request.query)
        if (request.method, request.path) != ("POST", "/oauth/token"):
            return _json(405, {"message": "Method not allowed."})
        if self._switches["oauth_blocked"]:
            return Reply(403, b"<html><body>Request blocked</body></html>", "text/html")
        try:
            return _json(200, self._token(request.form))
        except Refused as e:
            return _json(e.status, e.body)

    def _authorize(self, asked: Mapping[str, str]) -> Reply:
        """Send the browser back with a code, or with an error where the person refuses."""
        wanted = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in wanted.items()) or not asked.get("redirect_uri"):
            return _json(401, {"error": "invalid_client", "message": "Client authentication failed"})
        told = {"error": "access_denied", "error_description": "The resource owner denied the request."}
        if not self._switches["oauth_denies"]:
            code = secrets.token_hex(200)
            self._codes[code] = {**asked, "until": self._seconds() + CODE_SECONDS}
            told = {"code": code}
        state = {"state": asked["state"]} if "state" in asked else {}
        return Reply(302, b"", "text/html", {"Location": f"{asked['redirect_uri']}?{urlencode(told | state)}"})

    def _token(self, form: Mapping[str, str]) -> JSON:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise Refused("invalid_client", "Client authentication failed", 401)
        if form.get("grant_type") == "authorization_code":
            self._redeem(form)
        elif form.get("grant_type") == "refresh_token":
            self._renew(form)
        else:
            raise Refused("unsupported_grant_type", "The authorization grant type is not supported.")
        return self._hand_out()

    def _redeem(self, form: Mapping[str, str]) -> None:
        kept = self._codes.pop(form.get("code", ""), None)
        if kept is None or kept["until"] < self._seconds():
            raise Refused("invalid_grant", "Authorization code has been revoked")
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if proof.rstrip(b"=").decode() != kept.get("code_challenge"):
            raise Refused("invalid_grant", "Failed to verify `code_verifier`.")
        if form.get("redirect_uri") != kept["redirect_uri"]:
            raise Refused("invalid_request", "Invalid redirect URI")

    def _renew(self, form: Mapping[str, str]) -> None:
        token = form.get("refresh_token", "")
        if token not in self._refresh or self._switches["oauth_withdrawn"]:
            raise Refused("invalid_grant", f"The refresh token {token} is invalid.", 401)
        self._refresh.remove(token)
        self._access.clear()

    def _hand_out(self) -> JSON:
        access, refresh = secrets.token_hex(500), secrets.token_hex(300)
        life = float(self._switches["oauth_seconds"])
        self._access[access] = self._seconds() + life
        self._refresh.add(refresh)
        return {"token_type": "Bearer", "expires_in": life, "access_token": access, "refresh_token": refresh}


def _json(status: int, value: JSON) -> Reply:
    return Reply(status, orjson.dumps(value))
