"""Reading the records of one module page by page. The rule: only an empty page is the end, since a server may cut pages
shorter than asked; pages follow the id where no order is asked, so that records which come or go meanwhile shift nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from math import ceil

from connectors.answer import Listing
from connectors.errors import ProtocolError, QueryError
from connectors.paging import local_page, only_fields, unknown_place
from connectors.query import Order, Query, check, conditions, match_record, order_to_text, to_text
from connectors.sarvcrm.answers import BAD_SQL
from connectors.sarvcrm.client import PAGE, Question
from connectors.sarvcrm.codec import SarvCodec
from connectors.sarvcrm.pages import Pages
from connectors.sarvcrm.pushdown import Pushed, Sql, both, literal, push
from connectors.sarvcrm.rows import ID, Row, behind, id_of, in_order, is_id
from connectors.sarvcrm.schema import Described
from connectors.types import Explanation, ModuleSchema, Page, Record
from connectors.wording import joined
from connectors.wording import text as _

MOST_PAGES = 10  # of the server's in one page of ours; a filter that finds little gives short pages, not long waits
READ_TO_SORT = 3000  # records at most are read for that
SORTED_HERE = 1000  # records at most are sorted here by our rules; more come in the server's own order of text


AT = re.compile(rf"[0-9]{{1,9}} [A-Za-z0-9_,-]+ {ID.pattern}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading goes on: after an id, at a place in a list sorted here, or "at" an offset behind an id, in an order of
    the server's that must still be the same then."""

    kind: str = "after"
    value: str = ""
    number: int = 0
    order: str = ""

    def text(self) -> str:
        value = f"{self.number} {self.order} {self.value}" if self.kind == "at" else self.value
        return f"sarvcrm {self.kind} {value}"


