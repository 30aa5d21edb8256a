"""Reading what changed at SarvCRM: complete whatever happens meanwhile, in whatever zone the database keeps its stamps, and one
call when nothing did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connectors.context import Context, MemoryLearned
from connectors.query import Order, Query
from connectors.sandbox.server import Sandbox
from connectors.sarvcrm.connector import SarvConnector
from connectors.types import ChangePage
from tests.connectors.contract import CountingObserver
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import SarvSeeder, account, connected, context, crm, observer, seeder
from tests.connectors.set_back import LONDON, shift_to

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures

MANY = 330  # leads at the start: two pages


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=MANY, seed=5) as running:
        yield running


def here(account: Account, module: str = "Leads") -> set[str]:
    """Return the ids of the records there are, asked behind the API's back."""
    return {record["id"] for record in account.control("GET", "records", module=module)}


def found(pages: list[ChangePage]) -> list[str]:
    return [change.id for page in pages for change in page.changes]


def test_the_first_reading_takes_a_call_a_page_and_few_more(
    crm: SarvConnector, account: Account, observer: CountingObserver
) -> None:
    assert found(list(crm.changes("Leads", None))) == sorted(here(account))
    pages = -(-len(here(account)) // 300) + 1  # the last one is empty
    asked = [call.operation for call in observer.calls]
    assert asked == ["Login", "GetModuleFields", *["Retrieve"] * (pages + 2)]


def test_when_nothing_happened_it_is_one_call_also_for_another_process(
    account: Account, context: Context, observer: CountingObserver
) -> None:
    cursor = list(connected(account, context).changes("Leads", None))[-1].cursor
    observer.calls.clear()
    pages = list(connected(account, context).changes("Leads", cursor))
    assert (found(pages), pages[-1].cursor) == ([], cursor)
    assert [call.operation for call in observer.calls] == ["Retrieve"]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("UTC", "Asia/Tehran"), ("Asia/Tehran", "Asia/Tehran"), ("Asia/Tehran", "UTC"), ("Etc/GMT-3", "Etc/GMT-3")],
)
def test_stamps_are_found_in_whatever_zone_the_database_keeps_them(
    account: Account, context: Context, seeder: SarvSeeder, zone: str, shown: str
) -> None:
    account.control("POST", "switches", database_zone=zone)
    account.control("POST", "clock", shift_seconds=0, zone=shown)
    crm = connected(account, context, time_zone="Asia/Tehran")
    seeder.put("Before")
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "clock", shift_seconds=3600)
    cursor = list(crm.changes("Leads", cursor))[-1].cursor
    changed = seeder.put("After")
    pages = list(crm.changes("Leads", cursor))
    assert changed in found(pages)
    if zone == "Etc/GMT-3":  # neither UTC nor the connection's: then every reading is a whole one
        assert set(found(pages)) == here(account)
    else:
        assert len(found(pages)) <= 2


def test_a_server_that_cannot_be_asked_by_time_is_read_whole_each_time(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "switches", no_column=["date_modified"])
    made = seeder.put("After")
    for _reading in range(2):
        pages = list(crm.changes("Leads", cursor))
        assert set(found(pages)) == here(account) >= {made}
        cursor = pages[-1].cursor


