"""What happened in one module since a cursor. The rule: a change may come twice, never not at all; the cursor holds the
vendor's own stamp, and a second is left behind only once nothing can be written into it any more.

The first reading follows the id, in ranges that are read at the same time, each checked against the server's count. The
next ones ask by `modifiedtime`. Deletes come from `sync` where it works, and then of this user's own records only (F3):
the sweep of all ids finds the others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import orjson

from connectors.context import Context
from connectors.errors import AccessDenied, QueryError, RetryLater, Unavailable
from connectors.paging import prefetch
from connectors.spelling import zone_info
from connectors.types import Change, ChangePage, Cursor
from connectors.vtiger.client import Rows, VtigerClient
from connectors.vtiger.reading import Reader, Row, number
from connectors.vtiger.schema import MODIFIED
from connectors.vtiger.vtql import PAGE, Groups, literal
from connectors.wording import text as _

RANGE = 8 * PAGE  # records one worker reads before it hands them over
STAMP = "%Y-%m-%d %H:%M:%S"
OVERLAP = timedelta(seconds=10)  # a write stamped before another may become visible after it
CLOSED_AFTER = timedelta(minutes=5)  # by the vendor's clock, counted from when we first saw the second
FARTHEST_ZONE = timedelta(hours=12)  # no zone is farther behind UTC: stamps that old are old whatever `time_zone` says
SYNC_WORKS = "sync_works"


@dataclass(frozen=True, slots=True)
class Place:
    """The cursor: how far the first reading came, then the newest stamp seen and when, by the vendor's clock."""

    read: int | None = 0  # first reading: ids up to this number are read; None when it is over
    time: str = ""  # the newest modifiedtime handed over, as the vendor wrote it
    id: str = ""  # within that second, handed over up to this id; "" when all of it
    open: bool = False  # more may still be written into that second
    seen: int = 0  # unix seconds by the vendor when that second was first seen; 0 when it tells no time
    sync: int = 0  # where to go on with `sync`; 0 when it was never asked for

    def text(self) -> Cursor:
        """Return the place as the opaque text that is kept."""
        return orjson.dumps(asdict(self)).decode()

    def at(self, stamp: str, now: datetime | None, id: str = "") -> Place:
        """Return the place after a record with that stamp, handed over when the vendor's clock showed `now`."""
        unix = int(now.timestamp()) if now else 0
        seen = self.seen if stamp == self.time and self.seen else unix
        old = now is not None and stamp <= (now - FARTHEST_ZONE - CLOSED_AFTER).strftime(STAMP)
        open = not old and not (seen and unix - seen >= CLOSED_AFTER.total_seconds())
        return replace(self, time=stamp, id="" if open else id, open=open, seen=seen)


def changes(reader: Reader, since: Cursor | None, context: Context) -> Iterator[ChangePage]:
    """Yield what changed since the cursor, everything when it is None. Raises QueryError for a cursor not ours."""
    place = parse(since)
    if place.read is not None:
        yield from first_reading(reader, place, context, begun=since is not None)
        return
    if place.sync and context.learned.get(SYNC_WORKS):
        place = yield from deleted(reader, place, context)
    yield from delta(reader, place)


def ids(reader: Reader, context: Context) -> Iterator[list[str]]:
    """Yield every id there is; ends normally only when the sweep was complete."""
    read = ranges(reader, 0, context, columns=("id",))
    yield from ([str(row["id"]) for row in page[0]] for page in read if page[0])


def parse(cursor: Cursor | None) -> Place:
    """Return the place in a cursor; the beginning for None. Raises QueryError."""
    try:
        return Place(**orjson.loads(cursor)) if cursor else Place()
    except (orjson.JSONDecodeError, TypeError) as e:
        raise QueryError(_("This cursor is not one of Vtiger's: read the module again from the beginning.")) from e


# The first reading


