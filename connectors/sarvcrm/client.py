"""How SarvCRM talks: one method per documented call of API.php, in its own words. The rule: one token for all workers, one
login at a time, and no second try of credentials that were refused.

Vendor: "SarvCRM API" (Login, Save, Retrieve, GetModuleFields, GetRelationship, SearchByNumber, SaveRelationships); what
its servers do beyond that is in facts §1 and §6.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from connectors.body import Files
from connectors.context import Call, Context
from connectors.errors import (
    AuthError,
    ConfigError,
    ConnectorError,
    LockedOut,
    ProtocolError,
    RecordNotFound,
    Unavailable,
)
from connectors.http import Answer, Http
from connectors.sarvcrm.answers import result
from connectors.sarvcrm.meanings import Forbidden, NothingFound, SessionGone
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
SLOT, REFUSED = "0", "refused"
MD5 = re.compile(r"[0-9a-f]{32}")
ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Row = dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in. `password` is as a person typed it; only its MD5 sum is sent."""

    utype: str
    username: str
    password: str
    language: str = "fa_IR"
    portal: bool = False


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
class Listing:
    """What a list brought, and the server's time when it answered (None when it told no time)."""

    rows: list[Row]
    at: datetime | None


class SarvClient:
    """One user at one SarvCRM. Thread-safe."""

    def __init__(self, url: str, account: Account, context: Context) -> None:
        """Raises ConfigError for an address that cannot be right."""
        self.endpoint = endpoint(url)
        self.account = account
        self.context = context
        self._http = Http(context, self.endpoint)

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
            told = result(LOGIN, self._http.send(LOGIN, params={"method": "Login"}, data=self._credentials()))
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

    def _credentials(self) -> dict[str, JSON]:
        """Return the parameters of a login, the user's name under both of its names (facts §6): trying one after the other
        would bring a mistyped password nearer to the lock-out."""
        own = self.account
        sent = {"utype": own.utype, "user_name": own.username, "username": own.username, "password": md5(own.password)}
        return {**sent, "language": own.language, **({"login_type": "portal"} if own.portal else {})}

    def _token(self) -> str:
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
        return new_id(*self._ask(CREATE, {"method": "Save", "module": module}, dict(values), module, files))

    def listing(self, module: str, asked: Question) -> Listing:
        """POST Retrieve: one page of records. Code 51 is an empty page (facts §6)."""
        return self._rows(LIST, {"method": "Retrieve", "module": module}, asked.body(), module)

    def get(self, module: str, id: str) -> Row:
        """GET Retrieve with an id: a list of one. Raises RecordNotFound, also for an empty list."""
        found = self._rows(GET, {"method": "Retrieve", "module": module, "id": checked_id(id)}, None, module).rows
        if not found or str(found[0].get("id") or id).lower() != id.lower():
            raise RecordNotFound(_("There is no %(name)s %(id)s in SarvCRM, or not any more.", name=module, id=id))
        return found[0]

    def update(self, module: str, id: str, values: Mapping[str, JSON]) -> None:
        """PUT Save: change these fields only. Raises RecordNotFound."""
        self._ask(UPDATE, {"method": "Save", "module": module, "id": checked_id(id)}, dict(values), f"{module} {id}")

    def delete(self, module: str, id: str) -> None:
        """DELETE Save: delete the record. Raises RecordNotFound."""
        self._ask(DELETE, {"method": "Save", "module": module, "id": checked_id(id)}, None, f"{module} {id}")

    def module_fields(self, module: str) -> JSON:
        """GET GetModuleFields: the fields, an object by name or a list. Raises QueryError for an unknown module."""
        return self._ask(FIELDS, {"method": "GetModuleFields", "module": module}, None, module)[1]

    def relationship(self, module: str, id: str, field: str, asked: Question) -> Listing:
        """POST GetRelationship: one page of the records behind a relation field (facts §6: never `Retrieve`)."""
        params = {"method": "GetRelationship", "module": module, "id": checked_id(id), "related_field": field}
        return self._rows(RELATED, params, asked.body(), f"{module} {id}")

    def search_by_number(self, number: str, module: str = "") -> list[Row]:
        """GET SearchByNumber: who has that phone number, [{module, id, name}]."""
        params = {"method": "SearchByNumber", "number": number, **({"module": module} if module else {})}
        return self._rows(SEARCH, params, None, module).rows

    def save_relationships(self, module: str, id: str, field: str, records: Sequence[JSON]) -> None:
        """POST SaveRelationships: link these records, each an id or an object with id and more. Answers without data."""
        params = {"method": "SaveRelationships", "module": module, "id": checked_id(id)}
        self._ask(LINK, params, {"field_name": field, "related_records": [*records]}, f"{module} {id}")

    def call(self, verb: str, method: str, params: Mapping[str, JSON], body: Mapping[str, JSON] | None) -> JSON:
        """Any call by name, for what the document only names. Never repeated; taken for one that writes."""
        return self._ask(Call("call", verb, safe=False, writes=True), {**params, "method": method}, body, method)[1]

    # Requests

    def _ask(
        self,
        call: Call,
        params: Mapping[str, JSON],
        body: Mapping[str, JSON] | None,
        about: str,
        files: Files | None = None,
    ) -> tuple[Answer, JSON]:
        """Return an answer and its data, logging in again once when the token is forgotten: the server looks at it before
        anything else, so a write refused for it was not done."""
        token = self._token()
        try:
            answer = self._send(call, params, body, files, token)
            return answer, result(call, answer, about)
        except (SessionGone, Forbidden):
            self.context.sessions.drop(SLOT, token)
        answer = self._send(call, params, body, files, self._token())
        return answer, result(call, answer, about)

    def _send(
        self,
        call: Call,
        params: Mapping[str, JSON],
        body: Mapping[str, JSON] | None,
        files: Files | None,
        token: str,
    ) -> Answer:
        head = {"Authorization": f"Bearer {token}"}
        if files is not None:
            return self._http.send(call, params=params, data=body, files=files, headers=head)
        return self._http.send(call, params=params, json=body, headers=head)

    def _rows(self, call: Call, params: Mapping[str, JSON], body: Mapping[str, JSON] | None, about: str) -> Listing:
        try:
            answer, told = self._ask(call, params, body, about)
        except NothingFound:
            return Listing([], None)
        told = [] if told is None else told
        if isinstance(told, dict):  # PHP makes an object of a list whose numbers have gaps
            told = [told] if "id" in told else list(told.values())
        if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
            raise answer.not_understood(_("something that is not a list of records"))
        return Listing(told, answer.at)

    def page_of(self, module: str, id: str) -> str:
        """Return the address of a record in SarvCRM's own screens (facts §1.1)."""
        asked = {"utype": self.account.utype, "module": module, "action": "DetailView", "record": id}
        return f"{self.endpoint.rpartition('/')[0]}/index.php?{urlencode(asked)}"


