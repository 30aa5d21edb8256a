"""Calls per minute and per day, shared by all processes, with a share kept for people."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from connectors.context import Call, Outcome
from connectors.errors import BudgetSpent
from portal.connections.limits import read_rules, spent
from portal.connections.models import Connection, Spent
from portal.connections.observer import CallObserver

READ = Call("retrieve", "GET", safe=True)
pytestmark = pytest.mark.django_db


def ask(observer: CallObserver, times: int = 1) -> None:
    for _ in range(times):
        observer.before(READ)
        observer.after(READ, Outcome(200, 1.0))


def test_without_limits_counting_writes_nothing(north: Connection) -> None:
    ask(CallObserver(north.pk, "sync"), 3)
    assert not Spent.objects.exists()


def test_background_work_leaves_a_fifth_of_the_limit_for_people(make_connection: Callable[..., Connection]) -> None:
    connection = make_connection(calls_per_day=10)
    ask(CallObserver(connection.pk, "sync"), 8)
    with pytest.raises(BudgetSpent):
        ask(CallObserver(connection.pk, "sync"))
    ask(CallObserver(connection.pk, "person"), 2)
    with pytest.raises(BudgetSpent, match="north.*10 calls per day"):
        ask(CallObserver(connection.pk, "person"))


def test_whoever_meets_a_limit_is_told_when_it_opens(make_connection: Callable[..., Connection]) -> None:
    connection = make_connection(calls_per_minute=1)
    observer = CallObserver(connection.pk, "person")
    with pytest.raises(BudgetSpent) as minute:
        ask(observer, 3)  # three: the first may fall into the last moment of a minute
    assert 1 <= (minute.value.retry_after or 0) <= 60
    assert observer.calls <= 2


def test_a_call_the_minute_refuses_is_not_counted_for_the_day(make_connection: Callable[..., Connection]) -> None:
    connection = make_connection(calls_per_minute=2, calls_per_day=100)
    observer = CallObserver(connection.pk, "person")
    with pytest.raises(BudgetSpent):
        ask(observer, 5)
    assert spent(connection.pk, "day", read_rules(connection.pk).now) == observer.calls


def test_a_limit_of_one_still_lets_background_work_through(make_connection: Callable[..., Connection]) -> None:
    ask(CallObserver(make_connection(calls_per_day=1).pk, "sync"))


def test_a_new_limit_counts_at_once_for_a_connector_that_is_open(north: Connection) -> None:
    observer = CallObserver(north.pk, "person")
    ask(observer)
    Connection.objects.update(calls_per_day=1)
    ask(CallObserver(north.pk, "person"))
    observer._read_at -= 2  # a second and more has gone by
    with pytest.raises(BudgetSpent):
        ask(observer)


OTHER = """
from connectors.context import Call, Outcome
from connectors.errors import BudgetSpent
from portal.connections.models import Connection
from portal.connections.observer import CallObserver
observer = CallObserver(Connection.objects.get().pk, "person")
try:
    while observer.calls < 1000:
        observer.before(Call("retrieve", "GET", safe=True))
        observer.after(Call("retrieve", "GET", safe=True), Outcome(200, 1.0))
except BudgetSpent:
    print(observer.calls)
"""


@pytest.mark.django_db(transaction=True)
def test_processes_share_one_limit_to_the_call(
    make_connection: Callable[..., Connection], other_process: Callable[[str], subprocess.Popen[str]]
) -> None:
    make_connection(calls_per_day=60, max_parallel=4)
    made = [int(process.communicate(timeout=60)[0]) for process in [other_process(OTHER) for _ in range(2)]]
    assert sum(made) == 60
