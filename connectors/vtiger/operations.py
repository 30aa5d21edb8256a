"""Vtiger's documented operations as data, for the screen and the command that call them by name, and how each is carried
out. The rule: what they answer is shown, so session names, keys and passwords are taken out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from connectors.errors import RecordInvalid
from connectors.types import JSON, Operation, Parameter
from connectors.values import is_secret_field
from connectors.vtiger.client import VtigerClient
from connectors.wording import joined, said
from connectors.wording import text as _

HIDDEN = frozenset({"token", "sessionName", "sessionId"})

MODULE = Parameter("elementType", _("Module"), required=True, help=_("As the server spells it: Contacts."))
ID = Parameter("id", _("Id"), required=True, help=_("With the module's number: 12x345."))
ELEMENT = Parameter(
    "element", _("Fields"), "json", required=True, help=_('In the server\'s spelling: {"lastname": "Ito"}.')
)

OPERATIONS = (
    Operation("getchallenge", _("Ask for a challenge; tells the server's time"), section="Login Operation"),
    Operation("login", _("Log in anew; tells the user and the version"), section="Login Operation"),
    Operation("logout", _("End the sessions of this connection"), section="Logout Operation"),
    Operation("extendsession", _("Keep the session alive"), section="Extend Session Operation"),
    Operation("listtypes", _("List the modules"), section="List Types Operation"),
    Operation("describe", _("Describe the fields of a module"), (MODULE,), section="Describe Operation"),
    Operation("create", _("Create a record"), (MODULE, ELEMENT), writes=True, section="Create Operation"),
    Operation("retrieve", _("Read one record"), (ID,), section="Retrieve Operation"),
    Operation(
        "update",
        _("Save a whole record: send all mandatory fields, and the description, which else is spoilt"),
        (ELEMENT,),
        writes=True,
        section="Update Operation",
    ),
    Operation("revise", _("Change some fields of a record"), (ID, ELEMENT), writes=True, section="Update Operation"),
    Operation("delete", _("Move a record to the recycle bin"), (ID,), writes=True, section="Delete Operation"),
    Operation(
        "query",
        _("Query a module; at most 100 rows"),
        (Parameter("query", _("Query"), required=True, help="SELECT * FROM Contacts WHERE lastname = 'Ito' LIMIT 10;"),),
        section="Query Operation",
    ),
    Operation(
        "sync",
        _("List this user's records that changed or were deleted since"),
        (MODULE, Parameter("modifiedTime", _("Since"), "integer", required=True, help=_("Unix seconds; 1 for everything."))),
        section="Sync Operation",
        errors=(_("500: servers with PHP 8 cannot do this"),),
    ),
    Operation("relatedtypes", _("List the relations of a module"), (MODULE,), section="Relations"),
    Operation(
        "retrieve_related",
        _("List the records of a relation"),
        (ID, Parameter("relatedType", _("Module"), required=True), Parameter("relatedLabel", _("Relation"), required=True)),
        section="Relations",
    ),
    Operation(
        "add_related",
        _("Make two records belong together"),
        (
            Parameter("sourceRecordId", _("Id"), required=True),
            Parameter("relatedRecordId", _("Id of the other"), required=True),
            Parameter("relationIdLabel", _("Relation"), required=True),
        ),
        writes=True,
        section="Relations",
    ),
    Operation(
        "convertlead",
        _("Make a lead an account, a contact, an opportunity"),
        (
            Parameter("leadId", _("Lead"), required=True),
            Parameter("assignedTo", _("Owner"), help=_("The id of a user or group; else the user of this connection.")),
            Parameter("entities", _("What to make"), "json", required=True, help='{"Contacts": {"create": true, "name": "Contacts", "lastname": "Ito"}}'),
        ),
        writes=True,
        section="Leads",
        errors=("LEAD_ALREADY_CONVERTED",),
    ),
    Operation("files_retrieve", _("Read the file of an attachment"), (ID,), section="Files"),
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
    wrong: dict[str, str] = dict.fromkeys(sorted(set(given) - set(known)), _("is not one of its parameters"))
    wrong |= {p.name: _("is needed") for p in operation.parameters if p.required and p.name not in given}
    for name in set(given) & set(known):
        try:
            given[name] = _READ[known[name].type](given[name])
        except ValueError as e:
            wrong[name] = said(e)
    if wrong:
        told = joined(_("; "), (_("“%(field)s” %(problem)s", field=name, problem=why) for name, why in wrong.items()))
        sentence = _(
            "The operation “%(operation)s” was not sent: %(problems)s. It takes: %(names)s.",
            operation=operation.name, problems=told, names=", ".join(known) or _("nothing"),
        )  # fmt: skip
        raise RecordInvalid(sentence, fields=wrong)
    return given


def _object(value: JSON) -> JSON:
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError as e:
        raise ValueError(_("is not JSON")) from e
    if not isinstance(read, dict):
        raise ValueError(_("must be a JSON object"))
    return read


def _integer(value: JSON) -> int:
    if not str(value).isdecimal():
        raise ValueError(_("must be a whole number"))
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
