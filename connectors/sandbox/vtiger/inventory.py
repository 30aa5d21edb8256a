"""Line items of the simulated Vtiger's Invoice and Quotes (vtiger-facts D20): kept beside the record, with totals worked out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import Crm, Module, int_cast, modules
from connectors.sandbox.vtiger.values import empty_values, stored

JSON = Any
_TOTALS = ("hdnSubTotal", "hdnGrandTotal", "pre_tax_total")


def is_inventory(module: Module) -> bool:
    """Say whether records of the module have lines."""
    return module.name in ("Invoice", "Quotes")


def add_lines(crm: Crm, module: Module, row: Row, lines: list[dict[str, JSON]] | None) -> None:
    """Store the lines as LineItem rows and put them and the totals on the record."""
    items, kept, total = modules()["LineItem"], [], Decimal(0)
    for position, line in enumerate(lines or (), 1):
        values = {**empty_values(items), **{n: stored(f, line[n]) for n, f in items.fields.items() if n in line}}
        values.update(parent_id=f"{module.prefix}x{row.id}", sequence_no=str(position), incrementondel="1")
        item = Row("LineItem", crm.next_id(items), values)
        crm.store.save([item])
        total += Decimal(values["quantity"]) * Decimal(values["listprice"])
        kept.append(_shown(crm, module, item))
    row.values.update(
        dict.fromkeys((n for n in _TOTALS if n in row.values), stored(module.fields["hdnSubTotal"], str(total)))
    )
    row.hidden["extra"] = {
        "shipping_&_handling": None,
        **{f"shipping_&_handling_shtax{n}": 0 for n in (1, 2, 3)},
        "LineItems": kept,
    }


def replace_lines(crm: Crm, module: Module, row: Row, lines: list[dict[str, JSON]]) -> None:
    """Delete the record's lines for good and store these; they get new ids."""
    own = f"{module.prefix}x{row.id}"
    old = [item for item in crm.store.table("LineItem").living() if item.values["parent_id"] == own]
    for item in old:
        item.deleted = True
    crm.store.save(old)
    add_lines(crm, module, row, lines)


def _shown(crm: Crm, module: Module, item: Row) -> dict[str, JSON]:
    """Return the line as the record shows it: its parent reads "7xArray", a bug of the real server."""
    product = crm.store.table("Products").rows.get(int_cast(item.values["productid"].partition("x")[2]))
    return {
        **item.values,
        "parent_id": f"{module.prefix}xArray",
        "id": f"33x{item.id}",
        "product_name": product.values["productname"] if product else "",
        "entity_type": "Products",
        "deleted": "0",
    }


def number_totals(answer: dict[str, JSON]) -> dict[str, JSON]:
    """Return the create answer with its totals as numbers, where retrieve answers text."""
    return {**answer, **{name: float(answer[name]) for name in _TOTALS if name in answer}}
