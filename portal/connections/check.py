"""Asks a CRM who we are, before a connection is saved and any time after. Never inside a database transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.types import Identity
from portal.connections.access import open_connector, open_draft
from portal.connections.advice import words
from portal.connections.models import Connection
from portal.connections.schema import keep_modules

Outcome = Identity | ConnectorError


def try_out(draft: Connection, secrets: Mapping[str, str]) -> Outcome:
    """Return who the CRM says we are, or why it does not; nothing is stored."""
    try:
        with open_draft(draft, secrets) as crm:
            return crm.check()
    except ConnectorError as e:
        return e


def check(connection: Connection) -> Identity:
    """Ask with the stored connection, store how it went and return the answer. Raises the ConnectorError it stored."""
    try:
        with open_connector(connection, purpose="person") as crm:
            identity = crm.check()
    except ConnectorError as e:
        note(connection, e)
        raise
    note(connection, identity)
    return identity


def note(connection: Connection, outcome: Outcome) -> None:
    """Store how a test of this stored connection went."""
    connection.checked_at = timezone.now()
    if isinstance(outcome, Identity):
        connection.check_state, connection.check_message = Connection.Check.OK, ""
        connection.identity = {k: v for k, v in asdict(outcome).items() if k != "modules"} | {
            "modules": len(outcome.modules)
        }
        connection.token_expires_at = datetime.fromisoformat(outcome.expires_at) if outcome.expires_at else None
        if outcome.modules:
            keep_modules(connection, list(outcome.modules))
    else:
        connection.check_state, connection.check_message = Connection.Check.FAILED, words(outcome)
    connection.save(update_fields=["checked_at", "check_state", "check_message", "identity", "token_expires_at"])
