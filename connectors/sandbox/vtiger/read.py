"""The simulated Vtiger's reading operations: listtypes, describe, retrieve, related records, files and sync."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import DENIED, PAGE, Crm, Module, PhpFatal, User, WsError, data, listed, modules

JSON = Any
Params = dict[str, str]


def listtypes(crm: Crm, user: User, params: Params) -> JSON:
    """fieldTypeList (a JSON list) keeps the modules that have such a field."""
    try:
        wanted = set(json.loads(params.get("fieldTypeList", ""))) or None
    except (ValueError, TypeError):
        wanted = None
    names = [
        name
        for name in listed()
        if wanted is None or (modules()[name].is_entity and name != "Users" and _has_field(modules()[name], wanted))
    ]
    return {"types": names, "information": {name: listed()[name] for name in names}}


def _has_field(module: Module, types: set[str]) -> bool:
    return any(f.type in types for f in module.fields.values())


def describe(crm: Crm, user: User, params: Params) -> JSON:
    """The recorded description; fields that may not repeat are marked, and a non-admin gets them by name (E13)."""
    name = params.get("elementType", "")
    module = crm.module(name, f"{DENIED} for name : {name}")
    unique = crm.switches["unique"].get(name, [])
    described = {
        **module.describe,
        "fields": [{**f, **({"isunique": True} if f["name"] in unique else {})} for f in module.describe["fields"]],
    }
    if not user.is_admin:
        described["fields"].sort(key=lambda f: f["name"])
    return described


def retrieve(crm: Crm, user: User, params: Params) -> JSON:
    """One record with all its fields, by an id that is read as loosely as D2 says."""
    module, row, ws_id = crm.locate(params.get("id", ""), user)
    values = crm.full(module, row, ws_id)
    if "LineItems" in values and "balance" in values:  # D20: text where create answered numbers
        values["balance"] = values["hdnGrandTotal"]
    return values


def relatedtypes(crm: Crm, user: User, params: Params) -> JSON:
    """The relations of a module: the label of each, and the module it leads to."""
    name = params.get("elementType", "")
    return _relations(crm.module(name, f"{DENIED} for name : {name}"))


def _relations(module: Module) -> dict[str, JSON]:
    """Return the recorded relations of the module, else those that follow from the fields that refer to it."""
    if module.name in data()["related"]:
        recorded: dict[str, JSON] = data()["related"][module.name]
        return recorded
    types = [m.name for m in modules().values() if m.is_entity and _referring(m, module)]
    return {"types": types, "information": {t: {"name": t, "label": t, "isEntity": "1"} for t in types}}


def _referring(module: Module, target: Module) -> list[str]:
    return [n for n, f in module.fields.items() if f.type == "reference" and target.name in f.refers_to]


def _relation(module: Module, related: str, label: str) -> Module:
    known = _relations(module)["information"].get(label)
    if known is None or (related and known["name"] != related) or known["name"] not in modules():
        raise WsError("UNKOWN_ENTITY", "Relation specified is incorrect")
    return modules()[known["name"]]


def retrieve_related(crm: Crm, user: User, params: Params) -> JSON:
    """A hundred at most, as of any query (C2)."""
    return related_rows(crm, user, params)[:PAGE]


def related_rows(crm: Crm, user: User, params: Params) -> list[dict[str, JSON]]:
    """Rows that refer to the record, and those joined to it by add_related."""
    module, row, _ = crm.locate(params.get("id", ""), user)
    related = _relation(module, params.get("relatedType", ""), params.get("relatedLabel", ""))
    fields = _referring(related, module)
    own = f"{module.prefix}x{row.id}"
    joined = {pair[1] for pair in crm.store.notes.get("relations", []) if pair[0] == own}
    found = []
    for other in crm.visible(related, user):
        ws_id = f"{related.prefix}x{other.id}"
        if ws_id in joined or any(other.values[f] == own for f in fields):
            found.append({**other.values, "id": ws_id})
    return found


def add_related(crm: Crm, user: User, params: Params) -> JSON:
    """Join two records, seen from both sides. Doing it again changes nothing."""
    module, row, _ = crm.locate(params.get("sourceRecordId", ""), user)
    related, other, _ = crm.locate(params.get("relatedRecordId", ""), user)
    if _relation(module, "", params.get("relationIdLabel", "")) is not related:
        raise WsError("UNKOWN_ENTITY", "Relation specified is incorrect")
    one, two = f"{module.prefix}x{row.id}", f"{related.prefix}x{other.id}"
    pairs: list[list[str]] = crm.store.notes.get("relations", [])
    crm.store.note("relations", [*pairs, *(p for p in ([one, two], [two, one]) if p not in pairs)])
    return {"message": "successfull"}


def files_retrieve(crm: Crm, user: User, params: Params) -> JSON:
    """The id is the one of `imageattachmentids`, an attachment of a document (D19)."""
    number = params.get("id", "").partition("x")[2]
    for row in crm.store.table("Documents").living():
        kept = row.hidden.get("file")
        if kept and kept["fileid"] == number:
            return [kept]
    raise WsError("RECORD_NOT_FOUND", "Record you are trying to access is not found")


def query_related(crm: Crm, user: User, params: Params) -> JSON:
    """Every form tried on the real server failed, in these two ways (D18)."""
    if re.search(r"\slimit\s", params.get("query", ""), re.IGNORECASE):
        message = "Syntax Error on line 1: token 'WHERE' Unexpected WHERE(WHERE), expected one of: "
        raise WsError("QUERY_SYNTAX_ERROR", message)
    raise WsError("UNKOWN_ENTITY", "Relation specified is incorrect")


def sync(crm: Crm, user: User, params: Params) -> JSON:
    """Stock servers die (F1); with the switch `sync_works` this is the patched one, with every oddity of F2 to F10."""
    raw, name = params.get("modifiedTime", ""), params.get("elementType", "")
    if not crm.switches["sync_works"] or not raw.isdigit() or int(raw) == 0 or name in ("", "Emails"):
        raise PhpFatal
    module = crm.module(name)
    if not module.is_entity:
        raise WsError("ACCESS_DENIED")
    if name == "Users":
        return {"updated": [], "deleted": [], "lastModifiedTime": raw, "more": False}
    return _changes(crm, user, module, int(raw))


def _changes(crm: Crm, user: User, module: Module, since: int) -> JSON:
    try:
        after = crm.clock.text(since)
    except (ValueError, OverflowError):  # F2: milliseconds overflow and the whole history comes back
        after = ""
    after = "" if len(after) != 19 else after
    rows = [
        r for r in crm.store.table(module.name).rows.values() if r.values["modifiedtime"] > after and _own(crm, r, user)
    ]
    rows.sort(key=lambda r: (r.values["modifiedtime"], r.id))
    last = rows[PAGE - 1].values["modifiedtime"] if len(rows) > PAGE else "9"
    page = [r for r in rows if r.values["modifiedtime"] <= last]  # F4: ties included
    return {
        "updated": [{**r.values, "id": f"{module.prefix}x{r.id}"} for r in page if not _gone(r)],
        "deleted": [f"{module.prefix}x{r.id}" for r in page if _gone(r)],
        "more": len(page) < len(rows),
        "lastModifiedTime": max((_seconds(crm, r.values["modifiedtime"]) for r in page), default=since),
    }


def _own(crm: Crm, row: Row, user: User) -> bool:
    return bool(row.values["assigned_user_id"] == user.ws_id or crm.switches["sync_all_owners"])  # F3


def _gone(row: Row) -> bool:
    return row.deleted or bool(row.hidden.get("converted"))  # F6


def _seconds(crm: Crm, text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=crm.clock.zone).timestamp())
