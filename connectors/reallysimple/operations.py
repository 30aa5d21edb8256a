"""Really Simple Systems' documented calls as data, for the screen and the command that call them by name, and how each is
carried out. The rule: what they answer is shown, so password-like fields are taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from connectors.errors import ConfigError, RecordInvalid
from connectors.reallysimple.client import PAGE, Listing, ReallySimpleClient
from connectors.types import JSON, Operation, Parameter
from connectors.values import is_secret_field
from connectors.wording import text as _

OBJECT = Parameter(
    "object", _("Object"), required=True, help=_("As the document spells it: accounts, opportunity_lines.")
)
ID = Parameter("id", _("Id"), required=True)
LIMIT = Parameter("limit", _("Limit"), "integer", help=_("At most 100."))
PAGE_NUMBER = Parameter("page", _("Page"), "integer", help=_("Counted from 1."))
LINES = Parameter("lines", _("With lines"), "boolean", help=_("For opportunities: their lines beside them."))
RECORD = Parameter("record", _("Fields"), "json", required=True, help=_('In the vendor\'s spelling: {"name": "Acme"}.'))

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
)


def carry_out(client: ReallySimpleClient, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers. Raises ConfigError for missing or unknown parameters, RecordInvalid for bad ones."""
    return without_secrets(_DEEDS[operation.name](client, checked(operation, params)))


def without_secrets(value: JSON) -> JSON:
    """Return an answer of any shape without passwords and keys."""
    if isinstance(value, dict):
        return {key: without_secrets(held) for key, held in value.items() if not is_secret_field(str(key))}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def checked(operation: Operation, params: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the parameters given, each of its type."""
    given = {name: value for name, value in params.items() if value not in (None, "")}
    known = {parameter.name: parameter for parameter in operation.parameters}
    missing = [p.name for p in operation.parameters if p.required and p.name not in given]
    if missing or given.keys() - known:
        unknown = ", ".join(sorted(given.keys() - known))
        wrong = _("needs %(names)s", names=", ".join(missing)) if missing else _("has no %(names)s", names=unknown)
        takes, name = ", ".join(known), operation.name
        raise ConfigError(
            _("The operation “%(name)s” %(problem)s. It takes: %(names)s.", name=name, problem=wrong, names=takes)
        )
    return {name: typed(known[name], value) for name, value in given.items()}


def typed(parameter: Parameter, value: JSON) -> JSON:
    """Return the value as the parameter's type; a person's text is read as JSON, a list also by its lines."""
    try:
        if parameter.type == "integer":
            return int(value)
        if parameter.type == "boolean":
            return str(value).lower() in ("1", "true", "yes", "on")
        if parameter.type == "json" and isinstance(value, str):
            value = orjson.loads(value)
        if parameter.type == "json" and not isinstance(value, dict):
            raise ValueError(_("not an object"))
        if parameter.type == "list" and isinstance(value, str):
            return orjson.loads(value) if value.lstrip().startswith("[") else value.split("\n")
    except (TypeError, ValueError) as e:
        kind = _("a JSON object") if parameter.type == "json" else _("of type %(type)s", type=parameter.type)
        problem = _("must be %(kind)s", kind=kind)
        sentence = _("“%(field)s” %(problem)s.", field=parameter.name, problem=problem)
        raise RecordInvalid(sentence, fields={parameter.name: problem}) from e
    return value if parameter.type in ("json", "list") else str(value)


def _listing(found: Listing) -> JSON:
    return {"total_count": found.total, "has_more": found.more(), "list": found.rows}


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
}
