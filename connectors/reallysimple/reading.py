"""Reading the records of one object page by page. The rule: where no other order is asked pages follow the id ("greater than
the last one"), so that records which come or go meanwhile shift nothing; by number of page only where the server sorts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from math import ceil

import orjson

from connectors.errors import ProtocolError
from connectors.paging import Pending, local_page, only_fields, unknown_place
from connectors.query import Order, Query, check, match_record, order_to_text, to_text
from connectors.reallysimple.client import PAGE, Listing, ReallySimpleClient, Row
from connectors.reallysimple.codec import ReallySimpleCodec
from connectors.reallysimple.pushdown import Pushed, both, is_clean, push
from connectors.reallysimple.schema import WITH_LINES
from connectors.types import (
    DAY_TYPES,
    JSON,
    NUMBER_TYPES,
    POINTER_TYPES,
    Explanation,
    FieldType,
    ModuleSchema,
    Page,
    Record,
)
from connectors.wording import joined
from connectors.wording import text as _

MOST_PAGES = 10  # of the server's in one page of ours; a filter that finds little gives short pages, not long waits
SORTED_HERE = 1000  # records at most are sorted here by our rules; more come in the server's own order of text
EXACTLY_SORTED = NUMBER_TYPES | DAY_TYPES | POINTER_TYPES | {FieldType.ID, FieldType.BOOLEAN}
BY_ID = {"id": "asc"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading goes on: after an id, at an offset, or at a place in a list sorted here."""

    kind: str = "after"
    value: str = ""

    @property
    def number(self) -> int:
        return int(self.value or 0)

    def text(self) -> str:
        return f"reallysimple {self.kind} {self.value}"


