"""Reading the records of one module page by page. The rule: only an empty page is the end, since a server may cut pages
shorter than asked; pages follow the id where no order is asked, so that records which come or go meanwhile shift nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from math import ceil

from connectors.context import Learned
from connectors.errors import ProtocolError, QueryError, Unavailable
from connectors.paging import local_page, only_fields
from connectors.query import Order, Query, check, conditions, match_record, order_to_text, to_text
from connectors.sarvcrm.answers import BAD_SQL, TOO_MUCH
from connectors.sarvcrm.client import PAGE, Listing, Question, Row, SarvClient
from connectors.sarvcrm.codec import SarvCodec
from connectors.sarvcrm.pushdown import Pushed, Sql, both, literal
from connectors.sarvcrm.schema import Described
from connectors.types import Explanation, ModuleSchema, Page, Record
from connectors.wording import joined
from connectors.wording import text as _

MOST_PAGES = 10  # of the server's in one page of ours; a filter that finds little gives short pages, not long waits
SORTED_HERE = 1000  # records at most are sorted here by our rules; more come in the server's own order of text
SMALLEST = 20  # records of a page; a server that finds even these too many is not asked again


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading goes on: after an id, at an offset behind an id, or at a place in a list sorted here."""

    kind: str = "after"
    value: str = ""

    @property
    def number(self) -> int:
        return int(self.value.partition(" ")[0])

    @property
    def last(self) -> str:
        return self.value.partition(" ")[2]

    def text(self) -> str:
        return f"{self.kind} {self.value}"


