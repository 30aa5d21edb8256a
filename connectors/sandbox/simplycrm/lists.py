"""The simulated mobile API's lists: pages of a module, filters, queries and what changed since a token (vtiger-facts G5, G11, G12)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from connectors.sandbox.simplycrm.about import filter_of
from connectors.sandbox.simplycrm.calls import Call
from connectors.sandbox.simplycrm.shapes import grouped, hidden, linked, name_of
from connectors.sandbox.store import Row
from connectors.sandbox.vtiger import query as vtql
from connectors.sandbox.vtiger.crm import DENIED, Crm, Module, PhpFatal, WsError, int_cast, modules
from connectors.sandbox.wire import collate

JSON = Any
LIST_PAGE, SYNC_PAGE = 20, 99
_HEADERS = {
    "Contacts": ("firstname", "lastname", "phone", "email"),
    "Leads": ("firstname", "lastname", "phone", "email"),
    "Accounts": ("accountname", "phone", "website", "email1"),
    "Potentials": ("potentialname", "related_to", "amount", "sales_stage"),
    "HelpDesk": ("ticket_no", "ticket_title", "ticketstatus", "ticketpriorities"),
}
# What the list calls a record's own number besides "id".
_KEYS = {"Calendar": "activityid", "HelpDesk": "ticketid", "Documents": "notesid"}


def list_module_records(call: Call) -> JSON:
    """20 rows a page counted from 1 (0 is 1 too), newest change first, with bare numbers as ids; `limit` counts for nothing.

    "records" is null past the end. Dies for an unknown module and for a page that is no number.
    """
    module = modules().get(call.text("module"))
    if module is None:
        raise PhpFatal
    page = max(1, call.number("page"))
    rows = _ordered(call, [r for r in _listed(call, module) if _is_meant(call, module, r)])
    first = (page - 1) * LIST_PAGE
    shown = rows[max(0, first - call.overlap) : first + LIST_PAGE]
    off = hidden(call.crm, module)
    names = [n for n in _HEADERS.get(module.name, module.label_fields) if n not in off]
    chosen = filter_of(call.text("filterid"))
    return {
        "records": [_listed_row(module, row, names) for row in shown] or None,
        "headers": [_header(module, name) for name in names],
        "selectedFilter": call.text("filterid") if chosen else str(int(module.prefix) * 10),
        "nameFields": list(module.label_fields),
        "moreRecords": len(rows) > first + LIST_PAGE,
        "orderBy": call.text("orderBy") or False,
        "sortOrder": call.text("sortOrder") or False,
        "page": call.text("page") or "1",
    }


def filter_details_with_count(call: Call) -> JSON:
    """{"filter": {…, "count"}}, null for an unknown filter. With the switch `filter_count_dies` as on PHP 8 (vtiger-facts G14)."""
    found = filter_of(call.text("filterid"))
    if found is None:
        return {"filter": None}
    if call.crm.switches["filter_count_dies"]:
        raise PhpFatal
    module, kind = found
    rows = [r for r in _listed(call, module) if kind == "All" or r.values.get("assigned_user_id") == call.user.ws_id]
    name = "All" if kind == "All" else f"My {module.describe['label']}"
    about = {"cvid": call.text("filterid"), "viewname": name, "setdefault": str(int(kind == "All")), "setmetrics": "0"}
    return {"filter": {**about, "moduleName": module.name, "status": "0", "userName": "admin", "count": len(rows)}}


def _listed(call: Call, module: Module) -> list[Row]:
    """Return the rows of a list; the calendar's hold its events too, and its tasks without a type (D16)."""
    if module.name == "Calendar":
        tasks = [r for r in call.crm.store.table("Calendar").living() if call.crm.may_read(call.user, r)]
        return [*tasks, *call.crm.visible(modules()["Events"], call.user)]
    return list(call.crm.visible(module, call.user))


