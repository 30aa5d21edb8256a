"""The requests of a run that are on their way. The rule: the CRM does not wait for the ledger, at most two batches are
intended and not settled, and whatever stops the run, everything that was sent is settled."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from connectors.errors import ConfigError, RetryLater
from connectors.values import is_secret_field
from portal.ledger.models import Entry
from portal.mappings.transform import Side, carried
from portal.sync.cases import OTHER
from portal.sync.job import Job
from portal.sync.load import copies
from portal.sync.outcome import judge, settle
from portal.sync.send import Answer, Request, Senders, answer_to, request_of

PATIENCE = 3  # unclear answers, or refused rights, in a row: then it is the server or the connection, not the record


@dataclass(frozen=True, slots=True)
class _Batch:
    """Entries that were handed to the senders, and where their answers come."""

    side: Side
    entries: list[Entry]
    answers: list[Future[Answer]]


class UnderWay:
    """The requests on their way to one side. While a batch is being sent the next is made ready and follows at once, so that
    the CRM does not wait for the ledger; so at most two batches are intended and not settled."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._senders: dict[Side, Senders] = {}
        self._last: _Batch | None = None
        self._in_a_row = 0

    def __enter__(self) -> UnderWay:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        """Settle what is under way; whatever stops the run keeps from being sent what is not sent yet."""
        try:
            if kind is None:
                self.finish()
            elif self._last is not None:
                for answer in self._last.answers:
                    answer.cancel()
                self._settle(self._last)
        finally:
            for senders in self._senders.values():
                senders.close()

    def make_way(self, side: Side, group: list[Entry]) -> None:
        """Have what is under way settled first where it goes to the other side, or to one of the same records: two writes to
        one pair are never on their way at once."""
        last = self._last
        if last is not None and (last.side != side or _records(last.entries) & _records(group)):
            self.finish()

    def begin(self, side: Side, group: list[Entry]) -> None:
        """Send these intended entries, and settle those sent before. Raises what stops the run."""
        if side not in self._senders:
            self._senders[side] = Senders(self._job.crms[side])
        answers = self._senders[side].begin(_requests(self._job, group, side))
        before, self._last = self._last, _Batch(side, group, answers)
        if before is not None:
            self._check(self._settle(before))
        if all(answer.done() for answer in answers):
            self.finish()

    def finish(self) -> None:
        """Settle what was sent last. Raises what stops the run."""
        last, self._last = self._last, None
        if last is not None:
            self._check(self._settle(last))

    def _settle(self, batch: _Batch) -> list[Answer]:
        answers = [answer_to(sent) for sent in batch.answers]
        self._job.write_down_calls(batch.side)
        pairs = zip(batch.entries, answers, strict=True)
        settle(self._job, batch.side, [judge(self._job, batch.side, entry, answer) for entry, answer in pairs])
        return answers

    def _check(self, answers: list[Answer]) -> None:
        """Raise the error that concerns more than its record."""
        unclear = all(answer.may_be_the_record for answer in answers)
        self._in_a_row = self._in_a_row + len(answers) if unclear else 0
        for kind in (ConfigError, RetryLater):
            for answer in answers:
                if isinstance(answer.error, kind) and (not answer.may_be_the_record or self._in_a_row >= PATIENCE):
                    raise answer.error


def _records(group: list[Entry]) -> set[str]:
    return {entry.record_id for entry in group if entry.record_id}


def _requests(job: Job, group: list[Entry], side: Side) -> list[Request]:
    """Return what to send; what the ledger hides is made again from the source."""
    rules = [rule for rule in job.terms.definition.rules if is_secret_field(rule.at(side))]
    seen = copies(job, OTHER[side], (entry.source_id for entry in group)) if rules else {}
    hidden = {
        id: {rule.at(side): carried(rule, record.values, OTHER[side], job.terms.means) for rule in rules}
        for id, record in seen.items()
    }
    return [request_of(entry, hidden.get(entry.source_id, {})) for entry in group]
