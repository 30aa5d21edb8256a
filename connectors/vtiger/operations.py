"""Vtiger's documented operations as data, for the screen and the command that call them by name, and how each is carried
out. The rule: what they answer is shown, so session names, keys and passwords are taken out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from connectors.errors import RecordInvalid
from connectors.types import JSON, Operation, Parameter
from connectors.values import is_secret_field
from connectors.vtiger.client import VtigerClient

HIDDEN = frozenset({"token", "sessionName", "sessionId"})

MODULE = Parameter("elementType", "Module", required=True, help="As the server spells it: Contacts.")
ID = Parameter("id", "Id", required=True, help="With the module's number: 12x345.")
ELEMENT = Parameter("element", "Fields", "json", required=True, help='In the server\'s spelling: {"lastname": "Ito"}.')

OPERATIONS = (
    Operation("getchallenge", "Ask for a challenge; tells the server's time", section="Login Operation"),
    Operation("login", "Log in anew; tells the user and the version", section="Login Operation"),
    Operation("logout", "End the sessions of this connection", section="Logout Operation"),
    Operation("extendsession", "Keep the session alive", section="Extend Session Operation"),
    Operation("listtypes", "List the modules", section="List Types Operation"),
    Operation("describe", "Describe the fields of a module", (MODULE,), section="Describe Operation"),
    Operation("create", "Create a record", (MODULE, ELEMENT), writes=True, section="Create Operation"),
    Operation("retrieve", "Read one record", (ID,), section="Retrieve Operation"),
    Operation(
        "update",
        "Save a whole record: send all mandatory fields, and the description, which else is spoilt",
        (ELEMENT,),
        writes=True,
        section="Update Operation",
    ),
    Operation("revise", "Change some fields of a record", (ID, ELEMENT), writes=True, section="Update Operation"),
    Operation("delete", "Move a record to the recycle bin", (ID,), writes=True, section="Delete Operation"),
    Operation(
        "query",
        "Query a module; at most 100 rows",
        (Parameter("query", "Query", required=True, help="SELECT * FROM Contacts WHERE lastname = 'Ito' LIMIT 10;"),),
        section="Query Operation",
    ),
    Operation(
        "sync",
        "List this user's records that changed or were deleted since",
        (MODULE, Parameter("modifiedTime", "Since", "integer", required=True, help="Unix seconds; 1 for everything.")),
        section="Sync Operation",
        errors=("500: servers with PHP 8 cannot do this",),
    ),
    Operation("relatedtypes", "List the relations of a module", (MODULE,), section="Relations"),
    Operation(
        "retrieve_related",
        "List the records of a relation",
        (ID, Parameter("relatedType", "Module", required=True), Parameter("relatedLabel", "Relation", required=True)),
        section="Relations",
    ),
    Operation(
        "add_related",
        "Make two records belong together",
        (
            Parameter("sourceRecordId", "Id", required=True),
            Parameter("relatedRecordId", "Id of the other", required=True),
            Parameter("relationIdLabel", "Relation", required=True),
        ),
        writes=True,
        section="Relations",
    ),
    Operation(
        "convertlead",
        "Make a lead an account, a contact, an opportunity",
        (
            Parameter("leadId", "Lead", required=True),
            Parameter("assignedTo", "Owner", help="The id of a user or group; else the user of this connection."),
            Parameter("entities", "What to make", "json", required=True, help='{"Contacts": {"create": true, "name": "Contacts", "lastname": "Ito"}}'),
        ),
        writes=True,
        section="Leads",
        errors=("LEAD_ALREADY_CONVERTED",),
    ),
    Operation("files_retrieve", "Read the file of an attachment", (ID,), section="Files"),
)  # fmt: skip


def carry_out(client: VtigerClient, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers, without secrets. Raises RecordInvalid for parameters that are wrong."""
    return without_secrets(_DEEDS[operation.name](client, _checked(operation, params)))


def without_secrets(value: JSON) -> JSON:
    """Return an answer of any shape without sessions, keys and passwords (B13)."""
    if isinstance(value, dict):
        return {k: without_secrets(v) for k, v in value.items() if k not in HIDDEN and not is_secret_field(str(k))}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def _checked(operation: Operation, params: Mapping[str, JSON]) -> dict[str, JSON]:
    given = {name: value for name, value in params.items() if value not in (None, "")}
    known = {parameter.name: parameter for parameter in operation.parameters}
    wrong = dict.fromkeys(sorted(set(given) - set(known)), "is not one of its parameters")
    wrong |= {p.name: "is needed" for p in operation.parameters if p.required and p.name not in given}
    for name in set(given) & set(known):
        try:
            given[name] = _READ[known[name].type](given[name])
        except ValueError as e:
            wrong[name] = str(e)
    if wrong:
        told = "; ".join(f"“{name}” {why}" for name, why in wrong.items())
        takes = ", ".join(known) or "nothing"
        raise RecordInvalid(f"The operation “{operation.name}” was not sent: {told}. It takes: {takes}.", fields=wrong)
    return given


def _object(value: JSON) -> JSON:
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError as e:
        raise ValueError("is not JSON") from e
    if not isinstance(read, dict):
        raise ValueError("must be a JSON object")
    return read


def _integer(value: JSON) -> int:
    if not str(value).isdecimal():
        raise ValueError("must be a whole number")
    return int(str(value))


_READ: dict[str, Callable[[JSON], JSON]] = {"text": str, "integer": _integer, "json": _object}

_DEEDS: dict[str, Callable[[VtigerClient, dict[str, JSON]], JSON]] = {
    "getchallenge": lambda client, p: client.getchallenge(),
    "login": lambda client, p: client.login(),
    "logout": lambda client, p: client.logout(),
    "extendsession": lambda client, p: client.extendsession(),
    "listtypes": lambda client, p: client.listtypes(),
    "describe": lambda client, p: client.describe(p["elementType"]),
    "create": lambda client, p: client.create(p["elementType"], p["element"]),
    "retrieve": lambda client, p: client.retrieve(p["id"]),
    "update": lambda client, p: client.update(p["element"]),
    "revise": lambda client, p: client.revise(p["id"], p["element"]),
    "delete": lambda client, p: client.delete(p["id"]),
    "query": lambda client, p: client.query(p["query"]).rows,
    "sync": lambda client, p: client.sync(p["elementType"], p["modifiedTime"]),
    "relatedtypes": lambda client, p: client.relatedtypes(p["elementType"]),
    "retrieve_related": lambda client, p: client.retrieve_related(p["id"], p["relatedType"], p["relatedLabel"]),
    "add_related": lambda client, p: client.add_related(
        p["sourceRecordId"], p["relatedRecordId"], p["relationIdLabel"]
    ),
    "convertlead": lambda client, p: client.convertlead({"assignedTo": client.user_id(), **p}),
    "files_retrieve": lambda client, p: client.files_retrieve(p["id"]),
}
