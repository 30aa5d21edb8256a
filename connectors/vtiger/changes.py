"""What happened in one module since a cursor. The rule: a change may come twice, never not at all; the cursor holds the
vendor's own stamp, and a second is left behind only once nothing can be written into it any more.

The first reading follows the id, in ranges that are read at the same time, each checked against the server's count. The
next ones ask by `modifiedtime`. Deletes come from `sync` where it works, and then of this user's own records only (F3):
the sweep of all ids finds the others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from connectors.answer import Listing
from connectors.context import Context
from connectors.errors import AccessDenied, Unavailable
from connectors.seconds import Second, latest_stamp
from connectors.types import Change, ChangePage, Cursor
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.ranges import SLOW, ranges
from connectors.vtiger.reading import Reader
from connectors.vtiger.rows import Row, id_of, number
from connectors.vtiger.schema import MODIFIED
from connectors.vtiger.vtql import PAGE, Groups, literal

BY_STAMP = f"{MODIFIED},id"
SYNC_WORKS = "sync works"


@dataclass(frozen=True, slots=True)
class Place(Second):
    """The cursor: how far the first reading came, then the newest second of the deltas."""

    read: int | None = 0  # first reading: ids up to this number are read; None when it is over
    sync: int = 0  # where to go on with `sync`; 0 when it was never asked for


def changes(reader: Reader, since: Cursor | None, context: Context) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = Place.of(since)
    if place.read is not None:
        yield from first_reading(reader, place, context, begun=since is not None)
        return
    if place.sync and context.learned.get(SYNC_WORKS):
        place = yield from deleted(reader, place, context)
    yield from delta(reader, place)


def ids(reader: Reader, context: Context, after: str | None) -> Iterator[list[str]]:
    """Yield every id there is behind that one; ends normally only when the sweep was complete."""
    read = ranges(reader, number(after) if after else 0, context, columns=("id",))
    yield from ([id_of(row) for row in page[0]] for page in read if page[0])


# The first reading


def first_reading(reader: Reader, place: Place, context: Context, *, begun: bool) -> Iterator[ChangePage]:
    """Yield all records. What is edited meanwhile has a stamp after the newest at the start, so the next delta has it."""
    timed, asked_at = reader.schema.modified_field is not None, context.clock.monotonic()
    if timed and not begun:
        place = start(reader, place)
        if context.clock.monotonic() - asked_at > SLOW:
            yield ChangePage((), place.text())  # so much took so long already that it may be time to stop
    for rows, read, total in ranges(reader, place.read or 0, context):
        place, reader = replace(place, read=read), reader.fit_for(rows)
        yield ChangePage(changed(reader, rows), place.text(), total)
    over = replace(place, read=None) if timed else Place()  # without a stamp the next time is a first reading again
    yield ChangePage((), over.text())


def start(reader: Reader, place: Place) -> Place:
    """Return the place with the newest stamp there is, before anything is read."""
    zone, newest = reader.codec.zone, reader.rows(order=f"{MODIFIED} DESC", limit=1, columns=("id", MODIFIED))
    latest = latest_stamp(newest.at, zone)
    if newest.rows and str(newest.rows[0].get(MODIFIED)) > latest:
        past = ((f"{MODIFIED} <= {literal(latest)}",),)
        newest = reader.rows(past, f"{MODIFIED} DESC", 1, 0, ("id", MODIFIED))
    stamp = str(newest.rows[0].get(MODIFIED) or "") if newest.rows else ""
    begun = replace(place, sync=int(newest.at.timestamp()) if newest.at else 0)
    return begun.at(stamp, newest.at, zone) if stamp else begun


# What changed since


def delta(reader: Reader, place: Place) -> Iterator[ChangePage]:
    """Yield what was modified since the place. One call when nothing was."""
    zone = reader.codec.zone
    asked, reached = since(place, zone), ("", 0)
    while True:
        answer = next_seen(reader, asked)
        last = answer.rows[-1] if answer.rows else {}
        stamp, id = str(last.get(MODIFIED) or ""), id_of(last) if last else ""
        if not last or (stamp, number(id)) <= reached:  # nothing came, or the server gives the same page again
            break
        reached, reader = (stamp, number(id)), reader.fit_for(answer.rows)
        place = advanced(place, answer, zone)
        yield ChangePage(changed(reader, answer.rows), place.text())
        asked = beyond(stamp, id)
    # An empty page closes a second only after a page that had it: alone it may hide a database error (C5).
    yield ChangePage((), (replace(place.at(place.time, answer.at, zone), id="") if reached[0] else place).text())


def next_seen(reader: Reader, asked: Groups) -> Listing:
    """Return the next page in the order of stamps; where whole pages may hold what this user may not see, those are passed."""
    answer = reader.rows(asked, BY_STAMP)
    if answer.rows or not reader.client.context.learned.get(reader.hidden):
        return answer
    for offset in range(PAGE, reader.count(asked), PAGE):
        answer = reader.rows(asked, BY_STAMP, offset=offset)
        if answer.rows:
            break
    return answer


def advanced(place: Place, page: Listing, zone: str) -> Place:
    """Return the place after a page of rows in the order of their stamps."""
    believed = [row for row in page.rows if place.time <= str(row[MODIFIED]) <= latest_stamp(page.at, zone)]
    return place.at(str(believed[-1][MODIFIED]), page.at, zone, id_of(believed[-1])) if believed else place


def since(place: Place, zone: str) -> Groups:
    """Return the condition for what is to be asked from a place."""
    if not place.time:
        return ((),)
    if place.open:
        return ((f"{MODIFIED} >= {literal(place.oldest(zone))}",),)
    return beyond(place.time, place.id)


def beyond(stamp: str, id: str) -> Groups:
    """Return the condition "after this record", in the order of stamp and id; without an id after the whole second."""
    after = (f"{MODIFIED} > {literal(stamp)}",)
    return ((f"{MODIFIED} = {literal(stamp)}", f"id > {literal(id)}"), after) if id else (after,)


def deleted(reader: Reader, place: Place, context: Context) -> Generator[ChangePage, None, Place]:
    """Yield what `sync` says was deleted; return the place after it. A server on which it dies is asked no more."""
    more = True
    while more:
        try:
            told = reader.client.sync(reader.module, place.sync - 2)  # its last second may have gone on (F5)
        except AccessDenied:
            return place  # not for this module (F9)
        except Unavailable as e:
            if e.code != "500":
                raise
            context.learned.set(SYNC_WORKS, False)
            return place
        newest = int(told.get("lastModifiedTime") or 0)
        more = bool(told.get("more")) and newest > place.sync
        place = replace(place, sync=max(place.sync, newest))
        if gone := told.get("deleted") or []:
            yield ChangePage(tuple(Change(str(id)) for id in gone), place.text())
    return place


def try_sync(client: VtigerClient, modules: Sequence[str], now: int) -> bool:
    """Say whether `sync` works here. On PHP 8 it dies with an empty HTTP 500 (F1)."""
    if not modules:
        return False
    try:
        client.sync("Contacts" if "Contacts" in modules else modules[0], now)
    except (Unavailable, AccessDenied):
        return False
    return True


def changed(reader: Reader, rows: Sequence[Row]) -> tuple[Change, ...]:
    """Return the rows as changes."""
    return tuple(Change(record.id, record) for record in reader.records(rows))
