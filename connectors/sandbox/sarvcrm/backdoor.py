"""What tests see and change in the simulated SarvCRM behind its API's back, as another user in the CRM's screens would."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.sarvcrm import numbers
from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.schema import MODULES, SYSTEM, Module
from connectors.sandbox.sarvcrm.values import stored
from connectors.sandbox.store import Row

JSON = Any


def records(crm: Crm, module: str, deleted: bool) -> list[JSON]:
    """Return the module's records as kept: times in UTC. Raises KeyError."""
    rows = crm.store.table(MODULES[module].name).rows.values()
    return [_plain(row) for row in rows if deleted or not row.deleted]


def mutate(crm: Crm, action: str, name: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
    """Create (with `record_id` if given), update or delete a record. What the server sets itself may be set too, as it is kept;
    `touch` False leaves date_modified alone. Raises KeyError, ValueError."""
    module = MODULES[name]
    if unknown := set(values) - set(module.fields):
        raise KeyError(f"{name} has no field {', '.join(sorted(unknown))}")
    if action == "create":
        row = crm.new(module, record_id or "")
        row.values.update({f.name: f.default for f in module.fields.values() if f.default})
    elif action in ("update", "delete"):
        row = crm.any_row(name, record_id or "")
    else:
        raise ValueError(f"There is no action “{action}”; there are create, update, delete.")
    if touch:
        row.values["date_modified"] = crm.clock_text()
    row.values.update({key: _kept(crm, module, key, value) for key, value in values.items()})
    row.deleted = action == "delete"
    crm.save(row)
    return _plain(row)


def _kept(crm: Crm, module: Module, name: str, value: JSON) -> JSON:
    if name in SYSTEM or not module.fields[name].has_column:
        return numbers.kept(value) if name == "numbers" else value
    try:
        return stored(module.fields[name], value, crm.zone)
    except SarvError as e:
        raise ValueError(f"{name} cannot hold {value!r}") from e


def _plain(row: Row) -> JSON:
    return {"id": row.values["id"], "values": dict(row.values), "deleted": row.deleted}
