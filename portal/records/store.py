"""Keeps what the CRMs answered: the one writer of Mirror, Copy and CopyChange.

Rules: a batch, its history and the place to go on are one transaction. What equals the copy writes nothing. A field not
carried keeps its last value. Versions are taken under the mirror's row lock, so that a reader who has seen a mirror's
version has seen every change up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.models import Model
from django.utils import timezone

from connectors.types import JSON, Change, Values
from connectors.values import CODEC_VERSION, canonical_json, digest, storable, strip_secrets
from portal.ledger.lease import Held, fenced
from portal.records import store_sql as sql
from portal.records.models import Copy, Mirror

ANALYZE_FROM = 5_000  # rows written; below that PostgreSQL plans well enough with the statistics it has


@dataclass(frozen=True, slots=True)
class Stored:
    """How many records were new, changed, as before, deleted just now; and the mirror's version after it."""

    new: int
    changed: int
    unchanged: int
    gone: int
    version: int


class Seen(NamedTuple):  # a tuple: a pull makes a hundred thousand, and a frozen dataclass costs four times as much
    """A change as it will be stored: its values spelled, which is most of the work and needs no database."""

    id: str
    document: str  # canonical JSON, without secrets and without what no database can hold
    digest: bytes
    modified: str
    deleted: str  # a Copy.Deleted; then the document may be empty

    @property
    def values(self) -> dict[str, JSON]:
        values: dict[str, JSON] = orjson.loads(self.document)
        return values


class _Change(NamedTuple):
    """A copy there is, as it shall be."""

    id: str
    pk: int
    version: int
    document: str
    digest: bytes
    modified: str
    deleted: str
    old_deleted: str
    changes: Mapping[str, list[JSON]]


@dataclass(slots=True)
class _Plan:
    """What a batch does to the tables."""

    base: int  # the mirror's version before
    now: Any
    new: list[sql.Row] = field(default_factory=list)
    changed: list[_Change] = field(default_factory=list)
    respelled: list[sql.Row] = field(default_factory=list)
    unchanged: int = 0
    gone: int = 0
    present: int = 0  # by how many the present records grow

    @property
    def next_version(self) -> int:
        return self.base + self.versions + 1

    @property
    def versions(self) -> int:
        return len(self.new) + len(self.changed)


def store_changes(
    mirror: Mirror,
    changes: Iterable[Change | Seen],
    *,
    missing: Iterable[str] = (),
    cursor: str | None = None,
    reading: dict[str, JSON] | None = None,
    asked_at: datetime | None = None,
    run_id: int | None = None,
    held: Held | None = None,
) -> Stored:
    """Store a batch in one transaction with the place to go on; return the counts.

    A record that comes twice counts once, its later values over its earlier ones. `missing` are ids that a complete
    sweep did not find and a read refused. `cursor` and `reading` are kept as they are when None. `asked_at` is when these
    answers were asked for at the earliest: one that is older by the CRM's own stamp than what was stored since (our own
    write, answered meanwhile) is passed over. With `held` nothing is written unless that lease is ours (LeaseLost). New
    and changed records take consecutive versions in their order here.
    """
    batch = _fold(changes, missing)
    with fenced(held):
        state = sql.state(mirror.pk)  # before the fingerprints: whoever stores in between is noticed
        plan = _plan(mirror.pk, batch, asked_at, state.version)
        if plan.versions or plan.respelled:
            locked = sql.state(mirror.pk, lock=True)
            if locked.version != state.version:
                plan = _plan(mirror.pk, batch, asked_at, locked.version)  # now nobody can come in between
            state = locked
        version = _carry_out(mirror, plan, state, cursor, reading, run_id)
    return Stored(len(plan.new), len(plan.changed) - plan.gone, plan.unchanged, plan.gone, version)


def note(mirror: Mirror, held: Held | None = None, **fields: Any) -> None:
    """Set fields of the mirror's own row other than its version: where a reading is, when it was last asked."""
    with fenced(held):
        Mirror.objects.filter(pk=mirror.pk).update(**fields)
    for name, value in fields.items():
        setattr(mirror, name, value)


