"""How Simply CRM's mobile API talks: one method per operation of modules/Mobile/api.php, in its own words. The rule:
everything goes into the body of a POST, the session too, and neither it nor the password is part of an error or log.

Vendor: "Simply CRM JSON Rest API". Where its servers differ, the fact stands beside the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import orjson

from connectors.context import Call, Context
from connectors.errors import ConfigError, ProtocolError, RecordNotFound
from connectors.http import Answer, Http
from connectors.simplycrm.answers import result
from connectors.simplycrm.records import as_values, number
from connectors.types import JSON
from connectors.vtiger.answers import SessionGone, first_taken, rows
from connectors.vtiger.answers import fields as of_the_webservice
from connectors.vtiger.client import checked_id, endpoint
from connectors.vtiger.rows import Row
from connectors.wording import text as _

PAGE_API = "modules/Mobile/api.php"
SLOT = "mobile"  # the webservice's sessions are no sessions here, nor the other way round (facts §2)
WRITES = ("saveRecord", "deleteRecords", "addRecordComment")
READS = (
    "login", "logout", "loginAndFetchModules", "fetchModuleFilters", "filterDetailsWithCount", "fetchAllAlerts",
    "alertDetailsWithMessage", "listModuleRecords", "fetchRecord", "fetchRecordWithGrouping", "fetchRecordsWithGrouping",
    "describe", "syncModuleRecords", "query", "queryWithGrouping", "relatedRecordsWithGrouping",
)  # fmt: skip
CALLS: dict[str, Call] = {
    **{name: Call(f"mobile.{name}", "POST", safe=True) for name in READS},
    **{name: Call(f"mobile.{name}", "POST", safe=False, writes=True) for name in WRITES},
}
LOGOUTS = (CALLS["logout"], replace(CALLS["logout"], method="GET"))


class MobileClient:
    """One user at one Simply CRM. Thread-safe; all threads and processes share one session."""

    def __init__(self, label: str, url: str, username: str, password: str, context: Context) -> None:
        """Take what the CRM is called in sentences, its address, and who we are there."""
        self.label = label
        self.root = root(url)
        self.username = username
        self._password = password
        self.context = context
        self._http = Http(context, self.root + PAGE_API)

    def close(self) -> None:
        """Give back the sockets; the session stays, other processes use it."""
        self._http.close()

    @property
    def open(self) -> bool:
        """Say whether there is a password to log in with."""
        return bool(self._password)

    # Logging in

    def login(self) -> Row:
        """Log in, keep the session and return what the server tells: userid, simply_version, perhaps crm_tz and
        date_format. One login at a time over all processes, and never a second try."""
        with self.context.sessions.login():
            return self._login("login")[1]

    def login_and_fetch_modules(self) -> list[Row]:
        """Log in anew and return the modules: id, name, isEntity, label, singular. The ids differ from server to server."""
        with self.context.sessions.login():
            return rows("loginAndFetchModules", self._login("loginAndFetchModules")[2].get("modules"))

    def _login(self, operation: str) -> tuple[str, Row, Row]:
        """Return the token to keep, what the login told without the session, and the whole answer."""
        if not self._password:
            raise ConfigError(_("Simply CRM's mobile API needs the password of the user, which this connection lacks."))
        answer = self._send(operation, {"username": self.username, "password": self._password})
        whole = fields(operation, result(self.label, operation, answer))
        told = dict(fields(operation, whole.get("login")))
        session = told.pop("session", None)
        if not session:
            raise ProtocolError(_("The answer of %(crm)s to “login” names no session.", crm=self.label))
        token = f"{session} {told.get('userid', '')}"
        self.context.sessions.put(SLOT, token)
        return token, told, whole

    def logout(self) -> None:
        """End our session, by POST, or where that is refused by GET; what the server says is of no interest."""
        token = self.context.sessions.get(SLOT)
        if token is None:
            return
        self.context.sessions.drop(SLOT, token)
        first_taken(*(partial(self._end, token.partition(" ")[0], call) for call in LOGOUTS))

    def _end(self, session: str, call: Call) -> None:
        result(self.label, "logout", self._send("logout", {"_session": session}, call))

    def userid(self) -> str:
        """Return the number of the user we are ("1"); logs in when no session is kept."""
        return self._session().partition(" ")[2]

    # What is there

    def describe(self, module: str) -> Row:
        """Return the module's fields, labelFields and idPrefix. Raises QueryError when there is no such module."""
        return fields("describe", self._of("describe", "describe", {"module": module}))

    def fetch_module_filters(self, module: str) -> dict[str, JSON]:
        """Return the saved filters by group; the names of the groups differ from version to version."""
        found = self._of("fetchModuleFilters", "filters", {"module": module})
        return fields("fetchModuleFilters", found or {})

    def filter_details_with_count(self, filter_id: str) -> Row | None:
        """Return a saved filter and how many records it finds, None when there is none. PHP 8 fails here (G14)."""
        found = self._of("filterDetailsWithCount", "filter", {"filterid": filter_id})
        return None if found is None else fields("filterDetailsWithCount", found)

    def fetch_all_alerts(self) -> list[Row]:
        """Return the alerts there are: alertid, name, category, description …"""
        return rows("fetchAllAlerts", self._of("fetchAllAlerts", "alerts"))

    def alert_details_with_message(self, alert_id: str) -> Row:
        """Return one alert with its `message`. Raises RecordNotFound."""
        return fields("alertDetailsWithMessage", self._of("alertDetailsWithMessage", "alert", {"alertid": alert_id}))

    # Reading

    def list_module_records(
        self, module: str, page: int = 1, search_text: str = "", search_field: Sequence[str] = ()
    ) -> Row:
        """Return a page of 20 (`records`, `moreRecords`, …), counted from 1. Ids are bare numbers, and some servers ignore
        what is searched for: check each row (G5)."""
        params = {"module": module, "page": max(1, page), "searchText": search_text}
        if search_field:
            params["searchField"] = orjson.dumps(list(search_field)).decode()
        told = fields("listModuleRecords", self.ask("listModuleRecords", params))
        return {**told, "records": rows("listModuleRecords", told.get("records"))}

    def fetch_record(self, id: str) -> Row:
        """Return one record, references as {"value", "label"}. Raises RecordNotFound."""
        return fields("fetchRecord", self._of("fetchRecord", "record", {"record": checked_id(id)}))

    def fetch_record_with_grouping(self, id: str) -> Row:
        """Return one record in blocks; of number 0 the empty form with its defaults (G6). Raises RecordNotFound."""
        found = self._of("fetchRecordWithGrouping", "record", {"record": checked_id(id)})
        return fields("fetchRecordWithGrouping", found)

    def fetch_records_with_grouping(self, module: str, ids: Sequence[str], alert_id: str = "") -> list[Row]:
        """Return those of these records that are there, in blocks. The module is not in the document but needed (G7)."""
        params = {"module": module, "ids": orjson.dumps([checked_id(id) for id in ids]).decode()}
        found = self._of("fetchRecordsWithGrouping", "records", params | ({"alertid": alert_id} if alert_id else {}))
        return rows("fetchRecordsWithGrouping", found)

    def sync_module_records(self, module: str, token: str = "", page: int = 0, mode: str = "PUBLIC") -> Row:
        """Return nextSyncToken, updated (in blocks), deleted (only with a token, on page 0) and nextPage, 0 at the end.

        Pages count from 0. Without a token the first page holds the newest, and with it the highest token (G11).
        """
        params = {"module": module, "syncToken": token, "mode": mode, "page": page}
        return fields("syncModuleRecords", self._of("syncModuleRecords", "sync", params))

    def query(self, statement: str, page: int = 0) -> tuple[list[Row], Answer]:
        """Return the rows of a statement in the webservice's language, and the answer they came in. Only with a LIMIT of
        its own does the server keep from cutting pages of 99 (G12)."""
        found, answer = self.asked("query", {"query": statement, "page": page})
        return rows("query", fields("query", found).get("records")), answer

    def query_with_grouping(self, statement: str, page: int = 0) -> list[Row]:
        """Return the records of a statement in blocks; it needs an explicit “LIMIT m,n;”."""
        return rows("queryWithGrouping", self._of("queryWithGrouping", "records", {"query": statement, "page": page}))

    def related_records_with_grouping(self, id: str, module: str, page: int = 0) -> tuple[list[Row], int]:
        """Return a page of the records of a module that hang on this one, in blocks, and the next page, 0 at the end."""
        params = {"record": checked_id(id), "relatedmodule": module, "page": page}
        try:
            told = fields("relatedRecordsWithGrouping", self.ask("relatedRecordsWithGrouping", params))
        except ProtocolError as e:
            if e.vendor_message.startswith("Unexpected input"):
                return [], 0  # what the server says when nothing hangs on it (G14)
            raise
        return rows("relatedRecordsWithGrouping", told.get("records")), int(told.get("nextPage") or 0)

    # Writing. An answer that is unclear raises with maybe_done.

    def save_record(self, module: str, values: Mapping[str, JSON], id: str = "") -> Row:
        """Create a record, or with an id change the fields given, and return it in blocks (G8)."""
        params = {"module": module, "values": as_values(dict(values))} | ({"record": checked_id(id)} if id else {})
        found = self._of("saveRecord", "record", params)
        return fields("saveRecord", found, maybe_done=True)

    def delete_record(self, id: str) -> None:
        """Delete a record. Only its number is sent, so that of another module's record the number may be the same one:
        read it first. Raises RecordNotFound when it is gone already (G10)."""
        bare = number(checked_id(id))
        told = self._of("deleteRecords", "deleted", {"records": orjson.dumps([bare]).decode()})
        done = fields("deleteRecords", told, maybe_done=True).get(bare)
        if done is None:
            raise ProtocolError(_("The answer does not say whether %(id)s was deleted.", id=id), maybe_done=True)
        if not done:
            raise RecordNotFound(_("There is no record %(id)s (any more).", id=id))

    def add_record_comment(self, id: str, text: str) -> Row:
        """Add a comment to a record and return it in blocks."""
        values = as_values({"commentcontent": text, "related_to": checked_id(id)})
        found = self._of("addRecordComment", "record", {"values": values})
        return fields("addRecordComment", found, maybe_done=True)

    # Requests

    def ask(self, operation: str, params: Mapping[str, JSON] | None = None) -> JSON:
        """Carry out one operation within the session and return its `result`."""
        return self.asked(operation, params or {})[0]

    def _of(self, operation: str, name: str, params: Mapping[str, JSON] | None = None) -> JSON:
        """Return what the result holds under that name."""
        maybe_done = not CALLS[operation].safe
        return fields(operation, self.ask(operation, params), maybe_done=maybe_done).get(name)

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        """Carry out any operation by its name: objects and lists go as JSON. Never repeated; taken for one that writes."""
        given = {name: value if isinstance(value, str) else as_values(value) for name, value in params.items()}
        return self.asked(operation, given, Call("mobile.call", "POST", safe=False, writes=True))[0]

    def asked(self, operation: str, params: Mapping[str, JSON], call: Call | None = None) -> tuple[JSON, Answer]:
        """Return the result of one operation and its answer, logging in again once when the session is forgotten.

        The server looks at the session before anything else, so a write refused for it was not done.
        """
        token = self._session()
        try:
            return self._in_session(operation, params, token, call)
        except SessionGone:
            self.context.sessions.drop(SLOT, token)
            return self._in_session(operation, params, self._session(), call)

    def _in_session(
        self, operation: str, params: Mapping[str, JSON], token: str, call: Call | None
    ) -> tuple[JSON, Answer]:
        answer = self._send(operation, {**params, "_session": token.partition(" ")[0]}, call)
        return result(self.label, operation, answer, changes_one=bool(params.get("record"))), answer

    def _send(self, operation: str, params: Mapping[str, JSON], call: Call | None = None) -> Answer:
        call, sent = call or CALLS[operation], {**params, "_operation": operation}
        return self._http.send(call, params=sent) if call.method == "GET" else self._http.send(call, data=sent)

    def _session(self) -> str:
        """Return "session user-number"; the processes share it, and one of them logs in."""
        sessions = self.context.sessions
        if token := sessions.get(SLOT):
            return token
        with sessions.login():
            return sessions.get(SLOT) or self._login("login")[0]


def root(url: str) -> str:
    """Return the address of the instance, with a slash at its end, also for that of one of its APIs."""
    plain = url.strip().partition("?")[0].partition("#")[0].rstrip("/")
    return endpoint(plain.removesuffix(PAGE_API)).removesuffix("webservice.php")


def fields(operation: str, answer: JSON, *, maybe_done: bool = False) -> Row:
    """Return the answer as the object it must be. Raises ProtocolError. PHP writes an empty object as a list."""
    return {} if answer == [] else of_the_webservice(operation, answer, maybe_done=maybe_done)
