"""What happened in one module since a cursor. The rule: a change may come twice, never not at all; the cursor holds the
vendor's own stamp, and a second is left behind only once nothing can be written into it any more.

The first reading follows the id. The next ones ask by `date_modified`, which a query compares as the database keeps it, in
a zone that nothing tells: so a record's stamp is looked for as UTC and as time of the connection's zone, once, and where
neither finds it every reading is a first one. Deletes are not told: the sweep of all ids finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from connectors.answer import Listing
from connectors.errors import QueryError
from connectors.paging import as_changes
from connectors.sarvcrm.answers import BAD_SQL
from connectors.sarvcrm.pushdown import both, literal
from connectors.sarvcrm.reading import Reader, untimed
from connectors.sarvcrm.rows import Row, behind, id_of
from connectors.sarvcrm.schema import MODIFIED
from connectors.seconds import Second, latest_stamp
from connectors.spelling import from_utc, to_utc
from connectors.types import ChangePage, Cursor
from connectors.wording import text as _

ZONE_OF_STAMPS = "zone of stamps"  # the name under which it is learned
STAMP_FIELDS = ("id", MODIFIED)


@dataclass(frozen=True, slots=True)
class Place(Second):
    """The cursor: how far the first reading came, then the newest second of the deltas, in the database's zone."""

    after: str | None = ""  # first reading: the id after which to go on; None when it is over
    zone: str = ""  # in which the database keeps stamps; "" when it was not found out


def changes(reader: Reader, since: Cursor | None) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = Place.of(since)
    if place.after is not None:
        yield from first_reading(reader, place, begun=bool(place.after))
    elif reader.sql.has(MODIFIED):
        yield from delta(reader, place)
    else:
        yield from first_reading(reader, Place(), begun=False)


def ids(reader: Reader, after: str | None) -> Iterator[list[str]]:
    """Yield every id there is, behind that one page by page; ends normally only when the sweep was complete."""
    for found in reader.walk(after or "", fields=("id",)):
        yield [id_of(row) for row in found.rows]


# The first reading


def first_reading(reader: Reader, place: Place, *, begun: bool) -> Iterator[ChangePage]:
    """Yield all records. What is edited meanwhile has a stamp after the newest at the start, so the next delta has it."""
    if not begun:
        place = start(reader, place)
    for found in reader.walk(place.after or ""):
        place = replace(place, after=id_of(found.rows[-1]))
        yield ChangePage(as_changes(reader.records(found.rows)), place.text())
    yield ChangePage((), (replace(place, after=None) if place.zone else Place()).text())


def start(reader: Reader, place: Place) -> Place:
    """Return the place with the newest stamp there is, before any record is read; without a zone where the module cannot be
    asked by time."""
    timed = reader.schema.modified_field == MODIFIED and reader.sql.has(MODIFIED)
    if not timed or reader.lessons.recent(untimed(reader.module)):
        return place
    try:
        return newest(reader, place)
    except QueryError as e:
        if e.code != BAD_SQL:
            raise
        reader.lessons.note(untimed(reader.module), MODIFIED)
        return place


def newest(reader: Reader, place: Place) -> Place:
    """Return the place at the newest stamp; one in the future is not believed."""
    column, order = reader.sql.column(MODIFIED), f"{reader.sql.column(MODIFIED)} DESC"
    last = reader.listing("", order, 1, 0, STAMP_FIELDS)
    zone = zone_of_stamps(reader, last.rows)
    if not zone:
        return place
    latest = latest_stamp(last.at, zone)
    if any(stamp > latest for stamp in stamps(last.rows, zone)):
        last = reader.listing(f"{column} <= {literal(latest)}", order, 1, 0, STAMP_FIELDS)
    place, found = replace(place, zone=zone), stamps(last.rows, zone)
    return place.at(found[0], last.at, zone) if found else place


