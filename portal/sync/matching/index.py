"""Who everybody of both sides says they are, in a table of its own while a review is made: who may be one is found there by
what they share, never by reading a mirror again. The rule: however many records there are, memory stays flat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from typing import NamedTuple

import orjson

from portal.mappings.transform import Side
from portal.sync.cases import SIDES
from portal.sync.matching.traits import Traits, blocks

CROWD = 30  # holders on one side: what so many share says little, and comparing them all would take for ever
STATES = ("linked", "one", "none", "several", "taken", "without")
_TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000; PRAGMA temp_store=FILE;
CREATE TABLE seen (n INTEGER PRIMARY KEY, side INTEGER, id TEXT, label TEXT, key TEXT, inside INTEGER, linked INTEGER,
  state TEXT, traits BLOB, best INTEGER);
CREATE TABLE block (n INTEGER, side INTEGER, part INTEGER);
"""
_SORTED = """
CREATE INDEX seen_key ON seen (key, side);
CREATE TABLE held AS SELECT key, SUM(side = 0) AS zero, SUM(side = 1) AS one, SUM(side = 0 AND linked) AS zero_linked,
  SUM(side = 1 AND linked) AS one_linked FROM seen WHERE key <> '' GROUP BY key;
CREATE INDEX held_key ON held (key);
UPDATE seen SET state = CASE WHEN linked THEN 'linked' WHEN key = '' THEN 'without' ELSE (
  SELECT CASE WHEN CASE side WHEN 0 THEN zero ELSE one END > 1 OR CASE side WHEN 0 THEN one ELSE zero END > 1 THEN 'several'
    WHEN CASE side WHEN 0 THEN one ELSE zero END = 0 THEN 'none'
    WHEN CASE side WHEN 0 THEN one_linked ELSE zero_linked END THEN 'taken' ELSE 'one' END
  FROM held WHERE held.key = seen.key) END;
CREATE INDEX block_part ON block (part, side);
CREATE TABLE shared (part INTEGER PRIMARY KEY);
INSERT INTO shared SELECT part FROM block GROUP BY part
  HAVING COUNT(*) > 1 AND SUM(side = 0) <= %(crowd)d AND SUM(side = 1) <= %(crowd)d;
CREATE INDEX block_n ON block (n);
"""
_ACROSS = """
SELECT DISTINCT l.n, r.n FROM block l JOIN seen a ON a.n = l.n AND a.state NOT IN ('linked', 'one')
  JOIN shared ON shared.part = l.part JOIN block r ON r.part = l.part AND r.side = 1
  JOIN seen b ON b.n = r.n AND b.state NOT IN ('linked', 'one')
WHERE l.n > ? AND l.n <= ? AND l.side = 0 ORDER BY l.n, r.n
"""
_BY_KEY = """
SELECT l.n, r.n FROM seen l JOIN seen r ON r.key = l.key AND r.side = 1
WHERE l.n > ? AND l.n <= ? AND l.side = 0 AND l.state = 'one' AND (l.inside OR r.inside) ORDER BY l.n
"""
_WITHIN = """
SELECT DISTINCT l.n, r.n FROM block l JOIN shared ON shared.part = l.part
  JOIN block r ON r.part = l.part AND r.side = l.side AND r.n > l.n
WHERE l.n > ? AND l.n <= ? AND l.side = ? ORDER BY l.n, r.n
"""


class Known(NamedTuple):
    """One record as it stands in the table."""

    id: str
    key: str
    traits: Traits


class Listed(NamedTuple):
    """A record without one sure partner: why, and how sure its likeliest one is."""

    id: str
    label: str
    why: str
    best: int


class Person(NamedTuple):
    """A record on its way into the table; `key` is the digest of its match key, "" for none."""

    id: str
    label: str
    key: str
    inside: bool
    linked: bool
    traits: Traits


