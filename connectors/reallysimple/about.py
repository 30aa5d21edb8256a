"""What a person reads about Really Simple Systems before connecting it: the settings, where the access token is made, and why
a test may fail."""

from __future__ import annotations

from connectors import oauth
from connectors.base import DEFAULT_OWNER, REGION, TIME_ZONE
from connectors.types import Setting
from connectors.wording import text as _

HOST = "https://apiv4.reallysimplesystems.com"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "url", _("Address of the API"), type="url", required=False, is_host=True, default=HOST,
        help=_("The same for every customer; leave it as it is."),
    ),
    Setting(
        "access_token", _("Access token"), type="longtext", required=False, secret=True, is_account=True,
        help=_("In the CRM: Settings / Integrations / API V4, “Manage API Keys and Alerts”, “generate new key”."),
    ),
    Setting(
        "extra_objects", _("Custom tables"), type="longtext", required=False,
        help=_("Object names of your own tables, one a line, for example policies. “Test connection” says which there are."),
    ),
    Setting(
        "list_names", _("Names of pick lists"), type="longtext", required=False,
        help=_(
            "Needed only to add entries to a pick list: object/field=name of the list, one a line, for example"
            " accounts/type=accounttype."
        ),
    ),
    TIME_ZONE,
    REGION,
    DEFAULT_OWNER,
    *oauth.SETTINGS,
)  # fmt: skip
CREDENTIALS_HELP = _(
    "Log in to the CRM and open Settings / Integrations / API V4. Under “Enable API Access to Users” "
    "select the user the portal shall act as and click Enable. Then, under “Manage API Keys and "
    "Alerts”, click “generate new key”, select that user and click “generate”. The access token is "
    "shown only once and runs out after about a year. On the same page you can have an e-mail sent "
    "when most of your calls are used up or when a call fails. If the vendor gave you the addresses and the client of "
    "its OAuth web flow, fill those in instead and save; “Authorise at the CRM” then stands on the connection's page."
)
LIKELY_CAUSES = (
    _("The access token was not copied whole: it is about 1,100 characters long."),
    _("The access token has run out, or another one was generated in its place."),
    _("API access is not enabled for that user: Settings / Integrations / API V4."),
    _("The price plan does not include the API or this record type."),
    _("The number of calls of your subscription is used up."),
)
