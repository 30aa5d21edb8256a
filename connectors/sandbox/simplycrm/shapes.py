"""How the simulated mobile API shows a record: flat, or grouped into blocks as the record's page in the CRM is."""

from __future__ import annotations

from functools import cache
from typing import Any

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import (
    DENIED,
    Crm,
    Field,
    Installation,
    Module,
    WsError,
    by_prefix,
    data,
    installation,
    int_cast,
    modules,
)

JSON = Any
_UITYPES: dict[str, str | int] = {
    "string": "1", "text": "19", "phone": "11", "email": "13", "url": "17", "owner": "53", "reference": "10", "date": "5",
    "datetime": "70", "time": 252, "boolean": "56", "integer": "7", "double": "7", "currency": "71", "picklist": "15",
    "multipicklist": "33", "image": "69", "password": "99", "skype": "85", "file": "61",
}  # fmt: skip
_UITYPES_BY_NAME: dict[str, str | int] = {
    "salutationtype": 16, "firstname": "55", "lastname": "255", "subject": "2", "accountname": "2", "potentialname": "2",
    "account_id": "51", "contact_id": "57", "parent_id": "66", "modifiedby": "52", "creator": "52", "recurringtype": "16",
    "visibility": "16", "duration_hours": "63", "reminder_time": "30", "due_date": "23", "date_start": "6",
}  # fmt: skip
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
_ADDRESS = ("mailing", "other", "bill_", "ship_", "lane", "city", "state", "code", "country", "pobox", "street")
# Blocks of which the vendor's document says that they are there and always empty.
_EMPTY_BLOCKS = {"Contacts": "Contact Image Information:", "HelpDesk": "COMMENTS"}
# What the mobile API does not tell, as the vendor's document has it: pictures, and part of what is known of a file.
_UNTOLD = {"Contacts": {"imagename"}, "Documents": {"filesize", "filetype", "filedownloadcount", "fileversion"}}


def uitype(field: Field) -> str | int:
    """Return the number by which the CRM's screens know the kind of a field: text, or a number, as it happens."""
    known = _UITYPES_BY_NAME.get(field.name)
    return known if known is not None else "4" if field.name.endswith("_no") else _UITYPES.get(field.type, "1")


def linked(crm: Crm, ws_id: str) -> dict[str, str]:
    """Return {"value", "label"} of a reference or owner, both empty where it is empty.

    Raises ACCESS_DENIED for an owner that is no longer there: one such record spoils a whole page (vtiger-facts G13).
    """
    if not ws_id:
        return {"value": "", "label": ""}
    prefix, x, number = ws_id.partition("x")
    module = by_prefix().get(int_cast(prefix))
    if not x or module is None:
        raise WsError("ACCESS_DENIED", DENIED + " for id")
    row = crm.store.table(module.name).rows.get(int_cast(number))
    return {"value": ws_id, "label": name_of(module, row) if row else ""}


def name_of(module: Module, row: Row) -> str:
    """Return the record's name, not encoded."""
    if "label" in row.hidden:
        return str(row.hidden["label"])
    return " ".join(str(row.values.get(f, "")) for f in module.label_fields).strip()


def value_of(crm: Crm, field: Field, row: Row) -> JSON:
    """Return a field's value as both shapes hold it."""
    value = row.values.get(field.name, "")
    return linked(crm, value) if field.type in ("reference", "owner") else value


def flat(crm: Crm, module: Module, row: Row) -> dict[str, JSON]:
    """Return the record as fetchRecord does: name and value, custom fields too, nothing about them."""
    encoded = crm.full(module, row).get("label", "")
    return {
        **{f.name: value_of(crm, f, row) for f in _shown(crm, module)},
        "id": f"{module.prefix}x{row.id}",
        "label": encoded,
    }


