"""Access by OAuth 2.0: the authorization code with PKCE, and the renewing of tokens (RFC 6749, 7636), for connectors that declare
it. The rule: what was granted lies in the session store, sealed and shared; one worker at a time renews it; of an answer
nothing is told but the one word in its `error`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import orjson

from connectors.context import Call, Context
from connectors.errors import AuthError, ConfigError, ConnectorError, ProtocolError, Unavailable
from connectors.http import Answer, Http
from connectors.types import JSON, Setting
from connectors.wording import text as _

GRANT = "grant"  # the slot of the session store
TOKEN = Call("token", "POST", safe=False)  # neither a code nor a refresh token serves twice
MARGIN = 60.0  # seconds before its end at which a token is renewed, a tenth of its life where that is less


@dataclass(frozen=True, slots=True)
class OAuth:
    """A person may authorise the connection at the CRM's own pages, instead of pasting a token. `settings` are the names of
    those it hangs on: when one changes, what was granted is void. `needed` of them must be filled in."""

    settings: tuple[str, ...]
    needed: tuple[str, ...]

    def is_ready(self, values: Mapping[str, str]) -> bool:
        """Say whether these settings are enough to begin."""
        return all(values.get(name) for name in self.needed)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "authorize_url", _("Address of the authorisation page"), type="url", required=False,
        help=_("Only for access without a pasted token: where you allow this portal in. The vendor names it."),
    ),
    Setting(
        "token_url", _("Address for tokens"), type="url", required=False, is_host=True,
        help=_("Only with the address above: where this portal fetches and renews its token."),
    ),
    Setting(
        "client_id", _("Client id"), required=False,
        help=_("By which the CRM knows this portal; the vendor gives it when you register the portal's return address."),
    ),
    Setting(
        "client_secret", _("Client secret"), type="password", required=False, secret=True,
        help=_("Given together with the client id; some vendors give none."),
    ),
    Setting(
        "scope", _("Scope"), required=False,
        help=_("What the portal asks to be allowed, in the vendor's words; mostly empty."),
    ),
)  # fmt: skip
OAUTH = OAuth(tuple(setting.name for setting in SETTINGS), ("authorize_url", "token_url", "client_id"))


@dataclass(frozen=True, slots=True)
class Grant:
    """What the CRM granted. `renew_at` and `ends_at` are Unix seconds by our clock, None when the CRM names no end;
    `refused` says that it renews nothing any more, so that nobody asks in vain."""

    access_token: str
    refresh_token: str = ""
    renew_at: float | None = None
    ends_at: float | None = None
    refused: bool = False

    def __repr__(self) -> str:
        return "Grant(•)"

    def text(self) -> str:
        """Return it for the session store."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def read(cls, text: str | None) -> Grant | None:
        """Return what `text` made; None for nothing."""
        return cls(**orjson.loads(text)) if text else None

    @property
    def expires_at(self) -> datetime | None:
        """Return when a person must act, UTC; None as long as the portal renews it by itself."""
        return None if self.refresh_token or self.ends_at is None else datetime.fromtimestamp(self.ends_at, UTC)


