"""Reading what changed at Really Simple Systems: complete whatever happens meanwhile, and one call when nothing did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.base import Connector
from connectors.context import Call, Context, MemoryLearned, Outcome
from connectors.errors import BudgetSpent
from connectors.sandbox.server import Sandbox
from connectors.types import ChangePage
from tests.connectors.contract import CountingObserver
from tests.connectors.reallysimple_account import RULES, ReallySimpleSeeder, account, connected, crm, observer, seeder
from tests.connectors.sandbox_client import Account
from tests.connectors.set_back import LONDON, shift_to

__all__ = ["account", "crm", "observer", "seeder"]  # fixtures

MANY = 1050  # contacts at the start: eleven pages


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("reallysimple",), records=MANY * 3, seed=5) as running:
        yield running


@pytest.fixture
def context(observer: CountingObserver) -> Context:
    return Context(observer=observer, network=RULES, max_parallel=4)


def here(account: Account) -> set[str]:
    """Return the ids of the contacts there are, asked behind the API's back."""
    return {record["id"] for record in account.control("GET", "records", module="contacts")}


def found(pages: list[ChangePage]) -> list[str]:
    return [change.id for page in pages for change in page.changes]


def test_the_first_reading_takes_a_call_a_page_and_three_before(
    crm: Connector, account: Account, observer: CountingObserver
) -> None:
    pages = list(crm.changes("contacts", None))
    assert found(pages) == sorted(here(account), key=int)
    assert [call.operation for call in observer.calls] == ["datadictionary", *["list"] * 13]
    assert pages[0].total == MANY


@pytest.mark.parametrize("places", [1, 2, 3])
def test_a_field_that_shows_itself_while_pages_are_under_way_is_looked_up_without_waiting_for_ourselves(
    account: Account, places: int
) -> None:
    class Narrow(CountingObserver):
        """Has so many places, and nobody who waits for one gets it: they are all ours."""

        taken = 0

        def before(self, call: Call) -> None:
            if self.taken == places:
                raise BudgetSpent("no place")
            self.taken += 1
            super().before(call)

        def after(self, call: Call, outcome: Outcome) -> None:
            self.taken -= 1
            super().after(call, outcome)

    learned = MemoryLearned({"fields of contacts": {"id": "id", "last": "text", "modifieddate": "datetime"}})
    observer = Narrow()
    crm = connected(account, Context(observer=observer, network=RULES, max_parallel=4, learned=learned))
    pages = list(crm.changes("contacts", None))
    crm.close()
    assert found(pages) == sorted(here(account), key=int)
    assert all("first" in change.record.values for page in pages for change in page.changes if change.record)
    assert observer.taken == 0 and [call.operation for call in observer.calls].count("datadictionary") == 1


def test_several_pages_are_under_way_at_the_same_time(account: Account, context: Context) -> None:
    under_way, most = 0, 0

    class Watching(CountingObserver):
        def before(self, call: object) -> None:
            nonlocal under_way, most
            with self.lock:
                under_way += 1
                most = max(most, under_way)

        def after(self, call: object, outcome: object) -> None:
            nonlocal under_way
            with self.lock:
                under_way -= 1

    for limit in (1, 4):
        most = 0
        crm = connected(account, replace(context, observer=Watching(), max_parallel=limit))
        list(crm.changes("contacts", None))
        assert (most > 1) is (limit > 1)
        assert most <= limit
        crm.close()


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_record_deleted_meanwhile_hides_no_other(
    account: Account, context: Context, seeder: ReallySimpleSeeder, parallel: int
) -> None:
    crm = connected(account, replace(context, max_parallel=parallel))
    gone = min(here(account), key=int)
    pages: list[ChangePage] = []
    for page in crm.changes("contacts", None):
        if not pages:
            seeder.remove(gone)
        pages.append(page)
    assert set(found(pages)) >= here(account)


@pytest.mark.parametrize("deleted_first", [True, False])
def test_a_record_deleted_and_another_made_meanwhile_hide_no_other(
    account: Account, context: Context, seeder: ReallySimpleSeeder, deleted_first: bool
) -> None:
    crm = connected(account, replace(context, max_parallel=1))
    gone = min(here(account), key=int)
    deeds = [lambda: seeder.remove(gone), lambda: seeder.put("New")]
    reading = crm.changes("contacts", None)
    pages = []
    for deed in deeds if deleted_first else reversed(deeds):
        pages.append(next(reading))
        deed()
    pages += reading
    assert set(found(pages)) >= here(account)


def test_a_record_deleted_and_another_made_between_the_same_two_pages_hide_no_other(
    account: Account, context: Context, seeder: ReallySimpleSeeder
) -> None:
    crm = connected(account, replace(context, max_parallel=1))
    for reading in (
        ([change.id for change in page.changes] for page in crm.changes("contacts", None)),
        crm.ids("contacts"),
    ):
        read = next(reading)
        seeder.remove(read[0])
        seeder.put("New")  # the total stays as it was, and yet the first of the next page slipped to this one
        assert {*read, *(id for ids in reading for id in ids)} >= here(account)


def test_a_page_that_overlaps_the_last_hides_nothing(crm: Connector, account: Account) -> None:
    account.control("POST", "faults", fault="overlapping_page", operation="list contacts", contains="page=3", rows=7)
    assert set(found(list(crm.changes("contacts", None)))) == here(account)


def test_a_sweep_of_ids_is_complete_though_records_go_meanwhile(
    crm: Connector, account: Account, seeder: ReallySimpleSeeder
) -> None:
    sweep = crm.ids("contacts")
    seen = set(next(sweep))
    seeder.remove(min(seen, key=int))
    for ids in sweep:
        seen.update(ids)
    assert seen >= here(account)


