"""Lines of Vtiger's sales documents (D20). The rule: a record is whole with its lines or without the field, and lines that did not
come for certain are never taken for none: each such record is asked for by itself.

`describe` of a document tells nothing of its lines, `describe` of LineItem does; no query of a document carries them, a query of
LineItem does (C13).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from connectors.errors import AccessDenied, QueryError, RecordNotFound
from connectors.types import JSON, FieldSchema, FieldType, ModuleSchema, Values
from connectors.vtiger import vtql
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.rows import Row, id_of
from connectors.wording import text as _

MODULES = frozenset({"Quotes", "PurchaseOrder", "SalesOrder", "Invoice"})
LINES, LINE, PRODUCT, POSITION, PARENT = "LineItems", "LineItem", "productid", "sequence_no", "parent_id"
BY_ITSELF = "lines are asked record by record"
NOT_SET = frozenset({"id", POSITION})  # the order of the list is what counts
NOT_TOLD = frozenset({PARENT, "incrementondel"})  # the first reads “7xArray” in the answer to a write
HELP = _("All lines, in their order. Lines that are left out of a list that is sent are deleted for good.")
FIRST_PRODUCT = _("When nothing is given for a new record, the product of its first line is sent.")
# What is sent and read of a line by every server, in the form of `describe`: for one that does not describe lines.
USUAL: tuple[dict[str, JSON], ...] = (
    {"name": PRODUCT, "label": "Item", "mandatory": True, "editable": True, "type": {"name": "reference", "refersTo": ["Products", "Services"]}},
    *(
        {"name": name, "label": name.replace("_", " "), "mandatory": name == "quantity", "editable": True, "type": {"name": "double"}}
        for name in ("quantity", "listprice", "discount_percent", "discount_amount")
    ),
    {"name": "comment", "label": "comment", "mandatory": False, "editable": True, "type": {"name": "text"}},
)  # fmt: skip


def with_lines(module: str, fields: list[FieldSchema], of_a_line: Iterable[FieldSchema]) -> list[FieldSchema]:
    """Return the fields of a module, those of a sales document with its lines."""
    if module not in MODULES:
        return fields
    inner = tuple(
        replace(f, editable=f.editable and f.name not in NOT_SET) for f in of_a_line if f.name not in NOT_TOLD
    )
    lines = FieldSchema(LINES, _("Lines"), FieldType.LINES, help=HELP, wire_type="lines", lines=inner)
    return [*(replace(f, required=False, help=FIRST_PRODUCT) if f.name == PRODUCT else f for f in fields), lines]


def first_product(schema: ModuleSchema, values: Values) -> dict[str, JSON]:
    """Return the field of the product that the server demands beside the lines, filled from the first of them."""
    lines = values.get(LINES)
    if schema.field(PRODUCT) is None or not isinstance(lines, list) or not lines or not isinstance(lines[0], dict):
        return {}
    product = lines[0].get(PRODUCT)
    return {} if product is None else {PRODUCT: product}


def completed(client: VtigerClient, rows: Sequence[Row]) -> list[Row]:
    """Return rows of a query with their lines: asked for all together, one by one where that does not tell them whole."""
    learned = client.context.learned
    found = {} if not rows or learned.get(BY_ITSELF) else _asked(client, [id_of(row) for row in rows])
    whole = [{**row, LINES: lines} if (lines := _in_order(found.get(id_of(row), ()))) else row for row in rows]
    told = [row if LINES in row else _by_itself(client, row) for row in whole]
    if any(row.get(LINES) for row in told) and not any(LINES in row for row in whole):
        learned.set(BY_ITSELF, True)  # the documents have lines, and no query tells them
    return told


def _asked(client: VtigerClient, ids: list[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    wanted, came, offset = ((vtql.one_of(PARENT, ids),),), vtql.PAGE, 0
    try:
        while came >= vtql.PAGE:
            lines = client.query(vtql.select(LINE, (), wanted, "id", vtql.PAGE, offset)).rows
            for line in lines:
                found[str(line.get(PARENT))].append(line)
            came, offset = len(lines), offset + len(lines)
    except (QueryError, AccessDenied):  # not for this user
        return {}
    return found


def _in_order(lines: Sequence[Row]) -> list[Row]:
    """Return the lines in their order; none where one is missing or doubled, by their numbers."""
    numbers = {str(line.get(POSITION)): line for line in lines}
    order = [numbers.get(str(position)) for position in range(1, len(lines) + 1)]
    return [line for line in order if line is not None] if all(order) else []


def _by_itself(client: VtigerClient, row: Row) -> Row:
    try:
        told = client.retrieve(id_of(row))
    except RecordNotFound:  # deleted meanwhile: of its lines nothing is said
        return row
    return {**row, LINES: told[LINES]} if isinstance(told.get(LINES), list) else row
