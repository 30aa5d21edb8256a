"""Reading the records of one module. The rule: OpenCRM sorts nothing, so what is wanted in an order is read whole and sorted
here; else pages follow its own order by offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from math import ceil

from connectors.errors import QueryError
from connectors.lessons import Lessons
from connectors.opencrm.answers import NoSuchEndpoint
from connectors.opencrm.client import PAGE, OpenCrmClient, Question
from connectors.opencrm.codec import OpenCrmCodec, year_first
from connectors.opencrm.pages import Pages, Part
from connectors.opencrm.pushdown import NEWER, SAMPLE, Pushed, push, trial
from connectors.opencrm.rows import Row, id_of
from connectors.opencrm.schema import ID, MODIFIED
from connectors.paging import local_page, only_fields, unknown_place
from connectors.query import Query, check, match_record, order_to_text, to_text
from connectors.seconds import Second
from connectors.types import Explanation, FieldType, ModuleSchema, Page, Record
from connectors.wording import joined
from connectors.wording import text as _

LATEST = "9999-12-31 23:59:59"  # the last second a database knows
MOST_PAGES = 10  # of the server's in one page of ours; a filter that finds little gives short pages, not long waits


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading goes on: behind so many rows of the list, of which `last` is the id of the last one."""

    number: int = 0
    last: str = ""

    def text(self) -> str:
        return f"opencrm {self.number} {self.last}"