class Reader:
    """One object at one server. `renew` describes it again when a row shows a field the schema does not have."""

    def __init__(
        self,
        client: ReallySimpleClient,
        codec: ReallySimpleCodec,
        schema: ModuleSchema,
        ignored: Set[str],
        renew: Callable[[Set[str]], tuple[ModuleSchema, Set[str]]],
    ) -> None:
        self.client = client
        self.codec = codec
        self.object_name = schema.module.name
        self._renew = renew
        self._use(schema, ignored)

    def _use(self, schema: ModuleSchema, ignored: Set[str]) -> None:
        self.schema = schema
        self._ignored = ignored
        self._known = {*schema.names, *ignored}
        self._decode = self.codec.decoder(schema)

    def record(self, row: Row) -> Record:
        """Return a row as a record."""
        values = self._decode(row)
        return Record(self.object_name, str(row["id"]), values, values.get(self.schema.modified_field or ""))

    def records(self, rows: Sequence[Row]) -> list[Record]:
        """Return the rows of one answer as records; a field new to us is looked up in the dictionary first."""
        if self.shows_new(rows):
            self.learn(rows)
        return [self.record(row) for row in rows]

    def shows_new(self, rows: Sequence[Row]) -> bool:
        """Say whether a row has a field that the schema does not know."""
        return not self._known.issuperset(chain.from_iterable(rows))

    def learn(self, rows: Sequence[Row]) -> None:
        """Describe the object again, for the fields of these rows. Makes calls."""
        self._use(*self._renew(set().union(*rows) - self._known | self._ignored))

    def listing(
        self, q: dict[str, JSON] | None = None, order: dict[str, str] | None = None, page: int = 1, limit: int = PAGE
    ) -> Listing:
        """Return one page of the server's."""
        return self.asked(q, order, page, limit).result()

    def asked(
        self,
        q: dict[str, JSON] | None = None,
        order: dict[str, str] | None = None,
        page: int = 1,
        limit: int = PAGE,
        patient: bool = True,
    ) -> Pending[Listing]:
        """Ask for one page of the server's and leave its answer for later."""
        lines, order = self.object_name == WITH_LINES, order or BY_ID
        return self.client.asked(
            self.object_name, page=page, limit=limit, q=q, order=order, lines=lines, patient=patient
        )

    def after(self, id: int, q: dict[str, JSON] | None = None, limit: int = PAGE, down: bool = False) -> Listing:
        """Return the page of records whose ids come after that one, without any before it (pages may overlap)."""
        beyond = {"id": {"$lt" if down else "$gt": id}} if id else {}
        found = self.listing(both(q, beyond), {"id": "desc"} if down else BY_ID, limit=limit)
        fresh = [row for row in found.rows if not id or (id_of(row) < id if down else id_of(row) > id)]
        if found.rows and not fresh:
            told = _("Really Simple Systems sends the same page of %(name)s again and again.", name=self.object_name)
            raise ProtocolError(told)
        return replace(found, rows=fresh)

    # A page of a query

    def page(self, query: Query) -> Page:
        """Return up to `query.limit` matching records in the order asked, and where to go on. Raises QueryError."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.schema, self.codec.zone)
        place = parse(query.cursor) if query.cursor else self._start(query, pushed)
        if place.kind == "sorted":
            return self._sorted_page(query, pushed, place)
        return self._walked_page(query, pushed, place)

    def _walked_page(self, query: Query, pushed: Pushed, place: Place) -> Page:
        holds = match_record(query.filter, self.schema)
        found: list[Record] = []
        total, first = None, query.cursor is None
        for _page in range(MOST_PAGES):
            listing, steps = self._step(query, pushed, place, query.limit - len(found))
            total = listing.total if first and pushed.exact and total is None else total
            for position, record in enumerate(self.records(listing.rows)):
                place = steps[position]
                if holds(record):
                    found.append(only_fields(record, query.fields))
                if len(found) >= query.limit and (position < len(listing.rows) - 1 or listing.has_more):
                    return Page(tuple(found), place.text(), total)
            if not listing.has_more:
                return Page(tuple(found), None, total)
        return Page(tuple(found), place.text(), total)

    def _step(self, query: Query, pushed: Pushed, place: Place, wanted: int) -> tuple[Listing, list[Place]]:
        """Return the next page of the server's, with `has_more` made sure of, and for each row the place after it."""
        if place.kind == "after":
            size = min(PAGE, wanted) if pushed.exact else PAGE
            found = self.after(place.number, pushed.q, size, down=bool(query.order) and query.order[0].descending)
            return replace(found, has_more=found.more()), [Place("after", str(row["id"])) for row in found.rows]
        size = min(PAGE, query.limit) if pushed.exact and place.number % min(PAGE, query.limit) == 0 else PAGE
        number, skip = divmod(place.number, size)
        came = self.listing(pushed.q, self._server_order(query.order), number + 1, size)
        rows = came.rows[skip:]
        offsets = [*range(place.number + 1, place.number + len(rows)), (number + 1) * size]  # a short page is over too
        more = replace(came, rows=rows, has_more=came.more(number * size))
        return more, [Place("at", str(offset)) for offset in offsets]

    def _start(self, query: Query, pushed: Pushed) -> Place:
        """Choose how to walk: by id, in an order in which the server sorts as we do, or sorted here."""
        if not query.order or query.order[0].field == "id":
            return Place()
        if self._sorts_like_us(query.order):
            return Place("at", "0")
        first = self.listing(pushed.q, limit=1)
        few = first.total is not None and first.total <= SORTED_HERE
        return Place("sorted" if few else "at", "" if few else "0")

    def _sorts_like_us(self, order: Sequence[Order]) -> bool:
        """Say whether the server's order is ours. It keeps 0 and NULL apart, both nothing to us: as long as no column follows."""
        fields = [field for column in order if (field := self.schema.field(column.field))]
        known = len(fields) == len(order) and all(field.type in EXACTLY_SORTED for field in fields)
        return known and all(map(is_clean, fields[:-1]))

    def _server_order(self, order: Sequence[Order]) -> dict[str, str]:
        """Return `order`; its keys count in the order written. The id decides ties, in the direction of the last column."""
        wanted = {column.field: "desc" if column.descending else "asc" for column in order}
        return {**wanted, "id": wanted.get("id", "desc" if order and order[-1].descending else "asc")}

    def _sorted_page(self, query: Query, pushed: Pushed, place: Place) -> Page:
        """Return a page of all that matches, sorted here: text has an order of its own at every server."""
        local_page((), replace(query, cursor=place.value or None), self.schema)  # a cursor not ours is refused unasked
        kept = [record for rows in self.walk(pushed.q) for record in self.records(rows)]
        page = local_page(kept, replace(query, cursor=place.value or None), self.schema)
        return replace(page, next_cursor=page.next_cursor and Place("sorted", page.next_cursor).text())

    def walk(self, q: dict[str, JSON] | None = None, after: int = 0) -> Iterator[list[Row]]:
        """Yield all rows in the order of their ids, one page after the other."""
        while True:
            listing = self.after(after, q)
            if not listing.rows:
                return
            ids = ascending(listing.rows)
            if ids is None:
                raise out_of_order(self.object_name)
            yield listing.rows
            after = ids[-1]
            if not listing.more():
                return

    def explain(self, query: Query) -> Explanation:
        """Return `q` and `order` as they would be sent, what is done here, and the calls of a page where that is known."""
        check(query.filter, query.order, self.schema)
        pushed = push(query.filter, self.schema, self.codec.zone)
        sent = {"q": pushed.q} if pushed.q else {}
        text = " ".join(f"{k}={_json(v)}" for k, v in {**sent, "order": self._server_order(query.order)}.items())
        local = [] if pushed.exact or query.filter is None else [to_text(query.filter)]
        if query.order and query.order[0].field != "id" and not self._sorts_like_us(query.order):
            order = order_to_text(query.order)
            local.append(_("order by %(order)s, when at most %(most)s records match", order=order, most=SORTED_HERE))
        return Explanation(text, joined(_("; "), local), None if local else max(1, ceil(query.limit / PAGE)))


def parse(cursor: str) -> Place:
    """Return the place in a cursor. Raises QueryError for one that is not ours."""
    own, kind, value = [*cursor.split(" ", 2), "", ""][:3]
    if own == "reallysimple" and (kind == "sorted" or (kind in ("after", "at") and value.isdecimal())):
        return Place(kind, value)
    raise unknown_place()


def id_of(row: Row) -> int:
    """Return the row's id as the number it is. Raises ProtocolError."""
    try:
        return int(row["id"])
    except (TypeError, ValueError) as e:
        raise ProtocolError(_("Really Simple Systems sent an id that is not a number.")) from e


def out_of_order(object_name: str) -> ProtocolError:
    """Return the error for pages whose ids do not ascend as asked."""
    return ProtocolError(_("Really Simple Systems does not keep to the order of ids in %(name)s.", name=object_name))


def ascending(rows: Sequence[Row]) -> list[int] | None:
    """Return the ids of the rows, or None when they do not ascend."""
    ids = [id_of(row) for row in rows]
    return ids if all(a < b for a, b in zip(ids, ids[1:], strict=False)) else None


def _json(value: JSON) -> str:
    return orjson.dumps(value).decode()
