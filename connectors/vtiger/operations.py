"""Vtiger's documented operations as data, for the screen and the command that call them by name, and how each is carried
out. The rule: what they answer is shown, so session names, keys and passwords are taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from connectors.errors import QueryError
from connectors.operations import checked, without_secrets
from connectors.types import JSON, Choice, Operation, Parameter
from connectors.vtiger.client import VtigerClient
from connectors.wording import text as _

HIDDEN = frozenset({"token", "sessionName", "sessionId", "key"})  # the last of an application that registers
OURS = frozenset({"operation", "sessionName", "format"})  # parameters that no raw call may set
VERBS = tuple(Choice(verb, verb) for verb in ("GET", "POST"))

MODULE = Parameter("elementType", _("Module"), required=True, help=_("As the server spells it: Contacts."))
ID = Parameter("id", _("Id"), required=True, help=_("With the module's number: 12x345."))
ELEMENT = Parameter(
    "element", _("Fields"), "json", required=True, help=_('In the server\'s spelling: {"lastname": "Ito"}.')
)

OPERATIONS: tuple[Operation, ...] = (
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
        (replace(MODULE, required=False, help=_("Empty for all modules, which few servers can.")), Parameter("modifiedTime", _("Since"), "integer", required=True, help=_("Unix seconds; 1 for everything."))),
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
    Operation(
        "call",
        _("Carry out any other operation by its name and return what the server sends"),
        (
            Parameter("operation", _("Operation"), required=True, help="wsapp_getHandlers"),
            Parameter("verb", _("HTTP verb"), required=True, choices=VERBS, help=_("Servers take each operation by one verb only.")),
            Parameter("params", _("Parameters"), "json", help='{"elementType": "Contacts", "element": {"lastname": "Ito"}}'),
        ),
        writes=True,
        section="Request Format",
        admin_only=True,
    ),
)  # fmt: skip


def carry_out(client: VtigerClient, operation: Operation, params: Mapping[str, JSON]) -> JSON:
    """Return what the server answers, without secrets (B13). Raises QueryError for parameters that are wrong."""
    return without_secrets(_DEEDS[operation.name](client, checked(operation, params)), HIDDEN)


def raw(operation: str, given: Mapping[str, JSON], logins: Set[str], ours: Set[str]) -> tuple[str, dict[str, JSON]]:
    """Return the name and the parameters of a raw call. Raises QueryError for a login, whose answer would be a session, and for
    parameters that are the connection's to set."""
    name, params = operation.strip(), dict(given)
    if name.lower() in {login.lower() for login in logins}:
        raise QueryError(_("Use the operation “login”: it shows no session, and logs in as this connection does."))
    if set_by_us := ours & params.keys():
        names = ", ".join(sorted(set_by_us))
        raise QueryError(_("The portal sets these parameters itself: %(names)s. Leave them out.", names=names))
    return name, params


def _call(client: VtigerClient, p: dict[str, JSON]) -> JSON:
    return client.call(p["verb"], *raw(p["operation"], p.get("params", {}), {"login"}, OURS))


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
    "sync": lambda client, p: client.sync(p.get("elementType", ""), p["modifiedTime"]),
    "relatedtypes": lambda client, p: client.relatedtypes(p["elementType"]),
    "retrieve_related": lambda client, p: client.retrieve_related(p["id"], p["relatedType"], p["relatedLabel"]),
    "add_related": lambda client, p: client.add_related(
        p["sourceRecordId"], p["relatedRecordId"], p["relationIdLabel"]
    ),
    "convertlead": lambda client, p: client.convertlead({"assignedTo": client.user_id(), **p}),
    "files_retrieve": lambda client, p: client.files_retrieve(p["id"]),
    "call": _call,
}
