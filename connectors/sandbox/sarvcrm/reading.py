"""Retrieve and SearchByNumber of the simulated SarvCRM."""

from __future__ import annotations

from typing import Any, TypeVar

from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.numbers import national
from connectors.sandbox.sarvcrm.schema import MODULES, Module
from connectors.sandbox.store import Row

JSON = Any
T = TypeVar("T")


def retrieve(crm: Crm, module: Module, asked: dict[str, JSON], overlap: int) -> list[JSON]:
    """Return a page of records. Raises SqlError, SarvError 400/90 and 404/51."""
    query, order = text_of(asked.get("query")), text_of(asked.get("order_by"))
    key = (query, order, crm.switches["database_zone"], tuple(crm.switches["no_column"]))
    table = crm.store.table(module.name)
    rows = table.remembered(key, lambda: matching(crm, module, list(table.living()), query, order))
    wanted = fields_of(crm, asked)
    return [crm.show(module, row, wanted) for row in page(crm, rows, asked, overlap)]


def matching(crm: Crm, module: Module, rows: list[Row], query: str, order: str, *, natural: bool = False) -> list[Row]:
    """Return the rows that meet the query, ordered; `natural`: as they are where no order is asked. Raises SqlError."""
    compiler = crm.compiler(module)
    condition = compiler.where(query) if query.strip() else None
    found = [row for row in rows if condition is None or condition(row)]
    return compiler.sort(order, found) if order.strip() or not natural else found


def page(crm: Crm, rows: list[Row], asked: dict[str, JSON], overlap: int) -> list[Row]:
    """Return the part of the rows that limit and offset ask for. Raises SarvError 400/90 and 404/51."""
    limit = _number(asked.get("limit")) or crm.switches["page_size"]
    most = crm.switches["max_rows"]
    if most and limit > most:
        raise SarvError("400/90")
    limit = min(limit, crm.switches["largest_page"] or limit)
    offset = _number(asked.get("offset"))
    return there(crm, rows[max(0, offset - overlap) : offset + limit])


def there(crm: Crm, found: list[T]) -> list[T]:
    """Raises SarvError 404/51 for nothing, where the server is one that says so."""
    if not found and crm.switches["no_records"] == "51":
        raise SarvError("404/51")
    return found


def one(crm: Crm, module: Module, record_id: str, asked: dict[str, JSON]) -> list[JSON]:
    """Return the record in a list. Raises SarvError 400/22, or what the server is one to say instead."""
    row = crm.find(module.name, record_id)
    if row is None and crm.switches["missing_record"]:
        raise SarvError(crm.switches["missing_record"])
    return [crm.show(module, row, fields_of(crm, asked))] if row else []


def fields_of(crm: Crm, asked: dict[str, JSON]) -> list[str]:
    """Return the names of the fields asked for, under the names the server listens to; none for all."""
    for key in crm.switches["fields_keys"]:
        names = asked.get(key)
        if isinstance(names, list | dict) and names:
            return [str(name) for name in (names if isinstance(names, list) else names.values())]
    return []


def text_of(value: JSON) -> str:
    """Return a fragment of SQL; a list is joined, as a public client sends its order."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _number(value: JSON) -> int:
    text = str(value or "").strip()
    return int(text) if text.isdigit() else 0


def by_number(crm: Crm, number: str, module: str) -> list[JSON]:
    """Return {"module", "id", "name"} of whom has the number. Raises SarvError 400/1001 and 400/30."""
    wanted = national(number)
    if not wanted:
        raise SarvError("400/1001")
    if module and not crm.module(module).has_numbers:
        raise SarvError("400/30")
    found = []
    for name in [module] if module else [m.name for m in MODULES.values() if m.has_numbers]:
        for row in crm.living(MODULES[name]):
            if any(national(n["number"], n["phoneCode"]) == wanted for n in row.values["numbers"]):
                found.append({"module": name, "id": row.values["id"], "name": row.values.get("name") or ""})
    return there(crm, found)
