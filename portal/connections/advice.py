"""What a person reads when a CRM says no: what happened, in our words and the vendor's, why that may be, what to do. The
one place where a ConnectorError becomes more than its own sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from connectors import errors
from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.wording import text
from portal.ui.wording import translated


@dataclass(frozen=True, slots=True)
class Advice:
    """`title` is one line, `detail` holds the vendor's own words, `causes` the likely ones first, `what_to_do` one sentence."""

    title: str
    detail: str
    causes: tuple[str, ...]
    what_to_do: str


@dataclass(frozen=True, slots=True)
class _Kind:
    title: Any
    what_to_do: Any
    causes: tuple[Any, ...] = ()
    vendor: bool = False  # the connector's own likely causes fit


_KINDS: dict[type[ConnectorError], _Kind] = {
    errors.AuthError: _Kind(
        _("The CRM refused the credentials."),
        _("Copy the credentials from the CRM again; beside each field stands where to find them."),
        (
            _("The key, password or token was mistyped, cut off, or belongs to another user."),
            _("The token has expired or was revoked."),
            _("The user is inactive in the CRM."),
        ),
        vendor=True,
    ),
    errors.AccessDenied: _Kind(
        _("The CRM let us in, but does not allow this."),
        _("Give the CRM user the rights it needs, or connect another user."),
        (
            _("The user's role or profile does not include this module or deed."),
            _("The address of this portal is not on the CRM's list of allowed IP addresses."),
            _("Access by API is not enabled for this user or account."),
        ),
        vendor=True,
    ),
    errors.LockedOut: _Kind(
        _("The CRM has locked this account."),
        _("Unlock the account in the CRM first. Do not try again before: each try may lock it for longer."),
        (_("Too many logins failed."), _("An administrator blocked the user.")),
    ),
    errors.NotInPlan: _Kind(
        _("The account's plan does not include this."),
        _("Ask the vendor which plan includes access by API, or for this module to be switched on."),
        (_("Access by API belongs to a higher plan."), _("The module is switched off in this account.")),
    ),
    errors.HostRefused: _Kind(
        _("This portal does not connect to that address."),
        _(
            "Use the CRM's public https address. For a server of your own network, have whoever runs the portal add its"
            " network to CRM_ALLOWED_NETWORKS and start it again."
        ),
        (
            _("The name leads to a private, local or reserved address."),
            _("The address begins with http://, and plain http is not allowed for this connection."),
        ),
    ),
    errors.ReadOnly: _Kind(
        _("Writing is not allowed on this connection."),
        _("Whoever may change this connection can allow it."),
    ),
    errors.ConfigError: _Kind(
        _("The connection is not set up rightly."), _("Correct the connection and test it."), vendor=True
    ),
    errors.RateLimited: _Kind(
        _("The CRM asks us to slow down."),
        _("Wait; background work goes on by itself. Set calls per minute on the connection to stay below the limit."),
        (_("Other programs use the same account."), _("The limit of the CRM's plan is low.")),
    ),
    errors.BudgetSpent: _Kind(
        _("This portal's own limit of calls is reached."),
        _("Wait until the limit opens again, or raise it on the connection's page."),
    ),
    errors.Unavailable: _Kind(
        _("The CRM does not answer."),
        _("Check the address, and whether the CRM opens in a browser; then try again."),
        (
            _("The address is mistyped, or the server is down or being maintained."),
            _("A firewall stands between this portal and the CRM."),
            _("The server's certificate is not valid or comes from an own CA: then enter its certificate."),
        ),
    ),
    errors.RetryLater: _Kind(_("The CRM cannot answer now."), _("Try again later.")),
    errors.RecordInvalid: _Kind(_("The CRM does not accept these values."), _("Correct the fields named and save again.")),
    errors.RecordNotFound: _Kind(
        _("The record does not exist in the CRM."),
        _("Look it up in the list; it may have been deleted or merged."),
        (_("It was deleted."), _("The CRM user may not see it.")),
    ),
    errors.RecordConflict: _Kind(
        _("Somebody else changed the record meanwhile."), _("Load it again and repeat your change.")
    ),
    errors.Duplicate: _Kind(
        _("The CRM has such a record already and forbids a second one."), _("Use the record that is there.")
    ),
    errors.RecordError: _Kind(_("The CRM refused this record."), _("Look at the record and try again.")),
    errors.QueryError: _Kind(
        _("What was asked for does not exist there."), _("Check the names of module and fields; upper and lower case count.")
    ),
    errors.Unsupported: _Kind(_("This CRM cannot do that."), _("Nothing was changed.")),
    errors.ProtocolError: _Kind(
        _("The CRM answered something we do not understand."),
        _("Check that the address is that of the CRM itself. If it is, tell whoever maintains this portal what stands here."),
        (
            _("The address leads to a web page, not to the CRM's interface."),
            _("A proxy or firewall answered instead of the CRM."),
            _("The vendor changed the interface."),
        ),
        vendor=True,
    ),
    ConnectorError: _Kind(_("The CRM could not do this."), _("Try again; if it stays, test the connection.")),
}  # fmt: skip


def advise(error: ConnectorError, connector: type[Connector] | None = None) -> Advice:
    """Return the words for an error; with the connector's class, its own likely causes come first."""
    kind = next(_KINDS[cls] for cls in type(error).__mro__ if cls in _KINDS)
    own = map(translated, connector.likely_causes) if connector is not None and kind.vendor else ()
    return Advice(str(kind.title), translated(words(error)), (*own, *map(str, kind.causes)), str(kind.what_to_do))


def words(error: ConnectorError) -> str:
    """Return the error in one text: our sentence, then the vendor's own words in brackets."""
    vendor = " ".join(part for part in (error.code, error.vendor_message) if part and part not in str(error))
    return (
        text(gettext_noop("%(sentence)s (%(vendor)s)"), sentence=error.message, vendor=vendor)
        if vendor
        else error.message
    )
