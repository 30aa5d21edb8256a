"""Who has a phone number in OpenCRM, however it is spelled there and here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.errors import QueryError, RecordNotFound, Unsupported
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.phones import digits, is_same
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import OpenCrmSeeder, account, context, crm, observer, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=30, seed=3) as running:
        yield running


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("01904 123456", "+44 1904 123456"),
        ("+44 (0)1904 123456", "01904123456"),
        ("01904-123-456", "01904-123-456"),
        ("01 90 41 23 45 6", "01 90 41 23 45 6"),
        ("0044 1904 123456", "01904 123456"),
        ("123456", "123456"),
    ],
)
def test_a_number_is_found_however_it_is_spelled(
    crm: OpenCrmConnector, seeder: OpenCrmSeeder, there: str, asked: str
) -> None:
    wanted = {
        seeder.mutate("create", module, **{name: "Called", field: there})
        for module, name, field in (
            ("contact", "lastname", "mobile"), ("company", "accountname", "phone"), ("lead", "lastname", "phone"),
        )
    }  # fmt: skip
    seeder.mutate("create", "contact", lastname="Another", phone="01904 993456")
    found = crm.find_by("phone", asked)
    assert {record.id for record in found} == wanted
    assert {record.module for record in found} == {"contact", "company", "lead"}


@pytest.mark.parametrize("text", ["", "nobody", "+", "+44 1904 000000", "99999"])
def test_a_number_nobody_has_finds_nobody(crm: OpenCrmConnector, text: str) -> None:
    assert crm.find_by("phone", text) == []


def test_a_text_without_digits_is_not_asked_for(crm: OpenCrmConnector, observer: CountingObserver) -> None:
    assert crm.find_by("phone", "nobody") == []
    assert not observer.calls


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+44 20 7946 0018", "020 7946 0018", True),
        ("7946 0018", "020 7946 0018", True),
        ("0018", "020 7946 0018", False),
        ("020 7946 0018", "020 7946 00182", False),
        ("020 7946 0018", "020 7946 0019", False),
        ("۰۲۰ ۷۹۴۶ ۰۰۱۸", "020 7946 0018", True),
    ],
)
def test_numbers_are_compared_digit_by_digit(one: str, other: str, same: bool) -> None:
    assert is_same(digits(one), digits(other)) is same


def test_nothing_but_phone_numbers_can_be_searched_for(crm: OpenCrmConnector) -> None:
    with pytest.raises(Unsupported):
        crm.find_by("email", "kei@example.org")


def test_a_record_that_is_gone_is_linked_to_nothing(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder, observer: CountingObserver
) -> None:
    company, gone = seeder.mutate("create", "company", accountname="Acme"), seeder.put("Gone")
    seeder.remove(gone)
    with pytest.raises(RecordNotFound):
        crm.link("company", company, "contact", gone)
    assert not any(call.writes for call in observer.calls)
    assert account.control("GET", "records", module="record_links") == []


def test_a_number_too_many_records_look_like_costs_few_calls_and_is_told(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder, observer: CountingObserver
) -> None:
    crowd = [
        {"action": "create", "module": "contact", "values": {"lastname": f"Many {n}", "phone": f"0190{n:04} 3456"}}
        for n in range(300)
    ]
    account.control("POST", "mutate", changes=crowd)
    seeder.mutate("create", "contact", lastname="Called", phone="01904 12 3456")
    account.control("POST", "switches", most_rows=5)
    crm.find_by("phone", "nobody")
    observer.calls.clear()
    with pytest.raises(QueryError, match="01904 123456"):
        crm.find_by("phone", "01904 123456")
    assert len(observer.calls) < 60
    assert [record.values["lastname"] for record in crm.find_by("phone", "01904 12 3456")] == ["Called"]
