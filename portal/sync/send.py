"""Sends intended entries, several at the same time where the connection allows, and hands back what became of each.
The rule: threads touch nothing but the CRM; an answer that is not clear is never taken for a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from connectors.base import Connector
from connectors.errors import AccessDenied, ConnectorError
from connectors.types import JSON, Record
from portal.ledger.models import Entry


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CRM said to one request: the record as stored (None after a delete), or an error. Where the run stopped before
    it was sent: nothing."""

    record: Record | None = None
    error: ConnectorError | None = None
    was_sent: bool = True

    @property
    def is_unclear(self) -> bool:
        """Say whether the write may have happened all the same."""
        return bool(getattr(self.error, "maybe_done", False))

    @property
    def may_be_the_record(self) -> bool:
        """Say whether the next record may fare better: an unclear answer, or a right that CRMs give record by record."""
        return self.is_unclear or isinstance(self.error, AccessDenied)


NOT_SENT = Answer(was_sent=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One write: what to do with which record, and the values in clear (the ledger keeps no secret)."""

    action: str
    module: str
    record_id: str
    values: Mapping[str, JSON]


class Senders:
    """Those who send to one CRM: as many threads as the connection allows requests at once; where that is one, the caller."""

    def __init__(self, crm: Connector) -> None:
        self.crm = crm
        width = crm.context.max_parallel
        self._pool = ThreadPoolExecutor(width, "send") if width > 1 else None

    def begin(self, requests: Sequence[Request]) -> list[Future[Answer]]:
        """Send the requests, in their order, after those begun before; return where their answers come."""
        if self._pool is not None:
            return [self._pool.submit(_send, self.crm, request) for request in requests]
        answers: list[Future[Answer]] = []
        for request in requests:
            answers.append(Future())
            answers[-1].set_result(_send(self.crm, request))
        return answers

    def close(self) -> None:
        """Send nothing more, and wait for what is on its way."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def answer_to(sent: Future[Answer]) -> Answer:
    """Wait for the answer and return it. Raises what stopped the sender, LeaseLost for one."""
    return NOT_SENT if sent.cancelled() else sent.result()


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
        values = crm.with_whole_lines(request.module, request.record_id, request.values)
        return Answer(crm.update(request.module, request.record_id, values))
    except ConnectorError as e:
        return Answer(error=e)
