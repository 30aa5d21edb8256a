"""Lists of OpenCRM that move while they are read, servers that mean something else by `limit_end`, and those that know no “>”:
nothing is lost, and an idle delta costs one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.answer import Listing
from connectors.context import Call, Context, Outcome
from connectors.errors import ProtocolError, QueryError
from connectors.opencrm.client import PAGE, Question
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.pages import Pages
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from connectors.types import ChangePage
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.later import LaterClock
from tests.connectors.opencrm_account import (
    OpenCrmSeeder,
    account,
    connected,
    context,
    crm,
    crowd,
    ids_in,
    no_lessons,
    observer,
    seeder,
    there,
)
from tests.connectors.sandbox_client import Account
from tests.connectors.set_back import LONDON, shift_to

__all__ = ["account", "observer", "context", "seeder", "crm"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=150, seed=3) as running:
        yield running


# Pages


@pytest.mark.parametrize("meaning", ["end", "count"])
def test_limit_end_is_understood_either_way(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver, meaning: str
) -> None:
    account.control("POST", "switches", limit_end=meaning)
    crowd(account, 3 * PAGE)
    everything = there(account)
    for limit in (7, 100, PAGE):
        found = [record.id for record in read_all(crm, "contact", Query(limit=limit))]
        assert (len(found), set(found)) == (len(everything), everything)
    observer.calls.clear()
    assert ids_in(list(crm.changes("contact", None))) == everything
    assert len(observer.calls) <= -(-len(everything) // PAGE) + 4


def test_the_meaning_of_limit_end_is_learned_and_unlearned(account: Account, crm: OpenCrmConnector) -> None:
    crowd(account, 3 * PAGE)
    everything = there(account)
    for meaning in ("count", "end", "count", "end"):
        account.control("POST", "switches", limit_end=meaning)
        assert ids_in(list(crm.changes("contact", None))) == everything
    assert crm.context.learned.get("limit end") == "end"


def test_records_deleted_while_a_list_is_read_hide_no_others(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    crowd(account, 3 * PAGE)
    first: set[str] = set()
    pages = []
    for page in crm.changes("contact", None):
        pages.append(page)
        if not first:
            first = {change.id for change in page.changes}
            for id in {*sorted(first)[: PAGE // 2], page.changes[-1].id}:
                seeder.remove(id)
    assert there(account) <= ids_in(pages)


def test_a_sweep_goes_on_when_the_list_moves_under_it(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    crowd(account, 1500)
    found: set[str] = set()
    for page in crm.ids("contact"):
        if not found:
            changes = [{"action": "delete", "module": "contact", "id": id} for id in page[:300]]
            account.control("POST", "mutate", changes=changes)
        found |= set(page)
    assert there(account) <= found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 40), st.integers(1, 9), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 45)), max_size=5))
def test_whatever_is_deleted_between_two_pages_the_rest_comes(
    total: int, size: int, deletes: list[tuple[int, int]]
) -> None:
    rows = [str(n) for n in range(1, total + 1)]
    server = Shelf(rows)
    pages = Pages(server, "contact", no_lessons(), size=size)  # type: ignore[arg-type]
    found: set[str] = set()
    for number, part in enumerate(pages.walk()):
        found |= {row["crmid"] for row in part.rows}
        for when, position in deletes:
            if when == number and position < len(rows):
                del rows[position]
    assert set(rows) <= found


class Shelf:
    """A list held in memory, with the one call a walk makes."""

    def __init__(self, rows: list[str]) -> None:
        self.rows = rows

    def listing(self, module: str, asked: Question) -> Listing:
        window = self.rows[asked.start : asked.end]
        return Listing([{"crmid": id} for id in window], None)


def test_a_list_shorter_than_the_servers_own_count_is_no_complete_sweep(
    account: Account, crm: OpenCrmConnector
) -> None:
    account.control("POST", "faults", fault="empty_body", operation="get_contact_list")
    with pytest.raises(ProtocolError):
        list(crm.ids("contact"))


def test_a_sweep_whose_last_id_is_gone_begins_again(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    gone = seeder.put("Gone")
    seeder.remove(gone)
    assert {id for page in crm.ids("contact", after=gone) for id in page} == there(account)


# Deltas


def test_an_idle_delta_costs_one_call(account: Account, crm: OpenCrmConnector, observer: CountingObserver) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    observer.calls.clear()
    pages = list(crm.changes("contact", cursor))
    assert [call.operation for call in observer.calls] == ["get_contact_list_full"]
    account.control("POST", "clock", shift_seconds=3600)
    for _ in range(3):
        observer.calls.clear()
        pages = list(crm.changes("contact", pages[-1].cursor))
        assert [call.operation for call in observer.calls] == ["get_contact_list_full"]
    assert not ids_in(pages)


@pytest.mark.parametrize("greater", ["ignored", "refused"])
def test_a_server_that_cannot_be_asked_by_time_is_read_whole(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder, greater: str
) -> None:
    account.control("POST", "switches", greater=greater)
    cursor = list(crm.changes("contact", None))[-1].cursor
    changed = seeder.put("Changed", sorted(there(account))[0])
    pages = list(crm.changes("contact", cursor))
    assert changed in ids_in(pages) and ids_in(pages) == there(account)
    assert list(crm.context.learned.get("no delta of contact")) == ["modifiedtime"]


@pytest.mark.parametrize("greater", ["ignored", "refused"])
def test_a_server_that_could_not_be_asked_by_time_is_asked_again_after_a_day(
    account: Account, context: Context, observer: CountingObserver, greater: str
) -> None:
    clock = LaterClock()
    crm = connected(account, replace(context, clock=clock))
    cursor = list(crm.changes("contact", None))[-1].cursor
    account.control("POST", "switches", greater=greater)
    cursor = list(crm.changes("contact", cursor))[-1].cursor
    account.control("POST", "switches", greater="works")
    for days, whole in ((0.5, True), (1.1, True), (1.1, False)):
        clock.days = days
        pages = list(crm.changes("contact", cursor))
        cursor = pages[-1].cursor
        assert (ids_in(pages) == there(account)) is whole
    crm.close()


class Relenting(CountingObserver):
    """Sees to it that the server refuses one call only."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.account = account

    def after(self, call: Call, outcome: Outcome) -> None:
        super().after(call, outcome)
        self.account.control("POST", "switches", greater="works")


