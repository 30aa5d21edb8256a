"""The simulated Simply CRM: a Vtiger 7.1 with a mobile JSON API and incoming webhooks, all three on the same records."""

from __future__ import annotations

import json
import re
from typing import Any

from connectors.sandbox.people import letters
from connectors.sandbox.simplycrm import mobile, webhooks
from connectors.sandbox.simplycrm.calls import check_address, params_of
from connectors.sandbox.simplycrm.shapes import hidden
from connectors.sandbox.store import Row
from connectors.sandbox.vtiger.crm import DENIED, Crm, Installation, Module, WsError, modules
from connectors.sandbox.vtiger.seed import sow
from connectors.sandbox.vtiger.vendor import Session, Vtiger
from connectors.sandbox.wire import Reply, Request, escaped_json

JSON = Any
Params = dict[str, str]
# As in the samples of the vendor's document; other servers number their modules in other ways, Vtiger's among them.
_NUMBERED = (
    "Calendar", "Leads", "Accounts", "Contacts", "Potentials", "Products", "Documents", "Emails", "HelpDesk", "Faq", "Vendors",
    "PriceBooks", "Quotes", "PurchaseOrder", "SalesOrder", "Invoice", "Campaigns", "Events", "Users", "Groups", "Currency",
    "DocumentFolders", "PBXManager", "ServiceContracts", "Services", "Assets", "ModComments", "ProjectMilestone", "ProjectTask",
    "Project", "SMSNotifier", "CompanyDetails", "LineItem", "Tax", "ProductTaxes",
)  # fmt: skip
_CUSTOM = {
    "name": "cf_617", "label": "Telefono da chiamare per chiarimenti", "mandatory": False, "type": {"name": "phone"},
    "isunique": False, "nullable": True, "editable": True, "default": "",
}  # fmt: skip
HERE = Installation(
    prefixes=tuple((name, str(number)) for number, name in enumerate(_NUMBERED, 1)),
    fields=(("Calendar", json.dumps(_CUSTOM)),),
)