class OAuthClient:
    """This portal as one CRM's authorisation server knows it."""

    def __init__(self, config: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        """Takes the settings named in SETTINGS. Makes no request."""
        self._config, self._secret, self._context = config, secrets.get("client_secret", ""), context

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        """Return where a person's browser goes to allow us in; `challenge` is the S256 of a verifier. Raises ConfigError."""
        address = self._config["authorize_url"]
        parts = urlsplit(address)
        rules = self._context.network
        plain = parts.scheme == "http" and (rules.allow_http or rules.allowed_networks)
        if not parts.hostname or not (parts.scheme == "https" or plain):
            raise ConfigError(_("The address of the authorisation page must begin with https://."))
        asked = {
            "response_type": "code", "client_id": self._config["client_id"], "redirect_uri": redirect,
            "scope": self._config["scope"], "state": state, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{address}?{urlencode({name: value for name, value in asked.items() if value})}"

    def exchange(self, code: str, verifier: str, redirect: str) -> Grant:
        """Trade the code of an authorisation for tokens. Raises AuthError, ConfigError, Unavailable, ProtocolError."""
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        answer = self._ask(asked)
        if answer.status != 200:
            raise failure(answer)
        return self._granted(answer)

    def renew(self, grant: Grant) -> Grant:
        """Return the grant with a new access token. Raises AuthError when the CRM renews it no more, and as `exchange`."""
        answer = self._ask({"grant_type": "refresh_token", "refresh_token": grant.refresh_token})
        word = error_word(answer)
        if answer.status in (400, 401, 403) and word and word not in OF_CLIENT:  # without one it is no answer of theirs
            raise authorise_again(word)
        if answer.status != 200:
            raise failure(answer)
        new = self._granted(answer)
        return new if new.refresh_token else replace(new, refresh_token=grant.refresh_token)

    def _ask(self, asked: Mapping[str, str]) -> Answer:
        named = {"client_id": self._config["client_id"], "client_secret": self._secret}
        http = Http(self._context, self._config["token_url"])
        try:
            return http.send(TOKEN, data={**asked, **{name: value for name, value in named.items() if value}})
        finally:
            http.close()

    def _granted(self, answer: Answer) -> Grant:
        told = answer.json()
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not token or str(told.get("token_type", "bearer")).lower() != "bearer":
            raise answer.not_understood(_("no access token"))
        now, life = self._context.clock.now().timestamp(), seconds(told.get("expires_in"))
        ends = None if life is None else now + life
        renew = None if life is None else now + life - min(MARGIN, life / 10)
        refresh = told.get("refresh_token")
        return Grant(token, refresh if isinstance(refresh, str) else "", renew, ends)


class Tokens:
    """The access token of one connection: the one the CRM granted, else the one a person pasted. Any number of threads."""

    def __init__(self, pasted: str, client: OAuthClient | None, context: Context) -> None:
        """`client` is None where the settings for OAuth are not filled in."""
        self._pasted, self._client, self._context = pasted, client, context

    def current(self) -> str:
        """Return a token that has not run out, renewed if need be. Raises AuthError when a person must act, and what
        renewing raises."""
        grant = self.grant()
        if grant is None:
            if not self._pasted:
                raise AuthError(NOT_YET)
            return self._pasted
        return grant.access_token if self._serves(grant) else self._renewed(grant.access_token)

    def after_refusal(self, token: str) -> str | None:
        """Return another token than this one, which the CRM refused before its time; None where there is none."""
        return None if self.grant() is None else self._renewed(token)

    def grant(self) -> Grant | None:
        """Return what the CRM granted, None where a pasted token is all there is."""
        return Grant.read(self._context.sessions.get(GRANT)) if self._client else None

    def _serves(self, grant: Grant) -> bool:
        return not grant.refused and (grant.renew_at is None or self._context.clock.now().timestamp() < grant.renew_at)

    def _renewed(self, old: str) -> str:
        """Renew, unless somebody else did while we waited for our turn."""
        sessions = self._context.sessions
        with sessions.login():
            grant = self.grant()
            if grant is None or not self._client:
                raise AuthError(NOT_YET)
            if grant.access_token != old and self._serves(grant):
                return grant.access_token
            if grant.refused or not grant.refresh_token:
                raise authorise_again()
            try:
                new = self._client.renew(grant)
            except AuthError as e:
                if e.code != CLIENT:
                    sessions.put(GRANT, replace(grant, refused=True).text())
                raise
            sessions.put(GRANT, new.text())
            return new.access_token


CLIENT = "invalid_client"
OF_CLIENT = (CLIENT, "unauthorized_client")
NOT_YET = _(
    "There is no access token yet. Give the connection one, or save it and press “Authorise at the CRM” on its page."
)


def authorise_again(word: str = "") -> AuthError:
    """Return the error for a grant that has ended."""
    told = _(
        "The authorisation at the CRM has run out or was withdrawn. Press “Authorise at the CRM” on the page of the"
        " connection."
    )
    return AuthError(told, code=word)


def failure(answer: Answer) -> ConnectorError:
    """Return the error for an answer of the authorisation server that is no token."""
    word, status = error_word(answer), answer.status
    if word in OF_CLIENT:
        told = _("The CRM does not know this portal as a client: check the client id and the client secret.")
        return AuthError(told, code=CLIENT)
    if status >= 500:
        told = _("The CRM's server for tokens failed (HTTP status %(status)s).", status=status)
        return Unavailable(told, code=word or str(status), maybe_done=answer.maybe_done)
    if status in (400, 401, 403) and word:
        told = _("The CRM did not accept the authorisation (%(word)s). Authorise it once more.", word=word)
        return AuthError(told, code=word)
    if 300 <= status < 500:
        told = _("The address for tokens answers HTTP status %(status)s: check that setting.", status=status)
        return ConfigError(told, code=str(status))
    told = _("The CRM's server for tokens answers HTTP status %(status)s.", status=status)
    return ProtocolError(told, code=str(status), maybe_done=answer.maybe_done)


def error_word(answer: Answer) -> str:
    """Return the `error` of an answer, "" for anything but one plain word: the rest of it may hold secrets."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return ""
    return plain_word(told.get("error")) if isinstance(told, dict) else ""


def plain_word(told: JSON) -> str:
    """Return an error code of OAuth as it may be shown, "" for what is none."""
    return told if isinstance(told, str) and re.fullmatch(r"[a-z_]{1,40}", told) else ""


def seconds(told: JSON) -> float | None:
    """Return `expires_in`, None when it is not told as a number above 0."""
    try:
        return float(told) if not isinstance(told, bool) and 0 < float(told) < 10**10 else None
    except (TypeError, ValueError):
        return None
