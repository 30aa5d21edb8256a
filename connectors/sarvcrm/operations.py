"""SarvCRM's documented calls as data, for the screen and the command that call them by name, and how each is carried out. The
rules: a query is written in this portal's own filter language and turned into SQL here, never taken as SQL; what a call
answers is shown, so password-like fields are taken out of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.body import Files
from connectors.errors import QueryError
from connectors.operations import checked, without_secrets
from connectors.query import parse, parse_order
from connectors.sarvcrm.answers import is_file
from connectors.sarvcrm.client import PAGE, Question, Request, SarvClient
from connectors.sarvcrm.notes import OCTETS, check_size, content
from connectors.sarvcrm.pushdown import Sql, push
from connectors.sarvcrm.schema import Described
from connectors.types import JSON, Choice, FileContent, Operation, Parameter
from connectors.wording import text as _

MODULE = Parameter("module", _("Module"), required=True, help=_("The key in the document: Accounts, AOS_Quotes."))
ID = Parameter("id", _("Id"), required=True)
VALUES = Parameter(
    "values", _("Fields"), "json", required=True, help=_('In the vendor\'s spelling: {"last_name": "Miller"}.')
)
LISTED = (
    Parameter("query", _("Filter"), help=_('In this portal\'s filter language: status = "New" and name contains "a".')),
    Parameter("order_by", _("Order"), help=_("Fields with commas between them: date_entered desc.")),
    Parameter("selected_fields", _("Fields wanted"), "list", help=_("One a line; all when empty.")),
    Parameter("limit", _("Limit"), "integer", help=_("25 when empty, at most 300.")),
    Parameter("offset", _("Offset"), "integer", help=_("The record to start from, counted from 0.")),
)
RELATED_FIELD = Parameter(
    "related_field", _("Field of the relation"), required=True, help=_("Its name as get_module_fields tells it.")
)
VERBS = tuple(Choice(verb, verb) for verb in ("GET", "POST", "PUT", "DELETE"))
OF_LOGIN = ("10", "11", "12", "60", "1008", "1009")
OF_MODULE = ("11", "20", "40")

OPERATIONS = (
    Operation("login", _("Log in again and share the new session"), section="Login", errors=OF_LOGIN),
    Operation("create", _("Create a record"), (MODULE, VALUES), writes=True, section="Create", errors=(*OF_MODULE, "14", "15", "16", "50")),
    Operation("list", _("Return one page of records as the server sends them"), (MODULE, *LISTED), section="Read (List)", errors=(*OF_MODULE, "51", "90")),
    Operation("get", _("Return one record as the server sends it"), (MODULE, ID), section="Read (Record)", errors=(*OF_MODULE, "22", "51")),
    Operation("update", _("Change fields of a record"), (MODULE, ID, VALUES), writes=True, section="Update", errors=(*OF_MODULE, "14", "15", "16", "22", "50")),
    Operation("delete", _("Delete a record"), (MODULE, ID), writes=True, section="Delete", errors=(*OF_MODULE, "22")),
    Operation("get_module_fields", _("Return the fields of a module"), (MODULE,), section="Get Module Fields", errors=OF_MODULE),
    Operation("get_relationship", _("Return one page of the records that hang on a record"), (MODULE, ID, RELATED_FIELD, *LISTED), section="Get Relationships", errors=(*OF_MODULE, "22", "31", "51")),
    Operation(
        "search_by_number", _("Find who has a phone number"),
        (Parameter("number", _("Phone number"), required=True), Parameter("module", _("Module"), help=_("In this module only."))),
        section="Search By Number", errors=("11", "20", "30", "51", "1001"),
    ),
    Operation(
        "save_relationships", _("Link records to a record"),
        (
            MODULE, ID, Parameter("field_name", _("Field of the relation"), required=True, help="products"),
            Parameter("related_records", _("Records"), "list", required=True, help=_('Ids, or objects such as {"id": "…", "qty": 2}, as a JSON list or one id a line.')),
        ),
        writes=True, section="Save Relationships", errors=(*OF_MODULE, "22", "31"),
    ),
    Operation(
        "call", _("Carry out any other call by its name and return what the server sends"),
        (
            Parameter("method", _("Method"), required=True, help=_("The name in the address: GetModuleFields.")),
            Parameter("verb", _("HTTP verb"), required=True, choices=VERBS),
            Parameter("params", _("Parameters of the address"), "json", help='{"module": "Leads"}'),
            Parameter("body", _("Body"), "json", help='{"limit": 5}'),
            Parameter("form", _("Body as a form"), "boolean", help=_("Yes: as a form instead of JSON.")),
            Parameter("files", _("Files"), "json", help=_('Sent as multipart, contents in base64: {"filename": {"name": "a.txt", "type": "text/plain", "content": "YQ=="}}.')),
        ),
        writes=True, section="Postman Collection", admin_only=True,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """What carrying out an operation needs: the client, and how a module is described."""

    client: SarvClient
    describe: Callable[[str], Described]


def carry_out(desk: Desk, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers, without secrets. Raises QueryError for parameters that are wrong."""
    return without_secrets(_DEEDS[operation.name](desk, checked(operation, params)), {"token"})


