"""A record that a person creates is looked up first where the CRM itself compares nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connectors.sandbox.server import Sandbox
from portal.ledger.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def credentials() -> Iterator[dict[str, str]]:
    with Sandbox(vendors=("opencrm",), records=12) as running:
        yield running.credentials["opencrm"]


def run(*words: str) -> Any:
    out = io.StringIO()
    call_command(*words, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def pairs(**values: str) -> list[str]:
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def test_a_second_record_with_the_same_key_is_refused_and_the_first_one_named(
    credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {}
    for name, value in credentials.items():
        if value:
            monkeypatch.setenv(f"GIVEN_{name.upper()}", value)
            given[name] = f"env:GIVEN_{name.upper()}"
    run("add_connection", "opencrm", "--name", "crm", *pairs(**given))
    run("allow_writing", "crm")
    new = pairs(lastname="Ito", email="kei@example.org", assigned_user_id="1")
    made = run("save_record", "crm", "contact", *new)
    with pytest.raises(CommandError, match=made["id"]):
        run("save_record", "crm", "contact", *new)
    refused = Entry.objects.order_by("-id").first()
    assert refused is not None and (refused.state, refused.record_id) == (Entry.State.FAILED, "")
    found = run("list_records", "crm", "contact", "--live", "--filter", 'email = "kei@example.org"')
    assert [record["id"] for record in found] == [made["id"]]
    second = {
        "crmid": "0",
        "record": json.dumps({"lastname": "Ito", "email": "kei@example.org", "assigned_user_id": "1"}),
    }
    assert run("call_operation", "crm", "edit_contact", *pairs(**second)) != made["id"]
