"""Simply CRM's documented calls as data: the webservice's, which are Vtiger's, the eighteen of the mobile API, and its
webhook; and how each is carried out. The rule: what they answer is shown, so sessions and passwords are taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from connectors.errors import ConfigError, RecordInvalid, RecordNotFound
from connectors.operations import DOT, checked, without_secrets
from connectors.simplycrm.client import MobileClient
from connectors.types import JSON, Choice, Operation, Parameter
from connectors.values import is_secret_field
from connectors.vtiger.client import folded
from connectors.vtiger.operations import HIDDEN as OF_WEBSERVICE
from connectors.vtiger.operations import OPERATIONS as WEBSERVICE
from connectors.vtiger.operations import raw
from connectors.wording import joined
from connectors.wording import text as _

PREFIX = "mobile."
WEBHOOK = "webhook"
HIDDEN = frozenset({"session", "_session"}) | OF_WEBSERVICE
OURS = frozenset({"_operation", "_session"})  # parameters that no raw call may set
LOGINS = frozenset({"login", "loginAndFetchModules"})
# What is saved of a user or a group and described of neither (document).
NOT_DESCRIBED = {"Users": frozenset({"user_password", "confirm_password"}), "Groups": frozenset({"members"})}

MODULE = Parameter("module", _("Module"), required=True, help=_("As the server spells it: Contacts."))
RECORD = Parameter("record", _("Id"), required=True, help=_("With the module's number: 12x345."))
PAGE = Parameter("page", _("Page"), "integer", help=_("Counted from 0; 0 in an answer's nextPage means the end."))
QUERY = Parameter("query", _("Query"), required=True, help="SELECT * FROM Contacts LIMIT 0,10;")
VALUES = Parameter(
    "values", _("Fields"), "json", required=True, help=_('In the server\'s spelling: {"lastname": "Ito"}.')
)


def mobile(
    name: str,
    summary: str,
    *parameters: Parameter,
    writes: bool = False,
    errors: tuple[str, ...] = (),
    admin_only: bool = False,
) -> Operation:
    """Return the declaration of one operation of the mobile API."""
    return Operation(f"{PREFIX}{name}", summary, parameters, writes, "Simply CRM JSON Rest API", errors, admin_only)


MOBILE = (
    mobile("login", _("Log in anew; tells the user and the version"), errors=("1210",)),
    mobile("loginAndFetchModules", _("Log in anew and list the modules with their numbers"), errors=("1210",)),
    mobile("fetchModuleFilters", _("List the saved filters of a module"), MODULE),
    mobile(
        "filterDetailsWithCount",
        _("Tell of a saved filter how many records it finds"),
        Parameter("filterid", _("Filter"), required=True),
        errors=(_("500: servers with PHP 8 cannot do this"),),
    ),
    mobile("fetchAllAlerts", _("List the alerts")),
    mobile("alertDetailsWithMessage", _("Read one alert and its message"), Parameter("alertid", _("Alert"), required=True), errors=("1401",)),
    mobile(
        "listModuleRecords",
        _("List a module, twenty records a page; the search is ignored by some servers"),
        MODULE,
        Parameter("searchText", _("Text"), help=_("In any field.")),
        Parameter("searchField", _("Field, comparator, text"), "list", help='["email", "c", "ito@example.com"]'),
        Parameter("page", _("Page"), "integer", help=_("Counted from 1.")),
    ),
    mobile("fetchRecord", _("Read one record"), RECORD),
    mobile("fetchRecordWithGrouping", _("Read one record in its sections"), RECORD),
    mobile(
        "fetchRecordsWithGrouping",
        _("Read several records of a module in their sections"),
        MODULE,
        Parameter("ids", _("Ids"), "list", required=True, help='["12x345", "12x346"]'),
        Parameter("alertid", _("Alert")),
    ),
    mobile("describe", _("Describe the fields of a module"), MODULE),
    mobile(
        "saveRecord",
        _("Create a record, or change the fields given of one; also users and groups"),
        MODULE,
        replace(RECORD, required=False, help=_("Empty for a new record.")),
        VALUES,
        writes=True,
        errors=("MANDATORY_FIELDS_MISSING", "1501"),
    ),
    mobile(
        "syncModuleRecords",
        _("List what changed and what was deleted since a token"),
        MODULE,
        Parameter("syncToken", _("Token"), help=_("From the answer before; empty for everything.")),
        Parameter("mode", _("Whose records"), choices=(Choice("PUBLIC", _("Everybody's")), Choice("PRIVATE", _("Our own")))),
        PAGE,
    ),
    mobile("query", _("Query a module"), QUERY, PAGE),
    mobile("queryWithGrouping", _("Query a module; records come in their sections"), QUERY, PAGE),
    mobile(
        "relatedRecordsWithGrouping",
        _("List the records of a module that hang on a record"),
        RECORD,
        Parameter("relatedmodule", _("Module related"), required=True, help="HelpDesk"),
        PAGE,
        errors=("1001",),
    ),
    mobile("deleteRecords", _("Delete a record"), RECORD, writes=True),
    mobile(
        "addRecordComment",
        _("Add a comment to a record"),
        replace(RECORD, name="related_to"),
        Parameter("commentcontent", _("Comment"), required=True),
        writes=True,
    ),
    mobile("logout", _("End the session of this connection")),
    mobile(
        "call",
        _("Carry out any other operation by its name and return what the server sends"),
        Parameter("operation", _("Operation"), required=True, help="userInfo, fetchModuleOwners, fetchReferenceRecords, history"),
        Parameter("params", _("Parameters"), "json", help='{"module": "Contacts"}'),
        writes=True,
        admin_only=True,
    ),
)  # fmt: skip
INCOMING = Operation(
    WEBHOOK,
    _("Send values to the incoming webhook of this connection, which makes a record of them"),
    (
        replace(VALUES, help=_("By the names the webhook was given.")),
        Parameter("format", _("Body"), choices=(Choice("form", _("Form")), Choice("json", _("JSON")))),
    ),
    writes=True,
    section="How to Create and Manage Incoming Webhooks in Simply CRM",
)
OPERATIONS = (*WEBSERVICE, *MOBILE, INCOMING)


def carry_out(client: MobileClient, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the mobile API answers, without secrets. Raises QueryError for parameters that are wrong."""
    given = checked(operation, params)
    if not client.open:
        raise ConfigError(_("Simply CRM's mobile API needs the password of the user, which this connection lacks."))
    answer = _DEEDS[operation.name.removeprefix(PREFIX)](client, given)
    return without_secrets(dotted(answer), HIDDEN)


