"""A running simulated OpenCRM for tests that speak plain HTTP to it."""

from __future__ import annotations

from typing import Any

import requests

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

JSON = Any


class OpenCrm(Account):
    """A running simulated OpenCRM, spoken to as the document says: a form by POST with both keys."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, "opencrm")
        self.http.headers["User-Agent"] = "integration-tests/1"
        self.keys = {name: self.secrets[name] for name in ("key", "passkey")}

    def send(self, name: str, given: dict[str, JSON] | None = None, **options: Any) -> requests.Response:
        """Return the whole answer of an end point."""
        return self.http.post(f"{self.url}/api/rest/{name}", data={**self.keys, **(given or {})}, timeout=10, **options)

    def ask(self, name: str, **given: JSON) -> JSON:
        answer = self.send(name, given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, name: str, **values: JSON) -> int:
        """Return the id of a record made through the API."""
        return int(self.ask(f"edit_{name}", crmid=0, assigned_user_id=1, **values))

    def switch(self, **switches: JSON) -> None:
        self.control("POST", "switches", **switches)

    def change(self, action: str, module: str, **more: JSON) -> JSON:
        """Change a record behind the API's back."""
        return self.control("POST", "mutate", action=action, module=module, **more)


def emptied(crm: OpenCrm, module: str) -> None:
    gone = [{"action": "delete", "module": module, "id": r["id"]} for r in crm.control("GET", "records", module=module)]
    crm.control("POST", "mutate", changes=gone)
