"""Comparisons of both sides as people ask for them: read afresh, then compared, slice by slice. The rule: whoever works on one holds
its lease and saves how far it is; so it may be stopped or killed anywhere, and whoever comes next goes on there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from connectors.errors import ConnectorError, RetryLater
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.ledger import lease, write
from portal.ledger.lease import Held, LeaseLost, fenced, renewing
from portal.mappings.models import Mapping
from portal.mappings.transform import Side
from portal.records.afresh import is_fresh, read_afresh
from portal.records.pull import mirror_lease, mirror_of
from portal.sync.cases import SIDES
from portal.sync.models import Preview, Reconciliation
from portal.sync.previews.keys import key_index, pages
from portal.sync.previews.ready import NotReady, planning_of
from portal.sync.reconciling.compare import Tally, compare_batch, steps
from portal.sync.run import SyncRefused, refuse
from portal.ui.wording import portal_language, to_keep

State = Preview.State
KEPT = 5  # of a mapping
WAIT = timedelta(seconds=30)  # before a CRM is asked again that did not say when
LONGEST = timedelta(days=2)
QUIET = timedelta(seconds=10)  # one that gave a sign of life so recently has its next slice in the queue
Progress = Callable[[str, int, int | None], None]  # phase, how many, of how many


class _Stopped(Exception):
    """A person asked to stop."""


def start(mapping: Mapping, *, user: User | None, actor: str, enqueue: bool = True) -> Reconciliation:
    """Return a new comparison by the live version, or the one that is under way. A paused mapping can be compared too. Raises
    SyncRefused for one that is not live."""
    if not mapping.is_live:
        refuse(mapping)
    about: dict[str, Any] = {"version": mapping.version, "user": user, "actor": actor[:150]}
    try:
        with transaction.atomic():
            row = Reconciliation.objects.create(mapping=mapping, **about)
            write.audit(user, "reconcile_mapping", mapping, actor=actor)
    except IntegrityError:  # reconciliation_one_open: a second press of the button finds the first
        row = Reconciliation.objects.get(mapping=mapping, state__in=Preview.OPEN)
    old = Reconciliation.objects.filter(mapping=mapping).values_list("pk", flat=True)[KEPT:]
    Reconciliation.objects.filter(pk__in=list(old)).delete()
    if enqueue:
        transaction.on_commit(lambda: _enqueue(row.pk))
    return row


def work(pk: int, progress: Progress | None = None) -> Reconciliation | None:
    """Carry out one slice unless somebody living does, or it is not yet time; return it as it then is, None when it is gone."""
    held = lease.take(_lease(pk))
    try:
        row = Reconciliation.objects.select_related("mapping").filter(pk=pk).first()
        is_due = row is not None and row.goes_on and not (row.not_before and row.not_before > timezone.now())
        if held is not None and row is not None and is_due:
            _carry_on(_Work(row, held, progress))
    except LeaseLost:  # whoever took it goes on
        pass
    finally:
        if held is not None:
            goes_on = Reconciliation.objects.filter(pk=pk, state__in=Preview.OPEN).exists()
            (held.release if goes_on else held.forget)()
    return Reconciliation.objects.select_related("mapping").filter(pk=pk).first()


def run_slice(pk: int) -> str:
    """Carry out one slice and enqueue the next; return the state, "" when it is gone."""
    row = work(pk)
    if row is not None and row.goes_on and row.not_before is None and lease.is_free(_lease(pk)):
        _enqueue(pk)
    return row.state if row else ""


def take_up(*, at_once: bool = False) -> int:
    """Enqueue a slice for each open comparison that nobody works on and whose time has come; return how many. `at_once`: also for
    those that were alive a moment ago, as when a cluster starts. One that has not come to its end within days never will."""
    now = timezone.now()
    stuck = Reconciliation.objects.filter(state__in=Preview.OPEN, created_at__lt=now - LONGEST)
    with portal_language():
        stuck.update(state=State.FAILED, finished_at=now, message=_("It did not come to its end. Look at the log."))
    due = Reconciliation.objects.filter(Q(not_before=None) | Q(not_before__lte=now), state__in=Preview.OPEN)
    if not at_once:
        due = due.filter(Q(beat_at=None, created_at__lt=now - QUIET) | Q(beat_at__lt=now - QUIET))
    free = [row.pk for row in due if lease.is_free(_lease(row.pk))]
    for pk in free:
        _enqueue(pk)
    return len(free)


def request_stop(row: Reconciliation) -> None:
    """Have it end at the next beat; at once where nobody works on it."""
    open_one = Reconciliation.objects.filter(pk=row.pk, state__in=Preview.OPEN)
    open_one.update(stop_requested=True)
    if lease.is_free(_lease(row.pk)):
        open_one.update(state=State.STOPPED, finished_at=timezone.now())


@dataclass(slots=True)
class _Work:
    """One slice of a comparison under way."""

    row: Reconciliation
    held: Held
    progress: Progress | None
    told: float = 0.0
    calls: int = 0

    def save(self, **fields: Any) -> None:
        """Write fields down, and the sign of life."""
        self.held.outlast(settings.LEASE_SECONDS / 2)
        for name, value in fields.items():
            setattr(self.row, name, value)
        with fenced(self.held):
            Reconciliation.objects.filter(pk=self.row.pk).update(beat_at=timezone.now(), **fields)

    def tell(self, phase: str, done: int, total: int | None) -> None:
        """Say how far it is, once a beat. Raises _Stopped where a person said so."""
        if self.progress is not None:
            self.progress(phase, done, total)
        if time.monotonic() - self.told < settings.BEAT_SECONDS and phase == self.row.phase:
            return
        self.told = time.monotonic()
        self.save(phase=phase, done=done, total=total)
        if not Reconciliation.objects.filter(pk=self.row.pk, stop_requested=False).exists():
            raise _Stopped


def _carry_on(work: _Work) -> None:
    began = time.monotonic()
    started = work.row.started_at or timezone.now()
    work.save(state=State.RUNNING, started_at=started, not_before=None, message="")
    try:
        how = _advance(work, started, began + settings.SLICE_SECONDS)
    except _Stopped:
        how = {"state": State.STOPPED}
    except RetryLater as e:
        wait = WAIT if e.retry_after is None else timedelta(seconds=e.retry_after)
        how = {"not_before": timezone.now() + wait, "message": to_keep(e)}
    except (ConnectorError, NotReady, SyncRefused) as e:
        how = {"state": State.FAILED, "message": to_keep(e) if isinstance(e, ConnectorError) else str(e)}
    ended = {"finished_at": timezone.now()} if "state" in how else {}
    spent = {"seconds": work.row.seconds + time.monotonic() - began, "calls": work.row.calls + work.calls}
    work.save(**how, **ended, **spent)


def _advance(work: _Work, started: datetime, ends_at: float) -> dict[str, Any]:
    """Return the fields of its end; nothing when it goes on in the next slice."""
    mapping = Mapping.objects.select_related("left_connection", "right_connection").get(pk=work.row.mapping_id)
    places: dict[Side, tuple[Connection, str]] = {
        "left": (mapping.left_connection, mapping.left_module),
        "right": (mapping.right_connection, mapping.right_module),
    }
    if not work.row.place:  # once the comparison has begun, the copies are what is compared
        for side in SIDES:
            if not _read(work, side, *places[side], started, ends_at):
                return {}
    return {"state": State.DONE, "done": work.row.total or 0} if _compare(work, mapping, ends_at) else {}


def _read(work: _Work, side: Side, connection: Connection, module: str, since: datetime, ends_at: float) -> bool:
    """Read one side afresh; say whether the slice's time sufficed. Raises ConnectorError, _Stopped."""
    mirror = mirror_of(connection, module)
    if is_fresh(mirror, since):
        return True
    leases = [work.held]
    with open_connector(connection, purpose="sync", guard=renewing(leases)) as crm, mirror_lease(mirror, None) as held:
        leases.append(held)
        try:
            module_schema(connection, module, crm=crm)
            until = max(ends_at, time.monotonic() + 1)  # however late it is in the slice, something is read
            return read_afresh(
                mirror, crm, since, held=held, deadline=until, progress=lambda done, total: work.tell(side, done, total)
            )
        finally:
            work.calls += crm.context.observer.calls  # type: ignore[attr-defined]


