"""Who we are at OpenCRM and which modules it has. The rule: one module that is refused is hidden; only when all are refused is it
the keys, or the API is not enabled."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from connectors.context import Context
from connectors.errors import AccessDenied, AuthError, ConfigError, QueryError
from connectors.opencrm.catalog import KINDS, module
from connectors.opencrm.client import OpenCrmClient
from connectors.opencrm.rows import Row, id_of
from connectors.paging import prefetch
from connectors.types import Identity, Owner
from connectors.values import strip_secrets
from connectors.wording import text as _

REFUSALS = (QueryError, AccessDenied)
LACKING = "lacking modules"  # what is learned


def identity(client: OpenCrmClient, context: Context, zone: str) -> Identity:
    """Return which modules the keys open. Raises AuthError, AccessDenied when they open none."""
    refused = probe(client, context)
    context.learned.set(LACKING, sorted(refused))
    notes = [
        _("These API keys may read and change everything: whoever uses this connection can, too."),
        _(
            "OpenCRM does not tell the time zone of its server. Times that name none are read as %(zone)s: change the"
            " setting if they are wrong.",
            zone=zone,
        ),
    ]
    if refused:
        names = ", ".join(KINDS[name].label for name in refused)
        notes.append(_("Not in this OpenCRM, or not permitted: %(names)s.", names=names))
    found = tuple(module(name) for name in KINDS if name not in refused)
    host = urlsplit(client.root).hostname or ""
    return Identity(account=host, user=_("Administrator (API)"), version="REST", modules=found, notes=tuple(notes))


def probe(client: OpenCrmClient, context: Context) -> Mapping[str, ConfigError | QueryError]:
    """Count each module's records; return what was said of those that cannot be. Raises that when it is all of them."""

    def ask(name: str) -> ConfigError | QueryError | None:
        try:
            client.count(name)
        except AuthError:
            raise
        except REFUSALS as e:
            return e
        return None

    first, *rest = KINDS  # alone, so that wrong keys are tried once and not fourteen times
    answers = [ask(first), *prefetch(ask, rest, context.max_parallel)]
    refused = {name: error for name, error in zip(KINDS, answers, strict=True) if error is not None}
    if len(refused) == len(KINDS):
        raise next(iter(refused.values()))
    return refused


def owner(row: Row) -> Owner:
    """Return a row of get_user_list as somebody who can own records."""
    row = dict(strip_secrets(row))
    name = " ".join(str(row[part]) for part in ("first_name", "last_name") if row.get(part))
    id = id_of(row)
    return Owner(
        id,
        name or str(row.get("user_name") or row.get("email1") or id),
        active=str(row.get("status") or "Active").lower() == "active",
    )
