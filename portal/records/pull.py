"""Brings a mirror up to date: asks for changes page by page and stores them while the next page is on its way.

Rule: the place to go on is saved with the pages before it, in one transaction; so a pull may end anywhere, by a stop, a
deadline, an error or a kill, and the next one goes on there. A record that did not come is never taken for deleted.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import Connector
from connectors.errors import ConnectorError, RetryLater
from connectors.types import JSON, ChangePage
from connectors.values import CODEC_VERSION
from portal.connections.models import Connection
from portal.ledger import lease
from portal.ledger.lease import Held
from portal.records.models import Mirror
from portal.records.store import Seen, analyze, note, spelled, store_changes
from portal.records.whole import made_whole

BATCH = 2_000  # records stored in one transaction
BATCH_BEATS = 2  # a slow CRM's pages are stored at least this often
WARMED_UP = 1  # batches before it is looked who waits: the first opens sockets
WAITING = 0.15  # of a batch's time; less is others using the processor
COLLECT_EVERY = 20_000  # objects; Python's own 700 cost a pull a tenth of its time, and it makes hardly any cycles
USUAL_COLLECTING = gc.get_threshold()
T = TypeVar("T")
Progress = Callable[[int, int | None], None]


class MirrorBusy(RetryLater):
    """Another worker is reading this module now."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came. `complete`: everything there was to ask for has been asked for and stored."""

    new: int
    changed: int
    unchanged: int
    gone: int
    complete: bool


def mirror_of(connection: Connection, module: str) -> Mirror:
    """Return the mirror of a module, made if there is none yet."""
    return Mirror.objects.get_or_create(connection=connection, module=module)[0]


def mirrored_modules(connection: Connection) -> list[str]:
    """Return the modules of which there is a mirror."""
    return list(Mirror.objects.filter(connection=connection).values_list("module", flat=True))