def test_a_refusal_that_passes_does_not_end_the_deltas_of_a_module(account: Account, context: Context) -> None:
    observer = Relenting(account)
    crm = connected(account, replace(context, observer=observer))
    cursor = list(crm.changes("contact", None))[-1].cursor
    account.control("POST", "switches", greater="refused")
    cursor = list(crm.changes("contact", cursor))[-1].cursor
    assert not crm.context.learned.get("no delta of contact")
    observer.calls.clear()
    assert not ids_in(list(crm.changes("contact", cursor))) and len(observer.calls) == 1
    crm.close()


@pytest.mark.parametrize("greater", ["ignored", "refused"])
def test_a_server_that_stops_answering_by_time_is_read_whole(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder, greater: str
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    account.control("POST", "switches", greater=greater)
    made = seeder.put("Made")
    pages = list(crm.changes("contact", cursor))
    assert made in ids_in(pages) and ids_in(pages) == there(account)


def test_an_edit_behind_us_is_not_passed_over_by_a_later_one_before_us(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    ids = crowd(account, 2 * PAGE)
    pages: list[ChangePage] = []
    for page in crm.changes("contact", None):
        pages.append(page)
        if len(pages) == 1:
            account.control("POST", "clock", shift_seconds=600)
            seeder.put("Behind", pages[0].changes[5].id)
            account.control("POST", "clock", shift_seconds=1200)
            seeder.put("Before", ids[-1])
    account.control("POST", "clock", shift_seconds=3600)
    again = list(crm.changes("contact", pages[-1].cursor))
    assert {pages[0].changes[5].id, ids[-1]} <= ids_in(again)


def test_a_large_delta_comes_page_by_page_and_then_rests(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = set(crowd(account, 2 * PAGE + 50))
    pages = list(crm.changes("contact", cursor))
    assert made <= ids_in(pages) and len(pages) > 3
    account.control("POST", "clock", shift_seconds=3600)
    for _ in range(3):
        observer.calls.clear()
        pages = list(crm.changes("contact", pages[-1].cursor))
    assert len(observer.calls) == 1 and not ids_in(pages)


def test_nothing_is_lost_in_the_hour_that_comes_twice(
    account: Account, context: Context, seeder: OpenCrmSeeder
) -> None:
    crm = connected(account, context, time_zone=LONDON)
    account.control("POST", "clock", **shift_to(-10))
    seeder.put("Before")
    pages = list(crm.changes("contact", None))
    wanted: set[str] = set()
    for minutes in (-2, 1, 10, 49, 61, 70):
        account.control("POST", "clock", **shift_to(minutes))
        made = seeder.put(f"At {minutes}")
        wanted.add(made)
        pages = list(crm.changes("contact", pages[-1].cursor))
        assert made in ids_in(pages), minutes


def test_a_record_stamped_in_the_future_hides_nothing(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    id = seeder.put("Tomorrow")
    values = {"modifiedtime": "2099-01-01 00:00:00"}
    account.control("POST", "mutate", action="update", module="contact", id=id, values=values, touch=False)
    cursor = list(crm.changes("contact", None))[-1].cursor
    made = seeder.put("Today")
    assert made in ids_in(list(crm.changes("contact", cursor)))


def test_a_cursor_of_somebody_else_is_refused(crm: OpenCrmConnector) -> None:
    with pytest.raises(QueryError):
        crm.read("contact", Query(cursor="page 7"))
    with pytest.raises(QueryError):
        list(crm.changes("contact", "12345"))