def first_reading(reader: Reader, place: Place, context: Context, *, begun: bool) -> Iterator[ChangePage]:
    """Yield all records. What is edited meanwhile has a stamp after the newest at the start, so the next delta has it."""
    timed = reader.schema.modified_field is not None
    if timed and not begun:
        place = start(reader, place)
    for rows, read, total in ranges(reader, place.read or 0, context):
        place = replace(place, read=read)
        yield ChangePage(changed(reader, rows), place.text(), total)
    over = replace(place, read=None) if timed else Place()  # without a stamp the next time is a first reading again
    yield ChangePage((), over.text())


def start(reader: Reader, place: Place) -> Place:
    """Return the place with the newest stamp there is, before anything is read."""
    newest = reader.rows(order=f"{MODIFIED} DESC", limit=1, columns=("id", MODIFIED))
    latest = latest_stamp(reader, newest.at)
    if newest.rows and str(newest.rows[0].get(MODIFIED)) > latest:
        past = ((f"{MODIFIED} <= {literal(latest)}",),)
        newest = reader.rows(past, f"{MODIFIED} DESC", 1, 0, ("id", MODIFIED))
    stamp = str(newest.rows[0].get(MODIFIED) or "") if newest.rows else ""
    begun = replace(place, sync=int(newest.at.timestamp()) if newest.at else 0)
    return begun.at(stamp, newest.at) if stamp else begun


def latest_stamp(reader: Reader, now: datetime | None) -> str:
    """Return the latest stamp to be believed. A record stamped in the future must not carry the cursor there, or all
    that is written until then would be passed over; it comes again with each delta instead."""
    return (now + CLOSED_AFTER).astimezone(zone_info(reader.codec.zone)).strftime(STAMP) if now else "9999"


def ranges(
    reader: Reader, after: int, context: Context, columns: Sequence[str] = ()
) -> Iterator[tuple[list[Row], int, int]]:
    """Yield (rows, last number read, total) for all ids above `after`, several ranges under way at the same time."""
    total = reader.count(between(reader, after, None))
    if total <= PAGE:
        rows = read_range(reader, (after, None), columns, total)
        yield rows, number(str(rows[-1]["id"])) if rows else after, total
        return
    first = [row for row in reader.rows(between(reader, after, None), columns=columns).rows if is_after(row, after)]
    if first:  # whatever stops us soon: each time some records are got
        after = number(str(first[-1]["id"]))
        yield first, after, total
    keys = until_stopped(spans(reader, after, total - len(first)))
    for rows, last, error in prefetch(lambda key: part(reader, key, columns), keys, context.max_parallel):
        if rows or error is None:
            yield rows, last, total
        if error is not None:
            raise error


def part(
    reader: Reader, span: tuple[int, int, int] | RetryLater, columns: Sequence[str]
) -> tuple[list[Row], int, RetryLater | None]:
    """Return the rows of a span, the number up to which it was read, and what stopped us (a limit of calls, say): what
    came before is handed over, or it would be asked for again and again."""
    found: list[Row] = []
    if isinstance(span, RetryLater):
        return found, 0, span
    try:
        return read_range(reader, span[:2], columns, span[2], found), span[1], None
    except RetryLater as e:
        return found, number(str(found[-1]["id"])) if found else span[0], e


def until_stopped(found: Iterator[tuple[int, int, int]]) -> Iterator[tuple[int, int, int] | RetryLater]:
    """Yield the spans, and what stopped their finding in its turn, after what was read of those before it."""
    try:
        yield from found
    except RetryLater as e:
        yield e