def endpoint(url: str) -> str:
    """Return the address of API.php for a server's root, a page below it, or that address itself. Raises ConfigError."""
    parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
    if not parts.netloc:
        raise ConfigError(_("The address should look like https://app.sarvcrm.com/API.php."))
    path = parts.path.rstrip("/")
    for page in ("/API.php", "/api.php", "/index.php"):
        path = path.removesuffix(page)
    return urlunsplit((parts.scheme, parts.netloc, path + "/API.php", "", ""))


def md5(password: str) -> str:
    """Return the MD5 sum of a password as it was typed; what is one already stays."""
    if MD5.fullmatch(password):
        return password
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def checked_id(id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one."""
    if not ID.fullmatch(id):
        raise RecordNotFound(_("“%(id)s” is not an id of SarvCRM.", id=id[:40]))
    return id


def new_id(answer: Answer, told: JSON) -> str:
    """Return the id of a new record: documented as a list, shown as a text (facts §6). Raises ProtocolError."""
    found = told.get("id") if isinstance(told, dict) else told
    found = found[0] if isinstance(found, list) and found else found
    if not isinstance(found, str | int) or not found:
        raise answer.not_understood(_("no id in answer to a create"))
    return str(found)


def refused_before(code: str) -> ConnectorError:
    """Return the error for credentials that were refused before and are not tried again by themselves."""
    if code == "1009":
        sentence = _("SarvCRM has locked this user out. An administrator there unlocks it; then test the connection.")
        return LockedOut(sentence, code=code)
    sentence = _("SarvCRM refused this login before. It is not tried again until you test the connection or change it.")
    return AuthError(sentence, code=code)
