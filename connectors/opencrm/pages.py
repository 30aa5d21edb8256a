"""Lists of OpenCRM by offset. The rule: only an empty page is the end, a short one never, and nothing slips between two pages.
They overlap by a row; when that row is not there any more, records before it were deleted and the next ones have moved up, and
the walk goes back until it meets what it knows.

Once the server has counted the list, the pages behind the second are fetched several at a time. Each must begin with the last row
of the one before: rows keep their order, so nothing is between the two, whichever was answered first. With the first that does
not, as it happens while the module is being changed, the walk goes on from there page by page.

A count that is refused, or of nothing where rows came, tells nothing: a number counted before stands, and a module that the last
check of the connection could count is not complete without one. Only a server that counted it never is believed by its empty page.

What `limit_end` means is not clear: the end of the rows asked for, counted from the first, or how many (facts §6, 1). It is
asked as the end; more rows than that tell that it is a number, and that is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.answer import Listing
from connectors.errors import AccessDenied, ProtocolError, QueryError
from connectors.lessons import Lessons
from connectors.opencrm.access import READABLE
from connectors.opencrm.client import PAGE, OpenCrmClient, Question
from connectors.opencrm.rows import Row, id_of
from connectors.paging import prefetch
from connectors.wording import text as _

FRUITLESS = 3  # pages in a row with nothing new: no more are asked for, and the count tells whether that was all
MOST = 250  # pages read of one list while a person waits: 50,000 records, the document's own limit
ENDS, COUNTS = "end", "count"
MODE = "limit end"  # what is learned: the meaning


class Incomplete(ProtocolError):
    """A list brought fewer records than the server counts."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows not seen before, how many rows of the list are behind us with them, the last one's id, the server's time, and
    whether nothing follows."""

    rows: list[Row]
    offset: int
    last: str
    at: datetime | None = None
    is_end: bool = False


@dataclass(slots=True)
class Walked:
    """How far a walk came: so many rows of the list are behind it, the id of the last one, and all ids it met."""

    offset: int
    last: str
    seen: set[str]

    def meets(self, found: Listing) -> bool:
        """Say whether a page holds a row we know; at the beginning there is none to know."""
        return not self.offset or not self.seen.isdisjoint(map(id_of, found.rows))

    def add(self, found: Listing, back: int) -> Part:
        """Go on behind a page that begins `back` rows before us. Of a walk taken up again, what comes before its last row was
        handed over before."""
        ids = [id_of(row) for row in found.rows]
        known = ids.index(self.last) + 1 if self.seen == {self.last} and self.last in ids else 0
        fresh = {id: row for id, row in zip(ids[known:], found.rows[known:], strict=True) if id not in self.seen}
        self.offset += len(ids) - back
        self.last = ids[-1] if ids else self.last
        self.seen.update(ids)
        return Part([*fresh.values()], self.offset, self.last, found.at)


@dataclass(slots=True)
class Pages:
    """One list at one server, what a question without limits finds, while it is walked. `total` is how many rows the server
    counts, once it was asked; then up to `workers` pages are fetched at the same time."""

    client: OpenCrmClient
    module: str
    lessons: Lessons
    asked: Question = field(default_factory=Question)
    size: int = PAGE
    workers: int = 1
    total: int | None = None
    _mode: str = ""
    _sure: bool = False  # that `limit_end` is a number, because a page behind the first was full
    _all: list[Row] = field(default_factory=list)  # of a server that knows no limits: it is asked once

    def count(self) -> int | None:
        """Ask how many rows there are, and keep it; None where the server does not tell."""
        try:
            self.total = self.client.count(self.module, self.asked)
        except (QueryError, AccessDenied):
            self.total = None
        return self.total

    def lacks(self, brought: int) -> bool:
        """Say whether fewer rows were brought than the server counts. It is asked again: some may have gone meanwhile. A count
        that is refused, or of nothing where rows came, says nothing: the one before stands. Where none was ever told, the
        list is believed to its empty page, unless the last check of the connection could count this module."""
        first = self.total if self.total or not brought else None
        if first is not None and brought >= first:
            return False
        again = self.count()
        if again is None or (again == 0 and brought):
            self.total = first
            return first is not None or self._was_counted()
        return brought < again

    def _was_counted(self) -> bool:
        """Say whether the last check counted the module's records, however long ago; by a condition it counts nothing."""
        counted = self.lessons.learned.get(READABLE) or ()
        return self.module in counted and not self.asked.query and not self.asked.keywords

    def page(self, start: int, size: int) -> Listing:
        """Return up to `size` rows behind the first `start`. A wrong guess at `limit_end` costs rows to be thrown away, or
        one more call, never rows that are missing."""
        if self._all:
            return Listing(self._all[start : start + size], None)
        self._mode = mode = self._mode or self.lessons.learned.get(MODE) or ENDS
        found = self._ask(start, size if mode == COUNTS else start + size)
        if mode == COUNTS and start:
            self._sure = self._sure or len(found.rows) >= size
            if not self._sure:
                found = self._ask(start, start + size)
                if len(found.rows) == size:
                    self._learn(ENDS)
        if start == 0 and len(found.rows) > size + 1:  # it knows no limit; one more: the end may be meant inclusive
            self._all = found.rows
        elif mode == ENDS and size < start + size == len(found.rows):
            self._learn(COUNTS)
        return Listing(found.rows[:size], found.at)

    def _learn(self, mode: str) -> None:
        self._mode = mode
        self.lessons.learned.set(MODE, mode)

    def _ask(self, start: int, end: int) -> Listing:
        return self.client.listing(self.module, replace(self.asked, start=start, end=end))

    def walk(self, start: int = 0, last: str = "") -> Iterator[Part]:
        """Yield all rows behind the first `start`, of which `last` is the id of the last one; at least one part, the last one
        marked as the end. Of a list that changes meanwhile, a row may come twice when the walk was taken up again."""
        walked = Walked(start, last, {last} if last and start else set())
        read = fruitless = 0
        is_short = False
        while True:
            beyond = self.page(walked.offset, self.size) if is_short else Listing([], None)
            if is_short and not beyond.rows:
                break
            part, is_short = self._step(walked, beyond)
            read, fruitless = read + 1, 0 if part.rows else fruitless + 1
            if not part.offset or fruitless == FRUITLESS:
                break
            if part.rows:
                yield part
            if read == 2 and not is_short:  # the second page has shown what `limit_end` means
                yield from self._ahead(walked)
                is_short = self.total is not None and walked.offset >= self.total
        yield Part([], walked.offset, walked.last, beyond.at or part.at, is_end=True)

    def _step(self, walked: Walked, beyond: Listing) -> tuple[Part, bool]:
        """Read the page behind the walk, and say whether it was shorter than asked. `beyond` is what was found there without
        the row that overlaps; it is taken where a server gives that row only."""
        back = 1 if walked.offset else 0
        found = self.page(walked.offset - back, self.size + back)
        while not walked.meets(found):
            walked.offset = max(0, walked.offset - self.size)  # the rows have moved up: go back to where we know one
            back = 1 if walked.offset else 0
            found = self.page(walked.offset - back, self.size + back)
        part = walked.add(found, back)
        if beyond.rows and len(found.rows) == back:
            part = walked.add(beyond, 0)
        return part, len(found.rows) < self.size + back

    def _ahead(self, walked: Walked) -> Iterator[Part]:
        """Yield the pages up to the counted total, several of them asked for at the same time, until one does not fit."""
        starts = range(walked.offset - 1, (self.total or 0) - 1, self.size)
        pages = prefetch(lambda start: self.page(start, self.size + 1), starts, self.workers)
        for start, found in zip(starts, pages, strict=False):
            if start != walked.offset - 1 or not found.rows or id_of(found.rows[0]) != walked.last:
                return
            part = walked.add(found, 1)
            if part.rows:
                yield part

    def everything(self) -> Iterator[Row]:
        """Yield all rows, each once. A whole list of more than a page is counted; whether a server counts by a condition is
        not known. Raises Incomplete, at the end; QueryError for more than MOST pages, as soon as that is known."""
        brought, counts = 0, False
        for read, part in enumerate(self.walk()):
            if brought and part.rows and not counts and not self.asked.query:
                counts = True
                self.count()
            if part.rows and (read == MOST or (self.total or 0) > MOST * self.size):
                raise too_many(self.module, MOST * self.size)
            brought += len(part.rows)
            yield from part.rows
        if counts and self.lacks(brought):
            raise incomplete(self.module)

    def some(self, most: int) -> tuple[list[Row], bool]:
        """Return the rows of the first `most` pages, and whether there were no others."""
        rows: list[Row] = []
        for read, part in enumerate(self.walk()):
            if part.rows and read == most:
                return rows, False
            rows += part.rows
        return rows, True


def too_many(module: str, most: int) -> QueryError:
    """Return the error for a list too long to be read whole while a person waits."""
    told = _(
        "OpenCRM sorts nothing, and more than %(most)s records of %(module)s are too many to read them all first: add a filter,"
        " or leave the order out.",
        most=most,
        module=module,
    )
    return QueryError(told)


def incomplete(module: str) -> Incomplete:
    """Return the error for a list that brings fewer records than the server counts, or counted once."""
    told = _(
        "OpenCRM lists fewer records of %(module)s than it counts, or does not count them any more: whether all came is not"
        " known. Try again; if it stays so, check the connection.",
        module=module,
    )
    return Incomplete(told)
