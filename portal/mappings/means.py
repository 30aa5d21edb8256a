"""Hands a mapping's rules what they need besides the record: the value tables they name, and the engine for expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.types import JSON, Values
from portal.mappings.definition import Definition
from portal.mappings.expression import ExpressionError, Given, evaluate, fields_of, tables_of
from portal.mappings.models import ValueTable
from portal.mappings.tables import Table
from portal.mappings.transform import Lookup, Means, Place, Side


def means_of(definition: Definition, places: Mapping[Side, Place]) -> Means:
    """Return what the rules of this mapping need; who knows partners is handed in later, batch by batch."""
    return Means(places, tables=read_tables(tables_in(definition)), evaluate=_evaluate, reads=fields_of)


def tables_in(definition: Definition) -> set[str]:
    """Return the names of the value tables a mapping uses, in rules and in expressions."""
    rules = definition.every_rule
    named = {rule.table for rule in rules if rule.table}
    return named.union(*(_looked_up(rule.expression) for rule in rules if rule.source == "expression"))


def _looked_up(expression: str) -> frozenset[str]:
    try:
        return tables_of(expression)
    except ExpressionError:  # said of each record, and by the check
        return frozenset()


def read_tables(names: Iterable[str]) -> dict[str, Table]:
    """Return those of the value tables that exist, by name."""
    wanted = set(names)
    rows = ValueTable.objects.filter(name__in=wanted).prefetch_related("pairs") if wanted else ()
    return {row.name: table_of(row) for row in rows}


def table_of(row: ValueTable) -> Table:
    """Return a stored value table as rules use it."""
    pairs = tuple((pair.left, pair.right) for pair in row.pairs.all())
    return Table(row.name, pairs, row.unlisted, row.default_left, row.default_right)


def _evaluate(text: str, values: Values, place: Place, lookup: Lookup) -> JSON:
    return evaluate(text, values, Given(place.zone, place.region, lookup))