def grouped(crm: Crm, module: Module, row: Row, *, custom: bool = True, named: bool = False) -> dict[str, JSON]:
    """Return the record as the …WithGrouping operations and saveRecord do: {"blocks": [{"label", "fields"}], "id"}.

    `custom` False leaves the block of custom fields empty, `named` adds "labelFields".
    """
    shown = {f.name: _entry(crm, module, f, row) for f in _shown(crm, module)}
    answer = {"blocks": blocks(module, shown, custom=custom), "id": f"{module.prefix}x{row.id}"}
    return {**answer, "labelFields": list(module.label_fields)} if named else answer


def template(crm: Crm, module: Module, owner: str) -> dict[str, JSON]:
    """Return the empty record that an id of 0 asks for: the fields with their types and with what a new record begins with."""
    described = {f["name"]: f for f in module.describe["fields"]}
    empty = Row(module.name, 0, {n: _beginning(f, owner) for n, f in described.items()})
    shown = {}
    for field in _shown(crm, module):
        about = described[field.name]
        entry = {**_entry(crm, module, field, empty), **{k: v for k, v in about.items() if k not in ("name", "label")}}
        default = entry["value"] if field.type == "owner" else about.get("default", "")
        values = salutations(field.name)
        kind = {"name": "picklist", "picklistValues": values} if values else about["type"]
        shown[field.name] = {**entry, "type": {**kind, "defaultValue": default}}
    return {"blocks": blocks(module, shown), "id": f"{module.prefix}x0", "labelFields": list(module.label_fields)}


def _beginning(described: dict[str, JSON], owner: str) -> JSON:
    if described["type"]["name"] == "owner":
        return owner
    return described["type"].get("defaultValue") or described.get("default") or ""


def salutations(name: str) -> list[dict[str, str]]:
    """Return the choices of the field of salutations, which the webservice takes for plain text (vtiger-facts E12, G15)."""
    return [{"value": v, "label": v} for v in _SALUTATIONS] if name == "salutationtype" else []


def blocks(module: Module, shown: dict[str, JSON], *, custom: bool = True) -> list[JSON]:
    """Return the blocks of the record's page; that of the custom fields is the third, as the vendor's document has it."""
    kinds: dict[str, list[JSON]] = {"main": [], "text": [], "custom": [], "address": []}
    for name, entry in shown.items():
        if name.startswith("cf_"):
            kinds["custom"] += [entry] if custom else []
        elif name in ("description", "notecontent"):
            kinds["text"].append(entry)
        else:
            kinds["address" if module.name != "Calendar" and name.startswith(_ADDRESS) else "main"].append(entry)
    found = [
        {"label": f"{_singular(module)} Information", "fields": kinds["main"]},
        {"label": "" if _is_calendar(module) else "Description Information", "fields": kinds["text"]},
        {"label": "Custom Information", "fields": kinds["custom"]},
    ]
    if kinds["address"]:
        found.append({"label": "Address Information", "fields": kinds["address"]})
    if module.name in _EMPTY_BLOCKS:
        found.append({"label": _EMPTY_BLOCKS[module.name], "fields": []})
    return found


def hidden(crm: Crm, module: Module) -> frozenset[str]:
    """Return the fields switched off in the module's settings: no answer shows them."""
    return frozenset(crm.switches["hidden_fields"].get(module.name, ()))


def _shown(crm: Crm, module: Module) -> list[Field]:
    off = hidden(crm, module) | _UNTOLD.get(module.name, set()) | {"id"}
    return [f for f in module.fields.values() if f.name not in off]


def _entry(crm: Crm, module: Module, field: Field, row: Row) -> dict[str, JSON]:
    value = value_of(crm, field, row)
    entry = {
        "name": field.name,
        "value": value,
        "label": _labels(installation.get(), module.name)[field.name],
        "uitype": uitype(field),
    }
    return {**entry, "type": {"defaultValue": value}} if field.type == "owner" else entry


@cache
def _labels(own: Installation, module: str) -> dict[str, str]:
    return {f["name"]: f["label"] for f in modules()[module].describe["fields"]}


def _is_calendar(module: Module) -> bool:
    return module.name in ("Calendar", "Events")


def _singular(module: Module) -> str:
    return (
        "Task"
        if _is_calendar(module)
        else str(data()["information"].get(module.name, {}).get("singular", module.describe["label"]))
    )
