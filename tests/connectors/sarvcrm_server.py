"""The simulated SarvCRM as its tests see it: over HTTP only, signed in, and with a way behind the API's back."""

from __future__ import annotations

import hashlib
from typing import Any

import requests

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

JSON = Any


class Server(Account):
    """A running SarvCRM with one user of it. `call` returns the answer, `data` what a good answer carries."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, "sarvcrm")
        self.address = self.secrets["url"]

    def call(self, verb: str, method: str, module: str = "", body: JSON = None, **params: JSON) -> requests.Response:
        asked = {"method": method, **({"module": module} if module else {}), **params}
        head = {"Authorization": f"Bearer {self.session}"} if self.session else {}
        return self.http.request(verb, self.address, params=asked, json=body, headers=head, timeout=10)

    def proven(self, **changes: JSON) -> dict[str, JSON]:
        """Return what a login sends."""
        password = hashlib.md5(self.secrets["password"].encode()).hexdigest()
        return {"utype": self.secrets["utype"], "user_name": "api", "password": password, **changes}

    def sign_in(self, **changes: JSON) -> str:
        """Sign in anew and return the token; `changes` replace what is sent."""
        self.session = ""
        answer = self.call("POST", "Login", body={"language": "en_US", **self.proven(**changes)})
        assert answer.status_code == 200, answer.text
        self.session = answer.json()["data"]["token"]
        return self.session

    def data(self, verb: str, method: str, module: str = "", body: JSON = None, **params: JSON) -> JSON:
        answer = self.call(verb, method, module, body, **params)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["data"]

    def found(self, module: str, query: str = "", **asked: JSON) -> list[JSON]:
        """Return the records a query finds."""
        found: list[JSON] = self.data("POST", "Retrieve", module, {"query": query, "limit": 1000, **asked})
        return found

    def one(self, module: str, id: str) -> dict[str, JSON]:
        (record,) = self.data("GET", "Retrieve", module, id=id)
        assert isinstance(record, dict)
        return record

    def made(self, module: str, **values: JSON) -> str:
        return str(self.data("POST", "Save", module, values)["id"])

    def put_behind(self, module: str, *rows: dict[str, JSON]) -> list[str]:
        """Create records behind the API's back and return their ids."""
        changes = [{"action": "create", "module": module, "values": row} for row in rows]
        return [made["id"] for made in self.control("POST", "mutate", changes=changes)]


def told(answer: requests.Response) -> tuple[int, str]:
    """Return the status and the message of an answer, the two statuses of which must agree."""
    body = answer.json()
    assert int(body["status"]) == answer.status_code
    return answer.status_code, body["message"]
