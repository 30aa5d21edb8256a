"""The simulated mobile API's reading of single records, of related ones and of alerts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from connectors.sandbox.simplycrm.calls import Call, MobileError
from connectors.sandbox.simplycrm.shapes import flat, grouped, template
from connectors.sandbox.store import Row
from connectors.sandbox.vtiger import read
from connectors.sandbox.vtiger.crm import Module, WsError, by_prefix, int_cast, modules

JSON = Any
DAY = 86_400
RELATED_PAGE = 99


def fetch_record(call: Call) -> JSON:
    """{"record": {field: value}}; missing and deleted ones are ACCESS_DENIED (vtiger-facts D1, G6)."""
    module, row, _ = call.crm.locate(call.text("record"), call.user)
    return {"record": flat(call.crm, module, row)}


def fetch_record_with_grouping(call: Call) -> JSON:
    """{"record": {"blocks", "id"}}; the id "4x0" gives an empty record with the fields' types (facts §2)."""
    prefix, x, number = call.text("record").partition("x")
    module = by_prefix().get(int_cast(prefix))
    if module is not None and x and number == "0":
        return {"record": template(call.crm, module, call.user.ws_id)}
    module, row, _ = call.crm.locate(call.text("record"), call.user)
    return {"record": grouped(call.crm, module, row)}


def fetch_records_with_grouping(call: Call) -> JSON:
    """{"records": […]} of a JSON list of ids, those that are not there left out, or of an alert's records.

    Raises 1501 without `module`, which the vendor's document does not name (facts §2).
    """
    if call.text("alertid"):
        found = [(m, r) for m, r in _alerted(call, call.text("alertid"))]
        return {"records": [grouped(call.crm, m, r) for m, r in found]}
    if not call.text("module"):
        raise MobileError(1501, "Module not specified.")
    call.crm.module(call.text("module"))
    try:
        ids = json.loads(call.text("ids"))
    except ValueError:
        ids = []
    found = []
    for ws_id in ids if isinstance(ids, list) else []:
        try:
            module, row, _ = call.crm.locate(str(ws_id), call.user)
        except WsError:
            continue
        found.append((module, row))
    return {"records": [grouped(call.crm, m, r) for m, r in found]}


def related_records_with_grouping(call: Call) -> JSON:
    """{"records", "nextPage"}, the page counted from 0.

    Raises 1001 without a record, an error that is null for a module that is none, 0 where nothing is related (vtiger-facts G14).
    """
    if not call.text("record"):
        raise MobileError(1001, "Record id is empty")
    module, _, _ = call.crm.locate(call.text("record"), call.user)
    relations = read.relatedtypes(call.crm, call.user, {"elementType": module.name})["information"]
    name = call.text("relatedmodule")
    label = next((label for label, about in relations.items() if about["name"] == name), None)
    if label is None or name not in modules():
        raise MobileError(None)
    asked = {"id": call.text("record"), "relatedType": name, "relatedLabel": label}
    rows = read.related_rows(call.crm, call.user, asked)
    if not rows:
        raise MobileError(0, "Unexpected input at line1: '")
    page, related = call.number("page"), modules()[name]
    shown = rows[page * RELATED_PAGE : (page + 1) * RELATED_PAGE]
    table = call.crm.store.table(name).rows
    records = [grouped(call.crm, related, table[int_cast(r["id"].partition("x")[2])], named=True) for r in shown]
    return {"records": records, "nextPage": page + 1 if len(rows) > (page + 1) * RELATED_PAGE else 0}


_ALERTS: tuple[tuple[str, str, str, int, str], ...] = (
    ("1", "Idle Ticket Alert", "HelpDesk", 3600, "Alert sent when ticket has not been updated in 24 hours"),
    ("2", "New Ticket Alert", "HelpDesk", 3600, "Alert sent when a ticket is assigned to you"),
    ("3", "Pending Ticket Alert", "HelpDesk", DAY, "Alert sent when ticket assigned is not yet closed"),
    (
        "4",
        "Upcoming Opportunity",
        "Potentials",
        DAY,
        "Alert sent when Potential Close Date is due before 5 days or less",
    ),
    ("5", "Your events for the day", "Events", DAY, "Alert sent when events are scheduled for the day"),
    ("6", "My Project Task", "ProjectTask", DAY, "Project Task Assigned To Me"),
    ("7", "My Projects", "Project", DAY, "Projects Related To Me"),
)


def fetch_all_alerts(call: Call) -> JSON:
    """{"alerts": [{"alertid", "name", "category", "refreshRate" in seconds, "description", "recordsLinked"}]}."""
    return {"alerts": [_alert(*alert) for alert in _ALERTS]}


def alert_details_with_message(call: Call) -> JSON:
    """{"alert": the same and "message", how many records it is about, as text}. Raises 1401 for an unknown one."""
    count = len(list(_alerted(call, call.text("alertid"))))
    alert = next(a for a in _ALERTS if a[0] == call.text("alertid"))
    return {"alert": {**_alert(*alert), "message": str(count)}}


def _alert(number: str, name: str, module: str, seconds: int, description: str) -> dict[str, JSON]:
    category = "Calendar" if module == "Events" else module
    about = {"alertid": number, "name": name, "category": category, "refreshRate": seconds}
    return {**about, "description": description, "recordsLinked": True}


def _alerted(call: Call, number: str) -> Iterator[tuple[Module, Row]]:
    name = next((alert[2] for alert in _ALERTS if alert[0] == number), None)
    if name is None:
        raise MobileError(1401, "Alert not found")
    module, meant = modules()[name], _meant(call)[number]
    return ((module, row) for row in call.crm.visible(module, call.user) if meant(row.values))


def _meant(call: Call) -> dict[str, Callable[[dict[str, JSON]], bool]]:
    """Return what each alert looks for."""
    now, own = call.crm.clock.seconds(), call.user.ws_id
    today, soon = call.crm.clock.text()[:10], call.crm.clock.text(now + timedelta(days=5).total_seconds())[:10]
    yesterday = call.crm.clock.text(now - DAY)

    def is_open(v: dict[str, JSON]) -> bool:
        return bool(v["ticketstatus"] != "Closed")

    return {
        "1": lambda v: is_open(v) and v["modifiedtime"] < yesterday,
        "2": lambda v: v["ticketstatus"] == "Open" and v["assigned_user_id"] == own,
        "3": lambda v: is_open(v) and v["assigned_user_id"] == own,
        "4": lambda v: today <= v["closingdate"] <= soon,
        "5": lambda v: v["date_start"] == today,
        "6": lambda v: v["assigned_user_id"] == own,
        "7": lambda v: v["assigned_user_id"] == own,
    }