def analyze(mirror: Mirror, written: int, held: Held | None = None) -> bool:
    """Refresh PostgreSQL's statistics after a large load of `written` records; say whether it was done.

    Without it the next anti-join over a fresh load may run for minutes on empty statistics; autoanalyze comes later.
    """
    first = mirror.analyzed_at is None and mirror.records >= ANALYZE_FROM
    if not (first or written >= max(ANALYZE_FROM, mirror.records // 2)) or not sql.analyze():
        return False
    note(mirror, held, analyzed_at=timezone.now())
    return True


def refresh_statistics(written: int, *models: type[Model]) -> bool:
    """Refresh PostgreSQL's statistics of the tables of these models after so many rows were written at once; say whether it
    was done. Without it whole tables are read for a few rows until autoanalyze comes."""
    return written >= ANALYZE_FROM and sql.analyze(*(model._meta.db_table for model in models))


def spelled(change: Change) -> Seen:
    """Return the change as it will be stored."""
    record = change.record
    if record is None:
        return Seen(change.id, *NOTHING, "", Copy.Deleted.GONE.value)
    return Seen(change.id, *_spell(strip_secrets(record.values)), record.modified or "", "")


def _fold(changes: Iterable[Change | Seen], missing: Iterable[str]) -> dict[str, Seen]:
    batch: dict[str, Seen] = {}
    for change in changes:
        seen = change if isinstance(change, Seen) else spelled(change)
        earlier = batch.get(seen.id)
        batch[seen.id] = seen if earlier is None else _over(earlier, seen)
    for id in missing:
        batch.setdefault(id, Seen(id, *NOTHING, "", Copy.Deleted.MISSING.value))
    return batch


def _over(earlier: Seen, later: Seen) -> Seen:
    both = _spell({**earlier.values, **later.values})
    return Seen(later.id, *both, later.modified or earlier.modified, later.deleted)


def _plan(mirror: int, batch: dict[str, Seen], asked_at: datetime | None, base: int) -> _Plan:
    plan = _Plan(base, sql.now())
    known = sql.fingerprints(mirror, list(batch))
    differing = [copy.pk for id, copy in known.items() if _differs(copy, batch[id])]
    contents = sql.contents(differing, asked_at) if differing else {}
    for id, seen in batch.items():
        copy = known.get(id)
        if copy is not None and copy.pk in contents:
            _plan_change(plan, id, seen, copy, contents[copy.pk])
        elif copy is not None or seen.deleted:  # as it was; or deleted before we ever saw it: nothing to keep
            plan.unchanged += 1
        else:
            place = seen.modified, plan.next_version, CODEC_VERSION
            plan.new.append((mirror, id, seen.document, seen.digest, *place, plan.now, plan.now, ""))
    plan.present += len(plan.new)
    return plan


def _differs(copy: sql.Fingerprint, seen: Seen) -> bool:
    if seen.deleted:
        return copy.deleted not in (seen.deleted, Copy.Deleted.GONE)  # what the CRM itself said stays said
    return bool(copy.deleted) or copy.codec != CODEC_VERSION or seen.digest != copy.digest


def _plan_change(plan: _Plan, id: str, seen: Seen, copy: sql.Fingerprint, content: sql.Content) -> None:
    old, carried = content.values, seen.values
    document, print_ = _spell({**old, **carried})
    stamp = seen.modified or content.modified
    if content.stored_since and stamp < content.modified:
        plan.unchanged += 1
        return
    if seen.deleted == copy.deleted and digest(old) == print_:  # only fewer fields, or a newer spelling of the same
        plan.unchanged += 1
        if (copy.codec, copy.digest) != (CODEC_VERSION, print_):
            plan.respelled.append((print_, CODEC_VERSION, copy.pk))
        return
    after = orjson.loads(document)
    changes = {name: [old.get(name), after[name]] for name in carried if old.get(name) != after[name]}
    plan.changed.append(
        _Change(id, copy.pk, plan.next_version, document, print_, stamp, seen.deleted, copy.deleted, changes)
    )
    plan.gone += bool(seen.deleted) and not copy.deleted
    plan.present += (not seen.deleted) - (not copy.deleted)


def _spell(values: Values) -> tuple[str, bytes]:
    """Return the JSON and the digest of what can be stored."""
    document = canonical_json(values)
    if b"\\" in document and b"\\u0000" in document:  # no database keeps a NUL in JSON; the first look costs nothing
        document = canonical_json(storable(values))
    return document.decode(), digest(document)  # a text, since orjson's bytes keep the 8 kB they were written into


NOTHING = _spell({})


def _carry_out(
    mirror: Mirror,
    plan: _Plan,
    state: sql.State,
    cursor: str | None,
    reading: dict[str, JSON] | None,
    run_id: int | None,
) -> int:
    place = state.cursor if cursor is None else cursor, state.reading if reading is None else reading
    if plan.respelled:
        sql.respell_copies(plan.respelled)
    if not plan.versions and place == (state.cursor, state.reading):
        return state.version
    version = sql.advance(mirror.pk, plan.versions, plan.present, *place)
    _write(mirror.pk, plan, run_id)
    mirror.version, mirror.records = version, mirror.records + plan.present
    mirror.cursor, mirror.reading = place
    return version


def _write(mirror: int, plan: _Plan, run_id: int | None) -> None:
    if plan.new:
        sql.insert_copies(plan.new)
    if plan.changed:
        sql.update_copies([_update(change, plan.now) for change in plan.changed])
        told = [c for c in plan.changed if c.changes or c.deleted != c.old_deleted]
        sql.insert_changes(
            [(mirror, c.id, c.version, plan.now, orjson.dumps(c.changes).decode(), c.deleted, run_id) for c in told]
        )


def _update(change: _Change, now: Any) -> sql.Row:
    seen = None if change.deleted else now
    return (
        change.document, change.digest, CODEC_VERSION, change.modified, change.version, seen,
        change.deleted, now if change.deleted else None, change.pk,
    )  # fmt: skip