def test_a_server_that_does_not_say_whether_there_is_more_is_read_whole(crm: Connector, account: Account) -> None:
    account.control("POST", "switches", no_has_more=True)
    assert set(found(list(crm.changes("contacts", None)))) == here(account)
    assert {id for ids in crm.ids("contacts") for id in ids} == here(account)


def test_a_reading_begun_again_at_any_page_misses_nothing(account: Account, context: Context) -> None:
    seen: set[str] = set()
    cursor = None
    for _ in range(40):
        crm = connected(account, context)
        page = next(crm.changes("contacts", cursor))
        crm.close()
        seen.update(change.id for change in page.changes)
        if page.cursor == cursor:
            break
        cursor = page.cursor
    assert seen == here(account)


def test_when_nothing_happened_it_is_one_call_also_for_another_process(
    account: Account, context: Context, observer: CountingObserver
) -> None:
    first = connected(account, context)
    cursor = list(first.changes("contacts", None))[-1].cursor
    observer.calls.clear()
    again = connected(account, replace(context, learned=context.learned))
    pages = list(again.changes("contacts", cursor))
    assert found(pages) == []
    assert [call.operation for call in observer.calls] == ["list"]
    assert pages[-1].cursor == cursor


def test_a_second_is_read_again_while_it_is_young_and_not_later(
    account: Account, crm: Connector, seeder: ReallySimpleSeeder
) -> None:
    changed = seeder.put("Young")
    cursor = list(crm.changes("contacts", None))[-1].cursor
    pages = list(crm.changes("contacts", cursor))
    assert changed in found(pages)
    account.control("POST", "clock", shift_seconds=301)
    pages = list(crm.changes("contacts", pages[-1].cursor))
    assert changed in found(pages)  # once more, now that nothing can be written into it any more
    assert found(list(crm.changes("contacts", pages[-1].cursor))) == []


def test_a_write_into_the_very_second_that_was_read_last_is_not_missed(
    account: Account, crm: Connector, seeder: ReallySimpleSeeder
) -> None:
    late, early = seeder.put("Late"), seeder.put("Early")
    stamp = seeder.stored("contacts", early)["modifieddate"]
    cursor = list(crm.changes("contacts", None))[-1].cursor
    values = {"last": "In the same second", "modifieddate": stamp}
    account.control("POST", "mutate", action="update", module="contacts", id=late, values=values, touch=False)
    account.control("POST", "clock", shift_seconds=3600)
    changes = [change for page in crm.changes("contacts", cursor) for change in page.changes if change.id == late]
    assert [change.record.values["last"] for change in changes if change.record] == ["In the same second"]


def test_what_is_written_when_an_hour_of_the_servers_clock_repeats_is_not_missed(
    account: Account, context: Context, seeder: ReallySimpleSeeder
) -> None:
    crm = connected(account, context, time_zone=LONDON)
    account.control("POST", "clock", **shift_to(minutes=-10))
    seeder.put("At ten to two")
    cursor = list(crm.changes("contacts", None))[-1].cursor
    account.control("POST", "clock", **shift_to(minutes=-4))
    cursor = list(crm.changes("contacts", cursor))[-1].cursor
    for minutes in (10, 40):  # ten past and twenty to two, for the second time
        account.control("POST", "clock", **shift_to(minutes))
        id = seeder.put("Later, with an earlier stamp")
        pages = list(crm.changes("contacts", cursor))
        cursor = pages[-1].cursor
        assert id in found(pages)
    account.control("POST", "clock", **shift_to(minutes=66))
    cursor = list(crm.changes("contacts", cursor))[-1].cursor
    assert found(list(crm.changes("contacts", cursor))) == []


def test_hundreds_of_changes_in_one_old_second_come_once_each(
    account: Account, crm: Connector, seeder: ReallySimpleSeeder
) -> None:
    cursor = list(crm.changes("contacts", None))[-1].cursor
    for id in sorted(here(account))[:250]:
        values = {"modifieddate": "2026-01-01 00:00:00"}
        account.control("POST", "mutate", action="update", module="contacts", id=id, values=values, touch=False)
    pages = list(crm.changes("contacts", cursor))
    assert sorted(found(pages)) == sorted(here(account))[:250]
    middle = pages[0].cursor
    assert sorted(found(list(crm.changes("contacts", middle)))) == sorted(set(found(pages)) - set(found(pages[:1])))


def test_an_empty_object_is_one_call_and_then_brings_its_first_record(
    account: Account, crm: Connector, seeder: ReallySimpleSeeder, observer: CountingObserver
) -> None:
    for id in [r["id"] for r in account.control("GET", "records", module="campaignstages")]:
        seeder.mutate("delete", "campaignstages", id)
    cursor = list(crm.changes("campaignstages", None))[-1].cursor
    assert found(list(crm.changes("campaignstages", cursor))) == []
    made = seeder.mutate("create", "campaignstages", name="First", campaignid=1)
    assert found(list(crm.changes("campaignstages", cursor))) == [made]


def test_a_field_added_at_the_vendors_is_noticed_by_the_next_reading(
    account: Account, context: Context, observer: CountingObserver
) -> None:
    learned = MemoryLearned()
    first = connected(account, replace(context, learned=learned))
    cursor = list(first.changes("contacts", None))[-1].cursor
    del learned.facts["fields of contacts"]["jobtitle"]  # as if the field had come later
    id = min(here(account), key=int)
    ReallySimpleSeeder(account).mutate("update", "contacts", id, jobtitle="Head of new fields")
    again = connected(account, replace(context, learned=learned))
    change = next(c for page in again.changes("contacts", cursor) for c in page.changes if c.id == id)
    assert change.record is not None and change.record.values["jobtitle"] == "Head of new fields"
