"""The least a test needs to speak to a sandbox: plain HTTP, so that no client of ours stands between the test and the wire. What
is said to its control side goes the short way, within the process: it is no part of a vendor's API, and is said ten times a test."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import orjson
import requests

from connectors.sandbox.control import PREFIX
from connectors.sandbox.server import Sandbox
from connectors.sandbox.wire import Request

JSON = Any


class Account:
    """One vendor of a running sandbox, with its control side. For Vtiger `call` signs in at the first need."""

    def __init__(self, sandbox: Sandbox, slug: str) -> None:
        self.sandbox, self.slug = sandbox, slug
        self.url, self.secrets = sandbox.urls[slug], sandbox.credentials[slug]
        self.http = requests.Session()
        self.http.trust_env = False
        self.session = ""

    def close(self) -> None:
        self.http.close()

    def control(self, method: str, deed: str, **params: JSON) -> JSON:
        """Return the control side's answer, as it would come over HTTP; it must be 200."""
        asked, body = ("?" + urlencode(params), b"") if method == "GET" else ("", orjson.dumps(params))
        answer = self.sandbox.answer(self.slug, Request(method, f"{PREFIX}{deed}{asked}", {}, body))
        assert answer.status == 200, answer.body.decode()
        return orjson.loads(answer.body)

    def create_all(self, module: str, rows: list[dict[str, JSON]]) -> list[str]:
        """Create records behind the API's back, at once, and return their ids."""
        changes = [{"action": "create", "module": module, "values": row} for row in rows]
        return [str(made["id"]) for made in self.control("POST", "mutate", changes=changes)]

    def access_key(self, username: str) -> str:
        """Return a Vtiger user's key, told by the control side."""
        users = self.control("GET", "records", module="Users")
        return next(u["values"]["accesskey"] for u in users if u["values"]["user_name"] == username)

    def proof(self, token: str, username: str) -> str:
        return hashlib.md5((token + self.access_key(username)).encode()).hexdigest()

    def login(self, username: str = "admin") -> str:
        """Sign in to Vtiger and return the session's name."""
        token = self.get(operation="getchallenge", username=username)["result"]["token"]
        answer = self.post(operation="login", username=username, accessKey=self.proof(token, username))
        self.session = answer["result"]["sessionName"]
        return self.session

    def get(self, **params: str) -> JSON:
        return self.http.get(f"{self.url}/webservice.php", params=params, timeout=10).json()

    def post(self, **params: str) -> JSON:
        return self.http.post(f"{self.url}/webservice.php", data=params, timeout=10).json()

    def query(self, text: str) -> JSON:
        """Return Vtiger's answer to a query."""
        return self.get(operation="query", sessionName=self.session or self.login(), query=text)

    def result(self, text: str) -> JSON:
        return self.query(text)["result"]

    def write(self, operation: str, element: JSON, module: str = "") -> JSON:
        """Return Vtiger's answer to create, update or revise."""
        session = self.session or self.login()
        return self.post(operation=operation, sessionName=session, elementType=module, element=json.dumps(element))

    def rest(self, method: str, path: str, body: JSON = None, **params: JSON) -> requests.Response:
        """Ask Really Simple Systems; dict parameters are sent as JSON."""
        sent = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in params.items()}
        head = {"Authorization": f"Bearer {self.secrets['access_token']}"}
        return self.http.request(method, self.url + path, params=sent, json=body, headers=head, timeout=10)
