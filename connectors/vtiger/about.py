"""What a person reads about Vtiger before and after connecting it: the settings, where the credentials are found, why a test
may fail, what is odd about it, and what is to be known about this server."""

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
INTRODUCTION = _(
    "Vtiger is a CRM used in the browser, in its maker's cloud or on a server of your own. The portal uses its webservice "
    "(webservice.php). What is odd about it was seen on a real Vtiger 8.0.0."
)
# What a person should know beforehand, each with the place in docs/facts/vtiger.md where the evidence stands.
ODDITIES = (
    (_("A record that is gone and one that this user may not see get nearly the same answer (ACCESS_DENIED): both may be told as “not found”."), "D1"),
    (_("Many servers cannot tell what was deleted, and those that can tell it only of records that the user owns: the portal finds the rest by comparing all ids."), "F11"),
    (_("No call brings more than 100 records: the first reading of a large module takes a while."), "C2"),
    (_("Vtiger checks no values. It stores unknown entries of pick lists and impossible dates, or nothing in their place, without a word; the portal compares what was stored with what it sent."), "D7"),
    (_("Texts that are too long are cut without a word."), "D8"),
    (_("A number that is emptied becomes 0."), "D5"),
    (_("Money is rounded to the decimals of the user of this connection."), "E5"),
    (_("Emoji become “????” on most servers."), "E11"),
    (_("Times are those of the server's zone, which it does not tell: set “Time zone of the server”."), "E9"),
    (_("A filter for an empty field cannot be asked of Vtiger and is evaluated here."), "C8"),
    (_("A deleted record goes to the recycle bin. Contacts of a deleted account lose it without counting as changed."), "D12"),
    (_("A second record like another is refused only where an administrator of Vtiger forbade duplicates, and the answer does not name the other one."), "D14"),
    (_("Two records can be linked, but a link cannot be undone, and a call brings 100 at most of the records that hang on one."), "D18"),
    (_("Saving a record by the call `update` without its description spoils the description; `revise` does not. The portal uses the latter."), "D4"),
    (_("Two logins of one user at the same moment spoil each other: the portal logs in one after the other and tries once more."), "B2"),
)  # fmt: skip


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
