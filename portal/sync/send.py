"""Sends a batch of intended entries, at the same time where the connection allows, and hands back what became of each.
The rule: threads touch nothing but the CRM; an answer that is not clear is never taken for a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from connectors.base import Connector
from connectors.errors import AccessDenied, ConnectorError
from connectors.types import JSON, Record
from portal.ledger.models import Entry


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CRM said to one request: the record as stored (None after a delete), or an error."""

    record: Record | None = None
    error: ConnectorError | None = None

    @property
    def is_unclear(self) -> bool:
        """Say whether the write may have happened all the same."""
        return bool(getattr(self.error, "maybe_done", False))

    @property
    def may_be_the_record(self) -> bool:
        """Say whether the next record may fare better: an unclear answer, or a right that CRMs give record by record."""
        return self.is_unclear or isinstance(self.error, AccessDenied)


@dataclass(frozen=True, slots=True)
class Request:
    """One write: what to do with which record, and the values in clear (the ledger keeps no secret)."""

    action: str
    module: str
    record_id: str
    values: Mapping[str, JSON]


def send(crm: Connector, requests: Sequence[Request], width: int) -> list[Answer]:
    """Carry the requests out and return their answers in order."""
    if len(requests) == 1 or width <= 1:
        return [_send(crm, request) for request in requests]
    with ThreadPoolExecutor(min(width, len(requests)), "send") as pool:
        return list(pool.map(lambda request: _send(crm, request), requests))


def request_of(entry: Entry, hidden: Mapping[str, JSON]) -> Request:
    """Return the request an entry stands for; `hidden` are the values that the ledger does not show."""
    values = {name: hidden.get(name, value) for name, value in entry.intended.items()}
    return Request(entry.action, entry.module, entry.record_id, values)


def _send(crm: Connector, request: Request) -> Answer:
    try:
        if request.action == Entry.Action.CREATE:
            return Answer(crm.create(request.module, request.values))
        if request.action == Entry.Action.DELETE:
            crm.delete(request.module, request.record_id)
            return Answer()
        return Answer(crm.update(request.module, request.record_id, request.values))
    except ConnectorError as e:
        return Answer(error=e)
