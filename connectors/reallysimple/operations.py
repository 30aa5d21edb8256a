"""Really Simple Systems' documented calls as data, for the screen and the command that call them by name, and how each is
carried out. The rule: what they answer is shown, so password-like fields are taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.operations import checked, without_secrets
from connectors.reallysimple.client import PAGE, Listing, ReallySimpleClient
from connectors.types import JSON, Choice, Operation, Parameter
from connectors.wording import text as _

OBJECT = Parameter(
    "object", _("Object"), required=True, help=_("As the document spells it: accounts, opportunity_lines.")
)
ID = Parameter("id", _("Id"), required=True)
LIMIT = Parameter("limit", _("Limit"), "integer", help=_("At most 100."))
PAGE_NUMBER = Parameter("page", _("Page"), "integer", help=_("Counted from 1."))
LINES = Parameter("lines", _("With lines"), "boolean", help=_("For opportunities: their lines beside them."))
RECORD = Parameter("record", _("Fields"), "json", required=True, help=_('In the vendor\'s spelling: {"name": "Acme"}.'))
METHODS = tuple(Choice(method, method) for method in ("GET", "POST", "PATCH", "DELETE"))

OPERATIONS = (
    Operation("datadictionary", _("Return the fields of an object"), (OBJECT,), section="Data Dictionary"),
    Operation(
        "lookup",
        _("Return the entries of a pick list"),
        (OBJECT, Parameter("field", _("Field"), required=True, help="type")),
        section="Lookup lists/dropdowns",
    ),
    Operation(
        "append_lookup",
        _("Add entries to a pick list"),
        (
            Parameter(
                "list_name", _("Name of the list"), required=True, help=_("The list's own name, not object and field.")
            ),
            Parameter("items", _("Entries"), "list", required=True),
        ),
        writes=True,
        section="Appending to lookup list/dropdown",
    ),
    Operation(
        "list",
        _("Return one page of records as the server sends them"),
        (
            OBJECT,
            LIMIT,
            PAGE_NUMBER,
            LINES,
            Parameter("q", _("Filter"), "json", help='{"name": {"$sw": "tes"}}'),
            Parameter("order", _("Order"), "json", help='{"name": "asc"}'),
        ),
        section="Filtering results",
    ),
    Operation("get", _("Return one record as the server sends it"), (OBJECT, ID, LINES), section="GET Requests"),
    Operation(
        "related",
        _("Return the records of another object that hang on a record"),
        (OBJECT, ID, Parameter("relation", _("Object related"), required=True, help="contacts"), LIMIT, PAGE_NUMBER),
        section="GET Requests",
    ),
    Operation("create", _("Create a record"), (OBJECT, RECORD), writes=True, section="POST Requests"),
    Operation("update", _("Change fields of a record"), (OBJECT, ID, RECORD), writes=True, section="PATCH Requests"),
    Operation("delete", _("Delete a record"), (OBJECT, ID), writes=True, section="DELETE Requests"),
    Operation(
        "call",
        _("Carry out any other call by its path and return what the server sends"),
        (
            Parameter("method", _("Method"), required=True, choices=METHODS),
            Parameter("path", _("Path"), required=True, help=_("Below the server's address: policies/7.")),
            Parameter("params", _("Parameters of the address"), "json", help='{"limit": 5, "q": {"name": "Acme"}}'),
            Parameter("body", _("Body"), "json", help='{"name": "Acme"}'),
        ),
        writes=True,
        section="Making Requests",
        admin_only=True,
    ),
)


def carry_out(client: ReallySimpleClient, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers, without secrets. Raises QueryError for parameters that are wrong."""
    return without_secrets(_DEEDS[operation.name](client, checked(operation, params)))


def _listing(found: Listing) -> JSON:
    return {"total_count": found.total, "has_more": found.more(), "list": found.rows}


def _call(client: ReallySimpleClient, p: dict[str, JSON]) -> JSON:
    status, answer = client.call(p["method"], p["path"].strip().strip("/"), p.get("params", {}), p.get("body"))
    return {"status": status, "answer": answer}


def _page(p: Mapping[str, JSON]) -> dict[str, JSON]:
    return {"page": p.get("page", 1), "limit": p.get("limit", PAGE)}


_DEEDS: dict[str, Callable[[ReallySimpleClient, dict[str, JSON]], JSON]] = {
    "datadictionary": lambda client, p: client.datadictionary(p["object"]),
    "lookup": lambda client, p: client.lookup(p["object"], p["field"]),
    "append_lookup": lambda client, p: client.append_lookup(p["list_name"], p["items"]),
    "list": lambda client, p: _listing(
        client.listing(p["object"], q=p.get("q"), order=p.get("order"), lines=p.get("lines", False), **_page(p))
    ),
    "get": lambda client, p: client.get(p["object"], p["id"], lines=p.get("lines", False)),
    "related": lambda client, p: _listing(client.related(p["object"], p["id"], p["relation"], **_page(p))),
    "create": lambda client, p: client.create(p["object"], p["record"]),
    "update": lambda client, p: client.update(p["object"], p["id"], p["record"]),
    "delete": lambda client, p: client.delete(p["object"], p["id"]),
    "call": _call,
}
