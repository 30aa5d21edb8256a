"""All records of a module by ranges of ids, several under way at the same time. The rules: each range is read until the
server's own count agrees, since an empty page is no proof of the end; and what was read is handed over every few seconds, so
that a stop, a time limit or a kill costs little.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from connectors.context import Context
from connectors.errors import RetryLater
from connectors.paging import prefetch
from connectors.vtiger.reading import Reader
from connectors.vtiger.rows import Row, id_of, number
from connectors.vtiger.vtql import PAGE, Groups, literal, with_condition

RANGE = 8 * PAGE  # records one worker reads before it hands them over
SLOW = 1.0  # seconds a page takes, from which on a range would take too long: then page after page is handed over
PATIENCE = 3.0  # seconds a worker reads before it hands over what it has of a range

Read = tuple[list[Row], int, int]  # rows, the number up to which all is read now, how many there are


@dataclass(frozen=True, slots=True)
class Span:
    """The ids with after < number <= last; `last` None is the end, `expected` how many the server counts there, if asked."""

    after: int
    last: int | None = None
    expected: int | None = None


@dataclass(slots=True)
class Part:
    """What a worker read of a span, the number up to which, what is left, and what stopped it (a limit of calls, say)."""

    reached: int = 0
    rows: list[Row] = field(default_factory=list)
    rest: Span | None = None
    error: RetryLater | None = None


def ranges(reader: Reader, after: int, context: Context, columns: Sequence[str] = ()) -> Iterator[Read]:
    """Yield (rows, last number read, total) for all ids above `after`, several ranges under way at the same time."""
    total = reader.count(between(reader, Span(after)))
    if total <= PAGE:
        rows = read_range(reader, Span(after, expected=total), columns)
        yield rows, last_of(rows, after), total
        return
    asked_at = context.clock.monotonic()
    first = [r for r in reader.rows(between(reader, Span(after)), columns=columns).rows if is_after(r, after)]
    is_slow = context.clock.monotonic() - asked_at > SLOW
    if first:  # whatever stops us soon: each time some records are got
        after = last_of(first, after)
        yield first, after, total
    rest = Span(after, expected=total - len(first))
    yield from one_by_one(reader, rest, columns, total) if is_slow else together(reader, rest, columns, total, context)


def one_by_one(reader: Reader, span: Span, columns: Sequence[str], total: int) -> Iterator[Read]:
    """Yield a span page by page."""
    for rows in pages(reader, span, columns):
        yield rows, last_of(rows, span.after), total


def together(reader: Reader, rest: Span, columns: Sequence[str], total: int, context: Context) -> Iterator[Read]:
    """Yield a span by ranges that several workers read. What came before an error is handed over, or it would be asked for
    again and again; what a worker left of its range is read before the next one."""
    stopped = threading.Event()

    def work(span: Span | RetryLater) -> Part:
        if isinstance(span, RetryLater):
            return Part(error=span)
        return part(reader, span, columns, context, stopped)

    try:
        for read in prefetch(work, until_stopped(spans(reader, rest)), context.max_parallel):
            if read.rows or read.error is None:
                yield read.rows, read.reached, total
            if read.error is not None:
                raise read.error
            if read.rest is not None:
                yield from one_by_one(reader, read.rest, columns, total)
    finally:
        stopped.set()


def part(reader: Reader, span: Span, columns: Sequence[str], context: Context, stopped: threading.Event) -> Part:
    """Return what was read of a span before it was read whole, the patience was over, or something stopped us."""
    read, until = Part(span.after), context.clock.monotonic() + PATIENCE
    if stopped.is_set():
        return Part(span.after, rest=span)
    try:
        for rows in pages(reader, span, columns):
            read.rows, read.reached = read.rows + rows, last_of(rows, span.after)
            left = (span.expected or 0) - len(read.rows)
            if left > 0 and (stopped.is_set() or context.clock.monotonic() >= until):
                read.rest = Span(read.reached, span.last, left)
                break
        else:
            read.reached = span.last or read.reached
    except RetryLater as e:
        read.error = e
    return read


def until_stopped(found: Iterator[Span]) -> Iterator[Span | RetryLater]:
    """Yield the spans, and what stopped their finding in its turn, after what was read of those before it."""
    try:
        yield from found
    except RetryLater as e:
        yield e


def spans(reader: Reader, whole: Span) -> Iterator[Span]:
    """Yield parts of a span so that each holds about RANGE records, however unevenly the ids lie: all modules share one
    sequence of numbers, and an import of one leaves a gap in the others."""
    total = whole.expected or 0
    low = edge(reader, between(reader, whole), "id", total)
    high = None if low is None else edge(reader, between(reader, whole), "id DESC", total)
    if low is None or high is None:
        return
    waiting = [Span(max(whole.after, low - 1), high, total)]
    while waiting:
        span = waiting.pop()
        known = reader.count(between(reader, span)) if span.expected is None else span.expected
        begin, end = span.after, span.last or 0
        if known > RANGE * 3 // 2:
            step = max(1, (end - begin) * RANGE // known)
            waiting += reversed([Span(at, min(at + step, end)) for at in range(begin, end, step)])
        elif known:
            yield replace(span, expected=known)


def edge(reader: Reader, groups: Groups, order: str, total: int) -> int | None:
    """Return the number of the first id in that order, None when this user may see none of so many. An empty page is
    asked for twice, and then passed, for the reasons `pages` has."""
    for asked in range(0, 2 * total, PAGE):
        if found := reader.rows(groups, order, PAGE, asked // (2 * PAGE) * PAGE, ("id",)).rows:
            return number(id_of(found[0]))
    return None


def read_range(reader: Reader, span: Span, columns: Sequence[str] = (), groups: Groups = ((),)) -> list[Row]:
    """Return all rows of a span, those that meet these conditions."""
    return [row for rows in pages(reader, span, columns, groups) for row in rows]


def pages(reader: Reader, span: Span, columns: Sequence[str], groups: Groups = ((),)) -> Iterator[list[Row]]:
    """Yield the rows of a span page by page. An empty page may hide a database error (C5), or rows this user may not see,
    which are lost after LIMIT (C16): it is passed by its offset while the server counts more, and the end is believed when
    asking again brings nothing. Then deltas have to do the same: learned."""
    whole = between(reader, span, groups)
    counted = reader.count(whole) if span.expected is None else span.expected
    at, had, offset, doubted = span, 0, 0, False
    while had < counted:
        came = reader.rows(between(reader, at, groups), offset=offset, columns=columns).rows
        if fresh := [row for row in came if is_after(row, at.after)]:
            yield fresh
            at, offset, doubted = replace(at, after=last_of(fresh, at.after)), 0, False
            had += len(fresh)
            continue
        offset += PAGE
        if offset >= counted - had:
            if doubted:
                reader.client.context.learned.set(reader.hidden, True)
                return
            counted, offset, doubted = reader.count(whole), 0, True


def is_after(row: Row, after: int) -> bool:
    """Say whether a row's number is above that one: pages may overlap."""
    return number(id_of(row)) > after


def last_of(rows: Sequence[Row], after: int) -> int:
    """Return the number of the last row, that other one when there is none."""
    return number(id_of(rows[-1])) if rows else after


def between(reader: Reader, span: Span, groups: Groups = ((),)) -> Groups:
    """Return the groups narrowed to after < id <= last; without the part that would not narrow."""
    prefix = reader.described.prefix
    low = [f"id > {literal(f'{prefix}x{span.after}')}"] if span.after else []
    high = [f"id <= {literal(f'{prefix}x{span.last}')}"] if span.last is not None else []
    return with_condition(groups, *low, *high)