class MatchIndex:
    """The table. First every record is added, then it is sorted once, then asked."""

    def __init__(self, table: sqlite3.Connection) -> None:
        self._table = table
        table.executescript(_TABLES)
        self._last = 0

    def add(self, side: Side, people: Iterable[Person]) -> None:
        """Take in some records of one side."""
        number = SIDES.index(side)
        rows, parts = [], []
        for one in people:
            self._last += 1
            kept = orjson.dumps(tuple(one.traits))
            rows.append((self._last, number, one.id, one.label, one.key, one.inside, one.linked, kept))
            shared = {*blocks(one.traits), *((f"k:{one.key}",) if one.key else ())}
            parts += [(self._last, number, _part(block)) for block in shared]
        self._table.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 0)", rows)
        self._table.executemany("INSERT INTO block VALUES (?, ?, ?)", parts)

    def sort(self) -> None:
        """Say of everybody whether their key finds one partner, none or several."""
        self._table.executescript(_SORTED % {"crowd": CROWD})

    def counts(self, side: Side) -> dict[str, int]:
        """Return how many records of that side, such as pass its filter, stand how (STATES)."""
        rows = self._table.execute(
            "SELECT state, COUNT(*) FROM seen WHERE side = ? AND inside GROUP BY state", [SIDES.index(side)]
        )
        return dict.fromkeys(STATES, 0) | dict(rows.fetchall())

    def across(self, size: int) -> Iterator[tuple[int, list[tuple[Known, Known]]]]:
        """Yield how many records were gone through, and which pairs of both sides share something: of such as have no sure
        partner yet."""
        yield from self._pairs(_ACROSS, "left", size, ())

    def by_key(self, size: int) -> Iterator[tuple[int, list[tuple[Known, Known]]]]:
        """Yield how many records were gone through, and which pairs their key alone joins."""
        yield from self._pairs(_BY_KEY, "left", size, ())

    def within(self, side: Side, size: int) -> Iterator[tuple[int, list[tuple[Known, Known]]]]:
        """Yield how many records were gone through, and which of one side share something."""
        yield from self._pairs(_WITHIN, side, size, (SIDES.index(side),))

    def note_best(self, best: Iterable[tuple[Side, str, int]]) -> None:
        """Take note of how sure the likeliest partner of these records is: side, id, score."""
        rows = [(score, SIDES.index(side), id) for side, id, score in best]
        self._table.execute("CREATE INDEX IF NOT EXISTS seen_id ON seen (side, id)")
        self._table.executemany("UPDATE seen SET best = MAX(best, ?) WHERE side = ? AND id = ?", rows)

    def unmatched(self, side: Side, size: int) -> Iterator[list[Listed]]:
        """Yield the records of one side that no key gives one partner, some at a time."""
        found = self._table.execute(
            "SELECT id, label, state, best FROM seen WHERE side = ? AND inside AND state NOT IN ('linked', 'one') ORDER BY n",
            [SIDES.index(side)],
        )
        while rows := found.fetchmany(size):
            yield [Listed(*row) for row in rows]

    def _pairs(
        self, query: str, side: Side, size: int, more: tuple[int, ...]
    ) -> Iterator[tuple[int, list[tuple[Known, Known]]]]:
        ends = "SELECT MIN(n) - 1, MAX(n) FROM seen WHERE side = ?"
        first, last = self._table.execute(ends, [SIDES.index(side)]).fetchone()
        for start in range(first or 0, last or 0, size) if last else ():
            until = min(start + size, last)
            numbers = self._table.execute(query, (start, until, *more)).fetchall()
            known = self._known({n for pair in numbers for n in pair})
            yield until - start, [(known[one], known[other]) for one, other in numbers]

    def _known(self, numbers: set[int]) -> dict[int, Known]:
        wanted = orjson.dumps(sorted(numbers)).decode()
        rows = self._table.execute(
            "SELECT n, id, key, traits FROM seen WHERE n IN (SELECT value FROM json_each(?))", [wanted]
        )
        return {n: Known(id, key, Traits.kept(orjson.loads(kept))) for n, id, key, kept in rows}


@contextmanager
def match_index() -> Iterator[MatchIndex]:
    """Yield an empty table in a file that nobody else sees and that is gone with us."""
    with closing(sqlite3.connect("")) as table:
        yield MatchIndex(table)


def _part(block: str) -> int:
    return int.from_bytes(blake2b(block.encode("utf-8", "replace"), digest_size=8).digest(), signed=True)
