"""Who logs in to SarvCRM, and what of that is sent: of the password only its MD5 sum, as the document asks for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.errors import AuthError, ConnectorError, LockedOut
from connectors.spelling import canonical_boolean
from connectors.types import JSON
from connectors.wording import text as _

MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in. `password` is as a person typed it; only its MD5 sum is sent."""

    utype: str
    username: str
    password: str = field(repr=False)
    language: str = "fa_IR"
    portal: bool = False

    def credentials(self) -> dict[str, JSON]:
        """Return the parameters of a login, the user's name under both of its names (facts §6): trying one after the other
        would bring a mistyped password nearer to the lock-out."""
        name = {"user_name": self.username, "username": self.username}
        sent = {"utype": self.utype, **name, "password": md5(self.password), "language": self.language}
        return {**sent, **({"login_type": "portal"} if self.portal else {})}


def account_of(config: Mapping[str, str], secrets: Mapping[str, str]) -> Account:
    """Return who the settings of a connection say logs in."""
    portal = canonical_boolean(config["portal_user"] or "no")
    return Account(config["utype"].strip(), config["username"].strip(), secrets["password"], config["language"], portal)


def md5(password: str) -> str:
    """Return the MD5 sum of a password as it was typed; what is one already stays."""
    if MD5.fullmatch(password):
        return password
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def refused_before(code: str) -> ConnectorError:
    """Return the error for credentials that were refused before and are not tried again by themselves."""
    if code == "1009":
        sentence = _("SarvCRM has locked this user out. An administrator there unlocks it; then test the connection.")
        return LockedOut(sentence, code=code)
    sentence = _("SarvCRM refused this login before. It is not tried again until you test the connection or change it.")
    return AuthError(sentence, code=code)
