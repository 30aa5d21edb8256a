"""Creating and changing records in the simulated OpenCRM (document, "Create/Edit Records"): nothing is required, checked or
compared; what is sent is what the columns keep, and an empty value blanks its field (facts §3)."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.opencrm import lines
from connectors.sandbox.opencrm.crm import Crm
from connectors.sandbox.opencrm.errors import InvalidRecord
from connectors.sandbox.opencrm.schema import Module
from connectors.sandbox.opencrm.seed import blank
from connectors.sandbox.opencrm.values import stored
from connectors.sandbox.store import Row

JSON = Any
Params = dict[str, JSON]


def edit(crm: Crm, module: Module, params: Params) -> int:
    """Return the id of the record created (crmid 0) or changed. Names the module has not are passed over in silence,
    "module" too. Raises InvalidRecord, and then nothing is stored."""
    row = _addressed(crm, module, str(params.get("crmid", "")).strip())
    if module.sales and params.get("products") not in (None, ""):
        row.hidden["products"] = lines.posted(crm, row, params["products"])
    if module.sales:
        row.values.update(lines.totals(row.hidden.setdefault("products", [])))
    row.values.update(_sent(module, params))
    row.values["modifiedtime"] = crm.clock.text()
    crm.store.save([row])
    return row.id


def _addressed(crm: Crm, module: Module, number: str) -> Row:
    if not number.isdecimal():
        raise InvalidRecord("No crmid was given")
    if int(number) == 0:
        return Row(module.name, crm.next_id(), {**blank(module.name), "createdtime": crm.clock.text()})
    row = crm.row(module, number)
    if row is None:
        raise InvalidRecord(f"Record {number} does not exist in {module.label}")
    return row


def _sent(module: Module, params: Params) -> dict[str, str]:
    """Return what the columns keep of the parameters; the owner may be called assigned_user_id, as the document does."""
    named = {"smownerid" if name == "assigned_user_id" else name: value for name, value in params.items()}
    writable = {name: column for name, column in module.columns.items() if not column.calculated}
    return {name: stored(writable[name].kind, value) for name, value in named.items() if name in writable}
