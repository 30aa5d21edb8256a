"""What happened in one object since a cursor. The rule: a change may come twice, never not at all; the cursor holds the
vendor's own stamp, and a second is left behind only once nothing can be written into it any more.

The first reading goes by numbered pages in the order of ids, several at the same time. Numbers shift when a record is
deleted meanwhile, which the totals told with the pages show; then it goes once more, after the last id each time. The next
readings ask by `modifieddate`, which the vendor does not document as a filter: what comes is checked, and where a server
does not honour it every reading is a first one. Deletes are not told: the sweep of all ids finds them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import ceil

import orjson

from connectors.context import Context
from connectors.errors import QueryError
from connectors.paging import prefetch
from connectors.reallysimple.client import PAGE, Listing, Row
from connectors.reallysimple.reading import Reader, ascending, id_of, out_of_order
from connectors.reallysimple.schema import MODIFIED
from connectors.spelling import zone_info
from connectors.types import JSON, Change, ChangePage, Cursor
from connectors.wording import text as _

STAMP = "%Y-%m-%d %H:%M:%S"
BY_STAMP = {MODIFIED: "asc", "id": "asc"}
NEWEST = {MODIFIED: "desc", "id": "desc"}
OVERLAP = timedelta(seconds=10)  # a write stamped before another may become visible after it
CLOSED_AFTER = timedelta(minutes=5)  # by the vendor's clock, counted from when we first saw the second
FARTHEST_ZONE = timedelta(hours=12)  # no zone is farther behind UTC: stamps that old are old whatever `time_zone` says


@dataclass(frozen=True, slots=True)
class Place:
    """The cursor: how far the first reading came, then the newest stamp seen and when, by the vendor's clock."""

    page: int | None = 1  # first reading: the next numbered page; None when that way is over
    after: int | None = None  # first reading, second way: the id after which to go on
    last: int = 0  # the largest id of the numbered pages, how many records they brought, the largest total told
    count: int = 0
    total: int = 0
    shifted: bool = False  # a total fell: records were deleted meanwhile, and others slipped to a page already read
    time: str = ""  # the newest modifieddate handed over, as the vendor wrote it
    id: int = 0  # within that second, handed over up to this id; 0 when all of it
    open: bool = False  # more may still be written into that second
    seen: int = 0  # unix seconds by the vendor when that second was first seen; 0 when it tells no time

    @property
    def is_first_reading(self) -> bool:
        return self.page is not None or self.after is not None

    def text(self) -> Cursor:
        """Return the place as the opaque text that is kept."""
        return orjson.dumps(asdict(self)).decode()

    def read(self, listing: Listing, ids: Sequence[int]) -> Place:
        """Return the place after a numbered page, whose new ids these are."""
        return replace(
            self,
            page=(self.page or 0) + 1,
            last=max(self.last, *ids, 0),
            count=self.count + len(ids),
            total=max(self.total, listing.total or 0),
            shifted=self.shifted or listing.total is None or listing.total < self.total,
        )

    def at(self, stamp: str, now: datetime | None, id: int = 0) -> Place:
        """Return the place after a record with that stamp, handed over when the vendor's clock showed `now`."""
        unix = int(now.timestamp()) if now else 0
        seen = self.seen if stamp == self.time and self.seen else unix
        old = now is not None and stamp <= (now - FARTHEST_ZONE - CLOSED_AFTER).strftime(STAMP)
        open = not old and not (seen and unix - seen >= CLOSED_AFTER.total_seconds())
        return replace(self, time=stamp, id=0 if open else id, open=open, seen=seen)


def changes(reader: Reader, since: Cursor | None, context: Context) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = parse(since)
    if place.is_first_reading:
        yield from first_reading(reader, place, context, begun=since is not None)
    else:
        yield from delta(reader, place, context)


def ids(reader: Reader, context: Context) -> Iterator[list[str]]:
    """Yield every id there is; ends normally only when the sweep was complete."""
    for rows, _place in everything(reader, Place(), context.max_parallel):
        yield [str(row["id"]) for row in rows]


def parse(cursor: Cursor | None) -> Place:
    """Return the place in a cursor; the beginning for None. Raises QueryError."""
    try:
        return Place(**orjson.loads(cursor)) if cursor else Place()
    except (orjson.JSONDecodeError, TypeError) as e:
        raise QueryError(
            _("This cursor is not one of Really Simple Systems: read the object again from the beginning.")
        ) from e


# The first reading


def first_reading(reader: Reader, place: Place, context: Context, *, begun: bool) -> Iterator[ChangePage]:
    """Yield all records. What is edited meanwhile has a stamp after the newest at the start, so the next delta has it."""
    timed = reader.schema.modified_field == MODIFIED and not context.learned.get(untimed(reader))
    if timed and not begun:
        try:
            place = start(reader, place)
        except QueryError:
            timed = not_by_time(reader, context)
    for rows, reached in everything(reader, place, context.max_parallel):
        yield ChangePage(changed(reader, rows), reached.text(), reached.total or None)
    over = Place(None, time=place.time, id=place.id, open=place.open, seen=place.seen) if timed else Place()
    yield ChangePage((), over.text())