def spans(reader: Reader, after: int, total: int) -> Iterator[tuple[int, int, int]]:
    """Yield (after, up to, how many records) so that each holds about RANGE of them, however unevenly the ids lie: all
    modules share one sequence of numbers, and an import of one leaves a gap in the others."""
    low, high = (edge(reader, between(reader, after, None), order) for order in ("id", "id DESC"))
    waiting: list[tuple[int, int, int | None]] = [(max(after, low - 1), high, total)]
    while waiting:
        begin, end, counted = waiting.pop()
        known = reader.count(between(reader, begin, end)) if counted is None else counted
        if known > RANGE * 3 // 2:
            step = max(1, (end - begin) * RANGE // known)
            waiting += reversed([(at, min(at + step, end), None) for at in range(begin, end, step)])
        elif known:
            yield begin, end, known


def edge(reader: Reader, groups: Groups, order: str) -> int:
    """Return the number of the first id in that order. Raises Unavailable when there suddenly is none."""
    found = reader.rows(groups, order, 1, 0, ("id",)).rows
    if not found:
        raise Unavailable(_("Vtiger counts records of %(name)s but shows none: its database seems to fail.", name=reader.module))  # fmt: skip
    return number(str(found[0]["id"]))


def read_range(
    reader: Reader,
    span: tuple[int, int | None],
    columns: Sequence[str] = (),
    expected: int | None = None,
    found: list[Row] | None = None,
) -> list[Row]:
    """Return all rows with first < id <= last; `found` is filled as they come. An empty page may hide a database error
    (C5), a short one lost rows (C16): the end is believed when the server's count agrees, or when asking again brings
    nothing."""
    found = [] if found is None else found
    after, doubted = span[0], False
    while True:
        came = reader.rows(between(reader, after, span[1]), columns=columns).rows
        fresh = [row for row in came if is_after(row, after)]
        if fresh:
            found += fresh
            after = number(str(fresh[-1]["id"]))
        if fresh and len(came) >= PAGE:
            continue
        counted = reader.count(between(reader, *span)) if expected is None or doubted else expected
        if len(found) >= counted or (doubted and not fresh):
            return found
        doubted = True


def is_after(row: Row, after: int) -> bool:
    """Say whether a row's number is above that one: pages may overlap."""
    return number(str(row["id"])) > after


def between(reader: Reader, after: int, last: int | None) -> Groups:
    """Return the condition after < id <= last; without the part that would not narrow."""
    prefix = reader.described.prefix
    low = [f"id > {literal(f'{prefix}x{after}')}"] if after else []
    return ((*low, *([f"id <= {literal(f'{prefix}x{last}')}"] if last is not None else [])),)


# What changed since


def delta(reader: Reader, place: Place) -> Iterator[ChangePage]:
    """Yield what was modified since the place. One call when nothing was."""
    asked, reached = since(place), ("", 0)
    while True:
        answer = reader.rows(asked, f"{MODIFIED},id")
        last = answer.rows[-1] if answer.rows else {}
        stamp, id = str(last.get(MODIFIED) or ""), str(last.get("id") or "")
        if not last or (stamp, number(id)) <= reached:  # nothing came, or the server gives the same page again
            break
        reached = (stamp, number(id))
        place = advanced(place, answer, latest_stamp(reader, answer.at))
        yield ChangePage(changed(reader, answer.rows), place.text())
        asked = beyond(stamp, id)
    # An empty page closes a second only after a page that had it: alone it may hide a database error (C5).
    yield ChangePage((), (replace(place.at(place.time, answer.at), id="") if reached[0] else place).text())


def advanced(place: Place, page: Rows, latest: str) -> Place:
    """Return the place after a page of rows in the order of their stamps."""
    believed = [row for row in page.rows if place.time <= str(row[MODIFIED]) <= latest]
    return place.at(str(believed[-1][MODIFIED]), page.at, str(believed[-1]["id"])) if believed else place


def since(place: Place) -> Groups:
    """Return the condition for what is to be asked from a place."""
    if not place.time:
        return ((),)
    if place.open:
        early = datetime.fromisoformat(place.time) - OVERLAP  # no zone is meant, only the distance
        return ((f"{MODIFIED} >= {literal(early.strftime(STAMP))}",),)
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


def changed(reader: Reader, rows: Iterable[Row]) -> tuple[Change, ...]:
    """Return the rows as changes."""
    records = map(reader.record, rows)
    return tuple(Change(record.id, record) for record in records)
