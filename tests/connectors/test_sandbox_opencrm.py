"""What the simulated OpenCRM answers: the vendor's document, item by item, and what public clients saw besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm

JSON = Any
LISTED = [
    "activity", "asset", "company", "contact", "contract", "lead", "opportunity", "product", "project", "ticket", "quote", "salesorder",
    "invoice", "purchaseorder",
]  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


def test_a_record_lives_as_the_document_says(crm: OpenCrm) -> None:
    number = crm.make("contact", firstname="Zoë", lastname="O'Brien <b>", email="z@x.example", birthday="1990-04-08")
    read = crm.ask("get_contact", crmid=number)
    assert (read["record_id"], read["record_module"]) == (str(number), "Contacts")
    assert (read["lastname"], read["smownerid"], read["birthday"]) == ("O'Brien <b>", "1", "08-04-1990")
    assert {"crmid", "id"}.isdisjoint(read)
    crm.control("POST", "clock", shift_seconds=60)
    assert crm.ask("edit_contact", crmid=number, title="CEO") == number
    again = crm.ask("get_contact", crmid=number)
    assert {name for name in read if read[name] != again[name]} == {"title", "modifiedtime"}