def listing(own: Described, p: Mapping[str, JSON]) -> Question:
    """Return what to ask of a list. Raises QueryError for a filter or an order the database cannot be asked for whole."""
    sql = Sql(own)
    pushed = push(parse(p["query"], own.schema), sql) if p.get("query") else None
    order = parse_order(p["order_by"], own.schema) if p.get("order_by") else ()
    if (pushed is not None and not pushed.query) or any(not sql.has(column.field) for column in order):
        raise QueryError(_("SarvCRM's database cannot be asked this; list the records on the module's page instead."))
    limit, offset = min(PAGE, p.get("limit", 25)), max(0, p.get("offset", 0))
    return Question(
        pushed.query if pushed else "", sql.order_by(order), p.get("selected_fields", ()), max(1, limit), offset
    )


def _list(desk: Desk, p: dict[str, JSON]) -> JSON:
    return desk.client.listing(p["module"], listing(desk.describe(p["module"]), p)).rows


def _get_relationship(desk: Desk, p: dict[str, JSON]) -> JSON:
    """Query and order are those of the related module (facts §6)."""
    own, field = desk.describe(p["module"]), p["related_field"]
    other = next((relation.module for relation in own.relations if relation.field == field), p["module"])
    return desk.client.relationship(p["module"], p["id"], field, listing(desk.describe(other), p)).rows


def _update(desk: Desk, p: dict[str, JSON]) -> JSON:
    desk.client.update(p["module"], p["id"], p["values"])
    return {"id": p["id"]}


def _delete(desk: Desk, p: dict[str, JSON]) -> JSON:
    desk.client.delete(p["module"], p["id"])
    return {}


def _save_relationships(desk: Desk, p: dict[str, JSON]) -> JSON:
    desk.client.save_relationships(p["module"], p["id"], p["field_name"], p["related_records"])
    return {}


def _call(desk: Desk, p: dict[str, JSON]) -> JSON:
    if p["method"].strip().lower() == "login":
        raise QueryError(
            _("Use the operation “login”: it shows no token, and asks with the password of this connection.")
        )
    request = Request(
        {**p.get("params", {}), "method": p["method"].strip()},
        p.get("body"),
        p["method"].strip(),
        files_of(p["files"]) if p.get("files") else None,
        p.get("form", False),
    )
    answer, told = desk.client.call(p["verb"], request)
    if told is None and is_file(answer):
        file = content(answer, None, "")
        return {"filename": file.name, "filetype": file.content_type, "content": b64encode(file.content).decode()}
    return told


def files_of(given: Mapping[str, JSON]) -> Files:
    """Return the files of a raw call. Raises QueryError for what is none, RecordInvalid for one that is too large."""
    found = {}
    for field, told in given.items():
        try:
            file = FileContent(told["name"], b64decode(told["content"], validate=True), told.get("type") or OCTETS)
        except (AttributeError, KeyError, TypeError, ValueError) as e:
            raise QueryError(
                _("“%(field)s” is no file: it needs a name, and its content in base64.", field=field)
            ) from e
        check_size(file)
        found[field] = (str(file.name), file.content, str(file.content_type))
    return found


_DEEDS: dict[str, Callable[[Desk, dict[str, JSON]], JSON]] = {
    "login": lambda desk, p: desk.client.login(),
    "create": lambda desk, p: {"id": desk.client.create(p["module"], p["values"])},
    "list": _list,
    "get": lambda desk, p: desk.client.get(p["module"], p["id"]),
    "update": _update,
    "delete": _delete,
    "get_module_fields": lambda desk, p: desk.client.module_fields(p["module"]),
    "get_relationship": _get_relationship,
    "search_by_number": lambda desk, p: desk.client.search_by_number(p["number"], p.get("module", "")),
    "save_relationships": _save_relationships,
    "call": _call,
}
