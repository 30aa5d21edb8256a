"""The first reading, the delta and the deletions of Vtiger, and what they cost."""

from __future__ import annotations

import pytest

from connectors.context import Context, MemoryLearned
from connectors.types import Change
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.set_back import LONDON, shift_to
from tests.connectors.vtiger_account import RULES, VtigerAccount, account, sandbox

__all__ = ["account", "sandbox"]  # fixtures


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: VtigerAccount, observer: CountingObserver) -> VtigerConnector:
    crm = account.connect(Context(observer=observer, network=RULES, max_parallel=3))
    crm.describe("Contacts")
    observer.calls.clear()
    return crm


def read(crm: VtigerConnector, cursor: str | None) -> tuple[dict[str, Change], str]:
    """Return the changes by id, and the cursor they end with."""
    pages = list(crm.changes("Contacts", cursor))
    return {change.id: change for page in pages for change in page.changes}, pages[-1].cursor


def test_a_delta_over_nothing_new_is_one_call(
    account: VtigerAccount, crm: VtigerConnector, observer: CountingObserver
) -> None:
    _, cursor = read(crm, None)
    _, cursor = read(crm, cursor)
    observer.calls.clear()
    assert read(crm, cursor) == ({}, cursor)
    assert [call.operation for call in observer.calls] == ["query"]


def test_it_is_one_call_also_for_another_process_and_a_field_new_to_it_is_looked_up(
    account: VtigerAccount, observer: CountingObserver
) -> None:
    learned = MemoryLearned()
    context = Context(network=RULES, observer=observer, learned=learned)
    _, cursor = read(account.connect(context), None)
    _, cursor = read(account.connect(context), cursor)
    observer.calls.clear()
    read(account.connect(context), cursor)
    assert [call.operation for call in observer.calls] == ["query"]
    del learned.facts["description of Contacts"]["types"]["title"]  # as if the field had come later
    id = account.mutate("create", "Contacts", lastname="Doe", title="Head of new fields")
    for operations in (["query", "describe", "query"], ["query", "query"]):
        observer.calls.clear()
        record = read(account.connect(context), cursor)[0][id].record
        assert record is not None and record.values["title"] == "Head of new fields"
        assert [
            call.operation for call in observer.calls if call.operation not in ("login", "getchallenge")
        ] == operations


def test_a_second_is_read_again_until_it_is_closed_by_the_servers_clock(
    account: VtigerAccount, crm: VtigerConnector, observer: CountingObserver
) -> None:
    _, cursor = read(crm, None)
    id = account.mutate("create", "Contacts", lastname="New")
    found, cursor = read(crm, cursor)
    assert id in found
    assert id in read(crm, cursor)[0]  # the second is still open: something may yet be written into it
    account.control("POST", "clock", shift_seconds=301)
    found, cursor = read(crm, cursor)
    assert id in found  # the last time
    observer.calls.clear()
    assert read(crm, cursor)[0] == {}
    assert len(observer.calls) == 1


def test_what_is_written_later_into_the_same_second_is_not_lost(account: VtigerAccount, crm: VtigerConnector) -> None:
    _, cursor = read(crm, None)
    first = account.mutate("create", "Contacts", lastname="First")
    stamp = account.values("Contacts", first)["modifiedtime"]
    _, cursor = read(crm, cursor)
    older = min(record["id"] for record in account.records("Contacts"))
    account.mutate("update", "Contacts", older, lastname="Second", modifiedtime=stamp)
    assert read(crm, cursor)[0][older].record is not None


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tehran"])
def test_a_wrong_time_zone_setting_loses_no_change(account: VtigerAccount, zone: str) -> None:
    crm = account.connect(Context(network=RULES), time_zone=zone)
    _, cursor = read(crm, None)
    account.mutate("create", "Contacts", lastname="First")
    _, cursor = read(crm, cursor)
    id = account.mutate("create", "Contacts", lastname="Same second")
    assert id in read(crm, cursor)[0]


def test_what_is_written_when_an_hour_of_the_servers_clock_repeats_is_not_lost(account: VtigerAccount) -> None:
    crm = account.connect(Context(network=RULES), time_zone=LONDON)
    account.control("POST", "clock", **shift_to(minutes=-10))
    account.mutate("create", "Contacts", lastname="At ten to two")
    _, cursor = read(crm, None)
    account.control("POST", "clock", **shift_to(minutes=-4))
    _, cursor = read(crm, cursor)
    for minutes in (10, 40):  # ten past and twenty to two, for the second time
        account.control("POST", "clock", **shift_to(minutes))
        id = account.mutate("create", "Contacts", lastname="Later, with an earlier stamp")
        found, cursor = read(crm, cursor)
        assert id in found
    account.control("POST", "clock", **shift_to(minutes=60))
    read(crm, cursor)
    account.control("POST", "clock", **shift_to(minutes=66))
    _, cursor = read(crm, cursor)
    assert read(crm, cursor)[0] == {}


def test_a_large_module_is_read_in_ranges_each_record_once(account: VtigerAccount, crm: VtigerConnector) -> None:
    for n in range(3):
        account.mutate("create", "Contacts", f"12x{50_000 * (n + 1)}", lastname=f"Far {n}")
    for n in range(150):
        account.mutate("create", "Contacts", lastname=f"Near {n}")
    pages = list(crm.changes("Contacts", None))
    ids = [change.id for page in pages for change in page.changes]
    assert len(ids) == len(set(ids)) == 60 + 3 + 150
    assert pages[0].total == len(ids)
    assert sorted(ids) == sorted(id for page in crm.ids("Contacts") for id in page)


