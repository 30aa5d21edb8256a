"""What a person reads about Really Simple Systems before connecting it: the settings, where the access token is made, why a
test may fail, and what is odd about it."""

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
INTRODUCTION = _(
    "Really Simple Systems, now sold as Spotler CRM, is a CRM used in the browser, at one address for all customers. The portal "
    "uses version 4 of its API."
)
# What a person should know beforehand, each with the place in docs/facts/reallysimple.md where the evidence stands.
ODDITIES = (
    (_("The access token runs out, as far as is known after 366 days; “Test connection” says when."), "4"),
    (_("A wrong token and a record type that the plan lacks get the same answers (HTTP status 402 or 403). Refused for one type it is the plan, refused for all it is the token."), "4"),
    (_("A pick list has a name of its own that no call tells: entries can be added only where you entered it under “Names of pick lists”."), "6"),
    (_("Dates with time name no zone: set “Time zone of the server” if they are shown wrong."), "4"),
    (_("How many calls a subscription includes is not published, and each failed call may send somebody an e-mail (Failed API Call Alerts): a daily limit on the connection keeps both small."), "4"),
    (_("For a record that is not there the server answers nothing at all, or an error; both are told as “not found”."), "6"),
    (_("A record type that does not exist is answered like a breakdown of the server (HTTP status 500); the portal goes by the message."), "6"),
    (_("The lines of an opportunity come with it and are a record type of their own, `opportunity_lines`."), "6"),
)  # fmt: skip
