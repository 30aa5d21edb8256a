"""The least a test needs to speak to the simulated Simply CRM's mobile API: plain HTTP, no client of ours."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.connectors.sandbox_client import Account

JSON = Any
# The modules of the vendor's sample with the numbers their ids begin with there.
MODULES = {
    "Calendar": "1", "Leads": "2", "Accounts": "3", "Contacts": "4", "Potentials": "5", "Products": "6", "Documents": "7",
    "Emails": "8", "HelpDesk": "9", "Faq": "10", "Vendors": "11", "PriceBooks": "12", "Quotes": "13", "PurchaseOrder": "14",
    "SalesOrder": "15", "Invoice": "16", "Campaigns": "17", "PBXManager": "23", "ServiceContracts": "24", "Services": "25",
    "Assets": "26", "ModComments": "27", "ProjectMilestone": "28", "ProjectTask": "29", "Project": "30", "SMSNotifier": "31",
}  # fmt: skip
OWNED = {"assigned_user_id": "19x1"}


class Phone:
    """The mobile API of a running sandbox, and its other sides through `account`."""

    def __init__(self, account: Account) -> None:
        self.account, self.session = account, ""
        self.url = f"{account.url}/modules/Mobile/api.php"

    def post(self, operation: str, **params: str) -> requests.Response:
        data = {"_operation": operation, "_session": self.session, **params}
        return self.account.http.post(self.url, data=data, timeout=10)

    def ask(self, operation: str, **params: str) -> JSON:
        """Return the whole answer, {"success", "result" or "error"}."""
        return self.post(operation, **params).json()

    def error(self, operation: str, **params: str) -> JSON:
        answer = self.ask(operation, **params)
        assert answer["success"] is False, answer
        return answer["error"]

    def result(self, operation: str, **params: str) -> JSON:
        answer = self.ask(operation, **params)
        assert answer["success"] is True, answer
        return answer["result"]

    def login(self, username: str = "admin", password: str = "") -> str:
        found = self.result("login", username=username, password=password or self.account.secrets["password"])
        self.session = found["login"]["session"]
        return str(self.session)

    def save(self, module: str, record: str = "", **values: JSON) -> JSON:
        """Return the whole answer to saveRecord."""
        return self.ask("saveRecord", module=module, record=record, values=json.dumps(values))

    def made(self, module: str = "Contacts", **values: JSON) -> str:
        """Create a record and return its id."""
        name = {"Contacts": "lastname", "Accounts": "accountname", "Leads": "lastname"}[module]
        answer = self.save(module, **{name: "Somebody", **OWNED, **values})
        return str(answer["result"]["record"]["id"])

    def many(self, count: int, module: str = "Contacts", **values: JSON) -> list[str]:
        """Make records behind the API's back and return their ids."""
        changes = [
            {"action": "create", "module": module, "values": {"lastname": f"N{n}", **values}} for n in range(count)
        ]
        return [r["id"] for r in self.account.control("POST", "mutate", changes=changes)]

    def flat(self, record: str) -> dict[str, JSON]:
        found: dict[str, JSON] = self.result("fetchRecord", record=record)["record"]
        return found

    def shift(self, seconds: float) -> None:
        """Put the server's clock forward."""
        self.account.control("POST", "clock", shift_seconds=seconds)

    def switch(self, **switches: JSON) -> None:
        self.account.control("POST", "switches", **switches)


def fresh(account: Account) -> Phone:
    """Bring the server back to its seed and return its mobile API, signed in."""
    account.control("POST", "reset")
    account.session = ""
    phone = Phone(account)
    phone.login()
    return phone


def fields(record: JSON) -> dict[str, JSON]:
    """Return a grouped record's values by field."""
    return {f["name"]: f["value"] for block in record["blocks"] for f in block["fields"]}
