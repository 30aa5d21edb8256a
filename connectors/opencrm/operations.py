"""OpenCRM's documented calls as data, for the screen and the command that call them by name, and how each is carried out. The
rule: what they answer is shown, so password-like fields are taken out of it; what they write is checked like any write."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.errors import QueryError
from connectors.opencrm.catalog import HIDDEN, KINDS
from connectors.opencrm.client import OpenCrmClient
from connectors.opencrm.codec import is_id
from connectors.operations import checked, without_secrets
from connectors.types import JSON, Operation, Parameter
from connectors.wording import text as _

QUERY = Parameter("query_string", _("Condition"), help="lastname|BEGINS|Smi")
KEYWORDS = Parameter("keywords", _("Keywords"), help=_("Which fields are searched depends on the module."))
START = Parameter("limit_start", _("Start"), "integer", help=_("How many records to pass over."))
END = Parameter("limit_end", _("End"), "integer", help=_("The last record wanted, counted from the first of all."))
DATES = (
    Parameter("dateOverride", _("Form of dates"), help="c, d_F_Y"),
    Parameter("dateTimeOverride", _("Form of dates with time"), help="c, d_F_Y_H:i"),
    Parameter("change_assignedidtouser", _("Fields to show user names in"), help="assigned_user_id,Project_Developer"),
)
LIST = (QUERY, START, END, KEYWORDS, *DATES)
CRMID = Parameter("crmid", _("Id"), required=True)
RECORD = Parameter("record", _("Fields"), "json", required=True, help='{"lastname": "Smith"}')
EDIT = (Parameter("crmid", _("Id"), required=True, help=_("0 creates a new record.")), RECORD)
LABELS = {name: kind.label for name, kind in KINDS.items()}
LISTS = "List Functions"
EDITS: Mapping[str, str] = {edit: name for name, kind in KINDS.items() for edit in kind.edits} | {
    "edit_contact_custom1": "contact",
    "edit_contact_custom2": "contact",
}


def reads(name: str, label: str) -> tuple[Operation, ...]:
    """Return the four reading calls of a module."""
    section = "Consult / Retrieve Sales Records Functions" if KINDS[name].has_lines else "Consult / Retrieve Functions"
    listed = _("List %(module)s with every field", module=label)
    return (
        Operation(f"get_{name}_list_count", _("Count %(module)s", module=label), LIST, section=f"{LISTS} - Count"),
        Operation(f"get_{name}_list", _("List %(module)s", module=label), LIST, section=f"{LISTS} - Basic"),
        Operation(f"get_{name}_list_full", listed, LIST, section=f"{LISTS} - Full"),
        Operation(f"get_{name}", _("Return one of %(module)s", module=label), (CRMID, *DATES), section=section),
    )


def edit(endpoint: str, name: str) -> Operation:
    """Return one editing call."""
    summary = _("Create or change one of %(module)s", module=LABELS[name])
    section = "Create/Edit Sales Records" if KINDS[name].has_lines else "Create/Edit Records"
    return Operation(endpoint, summary, EDIT, writes=True, section=section, errors=("RecordInvalid", "RecordNotFound"))


OPERATIONS = (
    Operation("login", _("Log in and tell whether an access key came"), section="Login Function"),
    *(operation for name, label in LABELS.items() for operation in reads(name, label)),
    *(edit(endpoint, name) for endpoint, name in EDITS.items()),
    Operation("get_user_list", _("List the users"), LIST, section=f"{LISTS} - Basic"),
    Operation("get_user_list_full", _("List the users with every field"), LIST, section="Users"),
    Operation("get_user_list_count", _("Count the users"), LIST, section="Users"),
    Operation(
        "get_user_details",
        _("Return one user"),
        (Parameter("id", _("Id of the user"), required=True),),
        section="Users",
    ),
    Operation(
        "get_record_list_from_report",
        _("Return the rows of a report"),
        (
            Parameter("reportid", _("Id of the report"), required=True),
            Parameter("isCustomReport", _("It is a custom report"), "boolean"),
            *DATES,
        ),
        section="Reporting Functions",
    ),
    Operation(
        "edit_record_link",
        _("Link two records (in closed beta)"),
        (
            Parameter("parent_id", _("Id of the main record"), required=True),
            Parameter("child_id", _("Id of the record linked to it"), required=True),
        ),
        writes=True,
        section="Record Linking (BETA)",
    ),
    Operation(
        "add_to_campaign",
        _("Add a record to a campaign (in closed beta)"),
        (
            Parameter("campaignid", _("Id of the campaign"), required=True),
            Parameter("recordid", _("Id of the record"), required=True),
            Parameter("relationship", _("Relationship")),
            Parameter("status", _("Status")),
            Parameter("probability", _("Probability")),
        ),
        writes=True,
        section="Campaigns (BETA)",
    ),
)
IDS = frozenset({"crmid", "parent_id", "child_id", "campaignid", "recordid", "reportid"})
Write = Callable[[str, str, str, Mapping[str, JSON]], str]  # end point, module, id, fields -> id


def carry_out(client: OpenCrmClient, write: Write, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers. Raises QueryError for wrong parameters, RecordInvalid for what
    cannot be written."""
    given = checked(operation, params)
    if wrong := [n for n in IDS & given.keys() if not is_id(given[n]) and (n, given[n]) != ("crmid", "0")]:
        raise QueryError(_("“%(name)s” must be an id, which is a number.", name=wrong[0]))
    name = operation.name
    if name == "login":
        client.login()
        return {"accesskey": "•"}
    if name in EDITS:
        return write(name, EDITS[name], str(given["crmid"]), given["record"])
    if name == "edit_record_link":
        return client.link(given["parent_id"], given["child_id"])
    if name == "add_to_campaign":
        return client.add_to_campaign(**given)
    if name == "get_record_list_from_report" and "isCustomReport" in given:
        given["isCustomReport"] = "true" if given["isCustomReport"] else "false"
    return without_secrets(client.raw(name, given), HIDDEN)
