"""How Vtiger talks: one method per operation of webservice.php, in its own words. The rule: parameters go where the
operation reads them (GET from the query string, POST from the form, A5), and a session is never part of an error or log.

Vendor: "Third Party App Integration (REST APIs)". Where its servers differ, the fact's number stands beside the line.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import orjson

from connectors.answer import Listing
from connectors.body import Files
from connectors.context import Call, Context
from connectors.errors import AuthError, ProtocolError, QueryError, RecordNotFound
from connectors.http import Answer, Http
from connectors.types import JSON
from connectors.vtiger.answers import SessionGone, fields, first_taken, result, rows
from connectors.vtiger.vtql import PAGE
from connectors.wording import text as _

READS = ("getchallenge", "listtypes", "describe", "retrieve", "query", "sync", "relatedtypes", "retrieve_related", "files_retrieve")  # fmt: skip
WRITES = ("create", "update", "revise", "delete", "convertlead", "add_related")
SESSION = ("login", "logout", "extendsession")  # POST, B10, B11; they change no record, so repeating them does no harm
CALLS: dict[str, Call] = {
    **{name: Call(name, "GET", safe=True) for name in READS},
    **{name: Call(name, "POST", safe=False, writes=True) for name in WRITES},
    **{name: Call(name, "POST", safe=True) for name in SESSION},
}
LOGOUTS = (CALLS["logout"], replace(CALLS["logout"], method="GET"))
# Refused credentials, and also what another login at the same moment causes (B2).
RACE = frozenset({"INVALID_AUTH_TOKEN", "INVALID_USER_CREDENTIALS"})
RACE_PAUSE = 0.3  # seconds
ID = re.compile(r"[0-9]+x[0-9]+")


class VtigerClient:
    """One user at one Vtiger. Thread-safe; up to `max_parallel` sessions, because PHP serialises requests of one (B9)."""

    def __init__(self, label: str, url: str, username: str, access_key: str, context: Context) -> None:
        """Take what the CRM is called in sentences, its address, and who we are there."""
        self.label = label
        self.endpoint = endpoint(url)
        self.root = self.endpoint.removesuffix("webservice.php")
        self.username = username
        self._access_key = access_key
        self.context = context
        self._http = Http(context, self.endpoint)
        self._free = list(range(max(1, context.max_parallel)))
        self._slots = threading.Condition()

    def close(self) -> None:
        """Give back the sockets; sessions stay, other processes use them."""
        self._http.close()

    @property
    def counts(self) -> bool:
        """Say whether the server counts records without our reading them."""
        return True

    # Logging in

    def getchallenge(self) -> dict[str, JSON]:
        """Return token (300 s, one per user: a new one kills the last, B2), serverTime and expireTime (unix seconds)."""
        return fields("getchallenge", self._once("getchallenge", {"username": self.username}))

    def login(self, slot: str = "0") -> dict[str, JSON]:
        """Log in, keep the session for that slot, and return what the server tells about user, version and its time (B3).

        One login at a time over all processes. Tries twice only where a login elsewhere may have taken our challenge.
        """
        with self.context.sessions.login():
            return self._login(slot)[1]

    def _login(self, slot: str) -> tuple[str, dict[str, JSON]]:
        try:
            told = self._challenge_and_login()
        except AuthError as e:
            if e.code not in RACE:
                raise
            self.context.clock.sleep(RACE_PAUSE)
            told = self._challenge_and_login()
        session = told.pop("sessionName", None) or told.pop("sessionId", None)  # the vendor's document says sessionId
        if not session:
            raise ProtocolError(_("The answer of %(crm)s to “login” names no session.", crm=self.label))
        token = f"{session} {told.get('userId', '')}"
        self.context.sessions.put(slot, token)
        return token, told

    def _challenge_and_login(self) -> dict[str, JSON]:
        challenge = self.getchallenge()
        proof = hashlib.md5(f"{challenge.get('token')}{self._access_key}".encode(), usedforsecurity=False).hexdigest()
        told = fields("login", self._once("login", {"username": self.username, "accessKey": proof}))
        return {**told, "serverTime": challenge.get("serverTime")}

    def logout(self) -> None:
        """End all our sessions. What the server says is of no interest: stock 8.0 on PHP 8 fails here always (B10)."""
        for slot in map(str, range(max(1, self.context.max_parallel))):
            if token := self.context.sessions.get(slot):
                self.context.sessions.drop(slot, token)
                self._end(token.partition(" ")[0])

    def _end(self, session: str) -> None:
        """End a session by POST, as servers want it, or by GET, as one document has it (facts §6)."""
        first_taken(*(partial(self._once, "logout", {"sessionName": session}, call) for call in LOGOUTS))

    def extendsession(self) -> dict[str, JSON]:
        """Keep a session alive and return user and version. Not needed by us, who log in again."""
        told = fields("extendsession", self.request("extendsession", {}))
        return {name: value for name, value in told.items() if name not in ("sessionName", "sessionId")}

    def user_id(self) -> str:
        """Return the id of the user we are ("19x1"); logs in when no session is kept."""
        with self._slot() as slot:
            return self._session(slot).partition(" ")[2]

    # What is there

    def listtypes(self) -> dict[str, JSON]:
        """Return `types`, the names of the modules, and `information` about each."""
        return fields("listtypes", self.request("listtypes", {}))

    def describe(self, module: str) -> dict[str, JSON]:
        """Return the module's fields, labelFields and idPrefix. Raises QueryError when there is no such module."""
        return fields("describe", self.request("describe", {"elementType": module}))

    def relatedtypes(self, module: str) -> dict[str, JSON]:
        """Return `information`: the label of each relation of the module, and the module it leads to."""
        return fields("relatedtypes", self.request("relatedtypes", {"elementType": module}))

    # Reading

    def retrieve(self, id: str) -> dict[str, JSON]:
        """Return one record. Raises RecordNotFound, also for what this user may not see (the server says the same)."""
        return fields("retrieve", self.request("retrieve", {"id": checked_id(id)}))

    def query(self, text: str) -> Listing:
        """Return the rows, at most 100. An empty list may also hide a database error (C5): ask only for known fields."""
        found, answer = self._ask("query", {"query": text})
        return Listing(rows("query", found), answer.at)

    def sync(self, module: str, since: int) -> dict[str, JSON]:
        """Return updated, deleted, more, lastModifiedTime of our own records (F3); of all modules for "", where it works (F8)."""
        of = {"elementType": module} if module else {}
        return fields("sync", self.request("sync", {**of, "modifiedTime": max(1, since)}))

    def retrieve_related(self, id: str, module: str, label: str) -> list[dict[str, JSON]]:
        """Return the records of a relation, a hundred at most; `label` is its name in `relatedtypes`."""
        params = {"id": checked_id(id), "relatedType": module, "relatedLabel": label}
        return rows("retrieve_related", self.request("retrieve_related", params))

    def begun_relation(self, id: str, module: str, label: str) -> tuple[list[dict[str, JSON]], bool]:
        """Return the first records of a relation, and whether there may be more."""
        found = self.retrieve_related(id, module, label)
        return found, len(found) >= PAGE

    def whole_relation(self, id: str, module: str) -> list[dict[str, JSON]]:
        """Return all records of a relation that began so. Raises QueryError where nothing tells more (C2)."""
        sentence = _(
            "The server tells only the first %(most)s records of %(module)s that hang on %(id)s, and no field leads to the others.",
            **{"most": PAGE, "module": module, "id": id},
        )
        raise QueryError(sentence)

    def files_retrieve(self, id: str) -> list[dict[str, JSON]]:
        """Return the files of an attachment: filename, filetype and base64 filecontents (D19)."""
        return rows("files_retrieve", self.request("files_retrieve", {"id": checked_id(id)}))

    # Writing. An answer that is unclear raises with maybe_done (A3).

    def create(self, module: str, element: Mapping[str, JSON], files: Files | None = None) -> dict[str, JSON]:
        """Create a record and return it as stored. `files` makes it multipart: the part is named `filename` (D19)."""
        params = {"elementType": module, "element": as_json(dict(element))}
        return fields("create", self.request("create", params, files), maybe_done=True)

    def update(self, element: Mapping[str, JSON]) -> dict[str, JSON]:
        """Save an element that holds all mandatory fields. It spoils `description` when that is left out (D4): the
        connector uses `revise` only."""
        params = {"element": as_json({**element, "id": checked_id(str(element.get("id", "")))})}
        return fields("update", self.request("update", params), maybe_done=True)

    def revise(self, id: str, changes: Mapping[str, JSON]) -> dict[str, JSON]:
        """Change only the fields given and return the whole record as stored (D3)."""
        element = as_json({**changes, "id": checked_id(id)})
        return fields("revise", self.request("revise", {"element": element}), maybe_done=True)

    def delete(self, id: str) -> None:
        """Move the record to the recycle bin. Raises RecordNotFound when it is gone already (D11)."""
        self.request("delete", {"id": checked_id(id)})

    def convertlead(self, element: Mapping[str, JSON]) -> dict[str, JSON]:
        """Make a lead an account, contact, opportunity; return their ids. Raises RecordConflict when it is one (D17)."""
        given = as_json({**element, "leadId": checked_id(str(element.get("leadId", "")))})
        return fields("convertlead", self.request("convertlead", {"element": given}), maybe_done=True)

    def add_related(self, id: str, other_id: str, label: str) -> None:
        """Make two records belong together by the relation of that label (D18). There is no way back by API."""
        params = {"sourceRecordId": checked_id(id), "relatedRecordId": checked_id(other_id), "relationIdLabel": label}
        self.request("add_related", params)

    # Requests

    def request(self, operation: str, params: Mapping[str, JSON], files: Files | None = None) -> JSON:
        """Carry out one operation within a session and return its `result`."""
        return self._ask(operation, params, files)[0]

    def call(self, verb: str, operation: str, params: Mapping[str, JSON]) -> JSON:
        """Carry out any operation by its name: objects and lists go as JSON. Never repeated; taken for one that writes."""
        given = {name: value if isinstance(value, str) else as_json(value) for name, value in params.items()}
        return self._ask(operation, given, None, Call("call", verb, safe=False, writes=True))[0]

    def _ask(
        self, operation: str, params: Mapping[str, JSON], files: Files | None = None, call: Call | None = None
    ) -> tuple[JSON, Answer]:
        """Return the result of one operation and its answer, logging in again once when the session is forgotten.

        The server looks at the session before anything else, so a write refused for it was not done.
        """
        call = call or CALLS[operation]
        with self._slot() as slot:
            token = self._session(slot)
            try:
                return self._in_session(call, operation, params, files, token)
            except SessionGone:
                self.context.sessions.drop(slot, token)
                return self._in_session(call, operation, params, files, self._session(slot))

    def _in_session(
        self, call: Call, operation: str, params: Mapping[str, JSON], files: Files | None, token: str
    ) -> tuple[JSON, Answer]:
        answer = self._send(call, operation, {**params, "sessionName": token.partition(" ")[0]}, files)
        return result(self.label, operation.lower(), answer), answer

    def _once(self, operation: str, params: Mapping[str, JSON], call: Call | None = None) -> JSON:
        return result(self.label, operation, self._send(call or CALLS[operation], operation, params))

    def _send(self, call: Call, operation: str, params: Mapping[str, JSON], files: Files | None = None) -> Answer:
        sent = {**params, "operation": operation}
        if call.method == "GET":
            return self._http.send(call, params=sent)
        return self._http.send(call, data=sent, files=files)

    def _session(self, slot: str) -> str:
        """Return "session user-id" of the slot; the processes share it, and one of them logs in."""
        sessions = self.context.sessions
        if token := sessions.get(slot):
            return token
        with sessions.login():
            return sessions.get(slot) or self._login(slot)[0]

    @contextmanager
    def _slot(self) -> Iterator[str]:
        """Lend a session's slot nobody in this process is using; one thread alone always gets the first."""
        with self._slots:
            self._slots.wait_for(lambda: self._free)
            slot = heapq.heappop(self._free)
        try:
            yield str(slot)
        finally:
            with self._slots:
                heapq.heappush(self._free, slot)
                self._slots.notify()


def endpoint(url: str) -> str:
    """Return the address of webservice.php for the instance's root, with or without slash, or a page below it."""
    root = url.strip().partition("?")[0].partition("#")[0]
    for page in ("webservice.php", "index.php"):
        root = root.removesuffix("/").removesuffix(page)
    return root.rstrip("/") + "/webservice.php"


def checked_id(id: str) -> str:
    """Return the id in its one form. The server reads ids so loosely that `12x2' or …` finds a record (D2).

    Raises RecordNotFound for what cannot be an id.
    """
    plain = folded(id)
    if not ID.fullmatch(plain):
        raise RecordNotFound(_("“%(id)s” is not an id; they look like 12x345.", id=id[:40]))
    return plain


def folded(id: str) -> str:
    """Return the id without what documents and spreadsheets make of it: blanks around it, "×" or "X" for "x"."""
    return id.strip().replace("×", "x").replace("X", "x")


def as_json(element: JSON) -> str:
    """Return the element as the server wants it, one JSON object."""
    return orjson.dumps(element).decode()
