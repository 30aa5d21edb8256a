"""What happened in one module since a cursor. The rule: a change may come twice, never not at all; the cursor holds the vendor's
own stamp, and a second is left behind only once nothing can be written into it any more.

OpenCRM sorts nothing and tells no deletes. Its document shows `crmentity.modifiedtime|>|…` in a sample and lists no such operator
(facts §6, 2): after the first reading it is tried on the newest record, and a server that does not answer with newer records
only is read in full each time.

A row edited while its list is being read comes with its old values when its page is behind us. So the cursor never goes beyond
the newest stamp of the first page, which was read before all others, or one that was old before the reading began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import orjson

from connectors.context import Context
from connectors.errors import QueryError
from connectors.opencrm.answers import NoSuchEndpoint
from connectors.opencrm.client import Row, id_of
from connectors.opencrm.pushdown import NEWER
from connectors.opencrm.reading import Reader, incomplete, stamp_of, untimed
from connectors.seconds import CLOSED_AFTER, FARTHEST_ZONE, STAMP, Second, latest_stamp
from connectors.types import Change, ChangePage, Cursor
from connectors.wording import text as _

SWEEP = 1000  # rows of a basic list at a time


@dataclass(frozen=True, slots=True)
class Place(Second):
    """The cursor: how far a reading came, then the newest second of the deltas."""

    first: bool = True  # still the first reading, or one of a server that cannot be asked by time
    offset: int = 0  # how many rows of the list are behind us
    last: str = ""  # the id of the last one of them
    total: int = 0  # how many records there were when the first reading began
    sure: str = ""  # the newest stamp that may become the cursor: see the module's docstring
    newest: str = ""  # the newest stamp seen in this reading that is not beyond `sure`

    def text(self) -> Cursor:
        """Return the place as the opaque text that is kept."""
        return orjson.dumps(asdict(self)).decode()

    def read(self, rows: Sequence[Row], offset: int, at: datetime | None, zone: str) -> Place:
        """Return the place after some rows of the list."""
        stamps = [stamp for stamp in map(stamp_of, rows) if stamp <= latest_stamp(at, zone)]
        sure = self.sure
        if not self.offset:  # the first page: what it shows was written before all other pages were read
            sure = max([old(at), self.time, *stamps])
        newest = max([self.newest, *(stamp for stamp in stamps if stamp <= sure)])
        last = id_of(rows[-1]) if rows else self.last
        return replace(self, offset=offset, last=last, sure=sure, newest=newest)


def changes(reader: Reader, since: Cursor | None, context: Context) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = parse(since)
    if place.first:
        yield from whole(reader, place, context)
    else:
        yield from delta(reader, place, context)


def parse(cursor: Cursor | None) -> Place:
    """Return the place in a cursor; the beginning for None. Raises QueryError."""
    try:
        return Place(**orjson.loads(cursor)) if cursor else Place()
    except (orjson.JSONDecodeError, TypeError) as e:
        raise QueryError(_("This cursor is not one of OpenCRM: read the module again from the beginning.")) from e


def whole(reader: Reader, place: Place, context: Context) -> Iterator[ChangePage]:
    """Yield all records; then the place from which deltas go on, or the beginning where they cannot."""
    zone, at = reader.codec.zone, None
    if not place.offset:
        place = replace(place, total=reader.client.count(reader.module))
    for part in reader.pages().walk(place.offset, place.last):
        place, at = place.read(part.rows, part.offset, part.at, zone), part.at
        if part.rows:
            yield ChangePage(changed(reader, part.rows), place.text(), place.total)
    if place.offset < place.total and place.offset < reader.client.count(reader.module):
        raise incomplete(reader.module)
    timed = bool(place.newest) and reader.is_asked_by_time(place.newest)
    over = Place(first=False).at(place.newest, at, zone) if timed else Place()
    yield ChangePage((), over.text())


def delta(reader: Reader, place: Place, context: Context) -> Iterator[ChangePage]:
    """Yield what was modified since the place. One call when nothing was."""
    zone, oldest = reader.codec.zone, place.oldest(reader.codec.zone)
    at, begun = None, replace(place, sure="", newest="") if not place.offset else place
    try:
        for part in reader.pages(NEWER + oldest).walk(begun.offset, begun.last):
            if any(stamp_of(row) <= oldest for row in part.rows):
                raise QueryError(_("The server does not filter by the time of the last change."))
            begun, at = begun.read(part.rows, part.offset, part.at, zone), part.at
            if part.rows:
                yield ChangePage(changed(reader, part.rows), begun.text())
    except NoSuchEndpoint:
        raise
    except QueryError:
        context.learned.set(untimed(reader.module), True)
        yield from whole(reader, Place(), context)
        return
    newest = max(begun.newest, place.time)
    reached = Place(newest, first=False, open=place.open, seen=place.seen if newest == place.time else 0)
    yield ChangePage((), replace(reached.at(newest, at, zone), id="").text())


def ids(reader: Reader, after: str | None) -> Iterator[list[str]]:
    """Yield every id there is, behind that one in the server's order; all where that one is gone. Ends normally only when as
    many came as the server counts. Raises ProtocolError."""
    there = reader.client.count(reader.module)
    skipped: list[str] = []
    found: set[str] = set()
    waiting = after is not None
    for part in reader.pages(full=False, size=SWEEP).walk():
        page = [id_of(row) for row in part.rows]
        found.update(page)
        if waiting and after in page:
            waiting, page, skipped = False, page[page.index(after) + 1 :], []
        if waiting:
            skipped += page
        elif page:
            yield page
    if len(found) < there and len(found) < reader.client.count(reader.module):
        raise incomplete(reader.module)
    if skipped:
        yield skipped


def old(at: datetime | None) -> str:
    """Return a stamp that was past before that moment, whatever the server's zone."""
    return (at - FARTHEST_ZONE - CLOSED_AFTER).strftime(STAMP) if at else ""


def changed(reader: Reader, rows: Sequence[Row]) -> tuple[Change, ...]:
    """Return the rows as changes."""
    return tuple(Change(record.id, record) for record in reader.records(rows))
