"""The simulated Simply CRM: a Vtiger 7.1 with a mobile JSON API and incoming webhooks, all three on the same records."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.people import letters
from connectors.sandbox.simplycrm import mobile
from connectors.sandbox.vtiger.crm import WsError
from connectors.sandbox.vtiger.seed import sow
from connectors.sandbox.vtiger.vendor import Session, Vtiger
from connectors.sandbox.wire import Reply, Request

JSON = Any
Params = dict[str, str]


class SimplyCrm(Vtiger):
    """One simulated Simply CRM. Its operations are named as sent, those of the mobile API with "mobile." before.

    Switches besides Vtiger's: `search_ignored` (stock Vtiger's listModuleRecords), `filter_count_dies` (PHP 8),
    `sync_custom_fields` (syncModuleRecords shows them), `users_can_be_made`, `hidden_fields` ({module: [names]}).
    """

    slug = "simplycrm"

    def _begin(self) -> None:
        self.clock.reset()
        self.switches.update(
            sync_works=True, logout_works=True, sync_all_owners=False, private_sharing=False, unique={},
            search_ignored=False, filter_count_dies=False, sync_custom_fields=False, users_can_be_made=True, hidden_fields={},
        )  # fmt: skip
        if self.store.is_empty:
            sow(self.store, self._records, self._seed, self.slug)
            self._give_passwords()
        self._sessions.clear()
        self.mobile = mobile.Mobile(self.crm, self._user)

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
            return f"mobile.{mobile.params_of(request).get('_operation') or ''}"
        return super().operation(request)

    def session_key(self, request: Request) -> str | None:
        if request.path.endswith(mobile.PATH):
            return str(mobile.params_of(request).get("_session") or "") or None
        return super().session_key(request)

    def answer(self, request: Request) -> Reply:
        if request.path.endswith(mobile.PATH):
            with self.lock:
                return self.mobile.answer(request)
        return super().answer(request)

    def _login(self, params: Params) -> JSON:
        """7.1 tells nothing about the user, and refuses one who is switched off in other words (vtiger-facts B3, B5)."""
        user = self._user(params.get("username", ""))
        if user is not None and not user.is_active:
            raise WsError("AUTHENTICATION_REQUIRED", "Given user is inactive")
        answer = super()._login(params)
        return {
            "sessionName": answer["sessionName"],
            "userId": answer["userId"],
            "version": "0.22",
            "vtigerVersion": "7.1.0",
        }

    def _signed_in(self, params: Params) -> Session:
        """A session of the mobile API is none here, and asking for it ends it there (vtiger-facts G4)."""
        self.mobile.sessions.pop(params.get("sessionName", ""), None)
        return super()._signed_in(params)