def test_ids_that_lie_unevenly_are_read_in_ranges_of_bounded_size(account: VtigerAccount, crm: VtigerConnector) -> None:
    account.mutate("create", "Assets", "32x9000000", assetname="Far")
    first = account.mutate("create", "Assets", assetname="Near")
    assert first == "32x9000001"
    for n in range(2500):
        account.mutate("create", "Assets", assetname=f"Cluster {n}")
    account.mutate("create", "Assets", "32x90000000", assetname="Very far")
    sizes = [len(page.changes) for page in crm.changes("Assets", None)]
    assert sum(sizes) == 2503
    assert max(sizes) <= 1200


def test_rows_hidden_by_a_database_error_are_asked_for_again(account: VtigerAccount, crm: VtigerConnector) -> None:
    for n in range(150):
        account.mutate("create", "Contacts", lastname=f"More {n}")
    account.switch(database_fails=1)
    ids = [id for page in crm.ids("Contacts") for id in page]
    assert len(ids) == len(set(ids)) == 210


@pytest.mark.parametrize("unseen", [range(20, 130), range(60, 171), range(100, 211), range(1, 206)])
def test_whole_pages_of_rows_this_user_may_not_see_hide_no_other(
    account: VtigerAccount, crm: VtigerConnector, unseen: range
) -> None:
    for n in range(150):
        account.mutate("create", "Contacts", lastname=f"More {n}")
    ids = [record["id"] for record in account.records("Contacts")]
    hidden = [ids[n] for n in unseen if n < len(ids)]
    account.switch(unseen={"Contacts": hidden})
    seen = [id for id in ids if id not in hidden]
    assert [id for page in crm.ids("Contacts") for id in page] == seen
    assert [change.id for page in crm.changes("Contacts", None) for change in page.changes] == seen


def test_whole_pages_of_changes_this_user_may_not_see_stop_no_delta(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    hidden = [account.mutate("create", "Contacts", lastname="Hidden")]
    account.switch(unseen={"Contacts": hidden})
    _, cursor = read(crm, None)
    account.control("POST", "clock", shift_seconds=400)
    _, cursor = read(crm, cursor)
    hidden += [account.mutate("create", "Contacts", lastname=f"Hidden {n}") for n in range(120)]
    account.switch(unseen={"Contacts": hidden})
    account.control("POST", "clock", shift_seconds=500)
    id = account.mutate("create", "Contacts", lastname="Seen")
    found, _ = read(crm, cursor)
    assert id in found


def test_a_stamp_in_the_future_does_not_carry_the_cursor_there(account: VtigerAccount, crm: VtigerConnector) -> None:
    future = account.mutate("create", "Contacts", lastname="Ahead", modifiedtime="2099-01-01 00:00:00")
    _, cursor = read(crm, None)
    assert set(read(crm, cursor)[0]) >= {future}
    for _ in range(2):
        account.control("POST", "clock", shift_seconds=400)
        id = account.mutate("create", "Contacts", lastname="Now")
        found, cursor = read(crm, cursor)
        assert id in found


def test_a_reading_goes_on_from_any_page_as_after_a_crash(account: VtigerAccount, crm: VtigerConnector) -> None:
    for n in range(4):
        account.mutate("create", "Contacts", f"12x{9_000 * (n + 1)}", lastname=f"Far {n}")
    for n in range(1200):
        account.mutate("create", "Contacts", lastname=f"Many {n}")
    whole = {change.id for page in crm.changes("Contacts", None) for change in page.changes}
    first = next(crm.changes("Contacts", None))
    rest, _ = read(crm, first.cursor)
    assert {change.id for change in first.changes} | set(rest) == whole
    assert len(rest) < len(whole)


def test_more_changes_in_one_old_second_than_a_page_go_on_inside_it(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    _, cursor = read(crm, None)
    account.control("POST", "clock", shift_seconds=60)
    ids = {account.mutate("create", "Contacts", lastname=f"Bulk {n}") for n in range(130)}
    account.control("POST", "clock", shift_seconds=100_000)
    pages = crm.changes("Contacts", cursor)
    first = next(pages)
    rest, cursor = read(crm, first.cursor)
    assert {change.id for change in first.changes} | set(rest) >= ids
    assert not {change.id for change in first.changes} & set(rest)


def test_deletions_come_from_sync_where_the_check_found_that_it_works(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    account.switch(sync_works=True)
    crm.check()
    id = account.mutate("create", "Contacts", lastname="Soon gone")
    _, cursor = read(crm, None)
    account.mutate("delete", "Contacts", id)
    account.control("POST", "clock", shift_seconds=2)
    found, cursor = read(crm, cursor)
    assert found[id].gone
    account.switch(sync_works=False)
    account.mutate("update", "Contacts", account.records("Contacts")[0]["id"], lastname="Still told")
    assert read(crm, cursor)[0]


def test_where_sync_is_dead_it_is_not_asked_and_the_sweep_finds_the_deletion(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    assert any("comparing all ids" in note for note in crm.check().notes)
    id = account.mutate("create", "Contacts", lastname="Soon gone")
    _, cursor = read(crm, None)
    account.mutate("delete", "Contacts", id)
    asked = account.asked()["sync"]
    assert id not in read(crm, cursor)[0]
    assert account.asked()["sync"] == asked == 1
    assert id not in {found for page in crm.ids("Contacts") for found in page}


def test_an_empty_module_and_one_without_stamps_can_be_read_again_and_again(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    for module, records in (("Assets", None), ("Groups", 3), ("Currency", None)):
        cursor = None
        for _ in range(2):
            pages = list(crm.changes(module, cursor))
            cursor = pages[-1].cursor
            assert records is None or len({c.id for page in pages for c in page.changes}) == records