def _ordered(call: Call, rows: list[Row]) -> list[Row]:
    """Return the rows as asked for; an order needs both of its parameters (vtiger-facts G5)."""
    order, direction = call.text("orderBy"), call.text("sortOrder").upper()
    if order and direction:
        rows.sort(key=lambda r: r.id)
        return sorted(rows, key=lambda r: collate(str(r.values.get(order, ""))), reverse=direction == "DESC")
    return sorted(sorted(rows, key=lambda r: r.id), key=lambda r: str(r.values.get("modifiedtime", "")), reverse=True)


def _is_meant(call: Call, module: Module, row: Row) -> bool:
    """Say whether the row is in the chosen filter and matches the search; stock servers ignore searches (facts §2)."""
    chosen = filter_of(call.text("filterid"))
    if chosen and chosen[1] == "Mine" and row.values.get("assigned_user_id") != call.user.ws_id:
        return False
    if call.crm.switches["search_ignored"]:
        return True
    wanted = collate(call.text("searchText"))
    if wanted and not any(wanted in collate(str(v)) for v in row.values.values()):
        return False
    return _matches_field(call.text("searchField"), row)


def _matches_field(asked: str, row: Row) -> bool:
    """Test ["email", "c", "text"]; what is no such list of a known field counts for nothing."""
    try:
        name, sign, text = json.loads(asked)
    except (ValueError, TypeError):
        return True
    if name not in row.values:
        return True
    held, text = collate(str(row.values[name])), collate(str(text))
    tests = {"c": text in held, "k": text not in held, "e": held == text, "n": held != text}
    return tests.get(sign, held.startswith(text) if sign == "s" else held.endswith(text) if sign == "ew" else True)


def _listed_row(module: Module, row: Row, names: list[str]) -> dict[str, JSON]:
    shown: dict[str, JSON] = {"id": row.id}
    for name in names:
        value = row.values.get(name, "")
        reference = name in module.fields and module.fields[name].type in ("reference", "owner")
        shown[name] = value.partition("x")[2] if reference else value
    key = _KEYS.get(module.name, f"{module.name.lower().removesuffix('s')}id")
    shown |= {key: str(row.id), "starred": row.values.get("starred", "0") or "0"}
    if module.name == "Calendar":
        owner = row.values["assigned_user_id"]
        shown |= {"visibility": row.values["visibility"], "smownerid": owner.partition("x")[2] or owner}
    return shown


def _header(module: Module, name: str) -> dict[str, str]:
    label = next(f["label"] for f in module.describe["fields"] if f["name"] == name)
    return {"name": name, "label": label, "fieldType": module.fields[name].type}


def sync_module_records(call: Call) -> JSON:
    """What changed after the token, newest first, 99 records a page counted from 0; a token is seconds and belongs to its page.

    Deleted ones come with a token and on page 0 only. Dies for a token that is no number; one in milliseconds brings everything.
    """
    since, page = call.number("syncToken"), call.number("page")
    rows = _changed(call, since)
    living, first = [r for r in rows if not _is_gone(r)], page * SYNC_PAGE
    shown = living[max(0, first - call.overlap) : first + SYNC_PAGE]
    gone = [r for r in rows if _is_gone(r)] if since and page == 0 else []
    custom = bool(call.crm.switches["sync_custom_fields"])
    return {
        "sync": {
            "nextSyncToken": _token(call, since, [*shown, *gone]),
            "deleted": [f"{modules()[r.module].prefix}x{r.id}" for r in gone],
            "updated": [grouped(call.crm, modules()[r.module], r, custom=custom, named=True) for r in shown],
            "nextPage": page + 1 if len(living) > first + SYNC_PAGE else 0,
        }
    }


def _changed(call: Call, since: int) -> list[Row]:
    """Return what changed after `since`, newest first, deleted ones too; one's own only unless the mode is PUBLIC."""
    name, after = call.text("module"), _stamp(call.crm, since) if since else ""
    module, own = call.crm.module(name, f"{DENIED} for name : {name}"), call.text("mode").upper() != "PUBLIC"
    rows = [r for r in _synced(call, module) if r.values["modifiedtime"] > after and (not own or _is_own(call, r))]
    return sorted(rows, key=lambda r: (r.values["modifiedtime"], r.id), reverse=True)


