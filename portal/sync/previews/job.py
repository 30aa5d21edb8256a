"""Previews on all records, and match reviews, as people ask for them: small ones at once, large ones in the background, with
progress, stoppable. The rule: whoever works on one holds its lease, so one that is handed out twice is made once, and one that died is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from portal.accounts.models import User
from portal.ledger import lease
from portal.ledger.lease import Held, LeaseLost, fenced
from portal.mappings.models import Mapping
from portal.sync.cases import SIDES
from portal.sync.matching.review import Findings, review
from portal.sync.models import Preview
from portal.sync.planning import Planning
from portal.sync.previews.ready import NotReady, planning_of, stamp
from portal.sync.previews.samples import as_json
from portal.sync.previews.tally import Tally, preview

SMALL = 2_000  # records of both mirrors together that are looked at while a person waits
KEPT = 5  # previews of a mapping
TIMEOUT = 3_600  # seconds a worker gives one
ATTEMPTS = 3  # how often one is begun whose process dies: it may be what kills it
QUIET = timedelta(seconds=60)  # without a sign of life, before somebody looks whether it has died


class _StopAsked(Exception):
    """A person asked to stop."""


def start(
    mapping: Mapping, *, user: User | None, actor: str, kind: str = Preview.Kind.PLAN, enqueue: bool = True
) -> Preview:
    """Return a new preview, or match review, of the newest version: made already where the mirrors are small, else in the
    background (without `enqueue` here in any case); or the one that is being made. Raises NotReady."""
    known = planning_of(mapping)
    now = stamp(mapping)
    for open_one in Preview.objects.filter(mapping=mapping, kind=kind, state__in=Preview.OPEN):
        if not is_dead(open_one):
            return open_one
    about = {"mapping": mapping, "kind": kind, "version": now["version"], "stamp": now}
    row = Preview.objects.create(user=user, actor=actor[:150], **about)
    if kind == Preview.Kind.PLAN:  # a match review drops the one before it when it has ended well
        _drop_old(mapping)
    if not enqueue or sum(mirror.records for mirror in known.mirrors.values()) <= SMALL:
        work(row.pk)
    else:
        transaction.on_commit(lambda: _enqueue(row))
    row.refresh_from_db()
    return row


def work(preview_id: int) -> str:
    """Make the preview unless somebody else does or did; return its state, "" where its mapping was deleted."""
    rows = Preview.objects.select_related("mapping__left_connection", "mapping__right_connection").filter(pk=preview_id)
    held = lease.take(_lease(preview_id))
    if held is not None:
        try:
            row = rows.first()
            if row is not None and _waits(row):
                _make(row, held)
        except LeaseLost:  # somebody thought us dead: the page says so and offers to start again
            pass
        finally:
            held.forget()
    return rows.values_list("state", flat=True).first() or ""


def take_up(*, at_once: bool = False) -> int:
    """Enqueue every one that nobody works on though it has not ended, because its process died or its task was lost; return
    how many. Those that may just be waiting for a worker are left alone for a while, but `at_once`, as when a cluster starts."""
    lost = Preview.objects.filter(state__in=Preview.OPEN).annotate(last=Coalesce("beat_at", "created_at"))
    lost = lost if at_once else lost.filter(last__lt=timezone.now() - QUIET)
    found = [row for row in lost if _waits(row) and lease.is_free(_lease(row.pk))]
    for row in found:
        Preview.objects.filter(pk=row.pk, state=row.state).update(beat_at=timezone.now())
        _enqueue(row)
    return len(found)


def _waits(row: Preview) -> bool:
    """Say whether it may be begun by whoever holds its lease: a preview also where somebody died over it; a match review,
    which keeps what it found so far, only once."""
    died = row.state == Preview.State.RUNNING and row.kind == Preview.Kind.PLAN
    return died or row.state == Preview.State.QUEUED


def request_stop(row: Preview) -> None:
    """Have it end at the next beat; at once where nobody works on it."""
    Preview.objects.filter(pk=row.pk, state__in=Preview.OPEN).update(stop_requested=True)
    if row.state == Preview.State.QUEUED or is_dead(row):
        ended = {"state": Preview.State.STOPPED, "finished_at": timezone.now()}
        Preview.objects.filter(pk=row.pk, state=row.state).update(**ended)


def is_dead(row: Preview) -> bool:
    """Say whether whoever worked on it lives no more."""
    return row.state == Preview.State.RUNNING and lease.is_free(_lease(row.pk))


def changed_since(row: Preview) -> list[str]:
    """Return what is different now from what the preview went by, in words; nothing where it still holds."""
    now, told = stamp(row.mapping), []
    if any(now[what] != row.stamp.get(what) for what in ("version", "saved", "tables")):
        told.append(_("The mapping or one of its value tables was changed since."))
    if now["mirrors"] != row.stamp.get("mirrors"):
        told.append(_("Records changed in our copies since."))
    return told


def _make(row: Preview, held: Held) -> None:
    began = time.monotonic()
    now = timezone.now()
    _save(row, held, state=Preview.State.RUNNING, started_at=now, beat_at=now, attempts=row.attempts + 1)
    if row.attempts >= ATTEMPTS:
        told = _("The process that worked on it ended %(count)d times before it was done: look at the worker’s log.")
        _end(row, held, began, Preview.State.FAILED, message=told % {"count": row.attempts})
        return
    try:
        as_of = stamp(row.mapping)  # before anything is read: what changes from here on makes it old
        known = planning_of(row.mapping)
        _save(row, held, stamp=as_of, version=as_of["version"], read_at=_read_at(known))
        found = _look(row, held, known)
    except _StopAsked:
        _end(row, held, began, Preview.State.STOPPED)
    except NotReady as e:
        _end(row, held, began, Preview.State.FAILED, message=str(e))
    else:
        _end(row, held, began, Preview.State.DONE, done=row.total, **found)


def _look(row: Preview, held: Held, known: Planning) -> dict[str, Any]:
    """Return what was found, as it is kept."""
    if row.kind == Preview.Kind.MATCHES:
        return {"counts": review(known, row, held, _reporter(row, held)).counts}
    tally = preview(known, _reporter(row, held))
    samples = {kind: [as_json(one) for one in found] for kind, found in tally.samples.items()}
    return {"counts": tally.counts, "samples": samples}


def _reporter(row: Preview, held: Held) -> Callable[[int, int, Tally | Findings], None]:
    """Return who writes down once a beat how far it is, and stops where a person said so."""
    told = 0.0

    def tell(done: int, total: int, tally: Tally | Findings) -> None:
        nonlocal told
        row.total = total
        if time.monotonic() - told < settings.BEAT_SECONDS:
            return
        told = time.monotonic()
        held.outlast(settings.LEASE_SECONDS / 2)
        _save(row, held, done=done, total=total, counts=tally.counts, beat_at=timezone.now())
        if not Preview.objects.filter(pk=row.pk, stop_requested=False).exists():  # or it went with its mapping
            raise _StopAsked

    return tell


def _end(row: Preview, held: Held, began: float, state: str, **found: Any) -> None:
    seconds = time.monotonic() - began
    _save(row, held, state=state, seconds=seconds, finished_at=timezone.now(), total=row.total, **found)


def _save(row: Preview, held: Held, **fields: Any) -> None:
    with fenced(held):
        Preview.objects.filter(pk=row.pk).update(**fields)


def _read_at(known: Planning) -> dict[str, str | None]:
    times = {side: known.mirrors[side].pulled_at for side in SIDES}
    return {side: at.isoformat() if at else None for side, at in times.items()}


def _drop_old(mapping: Mapping) -> None:
    """Keep the last few; one that is being made is never an old one."""
    previews = Preview.objects.filter(mapping=mapping, kind=Preview.Kind.PLAN)
    ended = previews.exclude(state=Preview.State.RUNNING)
    old = list(ended.values_list("pk", flat=True)[KEPT:])
    Preview.objects.filter(pk__in=old).delete()
    dead = [row.pk for row in previews.filter(state=Preview.State.RUNNING) if is_dead(row)]
    Preview.objects.filter(pk__in=dead).delete()


def _enqueue(row: Preview) -> None:
    async_task("portal.sync.previews.job.work", row.pk, group=_lease(row.pk), timeout=TIMEOUT)


def _lease(preview_id: int) -> str:
    return f"preview:{preview_id}"
