"""The webservice's operations carried out by the mobile API, for a connection that has the password only. The rule: what
comes out has the webservice's shape, and what the mobile API cannot do is said before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.body import Files
from connectors.context import Call, Context
from connectors.errors import (
    AccessDenied,
    ConfigError,
    ConnectorError,
    ProtocolError,
    QueryError,
    RecordNotFound,
    RetryLater,
    Unavailable,
)
from connectors.http import Answer
from connectors.simplycrm.client import MobileClient
from connectors.simplycrm.records import asked, flat
from connectors.types import JSON, Owner
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.owners import Owners
from connectors.vtiger.reading import Reader
from connectors.vtiger.rows import Row
from connectors.vtiger.vtql import PAGE
from connectors.wording import text as _

COUNTS = "mobile counts"
USERS_PREFIX = "users prefix"
EVENTS_LABEL = "events label"
CALENDAR, EVENTS = "Calendar", "Events"  # tasks; meetings and calls, with numbers of their own (document)
COUNT = "SELECT count(*) "
WITH_OWNERS = (
    "Contacts",
    "Leads",
    "Accounts",
    "HelpDesk",
    "Potentials",
    "Campaigns",
    "Calendar",
)  # describe's document


class MobileWebservice(VtigerClient):
    """Asked like the webservice's client; asks the mobile API."""

    def __init__(self, mobile: MobileClient, context: Context) -> None:
        super().__init__(mobile.label, mobile.root, mobile.username, "", context)
        self.mobile = mobile
        self._module_of: dict[str, str] = {}  # first part of its ids → module, of those described
        self._deeds: dict[str, Callable[[Mapping[str, JSON]], JSON]] = {
            "listtypes": lambda p: self._listtypes(),
            "describe": lambda p: self._describe(p["elementType"]),
            "relatedtypes": lambda p: {"information": {name: {"name": name} for name in self._listtypes()["types"]}},
            "retrieve": lambda p: flat(self.mobile.fetch_record(p["id"])),
            "retrieve_related": lambda p: self.whole_relation(p["id"], p["relatedType"]),
            "delete": lambda p: self._delete(p["id"]),
        }

    def close(self) -> None:
        """Give back the sockets."""
        super().close()
        self.mobile.close()

    @property
    def counts(self) -> bool:
        return self.context.learned.get(COUNTS) is not False

    def login(self, slot: str = "0") -> Row:
        """Log in to the mobile API and return what it tells, under the webservice's names."""
        told = self.mobile.login()
        return {**told, "username": self.username, "userId": self.user_id()}

    def user_id(self) -> str:
        """Return the id of the user we are: the API tells the number, the description of Users what stands before it."""
        learned = self.context.learned
        prefix = learned.get(USERS_PREFIX)
        if not prefix:
            try:
                prefix = str(self.mobile.describe("Users").get("idPrefix") or "19")
            except RetryLater:
                raise
            except ConnectorError:
                prefix = "19"  # what every sample of the document has
            learned.set(USERS_PREFIX, prefix)
        return f"{prefix}x{self.mobile.userid()}"

    # Writing has parameters of its own, so it does not go through `_ask`.

    def create(self, module: str, element: Mapping[str, JSON], files: Files | None = None) -> Row:
        if files is not None:
            raise without_key(_("upload files"))
        return flat(self.mobile.save_record(module, element))

    def revise(self, id: str, changes: Mapping[str, JSON]) -> Row:
        module = self._module_of.get(id.partition("x")[0], "")  # not looked at when a record is changed (G8)
        return flat(self.mobile.save_record(module, changes, id))

    def _ask(
        self, operation: str, params: Mapping[str, JSON], files: Files | None = None, call: Call | None = None
    ) -> tuple[JSON, Answer]:
        if operation == "query":
            return self._query(str(params["query"]))
        deed = self._deeds.get(operation)
        if deed is None:
            raise without_key(_("carry out “%(operation)s”", operation=operation))
        return deed(params), Answer(200, {}, b"")

    def _listtypes(self) -> Row:
        found = [module for module in self.mobile.login_and_fetch_modules() if module.get("name")]
        names = {module["name"] for module in found}
        if CALENDAR in names and EVENTS not in names and (label := self._events()):
            found.append({"name": EVENTS, "label": label, "isEntity": True})
        return {"types": [str(m["name"]) for m in found], "information": {str(m["name"]): m for m in found}}

    def _events(self) -> str:
        """Return the label of the module of meetings and calls, which this API lists under the calendar; "" if there is none."""
        learned = self.context.learned
        if learned.get(EVENTS_LABEL) is None:
            try:
                label = str(self.mobile.describe(EVENTS).get("label") or EVENTS)
            except (QueryError, AccessDenied):
                label = ""
            learned.set(EVENTS_LABEL, label)
        return str(learned.get(EVENTS_LABEL))

    def _describe(self, module: str) -> Row:
        told = normal(self.mobile.describe(module))
        self._module_of[str(told.get("idPrefix"))] = module
        return told

    def _query(self, statement: str) -> tuple[JSON, Answer]:
        if statement.startswith(COUNT):
            return self._count(statement)
        try:
            found, answer = self.mobile.query(statement)
        except AccessDenied as e:
            if e.code != "ACCESS_DENIED" or statement.startswith("SELECT id FROM "):
                raise
            return self._one_by_one(statement)
        return asked(found, statement), answer

    def _one_by_one(self, statement: str) -> tuple[JSON, Answer]:
        """Return the rows of a page that one record spoils, whose owner is no more (G13): ids alone can be asked for, then
        each record. The one that cannot be read is left out, as the server leaves out what we may not see."""
        ids, answer = self.mobile.query(f"SELECT id FROM {statement.partition(' FROM ')[2]}")  # noqa: S608
        found: list[Row] = []
        for row in ids:
            try:
                found.append(self.mobile.fetch_record(str(row.get("id"))))
            except (AccessDenied, RecordNotFound) as e:
                if e.code != "ACCESS_DENIED":
                    raise
        return asked(found, statement), answer

    def _count(self, statement: str) -> tuple[JSON, Answer]:
        """Return [{"count"}]. No fact says whether this API passes a count on: where it does not, ids are read."""
        learned = self.context.learned
        if learned.get(COUNTS) is not False:
            try:
                found, answer = self.mobile.query(statement.removesuffix(";") + " LIMIT 1;")
                if found and str(found[0].get("count", "")).isdecimal():
                    return [{"count": found[0]["count"]}], answer
            except (ProtocolError, QueryError, Unavailable) as e:
                if isinstance(e, Unavailable) and e.code != "500":
                    raise
            learned.set(COUNTS, False)
        return self._counted(statement.removeprefix(COUNT).removesuffix(";"))

    def _counted(self, rest: str) -> tuple[JSON, Answer]:
        total, offset = 0, 0
        while True:
            found, answer = self.mobile.query(f"SELECT id {rest} ORDER BY id LIMIT {offset},{PAGE};")  # noqa: S608
            if not found:
                return [{"count": str(total)}], answer
            total, offset = total + len(found), offset + PAGE  # rows we may not see are lost after LIMIT (C16)

    def begun_relation(self, id: str, module: str, label: str) -> tuple[list[Row], bool]:
        came, following = self.mobile.related_records_with_grouping(id, module)
        return [flat(record) for record in came], bool(following)

    def whole_relation(self, id: str, module: str) -> list[Row]:
        """Return all records of a relation: here they come page by page."""
        found: dict[str, Row] = {}
        page = 0
        while True:
            came, page = self.mobile.related_records_with_grouping(id, module, page)
            fresh = {str(record.get("id")): flat(record) for record in came}
            if not page or fresh.keys() <= found.keys():  # pages may overlap, and must end
                return list((found | fresh).values())
            found |= fresh

    def _delete(self, id: str) -> None:
        self.mobile.fetch_record(id)  # only the number is sent: it must be the number of this very record
        self.mobile.delete_record(id)


