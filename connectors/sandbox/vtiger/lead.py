"""Lead conversion of the simulated Vtiger (vtiger-facts D17)."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import Crm, User, WsError, modules
from connectors.sandbox.vtiger.write import element_of, insert

JSON = Any
_FROM_LEAD = {
    "Accounts": {
        "accountname": "company", "phone": "phone", "fax": "fax", "email1": "email", "website": "website", "industry": "industry",
        "annual_revenue": "annualrevenue", "employees": "noofemployees", "bill_street": "lane", "bill_city": "city",
        "bill_code": "code", "bill_state": "state", "bill_country": "country", "description": "description",
    },
    "Contacts": {
        "firstname": "firstname", "lastname": "lastname", "email": "email", "phone": "phone", "mobile": "mobile", "fax": "fax",
        "title": "designation", "leadsource": "leadsource", "mailingstreet": "lane", "mailingcity": "city",
        "mailingzip": "code", "mailingstate": "state", "mailingcountry": "country", "description": "description",
    },
    "Potentials": {"potentialname": "company", "leadsource": "leadsource", "description": "description"},
}  # fmt: skip


def convertlead(crm: Crm, user: User, params: dict[str, str]) -> JSON:
    """Make the wanted Accounts, Contacts and Potentials of a lead and take it out of all queries.

    Returns {"Accounts": id, …}. Raises LEAD_ALREADY_CONVERTED.
    """
    element = element_of(params)
    _, lead, _ = crm.locate(str(element.get("leadId", "")), user)
    if lead.hidden.get("converted"):
        raise WsError("LEAD_ALREADY_CONVERTED", "Lead is already converted")
    made: dict[str, str] = {}
    entities: dict[str, JSON] = element.get("entities") or {}
    for name in ("Accounts", "Contacts", "Potentials"):
        if entities.get(name, {}).get("create"):
            made[name] = _make(crm, user, lead, name, entities[name], element.get("assignedTo"), made)
    lead.hidden["converted"] = True
    lead.values["modifiedtime"] = crm.clock.text()
    crm.store.save([lead])
    return made


def _make(
    crm: Crm, user: User, lead: Row, name: str, wanted: dict[str, JSON], owner: JSON, made: dict[str, str]
) -> str:
    values: dict[str, JSON] = {mine: lead.values[theirs] for mine, theirs in _FROM_LEAD[name].items()}
    values.update({k: v for k, v in wanted.items() if k not in ("create", "name")})
    values.update(assigned_user_id=owner or lead.values["assigned_user_id"], isconvertedfromlead="1")
    if name == "Contacts" and "Accounts" in made:
        values["account_id"] = made["Accounts"]
    if name == "Potentials":
        values.update(related_to=made.get("Accounts", ""), contact_id=made.get("Contacts", ""))
    module = modules()[name]
    return f"{module.prefix}x{insert(crm, user, module, values).id}"
