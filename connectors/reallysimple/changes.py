"""What happened in one object since a cursor. The rule: a change may come twice, never not at all; the cursor holds the
vendor's own stamp, and a second is left behind only once nothing can be written into it any more.

The first reading goes by numbered pages in the order of ids, several at the same time. Numbers shift when a record is
deleted meanwhile. So the largest id and the total are asked before, in one answer: when fewer of those records came than
there were, some may have slipped between the pages, and it goes once more, after the last id each time. The next
readings ask by `modifieddate`, which the vendor does not document as a filter: what comes is checked, and where a server
does not honour it every reading is a first one. Deletes are not told: the sweep of all ids finds them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from connectors.context import Context
from connectors.errors import QueryError
from connectors.lessons import Lessons
from connectors.paging import as_changes, pipelined, prefetch
from connectors.reallysimple.client import PAGE, Listing, Row
from connectors.reallysimple.reading import Reader, ascending, id_of, out_of_order
from connectors.reallysimple.schema import MODIFIED
from connectors.seconds import Second, latest_stamp
from connectors.types import JSON, ChangePage, Cursor
from connectors.wording import text as _

BY_STAMP = {MODIFIED: "asc", "id": "asc"}
NEWEST = {MODIFIED: "desc", "id": "desc"}
LAST = {"id": "desc"}
ANY = 2**63  # larger than any id


@dataclass(frozen=True, slots=True)
class Place(Second):
    """The cursor: how far the first reading came, then the newest second of the deltas."""

    page: int | None = 1  # first reading: the next numbered page; None when that way is over
    after: int | None = None  # first reading, second way: the id after which to go on
    last: int = 0  # the largest id of the numbered pages
    top: int | None = None  # the largest id there was before the first of them, None when not asked
    total: int = 0  # how many records there were then
    count: int = 0  # how many of those the pages brought

    @property
    def is_first_reading(self) -> bool:
        return self.page is not None or self.after is not None

    @property
    def missed_some(self) -> bool:
        """Say whether records there were at the start did not come: some were deleted, and others took their numbers."""
        return self.top is None or self.count < self.total

    def read(self, ids: Sequence[int]) -> Place:
        """Return the place after a numbered page, whose new ids these are."""
        known = [id for id in ids if id <= (self.top or 0)]
        return replace(self, page=(self.page or 0) + 1, last=max(self.last, *ids, 0), count=self.count + len(known))


def changes(reader: Reader, since: Cursor | None, context: Context) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = Place.of(since)
    if place.is_first_reading:
        yield from first_reading(reader, place, context, begun=since is not None)
    else:
        yield from delta(reader, place, context)


def ids(reader: Reader, context: Context, after: str | None) -> Iterator[list[str]]:
    """Yield every id there is, behind that one page by page; ends normally only when the sweep was complete."""
    place = Place(page=None, after=int(after)) if after else Place()
    for rows, _place in everything(reader, place, context.max_parallel):
        yield [str(row["id"]) for row in rows]


# The first reading


def first_reading(reader: Reader, place: Place, context: Context, *, begun: bool) -> Iterator[ChangePage]:
    """Yield all records. What is edited meanwhile has a stamp after the newest at the start, so the next delta has it."""
    timed = reader.schema.modified_field == MODIFIED and not Lessons(context.learned, context.clock).recent(
        untimed(reader.object_name)
    )
    if timed and not begun:
        try:
            place = start(reader, place)
        except QueryError:
            timed = not_by_time(reader, context)
    for rows, reached in everything(reader, place, context.max_parallel):
        yield ChangePage(as_changes(reader.records(rows)), reached.text(), reached.total or None)
    over = Place(place.time, place.id, place.open, place.seen, page=None) if timed else Place()
    yield ChangePage((), over.text())


def start(reader: Reader, place: Place) -> Place:
    """Return the place with the newest stamp there is, and how many records, before any is read."""
    zone, newest = reader.codec.zone, reader.listing(order=NEWEST, limit=1)
    place, latest = replace(place, total=newest.total or 0), latest_stamp(newest.at, zone)
    if stamp_of(newest) > latest:
        newest = reader.listing({MODIFIED: {"$lte": latest}}, NEWEST, limit=1)
    if stamp_of(newest) > latest:
        raise QueryError(_("The server does not filter by the time of the last change."))
    return place.at(stamp_of(newest), newest.at, zone) if stamp_of(newest) else place


def stamp_of(listing: Listing) -> str:
    """Return the stamp of the first row; "" when there is none."""
    return str(listing.rows[0].get(MODIFIED) or "") if listing.rows else ""


def everything(reader: Reader, place: Place, workers: int) -> Iterator[tuple[list[Row], Place]]:
    """Yield (rows, place after them) for all records, by numbered pages, and by id where those cannot be complete."""
    if place.page == 1 and not 0 < place.total <= PAGE:
        place = measured(reader, place)
    if place.page is not None:
        place = yield from numbered(reader, place, workers)
    if place.after is not None:
        for rows in reader.walk(after=place.after):
            place = replace(place, after=id_of(rows[-1]))
            yield rows, place


def measured(reader: Reader, place: Place) -> Place:
    """Return the place with the largest id and how many records there are; a server that tells no total is read by id.

    Of one that does not sort as asked only the number of records can be checked.
    """
    last = reader.listing(order=LAST, limit=2)
    if last.total is None:
        return replace(place, page=None, after=0)
    ids = [id_of(row) for row in last.rows]
    return replace(place, top=max(ids, default=0) if ids == sorted(ids, reverse=True) else ANY, total=last.total)


def numbered(reader: Reader, place: Place, workers: int) -> Generator[tuple[list[Row], Place], None, Place]:
    """Yield the numbered pages; return a place whose `after` is set when something may have slipped between them."""
    more = True
    while more and place.page is not None:
        pages = ahead(reader, range(place.page, max(place.page, ceil(place.total / PAGE)) + 1), workers)
        for listing in pages:
            if reader.shows_new(listing.rows):
                pages.close()  # nothing may be under way while something else is asked; the loop goes on behind this page
                reader.learn(listing.rows)
            ids = ids_in_order(reader, listing.rows)
            new = bisect_right(ids, place.last)
            more = listing.more(offset=((place.page or 1) - 1) * PAGE)
            place = place.read(ids[new:])
            yield listing.rows[new:], place
    whole = place.page == 2 or not place.missed_some  # between the records of one page nothing slips
    return replace(place, page=None, after=None if whole else 0)


def ahead(reader: Reader, pages: Sequence[int], workers: int) -> Generator[Listing, None, None]:
    """Yield these pages, several under way at the same time; close it before anything else is asked."""
    if reader.client.keeps_several:
        yield from pipelined(lambda page, first: reader.asked(page=page, patient=first), pages, workers)
    else:
        yield from prefetch(lambda page: reader.listing(page=page), pages, workers)


def ids_in_order(reader: Reader, rows: list[Row]) -> list[int]:
    """Return the rows' ids. Raises ProtocolError when they do not ascend, without which nothing is sure to be complete."""
    ids = ascending(rows)
    if ids is None:
        raise out_of_order(reader.object_name)
    return ids


