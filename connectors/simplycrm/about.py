"""What a person reads about Simply CRM before and after connecting it: the settings, where the credentials are found, why a
test may fail, what is odd about it, and what is missing when only one of its two APIs is open to us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.base import DEFAULT_OWNER, REGION, TIME_ZONE
from connectors.types import Choice, Setting
from connectors.vtiger.about import EXTRA_MODULES, not_there
from connectors.wording import text as _

FORM, JSON_BODY = "form", "json"
WEBHOOK_GUIDE = _(
    "In Simply CRM open the settings of the module, “Record Creation”. Give the webhook a name, choose the module in which"
    " it creates records, mark the mandatory parameters and, for each field of the record, whether it takes a fixed"
    " value, a field, an expression or a reference. Switch it on, save it, and paste its address here; who knows it may create"
    " records. An inactive webhook takes nothing."
)
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "url", _("Address"), type="url", is_host=True,
        help=_("Where you open Simply CRM in the browser: https://your-company.simply-crm.com."),
    ),
    Setting(
        "username", _("User name (not e-mail)"),
        help=_("In Simply CRM: My Preferences, “User Name”. People log in with their e-mail address, the API does not."),
    ),
    Setting(
        "access_key", _("Access key"), type="password", secret=True, required=False,
        help=_("In Simply CRM: My Preferences, at the bottom, “Access Key”. It opens the webservice: records, relations, files."),
    ),
    Setting(
        "password", _("Password"), type="password", secret=True, required=False,
        help=_("What this user logs in with. It opens the mobile API: sections, saved filters, alerts. One of the two is needed."),
    ),
    Setting(
        "webhook_url", _("Address of an incoming webhook"), type="password", secret=True, required=False,
        help=WEBHOOK_GUIDE,
    ),
    Setting(
        "webhook_format", _("How the webhook is sent"), type="choice", required=False, default=FORM,
        choices=(Choice(FORM, _("As a form")), Choice(JSON_BODY, _("As JSON"))),
        help=_("Simply CRM does not say which it wants. Try the form first."),
    ),
    EXTRA_MODULES,
    TIME_ZONE,
    REGION,
    DEFAULT_OWNER,
)  # fmt: skip
CREDENTIALS_HELP = _(
    "Log in to Simply CRM as the user the portal shall act as and open My Preferences. Copy the user name and the access"
    " key from there, and enter this portal's address under “Whitelist IP”, or every request is refused. Give the"
    " user's password too, and the portal also shows the sections of a record, saved filters and alerts."
)
LIKELY_CAUSES = (
    _("This portal's address is not in the field “Whitelist IP” under My Preferences of this user."),
    _("The e-mail address was given instead of the user name."),
    _("The access key was copied from another user, or the password and the access key were exchanged."),
    _("The address is not the one at which Simply CRM opens in a browser."),
)
INTRODUCTION = _(
    "Simply CRM is a CRM used in the browser, made from Vtiger 7. It has two APIs, and the portal uses both: the webservice, opened "
    "by the access key, for records, links and files; the mobile API, opened by the password, for sections, saved filters and "
    "alerts. New records can also be sent to an incoming webhook."
)
# What a person should know beforehand, each with the place in docs/facts/simplycrm.md where the evidence stands.
ODDITIES = (
    (_("Simply CRM was made from Vtiger, so that what is odd about [Vtiger](vtiger.md#what-is-odd-about-it) is mostly odd here too."), "2"),
    (_("A record that is gone and one that this user may not see get the same answer, so both may be told as “not found”."), "2"),
    (_("Some servers pass over the search of the mobile API and send every record; the portal keeps those that match."), "2"),
    (_("The mobile API spoils texts with “<” directly before a letter, unless it is spelt in a way that it leaves alone; the portal spells it so."), "2"),
    (_("The calendar holds tasks and meetings, two modules with numbers of their own. What the screens call “Tasks” are the tasks of projects, another module."), "6"),
    (_("The number before the “x” in an id, such as 12x345, stands for a module and differs from account to account."), "6"),
    (_("Names in the document and on the server differ (FAQ and Faq, Projects and Project): the portal takes either."), "6"),
    (_("Nothing is published of the address and form of an incoming webhook: paste the address as it is shown, and choose form or JSON. Any answer of success counts as delivered."), "2"),
    (_("Pictures of contacts, parts of documents and the comments inside tickets are shown by neither API."), ""),
)  # fmt: skip


def notes(*, by_key: bool, by_password: bool, zone: str, server_zone: str, refused: Sequence[str]) -> Iterator[str]:
    """Yield what a person should know about this connection, most of all what is missing."""
    if not by_password:
        yield _(
            "Without the password the mobile API is closed: fields come without sections, and there are no saved filters,"
            " no alerts and no deletions told by the server."
        )
    if not by_key:
        yield _(
            "Without the access key the webservice is closed: records are read and written by the mobile API, which cannot"
            " link records, keeps files back and counts only by reading."
        )
    yield from not_there(refused)
    if not server_zone:
        yield _(
            "Simply CRM does not tell the time zone of its server. Its times are read as %(zone)s: change the setting if"
            " they are wrong.",
            zone=zone,
        )
    yield _(
        "Pictures of contacts, parts of documents and the comments inside tickets are shown by no API of Simply CRM."
    )