class Reader:
    """The records of one module. `renew` describes the module again when a row shows a field that was not seen before."""

    def __init__(
        self,
        client: OpenCrmClient,
        codec: OpenCrmCodec,
        schema: ModuleSchema,
        seen: Set[str],
        renew: Callable[[Set[str]], ModuleSchema],
    ) -> None:
        self.client = client
        self.codec = codec
        self.lessons = Lessons(client.context.learned, client.context.clock)
        self.module = schema.module.name
        self.schema = schema
        self._seen = seen
        self._renew = renew

    def record(self, row: Row) -> Record:
        """Return a row as a record, which carries its id by one name."""
        if unknown := row.keys() - self._seen:
            self._seen = self._seen | unknown
            self.schema = self._renew(self._seen)
        id = id_of(row)
        values = self.codec.decode_values(self.schema, {**row, ID: id})
        return Record(self.module, id, values, values.get(MODIFIED))

    def records(self, rows: Sequence[Row]) -> list[Record]:
        """Return rows as records."""
        return [self.record(row) for row in rows]

    def pages(self, query: str = "", *, full: bool = True, size: int = PAGE, keywords: str = "") -> Pages:
        """Return the list of the module, or what of it a query or keywords find."""
        asked, workers = Question(query, keywords, full=full), self.client.context.max_parallel
        return Pages(self.client, self.module, self.lessons, asked, size, workers)

    # A page of a query

    def page(self, query: Query) -> Page:
        """Return up to `query.limit` matching records in the order asked, and where to go on. Raises QueryError."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.schema, self.trusts)
        return self._sorted_page(query, pushed) if query.order else self._walked_page(query, pushed)

    def _walked_page(self, query: Query, pushed: Pushed) -> Page:
        place = parse(query.cursor) if query.cursor else Place()
        size = PAGE if query.filter else max(1, min(PAGE, query.limit))
        holds, found = match_record(query.filter, self.schema), list[Record]()
        walk = self.pages(pushed.query, size=size).walk(place.number, place.last)
        for part in islice(walk, MOST_PAGES):
            for behind, record in self._numbered(part):
                if len(found) == query.limit:
                    return Page(tuple(found), place.text())
                place = Place(behind, record.id)
                if holds(record):
                    found.append(only_fields(record, query.fields))
            if part.is_end:
                return Page(tuple(found))
            if len(found) == query.limit:
                break
        return Page(tuple(found), place.text())

    def _numbered(self, part: Part) -> Iterator[tuple[int, Record]]:
        """Yield each record with how many rows of the list are behind us with it."""
        yield from enumerate(self.records(part.rows), start=part.offset - len(part.rows) + 1)

    def _sorted_page(self, query: Query, pushed: Pushed) -> Page:
        """Return a page of all that matches, sorted here."""
        local_page((), query, self.schema)  # a cursor not ours is refused unasked
        return local_page(map(self.record, self.pages(pushed.query).everything()), query, self.schema)

    def count_of(self, query: Query) -> int | None:
        """Return how many records match, None where the server can be asked only for more than match."""
        check(query.filter, (), self.schema)
        pushed = push(query.filter, self.schema, self.trusts)
        return self.client.count(self.module, Question(pushed.query)) if pushed.exact else None

    def explain(self, query: Query) -> Explanation:
        """Return the query string as it would be sent, what is done here, and the calls of a page where that is known."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.schema, lambda field: self._known(field) is not False)
        local = [] if pushed.exact or query.filter is None else [to_text(query.filter)]
        if query.order:
            local.append(_("order by %(order)s, of all that is found", order=order_to_text(query.order)))
        text = f"query_string={pushed.query}" if pushed.query else f"get_{self.module}_list_full"
        return Explanation(text, joined(_("; "), local), None if local else ceil(query.limit / PAGE))

    # Which names work in a query string

    def trusts(self, field: str) -> bool:
        """Say whether the field can be asked in a query string: tried once on a known record, then remembered."""
        known = self._known(field)
        if known is None:
            known = self._try(field)
            if known:
                self.lessons.learned.set(names(self.module), {**self._working(), field: True})
            elif known is False:
                self._distrust(field)
        return bool(known)

    def _distrust(self, field: str) -> None:
        """Remember for a day that the server cannot be asked by this field, and no longer that it could."""
        self.lessons.note(untimed(self.module) if field == MODIFIED else no_names(self.module), field)
        if field in (working := self._working()):
            self.lessons.learned.set(names(self.module), {name: True for name in working if name != field})

    def _working(self) -> dict[str, bool]:
        """Return the fields whose names were seen to work."""
        return {name: True for name, works in (self.lessons.learned.get(names(self.module)) or {}).items() if works}

    def _known(self, field: str) -> bool | None:
        if field in (*self.lessons.recent(no_names(self.module)), *self.lessons.recent(untimed(self.module))):
            return False
        return self._working().get(field)

    def _try(self, field: str) -> bool | None:
        """Return whether the name works; None where there is no record to try it on."""
        if field == MODIFIED:
            return self._try_time()
        schema = self.schema.field(field)
        rows = self.pages().page(0, SAMPLE).rows
        values = {id_of(row): self.record(row).values.get(field) for row in rows}
        found = trial(schema, values) if schema else None
        id_itself = schema is not None and schema.type is FieldType.ID
        if found is None:
            return None
        try:
            answered = {id_of(row) for row in self.pages(found.query).page(0, PAGE).rows}
        except QueryError:
            return False
        others = ((id if id_itself else value) for id, value in values.items() if id in answered)
        return found.id in answered and not any(map(found.is_passed_over, others))

    def _try_time(self) -> bool | None:
        newest = max(map(stamp_of, self.pages().page(0, SAMPLE).rows), default="")
        return self.is_asked_by_time(newest) if newest else None

    def counts_by_time(self) -> bool:
        """Say whether the server's count takes notice of a time: tried with one that no record can be newer than. That it does
        not is remembered for a day."""
        if self.lessons.recent(uncounted(self.module)):
            return False
        works = self.pages(NEWER + LATEST).count() == 0
        if not works:
            self.lessons.note(uncounted(self.module), MODIFIED)
        return works

    def is_asked_by_time(self, known: str) -> bool:
        """Say whether the server can be asked for records newer than a stamp: tried with one just before a stamp that is
        known to be there. That it cannot is remembered for a day."""
        if self.lessons.recent(untimed(self.module)):
            return False
        before = Second(known, open=True).oldest("UTC")
        try:
            rows = self.pages(NEWER + before).page(0, SAMPLE).rows
        except NoSuchEndpoint:
            raise
        except QueryError:
            rows = []
        works = bool(rows) and all(stamp_of(row) > before for row in rows)
        if not works:
            self._distrust(MODIFIED)
        return works


def stamp_of(row: Row) -> str:
    """Return when a row was last modified, as the server's clock showed it: "2018-11-15 12:46:00"; "" where it does not tell."""
    text = year_first(str(row.get(MODIFIED) or ""))
    return f"{text[:10]} {text[11:19]}" if len(text) >= 19 else ""


def parse(cursor: str) -> Place:
    """Return the place in a cursor. Raises QueryError for one that is not ours."""
    own, number, last = [*cursor.split(" "), "", ""][:3]
    if own != "opencrm" or not number.isdecimal() or not last.isdecimal():
        raise unknown_place()
    return Place(int(number), last)


def names(module: str) -> str:
    """Return the name under which is learned which fields' names work in a query string."""
    return f"query names of {module}"


def no_names(module: str) -> str:
    """Return the name under which is learned which fields' names do not."""
    return f"no query names of {module}"


def uncounted(module: str) -> str:
    """Return the name under which is learned that a module's records cannot be counted by time."""
    return f"no count by time of {module}"


def untimed(module: str) -> str:
    """Return the name under which is learned that a module cannot be asked by time."""
    return f"no delta of {module}"
