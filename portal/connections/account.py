"""Whether a connection still leads to the records that are kept of it. The rule: ids begin anew in every CRM, so what is
kept of one is never taken for another's: a person says which it is, or nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.views.decorators.debug import sensitive_variables

from connectors.base import Connector
from portal.accounts.models import User
from portal.connections.crypto import Sealed
from portal.connections.models import Connection

# Apps above say whether they keep records of a connection, and forget them when it becomes one to another CRM: inside the
# transaction that saves it, given who did it. They raise InUse where somebody works with them just now.
keeps_records: list[Callable[[Connection], bool]] = []
forget_records: list[Callable[[Connection, User | None, str], None]] = []


class InUse(Exception):
    """The records kept of a connection are being worked with; the message says by what, and what to do."""


@sensitive_variables()
def account_of(connector: type[Connector], values: Mapping[str, str]) -> Sealed:
    """Return the settings and secrets that say whose records are there."""
    named = (setting for setting in connector.settings if setting.is_host or setting.is_account)
    return Sealed({setting.name: (values.get(setting.name) or setting.default).rstrip("/") for setting in named})


@sensitive_variables()
def grant_is_void(connector: type[Connector], old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Say whether what the CRM granted at its own pages, under these settings and secrets, is nothing under the new ones."""
    hangs_on = set(connector.oauth.settings if connector.oauth else ())
    hangs_on |= {setting.name for setting in connector.settings if setting.is_host or setting.is_account}
    return any((old.get(name) or "") != (new.get(name) or "") for name in hangs_on)


def is_kept(connection: Connection) -> bool:
    """Say whether anything is kept here of this connection's records."""
    return any(keeps(connection) for keeps in keeps_records)


def forget(connection: Connection, user: User | None, actor: str) -> None:
    """Forget all that is kept of this connection's records. Raises InUse."""
    for drop in forget_records:
        drop(connection, user, actor)