def dotted(value: JSON) -> JSON:
    """Return an answer with "•" for the value of every password-like field of a grouped record."""
    if isinstance(value, dict):
        if "value" in value and is_secret_field(str(value.get("name", ""))):
            return {**value, "value": DOT}
        return {name: dotted(held) for name, held in value.items()}
    return [dotted(item) for item in value] if isinstance(value, list) else value


def _listed(client: MobileClient, p: dict[str, JSON]) -> JSON:
    """Return a page of a list, without rows that a server which ignores the search let through (facts §6)."""
    field = p.get("searchField", [])
    told = client.list_module_records(p["module"], p.get("page", 1), p.get("searchText", ""), field)
    if len(field) != 3 or field[1] != "c":
        return told
    kept = [row for row in told["records"] if str(field[2]).lower() in str(row.get(field[0], field[2])).lower()]
    return {**told, "records": kept, "searchIgnored": len(kept) < len(told["records"])}


def _related(client: MobileClient, p: dict[str, JSON]) -> JSON:
    records, following = client.related_records_with_grouping(p["record"], p["relatedmodule"], p.get("page", 0))
    return {"records": records, "nextPage": following}


def _delete(client: MobileClient, p: dict[str, JSON]) -> JSON:
    client.fetch_record(p["record"])  # only its number is sent: another module's record may be meant
    client.delete_record(p["record"])
    return {"deleted": {p["record"]: True}}


def _save(client: MobileClient, p: dict[str, JSON]) -> JSON:
    """Save, when all the fields are there and the record is one of the module's: the server would mind neither (G8, D6)."""
    module, id, told = p["module"], p.get("record", ""), client.describe(p["module"])
    known = {str(field.get("name")) for field in told.get("fields") or []} | NOT_DESCRIBED.get(module, frozenset())
    if wrong := dict.fromkeys(sorted(p["values"].keys() - known), _("does not exist")):
        problems = joined(_("; "), (_("“%(field)s” %(problem)s", field=f, problem=why) for f, why in wrong.items()))
        sentence = _("Nothing was sent to %(module)s: %(problems)s.", module=module, problems=problems)
        raise RecordInvalid(sentence, fields=wrong)
    prefix = f"{told.get('idPrefix')}x"
    if id and not folded(id).startswith(prefix):
        given = {"module": module, "id": id, "prefix": prefix}
        raise RecordNotFound(_("%(module)s has no record %(id)s: its ids begin with %(prefix)s.", **given))
    return client.save_record(module, p["values"], id)


def _call(client: MobileClient, p: dict[str, JSON]) -> JSON:
    return client.call(*raw(p["operation"], p.get("params", {}), LOGINS, OURS))


_DEEDS: dict[str, Callable[[MobileClient, dict[str, JSON]], JSON]] = {
    "login": lambda client, p: client.login(),
    "loginAndFetchModules": lambda client, p: {"modules": client.login_and_fetch_modules()},
    "fetchModuleFilters": lambda client, p: client.fetch_module_filters(p["module"]),
    "filterDetailsWithCount": lambda client, p: client.filter_details_with_count(p["filterid"]),
    "fetchAllAlerts": lambda client, p: client.fetch_all_alerts(),
    "alertDetailsWithMessage": lambda client, p: client.alert_details_with_message(p["alertid"]),
    "listModuleRecords": _listed,
    "fetchRecord": lambda client, p: client.fetch_record(p["record"]),
    "fetchRecordWithGrouping": lambda client, p: client.fetch_record_with_grouping(p["record"]),
    "fetchRecordsWithGrouping": lambda client, p: client.fetch_records_with_grouping(
        p["module"], p["ids"], p.get("alertid", "")
    ),
    "describe": lambda client, p: client.describe(p["module"]),
    "saveRecord": _save,
    "syncModuleRecords": lambda client, p: client.sync_module_records(
        p["module"], p.get("syncToken", ""), p.get("page", 0), p.get("mode", "PUBLIC")
    ),
    "query": lambda client, p: client.query(p["query"], p.get("page", 0))[0],
    "queryWithGrouping": lambda client, p: client.query_with_grouping(p["query"], p.get("page", 0)),
    "relatedRecordsWithGrouping": _related,
    "deleteRecords": _delete,
    "logout": lambda client, p: client.logout(),
    "call": _call,
    "addRecordComment": lambda client, p: client.add_record_comment(p["related_to"], p["commentcontent"]),
}
