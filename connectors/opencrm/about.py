"""What a person reads about OpenCRM before connecting it: the settings, where the API keys come from, and why a test may
fail."""

from __future__ import annotations

from connectors.base import DEFAULT_OWNER, REGION, TIME_ZONE
from connectors.types import Choice, Setting
from connectors.wording import text as _

BY_PARAMETERS, BY_HEADER, BY_LOGIN = "parameters", "header", "login"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "url", _("Address"), type="url", is_host=True,
        help=_("The address at which you log in, for example https://yoursystemname.opencrm.co.uk."),
    ),
    Setting(
        "key", _("API key"), type="password", secret=True, is_account=True,
        help=_("OpenCRM's support makes a pair of keys for you. They may read and change everything."),
    ),
    Setting(
        "passkey", _("API pass key"), type="password", secret=True,
        help=_("The second key of the pair."),
    ),
    Setting(
        "auth", _("How the keys are sent"), type="choice", required=False, default=BY_PARAMETERS,
        choices=(
            Choice(BY_PARAMETERS, _("With each call, in its body")),
            Choice(BY_HEADER, _("With each call, in its header (KEY1, KEY2)")),
            Choice(BY_LOGIN, _("Once, to log in")),
        ),
        help=_("All three are documented. Leave it as it is unless OpenCRM's support says otherwise."),
    ),
    Setting(
        "code", _("Code"), required=False,
        help=_(
            "Only where OpenCRM's support gave you one beside the keys. Companies and leads have a field of that name, the "
            "postcode: they are changed with an access key in its stead, for which the portal logs in with the code."
        ),
    ),
    Setting(
        "user_agent", _("Name of the caller"), required=False,
        help=_(
            "What the portal calls itself (User-Agent) where OpenCRM's firewall lets only known names through. Empty: the "
            "portal's own name."
        ),
    ),
    Setting(
        "extra_fields", _("Fields of your own"), type="longtext", required=False,
        help=_(
            "OpenCRM does not tell its fields. Those seen in records are read by themselves; to write one of your own,"
            " name it with its type, one a line: contact/cf_123=date."
        ),
    ),
    TIME_ZONE,
    REGION,
    DEFAULT_OWNER,
)  # fmt: skip
CREDENTIALS_HELP = _(
    "OpenCRM's API is off until its support turns it on. Write to support@opencrm.co.uk, ask to have the REST API "
    "enabled and for a pair of API keys, and say from which address the portal will call if you have calls limited to "
    "certain addresses: that list is not the one of the web application. The keys give full administrator access: "
    "whoever has them may read and change all records. Every call is recorded in your OpenCRM."
)
LIKELY_CAUSES = (
    _("The API is not enabled: it is off by default, and OpenCRM's support turns it on."),
    _("The key or the pass key was not copied whole, or the two are mixed up."),
    _("Calls are allowed from certain addresses only, and the portal's is not among them: ask OpenCRM's support."),
    _("A firewall before OpenCRM turns the portal away by its name: set “Name of the caller”."),
    _("The number of calls of your subscription is used up."),
    _("The address is not that of your system: https://yoursystemname.opencrm.co.uk."),
)
