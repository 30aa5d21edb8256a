"""Really Simple Systems' documented calls as data, for the screen and the command that call them by name, and how each is
carried out. The rule: what they answer is shown, so password-like fields are taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from connectors.errors import ConfigError, RecordInvalid
from connectors.reallysimple.client import PAGE, Listing, ReallySimpleClient
from connectors.types import JSON, Operation, Parameter
from connectors.values import is_secret_field

OBJECT = Parameter("object", "Object", required=True, help="As the document spells it: accounts, opportunity_lines.")
ID = Parameter("id", "Id", required=True)
LIMIT = Parameter("limit", "Limit", "integer", help="At most 100.")
PAGE_NUMBER = Parameter("page", "Page", "integer", help="Counted from 1.")
LINES = Parameter("lines", "With lines", "boolean", help="For opportunities: their lines beside them.")
RECORD = Parameter("record", "Fields", "json", required=True, help='In the vendor\'s spelling: {"name": "Acme"}.')

OPERATIONS = (
    Operation("datadictionary", "Return the fields of an object", (OBJECT,), section="Data Dictionary"),
    Operation(
        "lookup",
        "Return the entries of a pick list",
        (OBJECT, Parameter("field", "Field", required=True, help="type")),
        section="Lookup lists/dropdowns",
    ),
    Operation(
        "append_lookup",
        "Add entries to a pick list",
        (
            Parameter(
                "list_name", "Name of the list", required=True, help="The list's own name, not object and field."
            ),
            Parameter("items", "Entries", "list", required=True),
        ),
        writes=True,
        section="Appending to lookup list/dropdown",
    ),
    Operation(
        "list",
        "Return one page of records as the server sends them",
        (
            OBJECT,
            LIMIT,
            PAGE_NUMBER,
            LINES,
            Parameter("q", "Filter", "json", help='{"name": {"$sw": "tes"}}'),
            Parameter("order", "Order", "json", help='{"name": "asc"}'),
        ),
        section="Filtering results",
    ),
    Operation("get", "Return one record as the server sends it", (OBJECT, ID, LINES), section="GET Requests"),
    Operation(
        "related",
        "Return the records of another object that hang on a record",
        (OBJECT, ID, Parameter("relation", "Object related", required=True, help="contacts"), LIMIT, PAGE_NUMBER),
        section="GET Requests",
    ),
    Operation("create", "Create a record", (OBJECT, RECORD), writes=True, section="POST Requests"),
    Operation("update", "Change fields of a record", (OBJECT, ID, RECORD), writes=True, section="PATCH Requests"),
    Operation("delete", "Delete a record", (OBJECT, ID), writes=True, section="DELETE Requests"),
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
        wrong = f"needs {', '.join(missing)}" if missing else f"has no {', '.join(sorted(given.keys() - known))}"
        raise ConfigError(f"The operation “{operation.name}” {wrong}. It takes: {', '.join(known)}.")
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
            raise ValueError("not an object")
        if parameter.type == "list" and isinstance(value, str):
            return orjson.loads(value) if value.lstrip().startswith("[") else value.split("\n")
    except (TypeError, ValueError) as e:
        kind = "a JSON object" if parameter.type == "json" else f"of type {parameter.type}"
        raise RecordInvalid(f"“{parameter.name}” must be {kind}.", fields={parameter.name: f"must be {kind}"}) from e
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
