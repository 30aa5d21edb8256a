"""The simulated Vtiger's writing operations: create, update, revise, delete, and what they silently change besides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import (
    DENIED,
    Crm,
    Module,
    PhpFatal,
    RestrictedFile,
    User,
    WsError,
    by_prefix,
    html_encode,
    int_cast,
    modules,
)
from connectors.sandbox.vtiger.inventory import add_lines, is_inventory, number_totals, replace_lines
from connectors.sandbox.vtiger.values import empty_values, stored
from connectors.sandbox.wire import collate

JSON = Any
Params = dict[str, str]
_SET_BY_SERVER = frozenset({"id", "modifiedby", "createdtime", "modifiedtime", "source"})
_DEFAULTS = {
    "Events": {"duration_minutes": "0"},
    "Invoice": {"conversion_rate": "1.000"},
    "Quotes": {"conversion_rate": "1.000"},
}


def create(crm: Crm, user: User, params: Params) -> JSON:
    """Return the stored record. Raises RestrictedFile for an owner that does not exist, after the record was stored (A3)."""
    module = crm.module(params.get("elementType", ""))
    element = element_of(params)
    _check(crm, user, module, element, module.fields)
    if not module.is_entity or module.name == "Users":
        raise WsError("ACCESS_DENIED")
    row = insert(crm, user, module, element)
    if "file:filename" in params and module.name == "Documents":
        _attach(crm, row, json.loads(params["file:filename"]))
    if "x" not in row.values["assigned_user_id"]:
        raise RestrictedFile
    answer = crm.full(module, row)
    return number_totals(answer) if is_inventory(module) else answer


def insert(crm: Crm, user: User, module: Module, element: dict[str, JSON]) -> Row:
    """Store a new record and what follows from it; nothing is checked."""
    values = {**empty_values(module), **_DEFAULTS.get(module.name, {})}
    row = Row(module.name, crm.next_id(module), values)
    values.update(source="WEBSERVICE", createdtime=crm.clock.text(), assigned_user_id=user.ws_id)
    if module.number_field:
        values[module.number_field] = crm.number(module)
    _apply(crm, user, module, row, element)
    if module.name == "ModComments":
        values["creator"] = user.ws_id
        _bump(crm, values["related_to"])  # D13
    if is_inventory(module):
        add_lines(crm, module, row, element.get("LineItems"))
    crm.store.save([row])
    return row


def update(crm: Crm, user: User, params: Params) -> JSON:
    """A merge that demands all mandatory fields and re-encodes a description it was not sent (D3, D4)."""
    element = element_of(params)
    module, row, ws_id = crm.locate(str(element.get("id", "")), user)
    _check(crm, user, module, element, module.fields, row)
    if "LineItems" in element:
        raise PhpFatal  # D20
    _apply(crm, user, module, row, element)
    answer = crm.full(module, row, ws_id)
    if "description" in module.fields and "description" not in element:
        row.values["description"] = html_encode(row.values["description"])
    crm.store.save([row])
    return answer


def revise(crm: Crm, user: User, params: Params) -> JSON:
    """A merge of exactly the fields sent."""
    element = element_of(params)
    module, row, ws_id = crm.locate(str(element.get("id", "")), user)
    _check(crm, user, module, element, element, row)
    _apply(crm, user, module, row, element)
    if is_inventory(module) and element.get("LineItems"):  # an empty list changes nothing
        replace_lines(crm, module, row, element["LineItems"])
    crm.store.save([row])
    return crm.full(module, row, ws_id)


def delete(crm: Crm, user: User, params: Params) -> JSON:
    """To the recycle bin; references to it are blanked without touching their records' modifiedtime (D11, D12)."""
    module, row, _ = crm.locate(params.get("id", ""), user)
    if not module.is_entity or module.name == "Users":
        raise WsError("ACCESS_DENIED")
    bury(crm, module, row)
    return {"status": "successful"}


def bury(crm: Crm, module: Module, row: Row) -> None:
    """Delete the row and blank every reference to it, without a new time of change there (D11, D12)."""
    row.deleted = True
    if "modifiedtime" in module.fields:
        row.values["modifiedtime"] = crm.clock.text()
    gone, changed = f"{module.prefix}x{row.id}", [row]
    for other in modules().values():
        fields = [n for n, f in other.fields.items() if f.type == "reference" and module.name in f.refers_to]
        for held in crm.store.table(other.name).rows.values() if fields else ():
            if blank := [n for n in fields if held.values.get(n) == gone]:
                held.values.update(dict.fromkeys(blank, ""))
                changed.append(held)
    crm.store.save(changed)