def pull(
    mirror: Mirror,
    crm: Connector,
    *,
    full: bool = False,
    held: Held | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> Pulled:
    """Store what changed since the last pull; everything there is on the first one and with `full`.

    `held` is the mirror's lease where the caller has it, else it is taken here (MirrorBusy). `stop` and `deadline`
    (time.monotonic seconds) are looked at after each page; then the answer is not complete and the next pull goes on.
    `progress` is told (records so far, how many there will be or None). Raises ConnectorError; what came before is kept.
    """
    with mirror_lease(mirror, held) as ours, collecting_rarely():
        mirror.refresh_from_db()
        work = _Pull(mirror, ours, progress, _reading(mirror, full))
        since = mirror.cursor if work.reading is None else work.reading["cursor"]
        is_over = partial(over, stop, deadline)
        pages = made_whole(crm.changes(mirror.module, since or None), crm, mirror)
        found = _batches(pages, is_over)
        with ahead(found) as batches:
            complete = work.take(batches, is_over)
        if complete:
            work.end()
    counts = work.counts
    return Pulled(counts["new"], counts["changed"], counts["unchanged"], counts["gone"], complete)


@contextmanager
def mirror_lease(mirror: Mirror, held: Held | None) -> Iterator[Held]:
    """Hold the mirror's lease: the caller's, or one of our own, given back at the end. Raises MirrorBusy."""
    if held is not None:
        yield held
        return
    ours = lease.take(f"mirror:{mirror.pk}")
    if ours is None:
        raise MirrorBusy(
            _("Somebody else is reading %(mirror)s just now; it is tried again in a moment.") % {"mirror": mirror},
            retry_after=5,
        )
    try:
        yield ours
    finally:
        ours.release()


def keep(held: Held) -> None:
    """Renew the lease in time, so that a long reading does not lose it. Raises LeaseLost."""
    held.outlast(held.seconds / 2)


def over(stop: Callable[[], bool] | None, deadline: float | None) -> bool:
    """Say whether it is time to end here."""
    return (deadline is not None and time.monotonic() >= deadline) or (stop is not None and stop())


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Let Python look for unreachable cycles less often meanwhile."""
    gc.set_threshold(COLLECT_EVERY, *USUAL_COLLECTING[1:])
    try:
        yield
    finally:
        gc.set_threshold(*USUAL_COLLECTING)


@contextmanager
def ahead(source: Iterator[T]) -> Iterator[Iterator[T]]:
    """Have the next item made by a thread of its own while the caller works on the last, once one of the two has been
    seen to wait: for the CRM, or for the database. Where neither does, two threads only take the processor from each other
    (a pull from a fast server into SQLite then lasts a fifth longer)."""
    with ThreadPoolExecutor(1, "fetch-ahead") as thread:
        try:
            yield _ahead(thread, source)
        finally:
            if isinstance(source, Generator):
                thread.submit(source.close)
            thread.submit(connections.close_all)  # the thread's own connection to the database, if it made one


def _ahead(thread: Executor, source: Iterator[T]) -> Iterator[T]:
    made = 0
    while True:
        began = time.monotonic(), time.thread_time()
        item = next(source, None)
        if item is None:
            return
        yield item
        passed, worked = time.monotonic() - began[0], time.thread_time() - began[1]
        made += 1
        if made > WARMED_UP and passed - worked > WAITING * passed:
            yield from _one_ahead(thread, source)
            return


def _one_ahead(thread: Executor, source: Iterator[T]) -> Iterator[T]:
    coming = thread.submit(next, source, None)
    while (item := coming.result()) is not None:
        coming = thread.submit(next, source, None)
        yield item


class _Batch(NamedTuple):
    """Changes to be stored together, spelled, with the place after them."""

    seen: list[Seen]
    cursor: str
    total: int | None


def _batches(pages: Iterator[ChangePage], is_over: Callable[[], bool]) -> Iterator[_Batch]:
    """Spell page after page, each while it is at hand, which costs half of doing it later, and yield them by batches."""

    def is_due() -> bool:
        waited = time.monotonic() - since >= BATCH_BEATS * settings.BEAT_SECONDS
        return waited or len(batch.seen) >= BATCH or is_over()

    batch, since = _Batch([], "", None), time.monotonic()
    try:
        for page in pages:
            batch.seen.extend(map(spelled, page.changes))
            batch = _Batch(batch.seen, page.cursor, page.total or batch.total)
            if is_due():
                yield batch
                batch, since = _Batch([], "", batch.total), time.monotonic()
    except ConnectorError:
        if batch.cursor:
            yield batch  # what came before is kept
        raise
    if batch.cursor:
        yield batch


def _reading(mirror: Mirror, full: bool) -> dict[str, JSON] | None:
    """Return where a reading of everything goes on; None when asking for changes is enough."""
    if mirror.reading.get("codec") == CODEC_VERSION:
        return dict(mirror.reading)
    if full or mirror.reading or not mirror.cursor or mirror.codec != CODEC_VERSION:
        return {"cursor": "", "done": 0, "began": timezone.now().isoformat()}
    return None


@dataclass(slots=True)
class _Pull:
    """One pull under way. `reading` is None when only changes are asked for."""

    mirror: Mirror
    held: Held
    progress: Progress | None
    reading: dict[str, JSON] | None
    asked_at: datetime = field(default_factory=timezone.now)
    cursor: str = ""  # of the last batch
    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, batches: Iterator[_Batch], is_over: Callable[[], bool]) -> bool:
        """Store batch after batch; say whether all of them came."""
        if self.reading is not None:
            self.cursor, self.done = self.reading["cursor"], self.reading["done"]
        for batch in batches:
            self.store(batch)
            if is_over():
                return False
        return True

    def store(self, batch: _Batch) -> None:
        """Store the batch with the place after it, which is the mirror's own only when a full reading has ended."""
        keep(self.held)
        self.done, self.cursor = self.done + len(batch.seen), batch.cursor
        place: dict[str, Any] = {"cursor": batch.cursor}
        if self.reading is not None:
            reached = {"cursor": batch.cursor, "done": self.done, "codec": CODEC_VERSION}
            place = {"reading": {**self.reading, **reached}}
        stored = store_changes(self.mirror, batch.seen, asked_at=self.asked_at, held=self.held, **place)
        self.counts.update(new=stored.new, changed=stored.changed, unchanged=stored.unchanged, gone=stored.gone)
        if self.progress is not None:
            self.progress(self.done, batch.total)

    def end(self) -> None:
        """Note that nothing is left to ask for."""
        now = timezone.now()
        if self.reading is not None:
            store_changes(self.mirror, [], cursor=self.cursor or None, reading={}, held=self.held)
            note(self.mirror, self.held, completed_at=now, codec=CODEC_VERSION)
        note(self.mirror, self.held, pulled_at=now)
        analyze(self.mirror, self.counts["new"] + self.counts["changed"], self.held)


def read_again(mirror: Mirror) -> None:
    """Have the next pull read everything: the copies are not what they would be now."""
    Mirror.objects.filter(pk=mirror.pk).update(codec=0)
