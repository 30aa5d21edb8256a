"""What happened in one module since a cursor. The rule: a change may come twice, never not at all; the cursor holds the vendor's
own stamp, and a second is left behind only once nothing can be written into it any more.

OpenCRM sorts nothing and tells no deletes. Its document shows `crmentity.modifiedtime|>|…` in a sample and lists no such operator
(facts §6, 2): after the first reading it is tried on the newest record, and a server that does not answer with newer records
only is read in full each time.

A row edited while its list is being read comes with its old values when its page is behind us. So the cursor never goes beyond
the newest stamp of the first page, which was read before all others, or one that was old before the reading began.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.errors import QueryError
from connectors.opencrm.answers import NoSuchEndpoint
from connectors.opencrm.pages import Incomplete, Part, incomplete
from connectors.opencrm.pushdown import NEWER
from connectors.opencrm.reading import Reader, stamp_of, uncounted
from connectors.opencrm.rows import id_of
from connectors.paging import as_changes
from connectors.seconds import CLOSED_AFTER, FARTHEST_ZONE, STAMP, Second, latest_stamp
from connectors.types import ChangePage, Cursor
from connectors.wording import text as _

SWEEP = 1000  # rows of a basic list at a time


@dataclass(frozen=True, slots=True)
class Place(Second):
    """The cursor: how far a reading came, then the newest second of the deltas."""

    first: bool = True  # still the first reading, or one of a server that cannot be asked by time
    offset: int = 0  # how many rows of the list are behind us
    last: str = ""  # the id of the last one of them
    total: int = 0  # how many rows the server counted when this reading began; 0 where it did not tell
    brought: int = 0  # how many different ones came since
    sure: str = ""  # the newest stamp that may become the cursor: see the module's docstring
    newest: str = ""  # the newest stamp seen in this reading that is not beyond `sure`

    def read(self, part: Part, zone: str) -> Place:
        """Return the place after a part of the list."""
        stamps = [stamp for stamp in map(stamp_of, part.rows) if stamp <= latest_stamp(part.at, zone)]
        sure = self.sure
        if not self.offset:  # the first page: what it shows was written before all other pages were read
            sure = max([old(part.at), self.time, *stamps])
        newest = max([self.newest, *(stamp for stamp in stamps if stamp <= sure)])
        brought = min(self.brought + len(part.rows), part.offset)
        return replace(self, offset=part.offset, last=part.last, brought=brought, sure=sure, newest=newest)


def changes(reader: Reader, since: Cursor | None) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = Place.of(since)
    if place.first:
        yield from first_reading(reader, place)
    else:
        yield from delta(reader, place)


def ids(reader: Reader, after: str | None) -> Iterator[list[str]]:
    """Yield every id there is, behind that one in the server's order; all where that one is gone. Ends normally only when as
    many came as the server counts. Raises Incomplete."""
    pages = reader.pages(full=False, size=SWEEP)
    pages.count()
    skipped: list[str] = []
    brought = 0
    waiting = after is not None
    for part in pages.walk():
        page = [id_of(row) for row in part.rows]
        brought += len(page)
        if waiting and after in page:
            waiting, page, skipped = False, page[page.index(after) + 1 :], []
        if waiting:
            skipped += page
        elif page:
            yield page
    if pages.lacks(brought):
        raise incomplete(reader.module)
    if skipped:
        yield skipped


def first_reading(reader: Reader, place: Place) -> Iterator[ChangePage]:
    """Yield all records; then the place from which deltas go on, or the beginning where they cannot. Raises Incomplete when
    fewer came than the server counts; the next reading then begins anew."""
    zone, at, pages = reader.codec.zone, None, reader.pages()
    if not place.offset:
        place = replace(place, total=pages.count() or 0)
    pages.total = place.total or None
    for part in pages.walk(place.offset, place.last):
        place, at = place.read(part, zone), part.at
        if part.rows:
            yield ChangePage(as_changes(reader.records(part.rows)), place.text(), pages.total)
    if pages.lacks(place.brought):
        yield ChangePage((), Place().text())
        raise incomplete(reader.module)
    timed = bool(place.newest) and reader.is_asked_by_time(place.newest)
    over = Place(first=False).at(place.newest, at, zone) if timed else Place()
    yield ChangePage((), over.text())


def delta(reader: Reader, place: Place) -> Iterator[ChangePage]:
    """Yield what was modified since the place, everything where the server refuses that, or brings fewer records than it counts.
    A refusal is believed when it comes twice. One call when nothing was modified."""
    try:
        yield from newer(reader, place)
        return
    except NoSuchEndpoint:
        raise
    except QueryError:
        reader.is_asked_by_time(place.time)  # and learns it where that is refused, too
    except Incomplete:  # what did not come cannot be named, so it is not learned: the next delta may be whole
        pass
    yield from first_reading(reader, Place())


def newer(reader: Reader, place: Place) -> Iterator[ChangePage]:
    """Yield what the server says was modified since the place. Raises QueryError when it says something else, Incomplete when
    it counts more. Nothing at all is counted only while the second is open, when what we know should come again; else the
    place stays where it is, and the next delta asks the same."""
    zone, oldest = reader.codec.zone, place.oldest(reader.codec.zone)
    at, begun = None, place if place.offset else replace(place, sure="", newest="", total=0, brought=0)
    pages = reader.pages(NEWER + oldest)
    pages.total = begun.total or None
    for part in pages.walk(begun.offset, begun.last):
        if any(stamp_of(row) <= oldest for row in part.rows):
            raise QueryError(_("The server does not filter by the time of the last change."))
        if not begun.offset and part.rows and not reader.lessons.recent(uncounted(reader.module)):
            begun = replace(begun, total=pages.count() or 0)
        begun, at = begun.read(part, zone), part.at
        if part.rows:
            yield ChangePage(as_changes(reader.records(part.rows)), begun.text(), pages.total)
    asks = (begun.brought or place.open) and not reader.lessons.recent(uncounted(reader.module))
    if asks and pages.lacks(begun.brought) and reader.counts_by_time():
        raise incomplete(reader.module)
    newest = max(begun.newest, place.time)
    reached = Place(newest, first=False, open=place.open, seen=place.seen if newest == place.time else 0)
    yield ChangePage((), replace(reached.at(newest, at, zone), id="").text())


def old(at: datetime | None) -> str:
    """Return a stamp that was past before that moment, whatever the server's zone."""
    return (at - FARTHEST_ZONE - CLOSED_AFTER).strftime(STAMP) if at else ""
