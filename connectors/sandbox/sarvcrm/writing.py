"""Save and delete of the simulated SarvCRM."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.sandbox.sarvcrm import numbers
from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.schema import Module
from connectors.sandbox.sarvcrm.values import stored
from connectors.sandbox.store import Row

JSON = Any


def create(crm: Crm, module: Module, sent: dict[str, JSON], user: str) -> str:
    """Return the new record's id. Raises SarvError 400/14, 15, 16, 50."""
    values = checked(crm, module, {**_presets(module), **sent}, whole=True)
    row = crm.new(module, user=user)
    _unique(crm, module, values, row)
    row.values.update(values)
    _attach(crm, module, row, sent)
    crm.save(row)
    return str(row.values["id"])


def update(crm: Crm, module: Module, record_id: str, sent: dict[str, JSON], user: str) -> str:
    """Return the id. Raises SarvError 400/14, 15, 16, 22, 50."""
    row = crm.row(module, record_id)
    values = checked(crm, module, sent, whole=False)
    _unique(crm, module, values, row)
    row.values.update(values)
    row.values.update(date_modified=crm.clock_text(), modified_user_id=user)
    _attach(crm, module, row, sent)
    crm.save(row)
    return record_id


def delete(crm: Crm, module: Module, record_id: str, user: str) -> None:
    """Raises SarvError 400/22."""
    row = crm.row(module, record_id)
    row.deleted = True
    row.values.update(date_modified=crm.clock_text(), modified_user_id=user)
    crm.save(row)


def _presets(module: Module) -> dict[str, JSON]:
    return {f.name: f.default for f in module.fields.values() if f.default}


def checked(crm: Crm, module: Module, sent: dict[str, JSON], *, whole: bool) -> dict[str, JSON]:
    """Return what the columns will hold. Unknown names and what the server sets itself are passed over, as by the real one."""
    values: dict[str, JSON] = {}
    for name, field in module.fields.items():
        if not field.editable or (name == "name" and module.is_person):
            continue
        if field.required and _blank(sent.get(name)) and (whole or name in sent):
            raise SarvError("400/14")
        if name in sent:
            given = sent[name]
            values[name] = numbers.kept(given) if name == "numbers" else stored(field, given, crm.zone)
    return values


def _blank(value: JSON) -> bool:
    return value is None or not str(value).strip()


def _unique(crm: Crm, module: Module, values: dict[str, JSON], row: Row) -> None:
    """The switch `unique` names fields ("Leads.email1") that no two records share."""
    for name in values:
        if f"{module.name}.{name}" in crm.switches["unique"] and values[name]:
            for other in crm.living(module):
                if other.id != row.id and other.values.get(name) == values[name]:
                    raise SarvError("400/50")


def _attach(crm: Crm, module: Module, row: Row, sent: dict[str, JSON]) -> None:
    """Keep the files sent in multipart, each under a field of type file."""
    for field in (f for f in module.fields.values() if f.type == "file"):
        if part := sent.get(f"file:{field.name}"):
            file = orjson.loads(part)
            if file["filesize"] > crm.switches["max_upload"]:
                raise SarvError("400/16")
            row.hidden = {**row.hidden, "file": file}
            row.values[field.name] = file["filename"]
