"""Syncs in real clusters: by schedule, through kills and stops, and after waiting; every record arrives exactly once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.portal.clusters import (
    assert_all_arrived_once,
    begin_a_long_run,
    entry_states,
    lease_ran_out,
    on_services,
    run_state,
)
from tests.portal.processes import Crms, Portal, copy_of, crms, kill_group, living, parent_of, set_up

QUICK = {"SLICE_SECONDS": "2", "CALL_DEADLINE_SECONDS": "3", "UNKNOWN_GRACE_SECONDS": "1"}
PEOPLE = [f"p{number:03}" for number in range(90)]
LATENCY_MS = 60
WRITTEN = (
    *("ledger_run", "ledger_entry", "sync_link", "sync_base", "sync_checkpoint", "sync_matchkey"),
    *("records_mirror", "records_copy", "records_copychange"),
)
Start = Callable[..., Portal]

ON_SERVICES = "postgres" in os.environ.get("DATABASE_URL", "")  # the suite itself: its other pass has shown the rest

SERVICES = pytest.param("services", marks=[pytest.mark.services])
SERVICES_AT_NIGHT = pytest.param("services", marks=[pytest.mark.services, pytest.mark.nightly])
on_both = pytest.mark.parametrize("kind", [SERVICES] if ON_SERVICES else ["files", SERVICES])
on_each_in_its_pass = pytest.mark.parametrize("kind", [SERVICES] if ON_SERVICES else ["files", SERVICES_AT_NIGHT])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crms, Path]]:
    """The simulated CRMs, and an SQLite file that knows them."""
    folder = tmp_path_factory.mktemp("shared")
    with crms(folder, LATENCY_MS) as at:
        template = folder / "template.sqlite3"
        set_up(Portal(folder, f"sqlite:///{template}"), at)
        yield at, template


@pytest.fixture
def at(shared: tuple[Crms, Path]) -> Crms:
    """The simulated CRMs as they were in the beginning."""
    shared[0].control("vtiger", "POST", "reset")
    return shared[0]


@pytest.fixture
def start(at: Crms, shared: tuple[Crms, Path], tmp_path: Path) -> Iterator[Start]:
    """Return a function that makes a portal: with SQLite and its own queue in it, or with PostgreSQL and Redis."""
    with ExitStack() as stack:

        def make(kind: str, **environment: str) -> Portal:
            if kind == "files":
                return Portal(tmp_path, copy_of(shared[1], tmp_path), **environment)
            return stack.enter_context(on_services(tmp_path, at, **environment))

        yield make


def lose_answers(at: Crms) -> None:
    """Have two creates carried out whose answer never comes: one connection is cut, one just stays silent."""
    for name, fault in (("p003@", {"fault": "cut_after"}), ("p007@", {"fault": "time_out", "applied": True})):
        at.control("reallysimple", "POST", "faults", contains=name, **fault)


def wait_for_the_middle(portal: Portal, at: Crms) -> None:
    portal.wait_until(lambda: len(at.arrived()) > len(PEOPLE) // 3, "a third of the records was created")
    assert run_state(portal) == "running" and len(at.arrived()) < len(PEOPLE)


def wait_for_the_end(portal: Portal) -> None:
    portal.wait_until(lambda: run_state(portal) == "succeeded", "the run went on by itself and succeeded", 120)


def stop_its_worker(portal: Portal) -> int:
    """Freeze the process that works on the run while its requests are on their way, and return its number; not inside a
    transaction, which with SQLite would freeze everybody."""

    def stopped() -> int | None:
        at_work = "SELECT pid FROM ledger_lease WHERE name LIKE 'mapping:%' AND host <> ''"
        for (pid,) in portal.ask(at_work):
            os.kill(pid, signal.SIGSTOP)
            if portal.is_writable() and portal.ask(at_work) == [(pid,)] and entry_states(portal).get("sent"):
                return int(pid)
            os.kill(pid, signal.SIGCONT)
        return None

    return int(portal.wait_until(stopped, "a worker was stopped at work"))


def everything_written(portal: Portal, at: Crms) -> Any:
    return [portal.ask(f"SELECT * FROM {table} ORDER BY 1") for table in WRITTEN], at.writes()


@on_both
def test_a_change_appears_on_the_other_side_after_the_schedule_fell_due(kind: str, start: Start, at: Crms) -> None:
    portal = start(kind)
    at.add("ada")
    portal.make_due("mapping:")
    with portal.cluster():
        portal.wait_until(lambda: at.arrived() == ["ada"], "the scheduled task copied the record")
    assert portal.ask("SELECT actor FROM ledger_run") == [("schedule",)]


@pytest.mark.nightly
@on_both
def test_nobody_touches_anything_and_each_change_is_copied_within_two_minutes(
    kind: str, start: Start, at: Crms
) -> None:
    portal = start(kind)
    with portal.cluster():
        at.add("ada")
        portal.wait_until(lambda: at.arrived() == ["ada"], "the first change was copied", 120)
        at.add("bo")
        portal.wait_until(lambda: at.arrived() == ["ada", "bo"], "the second change was copied", 120)


@on_each_in_its_pass
def test_a_killed_clusters_run_goes_on_in_the_next_and_everybody_arrives_once(
    kind: str, start: Start, at: Crms
) -> None:
    portal = start(kind, **QUICK)
    lose_answers(at)
    begin_a_long_run(portal, at, PEOPLE)
    with portal.cluster() as first:
        wait_for_the_middle(portal, at)
        kill_group(first)
        with portal.cluster():
            wait_for_the_end(portal)
    assert_all_arrived_once(portal, at, PEOPLE)


@on_each_in_its_pass
def test_a_cluster_that_lost_its_master_ends_whole_and_the_next_goes_on(kind: str, start: Start, at: Crms) -> None:
    portal = start(kind, **QUICK)
    lose_answers(at)
    begin_a_long_run(portal, at, PEOPLE)
    with portal.cluster() as first:
        wait_for_the_middle(portal, at)
        first.kill()
        with portal.cluster():
            portal.wait_until(lambda: not living(first.pid), "all processes of the first cluster ended", 20)
            wait_for_the_end(portal)
    assert_all_arrived_once(portal, at, PEOPLE)


@on_each_in_its_pass
def test_a_cluster_whose_idle_workers_or_sentinel_are_killed_starts_anew_whole(
    kind: str, start: Start, at: Crms
) -> None:
    """An idle worker dies with the lock of the queue in its hands."""
    portal = start(kind)
    with portal.cluster() as cluster:
        portal.wait_until(lambda: portal.log().count("running.") == 1, "the cluster runs")
        for worker in portal.workers():
            os.kill(worker, signal.SIGKILL)
        portal.wait_until(lambda: portal.log().count("running.") == 2, "the cluster runs again")
        (sentinel,) = (pid for pid in living(cluster.pid) if parent_of(pid) == cluster.pid)
        os.kill(sentinel, signal.SIGKILL)
        portal.wait_until(lambda: portal.log().count("running.") == 3, "the cluster runs a third time")
        assert len(living(cluster.pid)) == 6  # with the sentinel, two workers, the monitor and the pusher
        at.add("ada")
        portal.manage("sync", "contacts", "--background")
        portal.wait_until(lambda: at.arrived() == ["ada"], "the cluster works")
        os.killpg(cluster.pid, signal.SIGTERM)
        assert cluster.wait(30) == 0 and not living(cluster.pid)


@pytest.mark.nightly
@on_both
def test_a_killed_workers_run_goes_on_by_itself(kind: str, start: Start, at: Crms) -> None:
    portal = start(kind, **QUICK)
    begin_a_long_run(portal, at, PEOPLE)
    with portal.cluster():
        wait_for_the_middle(portal, at)
        os.kill(stop_its_worker(portal), signal.SIGKILL)
        wait_for_the_end(portal)
    assert_all_arrived_once(portal, at, PEOPLE)


@on_each_in_its_pass
def test_a_worker_stopped_past_its_lease_and_woken_writes_nothing(kind: str, start: Start, at: Crms) -> None:
    times = {
        "CALL_DEADLINE_SECONDS": "1",
        "LEASE_SECONDS": "17",
        "Q_TIMEOUT": "80",
    }  # that long django-q2 lets it sleep
    portal = start(kind, **(QUICK | times))
    begin_a_long_run(portal, at, PEOPLE)
    with portal.cluster():
        wait_for_the_middle(portal, at)
        stopped = stop_its_worker(portal)
        task = portal.task_of(stopped)
        portal.wait_until(lambda: lease_ran_out(portal), "the lease of the stopped worker ran out")
        with portal.cluster():
            wait_for_the_end(portal)
            assert_all_arrived_once(portal, at, PEOPLE)
            before, log = everything_written(portal, at), len(portal.log())
            os.kill(stopped, signal.SIGCONT)
            portal.wait_until(lambda: f"({task})" in portal.log()[log:], "the woken worker ended its task")
    assert "the lease was lost" in portal.log()[log:]
    assert everything_written(portal, at) == before


@on_each_in_its_pass
def test_a_run_asked_for_in_the_background_that_must_wait_goes_on_by_itself(kind: str, start: Start, at: Crms) -> None:
    portal = start(kind)
    portal.unschedule("mapping:")
    at.add("ada")
    at.control("reallysimple", "POST", "faults", fault="rate_limited", retry_after=6, contains="ada@")
    assert orjson.loads(portal.manage("sync", "contacts", "--background", "--json"))["state"] == "queued"
    with portal.cluster():
        portal.wait_until(lambda: run_state(portal) == "postponed", "the run waits as it was told to")
        assert at.arrived() == []
        portal.make_due("resume runs")
        wait_for_the_end(portal)
    assert at.arrived() == ["ada"]
