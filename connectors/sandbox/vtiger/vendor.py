"""The simulated Vtiger: webservice.php's transport, login and sessions (vtiger-facts A and B); its operations are beside it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from connectors.sandbox.store import Store
from connectors.sandbox.vtiger import backdoor, lead, query, read, write
from connectors.sandbox.vtiger.crm import (
    AS_RECORDED,
    DENIED,
    Crm,
    Installation,
    PhpFatal,
    RestrictedFile,
    User,
    WsError,
    installation,
    modules,
)
from connectors.sandbox.vtiger.custom import custom_module
from connectors.sandbox.vtiger.seed import sow
from connectors.sandbox.wire import Clock, Reply, Request, escaped_json

JSON = Any
Params = dict[str, str]
TOKEN_SECONDS = 300
SESSION_IDLE_SECONDS = 1440  # PHP's session.gc_maxlifetime, the only expiry that really happens (B7)
_HTML = "text/html; charset=UTF-8"
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Vtiger</title></head><body><form>Sign in</form></body></html>"

READS: dict[str, Callable[[Crm, User, Params], JSON]] = {
    name: getattr(read, name)
    for name in [
        "listtypes",
        "describe",
        "retrieve",
        "relatedtypes",
        "retrieve_related",
        "query_related",
        "files_retrieve",
        "sync",
    ]
}
WRITES: dict[str, Callable[[Crm, User, Params], JSON]] = {
    "create": write.create,
    "update": write.update,
    "revise": write.revise,
    "delete": write.delete,
    "add_related": read.add_related,
    "convertlead": lead.convertlead,
}


@dataclass(slots=True)
class Session:
    user: User
    used: float


class Vtiger:
    """One simulated Vtiger 8.0.0 on PHP 8. Switches: `sync_works` and `logout_works` (patched server), `sync_all_owners`,
    `private_sharing` (non-admins see their own records only), `unseen` ({module: [ids]}: what nobody may see, and a query drops
    after LIMIT, C16), `database_fails` (how many narrowed queries read as no rows, C5), `custom_modules` (see
    `custom.custom_module`), `unique` ({module: [fields that may not repeat together]}), `changed_fields` ({module: {field: what its
    administrator changed of its description, null when it was taken away}})."""

    slug = "vtiger"
    installed = AS_RECORDED

    def __init__(self, store: Store, records: int, seed: int) -> None:
        self.store, self.lock, self.clock = store, store.lock, Clock()
        self.switches: dict[str, JSON] = {}
        self._records, self._seed = records, seed
        self._tokens: dict[str, tuple[str, float]] = {}
        self._sessions: dict[str, Session] = {}
        self.crm = Crm(store, self.clock, self.switches)
        self._custom: tuple[str, Installation] = ("", self.installed)
        self._begin()

    def reset(self) -> None:
        with self.lock:
            self.store.clear()
            self._begin()

    def _begin(self) -> None:
        self.clock.reset()
        self.switches.update(
            sync_works=False,
            logout_works=False,
            sync_all_owners=False,
            private_sharing=False,
            unseen={},
            denied=[],
            database_fails=0,
            custom_modules=[],
            unique={},
            changed_fields={},
        )
        if self.store.is_empty:
            self.store.sow(lambda: sow(self.store, self._records, self._seed))
        self._sessions.clear()

    def _user(self, name: str) -> User | None:
        for row in self.store.table("Users").living():
            v = row.values
            if v["user_name"].lower() == name.lower():  # B4
                return User(row.id, v["user_name"], v["is_admin"] == "on", v["status"] == "Active", v["accesskey"])
        return None

    def credentials(self, url: str) -> dict[str, str]:
        with self.lock:
            admin = self._user("admin")
        return {"url": url, "username": "admin", "access_key": admin.access_key if admin else ""}

    def expire_sessions(self) -> None:
        with self.lock:
            self._sessions.clear()

    def operation(self, request: Request) -> str:
        return (request.query.get("operation") or request.form.get("operation") or request.path).lower()

    def session_key(self, request: Request) -> str | None:
        return request.query.get("sessionName") or request.form.get("sessionName")

    @contextmanager
    def here(self) -> Iterator[None]:
        """Have the modules and fields of this server, for as long as something of it runs."""
        told, changes = self.switches.get("custom_modules") or (), self.switches.get("changed_fields") or {}
        made = json.dumps([told, changes]) if told or changes else ""
        if made != self._custom[0]:
            custom = tuple(map(custom_module, told))
            changed = tuple((at, name, json.dumps(c)) for at, fields in changes.items() for name, c in fields.items())
            own = replace(self.installed, modules=custom, changed=changed)
            self._custom = (made, own if made else self.installed)
        before = installation.set(self._custom[1])
        try:
            yield
        finally:
            installation.reset(before)

    def answer(self, request: Request) -> Reply:
        with self.here():
            return self._answer(request)

    def _answer(self, request: Request) -> Reply:
        if not request.path.endswith("/webservice.php"):
            return Reply(200 if request.path in ("/", "/index.php") else 404, _LOGIN_PAGE, _HTML)
        try:
            with self.lock:
                result = self._result(request)
        except WsError as e:
            return Reply(200, escaped_json({"success": False, "error": {"message": e.message, "code": e.code}}))
        except PhpFatal:
            return Reply(500, b"", _HTML)
        except RestrictedFile:
            return Reply(200, b"Sorry! Attempt to access restricted file.", _HTML)
        return Reply(200, b'{"success":true,"result":' + result + b"}")

    def _result(self, request: Request) -> bytes:
        """Return the operation's result as JSON. A GET operation reads the address only, a POST operation the body only (A5)."""
        form, name = request.form, self.operation(request)
        anywhere = {**form, **request.query}
        if anywhere.get("format", "json") != "json":
            raise PhpFatal
        is_get, is_post = request.method == "GET", request.method == "POST"
        if name == "getchallenge":
            return escaped_json(self._getchallenge(request.query if is_get else {}))
        if name == "login":
            return escaped_json(self._login(form if is_post else {}))
        if name == "extendsession":
            return escaped_json(self._extendsession(request, form if is_post else {}))
        if name == "query":
            user = self._signed_in(anywhere).user
            return query.run(self.crm, user, request.query.get("query", "") if is_get else "", request.overlap)
        if name in READS:
            return escaped_json(READS[name](self.crm, self._signed_in(anywhere).user, request.query if is_get else {}))
        if name in WRITES:
            user = self._signed_in(anywhere).user
            return escaped_json(WRITES[name](self.crm, user, form if is_post else {}))
        return escaped_json(self._rest(name, is_post, anywhere))

    def _rest(self, name: str, is_post: bool, anywhere: Params) -> JSON:
        if name == "logout":
            return self._logout(is_post, anywhere)
        if name == "changepassword":
            self._signed_in(anywhere)
            raise RestrictedFile
        if name == "wsapp_register":
            self._signed_in(anywhere)
            return {"key": secrets.token_hex(7)[:13]}
        raise PhpFatal  # an unknown operation (A2)

    def _getchallenge(self, params: Params) -> JSON:
        """Give the user's one live token; the one before is void (B2)."""
        name = params.get("username", "").lower()
        if not name:
            raise WsError("ACCESS_DENIED", "No username given")
        if self._user(name) is None:
            raise WsError("ACCESS_DENIED", "username does not exists")
        now = self.clock.seconds()
        token = secrets.token_hex(7)[:13]
        self._tokens[name] = (token, now + TOKEN_SECONDS)
        return {"token": token, "serverTime": int(now), "expireTime": int(now) + TOKEN_SECONDS}

    def _login(self, params: Params) -> JSON:
        name = params.get("username", "").lower()
        token, expires = self._tokens.get(name, ("", 0.0))
        user = self._user(name)
        if user is None or expires < self.clock.seconds():
            raise WsError("INVALID_AUTH_TOKEN", "Specified token is invalid or expired")
        proof = hashlib.md5((token + user.access_key).encode(), usedforsecurity=False).hexdigest()
        if not user.is_active or params.get("accessKey") != proof:
            raise WsError("INVALID_USER_CREDENTIALS", "Invalid username or password")
        session = secrets.token_hex(10)
        self._sessions[session] = Session(user, self.clock.seconds())
        v = self.store.table("Users").rows[user.id].values
        about = {k: v[k] for k in ("first_name", "last_name")} | {"email": v["email1"]}
        about |= {k: v[k] for k in ("time_zone", "hour_format", "date_format", "is_admin")}
        about |= {"call_duration": v["callduration"], "other_event_duration": v["othereventduration"]}
        return {"username": user.name, **about, **_session_answer(session, user)}

    def _signed_in(self, params: Params) -> Session:
        """Return the session in use. Raises the two codes of B6."""
        name = params.get("sessionName")
        if not name:
            raise WsError("AUTHENTICATION_REQUIRED", "Authencation required")
        session, now = self._sessions.get(name), self.clock.seconds()
        if session is None or now - session.used > SESSION_IDLE_SECONDS:
            self._sessions.pop(name, None)
            raise WsError("INVALID_SESSIONID", "Session Identifier provided is Invalid")
        session.used = now
        return session

    def _extendsession(self, request: Request, params: Params) -> JSON:
        cookie = re.search(r"PHPSESSID=(\w+)", request.headers.get("cookie", "") if request.method == "POST" else "")
        name = params.get("sessionName") or (cookie[1] if cookie else "")
        if name in self._sessions:
            return _session_answer(name, self._signed_in({"sessionName": name}).user)
        if params.get("PHPSESSID"):
            raise WsError("AUTHENTICATION_FAILURE", "Authencation Failed")
        raise WsError("AUTHENTICATION_REQUIRED", "Authencation required")

    def _logout(self, is_post: bool, params: Params) -> JSON:
        """Stock 8.0.0 on PHP 8 dies after the session was checked (B10)."""
        self._signed_in(params)
        if not is_post:
            raise WsError("OPERATION_NOT_SUPPORTED", DENIED)
        if not self.switches["logout_works"]:
            raise PhpFatal
        del self._sessions[params["sessionName"]]
        return {"message": "successfull"}

    def records(self, module: str, deleted: bool) -> list[JSON]:
        with self.lock, self.here():
            return backdoor.records(self.crm, modules()[module], deleted)

    def mutate(self, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
        with self.lock, self.here():
            return backdoor.mutate(self.crm, action, modules()[module], record_id, values, touch)


def _session_answer(session: str, user: User) -> dict[str, str]:
    return {"sessionName": session, "userId": user.ws_id, "version": "0.22", "vtigerVersion": "8.0.0"}
