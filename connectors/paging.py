"""Pages: several under way at once, in order, while the caller stores the last; and pages cut from records at hand. The
rule: never more requests at a time than allowed, and none left under way once the caller has stopped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from typing import Generic, TypeVar

import orjson

from connectors.errors import BudgetSpent, QueryError, RetryLater
from connectors.query import Query, check, match_record, sort_key
from connectors.types import Change, ModuleSchema, Page, Record
from connectors.wording import text as _

AHEAD = 3  # fetches under way or done and not yet asked for, times the workers
Key = TypeVar("Key")
Fetched = TypeVar("Fetched")
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Pending(Generic[Fetched]):
    """What was asked for and is on its way. Call `result` once, which waits, or `close` when nobody wants it any more."""

    result: Callable[[], Fetched]
    close: Callable[[], None]

    def then(self, read: Callable[[Fetched], Read]) -> Pending[Read]:
        """Return the same, read by `read` once it is there."""
        return Pending(lambda: read(self.result()), self.close)


def pipelined(
    begin: Callable[[Key, bool], Pending[Fetched]], keys: Iterable[Key], most: int
) -> Generator[Fetched, None, None]:
    """Yield what `begin` of each key brings, in the order of the keys, up to `most` under way, all in this thread.

    For pages of one call each; what needs several calls a key is for `prefetch`. It begins with one and allows one more
    with each answer, so that a short list opens few sockets. `begin` gets whether it may wait for its turn: only when
    nothing is under way, else we might wait for ourselves. RetryLater from it (no place, a limit of calls) is raised only
    then. Whoever has to ask something else in between closes this iterator first: it would wait for ourselves as well.
    """
    line = _Line(begin, iter(keys))
    allowed = 1
    try:
        while True:
            line.fill(allowed)
            if not line.under_way:
                return
            came = line.next()
            allowed = max(1, min(allowed + 1, most))
            if most > 1:
                line.fill(
                    allowed, hand_over=True
                )  # under way while the caller works; what came is handed over in any case
            yield came
    finally:
        line.close()


@dataclass(slots=True)
class _Line(Generic[Key, Fetched]):
    """What is under way, oldest first, and the keys taken but not begun."""

    begin: Callable[[Key, bool], Pending[Fetched]]
    rest: Iterator[Key]
    waiting: deque[Key] = field(default_factory=deque)
    under_way: deque[tuple[Key, Pending[Fetched]]] = field(default_factory=deque)

    def fill(self, allowed: int, hand_over: bool = False) -> None:
        """Begin what there is room for."""
        while len(self.under_way) < allowed:
            if not self.waiting:
                self.waiting.extend(islice(self.rest, 1))
            if not self.waiting:
                return
            try:
                pending = self.begin(self.waiting[0], not (self.under_way or hand_over))
            except RetryLater:
                if self.under_way or hand_over:
                    return
                raise
            self.under_way.append((self.waiting.popleft(), pending))

    def next(self) -> Fetched:
        """Return what the oldest brings. One that found no place for another try is asked again once nothing else is under
        way, and then waits for it."""
        key, pending = self.under_way.popleft()
        try:
            return pending.result()
        except BudgetSpent:
            self.waiting.extendleft(key for key, _pending in reversed(self.under_way))
            self.close()
            return self.begin(key, True).result()

    def close(self) -> None:
        """Give up all that is under way, each of them whatever becomes of the others."""
        with ExitStack() as stack:
            while self.under_way:
                stack.callback(self.under_way.pop()[1].close)


def prefetch(fetch: Callable[[Key], Fetched], keys: Iterable[Key], workers: int) -> Iterator[Fetched]:
    """Yield `fetch(key)` for each key, in the order of the keys, up to `workers` of them under way at the same time.

    Fetching goes on while the caller is busy with what it got (at 20 ms a page a pull then takes a third less).
    `keys` may be endless: no more than AHEAD times the workers are taken before the caller asks for the next. What `fetch`
    raises is raised here in its turn; fetches not begun are then dropped and those under way awaited, also when the
    caller closes the iterator.
    """
    if workers <= 1:
        yield from map(fetch, keys)
        return
    rest = iter(keys)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="page")
    try:
        under_way: deque[Future[Fetched]] = deque(pool.submit(fetch, key) for key in islice(rest, AHEAD * workers))
        while under_way:
            fetched = under_way.popleft().result()
            under_way.extend(pool.submit(fetch, key) for key in islice(rest, 1))
            yield fetched
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def local_page(records: Iterable[Record], query: Query, schema: ModuleSchema) -> Page:
    """Return the page of these records, all of a module's, that the query asks for; its total is how many match.

    The cursor holds the last record's place in the order, so records that come or go in between shift nothing. Raises QueryError.
    """
    check(query.filter, query.order, schema)
    holds, key = match_record(query.filter, schema), sort_key(query.order, schema)
    found = [record for record in records if holds(record)]
    rest = found
    if query.cursor is not None:
        last = key(_from_cursor(query.cursor, schema.module.name))
        rest = [record for record in found if key(record) > last]
    page = nsmallest(query.limit, rest, key=key)
    cursor = _to_cursor(page[-1], query) if page and len(rest) > len(page) else None
    return Page(tuple(only_fields(record, query.fields) for record in page), cursor, len(found))


def as_changes(records: Iterable[Record]) -> tuple[Change, ...]:
    """Return the records as what has changed."""
    return tuple(Change(record.id, record) for record in records)


def only_fields(record: Record, fields: tuple[str, ...] | None) -> Record:
    """Return the record with these fields only, those it carries; all for None."""
    if fields is None:
        return record
    values = {name: record.values[name] for name in fields if name in record.values}
    return Record(record.module, record.id, values, record.modified)


def unknown_place() -> QueryError:
    """Return the error for a place in a list that is not, or not any more, one to go on from."""
    return QueryError(_("This place in the list is not known. Begin again at its first page."))


def _to_cursor(record: Record, query: Query) -> str:
    place = {column.field: record.values.get(column.field) for column in query.order}
    return orjson.dumps([record.id, place]).decode()


def _from_cursor(cursor: str, module: str) -> Record:
    try:
        id, values = orjson.loads(cursor)
        return Record(module, str(id), dict(values))
    except (ValueError, TypeError) as e:
        raise QueryError(
            _("The place to go on from is not one this connection gave out. Begin at the first page.")
        ) from e
