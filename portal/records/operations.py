"""What a person or a script has a CRM do beside reading and saving records: its own operations, comments. The rule: what
writes is in the audit trail before it is sent, with dots for its secrets, and is never repeated by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.base import Connector, find_operation
from connectors.errors import ConnectorError
from connectors.operations import checked, redacted
from connectors.types import JSON, Operation
from portal.accounts.models import User
from portal.connections.models import Connection
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
    """Return what the CRM answers, without secrets. Raises Unsupported for a name it does not have, QueryError for wrong
    parameters (nothing was sent), and any other ConnectorError."""
    operation = find_operation(crm, name)
    given = checked(operation, params)
    if not operation.writes:
        return crm.call(name, given)
    told = {"operation": name, "params": redacted(operation, given)}
    entry = write.audit(user, "call_operation", connection, told, actor=actor)
    return _concluded(entry, lambda: crm.call(name, given))


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
        "section": operation.section,
        "parameters": [
            {
                "name": p.name, "label": str(p.label), "type": p.type, "required": p.required, "help": str(p.help),
                "choices": [choice.value for choice in p.choices],
            }
            for p in operation.parameters
        ],
    }  # fmt: skip