def zone_of_stamps(reader: Reader, rows: Sequence[Row]) -> str:
    """Return the zone in which queries compare stamps, "" when none is found or there is no record to try it with.

    A record is asked for by its stamp: where that finds it, the zone is right. It is learned for the whole server. The offset
    shown beside a stamp is not tried: it may be another in winter, and then changes would be missed.
    """
    known = str(reader.lessons.learned.get(ZONE_OF_STAMPS) or "")
    if known or not rows:
        return known
    column, id = reader.sql.column(MODIFIED), f"{reader.sql.column('id')} = {literal(id_of(rows[0]))}"
    for zone in dict.fromkeys(("UTC", reader.codec.zone)):
        stamp = next(iter(stamps(rows, zone)), "")
        if stamp and reader.listing(both(id, f"{column} = {literal(stamp)}"), limit=1, fields=("id",)).rows:
            reader.lessons.learned.set(ZONE_OF_STAMPS, zone)
            return zone
    now = reader.listing(id, limit=1, fields=STAMP_FIELDS).rows
    if now and now[0].get(MODIFIED) == rows[0].get(MODIFIED):  # else it was changed just now, and the next time tells
        reader.lessons.note(untimed(reader.module), MODIFIED)
    return ""


# What changed since


def delta(reader: Reader, place: Place) -> Iterator[ChangePage]:
    """Yield what was modified since the place. One call when nothing was."""
    zone, order = place.zone, f"{reader.sql.column(MODIFIED)} ASC, {reader.sql.column('id')} ASC"
    asked, reached = since(reader, place), ("", "")
    while True:
        try:
            found, rows, told = asked_twice(reader, asked, order, reached[1], place)
        except QueryError as e:
            if e.code not in (BAD_SQL, ""):
                raise
            reader.lessons.note(untimed(reader.module), MODIFIED)
            yield from first_reading(reader, Place(), begun=False)
            return
        if not rows:
            break
        reached = (told[-1], id_of(rows[-1]))
        place = advanced(place, rows, told, found, zone)
        yield ChangePage(as_changes(reader.records(rows)), place.text())
        asked = beyond(reader, *reached)
    yield ChangePage((), replace(place.at(place.time, found.at, zone), id="").text())


def asked_twice(
    reader: Reader, asked: str, order: str, last: str, place: Place
) -> tuple[Listing, list[Row], list[str]]:
    """Return a page, its rows behind the last one read, and their stamps. Raises QueryError only when a second page, too, is
    not as asked: one may have been broken on its way."""

    def once() -> tuple[Listing, list[Row], list[str]]:
        found = reader.listing(asked, order)
        rows = behind(found.rows, last)
        return found, rows, in_time(rows, place, place.zone)

    try:
        return once()
    except QueryError as e:
        if e.code:
            raise
    return once()


def in_time(rows: Sequence[Row], place: Place, zone: str) -> list[str]:
    """Return the stamp of each row. Raises QueryError when one is older, or in another order, than was asked."""
    told = stamps(rows, zone)
    oldest = place.oldest(zone)
    if len(told) < len(rows) or any(one > other for one, other in zip([oldest, *told], told, strict=False)):
        raise QueryError(_("The server does not filter or sort by the time of the last change."))
    return told


def advanced(place: Place, rows: Sequence[Row], told: Sequence[str], page: Listing, zone: str) -> Place:
    """Return the place after a page of rows in the order of their stamps."""
    latest = latest_stamp(page.at, zone)
    believed = [at for at, stamp in enumerate(told) if place.time <= stamp <= latest]
    return place.at(told[believed[-1]], page.at, zone, id_of(rows[believed[-1]])) if believed else place


def since(reader: Reader, place: Place) -> str:
    """Return the query for what is to be asked from a place."""
    if not place.time:
        return ""
    if place.open:
        return f"{reader.sql.column(MODIFIED)} >= {literal(place.oldest(place.zone))}"
    return beyond(reader, place.time, place.id)


def beyond(reader: Reader, stamp: str, id: str) -> str:
    """Return the query "after this record" in the order of stamp and id; without an id after the whole second."""
    column = reader.sql.column(MODIFIED)
    after = f"{column} > {literal(stamp)}"
    if not id:
        return after
    return f"({after} OR ({column} = {literal(stamp)} AND {reader.sql.column('id')} > {literal(id)}))"


def stamps(rows: Sequence[Row], zone: str) -> list[str]:
    """Return each row's stamp as the database keeps it; shorter where one cannot be read."""
    found = []
    for row in rows:
        try:
            found.append(from_utc(to_utc(str(row.get(MODIFIED) or ""), zone), zone))
        except ValueError:
            continue
    return found
