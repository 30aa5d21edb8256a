"""Who holds which match key, for a preview: kept in a file of its own, since the table of keys belongs to runs of the live
version and a draft may have another key or filter. The rule: built from the mirrors alone, it serves until they change."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import orjson
from django.conf import settings

from portal.mappings.transform import Side
from portal.records.models import Copy, Mirror
from portal.sync.cases import SIDES
from portal.sync.keys import MOST, Holders, Holding, digest_of
from portal.sync.planning import Planning, Row, read_rows, seen_of

FORMAT = 1  # of the file, and of how keys are made: another one is built anew
BATCH = 500
A_DAY = 86_400
HELD = "SELECT key, side, id FROM held WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id"
Told = Callable[[int], None]  # of how many more records were looked at; may raise to stop


class TooMany(Exception):
    """Reading both mirrors would take longer than a person waits for a page."""


@contextmanager
def key_index(known: Planning, tell: Told = lambda more: None, at_most: int | None = None) -> Iterator[Holders]:
    """Yield who tells the holders of keys, both mirrors being read first unless they were since they last changed. Raises
    TooMany where that would be more than `at_most` records."""
    path = _path(known)
    is_kept = path is not None and path.exists()
    if not is_kept and at_most is not None and sum(m.records for m in known.mirrors.values()) > at_most:
        raise TooMany
    if path is not None and not is_kept:
        _build(known, path, tell)
    with closing(_opened(path) if path else _private(known, tell)) as index:
        yield lambda keys: _holders(index, keys)


def pages(mirror: Mirror, after: str = "", size: int = BATCH) -> Iterator[list[Row]]:
    """Yield all copies of a mirror behind that id, some at a time, by id."""
    behind = Copy.objects.filter(mirror=mirror).order_by("record_id")
    while copies := read_rows(behind.filter(record_id__gt=after)[:size]):
        yield copies
        after = copies[-1].record_id


def _path(known: Planning) -> Path | None:
    """Return where the index lies that is right as things are now; None where no file can be kept."""
    folder = settings.VAR_DIR / "previews"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    definition = known.terms.definition
    about = (
        [(mirror.pk, mirror.version, str(mirror.created_at)) for mirror in known.mirrors.values()],
        (definition.match, definition.left.filter, definition.right.filter, definition.targets),
        (known.kinds, known.terms.regions, settings.TIME_ZONE, settings.DATABASES["default"]["NAME"], FORMAT),
        [(field.name, field.type) for side in SIDES for field in known.terms.places[side].schema.fields],
    )
    return folder / f"{known.mapping.uuid}-{hashlib.blake2b(repr(about).encode(), digest_size=12).hexdigest()}.sqlite3"


def _build(known: Planning, path: Path, tell: Told) -> None:
    """Build the index beside its place and put it there whole; what others of the mapping left goes."""
    draft = path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    try:
        with closing(sqlite3.connect(draft)) as index:
            _fill(index, known, tell)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    for other in path.parent.iterdir():
        with suppress(FileNotFoundError):
            is_ours = other.name.startswith(str(known.mapping.uuid)) and other.suffix == path.suffix
            if other != path and (is_ours or other.stat().st_mtime < time.time() - A_DAY):
                other.unlink()


def _private(known: Planning, tell: Told) -> sqlite3.Connection:
    index = sqlite3.connect("")  # a temporary file that nobody else sees
    _fill(index, known, tell)
    return index


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _fill(index: sqlite3.Connection, known: Planning, tell: Told) -> None:
    index.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000; PRAGMA temp_store=FILE;"
        "CREATE TABLE held (key TEXT, side INTEGER, id TEXT)"
    )
    for number, side in enumerate(SIDES):
        for copies in pages(known.mirrors[side]):
            rows = ((digest, number, id) for id, digest in _keys(known, side, copies))
            index.executemany("INSERT INTO held VALUES (?, ?, ?)", rows)
            tell(len(copies))
    index.execute("CREATE INDEX held_key ON held (key)")
    index.commit()


def _keys(known: Planning, side: Side, copies: list[Row]) -> Iterator[tuple[str, str]]:
    """Yield id and key of those that count as holders: on a side that is only a source, those that pass its filter."""
    for copy in copies:
        seen = seen_of(known, side, copy)
        if seen.key is not None and not seen.deleted and (seen.inside or known.terms.writes(side)):
            yield seen.id, digest_of(seen.key)


def _holders(index: sqlite3.Connection, keys: Collection[str]) -> Holding:
    """As `sync.keys.holders`: (side, key) -> ids, a score at most."""
    found: dict[tuple[Side, str], list[str]] = defaultdict(list)
    for key, number, id in index.execute(HELD, [orjson.dumps(sorted(set(keys) - {""})).decode()]):
        ids = found[SIDES[number], key]
        if len(ids) < MOST:
            ids.append(id)
    return found
