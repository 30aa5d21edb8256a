"""What a person reads about Vtiger before and after connecting it: the settings, where the credentials are found, why a test
may fail, and what is to be known about this server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.base import DEFAULT_OWNER, REGION, TIME_ZONE
from connectors.types import JSON, Setting
from connectors.wording import text as _

EXTRA_MODULES = Setting(
    "extra_modules",
    _("More modules"),
    required=False,
    help=_("Names of modules that this user may use and the server does not list, with commas between them."),
)
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "url", _("Address"), type="url", is_host=True,
        help=_("Where you open Vtiger in the browser: https://crm.example.com or https://example.com/vtiger."),
    ),
    Setting("username", _("User name"), help=_("The name you log in with, not the e-mail address.")),
    Setting(
        "access_key", _("Access key"), type="password", secret=True,
        help=_("In Vtiger: My Preferences, at the bottom, “Access Key”. It is not the password."),
    ),
    EXTRA_MODULES,
    TIME_ZONE,
    REGION,
    DEFAULT_OWNER,
)  # fmt: skip
CREDENTIALS_HELP = _(
    "Log in to Vtiger as the user the portal shall act as, open My Preferences and copy the Access "
    "Key. Only records that this user may see are read; to see the deletions of all users' records "
    "the portal compares the ids."
)
LIKELY_CAUSES = (
    _("The access key was copied from another user, or the password was given instead of it."),
    _("The user name is spelt differently, or the user is inactive."),
    _("The address is not the one at which Vtiger opens in a browser."),
    _("The server accepts API requests only from addresses on its list, and this portal's is not on it."),
)


def notes(told: Mapping[str, JSON], sync_works: bool, zone: str, refused: Sequence[str]) -> Iterator[str]:
    """Yield what a person should know about this server."""
    if own := told.get("time_zone"):
        yield _(
            "Vtiger does not tell the time zone of its server (%(own)s is only the zone of this user). Its times are read"
            " as %(zone)s: change the setting if they are wrong.",
            own=own, zone=zone,
        )  # fmt: skip
    else:
        yield _(
            "Vtiger does not tell the time zone of its server. Its times are read as %(zone)s: change the setting if they"
            " are wrong.",
            zone=zone,
        )
    yield from not_there(refused)
    if not sync_works:
        yield _("This server cannot tell what was deleted, so deletions are found by comparing all ids.")


def not_there(refused: Sequence[str]) -> Iterator[str]:
    """Yield which of the modules a person named are not there."""
    if refused:
        yield _("Not on this server, or not permitted: %(names)s.", names=", ".join(refused))