def _token(call: Call, since: int, told: list[Row]) -> JSON:
    """Return the time of the last change told, as a number; the sent token as it was sent where nothing is later."""
    last = max((_seconds(call.crm, r.values["modifiedtime"]) for r in told), default=0)
    return call.text("syncToken") if last < since else last or int(call.crm.clock.seconds())


def _synced(call: Call, module: Module) -> list[Row]:
    tables = ("Calendar", "Events") if module.name == "Calendar" else (module.name,)
    rows = [r for name in tables for r in call.crm.store.table(name).rows.values()]
    return [r for r in rows if "modifiedtime" in r.values and call.crm.may_read(call.user, r)]


def _is_own(call: Call, row: Row) -> bool:
    return bool(row.values.get("assigned_user_id") == call.user.ws_id)


def _is_gone(row: Row) -> bool:
    return row.deleted or bool(row.hidden.get("converted"))


def _stamp(crm: Crm, seconds: int) -> str:
    """Return the time of a token as records hold it, "" for one that is beyond all years."""
    try:
        text = crm.clock.text(seconds)
    except (ValueError, OverflowError, OSError):
        return ""
    return text if len(text) == 19 else ""


def _seconds(crm: Crm, text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=crm.clock.zone).timestamp())


def query(call: Call) -> JSON:
    """{"records", "nextPage"}: references as {"value", "label"}, those not asked for with null (facts §2)."""
    module, rows, following = _queried(call)
    links = [f.name for f in module.fields.values() if f.type in ("reference", "owner")]
    off = hidden(call.crm, module)
    for row in rows:
        for name in links:
            row[name] = linked(call.crm, row[name]) if name in row else {"value": None, "label": ""}
    return {"records": [{k: v for k, v in row.items() if k not in off} for row in rows], "nextPage": following}


def query_with_grouping(call: Call) -> JSON:
    """The same with each record in blocks."""
    module, rows, following = _queried(call)
    table = call.crm.store.table(module.name).rows
    found = [table[int_cast(row["id"].partition("x")[2])] for row in rows]
    return {"records": [grouped(call.crm, module, row, named=True) for row in found], "nextPage": following}


def _queried(call: Call) -> tuple[Module, list[dict[str, JSON]], int]:
    """Return module, rows and the next page, 0 where there is none. `;` may be missing; a LIMIT of its own ends the paging.

    The first page has 99 rows and a later one a hundred for each before it, which overlap: the next page's number is the only
    thing to go by (facts §2).
    """
    text, page = call.text("query").strip().removesuffix(";").strip(), call.number("page")
    if re.search(r"\slimit\s", text, re.IGNORECASE) or not re.match(r"select\s", text, re.IGNORECASE):
        rows, following = _asked(call, text, call.overlap), 0
    else:
        first, count = page * SYNC_PAGE, max(SYNC_PAGE, 100 * page)
        rows = []
        for at in range(0, count + 1, 100):
            limit = f"LIMIT {first + at},{min(100, count + 1 - at)}"
            rows += _asked(call, f"{text} {limit}", 0 if at else call.overlap)
        following = page + 1 if len(rows) > count else 0
        rows = rows[: count + call.overlap]
    name = re.search(r"\sfrom\s+([^\s;]+)", text, re.IGNORECASE)
    return call.crm.module(name[1] if name else ""), rows, following


def _asked(call: Call, text: str, overlap: int) -> list[dict[str, JSON]]:
    rows: list[dict[str, JSON]] = json.loads(vtql.run(call.crm, call.user, f"{text};", overlap))
    return rows


def fetch_reference_records(call: Call) -> JSON:
    """[{"label", "value"}] of the module's records whose name holds `searchValue`."""
    module = modules().get(call.text("module"))
    if module is None:
        raise WsError("ACCESS_DENIED")
    wanted = collate(call.text("searchValue"))
    rows = [r for r in call.crm.visible(module, call.user) if wanted in collate(name_of(module, r))]
    return [{"label": name_of(module, r), "value": f"{module.prefix}x{r.id}"} for r in rows]
