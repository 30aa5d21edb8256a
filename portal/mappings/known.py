"""Gathers what `check` has to know besides the two modules: the value tables, the other mappings, the engine for expressions."""

from __future__ import annotations

from connectors.wording import said
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
        trouble=_trouble,
        reads=fields_of,
        looks_up=tables_of,
    )


def _sides(row: Mapping) -> tuple[Side, Side]:
    return Side(row.left_connection.name, row.left_module), Side(row.right_connection.name, row.right_module)


def _trouble(text: str) -> str:
    try:
        compile_expression(text)
    except ExpressionError as e:
        return str(said(e))
    return ""
