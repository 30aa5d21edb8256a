"""The records behind a relation, read like any list. The rule: their pages follow the id, asked by `query` and `order_by`; where
the server passes over these or refuses them there, all of them are read by offset and cut here, and when it does not look at
that either and may have more, that is an error, never an end.

Facts §6: the document's samples of GetRelationship contradict each other, so nothing tells which of this works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.answer import Listing
from connectors.errors import QueryError
from connectors.query import Order
from connectors.sarvcrm.answers import BAD_SQL
from connectors.sarvcrm.client import PAGE, Question
from connectors.sarvcrm.pages import SMALLEST
from connectors.sarvcrm.pushdown import both, literal
from connectors.sarvcrm.reading import Place, Reader
from connectors.sarvcrm.rows import Row, id_of
from connectors.wording import text as _

MOST_LINKS = 3000  # records behind one relation that are read whole


class RelatedReader(Reader):
    """One relation of one record."""

    sorted_here = MOST_LINKS
    _all: list[Row] | None = None
    _few = False  # what was read is taken for all because it is few

    def after(
        self, id: str, query: str = "", limit: int = PAGE, down: bool = False, fields: Sequence[str] = ()
    ) -> Listing:
        """Return the page of records whose ids come after that one; `query` may be passed over. Raises ProtocolError where
        it is not known whether there are more, QueryError for more than can be read."""
        found = self._in_order(id, query, limit, down, fields) if self._all is None else None
        if found is not None:
            return found
        self._all = self._everything(fields) if self._all is None else self._all
        rows = [row for row in self._all if not id or (key(row) < id.upper() if down else key(row) > id.upper())]
        return Listing(sorted(rows, key=key, reverse=down)[:limit], None)

    def _in_order(self, id: str, query: str, limit: int, down: bool, fields: Sequence[str]) -> Listing | None:
        """Return the page the server sends, None when it is not the one that was asked for."""
        column = self.sql.column("id")
        beyond = f"{column} {'<' if down else '>'} {literal(id)}" if id else ""
        try:
            found = self.listing(both(query, beyond), f"{column} {'DESC' if down else 'ASC'}", limit, 0, fields)
        except QueryError as e:
            if e.code != BAD_SQL or query:  # else it is the filter's: its fields are left out first
                raise
            return None
        keys = [*([id.upper()] if id else []), *map(key, found.rows)]
        wanted = sorted(set(keys), reverse=down)
        return found if keys == wanted else None

    def _everything(self, fields: Sequence[str]) -> list[Row]:
        found: dict[str, Row] = {}
        passed = 0  # rows that came again: more may stand behind them
        while len(found) + passed <= MOST_LINKS:
            asked = Question(fields=fields, offset=len(found) + passed)
            rows = self.pages.page(asked).rows
            fresh = {id_of(row): row for row in rows if id_of(row) not in found}
            if rows and not fresh and self.pages.heeds_offset(asked):
                passed += len(rows)
                continue
            if rows and not fresh:
                rows = self._others(found, fields)
                fresh = {id_of(row): row for row in rows if id_of(row) not in found}
                if rows and not fresh and not self._are_all(len(found)):
                    raise self.pages.same_again()
            if not fresh:
                return [*found.values()]
            found |= fresh
        raise too_many(self.pages.name)

    def _others(self, found: Mapping[str, Row], fields: Sequence[str]) -> list[Row]:
        """Return some of the other rows, as far as the server looks at the query; else some that are found already."""
        query = f"{self.sql.column('id')} NOT IN ({', '.join(map(literal, found))})"
        try:
            return self.pages.page(Question(query, fields=fields)).rows
        except QueryError as e:
            if e.code != BAD_SQL:
                raise
            return [*found.values()]

    def _are_all(self, count: int) -> bool:
        """Say whether these are all, where the server looks at nothing that tells: hardly any server's pages are so small, or it
        sends as many when asked for fewer."""
        self._few = count < SMALLEST
        return self._few or self._sends_all(count)

    def _sends_all(self, count: int) -> bool:
        return len(self.pages.page(Question(fields=("id",), limit=max(1, count - 1))).rows) >= max(2, count)

    def whole(self) -> bool:
        """Say whether what was read is known to be all: a list that replaces what is there must not rest on a guess."""
        return not self._few or self._sends_all(len(self._all or ()))

    def _start(self, order: Sequence[Order]) -> Place:
        return Place() if not order or order[0].field == "id" else Place("sorted")


def too_many(name: str) -> QueryError:
    """Return the error for more records than are read whole."""
    told = _("There are more than %(most)s %(name)s, and SarvCRM gives them in no order.", most=MOST_LINKS, name=name)
    return QueryError(told)


def key(row: Row) -> str:
    """Return the id as databases compare it."""
    return id_of(row).upper()
