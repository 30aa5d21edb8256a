"""Who calls OpenCRM, and how the keys are sent: in the body or the header of each call, or once to log in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from connectors.context import Call
from connectors.errors import AccessDenied, ConfigError
from connectors.opencrm.about import BY_HEADER
from connectors.opencrm.modules import MODULES
from connectors.opencrm.schema import catalogued
from connectors.wording import text as _

CODE = "code"


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls. `auth` is how the keys are sent (`about`); `code` is what some accounts want besides, "" for nothing;
    `user_agent` who we say we are, empty for the portal."""

    key: str = field(repr=False)
    passkey: str = field(repr=False)
    auth: str = ""
    code: str = field(default="", repr=False)
    user_agent: str = ""

    def credentials(self) -> dict[str, str]:
        """Return the parameters of a login."""
        return {"key": self.key, "passkey": self.passkey, **({CODE: self.code} if self.code else {})}

    def headers(self) -> dict[str, str]:
        """Return the headers of every call."""
        keys = {"KEY1": self.key, "KEY2": self.passkey} if self.auth == BY_HEADER else {}
        return {**keys, **({"User-Agent": self.user_agent} if self.user_agent else {})}


def account_of(config: Mapping[str, str], secrets: Mapping[str, str]) -> Account:
    """Return who the settings of a connection say calls. Raises ConfigError for names OpenCRM's firewall turns away (facts §3)."""
    name = config["user_agent"].strip()
    if any(script in name.lower() for script in ("curl", "python")):
        raise ConfigError(
            _("OpenCRM's firewall turns away callers whose name holds “curl” or “python”: choose another name.")
        )
    key, passkey = secrets["key"].strip(), secrets["passkey"].strip()
    return Account(key, passkey, config["auth"], config["code"].strip(), name)


@lru_cache(maxsize=1)
def with_code() -> frozenset[str]:
    """Return the edit calls of modules that have a field `code`."""
    names = [name for name in MODULES if any(one.name == CODE for one in catalogued(name))]
    return frozenset(edit for name in names for edit in MODULES[name].edits)


def code_is_a_field(call: Call) -> AccessDenied:
    """Return the error for a call that the account's code would change and that is refused without it."""
    return AccessDenied(
        _(
            "Nothing was changed by “%(name)s”: OpenCRM wants this account's code with each call, and takes it for the postcode,"
            " which has the same name, here. Ask OpenCRM's support for keys that need no code, and empty the setting “Code”.",
            name=call.operation,
        )
    )