class MobileOwners(Owners):
    """Users and groups from the choices of an owner field, where the server gives them; else by query."""

    def __init__(self, client: MobileWebservice, reader: Callable[[str], Reader]) -> None:
        super().__init__(client, reader)
        self._mobile = client.mobile

    def everyone(self) -> list[Owner]:
        found = self._told()
        if not found:
            return super().everyone()
        self._known = frozenset(owner.id for owner in found)
        return found

    def _told(self) -> list[Owner]:
        for module in WITH_OWNERS:
            try:
                told = self._mobile.describe(module)
            except QueryError:
                continue
            return [owner for field in told.get("fields") or [] for owner in owners(field)]
        return []


def owners(field: Row) -> list[Owner]:
    """Return the owners among the choices of a described field (G15): {"users": {id: name}, "groups": {id: name}}."""
    choices = (field.get("type") or {}).get("picklistValues")
    if not isinstance(choices, dict) or (field.get("type") or {}).get("name") != "owner":
        return []
    users = [Owner(str(id), str(name)) for id, name in (choices.get("users") or {}).items()]
    return users + [Owner(str(id), str(name), "group") for id, name in (choices.get("groups") or {}).items()]


def normal(described: Row) -> Row:
    """Return a description as the webservice gives it: no choices that are an object."""
    return {**described, "fields": [_without_owners(field) for field in described.get("fields") or []]}


def _without_owners(field: Row) -> Row:
    kind = field.get("type") or {}
    if not isinstance(kind.get("picklistValues"), dict):
        return field
    return {**field, "type": {name: value for name, value in kind.items() if name != "picklistValues"}}


def without_key(what: str) -> ConfigError:
    """Return the error for what only the webservice can do."""
    return ConfigError(
        _("Simply CRM can %(what)s only with the user's access key, which this connection lacks.", what=what)
    )
