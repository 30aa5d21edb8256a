"""What a person reads about SarvCRM before connecting it: the settings, where to find each, why a test may fail, and what is
odd about it."""

from __future__ import annotations

from connectors.base import DEFAULT_OWNER, REGION, TIME_ZONE
from connectors.types import Choice, Setting
from connectors.wording import text as _

HOST = "https://app.sarvcrm.com/API.php"
PERSIAN, ENGLISH = "fa_IR", "en_US"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "url", _("Address of the API"), type="url", required=False, is_host=True, default=HOST,
        help=_("The same for every customer; a server of your own has its own, such as https://crm.example.com/API.php."),
    ),
    Setting(
        "utype", _("Account name (utype)"), is_account=True,
        help=_("The name of your organisation's account: what follows “utype=” in the address of the login page."),
    ),
    Setting("username", _("User name"), is_account=True, help=_("The name with which this user logs in to SarvCRM.")),
    Setting(
        "password", _("Password"), type="password", secret=True,
        help=_("The password of that user, or its MD5 sum of 32 small hexadecimal digits. Only the sum is sent."),
    ),
    Setting(
        "portal_user", _("Portal user"), type="boolean", required=False,
        help=_("Yes for a customer who logs in to SarvCRM's own customer portal, no for a user of the CRM."),
    ),
    Setting(
        "language", _("Language"), type="choice", required=False, default=PERSIAN,
        choices=(Choice(PERSIAN, _("Persian")), Choice(ENGLISH, _("English"))),
        help=_("The language in which SarvCRM names fields and entries of lists."),
    ),
    Setting(
        "extra_modules", _("More modules"), required=False,
        help=_("Keys of modules that are not in the document, with commas between them, for example: Product_Bundle."),
    ),
    Setting(
        "attachment_call", _("Call that sends a file"), required=False,
        help=_("What follows “method=” in the example “Get Resource Attachment” of SarvCRM's Postman collection. Its document does not tell it; without it files are listed and added, but not downloaded."),
    ),
    TIME_ZONE,
    REGION,
    DEFAULT_OWNER,
)  # fmt: skip
CREDENTIALS_HELP = _(
    "Use a user of its own for this connection, with a role that may see and change what is to be exchanged. The account "
    "name, the user name and the password are those of the login page. SarvCRM locks a user out after several wrong "
    "passwords, so a refused login is not tried again until you test the connection or change it."
)
LIKELY_CAUSES = (
    _("The account name (utype) is not that of the login page."),
    _("The password was changed or has run out: log in to SarvCRM with a browser."),
    _("The user is locked out: an administrator of SarvCRM has to unlock it."),
    _("The user logs in to the customer portal: set “Portal user”."),
    _("Too many sessions of this user are open: wait, or use a user of its own for this connection."),
)
INTRODUCTION = _(
    "SarvCRM is a CRM from Iran, used in the browser at its maker's or on a server of your own. The portal uses version 5 of its "
    "API, as one of its users."
)
# What a person should know beforehand, each with the place in docs/facts/sarvcrm.md where the evidence stands.
ODDITIES = (
    (_("Several wrong passwords lock the user out; how many, nobody says. A refused login is therefore not tried again until you test or change the connection."), "What"),
    (_("Only so many sessions may be open (code 60), and none can be ended: all of the portal shares one. Other programs should log in as another user."), "1.2"),
    (_("A filter is asked of its database where the answer can be relied on, and evaluated here again: upper and lower case, times and sorting are not documented."), "What"),
    (_("Two records are linked by a field of one of them where there is one, else by a call that may replace the links there are: the portal sends those along."), "What"),
    (_("A link can be undone only where a field of one of the two records holds it; for the others no call is documented."), "What"),
    (_("A comment becomes a note on the record: the call for comments is only named in the document."), "What"),
    (_("Files are listed and added; they are downloaded only after you entered the name of the call under “Call that sends a file”."), "What"),
    (_("Fields and entries of pick lists are named in the language of the connection, Persian unless you choose English."), "1.2"),
    (_("A failure of its database arrives as a page with “MySQL Error”. The portal asks once more before it says that the filter was at fault."), "What"),
    (_("A large page may be too much for the server (code 90): the portal asks for half as many, down to 20."), "What"),
)  # fmt: skip