def start(reader: Reader, place: Place) -> Place:
    """Return the place with the newest stamp there is, and how many records, before any is read."""
    newest = reader.listing(order=NEWEST, limit=1)
    place, latest = replace(place, total=newest.total or 0), latest_stamp(reader, newest.at)
    if stamp_of(newest) > latest:
        newest = reader.listing({MODIFIED: {"$lte": latest}}, NEWEST, limit=1)
    if stamp_of(newest) > latest:
        raise QueryError(_("The server does not filter by the time of the last change."))
    return place.at(stamp_of(newest), newest.at) if stamp_of(newest) else place


def stamp_of(listing: Listing) -> str:
    """Return the stamp of the first row; "" when there is none."""
    return str(listing.rows[0].get(MODIFIED) or "") if listing.rows else ""


def latest_stamp(reader: Reader, now: datetime | None) -> str:
    """Return the latest stamp to be believed. A record stamped in the future must not carry the cursor there, or all
    that is written until then would be passed over; it comes again with each delta instead."""
    return (now + CLOSED_AFTER).astimezone(zone_info(reader.codec.zone)).strftime(STAMP) if now else "9999"


def everything(reader: Reader, place: Place, workers: int) -> Iterator[tuple[list[Row], Place]]:
    """Yield (rows, place after them) for all records, by numbered pages, and by id where those cannot be complete."""
    if place.page is not None:
        place = yield from numbered(reader, place, workers)
    if place.after is not None:
        for rows in reader.walk(after=place.after):
            place = replace(place, after=id_of(rows[-1]))
            yield rows, place


def numbered(reader: Reader, place: Place, workers: int) -> Generator[tuple[list[Row], Place], None, Place]:
    """Yield the numbered pages; return a place whose `after` is set when something may have slipped between them."""
    more = True
    while more and place.page is not None:
        pages = range(place.page, max(place.page, ceil(place.total / PAGE)) + 1)
        for listing in prefetch(lambda page: reader.listing(page=page), pages, workers):
            rows = [row for row in in_order(reader, listing.rows) if id_of(row) > place.last]
            more = listing.more(offset=((place.page or 1) - 1) * PAGE)
            place = place.read(listing, [id_of(row) for row in rows])
            yield rows, place
    complete = not place.shifted and place.count >= place.total
    return replace(place, page=None, after=None if complete else 0)


def in_order(reader: Reader, rows: list[Row]) -> list[Row]:
    """Return the rows. Raises ProtocolError when they do not ascend by id, without which nothing is sure to be complete."""
    if ascending(rows) is None:
        raise out_of_order(reader.object_name)
    return rows


# What changed since


def delta(reader: Reader, place: Place, context: Context) -> Iterator[ChangePage]:
    """Yield what was modified since the place. One call when nothing was."""
    asked, reached = since(place), (oldest(place), 0)
    while True:
        try:
            listing = reader.listing(asked, BY_STAMP)
            stamps = in_time(listing.rows, reached[0])
        except QueryError:
            not_by_time(reader, context)
            yield from first_reading(reader, Place(), context, begun=False)
            return
        fresh = [row for row, stamp in zip(listing.rows, stamps, strict=True) if stamp > reached]
        if fresh:
            reached, latest = stamps[-1], latest_stamp(reader, listing.at)
            believed = [stamp for stamp in stamps if place.time <= stamp[0] <= latest]
            place = place.at(believed[-1][0], listing.at, believed[-1][1]) if believed else place
            yield ChangePage(changed(reader, fresh), place.text())
        if not fresh or not listing.more():
            break
        asked = beyond(*reached)
    yield ChangePage((), replace(place.at(place.time, listing.at), id=0).text())


def in_time(rows: Sequence[Row], oldest: str) -> list[tuple[str, int]]:
    """Return stamp and id of each row. Raises QueryError when they are older, or in another order, than was asked."""
    stamps = [(str(row.get(MODIFIED) or ""), id_of(row)) for row in rows]
    if any(one > other for one, other in zip([(oldest, 0), *stamps], stamps, strict=False)):
        raise QueryError(_("The server does not filter or sort by the time of the last change."))
    return stamps


def not_by_time(reader: Reader, context: Context) -> bool:
    """Remember that this object cannot be asked by time: every reading is then a first one. Return False."""
    context.learned.set(untimed(reader), True)
    return False


def since(place: Place) -> dict[str, JSON] | None:
    """Return the `q` for what is to be asked from a place."""
    if not place.time:
        return None
    return {MODIFIED: {"$gte": oldest(place)}} if place.open else beyond(place.time, place.id)


def oldest(place: Place) -> str:
    """Return the oldest stamp that may come: while the second is open, a little before it."""
    if not place.open:
        return place.time
    try:
        return (datetime.strptime(place.time, STAMP) - OVERLAP).strftime(STAMP)  # no zone is meant, only the distance
    except ValueError:
        return place.time


def beyond(stamp: str, id: int) -> dict[str, JSON]:
    """Return the `q` "after this record" in the order of stamp and id; without an id after the whole second."""
    after: dict[str, JSON] = {MODIFIED: {"$gt": stamp}}
    return {"$or": [{MODIFIED: stamp, "id": {"$gt": id}}, after]} if id else after


def untimed(reader: Reader) -> str:
    """Return the name under which is learned that an object cannot be asked by `modifieddate`."""
    return f"no delta of {reader.object_name}"


def changed(reader: Reader, rows: Sequence[Row]) -> tuple[Change, ...]:
    """Return the rows as changes."""
    return tuple(Change(record.id, record) for record in reader.records(rows))
