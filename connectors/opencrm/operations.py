"""OpenCRM's documented calls as data, for the screen and the command that call them by name, and how each is carried out. The
rule: what they answer is shown, so password-like fields are taken out of it; what they write is checked like any write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.errors import QueryError
from connectors.opencrm.client import OpenCrmClient
from connectors.opencrm.modules import MODULES
from connectors.opencrm.rows import NEW, is_id
from connectors.opencrm.schema import HIDDEN
from connectors.operations import DOT, checked, without_secrets
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
LABELS = {name: kind.label for name, kind in MODULES.items()}
LISTS = "List Functions"
EDITS: Mapping[str, str] = {edit: name for name, kind in MODULES.items() for edit in kind.edits} | {
    "edit_contact_custom1": "contact",
    "edit_contact_custom2": "contact",
}


def reads(name: str, label: str) -> tuple[Operation, ...]:
    """Return the four reading calls of a module."""
    section = (
        "Consult / Retrieve Sales Records Functions" if MODULES[name].has_lines else "Consult / Retrieve Functions"
    )
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
    section = "Create/Edit Sales Records" if MODULES[name].has_lines else "Create/Edit Records"
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
    Operation(
        "call",
        _("Carry out any other call by its name and return what the server sends"),
        (
            Parameter("endpoint", _("End point"), required=True, help=_("The name in the address: get_contact_list.")),
            Parameter("params", _("Parameters"), "json", help='{"limit_start": 0, "limit_end": 5}'),
        ),
        writes=True,
        section="End Point / Methods",
        admin_only=True,
    ),
)
WITH_LINES = frozenset(edit for edit, name in EDITS.items() if MODULES[name].has_lines)
IDS = frozenset({"crmid", "parent_id", "child_id", "campaignid", "recordid", "reportid"})
CREDENTIALS = frozenset({"key", "passkey", "accesskey", "accesscode"})
END_POINT = re.compile(r"[A-Za-z0-9_]{1,100}")
Write = Callable[[str, str, str, Mapping[str, JSON]], str]  # end point, module, id, fields -> id


@dataclass(frozen=True, slots=True)
class Desk:
    """What carrying out an operation needs: the client, and how a record is written with everything checked."""

    client: OpenCrmClient
    write: Write


def carry_out(desk: Desk, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers, without secrets. Raises QueryError for wrong parameters, RecordInvalid for what cannot
    be written."""
    given = checked(operation, params)
    if wrong := [n for n in IDS & given.keys() if not is_id(given[n]) and (n, given[n]) != ("crmid", NEW)]:
        raise QueryError(_("“%(name)s” must be an id, which is a number.", name=wrong[0]))
    name = operation.name
    if name in EDITS:
        return desk.write(name, EDITS[name], str(given["crmid"]), given["record"])
    deed = _DEEDS.get(name)
    answer = deed(desk, given) if deed else desk.client.call(name, given, reads=True)
    return answer if name == "login" else without_secrets(answer, HIDDEN)


def _login(desk: Desk, p: dict[str, JSON]) -> JSON:
    desk.client.login()
    return {"accesskey": DOT}


def _report(desk: Desk, p: dict[str, JSON]) -> JSON:
    custom = {"isCustomReport": "true" if p["isCustomReport"] else "false"} if "isCustomReport" in p else {}
    return desk.client.call("get_record_list_from_report", {**p, **custom}, reads=True)


def _call(desk: Desk, p: dict[str, JSON]) -> JSON:
    endpoint, params = p["endpoint"].strip().strip("/"), p.get("params", {})
    if endpoint.lower() == "login":
        raise QueryError(
            _("Use the operation “login”: it shows no access key, and asks with the keys of this connection.")
        )
    if not END_POINT.fullmatch(endpoint):
        raise QueryError(_("“%(name)s” is not the name of an end point, such as get_contact_list.", name=endpoint[:40]))
    if endpoint.lower() in WITH_LINES:
        raise QueryError(
            _(
                "Use the operation “%(name)s”: it sends the product lines the record has, and OpenCRM deletes for ever those it"
                " is not sent.",
                name=endpoint.lower(),
            )
        )
    if own := sorted(CREDENTIALS & params.keys()):
        raise QueryError(_("Leave “%(name)s” out: a call is made with the keys of this connection.", name=own[0]))
    return desk.client.call(endpoint, params)


_DEEDS: Mapping[str, Callable[[Desk, dict[str, JSON]], JSON]] = {
    "edit_record_link": lambda desk, p: desk.client.link(p["parent_id"], p["child_id"]),
    "add_to_campaign": lambda desk, p: desk.client.add_to_campaign(**p),
    "get_record_list_from_report": _report,
    "login": _login,
    "call": _call,
}