class Reader:
    """One module at one server. `renew` describes it again when a row shows a field the schema does not have."""

    def __init__(
        self,
        client: SarvClient,
        codec: SarvCodec,
        described: Described,
        ignored: Set[str],
        renew: Callable[[Set[str]], tuple[Described, Set[str]]],
        learned: Learned,
    ) -> None:
        self.client = client
        self.codec = codec
        self.learned = learned
        self.module = described.schema.module.name
        self._renew = renew
        self._use(described, ignored)

    def _use(self, described: Described, ignored: Set[str]) -> None:
        self.sql = Sql(described, frozenset(self.learned.get(no_columns(self.module)) or ()))
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
        if rows and (unknown := rows[0].keys() - self._known):
            self._use(*self._renew(unknown | self._ignored))
        return [self.record(row) for row in rows]

    # One page of the server's

    def listing(
        self, query: str = "", order: str = "", limit: int = PAGE, offset: int = 0, fields: Sequence[str] = ()
    ) -> Listing:
        """Return one page of the server's; a smaller one where it says that this is too much for it (code 90)."""
        size = min(limit, int(self.learned.get(page_size(self.module)) or PAGE))
        while True:
            try:
                asked = Question(query, order or f"{self.sql.column('id')} ASC", fields, size, offset)
                return self.client.listing(self.module, asked)
            except Unavailable as e:
                if e.code != TOO_MUCH or size <= SMALLEST:
                    raise
                size = max(SMALLEST, size // 2)
                self.learned.set(page_size(self.module), size)

    def after(
        self, id: str, query: str = "", limit: int = PAGE, down: bool = False, fields: Sequence[str] = ()
    ) -> Listing:
        """Return the page of records whose ids come after that one, by the database's own order of ids."""
        column = self.sql.column("id")
        beyond = f"{column} {'<' if down else '>'} {literal(id)}" if id else ""
        found = self.listing(both(query, beyond), f"{column} {'DESC' if down else 'ASC'}", limit, 0, fields)
        return replace(found, rows=self._fresh(found.rows, id, 1))

    def _fresh(self, rows: list[Row], last: str, full: int) -> list[Row]:
        """Return the rows behind that id: pages may overlap. Raises ProtocolError when nothing new came in a full page."""
        known = next((at for at, row in enumerate(rows, 1) if last and id_of(row) == last), 0)
        if known == len(rows) >= full:
            raise ProtocolError(_("SarvCRM sends the same page of %(name)s again and again.", name=self.module))
        return rows[known:]

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
            pushed = self.sql.push(query.filter)
            try:
                return self._page(query, pushed)
            except QueryError as e:
                self._hide(e, pushed.names | {column.field for column in query.order})
        raise QueryError(_("SarvCRM's database cannot carry out this query."))

    def _hide(self, error: QueryError, names: Set[str]) -> None:
        """Learn which fields are no columns after all: the one the database named, else all it was asked for. Raises the
        error where there is none left to leave out."""
        named = error.vendor_message.rpartition(".")[2]
        wrong = ({named} if named in names else names) - self.sql.hidden - {"id"}
        if error.code != BAD_SQL or not wrong & self.sql.described.columns:
            raise error
        hidden = self.sql.hidden | wrong
        self.learned.set(no_columns(self.module), sorted(hidden))
        self.sql = replace(self.sql, hidden=hidden)

    def _page(self, query: Query, pushed: Pushed) -> Page:
        place = parse(query.cursor) if query.cursor else self._start(query.order)
        if place.kind != "sorted":
            return self._walked_page(query, pushed, place)
        page = self._sorted_page(query, pushed, place)
        return page or self._walked_page(query, pushed, Place("at", "0"))

    def _start(self, order: Sequence[Order]) -> Place:
        """Choose how to walk: by id, in an order in which the server sorts as we do, or sorted here."""
        if not order or order[0].field == "id":
            return Place()
        return Place("at", "0") if self.sql.sorts(order) else Place("sorted")

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
        fields = self.fields_of(query)
        if place.kind == "after":
            down = bool(query.order) and query.order[0].descending
            rows = self.after(place.value, pushed.sql, size, down, fields).rows
            return rows, [Place("after", id_of(row)) for row in rows]
        came = self.listing(pushed.sql, self.sql.order_by(query.order), size, place.number, fields).rows
        rows = self._fresh(came, place.last, size)
        return rows, [Place("at", f"{place.number + at} {id_of(row)}") for at, row in enumerate(rows, 1)]

    def fields_of(self, query: Query) -> tuple[str, ...]:
        """Return the fields to ask for, () for all: those wanted, those tested here, and when it was modified."""
        if query.fields is None:
            return ()
        names = {*query.fields, *(c.field for c in conditions(query.filter)), *(o.field for o in query.order)}
        names |= {self.schema.modified_field or "id"}
        return ("id", *(name for name in self.schema.names if name in names - {"id"}))

    def _sorted_page(self, query: Query, pushed: Pushed, place: Place) -> Page | None:
        """Return a page of all that matches, sorted here: text has an order of its own at every server. None when there
        is more than can be sorted here; then it comes in the server's order."""
        holds, kept = match_record(query.filter, self.schema), list[Record]()
        for found in self.walk(query=pushed.sql, fields=self.fields_of(query)):
            kept += [record for record in self.records(found.rows) if holds(record)]
            if len(kept) > SORTED_HERE and not place.value:
                return None
        page = local_page(kept, replace(query, cursor=place.value or None), self.schema)
        return replace(page, next_cursor=page.next_cursor and Place("sorted", page.next_cursor).text(), total=None)

    def explain(self, query: Query) -> Explanation:
        """Return `query` and `order_by` as they would be sent, what is done here, and the calls where that is known."""
        check(query.filter, query.order, self.schema)
        pushed = self.sql.push(query.filter)
        sent = f"{pushed.sql} ORDER BY {self.sql.order_by(query.order)}".strip()
        local = [] if pushed.exact or query.filter is None else [to_text(query.filter)]
        if query.order and query.order[0].field != "id" and not self.sql.sorts(query.order):
            order = order_to_text(query.order)
            local.append(_("order by %(order)s, when at most %(most)s records match", order=order, most=SORTED_HERE))
        return Explanation(sent, joined(_("; "), local), None if local else max(1, ceil(query.limit / PAGE)))


def parse(cursor: str) -> Place:
    """Return the place in a cursor. Raises QueryError for one that is not ours."""
    kind, space, value = cursor.partition(" ")
    if (kind in ("after", "sorted") and space) or (kind == "at" and value.partition(" ")[0].isdecimal()):
        return Place(kind, value)
    raise QueryError(_("This place in the list is not known. Begin again at its first page."))


def id_of(row: Row) -> str:
    """Return the row's id. Raises ProtocolError for a row without one."""
    id = row.get("id")
    if not isinstance(id, str | int) or not id:
        raise ProtocolError(_("SarvCRM sent a record without an id."))
    return str(id)


def no_columns(module: str) -> str:
    """Return the name under which is learned which fields of a module queries must not name."""
    return f"no columns of {module}"


def page_size(module: str) -> str:
    """Return the name under which is learned how many records of a module the server can send at once."""
    return f"page size of {module}"
