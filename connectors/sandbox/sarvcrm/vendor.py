"""The simulated SarvCRM API v5: one address, a method and a module in it, by the vendor's document (sarvcrm.txt) and what public
clients saw of real servers (facts §1). What neither tells is decided here and can be switched."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import orjson

from connectors.sandbox.sarvcrm import backdoor, named, reading, relations, writing
from connectors.sandbox.sarvcrm.body import sent
from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import MESSAGES, SarvError, SqlError
from connectors.sandbox.sarvcrm.schema import Module, described
from connectors.sandbox.sarvcrm.seed import sow
from connectors.sandbox.sarvcrm.sessions import UTYPE, Session, Sessions
from connectors.sandbox.store import Store
from connectors.sandbox.wire import Clock, Reply, Request

JSON = Any
PAGE = "/API.php"
ZONE = "Asia/Tehran"
SAVED = {"POST": "create", "PUT": "update", "DELETE": "delete"}
SWITCHES: dict[str, JSON] = {
    "error_codes": False,  # errors tell their code besides the message; the document's sample does not
    "status_as_text": False,  # "status":"200" for 200
    "http_200": False,  # every answer is HTTP 200, only the body's status tells
    "id_as_list": False,  # Save answers "id": [id], as the document's text has it
    "fields_as": "map",  # GetModuleFields by name; "list": a list
    "login_keys": ["user_name", "username"],  # what the login name may be called
    "fields_keys": ["selected_fields", "select_fields"],  # what the field list may be called
    "page_size": 20,  # rows without a limit (list_max_entries_per_page)
    "largest_page": 0,  # pages are cut to so many rows without a word; 0: never
    "max_rows": 0,  # a greater limit is 400/90; 0: none is
    "no_records": "empty",  # an empty list; "51": 404/51
    "missing_record": "400/22",  # Retrieve of an id that is not there; "": an empty list
    "options_shape": "",  # one of schema.options' for all fields; "": all of them in turn
    "multienum_as": "carets",  # "^A^,^B^"; "list": a list
    "not_here": [],  # modules answered 404/20
    "denied": [],  # modules answered 403/40
    "unique": [],  # fields ("Leads.email1") two records may not share: 400/50
    "fail_with": {},  # {operation or method: "HTTP/code" of the error table}
    "fail_next": [],  # what records, lists and relations say next, each once: "HTTP/code", or "1205 Lock wait timeout" of MySQL
    "passes_over": {},  # {method: parameters it does not look at}: {"GetRelationship": ["offset"]}
    "max_sessions": 0,  # more logins are 401/60; 0: no limit
    "session_seconds": 86400,  # a token lives so long
    "lock_out_after": 5,  # wrong passwords of one name, after which it is 401/1009; 0: never
    "max_upload": 2 * 1024 * 1024,  # bytes; a greater file is 400/16
    "attachment_as": "data",  # a file in base64 within the data; "file": the answer is the file
    "also_related": [],  # ids that every relation to their module shows, as if a link were kept elsewhere
    "relations_replace": False,  # SaveRelationships replaces what was there instead of adding
    "database_zone": "UTC",  # the zone of times in the database, which `query` compares
    "no_column": [],  # fields of the metadata that the database has no column for
    "sql_status": 200,  # of the body that tells a MySQL error
}


class SarvCrm:
    """One simulated account. Its switches are SWITCHES."""

    slug = "sarvcrm"

    def __init__(self, store: Store, records: int, seed: int) -> None:
        self.store, self.lock, self.clock = store, store.lock, Clock()
        self.switches: dict[str, JSON] = {}
        self.crm = Crm(store, self.clock, self.switches)
        self.sessions = Sessions(self.crm)
        self._records, self._seed = records, seed
        self._begin()

    def reset(self) -> None:
        with self.lock:
            self.store.clear()
            self._begin()

    def _begin(self) -> None:
        self.clock.reset()
        self.clock.zone = ZoneInfo(ZONE)
        self.switches.update(orjson.loads(orjson.dumps(SWITCHES)))
        if self.store.is_empty:
            self.store.note("seed", self._seed)
            self.store.sow(lambda: sow(self.crm, self._records, self._seed))
        self.crm.begin()
        self.sessions.begin()

    def credentials(self, url: str) -> dict[str, str]:
        told = {"url": url + PAGE, "utype": UTYPE, "username": "api", "language": "en_US"}
        return {**told, "password": self.sessions.password}

    def expire_sessions(self) -> None:
        with self.lock:
            self.sessions.end_all()

    def operation(self, request: Request) -> str:
        """Return e.g. "list Leads", "get Leads", "create Leads", "update Leads", "delete Leads", "GetModuleFields Leads", "Login"."""
        method, module = request.query.get("method", ""), request.query.get("module", "")
        if method == "Retrieve":
            method = "get" if request.query.get("id") else "list"
        elif method == "Save":
            method = SAVED.get(request.method, method)
        return f"{method} {module}".strip()

    def session_key(self, request: Request) -> str | None:
        return None

    def answer(self, request: Request) -> Reply:
        if not request.path.rstrip("/").endswith(PAGE):  # a public client writes a slash after it
            return Reply(404, b"<html><body><h1>Not Found</h1></body></html>", "text/html; charset=UTF-8")
        try:
            with self.lock:
                told = self._answered(request)
                return told if isinstance(told, Reply) else self._json(*told)
        except SarvError as e:
            code = {"code": e.code} if self.switches["error_codes"] else {}
            return self._json(e.status, e.message, {"data": [], **code})
        except SqlError as e:
            return self._sql_error(request, e)

    def _answered(self, request: Request) -> tuple[int, JSON, dict[str, JSON]] | Reply:
        """Return status, message and the rest of the body; or an answer that is none of these."""
        method = request.query.get("method", "")
        failing: dict[str, str] = self.switches["fail_with"]
        if key := failing.get(self.operation(request)) or failing.get(method):
            raise SarvError(key)
        if method == "Login":
            if request.method != "POST":
                raise SarvError("400/1000")
            return 200, "", {"data": self.sessions.login(sent(request))}
        session = self.sessions.of(request.headers.get("authorization", ""))
        deed = getattr(self, f"_{request.method.lower()}_{method}", None) if method.isalpha() else None
        if deed is None:
            raise SarvError("400/1000")
        if method == "SearchByNumber":
            return 200, "", {"data": deed(request)}
        answered: tuple[int, JSON, dict[str, JSON]] | Reply = deed(
            request, self.crm.module(request.query.get("module", "")), session
        )
        return answered

    def _get_GetModuleFields(self, request: Request, module: Module, session: Session) -> JSON:
        told = described(module, session[2], self.switches["options_shape"])
        return 200, "", {"data": list(told.values()) if self.switches["fields_as"] == "list" else told}

    def _get_Retrieve(self, request: Request, module: Module, session: Session) -> JSON:
        record_id = request.query.get("id")
        if record_id:
            self._fail_next()
            return 200, "", {"data": reading.one(self.crm, module, record_id, {**request.query, **sent(request)})}
        asked = self._asked(request)
        return 200, "", {"data": reading.retrieve(self.crm, module, asked, request.overlap)}

    _post_Retrieve = _get_Retrieve

    def _post_Save(self, request: Request, module: Module, session: Session) -> JSON:
        self._writable(module, session)
        made = writing.create(self.crm, module, sent(request), session[0])
        return 201, ["The record has been created."], {"data": {"id": self._saved(made)}}

    def _put_Save(self, request: Request, module: Module, session: Session) -> JSON:
        self._writable(module, session)
        updated = writing.update(self.crm, module, request.query.get("id", ""), sent(request), session[0])
        return 200, ["The record has been updated."], {"data": {"id": self._saved(updated)}}

    def _delete_Save(self, request: Request, module: Module, session: Session) -> JSON:
        self._writable(module, session)
        writing.delete(self.crm, module, request.query.get("id", ""), session[0])
        return 200, "The record has been deleted.", {"data": []}

    def _saved(self, record_id: str) -> JSON:
        return [record_id] if self.switches["id_as_list"] else record_id

    def _writable(self, module: Module, session: Session) -> None:
        """Raises SarvError 401/70 where only an administrator may write."""
        user = self.crm.find("Users", session[0])
        if module.name in ("Users", "ACLRoles") and (user is None or user.values["is_admin"] != "1"):
            raise SarvError("401/70")

    def _fail_next(self) -> None:
        """Raises SarvError, SqlError for what the switch `fail_next` has in store."""
        if coming := self.switches["fail_next"]:
            key, *self.switches["fail_next"] = coming
            if key in MESSAGES:
                raise SarvError(key)
            number, _, message = key.partition(" ")
            raise SqlError(int(number), message)

    def _asked(self, request: Request) -> dict[str, JSON]:
        """Return the parameters of a list. Raises SarvError, SqlError."""
        self._fail_next()
        passed_over = self.switches["passes_over"].get(request.query.get("method"), ())
        return {name: value for name, value in {**request.query, **sent(request)}.items() if name not in passed_over}

    def _get_GetRelationship(self, request: Request, module: Module, session: Session) -> JSON:
        asked = self._asked(request)
        row, name = self.crm.row(module, request.query.get("id", "")), request.query.get("related_field", "")
        return 200, "", {"data": relations.related(self.crm, module, row, name, asked, request.overlap)}

    _post_GetRelationship = _get_GetRelationship

    def _post_SaveRelationships(self, request: Request, module: Module, session: Session) -> JSON:
        relations.relate(self.crm, module, self.crm.row(module, request.query.get("id", "")), sent(request))
        return 200, "Created Successfully", {}

    def _get_SearchByNumber(self, request: Request) -> list[JSON]:
        return reading.by_number(self.crm, request.query.get("number", ""), request.query.get("module", ""))

    def _get_GetSurveyQuestions(self, request: Request, module: Module, session: Session) -> JSON:
        return 200, "", {"data": named.survey_questions(self.crm, module, request.query.get("id", ""))}

    def _get_GetResourceAttachment(self, request: Request, module: Module, session: Session) -> JSON:
        told = named.attachment(self.crm, module, request.query.get("id", ""))
        return named.as_file(told) if self.switches["attachment_as"] == "file" else (200, "", {"data": told})

    def _post_LeaveComment(self, request: Request, module: Module, session: Session) -> JSON:
        made = named.comment(self.crm, module, request.query.get("id", ""), sent(request), session[0])
        return 201, ["The record has been created."], {"data": {"id": made}}

    def _json(self, status: int, message: JSON, more: dict[str, JSON]) -> Reply:
        told = str(status) if self.switches["status_as_text"] else status
        return Reply(
            200 if self.switches["http_200"] else status, orjson.dumps({"status": told, "message": message, **more})
        )

    def _sql_error(self, request: Request, error: SqlError) -> Reply:
        text = f"Error retrieving {request.query.get('module', '')} list: Query Failed: MySQL Error {error.number}: {error}"
        return Reply(self.switches["sql_status"], text.encode(), "text/html; charset=UTF-8")

    def records(self, module: str, deleted: bool) -> list[JSON]:
        with self.lock:
            return backdoor.records(self.crm, module, deleted)

    def mutate(self, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
        with self.lock:
            return backdoor.mutate(self.crm, action, module, record_id, values, touch)
