"""What a simulated server remembers: rows by module, in memory, and in an append-only journal when a folder is given, written
before a request is answered, so that killing the process loses nothing acknowledged."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson

JSON = Any
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Row:
    """One record. `values` are as the server stores them; `hidden` is what no read shows (label, file, converted)."""

    module: str
    id: int
    values: dict[str, JSON]
    deleted: bool = False
    hidden: dict[str, JSON] = field(default_factory=dict)
    rendered: bytes | None = None


class Table:
    """The rows of one module, by id and in the order of ids, with answers remembered until the next write."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.order: list[int] = []
        self._answers: dict[JSON, JSON] = {}

    def put(self, row: Row) -> None:
        if row.id not in self.rows:
            self.order.insert(bisect_right(self.order, row.id), row.id)
        self.rows[row.id] = row
        row.rendered = None
        self._answers.clear()

    def fill(self, rows: Iterable[Row]) -> None:
        """Put the rows, the first of an empty table, in: a tenth of the work of putting one after the other."""
        self.rows = {row.id: row for row in rows}
        self.order = sorted(self.rows)

    def living(self, after: int | None = None) -> Iterator[Row]:
        """Yield the rows not deleted in order of id, from the first id above `after`."""
        start = 0 if after is None else bisect_right(self.order, after)
        for position in range(start, len(self.order)):
            row = self.rows[self.order[position]]
            if not row.deleted:
                yield row

    def remembered(self, key: JSON, compute: Callable[[], T]) -> T:
        """Return compute(), or what it returned for this key since the last write (at most 64 answers are kept)."""
        if key not in self._answers:
            if len(self._answers) >= 64:
                self._answers.clear()
            self._answers[key] = compute()
        answer: T = self._answers[key]
        return answer


class Store:
    """All tables of one vendor. Callers hold `lock` from their first read to their last write."""

    def __init__(self, journal: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.notes: dict[str, JSON] = {}
        self._tables: dict[str, Table] = {}
        self._sown: tuple[bytes, dict[str, bytes]] | None = None  # what the seed brought: notes, and rows by module
        self._waiting: dict[str, bytes] = {}  # of these, what no one has asked for since it was sown again
        self._path = journal
        self._file: int | None = None
        if journal is not None:
            journal.parent.mkdir(parents=True, exist_ok=True)
            self._replay(journal)
            self._file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def is_empty(self) -> bool:
        return not self._tables

    @property
    def tables(self) -> dict[str, Table]:
        for module in [*self._waiting]:
            self.table(module)
        return self._tables

    def table(self, module: str) -> Table:
        table = self._tables.get(module)
        if table is None:
            table = self._tables[module] = Table()
        if sown := self._waiting.pop(module, None):
            table.fill(Row(module, *rest) for rest in orjson.loads(sown))
        return table

    def save(self, rows: Iterable[Row]) -> None:
        """Take the rows in and journal them, all in one write."""
        lines = []
        for row in rows:
            self.table(row.module).put(row)
            lines.append(["row", row.module, row.id, row.values, row.deleted, row.hidden])
        self._append(lines)

    def note(self, name: str, value: JSON) -> None:
        """Remember something that is no row: a counter, a relation, a list of choices."""
        self.notes[name] = value
        self._append([["note", name, value]])

    def sow(self, seed: Callable[[], None]) -> None:
        """Fill the empty store by `seed`, the same each time; from the second time on with what it brought the first time,
        module by module as they are asked for: what is reset before each of a thousand tests is hardly looked at by one."""
        if self._sown is None:
            seed()
            kept = {name: [row_as_kept(row) for row in table.rows.values()] for name, table in self.tables.items()}
            self._sown = orjson.dumps([*self.notes.items()]), {name: orjson.dumps(rows) for name, rows in kept.items()}
            return
        notes, rows = self._sown
        for name, value in orjson.loads(notes):
            self.note(name, value)
        self._waiting = dict(rows)
        self._tables = {name: Table() for name in rows}
        if self._file is not None:
            self.save([row for table in self.tables.values() for row in table.rows.values()])

    def clear(self) -> None:
        """Forget everything, the journal too."""
        self._tables.clear()
        self._waiting.clear()
        self.notes.clear()
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, lines: list[list[JSON]]) -> None:
        if self._file is not None and lines:
            data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
            while data:
                data = data[os.write(self._file, data) :]

    def _replay(self, journal: Path) -> None:
        if not journal.exists():
            return
        whole = journal.read_bytes()
        complete = whole[: whole.rfind(b"\n") + 1]
        if len(complete) != len(whole):  # killed in the middle of a write that was therefore never acknowledged
            os.truncate(journal, len(complete))
        for line in complete.splitlines():
            kind, *rest = orjson.loads(line)
            if kind == "note":
                self.notes[rest[0]] = rest[1]
            else:
                module, row_id, values, deleted, hidden = rest
                self.table(module).put(Row(module, row_id, values, deleted, hidden))


def row_as_kept(row: Row) -> list[JSON]:
    """Return what of a row is kept of what was sown: all but its module."""
    return [row.id, row.values, row.deleted, row.hidden]
