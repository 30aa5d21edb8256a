"""Reading the records of one module page by page. The rule: the end is where the server counts no more, since rows this user
may not see leave pages short or empty (C16); pages follow the id where no order is asked, and a record comes at most once
however they overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from math import ceil

from connectors.answer import Listing
from connectors.errors import ProtocolError, QueryError
from connectors.paging import local_page, only_fields
from connectors.query import Order, Query, check, conditions, match_record, to_text
from connectors.types import DAY_TYPES, Explanation, FieldType, ModuleSchema, Page, Record
from connectors.vtiger import inventory, pushdown, vtql
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.codec import VtigerCodec
from connectors.vtiger.places import Place, behind, is_beyond, parse
from connectors.vtiger.pushdown import Pushed
from connectors.vtiger.rows import Row, id_of
from connectors.vtiger.schema import Described
from connectors.vtiger.vtql import PAGE, Groups
from connectors.wording import text as _

MOST_PAGES = 10  # of the server's in one page of ours; a filter that finds little gives short pages, not long waits
SORTED_HERE = 1000  # records at most are sorted here by our rules; more come in the server's own order of text


@dataclass(frozen=True, slots=True)
class Reader:
    """One module at one server. `known` and `renew` are for one that was not described just now: see `fit_for`."""

    client: VtigerClient
    codec: VtigerCodec
    described: Described
    known: Set[str] = frozenset()
    renew: Callable[[Set[str]], Described] | None = None

    @property
    def schema(self) -> ModuleSchema:
        return self.described.schema

    @property
    def module(self) -> str:
        return self.described.schema.module.name

    def record(self, row: Row) -> Record:
        """Return a row as a record. Raises ProtocolError when it has no id."""
        values = self.codec.decode_values(self.schema, row)
        return Record(self.module, id_of(row), values, values.get(self.schema.modified_field or ""))

    def records(self, rows: Sequence[Row]) -> list[Record]:
        """Return rows as whole records: with the lines, which no query of a sales document carries (D20)."""
        has_lines = self.schema.field(inventory.LINES) is not None
        return [self.record(row) for row in (inventory.completed(self.client, rows) if has_lines else rows)]

    def fit_for(self, rows: Sequence[Row]) -> Reader:
        """Return a reader that knows all fields of these rows: the module is described anew where they show another."""
        if self.renew is None or not rows or rows[0].keys() <= self.known:
            return self
        return replace(self, described=self.renew(rows[0].keys() | self.known), renew=None)

    @property
    def hidden(self) -> str:
        """Return the name under which is learned that this module has rows this user may not see."""
        return f"hidden rows of {self.module}"

    def rows(
        self, groups: Groups = ((),), order: str = "id", limit: int = PAGE, offset: int = 0, columns: Sequence[str] = ()
    ) -> Listing:
        """Return one page of the server's."""
        return self.client.query(vtql.select(self.module, columns, groups, order, limit, offset))

    def count(self, groups: Groups = ((),)) -> int:
        """Return how many rows there are. Raises ProtocolError for an answer without a number."""
        found = self.client.query(vtql.count(self.module, groups)).rows
        try:
            return int(str(found[0]["count"]))
        except (LookupError, ValueError) as e:
            raise ProtocolError(
                _("The server cannot tell how many records of %(module)s there are.", module=self.module)
            ) from e

    # A page of a query

    def page(self, query: Query) -> Page:
        """Return up to `query.limit` matching records in the order asked, and where to go on. Raises QueryError."""
        check(query.filter, query.order, self.schema)
        pushed = self.pushed(query)
        place = parse(query.cursor) if query.cursor else self._start(query, pushed)
        if place.kind == "sorted":
            return self._sorted_page(query, pushed, place)
        holds = None if pushed.exact else match_record(query.filter, self.schema)
        found: list[Record] = []
        for _page in range(MOST_PAGES):
            size = PAGE if holds or place.passed else min(PAGE, query.limit - len(found))
            came, following = self._next(query, pushed, place, size)
            for row, after in came:
                place, record = after, self.record(row)
                if holds is None or holds(record):
                    found.append(only_fields(record, query.fields))
                if len(found) >= query.limit:
                    return Page(tuple(found), place.text())
            if following is None:
                return Page(tuple(found))
            place = following
        return Page(tuple(found), place.text())

    def _next(
        self, query: Query, pushed: Pushed, place: Place, size: int
    ) -> tuple[list[tuple[Row, Place]], Place | None]:
        """Return the rows of the server's next page, each with the place after it, and where to go on; None at the end.

        A page that is not full is the last one only where the server counts no more: rows may be missing that this user may
        not see. An empty one may also hide a database error (C5), so it is asked for once more before it is passed.
        """
        came = list(self._step(query, pushed, place, size))
        if len(came) >= size:
            return came, came[-1][1]
        reached = came[-1][1] if came else place
        if not self.client.counts:
            return came, reached if came else None
        left = self._left(pushed, reached, down=descends(query))
        if came or left <= 0:
            return came, reached if left > 0 else None
        if not self.client.context.learned.get(self.hidden) and (came := list(self._step(query, pushed, place, size))):
            return came, came[-1][1]
        self.client.context.learned.set(self.hidden, True)
        return [], place.beyond(size) if left > size else None

    def _left(self, pushed: Pushed, place: Place, *, down: bool) -> int:
        """Return how many rows the server counts from a place on, with those this user may not see."""
        if place.kind == "left":
            return place.number
        if place.kind == "at":
            return self.count(pushed.groups) - place.number
        return self.count(behind(pushed.groups, place.value, down)) - place.passed

    def count_of(self, query: Query) -> int | None:
        """Return how many records match, None where the server can be asked only for more than match."""
        check(query.filter, query.order, self.schema)
        pushed = self.pushed(query)
        return self.count(pushed.groups) if pushed.exact else None

    def explain(self, query: Query) -> Explanation:
        """Return the statement that would be sent, what is done here, and the calls of one page where that is known."""
        check(query.filter, query.order, self.schema)
        pushed = self.pushed(query)
        order = "id" if by_id(query.order) else server_order(query.order)
        text = vtql.select(self.module, self._columns(query), pushed.groups, order, min(PAGE, query.limit))
        local = "" if pushed.exact else to_text(query.filter)
        known = not local and (by_id(query.order) or self._server_sorts(query.order))
        return Explanation(text, local, max(1, ceil(query.limit / PAGE)) if known else None)

    def pushed(self, query: Query) -> Pushed:
        """Return what of the query's filter the server is asked."""
        return pushdown.push(query.filter, self.schema, self.codec.zone)

    def _start(self, query: Query, pushed: Pushed) -> Place:
        """Choose how to walk: by id; by offset, from the end when descending (DESC takes no tie-breaker, C11); or sort here."""
        if by_id(query.order):
            return Place("after", "")
        exactly, ascending = self._server_sorts(query.order), not query.order[0].descending
        if exactly and ascending:
            return Place("at", "0")
        total = self.count(pushed.groups)
        if not exactly and total <= SORTED_HERE:
            return Place("sorted", "")
        if not one_way(query.order):
            raise QueryError(
                _(
                    "The server cannot sort %(total)s records up and down at once. Sort in one direction, or filter.",
                    total=total,
                )
            )
        return Place("at", "0") if ascending else Place("left", str(total))

    def _server_sorts(self, order: Sequence[Order]) -> bool:
        """Say whether the server's order is ours: not for text, which every database sorts by rules of its own, nor when
        a column follows a date, of which 0000-00-00 and NULL both are nothing to us."""
        fields = [field for column in order if (field := self.schema.field(column.field))]
        known = len(fields) == len(order) and all(field.type in pushdown.EXACTLY_SORTED for field in fields)
        stamps = (self.schema.created_field, self.schema.modified_field)
        return one_way(order) and known and all(f.type not in DAY_TYPES or f.name in stamps for f in fields[:-1])

    def _columns(self, query: Query) -> tuple[str, ...]:
        """Return the fields to ask for, () for all: those wanted, those tested here, and when it was modified."""
        if query.fields is None:
            return ()
        names = {*query.fields, *(c.field for c in conditions(query.filter)), *(o.field for o in query.order)}
        if self.schema.modified_field:
            names.add(self.schema.modified_field)
        return (
            "id",
            *(f.name for f in self.schema.fields if f.name in names - {"id"} and f.type is not FieldType.LINES),
        )

    def _step(self, query: Query, pushed: Pushed, place: Place, limit: int) -> Iterator[tuple[Row, Place]]:
        """Yield the rows of the server's next page, each with the place after it."""
        columns = self._columns(query)
        if place.kind == "after":
            yield from self._step_by_id(pushed.groups, place, limit, columns, descends(query))
            return
        backwards = place.kind == "left"
        size = min(limit, place.number) if backwards else limit
        if size <= 0:
            return
        offset = place.number - size if backwards else place.number
        came = self.rows(pushed.groups, server_order(query.order), size, offset, columns).rows
        whole = len(came) >= size
        for position, row in enumerate(reversed(came) if backwards else came, 1):
            if position == len(came) or whole:
                yield row, place.beyond(size if position == len(came) else position)
            elif (
                position > place.passed
            ):  # where the rows lie that are missing is not told: the page is asked for again
                yield row, replace(place, passed=position)

    def _step_by_id(
        self, groups: Groups, place: Place, limit: int, columns: Sequence[str], down: bool
    ) -> list[tuple[Row, Place]]:
        """Return the rows after the place's id, each with the place after it."""
        order, groups_after = "id DESC" if down else "id", behind(groups, place.value, down)
        came = self.rows(groups_after, order, limit, place.passed, columns).rows
        fresh = [row for row in came if not place.value or is_beyond(row, place.value, down)]  # pages may overlap
        if came and not fresh and limit < PAGE:
            return self._step_by_id(groups, place, PAGE, columns, down)
        return [(row, Place("after", id_of(row))) for row in fresh]

    def _sorted_page(self, query: Query, pushed: Pushed, place: Place) -> Page:
        """Return a page of all that matches, sorted here: text has an order of its own at every server."""
        local_page((), replace(query, cursor=place.value or None), self.schema)  # a cursor not ours is refused unasked
        kept: list[Record] = []
        at: Place | None = Place("after", "")
        while at is not None:
            came, at = self._next(query, pushed, at, PAGE)
            kept += [self.record(row) for row, _ in came]
        page = local_page(kept, replace(query, cursor=place.value or None), self.schema)
        return replace(page, next_cursor=page.next_cursor and Place("sorted", page.next_cursor).text())


def by_id(order: Sequence[Order]) -> bool:
    """Say whether the order is that of the ids, which also is the one when none is asked."""
    return not order or order[0].field == "id"


def one_way(order: Sequence[Order]) -> bool:
    """Say whether all columns go up, or all down."""
    return len({column.descending for column in order}) <= 1


def server_order(order: Sequence[Order]) -> str:
    """Return ORDER BY's columns, always upwards: what is asked downwards is read from the end."""
    return ",".join([column.field for column in order] + ["id"])


def descends(query: Query) -> bool:
    """Say whether the ids go down."""
    return bool(query.order) and by_id(query.order) and query.order[0].descending
