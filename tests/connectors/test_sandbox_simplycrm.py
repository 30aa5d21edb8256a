"""What the simulated Simply CRM answers: the vendor's document, and what servers of its family do besides; the letters and
numbers are those of the facts about the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

JSON = Any
OWNED = {"assigned_user_id": "19x1"}
SORRY = "Sorry! Attempt to access restricted file."


class Phone:
    """The mobile API of a running sandbox, and its other sides through `account`."""

    def __init__(self, account: Account) -> None:
        self.account, self.session = account, ""

    def post(self, operation: str, **params: str) -> requests.Response:
        data = {"_operation": operation, "_session": self.session, **params}
        return self.account.http.post(f"{self.account.url}/modules/Mobile/api.php", data=data, timeout=10)

    def ask(self, operation: str, **params: str) -> JSON:
        """Return the whole answer, {"success", "result" or "error"}."""
        return self.post(operation, **params).json()

    def result(self, operation: str, **params: str) -> JSON:
        answer = self.ask(operation, **params)
        assert answer["success"], answer
        return answer["result"]

    def login(self, username: str = "admin", password: str = "") -> str:
        found = self.result("login", username=username, password=password or self.account.secrets["password"])
        self.session = found["login"]["session"]
        return self.session

    def save(self, module: str, record: str = "", **values: JSON) -> JSON:
        """Return the whole answer to saveRecord."""
        return self.ask("saveRecord", module=module, record=record, values=json.dumps(values))

    def made(self, module: str = "Contacts", **values: JSON) -> str:
        name = {"Contacts": "lastname", "Accounts": "accountname", "Leads": "lastname"}[module]
        answer = self.save(module, **{name: "Somebody", **OWNED, **values})
        return str(answer["result"]["record"]["id"])

    def flat(self, record: str) -> dict[str, JSON]:
        found: dict[str, JSON] = self.result("fetchRecord", record=record)["record"]
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    running.control("POST", "reset")
    running.session = ""
    phone = Phone(running)
    phone.login()
    return phone


def fields(record: JSON) -> dict[str, JSON]:
    """Return a grouped record's values by field."""
    return {f["name"]: f["value"] for block in record["blocks"] for f in block["fields"]}


def test_the_credentials_have_the_names_that_a_connection_asks_for(running: Account) -> None:
    assert set(running.secrets) == {"url", "username", "access_key", "password"}


def test_a_record_of_one_api_is_one_of_the_other(phone: Phone) -> None:
    crm = phone.account
    record = phone.made(firstname="Ann", title="T")
    crm.login()
    assert crm.result("SELECT firstname,source FROM Contacts;") == [
        {"firstname": "Ann", "source": "MOBILE", "id": record}
    ]
    crm.write("revise", {"id": record, "firstname": "Bob"})
    assert (phone.flat(record)["firstname"], phone.flat(record)["title"]) == ("Bob", "T")
    phone.result("deleteRecords", record=record.partition("x")[2])
    assert crm.result("SELECT id FROM Contacts;") == []


def test_a_list_has_twenty_rows_a_page_counted_from_one_with_bare_numbers(phone: Phone) -> None:
    for number in range(45):
        phone.account.control("POST", "mutate", action="create", module="Contacts", values={"lastname": f"N{number}"})
    pages = [phone.result("listModuleRecords", module="Contacts", page=page) for page in ("", "1", "2", "3", "4")]
    rows = [[r["id"] for r in page["records"] or []] for page in pages]
    assert [len(r) for r in rows] == [20, 20, 20, 5, 0]
    assert rows[0] == rows[1]
    assert len({i for page in rows for i in page}) == 45
    assert all(isinstance(i, int) for i in rows[0])
    assert [p["moreRecords"] for p in pages] == [True, True, True, False, False]
    assert pages[4]["records"] is None