# What changed since


def delta(reader: Reader, place: Place, context: Context) -> Iterator[ChangePage]:
    """Yield what was modified since the place. One call when nothing was."""
    zone = reader.codec.zone
    asked, reached = since(place, zone), (place.oldest(zone), 0)
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
            reached, latest = stamps[-1], latest_stamp(listing.at, zone)
            believed = [stamp for stamp in stamps if place.time <= stamp[0] <= latest]
            place = place.at(believed[-1][0], listing.at, zone, str(believed[-1][1])) if believed else place
            yield ChangePage(as_changes(reader.records(fresh)), place.text())
        if not fresh or not listing.more():
            break
        asked = beyond(*reached)
    yield ChangePage((), replace(place.at(place.time, listing.at, zone), id="").text())


def in_time(rows: Sequence[Row], oldest: str) -> list[tuple[str, int]]:
    """Return stamp and id of each row. Raises QueryError when they are older, or in another order, than was asked."""
    stamps = [(str(row.get(MODIFIED) or ""), id_of(row)) for row in rows]
    if any(one > other for one, other in zip([(oldest, 0), *stamps], stamps, strict=False)):
        raise QueryError(_("The server does not filter or sort by the time of the last change."))
    return stamps


def not_by_time(reader: Reader, context: Context) -> bool:
    """Remember for a day that this object cannot be asked by time: every reading is then a first one. Return False."""
    Lessons(context.learned, context.clock).note(untimed(reader.object_name), MODIFIED)
    return False


def since(place: Place, zone: str) -> dict[str, JSON] | None:
    """Return the `q` for what is to be asked from a place."""
    if not place.time:
        return None
    return {MODIFIED: {"$gte": place.oldest(zone)}} if place.open else beyond(place.time, int(place.id or 0))


def beyond(stamp: str, id: int) -> dict[str, JSON]:
    """Return the `q` "after this record" in the order of stamp and id; without an id after the whole second."""
    after: dict[str, JSON] = {MODIFIED: {"$gt": stamp}}
    return {"$or": [{MODIFIED: stamp, "id": {"$gt": id}}, after]} if id else after


def untimed(object_name: str) -> str:
    """Return the name under which is learned that an object cannot be asked by `modifieddate`."""
    return f"no delta of {object_name}"
