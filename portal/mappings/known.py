"""Gathers what `check` has to know besides the two modules: the value tables, the other mappings, the engine for expressions."""

from __future__ import annotations

from connectors import CONNECTORS, connector_class
from connectors.wording import said
from portal.connections.models import Connection
from portal.mappings.definition import Side
from portal.mappings.expression import ExpressionError, compile_expression, fields_of, tables_of
from portal.mappings.findings import Known
from portal.mappings.means import read_tables
from portal.mappings.models import Mapping, ValueTable


def what_is_known() -> Known:
    """Return every value table and every mapping there is, and how to look into an expression."""
    return Known(
        tables=read_tables(ValueTable.objects.values_list("name", flat=True)),
        mappings={
            row.name: _sides(row) for row in Mapping.objects.select_related("left_connection", "right_connection")
        },
        appends=frozenset(row.name for row in Connection.objects.all() if appends_choices(row)),
        trouble=_trouble,
        reads=fields_of,
        looks_up=tables_of,
    )


def appends_choices(connection: Connection) -> bool:
    """Say whether entries can be added to the pick lists of that CRM; not of one whose connector is gone."""
    known = connection.connector in CONNECTORS
    return known and connector_class(connection.connector).capabilities.appends_choices


def _sides(row: Mapping) -> tuple[Side, Side]:
    return Side(row.left_connection.name, row.left_module), Side(row.right_connection.name, row.right_module)


def _trouble(text: str) -> str:
    try:
        compile_expression(text)
    except ExpressionError as e:
        return str(said(e))
    return ""
