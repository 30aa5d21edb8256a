"""Asks a CRM who we are, before a connection is saved and any time after. Never inside a database transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.utils import timezone

from connectors.context import MemoryLearned
from connectors.errors import ConnectorError
from connectors.types import JSON, Identity, Owner
from portal.connections.access import open_connector, open_draft
from portal.connections.advice import words
from portal.connections.models import Connection
from portal.connections.owners import ask_owners, keep_owners
from portal.connections.schema import keep_modules
from portal.ui.wording import to_keep


@dataclass(frozen=True, slots=True)
class Checked:
    """What a test that went well brought: who we are, who can own records, and what was learned of the server."""

    identity: Identity
    owners: tuple[Owner, ...] = ()
    learned: Mapping[str, JSON] = field(default_factory=dict)


Outcome = Checked | ConnectorError


def try_out(draft: Connection, secrets: Mapping[str, str]) -> Outcome:
    """Return what the CRM tells of an unsaved connection, or why it does not; nothing is stored."""
    learned = MemoryLearned()
    try:
        with open_draft(draft, secrets, learned) as crm:
            return Checked(crm.check(), ask_owners(crm), learned.facts)
    except ConnectorError as e:
        return e


def check(connection: Connection) -> Identity:
    """Ask with the stored connection, store how it went and return the answer. Raises the ConnectorError it stored."""
    try:
        with open_connector(connection, purpose="person") as crm:
            checked = Checked(crm.check(), ask_owners(crm), connection.learned)
    except ConnectorError as e:
        note(connection, e)
        raise
    note(connection, checked)
    return checked.identity


def note(connection: Connection, outcome: Outcome) -> None:
    """Store how a test of this stored connection went, and what it brought."""
    connection.checked_at = timezone.now()
    if isinstance(outcome, Checked):
        told = outcome.identity
        connection.check_state, connection.check_message = Connection.Check.OK, ""
        connection.identity = {**asdict(told), "modules": len(told.modules), "notes": list(map(to_keep, told.notes))}
        connection.token_expires_at = datetime.fromisoformat(told.expires_at) if told.expires_at else None
        connection.learned = {**connection.learned, **outcome.learned}
        if told.modules:
            keep_modules(connection, list(told.modules))
        keep_owners(connection, outcome.owners)
    else:
        connection.check_state, connection.check_message = Connection.Check.FAILED, to_keep(words(outcome))
    connection.save(
        update_fields=["checked_at", "check_state", "check_message", "identity", "token_expires_at", "learned"]
    )
