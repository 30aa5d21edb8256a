"""The modules of OpenCRM as data: it has no call that lists them, so each is counted, and those that cannot be are hidden.
What fields they have is told in `schema`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.opencrm import fields as known
from connectors.opencrm import sales
from connectors.types import Module


@dataclass(frozen=True, slots=True)
class Kind:
    """One module. `edits` are the names its edit call goes by, the likeliest first (facts §6, 4); `has_lines`: a sales
    record with a product grid; `keys`: by what a new record is looked up, as the server compares nothing. Of the first key
    whose first field is given, the other fields must be equal too, empty ones with empty ones."""

    label: str
    singular: str
    fields: str
    named_by: tuple[str, ...]
    edits: tuple[str, ...]
    has_lines: bool = False
    keys: tuple[tuple[str, ...], ...] = ()


SOLD_TO = ("accountid", "account_id", "contactid", "contact_id")
MODULES: Mapping[str, Kind] = {
    "activity": Kind("Activities", "Activity", known.ACTIVITY, ("subject",), ("edit_activity",), keys=(("subject", "date_start", "contact_id", "parent_id"),)),
    "asset": Kind("Assets", "Asset", known.ASSET, ("assetname",), ("edit_asset",), keys=(("serialno",), ("assetname", "accountid", "account_id"))),
    "company": Kind("Companies", "Company", known.COMPANY + known.CONSENT, ("accountname",), ("edit_company",), keys=(("accountname",),)),
    "contact": Kind(
        "Contacts", "Contact", known.CONTACT + known.CONSENT, ("firstname", "lastname"), ("edit_contact",),
        keys=(("email",), ("lastname", "firstname", "accountid")),
    ),
    "contract": Kind(
        "Contracts", "Contract", known.CONTRACT, ("contractname",), ("edit_contract", "edit_contracts"),
        keys=(("contractname", "accountid", "start_date"),),
    ),
    "lead": Kind(
        "Leads", "Lead", known.LEAD + known.CONSENT, ("firstname", "lastname"), ("edit_lead",),
        keys=(("email",), ("lastname", "firstname", "company")),
    ),
    "opportunity": Kind(
        "Opportunities", "Opportunity", known.OPPORTUNITY, ("potentialname",), ("edit_opportunity",),
        keys=(("potentialname", "accountid", "contactid"),),
    ),
    "product": Kind("Products", "Product", known.PRODUCT, ("productname",), ("edit_product",), keys=(("productcode",), ("productname",))),
    "project": Kind("Projects", "Project", known.PROJECT, ("name",), ("edit_project",), keys=(("projectnum",), ("name", "accountid", "contactid"))),
    "ticket": Kind("Tickets", "Ticket", known.TICKET, ("title",), ("edit_ticket", "edit_helpdesk"), keys=(("title", "contactid", "parent_id"),)),
    "quote": Kind("Quotes", "Quote", sales.QUOTE + sales.ADDRESS, ("subject",), ("edit_quote",), True, (("subject", *SOLD_TO, "validtill"),)),
    "salesorder": Kind("Sales orders", "Sales order", sales.SALESORDER + sales.ADDRESS, ("subject",), ("edit_salesorder",), True, (("subject", *SOLD_TO, "duedate"),)),
    "invoice": Kind("Invoices", "Invoice", sales.INVOICE + sales.ADDRESS, ("subject",), ("edit_invoice",), True, (("subject", *SOLD_TO, "invoicedate"),)),
    "purchaseorder": Kind(
        "Purchase orders", "Purchase order", sales.PURCHASEORDER + sales.ADDRESS, ("subject",), ("edit_purchaseorder",), True,
        (("purchaseorder_no",), ("subject", "vendorid", "vendor_id", "duedate")),
    ),
}  # fmt: skip


def module(name: str) -> Module:
    """Return the module of that name. Nothing can be deleted."""
    return Module(name, MODULES[name].label, MODULES[name].singular, deletable=False)
