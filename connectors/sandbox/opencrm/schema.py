"""The modules of the simulated OpenCRM: their columns, by the names the vendor's field reference and public clients use.

The server describes none of this to anybody: there is no metadata end point (facts §3)."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_ID = 1001  # of all records: they share one sequence, as they share the table crmentity
KINDS = {
    "i": "integer",
    "n": "decimal",
    "s": "string",
    "t": "text",
    "d": "date",
    "m": "datetime",
    "b": "boolean",
    "r": "id",
}


@dataclass(frozen=True, slots=True)
class Column:
    """`basic` columns are in the plain lists, `searched` ones are read for keywords. What is `calculated` cannot be sent."""

    name: str
    kind: str
    basic: bool = False
    searched: bool = False
    calculated: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """`name` is how end points call it, `label` what record_module says, `table` what a query's name may begin with.

    `edits` are the end points that write it; a record of a `sales` module has product lines."""

    name: str
    label: str
    table: str
    edits: tuple[str, ...]
    columns: dict[str, Column]
    sales: bool = False


_ADDRESS = "street:t bill_street_2:s city:s*+ state:s code:s country:s"
_CONSENT = "do_not_email:b tps:b fps:b consent_to_processing:b date_consent_given:d consent_given_to:s"
_TOTALS = "subtotal:n*! tax_total:n! total:n*!"
# One line a module: name, record_module, table, edit end points, then columns as name:kind, with * for the plain list,
# + for keywords and ! for calculated.
_MODULES = f"""
activity Activities activity edit_activity subject:s*+ taskstatus:s* taskpriority:s date_start:m* due_date:d duration_hours:i category:s
 parent_id:r contact_id:r* accountid:r tasklist:s chargetime:s cost_net:n vat_rate:i showonportal:b location:s
asset Assets assets edit_asset assetname:s*+ serialno:s*+ status:s* accountid:r* contactid:r productid:r datesold:d dateinservice:d
 warranty_end:d cost:n location:s
company Accounts account edit_company accountname:s*+ account_type:s* industry:s phone:s*+ otherphone:s fax:s email1:s*+ email2:s website:s
 {_ADDRESS} ship_street:t ship_city:s ship_state:s ship_code:s ship_country:s parentid:r employees:s annualrevenue:s companynumber:s
 vatnumber:s credit_limit:n credit_limit_days:i credit_status:s majoraccount:b outstanding_balance:n rating:s language:s sage_ref:s
 {_CONSENT} subscription:t account_tags:t cf_905:s cf_907:n
contact Contacts contactdetails edit_contact,edit_contact_custom1,edit_contact_custom2 greeting:s firstname:s*+ lastname:s*+ title:s*
 department:s accountid:r* email:s*+ email2:s phone:s*+ mobile:s*+ homephone:s fax:s birthday:d leadsource:s contacttype:s reportsto:r
 assistant:s mailingstreet:t mailingcity:s mailingstate:s mailingzip:s mailingcountry:s portal:b login:s password:s portal_islocked:b
 support_start_date:d support_end_date:d {_CONSENT} subscription:t contactdetails_tags:t cf_901:s cf_903:i
contract Contracts contracts edit_contract,edit_contracts contractname:s*+ status:s* contract_type:s accountid:r* contactid:r
 start_date:d* end_date:d value:n renewal:b units_total:i units_used:i
lead Leads leaddetails edit_lead greeting:s firstname:s*+ lastname:s*+ company:s*+ designation:s email:s*+ phone:s*+ mobile:s fax:s
 website:s lane:t city:s state:s code:s country:s leadsource:s* leadstatus:s* leadtype:s industry:s rating:s annualrevenue:s
 noofemployees:s dob:d portal:b login:s password:s {_CONSENT} subscription:t leaddetails_tags:t
opportunity Potentials potential edit_opportunity potentialname:s*+ potentialtype:s sales_stage:s* leadsource:s nextstep:s accountid:r*
 contactid:r campaignid:r projectid:r email:s amount:n* weightedamount:n probability:i start_date:d closingdate:d* activedays:i
 commission_approved:b def_currency:s vat_rate:i potential_tags:t
