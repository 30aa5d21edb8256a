"""What a person reads about SarvCRM before connecting it: the settings, where to find each, and why a test may fail."""

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