def test_a_second_is_read_again_while_it_is_young_and_not_later(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    changed = seeder.put("Young")
    cursor = list(crm.changes("Leads", None))[-1].cursor
    pages = list(crm.changes("Leads", cursor))
    assert changed in found(pages)
    account.control("POST", "clock", shift_seconds=301)
    pages = list(crm.changes("Leads", pages[-1].cursor))
    assert changed in found(pages)  # once more, now that nothing can be written into it any more
    assert found(list(crm.changes("Leads", pages[-1].cursor))) == []


def test_a_write_into_the_very_second_that_was_read_last_is_not_missed(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    late, early = seeder.put("Late"), seeder.put("Early")
    stamp = seeder.stored("Leads", early)["date_modified"]
    cursor = list(crm.changes("Leads", None))[-1].cursor
    values = {"last_name": "In the same second", "date_modified": stamp}
    account.control("POST", "mutate", action="update", module="Leads", id=late, values=values, touch=False)
    account.control("POST", "clock", shift_seconds=3600)
    changes = [change for page in crm.changes("Leads", cursor) for change in page.changes if change.id == late]
    assert [change.record.values["last_name"] for change in changes if change.record] == ["In the same second"]


def test_a_stamp_in_the_future_does_not_carry_the_cursor_there(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    odd = seeder.put("From the future")
    values = {"date_modified": "2090-01-01 00:00:00"}
    account.control("POST", "mutate", action="update", module="Leads", id=odd, values=values, touch=False)
    cursor = list(crm.changes("Leads", None))[-1].cursor
    made = seeder.put("Now")
    pages = list(crm.changes("Leads", cursor))
    assert {odd, made} <= set(found(pages))
    account.control("POST", "clock", shift_seconds=600)
    later = seeder.put("Later")
    assert {odd, later} <= set(found(list(crm.changes("Leads", pages[-1].cursor))))


def test_what_is_written_when_an_hour_of_the_servers_clock_repeats_is_not_missed(
    account: Account, context: Context, seeder: SarvSeeder
) -> None:
    account.control("POST", "switches", database_zone=LONDON)
    account.control("POST", "clock", **shift_to(minutes=-10))
    crm = connected(account, context, time_zone=LONDON)
    seeder.put("At ten to two")
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "clock", **shift_to(minutes=-4))
    cursor = list(crm.changes("Leads", cursor))[-1].cursor
    for minutes in (10, 40):  # ten past and twenty to two, for the second time
        account.control("POST", "clock", **shift_to(minutes))
        id = seeder.put("Later, with an earlier stamp")
        pages = list(crm.changes("Leads", cursor))
        cursor = pages[-1].cursor
        assert id in found(pages) and len(found(pages)) < 10
    account.control("POST", "clock", **shift_to(minutes=66))
    cursor = list(crm.changes("Leads", cursor))[-1].cursor
    assert found(list(crm.changes("Leads", cursor))) == []


def test_hundreds_of_changes_in_one_old_second_come_once_each(account: Account, crm: SarvConnector) -> None:
    cursor = list(crm.changes("Leads", None))[-1].cursor
    account.control("POST", "clock", shift_seconds=86400 * 2)
    cursor = list(crm.changes("Leads", cursor))[-1].cursor
    later = list(crm.changes("Leads", cursor))[-1].cursor
    now = datetime.fromisoformat(account.control("GET", "clock")["now"])
    stamp = f"{now - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    ids = sorted(here(account))[:310]
    changes = [
        {"action": "update", "module": "Leads", "id": id, "values": {"date_modified": stamp}, "touch": False}
        for id in ids
    ]
    account.control("POST", "mutate", changes=changes)
    pages = list(crm.changes("Leads", later))
    assert sorted(found(pages)) == ids
    assert sorted(found(list(crm.changes("Leads", pages[0].cursor)))) == sorted(set(ids) - set(found(pages[:1])))


def test_an_empty_module_brings_its_first_record(account: Account, crm: SarvConnector, seeder: SarvSeeder) -> None:
    for id in here(account, "Branches"):
        seeder.mutate("delete", "Branches", id)
    cursor = list(crm.changes("Branches", None))[-1].cursor
    made = seeder.mutate("create", "Branches", name="First")
    assert found(list(crm.changes("Branches", cursor))) == [made]


def test_a_sweep_of_ids_is_complete_though_records_go_meanwhile(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    sweep = crm.ids("Leads")
    seen = set(next(sweep))
    seeder.remove(min(seen))
    seen |= {id for ids in sweep for id in ids}
    assert seen >= here(account)


def test_a_reading_begun_again_at_any_page_misses_nothing(account: Account, context: Context) -> None:
    seen: set[str] = set()
    cursor = None
    for _page in range(20):
        page = next(connected(account, context).changes("Leads", cursor))
        seen |= {change.id for change in page.changes}
        if page.cursor == cursor:
            break
        cursor = page.cursor
    assert seen == here(account)


@pytest.mark.parametrize("most", [100, 300])
def test_a_page_that_overlaps_the_last_or_is_short_hides_nothing(
    account: Account, crm: SarvConnector, most: int
) -> None:
    account.control("POST", "switches", max_rows=most)
    account.control("POST", "faults", fault="overlapping_page", operation="list Leads", after=1, times=0, rows=7)
    assert set(found(list(crm.changes("Leads", None)))) == here(account)
    read: list[str] = []
    query = Query(order=(Order("date_entered"),), limit=200)
    while True:
        page = crm.read("Leads", query)
        read += [record.id for record in page.records]
        if page.next_cursor is None:
            break
        query = replace(query, cursor=page.next_cursor)
    assert sorted(read) == sorted(here(account))


def test_a_field_added_at_the_vendors_is_noticed_by_the_next_reading(
    account: Account, context: Context, seeder: SarvSeeder
) -> None:
    learned = MemoryLearned()
    cursor = list(connected(account, replace(context, learned=learned)).changes("Leads", None))[-1].cursor
    del learned.facts["fields of Leads"]["title"]  # as if the field had come later
    id = min(here(account))
    seeder.mutate("update", "Leads", id, title="Head of new fields")
    again = connected(account, replace(context, learned=learned))
    change = next(c for page in again.changes("Leads", cursor) for c in page.changes if c.id == id)
    assert change.record is not None and change.record.values["title"] == "Head of new fields"


def test_a_server_that_says_no_records_tells_the_time_all_the_same(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    account.control("POST", "switches", no_records="51")
    changed = seeder.put("Last")
    cursor = list(crm.changes("Leads", None))[-1].cursor
    readings = []
    for hours in (1, 2, 3, 4):
        account.control("POST", "clock", shift_seconds=3600 * hours)
        pages = list(crm.changes("Leads", cursor))
        cursor = pages[-1].cursor
        readings.append(found(pages))
    assert readings[-2:] == [[], []] and changed not in readings[-1]
