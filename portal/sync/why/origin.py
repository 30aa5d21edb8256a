"""Where a value of a record came from, told from the history of our copy and from what we wrote. PURE. The rule: ours is only what
our own write left there; whatever the CRM's side changed since is told as its own, and what nobody saw come is said to be unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.types import JSON

Kind = Literal["written", "filled_in", "edited", "unknown"]


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of the field in our copy: when it was seen, what it was before, and our run that made it (None: theirs)."""

    at: datetime
    before: JSON
    after: JSON
    run: int | None


@dataclass(frozen=True, slots=True)
class Write:
    """A write of ours that settled well: its entry, its run, when it was sent and settled, and what the server then held."""

    entry: int
    run: int
    sent_at: datetime
    settled_at: datetime
    stored: JSON
    is_create: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """ "written": by that entry. "filled_in": by the CRM itself as it took a write of that run. "edited": at the CRM, seen at `at`.
    "unknown": it was so when we first saw the record, at `at`. `before` is what it was until then, where we know."""

    kind: Kind
    at: datetime
    entry: int | None = None
    run: int | None = None
    before: JSON = None


def origin(value: JSON, change: Change | None, write: Write | None, made: Write | None, first_seen: datetime) -> Origin:
    """Return where the value came from. `write` is our last one that sent this field, `made` the one that created the record."""
    before = change.before if change else None
    if write is not None and _is_of(write, value, change):
        return Origin("written", write.settled_at, write.entry, write.run, before)
    if change is not None:
        kind: Kind = "edited" if change.run is None else "filled_in"
        return Origin(kind, change.at, None, change.run, change.before)
    if made is not None:
        return Origin("filled_in", made.settled_at, made.entry, made.run)
    return Origin("unknown", first_seen)


def _is_of(write: Write, value: JSON, change: Change | None) -> bool:
    """Say whether the write left the value there: it made the last change, or ended after it with the same value. A reading may
    bring what we wrote before its answer is known."""
    if change is not None and change.run is not None:
        return change.run == write.run
    return bool(write.stored == value) and (change is None or write.settled_at >= change.at)


def values_at(now: Mapping[str, JSON], undone: Iterable[Mapping[str, Sequence[JSON]]]) -> dict[str, JSON]:
    """Return a record's values as they were before these changes (field -> [before, after]), the newest first."""
    values = dict(now)
    for changes in undone:
        values |= {name: pair[0] for name, pair in changes.items()}
    return values