class SimplyCrm(Vtiger):
    """One simulated Simply CRM. Its operations are named as sent, those of the mobile API with "mobile." before, and "webhook".

    Switches besides Vtiger's: `allowed_ips` (the Whitelist IP field), `documented_spelling` (errorCode, sessionId and logout by
    GET, as the vendor's document has them and no server seen does), `search_ignored` (stock Vtiger's listModuleRecords),
    `filter_count_dies` (PHP 8), `sync_custom_fields` (syncModuleRecords shows them), `users_can_be_made`, `hidden_fields`
    ({module: [names]}, switched off in the module's settings), `query_entities_only` (as the document says; servers seen do more).
    """

    slug = "simplycrm"
    installed = HERE

    def _begin(self) -> None:
        self.clock.reset()
        self.switches.update(
            sync_works=True, logout_works=True, sync_all_owners=False, private_sharing=False, unique={},
            unseen={}, denied=[], database_fails=0, custom_modules=[],
            allowed_ips=["127.0.0.1"], documented_spelling=False, search_ignored=False, filter_count_dies=False,
            sync_custom_fields=False, users_can_be_made=True, hidden_fields={}, query_entities_only=False,
        )  # fmt: skip
        self.crm = _Crm(self.store, self.clock, self.switches)
        self.mobile = mobile.Mobile(self.crm, self._user)
        self._sessions.clear()
        if self.store.is_empty:
            with self.here():
                self.store.sow(self._sow)
            self._give_passwords()

    def _sow(self) -> None:
        sow(self.store, self._records, self._seed, self.slug)
        webhooks.sow(self.crm, self._seed)

    def _give_passwords(self) -> None:
        users = list(self.store.table("Users").rows.values())
        for row in users:
            row.hidden["password"] = letters(self._seed, f"{self.slug}:{row.values['user_name']}:password", 12)
        self.store.save(users)

    def credentials(self, url: str) -> dict[str, str]:
        with self.lock:
            admin = self._user("admin")
            password = self.store.table("Users").rows[admin.id].hidden["password"] if admin else ""
        return {**super().credentials(url), "password": password}

    def expire_sessions(self) -> None:
        with self.lock:
            self.mobile.sessions.clear()
        super().expire_sessions()

    def operation(self, request: Request) -> str:
        if request.path.endswith(mobile.PATH):
            return f"mobile.{params_of(request).get('_operation') or ''}"
        return "webhook" if request.path.endswith(webhooks.PATH) else super().operation(request)

    def session_key(self, request: Request) -> str | None:
        if request.path.endswith(mobile.PATH):
            return str(params_of(request).get("_session") or "") or None
        return super().session_key(request)

    def answer(self, request: Request) -> Reply:
        with self.here():
            if request.path.endswith(mobile.PATH):
                with self.lock:
                    return self.mobile.answer(request)
            if request.path.endswith(webhooks.PATH):
                return self._webhook(request)
            reply = self._answer(request)
        return _as_documented(reply) if self.switches["documented_spelling"] else reply

    def _webhook(self, request: Request) -> Reply:
        """A webhook writes as the administrator who made it."""
        with self.lock:
            admin = self._user("admin")
            return webhooks.answer(self.crm, admin, request) if admin else Reply(404, b"")

    def _result(self, request: Request) -> bytes:
        """Vtiger's, with fields left out of describe that are switched off."""
        if self.switches["query_entities_only"] and self.operation(request) == "query":
            _refuse_non_entity(request.query.get("query", ""))
        result = super()._result(request)
        if self.operation(request) != "describe" or not self.switches["hidden_fields"]:
            return result
        described = json.loads(result)
        off = hidden(self.crm, modules()[described["name"]])
        return escaped_json({**described, "fields": [f for f in described["fields"] if f["name"] not in off]})

    def _login(self, params: Params) -> JSON:
        """7.1 tells nothing about the user, and refuses one who is switched off in other words (vtiger-facts B3, B5)."""
        check_address(self.crm)
        user = self._user(params.get("username", ""))
        if user is not None and not user.is_active:
            raise WsError("AUTHENTICATION_REQUIRED", "Given user is inactive")
        answer, is_document = super()._login(params), self.switches["documented_spelling"]
        session, version = ("sessionId", "SimplyVersion") if is_document else ("sessionName", "vtigerVersion")
        return {session: answer["sessionName"], "userId": answer["userId"], "version": "0.22", version: "7.1.0"}

    def _signed_in(self, params: Params) -> Session:
        """A session of the mobile API is none here, and asking for it ends it there (vtiger-facts G4)."""
        check_address(self.crm)
        self.mobile.sessions.pop(params.get("sessionName", ""), None)
        return super()._signed_in(params)

    def _logout(self, is_post: bool, params: Params) -> JSON:
        return super()._logout(is_post != self.switches["documented_spelling"], params)

    def records(self, module: str, deleted: bool) -> list[JSON]:
        with self.here():
            if module == webhooks.MODULE:
                return webhooks.shown(self.crm, deleted)
            return super().records(module, deleted)

    def mutate(self, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
        with self.here():
            if module != webhooks.MODULE:
                return super().mutate(action, module, record_id, values, touch)
            with self.lock:
                return webhooks.change(self.crm, self._seed, action, record_id, values)


class _Crm(Crm):
    """Vtiger's records, with fields left out of every answer that are switched off in the module's settings."""

    def full(self, module: Module, row: Row, ws_id: str | None = None) -> dict[str, JSON]:
        off = hidden(self, module)
        return {k: v for k, v in super().full(module, row, ws_id).items() if k not in off}

    def rendered(self, module: Module, row: Row) -> bytes:
        off = hidden(self, module)
        if not off:
            return super().rendered(module, row)
        shown = {k: v for k, v in row.values.items() if k not in off and k != "id"}
        return escaped_json({**shown, "id": f"{module.prefix}x{row.id}"})


def _refuse_non_entity(query: str) -> None:
    """Raise ACCESS_DENIED for a query of a module that holds no records of its own: Groups, Currency …"""
    name = re.search(r"\sfrom\s+(\w+)", query, re.IGNORECASE)
    module = modules().get(name[1]) if name else None
    if module is not None and not module.is_entity:
        raise WsError("ACCESS_DENIED", DENIED)


def _as_documented(reply: Reply) -> Reply:
    """Return an error with the names that the vendor's document gives its parts."""
    if not reply.body.startswith(b'{"success":false'):
        return reply
    error = json.loads(reply.body)["error"]
    renamed = {"errorCode": error["code"], "errorMessage": error["message"]}
    return Reply(reply.status, escaped_json({"success": False, "error": renamed}), reply.content_type, reply.headers)
