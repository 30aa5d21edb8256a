"""Reading the records of one module. The rule: OpenCRM sorts nothing, so what is wanted in an order is read whole and sorted
here; else pages follow its own order by offset.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from math import ceil

from connectors.context import Learned
from connectors.errors import QueryError
from connectors.opencrm.answers import NoSuchEndpoint
from connectors.opencrm.catalog import ID, MODIFIED
from connectors.opencrm.client import OpenCrmClient
from connectors.opencrm.codec import OpenCrmCodec, year_first
from connectors.opencrm.pages import PAGE, Pages, Part
from connectors.opencrm.pushdown import NEWER, SAMPLE, Pushed, push, trial
from connectors.opencrm.rows import Row, id_of
from connectors.paging import local_page, only_fields
from connectors.query import Query, check, match_record, order_to_text, to_text
from connectors.seconds import Second
from connectors.types import Explanation, FieldType, ModuleSchema, Page, Record
from connectors.wording import joined
from connectors.wording import text as _

LATEST = "9999-12-31 23:59:59"  # the last second a database knows
MOST_PAGES = 10  # of the server's in one page of ours; a filter that finds little gives short pages, not long waits


class Reader:
    """One module at one server. `renew` describes it again when a row shows a field the schema does not have."""

    def __init__(
        self,
        client: OpenCrmClient,
        codec: OpenCrmCodec,
        schema: ModuleSchema,
        learned: Learned,
        seen: Collection[str],
        renew: Callable[[Collection[str]], ModuleSchema],
    ) -> None:
        self.client, self.codec, self.learned = client, codec, learned
        self.schema, self.module = schema, schema.module.name
        self._seen, self._renew = set(seen), renew

    def record(self, row: Row) -> Record:
        """Return a row as a record, which carries its id by one name."""
        if unknown := row.keys() - self._seen:
            self._seen |= unknown
            self.schema = self._renew(self._seen)
        id = id_of(row)
        values = self.codec.values(self.schema, {**row, ID: id})
        return Record(self.module, id, values, values.get(MODIFIED))

    def records(self, rows: Sequence[Row]) -> list[Record]:
        """Return rows as records."""
        return [self.record(row) for row in rows]

    def pages(self, query_string: str = "", *, full: bool = True, size: int = PAGE, keywords: str = "") -> Pages:
        """Return the list of the module, or what of it a query string or keywords find."""
        workers = self.client.context.max_parallel
        return Pages(self.client, self.learned, self.module, query_string, full, size, workers, keywords)

    # A page of a query

    def page(self, query: Query) -> Page:
        """Return up to `query.limit` matching records in the order asked, and where to go on. Raises QueryError."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.schema, self.trusts)
        if query.order:
            local_page((), query, self.schema)  # a cursor not ours is refused unasked
            everything = map(self.record, self.pages(pushed.query_string).everything())
            return local_page(everything, query, self.schema)
        return self._page_in_servers_order(query, pushed)

    def _page_in_servers_order(self, query: Query, pushed: Pushed) -> Page:
        start, last = place(query.cursor)
        size = PAGE if query.filter else max(1, min(PAGE, query.limit))
        holds, found = match_record(query.filter, self.schema), list[Record]()
        walk = self.pages(pushed.query_string, size=size).walk(start, last)
        for part in islice(walk, MOST_PAGES):
            for behind, record in self._numbered(part):
                if len(found) == query.limit:
                    return Page(tuple(found), f"{start} {last}")
                start, last = behind, record.id
                if holds(record):
                    found.append(only_fields(record, query.fields))
            if part.is_end:
                return Page(tuple(found))
            if len(found) == query.limit:
                break
        return Page(tuple(found), f"{start} {last}")

    def _numbered(self, part: Part) -> Iterator[tuple[int, Record]]:
        """Yield each record with how many rows of the list are behind us with it."""
        yield from enumerate(self.records(part.rows), start=part.offset - len(part.rows) + 1)

    def explain(self, query: Query) -> Explanation:
        """Return the query string as it would be sent, what is done here, and the calls of a page where that is known."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.schema, lambda field: self._known(field) is not False)
        local = [] if pushed.exact or query.filter is None else [to_text(query.filter)]
        if query.order:
            local.append(_("order by %(order)s, of all that is found", order=order_to_text(query.order)))
        text = f"query_string={pushed.query_string}" if pushed.query_string else f"get_{self.module}_list_full"
        return Explanation(text, joined(_("; "), local), None if local else ceil(query.limit / PAGE))

    # Which names work in a query string

    def trusts(self, field: str) -> bool:
        """Say whether the field can be asked in a query string: tried once on a known record, then remembered."""
        known = self._known(field)
        if known is None:
            known = self._try(field)
            if known is not None:
                self.learned.set(self._names(), {**(self.learned.get(self._names()) or {}), field: known})
        return bool(known)

    def _names(self) -> str:
        return f"query names of {self.module}"

    def _known(self, field: str) -> bool | None:
        if field == MODIFIED and self.learned.get(untimed(self.module)):
            return False
        names = self.learned.get(self._names()) or {}
        return names.get(field)

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
            answered = {id_of(row) for row in self.pages(found.query_string).page(0, PAGE).rows}
        except QueryError:
            return False
        others = ((id if id_itself else value) for id, value in values.items() if id in answered)
        return found.id in answered and not any(map(found.is_passed_over, others))

    def _try_time(self) -> bool | None:
        newest = max(map(stamp_of, self.pages().page(0, SAMPLE).rows), default="")
        return self.is_asked_by_time(newest) if newest else None

    def counts_by_time(self) -> bool:
        """Say whether the server's count takes notice of a time: tried with one that no record can be newer than. That it does
        not is remembered."""
        if self.learned.get(uncounted(self.module)):
            return False
        works = self.pages(NEWER + LATEST).count() == 0
        if not works:
            self.learned.set(uncounted(self.module), True)
        return works

    def is_asked_by_time(self, known: str) -> bool:
        """Say whether the server can be asked for records newer than a stamp: tried with one just before a stamp that is
        known to be there. That it cannot is remembered."""
        if self.learned.get(untimed(self.module)):
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
            self.learned.set(untimed(self.module), True)
        return works


def stamp_of(row: Row) -> str:
    """Return when a row was last modified, as the server's clock showed it: "2018-11-15 12:46:00"; "" where it does not tell."""
    text = year_first(str(row.get(MODIFIED) or ""))
    return f"{text[:10]} {text[11:19]}" if len(text) >= 19 else ""


def uncounted(module: str) -> str:
    """Return the name under which is learned that a module's records cannot be counted by time."""
    return f"no count by time of {module}"


def untimed(module: str) -> str:
    """Return the name under which is learned that a module cannot be asked by time."""
    return f"no delta of {module}"


def place(cursor: str | None) -> tuple[int, str]:
    """Return how many rows are behind us and the last one's id. Raises QueryError for a cursor that is not ours."""
    if cursor is None:
        return 0, ""
    offset, _space, id = cursor.partition(" ")
    if not offset.isdecimal() or not id.isdecimal():
        raise QueryError(_("This place in the list is not known. Begin again at its first page."))
    return int(offset), id