def _compare(work: _Work, mapping: Mapping, ends_at: float) -> bool:
    """Compare where the last slice left off; say whether all is compared. Raises NotReady, _Stopped."""
    row, known = work.row, planning_of(mapping, mapping.version)
    tally, done = Tally.of(row.counts, row.listed), int(row.place.get("done", 0))
    total = sum(mirror.copies.count() for mirror in known.mirrors.values())
    work.tell("compare", done, total)
    with key_index(known, lambda more: work.tell("compare", done, total)) as holders:
        for side, after in steps(row.place):
            for copies in pages(known.mirrors[side], after):
                compare_batch(known, side, copies, holders, tally)
                done += len(copies)
                place = {"side": side, "after": copies[-1].record_id, "done": done}
                work.save(place=place, counts=tally.counts, **_grown(row, tally))
                work.tell("compare", done, total)
                if time.monotonic() >= ends_at:
                    return False
    work.save(version=mapping.version, counts=tally.counts, total=total)
    return True


def _grown(row: Reconciliation, tally: Tally) -> dict[str, Any]:
    """Return the list where it has grown: hundreds of records are not written down with every batch."""
    return {"listed": list(tally.listed)} if len(tally.listed) > len(row.listed) else {}


def _enqueue(pk: int) -> None:
    async_task("portal.sync.reconciling.job.run_slice", pk, group=_lease(pk))


def _lease(pk: int) -> str:
    return f"reconcile:{pk}"
