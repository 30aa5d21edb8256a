"""What a person reads about OpenCRM before connecting it: the settings, where the API keys come from, why a test may fail,
and what is odd about it."""

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
INTRODUCTION = _(
    "OpenCRM is a CRM from the United Kingdom, used in the browser, each customer at an address of its own. The portal reads and "
    "changes its companies, contacts, leads, sales records and the rest through its REST API."
)
# What a person should know beforehand, each with the place in docs/facts/opencrm.md where the evidence stands.
ODDITIES = (
    (_("There is no key with fewer rights: whoever has the two keys may do everything. Leave the connection read-only until you mean to write."), "3"),
    (_("OpenCRM does not tell its modules and fields. The portal knows those below and reads what else it sees; it writes a field of your own only after you named it with its type, because OpenCRM turns a value that does not fit into something else without a word."), "7"),
    (_("OpenCRM would take the same contact twice. The portal looks a new record up first and refuses it with the name of the one that is there."), "7"),
    (_("Product lines that are not sent along with a change of them are deleted for ever. The portal reads all lines of the record first and sends them too; a line that somebody adds in that very moment is lost."), "7"),
    (_("One condition of a filter is asked of OpenCRM, and none that says “not”; the others are evaluated here, so that more records are read than are shown."), "3"),
    (_("Lists come in no order that can be asked for: what you want sorted is read whole and sorted here."), "7"),
    (_("Errors come as if all were well (HTTP status 200), some as plain sentences: the portal goes by what they say."), "3"),
    (_("After a broken answer to a change the portal says that it may have been done. Look at the record before you try again."), "7"),
    (_("A firewall turns programs away by their names. Where every call is refused with HTTP status 403, set “Name of the caller”."), "3"),
    (_("A search for a phone number finds it only as it is spelt in OpenCRM. The portal therefore asks for its last four digits, then for the number as typed, and compares digit by digit."), "7"),
    (_("Two records can be linked, but no call lists links or undoes one. Links and campaigns are in closed beta: not every account has them."), "7"),
)  # fmt: skip