def element_of(params: Params) -> dict[str, JSON]:
    """Return the sent map; what does not parse reads as an empty one, a lone scalar kills PHP (A11)."""
    try:
        element = json.loads(params.get("element", ""))
    except ValueError:
        return {}
    if isinstance(element, str | int | float):
        raise PhpFatal
    return element if isinstance(element, dict) else {}


def _check(
    crm: Crm, user: User, module: Module, element: dict[str, JSON], demanded: Mapping[str, JSON], row: Row | None = None
) -> None:
    """Raise for the first wrong reference, then the first mandatory field of `demanded` without a value (D9), then a duplicate."""
    for name, field in module.fields.items():
        value = element.get(name)
        if field.type == "reference" and value not in (None, "") and name not in _SET_BY_SERVER:
            _check_reference(name, str(value), field.refers_to)
    for name, field in module.fields.items():
        if field.mandatory and name in demanded and element.get(name) in (None, ""):
            raise WsError("MANDATORY_FIELDS_MISSING", f"{name} does not have a value")
    _check_unique(crm, module, {**(row.values if row else {}), **element}, row)


def _check_reference(name: str, value: str, refers_to: Iterable[str]) -> None:
    target = by_prefix().get(int_cast(value.partition("x")[0]))
    if target is None:
        raise WsError("ACCESS_DENIED", DENIED + " for id")
    if target.name not in refers_to:
        raise WsError("REFERENCE_INVALID", f"Invalid reference specified for {name}")


def _check_unique(crm: Crm, module: Module, values: dict[str, JSON], row: Row | None) -> None:
    """All fields of the switch `unique` together may not repeat (D14)."""
    fields = crm.switches["unique"].get(module.name, [])
    wanted = [collate(str(values.get(f) or "")) for f in fields]
    for other in crm.store.table(module.name).living() if any(wanted) else ():
        if other is not row and [collate(other.values[f]) for f in fields] == wanted:
            raise WsError(0, "Duplicate(s) detected!")


def _apply(crm: Crm, user: User, module: Module, row: Row, element: dict[str, JSON]) -> None:
    """Write the known, editable fields of the element into the row; everything else is ignored (D6)."""
    for name, field in module.fields.items():
        if name not in element or not field.editable or name in _SET_BY_SERVER:
            continue
        if element[name] in ("", None) and row.values[name] == "":
            continue  # what was never set stays NULL, also a number
        if field.type == "reference":
            row.values[name] = _reference(crm, str(element[name] or ""))
        elif field.type == "owner":
            row.values[name] = _owner(crm, user, str(element[name]))
        else:
            row.values[name] = stored(field, element[name])
    row.hidden["label"] = label(module, {**row.values, **{k: v for k, v in element.items() if v is not None}})
    row.values.update(
        modifiedtime=crm.clock.text(), **({"modifiedby": user.ws_id} if "modifiedby" in module.fields else {})
    )


def label(module: Module, values: Mapping[str, JSON]) -> str:
    """Return the record's name, not yet encoded; what PHP calls empty ("", "0") keeps its blanks."""
    text = " ".join(str(values.get(f, "")) for f in module.label_fields)
    text = "".join("????" if c > "\uffff" else c for c in text)
    return (text.strip() if text.strip() not in ("", "0") else text)[:255]


def _attach(crm: Crm, row: Row, file: dict[str, JSON]) -> None:
    """Keep an uploaded file; its own id, `imageattachmentids`, is what files_retrieve takes (D19)."""
    documents = modules()["Documents"]
    number = str(crm.next_id(documents))
    row.values.update(filename=file["filename"], filetype=file["filetype"], filesize=str(file["filesize"]))
    row.hidden["file"] = {"fileid": number, **file}
    row.hidden["extra"] = {"imageattachmentids": f"{documents.prefix}x{number}"}
    crm.store.save([row])


def _reference(crm: Crm, value: str) -> str:
    """Return the reference, "" for one to nothing (E8)."""
    prefix, _, number = value.partition("x")
    target = by_prefix().get(int_cast(prefix))
    row = crm.store.table(target.name).rows.get(int_cast(number)) if target else None
    return f"{target.prefix}x{row.id}" if target and row and not row.deleted else ""


def _owner(crm: Crm, user: User, value: str) -> str:
    """Return the owner; a bare number or name becomes a user, an unknown id a bare number (D7, E8)."""
    prefix, x, number = value.partition("x")
    if x and prefix.isdigit():
        return _reference(crm, value) or str(int_cast(number))
    known = int_cast(value) in crm.store.table("Users").rows
    return f"19x{int_cast(value)}" if known else user.ws_id


def _bump(crm: Crm, ws_id: str) -> None:
    row = crm.find(int_cast(ws_id.partition("x")[2]))
    if row:
        row.values["modifiedtime"] = crm.clock.text()
        crm.store.save([row])
