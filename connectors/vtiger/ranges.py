"""All records of a module by ranges of ids, several under way at the same time. The rule: each range is read until the
server's own count agrees, since an empty page is no proof of the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.context import Context
from connectors.errors import RetryLater
from connectors.paging import prefetch
from connectors.vtiger.reading import Reader, Row, number
from connectors.vtiger.vtql import PAGE, Groups, literal

RANGE = 8 * PAGE  # records one worker reads before it hands them over


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
    low = edge(reader, between(reader, after, None), "id", total)
    high = None if low is None else edge(reader, between(reader, after, None), "id DESC", total)
    if low is None or high is None:
        return
    waiting: list[tuple[int, int, int | None]] = [(max(after, low - 1), high, total)]
    while waiting:
        begin, end, counted = waiting.pop()
        known = reader.count(between(reader, begin, end)) if counted is None else counted
        if known > RANGE * 3 // 2:
            step = max(1, (end - begin) * RANGE // known)
            waiting += reversed([(at, min(at + step, end), None) for at in range(begin, end, step)])
        elif known:
            yield begin, end, known


def edge(reader: Reader, groups: Groups, order: str, total: int) -> int | None:
    """Return the number of the first id in that order, None when this user may see none of so many. An empty page is
    asked for twice, and then passed, for the reasons `read_range` has."""
    for asked in range(0, 2 * total, PAGE):
        if found := reader.rows(groups, order, PAGE, asked // (2 * PAGE) * PAGE, ("id",)).rows:
            return number(str(found[0]["id"]))
    return None


def read_range(
    reader: Reader,
    span: tuple[int, int | None],
    columns: Sequence[str] = (),
    expected: int | None = None,
    found: list[Row] | None = None,
) -> list[Row]:
    """Return all rows with first < id <= last; `found` is filled as they come. An empty page may hide a database error
    (C5), or rows this user may not see, which are lost after LIMIT (C16): it is passed by its offset while the server
    counts more, and the end is believed when asking again brings nothing. Then deltas have to do the same: learned."""
    found = [] if found is None else found
    counted = reader.count(between(reader, *span)) if expected is None else expected
    after, offset, doubted = span[0], 0, False
    while len(found) < counted:
        came = reader.rows(between(reader, after, span[1]), offset=offset, columns=columns).rows
        if fresh := [row for row in came if is_after(row, after)]:
            found += fresh
            after, offset, doubted = number(str(fresh[-1]["id"])), 0, False
            continue
        offset += PAGE
        if offset >= counted - len(found):
            if doubted:
                reader.client.context.learned.set(hidden_in(reader), True)
                break
            counted, offset, doubted = reader.count(between(reader, *span)), 0, True
    return found


def hidden_in(reader: Reader) -> str:
    """Return the name under which is learned that a module has rows this user may not see."""
    return f"hidden rows of {reader.module}"


def is_after(row: Row, after: int) -> bool:
    """Say whether a row's number is above that one: pages may overlap."""
    return number(str(row["id"])) > after


def between(reader: Reader, after: int, last: int | None) -> Groups:
    """Return the condition after < id <= last; without the part that would not narrow."""
    prefix = reader.described.prefix
    low = [f"id > {literal(f'{prefix}x{after}')}"] if after else []
    return ((*low, *([f"id <= {literal(f'{prefix}x{last}')}"] if last is not None else [])),)
