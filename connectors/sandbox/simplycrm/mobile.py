"""The simulated mobile JSON API, modules/Mobile/api.php: transport, sign-in and sessions (facts §2, vtiger-facts G)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from connectors.sandbox.simplycrm import about, lists, records, saving
from connectors.sandbox.simplycrm.calls import Call, MobileError, check_address, params_of
from connectors.sandbox.vtiger.crm import Crm, PhpFatal, RestrictedFile, User, WsError
from connectors.sandbox.vtiger.vendor import SESSION_IDLE_SECONDS, Session
from connectors.sandbox.wire import Reply, Request, escaped_json

JSON = Any
PATH = "/modules/Mobile/api.php"
SIGN_IN = ("login", "loginAndFetchModules")
_JSON = "text/json;charset=UTF-8"
_HTML = "text/html; charset=UTF-8"

OPERATIONS: dict[str, Callable[[Call], JSON]] = {
    "describe": about.describe,
    "fetchModules": about.fetch_modules,
    "fetchModuleOwners": about.fetch_module_owners,
    "userInfo": about.user_info,
    "fetchModuleFilters": about.fetch_module_filters,
    "filterDetailsWithCount": lists.filter_details_with_count,
    "fetchAllAlerts": records.fetch_all_alerts,
    "alertDetailsWithMessage": records.alert_details_with_message,
    "listModuleRecords": lists.list_module_records,
    "syncModuleRecords": lists.sync_module_records,
    "query": lists.query,
    "queryWithGrouping": lists.query_with_grouping,
    "fetchReferenceRecords": lists.fetch_reference_records,
    "fetchRecord": records.fetch_record,
    "fetchRecordWithGrouping": records.fetch_record_with_grouping,
    "fetchRecordsWithGrouping": records.fetch_records_with_grouping,
    "relatedRecordsWithGrouping": records.related_records_with_grouping,
    "saveRecord": saving.save_record,
    "deleteRecords": saving.delete_records,
    "addRecordComment": saving.add_record_comment,
}


class Mobile:
    """The mobile API of one server. Its sessions are its own: the webservice knows none of them."""

    def __init__(self, crm: Crm, find_user: Callable[[str], User | None]) -> None:
        self.crm, self._find_user = crm, find_user
        self.sessions: dict[str, Session] = {}

    def answer(self, request: Request) -> Reply:
        """Return HTTP 200 with {"success", "result" or "error"}, 500 with nothing, or 200 with a sentence that is no JSON."""
        cookie: dict[str, str] = {}
        try:
            result = self._result(params_of(request) if request.method == "POST" else {}, request.overlap)
            if isinstance(result, dict) and "login" in result:
                cookie["Set-Cookie"] = f"PHPSESSID={result['login']['session']}; path=/"
        except (MobileError, WsError) as e:
            error = None if e.code is None else {"code": e.code, "message": e.message}
            return Reply(200, escaped_json({"success": False, "error": error}), _JSON)
        except PhpFatal:
            return Reply(500, b"", _HTML)
        except RestrictedFile:
            return Reply(200, b"Sorry! Attempt to access restricted file.", _HTML)
        return Reply(200, escaped_json({"success": True, "result": result}), _JSON, cookie)

    def _result(self, params: dict[str, JSON], overlap: int) -> JSON:
        name = str(params.get("_operation", ""))
        check_address(self.crm)
        if name in SIGN_IN:
            return self._login(name, params)
        if name not in OPERATIONS and name != "logout":
            raise MobileError(1404, f"Operation not found: {name}")
        session = str(params.get("_session", ""))
        user = self._signed_in(session)
        if name == "logout":
            del self.sessions[session]
            return {"logout": True}
        return OPERATIONS[name](Call(self.crm, user, params, overlap))

    def _login(self, name: str, params: dict[str, JSON]) -> JSON:
        """The password, never the access key; an unknown user and a wrong password read alike."""
        user = self._find_user(str(params.get("username", "")))
        row = self.crm.store.table("Users").rows[user.id] if user else None
        if user is None or row is None or not user.is_active or params.get("password") != row.hidden.get("password"):
            raise MobileError(1210, "Authentication Failed")
        session = secrets.token_hex(16)
        self.sessions[session] = Session(user, self.crm.clock.seconds())
        login = about.login(user, row, session, str(self.crm.clock.zone))
        if name == "login":
            return {"login": login}
        return {"login": login, "modules": about.modules_shown()}

    def _signed_in(self, name: str) -> User:
        session, now = self.sessions.get(name), self.crm.clock.seconds()
        if session is None or now - session.used > SESSION_IDLE_SECONDS:
            self.sessions.pop(name, None)
            raise MobileError(1501, "Login required")
        session.used = now
        return session.user
