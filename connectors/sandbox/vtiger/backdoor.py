"""What tests see and change in the simulated Vtiger behind its API's back, as another user in the CRM's screens would."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import Crm, Field, Module, PhpFatal, int_cast
from connectors.sandbox.vtiger.inventory import replace_lines
from connectors.sandbox.vtiger.values import empty_values, stored
from connectors.sandbox.vtiger.write import bury, label

JSON = Any


def records(crm: Crm, module: Module, deleted: bool) -> list[JSON]:
    """Return the module's records as stored, by id; with `deleted` those in the recycle bin too."""
    table = crm.store.table(module.name)
    return [_shown(module, table.rows[number]) for number in table.order if deleted or not table.rows[number].deleted]


def mutate(crm: Crm, action: str, module: Module, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
    """Create (with `record_id` if given), update or delete a record. Read-only fields may be set, and
    "label"; `touch` False leaves
    modifiedtime alone. Raises KeyError for a record that is not there, ValueError for an unknown action."""
    if action == "create":
        row = _new(crm, module, record_id)
    elif action in ("update", "delete"):
        row = crm.store.table(module.name).rows[int_cast((record_id or "").partition("x")[2])]
    else:
        raise ValueError(f"There is no action “{action}”; there are create, update, delete.")
    if action == "delete":
        bury(crm, module, row)
        return _shown(module, row)
    if touch:
        row.values["modifiedtime"] = crm.clock.text()
    if (lines := values.pop("LineItems", None)) is not None:
        replace_lines(crm, module, row, lines)
    known = values.get("label")
    row.values.update({name: _written(module.fields[name], value) for name, value in values.items() if name != "label"})
    row.hidden["label"] = label(module, row.values) if known is None else known
    crm.store.save([row])
    return _shown(module, row)


def _written(field: Field, value: JSON) -> str:
    """Return what the column holds; an empty value is NULL, whatever the type."""
    if value in ("", None) or field.type in ("reference", "owner", "datetime"):
        return str(value or "")
    try:
        return stored(field, value)
    except PhpFatal as e:
        raise ValueError(f"{value!r} is no number, in {field.name}") from e


def _new(crm: Crm, module: Module, record_id: str | None) -> Row:
    number = int_cast(record_id.partition("x")[2]) if record_id else crm.next_id(module)
    if record_id:
        name = "crmid" if module.is_entity and module.name != "Users" else f"id:{module.name}"
        crm.store.note(name, max(number, crm.store.notes.get(name, 0)))
    now = crm.clock.text()
    values = {**empty_values(module), "createdtime": now, "modifiedtime": now, "source": "CRM"}
    values.update(assigned_user_id="19x1", modifiedby="19x1")
    if module.number_field:
        values[module.number_field] = crm.number(module)
    return Row(module.name, number, {k: v for k, v in values.items() if k in module.fields})


def _shown(module: Module, row: Row) -> JSON:
    return {"id": f"{module.prefix}x{row.id}", "values": dict(row.values), "deleted": row.deleted}
