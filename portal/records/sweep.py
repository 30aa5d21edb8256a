"""Finds what was deleted at a CRM that does not tell, and what a cursor missed, by asking for every id there is.

Rule: a record is `missing` only after a complete sweep did not bring it, the connection answered its check, and reading
that very record failed as not found. Where a sweep is, is kept with each page of it, so that it may end anywhere and go on
later; one that has not come to its end says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import Connector
from connectors.errors import ProtocolError, RecordNotFound
from connectors.query import Query
from connectors.types import Change, Record
from portal.ledger.lease import Held, fenced
from portal.records.models import Copy, Mirror, SweptId
from portal.records.pull import Progress, ahead, keep, mirror_lease, over
from portal.records.store import note, store_changes

PART = 100  # records looked at and stored together
STALE = timedelta(days=1)  # an interrupted sweep older than that begins again


class SweepRefused(ProtocolError):
    """The sweep came back empty though the mirror is not, and the CRM does not say that this is right."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many ids there are; how many records are missing; how many were stored that the mirror did not have as present:
    all of them since the sweep began. `complete` is false when it was ended before: then no conclusion may be drawn."""

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

    The arguments are those of `pull`. One that ended early goes on where it was, within a day. A mirror never read
    completely is not swept. Raises ConnectorError, SweepRefused.
    """
    with mirror_lease(mirror, held) as ours:
        mirror.refresh_from_db()
        if mirror.completed_at is None:
            return Swept(0, 0, 0, complete=False)
        work = _Sweep(mirror, crm, ours, lambda: over(stop, deadline), _place(mirror))
        complete = work.carry_on(progress)
        swept = Swept(work.brought.count(), work.place["missing"], work.place["found"], complete)
        if complete:
            work.end()
    return swept


def _place(mirror: Mirror) -> dict[str, Any]:
    """Return where the sweep goes on, or a new one begins."""
    now = timezone.now()
    if mirror.sweep and datetime.fromisoformat(mirror.sweep["began"]) > now - STALE:
        return dict(mirror.sweep)
    return {"step": "", "after": "", "began": now.isoformat(), "missing": 0, "found": 0}


@dataclass(slots=True)
class _Sweep:
    """One sweep under way. `place`: the step it is at, the last id that step is done with, when it began, what it found."""

    mirror: Mirror
    crm: Connector
    held: Held
    is_over: Callable[[], bool]
    place: dict[str, Any]

    @property
    def brought(self) -> QuerySet[SweptId]:
        """Return the ids that came."""
        return SweptId.objects.filter(mirror=self.mirror)

    def carry_on(self, progress: Progress | None) -> bool:
        """Take the steps that are left; say whether that was the last."""
        if self.place["step"] == "":
            with fenced(self.held):
                self.brought.delete()
                self.keep_place(step="ids")
        if self.place["step"] == "ids":
            if not self.collect(progress):
                return False
            self.refuse_if_suspicious()
            self.keep_place(step="missing", after="")
        if self.place["step"] == "missing":
            if not self.look_for_missing():
                return False
            self.keep_place(step="unknown", after="")
        return self.fetch_unknown()

    def collect(self, progress: Progress | None) -> bool:
        """Keep all ids; say whether they all came."""
        done = self.brought.count()
        ids = self.crm.ids(self.mirror.module, self.place["after"] or None)
        with ahead(ids) as pages:
            for page in pages:
                rows = [SweptId(mirror=self.mirror, record_id=id) for id in page]
                with fenced(self.held):
                    SweptId.objects.bulk_create(rows, ignore_conflicts=True)
                    self.keep_place(after=page[-1] if page else self.place["after"])
                done += len(page)
                keep(self.held)
                if progress is not None:
                    progress(done, self.mirror.records)
                if self.is_over():
                    return False
        _analyze()
        return True

    def refuse_if_suspicious(self) -> None:
        """Raise SweepRefused when nothing came though the mirror has records, unless the CRM counts none either."""
        if self.brought.exists() or not self.mirror.records:
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
        came = self.brought.filter(record_id=OuterRef("record_id"))
        present = Copy.objects.filter(mirror=self.mirror, deleted="", first_seen__lt=self.place["began"])
        checked = False
        for ids in self._parts(present.filter(~Exists(came))):
            if not checked:
                self.crm.check()
                checked = True
            there = {id: self._read(id) for id in ids}
            changes = [Change(id, record) for id, record in there.items() if record is not None]
            lost = [id for id, record in there.items() if record is None]
            with fenced(self.held):
                gone = store_changes(self.mirror, changes, missing=lost, held=self.held).gone
                self.keep_place(after=ids[-1], missing=self.place["missing"] + gone)
            if self.is_over():
                return False
        return True

    def fetch_unknown(self) -> bool:
        """Store the records the sweep brought and the mirror lacks. Say whether it was done to the end."""
        present = Copy.objects.filter(mirror=self.mirror, deleted="", record_id=OuterRef("record_id"))
        for ids in self._parts(self.brought.filter(~Exists(present))):
            changes = [Change(record.id, record) for record in self.crm.get_many(self.mirror.module, ids)]
            with fenced(self.held):
                stored = store_changes(self.mirror, changes, held=self.held)
                self.keep_place(after=ids[-1], found=self.place["found"] + stored.new + stored.changed)
            if self.is_over():
                return False
        return True

    def keep_place(self, **place: Any) -> None:
        """Save how far the sweep has come."""
        self.place |= place
        note(self.mirror, self.held, sweep=self.place)

    def end(self) -> None:
        """Note that it was complete, and forget its ids."""
        with fenced(self.held):
            self.brought.delete()
            note(self.mirror, self.held, sweep={}, swept_at=datetime.fromisoformat(self.place["began"]))

    def _parts(self, rows: QuerySet[Any]) -> Iterator[list[str]]:
        """Yield the ids of these rows behind the place, in order, some at a time."""
        while True:
            ids = (
                rows.filter(record_id__gt=self.place["after"]).order_by("record_id").values_list("record_id", flat=True)
            )
            if not (part := list(ids[:PART])):
                return
            keep(self.held)
            yield part

    def _read(self, id: str) -> Record | None:
        keep(self.held)
        try:
            return self.crm.get(self.mirror.module, id)
        except RecordNotFound:
            return None


def _analyze() -> None:
    """Refresh PostgreSQL's statistics of the ids, or it may plan the joins to follow as if there were none."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {SweptId._meta.db_table}")
