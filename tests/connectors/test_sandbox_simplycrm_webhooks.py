"""What the simulated Simply CRM makes of what is sent to its incoming webhooks: their settings as documented, their answers made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import Phone, fresh

JSON = Any


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


def stored(phone: Phone, module: str = "Contacts") -> list[JSON]:
    found: list[JSON] = phone.account.control("GET", "records", module=module)
    return found


def hook(phone: Phone, **values: JSON) -> str:
    """Make a webhook and return its address."""
    made = phone.account.control("POST", "mutate", action="create", module="Webhooks", values=values)
    return f"{phone.account.url}{made['values']['path']}"


def first_hook(phone: Phone) -> str:
    return f"{phone.account.url}{stored(phone, 'Webhooks')[0]['values']['path']}"


@pytest.mark.parametrize("kind", ["data", "json", "files"])
def test_a_webhook_makes_a_record_of_a_form_of_multipart_or_of_json(phone: Phone, kind: str) -> None:
    sent = {"lastname": "کریمی", "email": "k@x.test", "nosuch": "1"}
    body: JSON = {name: (None, value) for name, value in sent.items()} if kind == "files" else sent
    answer = requests.post(first_hook(phone), timeout=10, **{kind: body})
    assert answer.status_code == 200
    record = phone.flat(answer.json()["result"]["id"])
    assert (record["lastname"], record["email"], record["source"]) == ("کریمی", "k@x.test", "WEBHOOK")
    assert record["assigned_user_id"]["value"] == "19x1"
    assert "nosuch" not in record


def test_a_webhook_refuses_what_it_cannot_take(phone: Phone) -> None:
    url = first_hook(phone)
    fine = {"lastname": "L", "email": "e@x.test"}
    answers = [
        requests.post(url, data={"lastname": "L"}, timeout=10),
        requests.post(url + "x", data=fine, timeout=10),
        requests.get(url, params=fine, timeout=10),
        requests.post(url, data="lastname=L", headers={"Content-Type": "text/plain"}, timeout=10),
        requests.post(url, data="no json", headers={"Content-Type": "application/json"}, timeout=10),
    ]
    assert [a.status_code for a in answers] == [400, 404, 405, 415, 400]
    assert answers[0].json()["error"] == {
        "code": "MANDATORY_FIELDS_MISSING",
        "message": "email does not have a value",
    }
    assert stored(phone, "Leads") == []


def test_a_webhook_is_switched_off_on_and_deleted(phone: Phone) -> None:
    url, control = first_hook(phone), phone.account.control
    fine = {"lastname": "L", "email": "e@x.test"}
    statuses = []
    for change in ({"values": {"active": False}}, {"values": {"active": True}}):
        control("POST", "mutate", action="update", module="Webhooks", id="1", **change)
        statuses.append(requests.post(url, data=fine, timeout=10).status_code)
    control("POST", "mutate", action="delete", module="Webhooks", id="1")
    statuses.append(requests.post(url, data=fine, timeout=10).status_code)
    assert statuses == [403, 200, 404]
    assert len(stored(phone, "Leads")) == 1


def test_a_webhook_s_fields_hold_a_text_a_parameter_an_expression_or_a_reference(phone: Phone) -> None:
    account = phone.made("Accounts", accountname="Acme & Sons")
    kinds = [
        {"field": "leadsource", "type": "Value", "value": "Web Site"},
        {"field": "lastname", "type": "Field", "value": "surname"},
        {"field": "description", "type": "Expression", "value": "concat(first, ' ', surname)"},
        {"field": "account_id", "type": "Reference", "value": "Accounts.accountname=company"},
    ]
    url = hook(phone, name="Shop", module="Contacts", mandatory=["surname"], fields=kinds)
    sent = {"first": "Ann", "surname": "Lee", "company": "acme & sons", "lastname": "ignored"}
    record = phone.flat(requests.post(url, json=sent, timeout=10).json()["result"]["id"])
    assert (record["leadsource"], record["lastname"], record["description"]) == ("Web Site", "Lee", "Ann Lee")
    assert record["account_id"]["value"] == account
    other = requests.post(url, json={**sent, "company": "nobody"}, timeout=10).json()["result"]["id"]
    assert phone.flat(other)["account_id"]["value"] == ""


def test_a_webhook_s_token_is_in_no_log(phone: Phone) -> None:
    url = first_hook(phone)
    requests.post(url, data={"lastname": "L", "email": "e@x.test"}, timeout=10)
    log = json.dumps(phone.account.control("GET", "log"))
    assert '"operation": "webhook"' in log
    assert url.partition("token=")[2] not in log


def test_a_webhook_of_something_unknown_is_refused(phone: Phone) -> None:
    sent = {"action": "create", "module": "Webhooks", "values": {"nosuch": 1}}
    answer = phone.account.http.post(f"{phone.account.url}/_control/mutate", json=sent, timeout=10)
    assert answer.status_code == 400
    assert "mandatory" in answer.text