product Products products edit_product productname:s*+ productcode:s*+ productcategory:s product_status:s discontinued:b* unit_price:n*
 buy_price:n product_description:t manufacturer:s vendor_id:r qtyinstock:i taxclass:s prod_supplytype:s commission_band:s
 minimummargin:n maximumdiscount:n contract_term:i sales_start_date:d sales_end_date:d serialno:s weight_stock:i products_tags:t
project Projects projects edit_project name:s*+ projectnum:s*+ projecttype:s projectstatus:s* projpriority:s accountid:r* contactid:r
 salesorder_id:r parent_id:r email:s startdate:d* enddate:d targetend:d budget:n cost_net:n vat_rate:s time_m:i active:b
 Project_Developer:r projects_tags:t
ticket HelpDesk troubletickets edit_ticket,edit_helpdesk title:s*+ status:s* priority:s* severity:s category:s support_queue:s
 contactid:r* parent_id:r contractid:r projectid:r product_id:r solution:t tech_solution:t closedon:d closedby:s openedby:s
 cost_net:n showonportal:b email_to:s troubletickets_tags:t
quote Quotes quotes edit_quote subject:s*+ quotestage:s* accountid:r* contactid:r potentialid:r validtill:d* terms:t
 bill_street:t bill_city:s bill_code:s bill_country:s def_currency:s {_TOTALS}
salesorder SalesOrder salesorder edit_salesorder subject:s*+ sostatus:s* accountid:r* contactid:r quoteid:r duedate:d purchaseorder:s+
 bill_street:t bill_city:s bill_code:s bill_country:s def_currency:s {_TOTALS}
invoice Invoice invoice edit_invoice subject:s*+ invoicestatus:s* accountid:r* contactid:r salesorderid:r invoicedate:d* duedate:d
 bill_street:t bill_city:s bill_code:s bill_country:s def_currency:s {_TOTALS}
purchaseorder PurchaseOrder purchaseorder edit_purchaseorder subject:s*+ postatus:s* vendorid:r* contactid:r requisition_no:s+ duedate:d
 bill_street:t bill_city:s bill_code:s bill_country:s def_currency:s {_TOTALS}
campaign Campaigns campaign - campaignname:s campaignstatus:s
user Users users - user_name:s*+ first_name:s*+ last_name:s*+ email1:s* status:s* is_admin:s title:s phone_work:s
"""
_ENTITY = "smownerid:r* description:t createdtime:m! modifiedtime:m!"
SALES = frozenset({"quote", "salesorder", "invoice", "purchaseorder"})


def _column(spec: str) -> Column:
    name, kind = spec.split(":")
    return Column(name, KINDS[kind[0]], "*" in kind, "+" in kind, "!" in kind)


def _modules() -> dict[str, Module]:
    found = {}
    for line in _MODULES.replace("\n ", " ").strip().splitlines():
        name, label, table, edits, *specs = line.split()
        specs += _ENTITY.split() if name != "user" else []
        columns = {c.name: c for c in map(_column, specs)}
        ways = () if edits == "-" else tuple(edits.split(","))
        found[name] = Module(name, label, table, ways, columns, name in SALES)
    return found


MODULES = _modules()
LISTED = [name for name in MODULES if name != "campaign"]  # campaigns are linked to, never listed
EDITS = {edit: module for module in MODULES.values() for edit in module.edits}
_CRMENTITY = frozenset({"crmid", "smownerid", "createdtime", "modifiedtime", "description"})


def query_names(module: Module) -> dict[str, str]:
    """Return the names query_string knows and the column each means: they differ from those records are read and written by.

    Times go by "crmentity.modifiedtime" only, as in the document's sample; the owner by smownerid or assigned_user_id."""
    if module.name == "user":
        return {name: name for name in ("id", *module.columns)}
    names = {f"crmentity.{name}": name for name in _CRMENTITY} | {"crmid": "crmid"}
    for name in module.columns:
        if name not in ("createdtime", "modifiedtime"):
            names[name] = name
        if name not in _CRMENTITY:
            names[f"{module.table}.{name}"] = name
    return names | {"assigned_user_id": "smownerid"}
