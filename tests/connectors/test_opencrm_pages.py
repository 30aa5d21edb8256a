"""Lists of OpenCRM page by page: only an empty page is the end, and what the server counts and does not bring is an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.errors import ProtocolError, QueryError
from connectors.opencrm.client import PAGE
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.pages import MOST, Incomplete
from connectors.query import Order, Query, parse
from connectors.sandbox.server import Sandbox
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.opencrm_account import (
    OpenCrmSeeder,
    account,
    context,
    crm,
    crowd,
    ids_in,
    observer,
    seeder,
    there,
)
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=60, seed=3, latency_ms=5) as running:
        yield running


# Short pages


@pytest.mark.parametrize("most", [1, 70, 199])
def test_a_server_that_gives_fewer_rows_than_asked_is_read_to_its_end(
    account: Account, crm: OpenCrmConnector, most: int
) -> None:
    crowd(account, 30 if most == 1 else 3 * PAGE)
    everything = there(account)
    account.control("POST", "switches", most_rows=most)
    assert {record.id for record in read_all(crm, "contact")} == everything
    assert {record.id for record in read_all(crm, "contact", Query(order=(Order("lastname"),)))} == everything
    assert ids_in(list(crm.changes("contact", None))) == everything
    assert {id for page in crm.ids("contact") for id in page} == everything


@pytest.mark.parametrize("short", [[3], [None, 3], [None, None, 3], [None, None, None, 3, 1], [None, 0], [None, 1]])
def test_a_page_cut_short_is_not_the_end(account: Account, crm: OpenCrmConnector, short: list[int | None]) -> None:
    crowd(account, 4 * PAGE)
    everything = there(account)
    crm.describe("contact")
    account.control("POST", "switches", short_pages=short)
    assert ids_in(list(crm.changes("contact", None))) == everything
    account.control("POST", "switches", short_pages=short)
    assert {id for page in crm.ids("contact") for id in page} == everything


def test_a_long_page_of_one_module_ends_no_list_of_another(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 2 * PAGE)
    list(crm.changes("contact", None))
    account.control("POST", "switches", most_rows=5)
    assert ids_in(list(crm.changes("company", None))) == there(account, "company")


# What the server counts


def test_what_is_counted_and_does_not_come_is_no_complete_reading(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    account.control("POST", "switches", listed=2 * PAGE)
    with pytest.raises(Incomplete):
        list(crm.changes("contact", None))
    with pytest.raises(Incomplete):
        list(crm.ids("contact"))
    with pytest.raises(Incomplete):
        crm.read("contact", Query(order=(Order("lastname"),)))


def test_after_an_incomplete_reading_the_next_one_begins_anew(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    cursor = None
    account.control("POST", "switches", listed=2 * PAGE)
    with pytest.raises(ProtocolError):
        for page in crm.changes("contact", None):
            cursor = page.cursor
    account.control("POST", "switches", listed=0)
    assert ids_in(list(crm.changes("contact", cursor))) == there(account)


def test_a_delta_that_brings_fewer_records_than_are_counted_is_read_whole(
    account: Account, crm: OpenCrmConnector
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = set(crowd(account, 2 * PAGE))
    account.control("POST", "switches", found=PAGE)
    assert made <= ids_in(list(crm.changes("contact", cursor)))
    account.control("POST", "switches", listed=PAGE)
    with pytest.raises(Incomplete):
        list(crm.changes("contact", cursor))


def test_a_delta_that_is_empty_by_mistake_loses_nothing(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = seeder.put("Made")
    account.control("POST", "switches", short_pages=[0])
    pages = list(crm.changes("contact", cursor))
    cursor = list(crm.changes("contact", pages[-1].cursor))[-1].cursor
    again = seeder.put("Again", made)
    account.control("POST", "clock", shift_seconds=3600)
    account.control("POST", "switches", short_pages=[0])
    pages += crm.changes("contact", cursor)
    pages += crm.changes("contact", pages[-1].cursor)
    found = {change.record.values["lastname"] for page in pages for change in page.changes if change.record}
    assert again == made and "Again" in found


def test_a_count_that_takes_no_notice_of_the_time_is_no_reason_to_read_everything(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    account.control("POST", "switches", count_asked="ignored")
    made = set(crowd(account, 2 * PAGE))
    crowd_of_a_kind = parse("lastname = Crowd", crm.describe("contact"))
    assert made <= {record.id for record in read_all(crm, "contact", Query(crowd_of_a_kind, (Order("lastname"),)))}
    for counted in (True, False):
        observer.calls.clear()
        pages = list(crm.changes("contact", cursor))
        assert made <= ids_in(pages) < there(account)
        assert ("get_contact_list_count" in {call.operation for call in observer.calls}) is counted
    assert list(crm.context.learned.get("no count by time of contact")) == ["modifiedtime"]


def test_a_server_that_counts_nothing_is_read_all_the_same(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    account.control("POST", "switches", absent=["get_contact_list_count"], most_rows=70)
    everything = there(account)
    pages = list(crm.changes("contact", None))
    assert ids_in(pages) == everything
    assert {id for page in crm.ids("contact") for id in page} == everything
    made = set(crowd(account, 3))
    assert made <= ids_in(list(crm.changes("contact", pages[-1].cursor)))


# What is not known of a count


@pytest.mark.parametrize("again", [["Not now"], [0]])
def test_a_count_that_says_nothing_does_not_make_a_list_complete(
    account: Account, crm: OpenCrmConnector, again: list[int | str]
) -> None:
    crowd(account, 5 * PAGE)
    crm.describe("contact")
    total = len(there(account))
    for counts in ([total, *again], [*again, total]):
        for reading in (
            lambda: list(crm.ids("contact")),
            lambda: list(crm.changes("contact", None)),
            lambda: crm.read("contact", Query(order=(Order("lastname"),))),
        ):
            account.control("POST", "switches", listed=3 * PAGE, counts=counts)
            with pytest.raises(Incomplete):
                reading()


def test_a_module_that_could_be_counted_is_not_complete_once_it_cannot(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    crm.check()
    account.control("POST", "switches", absent=["get_contact_list_count"], listed=2 * PAGE)
    with pytest.raises(Incomplete):
        list(crm.ids("contact"))
    with pytest.raises(Incomplete):
        list(crm.changes("contact", None))
    crm.check()  # now it is known that this server does not count them
    assert len({id for page in crm.ids("contact") for id in page}) == 2 * PAGE


def test_a_server_that_cannot_count_is_asked_no_more_than_twice(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    crowd(account, 3 * PAGE)
    account.control("POST", "switches", absent=["get_contact_list_count"])
    for reading in (lambda: list(crm.ids("contact")), lambda: list(crm.changes("contact", None))):
        observer.calls.clear()
        reading()
        assert [call.operation for call in observer.calls].count("get_contact_list_count") == 2
    cursor = list(crm.changes("contact", None))[-1].cursor
    observer.calls.clear()
    list(crm.changes("contact", cursor))
    assert len(observer.calls) < 10


def test_a_delta_whose_first_count_is_refused_is_counted_at_its_end(account: Account, crm: OpenCrmConnector) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = set(crowd(account, 2 * PAGE))
    account.control("POST", "switches", found=PAGE, counts=["Not now"])
    assert made <= ids_in(list(crm.changes("contact", cursor)))


def test_a_list_too_long_to_be_sorted_is_told_after_a_few_calls(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    crowd(account, 2 * PAGE)
    crm.describe("contact")
    observer.calls.clear()
    account.control("POST", "switches", counts=[MOST * PAGE + 1])
    with pytest.raises(QueryError, match="filter"):
        crm.read("contact", Query(order=(Order("lastname"),)))
    assert len(observer.calls) < 10
    account.control("POST", "switches", most_rows=1)
    with pytest.raises(QueryError, match="filter"):
        crm.read("contact", Query(order=(Order("lastname"),)))
    assert len(observer.calls) < 3 * MOST
