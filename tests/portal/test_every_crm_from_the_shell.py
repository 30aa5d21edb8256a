"""Every CRM from the shell, with nothing but `add_connection` before: read, save, delete, call its own operations."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from connectors import OFFERED, connector_class
from connectors.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

# module, a field of text, what a new record needs besides, an operation that reads and its parameters
SUBJECTS: dict[str, tuple[str, str, dict[str, str], str, dict[str, str]]] = {
    "opencrm": ("contact", "lastname", {"assigned_user_id": "1"}, "get_contact_list_count", {}),
    "reallysimple": ("contacts", "last", {"accountid": "1001"}, "datadictionary", {"object": "contacts"}),
    "sarvcrm": ("Leads", "last_name", {}, "get_module_fields", {"module": "Leads"}),
    "simplycrm": ("Contacts", "lastname", {}, "describe", {"elementType": "Contacts"}),
    "vtiger": ("Contacts", "lastname", {}, "describe", {"elementType": "Contacts"}),
}


@pytest.fixture(scope="module", params=OFFERED)
def sandbox(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    with Sandbox(vendors=(request.param,), records=12) as running:
        yield request.param, running.credentials[request.param]


def run(*words: str) -> Any:
    out = io.StringIO()
    call_command(*words, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def pairs(values: dict[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def test_a_crm_is_read_written_and_asked_from_the_shell(
    sandbox: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    slug, credentials = sandbox
    module, field, needed, operation, params = SUBJECTS[slug]
    given = {}
    for setting in connector_class(slug).settings:
        if credentials.get(setting.name):
            monkeypatch.setenv(f"GIVEN_{setting.name.upper()}", credentials[setting.name])
            given[setting.name] = f"env:GIVEN_{setting.name.upper()}"
    run("add_connection", slug, "--name", "crm", *pairs(given))
    run("allow_writing", "crm")
    assert run("check_connection", "crm")
    assert module in {found["name"] for found in run("list_modules", "crm")}
    assert field in {found["name"] for found in run("describe_module", "crm", module)["fields"]}
    made = run("save_record", "crm", module, *pairs({field: "O'Brien", **needed}))
    assert made["values"][field] == "O'Brien" and run("get_record", "crm", module, made["id"])["id"] == made["id"]
    found = run("list_records", "crm", module, "--live", "--filter", f'{field} = "O\'Brien"')
    assert made["id"] in {record["id"] for record in found} and {r["values"][field] for r in found} == {"O'Brien"}
    changed = run("save_record", "crm", module, made["id"], *pairs({field: "Ito"}))
    assert changed["values"][field] == "Ito"
    assert run("pull", "crm", module)["new"] > 3
    assert made["id"] in {r["id"] for r in run("list_records", "crm", module, "--filter", f"{field} = Ito")}
    assert operation in {found["name"] for found in run("list_operations", "crm")}
    assert run("call_operation", "crm", operation, *pairs(params))
    if connector_class(slug).capabilities.delete:
        run("delete_record", "crm", module, made["id"])
        live = run("list_records", "crm", module, "--live", "--limit", "500")
        assert made["id"] not in {record["id"] for record in live}
