"""What tests see and change in the simulated OpenCRM behind its API's back, as another user in the CRM's screens would."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.opencrm import lines
from connectors.sandbox.opencrm.crm import Crm
from connectors.sandbox.opencrm.schema import MODULES
from connectors.sandbox.opencrm.seed import blank
from connectors.sandbox.store import Row

JSON = Any
LINKS = frozenset({"record_links", "campaign_members"})  # nothing in the API reads them


def records(crm: Crm, module: str, deleted: bool) -> list[JSON]:
    """Return a module's records, or the links made, as stored. Raises KeyError for an unknown module."""
    if module not in LINKS:
        MODULES[module]
    table = crm.store.table(module)
    return [_plain(table.rows[n]) for n in table.order if deleted or not table.rows[n].deleted]


def mutate(crm: Crm, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
    """Create (with `record_id` if given), update or delete a record; values are taken as they are, `products` as posted. `touch` False leaves
    modifiedtime alone. Raises KeyError for an unknown module, record or field, ValueError for an unknown action."""
    known, products = MODULES[module], values.pop("products", None)
    if unknown := set(values) - set(known.columns):
        raise KeyError(f"{module} has no field {', '.join(sorted(unknown))}")
    if action == "create":
        row = Row(module, _number(crm, record_id), blank(module))
        row.values["createdtime"] = row.values["modifiedtime"] = crm.clock.text()
    elif action in ("update", "delete"):
        row = crm.store.table(module).rows[int(record_id or 0)]
    else:
        raise ValueError(f"There is no action “{action}”; there are create, update, delete.")
    if touch:
        row.values["modifiedtime"] = crm.clock.text()
    row.values.update(values)
    if products is not None:
        row.hidden["products"] = lines.posted(crm, row, products)
    row.deleted = action == "delete"
    crm.store.save([row])
    return _plain(row)


def _number(crm: Crm, wanted: str | None) -> int:
    if not wanted:
        return crm.next_id()
    crm.store.note("crmid", max(int(wanted) + 1, crm.store.notes["crmid"]))
    return int(wanted)


def _plain(row: Row) -> JSON:
    return {"id": str(row.id), "values": {**row.values, **row.hidden}, "deleted": row.deleted}