class Reader:
    """The records of one module in one list of the server's. `renew` describes the module again when a row shows a field the
    schema does not have."""

    sorted_here = SORTED_HERE

    def __init__(
        self,
        pages: Pages,
        codec: SarvCodec,
        described: Described,
        ignored: Set[str],
        renew: Callable[[Set[str]], tuple[Described, Set[str]]],
    ) -> None:
        self.pages = pages
        self.codec = codec
        self.lessons = pages.lessons
        self.module = described.schema.module.name
        self._renew = renew
        self._use(described, ignored)

    def _use(self, described: Described, ignored: Set[str]) -> None:
        self.sql = Sql(described, frozenset(self.lessons.recent(no_columns(self.pages.name))))
        self._ignored = ignored
        self._known = {*described.schema.names, *ignored}

    @property
    def schema(self) -> ModuleSchema:
        return self.sql.schema

    def record(self, row: Row) -> Record:
        """Return a row as a record."""
        values = self.codec.decode_values(self.schema, row)
        return Record(self.module, id_of(row), values, values.get(self.schema.modified_field or ""))

    def records(self, rows: Sequence[Row]) -> list[Record]:
        """Return the rows of one answer as records; a field new to us is looked up first."""
        news = (row for row in rows if not self._known.issuperset(row))
        if unknown := set().union(*news) - self._known:
            self._use(*self._renew(unknown | self._ignored))
        return [self.record(row) for row in rows]

    # One page of the server's

    def listing(
        self, query: str = "", order: str = "", limit: int = PAGE, offset: int = 0, fields: Sequence[str] = ()
    ) -> Listing:
        """Return one page of the server's, in the order of ids where no other is asked."""
        return self.pages.page(Question(query, order or f"{self.sql.column('id')} ASC", fields, limit, offset))

    def after(
        self, id: str, query: str = "", limit: int = PAGE, down: bool = False, fields: Sequence[str] = ()
    ) -> Listing:
        """Return the page of records whose ids come after that one, by the database's own order of ids. Raises ProtocolError
        for a page without any, or one that is not in that order: going on behind its last id would leave records out."""
        column = self.sql.column("id")
        beyond = f"{column} {'<' if down else '>'} {literal(id)}" if id else ""
        found = self.listing(both(query, beyond), f"{column} {'DESC' if down else 'ASC'}", limit, 0, fields)
        rows = behind(found.rows, id)
        if found.rows and not rows:
            raise self.pages.same_again()
        if not in_order(rows, id, down=down):
            raise ProtocolError(_("SarvCRM does not keep to the order of ids in %(name)s.", name=self.pages.name))
        return replace(found, rows=rows)

    def at(self, place: Place, query: str, order: str, limit: int, fields: Sequence[str]) -> list[Row]:
        """Return the rows from an offset on that are behind the last one read. Raises ProtocolError where the server does not
        look at offsets, so that there may be more."""
        found = self.listing(query, order, limit, place.number, fields).rows
        rows = behind(found, place.value)
        if found and not rows and not self.pages.heeds_offset(Question(query, order, ("id",))):
            raise self.pages.same_again()
        return rows

    def walk(self, after: str = "", query: str = "", fields: Sequence[str] = ()) -> Iterator[Listing]:
        """Yield all rows in the order of their ids, one page after the other, to the empty one."""
        while (found := self.after(after, query, fields=fields)).rows:
            yield found
            after = id_of(found.rows[-1])

    # A page of a query

    def page(self, query: Query) -> Page:
        """Return up to `query.limit` matching records in the order asked, and where to go on. Raises QueryError."""
        check(query.filter, query.order, self.schema)
        for _attempt in self.schema.names:
            pushed = push(query.filter, self.sql)
            try:
                return self._page(query, pushed)
            except QueryError as e:
                self._hide(e, pushed.names | {column.field for column in query.order})
        raise QueryError(_("SarvCRM's database cannot carry out this query."))

    def _hide(self, error: QueryError, names: Set[str]) -> None:
        """Learn which fields are no columns after all: the one the database named, else all it was asked for. Raises the
        error where there is none left to leave out."""
        named = error.vendor_message.rpartition(".")[2]
        wrong = ({named} if named in names else names) & self.sql.described.columns - self.sql.hidden - {"id"}
        if error.code != BAD_SQL or not wrong:
            raise error
        self.lessons.note(no_columns(self.pages.name), *sorted(wrong))
        self.sql = replace(self.sql, hidden=self.sql.hidden | wrong)

    def _page(self, query: Query, pushed: Pushed) -> Page:
        order = self._order_name(query.order)
        place = parse(query.cursor) if query.cursor else self._start(query.order)
        if place.kind == "at" and query.cursor and place.order != order:
            raise unknown_place()  # which columns the server can be asked has changed since
        if place.kind == "sorted":
            page = self._sorted_page(query, pushed, place)
            if page is not None:
                return page
            place = Place("at")
        return self._walked_page(query, pushed, replace(place, order=order))

    def _order_name(self, order: Sequence[Order]) -> str:
        """Return which columns the server is asked to sort by, as it stands in a cursor."""
        return ",".join(f"{o.field}{'-' if o.descending else ''}" for o in order if self.sql.has(o.field)) or "id"

    def _start(self, order: Sequence[Order]) -> Place:
        """Choose how to walk: by id, in an order in which the server sorts as we do, or sorted here."""
        if not order or order[0].field == "id":
            return Place()
        return Place("at" if self.sql.sorts(order) else "sorted")

    def _walked_page(self, query: Query, pushed: Pushed, place: Place) -> Page:
        holds = match_record(query.filter, self.schema)
        found: list[Record] = []
        for _page in range(MOST_PAGES):
            wanted = query.limit - len(found) if pushed.exact else PAGE
            rows, steps = self._step(query, pushed, place, min(PAGE, wanted))
            if not rows:
                return Page(tuple(found), None)
            for position, record in enumerate(self.records(rows)):
                place = steps[position]
                if holds(record):
                    found.append(only_fields(record, query.fields))
                if len(found) >= query.limit:
                    return Page(tuple(found), place.text())
        return Page(tuple(found), place.text())

    def _step(self, query: Query, pushed: Pushed, place: Place, size: int) -> tuple[list[Row], list[Place]]:
        """Return the next page of the server's, and for each row the place after it."""
        fields = self.asked_fields(query)
        if place.kind == "after":
            down = bool(query.order) and query.order[0].descending
            rows = self.after(place.value, pushed.query, size, down, fields).rows
            return rows, [Place("after", id_of(row)) for row in rows]
        rows = self.at(place, pushed.query, self.sql.order_by(query.order), size, fields)
        return rows, [replace(place, number=place.number + at, value=id_of(row)) for at, row in enumerate(rows, 1)]

    def asked_fields(self, query: Query) -> tuple[str, ...]:
        """Return the fields to ask for, () for all: those wanted, those tested here, and when it was modified."""
        if query.fields is None:
            return ()
        names = {*query.fields, *(c.field for c in conditions(query.filter)), *(o.field for o in query.order)}
        names |= {self.schema.modified_field or "id"}
        return ("id", *(name for name in self.schema.names if name in names - {"id"}))

    def _sorted_page(self, query: Query, pushed: Pushed, place: Place) -> Page | None:
        """Return a page of all that matches, sorted here: text has an order of its own at every server. None when there
        is more than can be sorted here; then it comes in the server's order."""
        local_page((), replace(query, cursor=place.value or None), self.schema)  # a cursor not ours is refused unasked
        holds, kept, read = match_record(query.filter, self.schema), list[Record](), 0
        for found in self.walk(query=pushed.query, fields=self.asked_fields(query)):
            kept += [record for record in self.records(found.rows) if holds(record)]
            read += len(found.rows)
            if place.value and read > 2 * READ_TO_SORT:  # it has grown since its first page
                raise unknown_place()
            if not place.value and (len(kept) > self.sorted_here or read > READ_TO_SORT):
                return None
        page = local_page(kept, replace(query, cursor=place.value or None), self.schema)
        return replace(page, next_cursor=page.next_cursor and Place("sorted", page.next_cursor).text(), total=None)

    def explain(self, query: Query) -> Explanation:
        """Return `query` and `order_by` as they would be sent, what is done here, and the calls where that is known."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.sql)
        sent = f"{pushed.query} ORDER BY {self.sql.order_by(query.order)}".strip()
        local = [] if pushed.exact or query.filter is None else [to_text(query.filter)]
        if query.order and query.order[0].field != "id" and not self.sql.sorts(query.order):
            order = order_to_text(query.order)
            local.append(
                _("order by %(order)s, when at most %(most)s records match", order=order, most=self.sorted_here)
            )
        return Explanation(sent, joined(_("; "), local), None if local else max(1, ceil(query.limit / PAGE)))


def parse(cursor: str) -> Place:
    """Return the place in a cursor. Raises QueryError for one that is not ours."""
    own, kind, value = [*cursor.split(" ", 2), "", ""][:3]
    if own != "sarvcrm":
        raise unknown_place()
    if kind == "sorted" or (kind == "after" and is_id(value)):
        return Place(kind, value)
    number, order, last = [*value.split(" "), "", ""][:3]
    if kind == "at" and AT.fullmatch(value):
        return Place(kind, last, int(number), order)
    raise unknown_place()


def no_columns(name: str) -> str:
    """Return the name under which is learned which fields the queries of a list must not name."""
    return f"no columns of {name}"


def untimed(module: str) -> str:
    """Return the name under which is learned that a module cannot be asked by `date_modified`."""
    return f"no delta of {module}"
