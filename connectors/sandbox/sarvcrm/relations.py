"""Relationships of the simulated SarvCRM: by a lookup of the other module where it has one, else by links of their own."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.reading import fields_of, matching, page, text_of
from connectors.sandbox.sarvcrm.schema import Module
from connectors.sandbox.store import Row

JSON = Any
LINKS = "links"  # the table of links: a row joins two records, whichever of them it was saved from


def related(crm: Crm, module: Module, row: Row, name: str, asked: dict[str, JSON], overlap: int) -> list[JSON]:
    """Return a page of the records on the other side, with what their links carry. Raises SqlError, SarvError 400/31."""
    target = _target(crm, module, name)
    carried = {**dict.fromkeys(crm.switches["also_related"], {}), **_carried(crm, module, row, target)}
    others = [found for other in carried if (found := crm.find(target.name, other)) is not None]
    rows = matching(crm, target, others, text_of(asked.get("query")), text_of(asked.get("order_by")), natural=True)
    wanted = fields_of(crm, asked)
    return [crm.show(target, r, wanted) | carried[str(r.values["id"])] for r in page(crm, rows, asked, overlap)]


def relate(crm: Crm, module: Module, row: Row, sent: dict[str, JSON]) -> None:
    """Join the record with others, given by id or as {"id", more…}. Raises SarvError 400/14, 15, 22, 31."""
    name, records = sent.get("field_name"), sent.get("related_records")
    if not name or records is None:
        raise SarvError("400/14")
    target = _target(crm, module, str(name))
    if not isinstance(records, list):
        raise SarvError("400/15")
    wanted = dict(_wanted(record) for record in records)
    others = [crm.row(target, other) for other in wanted]
    lookup = _lookup(module, target)
    if crm.switches["relations_replace"]:
        _part(crm, module, row, target, lookup)
    for other in others:
        if lookup:
            other.values[lookup] = row.values["id"]
            crm.save(other)
        else:
            _link(crm, module, row, target, other, wanted[str(other.values["id"])])


def _wanted(record: JSON) -> tuple[str, dict[str, JSON]]:
    """Return the id and what the link carries."""
    if isinstance(record, str):
        return record, {}
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise SarvError("400/15")
    return record["id"], {name: value for name, value in record.items() if name != "id"}


def _target(crm: Crm, module: Module, name: str) -> Module:
    if not module.relations:
        raise SarvError("400/30")
    if name not in module.relations:
        raise SarvError("400/31")
    return crm.module(module.relations[name])


def _lookup(module: Module, target: Module) -> str:
    """Return the field of `target` that points to `module`; "" where links of their own join the two."""
    if any(goal == module.name for goal in target.relations.values()) and module.name != target.name:
        return ""
    pointing = (f.name for f in target.fields.values() if f.target == module.name and f.type == "id")
    return next((name for name in pointing if module.name != "Users"), "")


def _links(crm: Crm, module: Module, row: Row, target: Module) -> list[tuple[Row, str]]:
    """Return the links between the record and any of `target`, each with the other's id."""
    own, found = [module.name, row.values["id"]], []
    for link in crm.store.table(LINKS).living():
        one, other = link.values["one"], link.values["other"]
        if one == own and other[0] == target.name:
            found.append((link, other[1]))
        elif other == own and one[0] == target.name:
            found.append((link, one[1]))
    return found


def _carried(crm: Crm, module: Module, row: Row, target: Module) -> dict[str, dict[str, JSON]]:
    """Return the ids on the other side, each with what its link carries."""
    lookup = _lookup(module, target)
    if lookup:
        rows = crm.living(target)
        return {str(r.values["id"]): {} for r in rows if r.values.get(lookup) == row.values["id"]}
    return {other: link.values["more"] for link, other in _links(crm, module, row, target)}


def _link(crm: Crm, module: Module, row: Row, target: Module, other: Row, more: dict[str, JSON]) -> None:
    known = {i: link for link, i in _links(crm, module, row, target)}.get(str(other.values["id"]))
    number = known.id if known else crm.store.notes.get("next", 1)
    if known is None:
        crm.store.note("next", number + 1)
    ends = {"one": [module.name, row.values["id"]], "other": [target.name, other.values["id"]]}
    before = known.values["more"] if known else {}
    crm.store.save([Row(LINKS, number, {**ends, "more": {**before, **more}})])


def _part(crm: Crm, module: Module, row: Row, target: Module, lookup: str) -> None:
    for other in crm.living(target) if lookup else ():
        if other.values.get(lookup) == row.values["id"]:
            other.values[lookup] = None
            crm.save(other)
    for link, _ in _links(crm, module, row, target) if not lookup else ():
        link.deleted = True
        crm.store.save([link])
