"""What a person or a script has a CRM do beside reading and saving records: its own operations, comments. The rule: what
writes, and what is for administrators only, is in the audit trail before it is sent, with dots for its secrets, and is never
repeated by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from connectors.base import Connector, find_operation
from connectors.errors import ConnectorError
from connectors.operations import checked, redacted
from connectors.types import JSON, Operation
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.connections.permissions import may_call
from portal.ledger import write
from portal.ledger.models import AuditEntry

T = TypeVar("T")


def carry_out(
    connection: Connection,
    crm: Connector,
    name: str,
    params: Mapping[str, JSON],
    *,
    user: User | None = None,
    actor: str = "command",
) -> JSON:
    """Return what the CRM answers, without secrets. Who has the shell is an administrator: without a `user` all is allowed.

    Raises Unsupported for a name it does not have, QueryError for wrong parameters (nothing was sent), PermissionDenied for
    a user who may not, and any other ConnectorError.
    """
    operation = find_operation(crm, name)
    given = checked(operation, params)
    allowed = user is None or may_call(user, connection, operation)
    if allowed and not operation.writes and not operation.admin_only:
        return crm.call(name, given)
    told = {"operation": name, "params": redacted(operation, given)}
    entry = write.audit(user, "call_operation", connection, told, actor=actor)
    if not allowed:
        write.conclude(entry, "refused")
        raise PermissionDenied(_refusal(operation, connection))
    return _concluded(entry, lambda: crm.call(name, given))


def _refusal(operation: Operation, connection: Connection) -> str:
    who = (
        _("only administrators of this portal may carry it out")
        if operation.admin_only
        else _("your account lacks the permission for it")
    )
    told = _("The operation “%(operation)s” was not sent to “%(connection)s”: %(who)s. Ask an administrator.")
    return told % {"operation": operation.name, "connection": connection.name, "who": who}


def comment(
    connection: Connection,
    crm: Connector,
    module: str,
    id: str,
    text: str,
    *,
    user: User | None = None,
    actor: str = "command",
) -> None:
    """Add a comment to a record. Raises ConnectorError."""
    told = {"module": module, "id": id, "text": text}
    entry = write.audit(user, "add_comment", connection, told, actor=actor)
    _concluded(entry, lambda: crm.comment(module, id, text))


def _concluded(entry: AuditEntry, send: Callable[[], T]) -> T:
    """Send, and add to the entry how it ended."""
    try:
        answer = send()
    except ConnectorError as e:
        write.conclude(entry, "unknown" if getattr(e, "maybe_done", False) else "refused")
        raise
    write.conclude(entry, "done")
    return answer


def as_json(operation: Operation) -> dict[str, JSON]:
    """Return the operation with its parameters, for a list of them."""
    return {
        "name": operation.name,
        "summary": str(operation.summary),
        "writes": operation.writes,
        "admin_only": operation.admin_only,
        "section": operation.section,
        "parameters": [
            {
                "name": p.name, "label": str(p.label), "type": p.type, "required": p.required, "help": str(p.help),
                "choices": [choice.value for choice in p.choices],
            }
            for p in operation.parameters
        ],
    }  # fmt: skip
