"""What the simulated OpenCRM answers to counts, lists, full lists and single records (document, "List Functions" and "Consult /
Retrieve Functions")."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.sandbox.opencrm import query
from connectors.sandbox.opencrm.crm import Crm
from connectors.sandbox.opencrm.errors import CrmError
from connectors.sandbox.opencrm.schema import Module
from connectors.sandbox.opencrm.values import Dates, shown
from connectors.sandbox.store import Row

JSON = Any
Params = dict[str, JSON]


def count(crm: Crm, module: Module, params: Params) -> int:
    return len(_matching(crm, module, params))


def listed(crm: Crm, module: Module, params: Params, overlap: int) -> bytes:
    """Return the rows of the window with the few columns of the plain list, as JSON."""
    names = [c.name for c in module.columns.values() if c.basic]
    look = _Look(crm, module, params)
    rows = _window(crm, module, params, overlap)
    return orjson.dumps([{"id": r.id, "crmid": r.id, **look.values(r, names)} for r in rows])


def listed_full(crm: Crm, module: Module, params: Params, overlap: int) -> bytes:
    """Return the rows of the window with every column and an id, but no crmid unless the switch says so (facts §3)."""
    look, both, rows = _Look(crm, module, params), crm.switches["full_crmid"], _window(crm, module, params, overlap)
    if look.plain and not both:
        return b"[" + b",".join(_rendered(look, r) for r in rows) + b"]"
    return orjson.dumps([{"id": r.id, **({"crmid": r.id} if both else {}), **look.values(r)} for r in rows])


def one(crm: Crm, module: Module, params: Params) -> JSON:
    """Return every column of a record, with record_id and record_module. Raises CrmError where there is none."""
    row = crm.row(module, params.get("crmid"))
    if row is None or row.id in crm.switches["hidden_records"]:
        if crm.switches["missing_record"] != "error":
            return [] if crm.switches["missing_record"] == "empty" else None
        raise CrmError("Record not found")
    return {**_Look(crm, module, params).values(row), "record_id": str(row.id), "record_module": module.label}


def sale(crm: Crm, module: Module, params: Params) -> bytes:
    """Return a sales record with its product lines as "products"; "beside" it as in the document's sample, which is no JSON."""
    found = one(crm, module, params)
    row = crm.row(module, params.get("crmid"))
    if row is None:
        return orjson.dumps(found)
    held = row.hidden.get("products", [])
    if crm.switches["sales_reply"] == "beside":
        return b'"products": ' + orjson.dumps(held) + b",\n" + orjson.dumps(found)
    return orjson.dumps({"products": held, **found})


def user_details(crm: Crm, module: Module, params: Params) -> JSON:
    """Return one user by "userid", "id" or "crmid"; which of them is published nowhere."""
    number = params.get("userid") or params.get("id") or params.get("crmid")
    row = crm.row(module, number)
    if row is None:
        raise CrmError("User not found")
    return {"id": row.id, **_Look(crm, module, params).values(row)}


class _Look:
    """How one answer shows values: its dates, and which owners it names instead of numbering them (change_assignedidtouser)."""

    def __init__(self, crm: Crm, module: Module, params: Params) -> None:
        wanted = [
            str(params.get(name) or "") for name in ("dateOverride", "dateTimeOverride", "change_assignedidtouser")
        ]
        self.dates = Dates(wanted[0], wanted[1], crm.clock.zone)
        named = {name.strip().lower() for name in wanted[2].split(",")} - {""}
        if named & {"assigned_to", "assigned_user_id"}:
            named.add("smownerid")
        self.plain = self.dates.plain and not named
        self._columns = module.columns
        self._named = {name for name in module.columns if name.lower() in named}
        self._users = {str(r.id): r.values["user_name"] for r in crm.store.table("user").living()} if named else {}

    def values(self, row: Row, names: list[str] | None = None) -> dict[str, str | None]:
        columns, held = self._columns, row.values
        found = {name: shown(columns[name].kind, held.get(name), self.dates) for name in names or columns}
        for name in self._named & set(found):
            found[name] = self._users.get(found[name] or "", found[name])
        return found


def _rendered(look: _Look, row: Row) -> bytes:
    if row.rendered is None:
        row.rendered = orjson.dumps({"id": row.id, **look.values(row)})
    return row.rendered


def _window(crm: Crm, module: Module, params: Params, overlap: int) -> list[Row]:
    start, end = query.window(params, crm.switches)
    shown = crm.switches["found" if params.get("query_string") else "listed"]
    found = _matching(crm, module, params)[: shown or None][max(0, start - overlap) : end]
    short = crm.switches["short_pages"]
    most = (short.pop(0) if short else None, crm.switches["most_rows"] or None)
    return found[: min((n for n in most if n is not None), default=len(found))]


def _matching(crm: Crm, module: Module, params: Params) -> list[Row]:
    """Return the records of query_string and keywords, by id."""
    text, keywords = str(params.get("query_string") or ""), str(params.get("keywords") or "")
    condition, words = query.where(module, text, crm.switches), query.searched(module, keywords)
    table = crm.store.table(module.name)
    key = (text, keywords, crm.switches["greater"], crm.switches["unknown_field"])
    return table.remembered(key, lambda: [r for r in table.living() if condition(r) and words(r)])
