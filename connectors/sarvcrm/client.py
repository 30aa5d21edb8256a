"""How SarvCRM talks: one method per documented call of API.php, in its own words. The rule: one token for all workers, one
login at a time, and no second try of credentials that were refused.

Vendor: "SarvCRM API" (Login, Save, Retrieve, GetModuleFields, GetRelationship, SearchByNumber, SaveRelationships); what
its servers do beyond that is in facts §1 and §6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from connectors.answer import Listing
from connectors.body import Files
from connectors.context import Call, Context
from connectors.errors import (
    AuthError,
    LockedOut,
    ProtocolError,
    QueryError,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer, Http, root_of
from connectors.sarvcrm.account import Account, refused_before
from connectors.sarvcrm.answers import BAD_SQL, Forbidden, NothingFound, SessionGone, is_file, new_id, result
from connectors.sarvcrm.rows import Row, as_rows, id_of, is_id
from connectors.types import JSON
from connectors.wording import text as _

LOGIN = Call("Login", "POST", safe=False)
LIST = Call("Retrieve", "POST", safe=True)
GET = Call("Retrieve", "GET", safe=True)
FIELDS = Call("GetModuleFields", "GET", safe=True)
RELATED = Call("GetRelationship", "POST", safe=True)
SEARCH = Call("SearchByNumber", "GET", safe=True)
CREATE = Call("Save", "POST", safe=False, writes=True)
UPDATE = Call("Save", "PUT", safe=False, writes=True)
DELETE = Call("Save", "DELETE", safe=False, writes=True)
LINK = Call("SaveRelationships", "POST", safe=False, writes=True)

PAGE = 300  # what the clients in use ask for at most (facts §1.3)
SLOT, REFUSED, NO_HELP = "0", "refused", "login did not help"
NO_HELP_FOR = timedelta(hours=1)  # a login that did not end a 403 is not tried again for so long


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask of a list. `query` and `order_by` are SQL (see `pushdown`); no `fields` means all."""

    query: str = ""
    order_by: str = ""
    fields: Sequence[str] = ()
    limit: int = PAGE
    offset: int = 0

    def body(self) -> dict[str, JSON]:
        """Return the body; the list of fields under both of its names (facts §1.3, §6)."""
        asked: dict[str, JSON] = {"query": self.query, "order_by": self.order_by}
        if self.fields:
            asked |= {"selected_fields": [*self.fields], "select_fields": [*self.fields]}
        return {**asked, "limit": self.limit, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: parameters of the address, a body in JSON, or as a form, multipart with files. `about` names module and
    record in errors; `may_be_file` says that the answer may be a file itself."""

    params: Mapping[str, JSON]
    body: Mapping[str, JSON] | None = None
    about: str = ""
    files: Files | None = None
    form: bool = False
    may_be_file: bool = False


class SarvClient:
    """One user at one SarvCRM. Thread-safe."""

    def __init__(self, url: str, account: Account, context: Context) -> None:
        """Raises ConfigError for an address that cannot be right."""
        self.root = root(url)
        self.account = account
        self.context = context
        self._http = Http(context, f"{self.root}/API.php")

    def close(self) -> None:
        """Give back the sockets; the token stays, other processes use it."""
        self._http.close()

    # Logging in

    def login(self) -> Row:
        """Log in, keep the token for all workers, and return what else the server tells.

        For a person who asks for it: also after a refusal, which is then forgotten or told anew.
        """
        with self.context.sessions.login():
            return self._login()[1]

    def _login(self) -> tuple[str, Row]:
        sessions = self.context.sessions
        try:
            told = result(LOGIN, self._http.send(LOGIN, params={"method": "Login"}, data=self.account.credentials()))
        except (AuthError, LockedOut, Forbidden) as e:
            sessions.put(REFUSED, e.code)  # codes 10, 1008, 1009 and what is like them: never a second try by itself
            raise
        except (Unavailable, ProtocolError) as e:
            e.maybe_done = False  # not repeated, since it may count as a wrong password, but it changed no record
            raise
        token = told.get("token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not token:
            raise ProtocolError(_("SarvCRM's answer to “Login” holds no token."))
        if refused := sessions.get(REFUSED):
            sessions.drop(REFUSED, refused)
        sessions.put(SLOT, token)
        return token, {name: value for name, value in told.items() if name != "token"}

    def _session(self) -> str:
        """Return the token all workers share; one of them logs in where there is none."""
        sessions = self.context.sessions
        if token := sessions.get(SLOT):
            return token
        with sessions.login():
            if token := sessions.get(SLOT):
                return token
            if code := sessions.get(REFUSED):
                raise refused_before(code)
            return self._login()[0]

    # The documented calls

    def create(self, module: str, values: Mapping[str, JSON], files: Files | None = None) -> str:
        """POST Save: create a record and return its id. `files` makes it multipart: each under its field of type file."""
        request = Request({"method": "Save", "module": module}, dict(values), module, files)
        return new_id(*self._ask(CREATE, request))

    def listing(self, module: str, asked: Question) -> Listing:
        """POST Retrieve: one page of records. Code 51 is an empty page (facts §6)."""
        return self._rows(LIST, Request({"method": "Retrieve", "module": module}, asked.body(), module))

    def get(self, module: str, id: str) -> Row:
        """GET Retrieve with an id: a list of one. Raises RecordNotFound, also for an empty list, and ProtocolError for another
        record: a server that passes over the id says nothing of whether this one is there."""
        found = self._rows(GET, one("Retrieve", module, id, about=module)).rows
        if not found:
            raise RecordNotFound(_("There is no %(name)s %(id)s in SarvCRM, or not any more.", name=module, id=id))
        if id_of(found[0]).lower() != id.lower():
            raise ProtocolError(_("SarvCRM was asked for %(name)s %(id)s and sent another record.", name=module, id=id))
        return found[0]

    def update(self, module: str, id: str, values: Mapping[str, JSON]) -> None:
        """PUT Save: change these fields only. Raises RecordNotFound, and ProtocolError where another record was changed."""
        answer, told = self._ask(UPDATE, one("Save", module, id, dict(values)))
        if isinstance(told, dict) and told.get("id") and new_id(answer, told).lower() != id.lower():
            raise answer.not_understood(_("another record's id in answer to a write"))

    def delete(self, module: str, id: str) -> None:
        """DELETE Save: delete the record. Raises RecordNotFound."""
        self._ask(DELETE, one("Save", module, id))

    def module_fields(self, module: str) -> JSON:
        """GET GetModuleFields: the fields, an object by name or a list. Raises QueryError for an unknown module."""
        return self._ask(FIELDS, Request({"method": "GetModuleFields", "module": module}, about=module))[1]

    def relationship(self, module: str, id: str, field: str, asked: Question) -> Listing:
        """POST GetRelationship: one page of the records behind a relation field (facts §6: never `Retrieve`)."""
        return self._rows(RELATED, one("GetRelationship", module, id, asked.body(), related_field=field))

    def search_by_number(self, number: str, module: str = "") -> list[Row]:
        """GET SearchByNumber: who has that phone number, [{module, id, name}]."""
        params = {"method": "SearchByNumber", "number": number, **({"module": module} if module else {})}
        return self._rows(SEARCH, Request(params, about=module)).rows

    def save_relationships(self, module: str, id: str, field: str, records: Sequence[JSON]) -> None:
        """POST SaveRelationships: link these records, each an id or an object with id and more. Answers without data."""
        self._ask(LINK, one("SaveRelationships", module, id, {"field_name": field, "related_records": [*records]}))

    def attachment(self, method: str, module: str, id: str) -> tuple[Answer, JSON]:
        """GET the call a person has named for it: a file, as the answer itself (then its data is None) or within it."""
        call, params = Call(method, "GET", safe=False), {"method": method, "module": module, "id": checked_id(id)}
        return self._ask(call, Request(params, about=f"{module} {id}", may_be_file=True))

    def call(self, verb: str, request: Request) -> tuple[Answer, JSON]:
        """Any call by name, for what the document only names. Never repeated; taken for one that writes."""
        return self._ask(Call("call", verb, safe=False, writes=True), replace(request, may_be_file=True))

    # Requests

    def _ask(self, call: Call, request: Request) -> tuple[Answer, JSON]:
        """Return an answer and its data, logging in again once when the token is forgotten: the server looks at it before
        anything else, so a write refused for it was not done. A 403 says that less clearly, so no write is repeated for it."""
        token = self._session()
        try:
            return self._send(call, request, token)
        except SessionGone:
            self.context.sessions.drop(SLOT, token)
        except Forbidden:
            if call.writes or not self._login_may_help():
                raise
            self.context.sessions.drop(SLOT, token)
        try:
            return self._send(call, request, self._session())
        except Forbidden:
            self.context.sessions.put(NO_HELP, self.context.clock.now().isoformat(timespec="seconds"))
            raise

    def _login_may_help(self) -> bool:
        """Say whether a 403 is worth a new login: each takes one of few sessions (code 60), whichever module refuses."""
        last = self.context.sessions.get(NO_HELP)
        return not last or self.context.clock.now() - datetime.fromisoformat(last) >= NO_HELP_FOR

    def _send(self, call: Call, request: Request, token: str) -> tuple[Answer, JSON]:
        head, plain = {"Authorization": f"Bearer {token}"}, request.files is None and not request.form
        body = {"json": request.body} if plain else {"data": request.body, "files": request.files}
        answer = self._http.send(call, params=request.params, headers=head, **body)
        if request.may_be_file and is_file(answer):
            return answer, None
        try:
            return answer, result(call, answer, request.about)
        except NothingFound as e:
            e.at = answer.at
            raise
        except QueryError as e:
            if e.code != BAD_SQL or request.body is not None:
                raise
            sentence = _("SarvCRM's database failed while it was asked for %(about)s.", about=request.about)
            raise Unavailable(sentence, code=e.code) from e  # nothing of ours was in the query

    def _rows(self, call: Call, request: Request) -> Listing:
        try:
            answer, told = self._ask(call, request)
        except NothingFound as e:
            return Listing([], e.at)
        return Listing(as_rows(answer, told), answer.at)

    def page_of(self, module: str, id: str) -> str:
        """Return the address of a record in SarvCRM's own screens (facts §1.1)."""
        asked = {"utype": self.account.utype, "module": module, "action": "DetailView", "record": id}
        return f"{self.root}/index.php?{urlencode(asked)}"


def root(url: str) -> str:
    """Return the server's root for an address with or without API.php or a page behind it. Raises ConfigError."""
    return root_of(url, "https://app.sarvcrm.com/API.php", "/API.php", "/api.php", "/index.php")


def one(
    method: str, module: str, id: str, body: Mapping[str, JSON] | None = None, about: str = "", **more: JSON
) -> Request:
    """Return the request about one record. Raises RecordNotFound for what cannot be an id."""
    params = {"method": method, "module": module, "id": checked_id(id), **more}
    return Request(params, body, about or f"{module} {id}")


def checked_id(id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one."""
    if not is_id(id):
        raise RecordNotFound(_("“%(id)s” is not an id of SarvCRM.", id=id[:40]))
    return id
