"""What a sync set's run did, mapping by mapping and in sum: what arrived, what did not, and why. A fixed number of queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, QuerySet
from django.utils.functional import Promise

from portal.ledger.models import Entry, Run
from portal.sync.reasons import describe

ARRIVED = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY)
WAITS = (Entry.State.AWAITING, Entry.State.PLANNED)
NOT = (*Entry.WAITING, Entry.State.REFUSED, Entry.State.SENT, Entry.State.UNKNOWN)
SENDS = ("create", "update", "delete")


@dataclass(slots=True)
class PartReport:
    """One mapping's part, or (`run` None) all of them: how many records arrived, wait for approval, did not, and why (reason in
    words and what to do -> number)."""

    run: Run | None = None
    arrived: int = 0
    waits: int = 0
    missing: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def why(self) -> list[tuple[str | Promise, str | Promise, int]]:
        """Return each reason in words, with what to do and of how many records it holds; the commonest first."""
        return [(describe(code).text, describe(code).advice, n) for code, n in self.reasons.most_common() if code]


@dataclass(frozen=True, slots=True)
class SetReport:
    """The parts in the order in which they run, and their sum."""

    parts: Sequence[PartReport]
    whole: PartReport


def entries_of(run: Run) -> QuerySet[Entry]:
    """Return the entries of all parts as this run left them: without those that a later one of it took up."""
    return Entry.objects.filter(run__parent=run).exclude(superseded_by__run__parent=run)


def report_of(run: Run) -> SetReport | None:
    """Return the report of a sync set's run; None for any other."""
    if run.sync_set is None:
        return None
    parts = {part.pk: PartReport(part) for part in run.children.order_by("pk")}
    counted = entries_of(run).order_by().values_list("run_id", "action", "state", "reason").annotate(n=Count("pk"))
    for pk, action, state, reason, n in counted:
        if state in ARRIVED:
            parts[pk].arrived += n
        elif state in WAITS and action in SENDS:
            parts[pk].waits += n
        elif state in NOT:
            parts[pk].missing += n
            parts[pk].reasons[reason or state] += n
    found = list(parts.values())
    whole = PartReport(None, sum(p.arrived for p in found), sum(p.waits for p in found), sum(p.missing for p in found))
    return SetReport(found, whole)
