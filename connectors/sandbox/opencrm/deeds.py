"""What the simulated OpenCRM does besides reading and editing: reports, links between records, campaigns (document, "Reporting
Functions", "Record Linking", "Campaigns")."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.sandbox.opencrm.crm import Crm
from connectors.sandbox.opencrm.errors import CrmError
from connectors.sandbox.opencrm.schema import MODULES
from connectors.sandbox.store import Row

JSON = Any
Params = dict[str, JSON]
REPORT, CUSTOM_REPORT = "12", "7"  # the ids of the one standard and the one custom report


def report(crm: Crm, params: Params) -> list[JSON]:
    """Return a report's rows: {"id", "crmid", "Module_fieldname"…}. Raises CrmError."""
    number, custom = str(params.get("reportid") or ""), str(params.get("isCustomReport") or "").lower() in ("true", "1")
    if not number:
        raise CrmError("reportid is required")
    if number != (CUSTOM_REPORT if custom else REPORT):
        raise CrmError("Report not found")
    return _contacts_per_company(crm) if custom else _contacts(crm)


def _contacts(crm: Crm) -> list[JSON]:
    firms = {str(r.id): r.values["accountname"] for r in crm.store.table("company").living()}
    return [
        {
            "id": row.id,
            "crmid": row.id,
            "Contacts_First Name": row.values["firstname"],
            "Contacts_Last Name": row.values["lastname"],
            "Companies_Company Name": firms.get(row.values["accountid"] or "", ""),
        }
        for row in crm.store.table("contact").living()
    ]


def _contacts_per_company(crm: Crm) -> list[JSON]:
    counts = Counter(r.values["accountid"] for r in crm.store.table("contact").living())
    return [
        {"id": row.id, "crmid": row.id, "Companies_accountname": row.values["accountname"], "Contacts_count": str(n)}
        for row in crm.store.table("company").living()
        if (n := counts[str(row.id)])
    ]


def link(crm: Crm, params: Params) -> int:
    """Link child_id to parent_id and return the parent's id. Raises CrmError."""
    ids = [_record(crm, name, params) for name in ("parent_id", "child_id")]
    _keep(crm, "record_links", parent_id=str(ids[0]), child_id=str(ids[1]))
    return ids[0]


def add_to_campaign(crm: Crm, params: Params) -> str:
    """Make a record a member of a campaign; return "Success" or a sentence why not."""
    campaign = crm.row(MODULES["campaign"], params.get("campaignid"))
    if campaign is None:
        return "Campaign not found"
    try:
        record = _record(crm, "recordid", params)
    except CrmError as e:
        return e.message
    more = {name: str(params.get(name) or "") for name in ("relationship", "status", "probability")}
    _keep(crm, "campaign_members", campaignid=str(campaign.id), recordid=str(record), **more)
    return "Success"


def _record(crm: Crm, name: str, params: Params) -> int:
    for module in MODULES.values():
        if module.name != "user" and (row := crm.row(module, params.get(name))):
            return row.id
    raise CrmError(f"{name} is not a record")


def _keep(crm: Crm, table: str, **values: str) -> None:
    crm.store.save([Row(table, crm.next_id(table), dict(values))])
