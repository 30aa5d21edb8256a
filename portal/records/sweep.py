"""Finds what was deleted at a CRM that does not tell, and what a cursor missed, by asking for every id there is.

Rule: a record is `missing` only after a complete sweep did not bring it, the connection answered its check, and reading
that very record failed as not found. A sweep that is interrupted says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import Connector
from connectors.errors import ProtocolError, RecordNotFound
from connectors.query import Query
from connectors.types import Change, Record
from portal.ledger.lease import Held
from portal.records import store_sql as sql
from portal.records.models import Mirror
from portal.records.pull import Progress, ahead, keep, mirror_lease, over
from portal.records.store import note, store_changes

PART = 100  # records looked at and stored together


class SweepRefused(ProtocolError):
    """The sweep came back empty though the mirror is not, and the CRM does not say that this is right."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many ids there are; how many records are missing; how many were stored that the mirror did not have as present.
    `complete` is false when it was ended before: then no conclusion may be drawn from it."""

    ids: int
    missing: int
    found: int
    complete: bool


def sweep(
    mirror: Mirror,
    crm: Connector,
    *,
    held: Held | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> Swept:
    """Compare all ids of the CRM with the mirror; mark what is missing, fetch what the mirror lacks.

    The arguments are those of `pull`. The ids wait in a table of this database session, so a sweep cannot go on later:
    give it the time it needs. A mirror never read completely is not swept. Raises ConnectorError, SweepRefused.
    """
    with mirror_lease(mirror, held) as ours, sql.swept():
        mirror.refresh_from_db()
        work = _Sweep(mirror, crm, ours, lambda: over(stop, deadline))
        if mirror.completed_at is None or not work.collect(progress):
            return Swept(0, 0, 0, complete=False)
        work.refuse_if_suspicious()
        complete = work.look_for_missing() and work.fetch_unknown()
        if complete:
            note(mirror, ours, swept_at=timezone.now())
    return Swept(work.ids, work.missing, work.found, complete)


@dataclass(slots=True)
class _Sweep:
    """One sweep under way."""

    mirror: Mirror
    crm: Connector
    held: Held
    is_over: Callable[[], bool]
    ids: int = 0
    missing: int = 0
    found: int = 0

    def collect(self, progress: Progress | None) -> bool:
        """Put all ids into the work table; say whether they all came."""
        done = 0
        with ahead(self.crm.ids(self.mirror.module), self.crm.capabilities.parallel_pages) as pages:
            for page in pages:
                sql.add_swept(page)
                done += len(page)
                keep(self.held)
                if progress is not None:
                    progress(done, self.mirror.records)
                if self.is_over():
                    return False
        self.ids = sql.count_swept()
        return True

    def refuse_if_suspicious(self) -> None:
        """Raise SweepRefused when nothing came though the mirror has records, unless the CRM counts none either."""
        if self.ids or not self.mirror.records:
            return
        self.crm.check()
        if self.crm.count(self.mirror.module, Query()) != 0:
            raise SweepRefused(
                _(
                    "%(mirror)s: the CRM listed no records, but %(count)d are known. Nothing was marked as missing. "
                    "Check what this account may see there, then sweep again."
                )
                % {"mirror": self.mirror, "count": self.mirror.records}
            )

    def look_for_missing(self) -> bool:
        """Read each record the sweep did not bring; mark those not found. Say whether it was done to the end."""
        checked = False
        for ids in self._parts(sql.not_swept):
            if not checked:
                self.crm.check()
                checked = True
            there = {id: self._read(id) for id in ids}
            changes = [Change(id, record) for id, record in there.items() if record is not None]
            lost = [id for id, record in there.items() if record is None]
            self.missing += store_changes(self.mirror, changes, missing=lost, held=self.held).gone
            if self.is_over():
                return False
        return True

    def fetch_unknown(self) -> bool:
        """Store the records the sweep brought and the mirror lacks. Say whether it was done to the end."""
        for ids in self._parts(sql.not_present):
            changes = [Change(record.id, record) for record in self.crm.get_many(self.mirror.module, ids)]
            stored = store_changes(self.mirror, changes, held=self.held)
            self.found += stored.new + stored.changed
            if self.is_over():
                return False
        return True

    def _parts(self, query: Callable[[int, str, int], list[str]]) -> Iterator[list[str]]:
        after = ""
        while ids := query(self.mirror.pk, after, PART):
            keep(self.held)
            yield ids
            after = ids[-1]

    def _read(self, id: str) -> Record | None:
        try:
            return self.crm.get(self.mirror.module, id)
        except RecordNotFound:
            return None
