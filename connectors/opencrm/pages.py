"""Lists of OpenCRM by offset. The rule: nothing slips between two pages. They overlap by a row; when that row is not there any
more, records before it were deleted and the next ones have moved up, and the walk goes back until it meets what it knows.

What `limit_end` means is not clear: the end of the rows asked for, counted from the first, or how many (facts §6, 1). It is
asked as the end; more rows than that tell that it is a number, and that is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.context import Learned
from connectors.opencrm.client import Listing, OpenCrmClient, Row, id_of

PAGE = 200  # full lists are slow by the document's own words; a list may hold 50,000
ENDS, COUNTS = "end", "count"
MODE, MOST = "limit end", "most rows"  # what is learned: the meaning, and the largest number of rows in one answer


@dataclass(frozen=True, slots=True)
class Part:
    """Rows not seen before, how many rows of the list are behind us with them, the server's time, and
    whether nothing follows."""

    rows: list[Row]
    offset: int
    at: datetime | None = None
    is_end: bool = False


@dataclass(slots=True)
class Pages:
    """One list at one server: a module's, full or basic, or what of it a query string finds."""

    client: OpenCrmClient
    learned: Learned
    module: str
    query_string: str = ""
    full: bool = True
    size: int = PAGE
    _all: list[Row] = field(default_factory=list)  # of a server that knows no limits: it is asked once

    def page(self, start: int, size: int) -> Listing:
        """Return up to `size` rows behind the first `start`. A wrong guess at `limit_end` costs rows to be thrown away, or
        one more call, never rows that are missing."""
        mode = self.learned.get(MODE) or ENDS
        if self._all:
            return Listing(self._all[start : start + size], None)
        found = self._ask(start, size if mode == COUNTS else start + size)
        if mode == COUNTS and start and len(found.rows) < size:
            found = self._ask(start, start + size)
            if len(found.rows) == size:
                self.learned.set(MODE, ENDS)
        if start == 0 and len(found.rows) > size + 1:  # it knows no limit; one more: the end may be meant inclusive
            self._all = found.rows
        elif mode == ENDS and size < start + size == len(found.rows):
            self.learned.set(MODE, COUNTS)
        return Listing(found.rows[:size], found.at)

    def _ask(self, start: int, end: int) -> Listing:
        endpoint = f"get_{self.module}_list" + ("_full" if self.full else "")
        found = self.client.listing(endpoint, query_string=self.query_string, limit_start=start, limit_end=end)
        if len(found.rows) > (self.learned.get(MOST) or 0):
            self.learned.set(MOST, len(found.rows))
        return found

    def is_last(self, rows: Sequence[object], size: int) -> bool:
        """Say whether an answer is surely the list's end: shorter than asked, and than others this server gave. A server
        may give fewer rows than asked for reasons of its own."""
        return not rows or len(rows) < min(size, self.learned.get(MOST) or 0)

    def walk(self, start: int = 0, last: str = "") -> Iterator[Part]:
        """Yield all rows behind the first `start`, of which `last` is the id of the last one; at least one part. A row may
        come twice when the list changes meanwhile."""
        offset, seen, before = start, {last} if last and start else set(), [""]
        while True:
            back = 1 if offset else 0
            found = self.page(offset - back, self.size + back)
            ids = [id_of(row) for row in found.rows]
            if back and seen.isdisjoint(ids):
                offset = max(0, offset - self.size)  # the rows have moved up: go back to where we know one
                continue
            rows = found.rows[ids.index(last) + 1 :] if len(seen) == 1 and last in ids else found.rows
            fresh = [row for row in rows if id_of(row) not in seen]
            offset += len(ids) - back
            seen.update(ids)
            over = ids == before or self.is_last(ids, self.size + back)
            if fresh or over:
                yield Part(fresh, offset, found.at, over)
            if over:
                return
            before = ids
