"""A run whose workers are killed and frozen at random moments, with answers that never come: every record arrives exactly
once. The seed is printed; KILL_SEED repeats it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.portal.clusters import (
    assert_all_arrived_once,
    begin_a_long_run,
    entry_states,
    lease_ran_out,
    on_services,
    run_state,
    who_works,
)
from tests.portal.processes import Crms, Portal, crms, set_up

TIMES = {
    "SLICE_SECONDS": "2",
    "CALL_DEADLINE_SECONDS": "2",
    "LEASE_SECONDS": "10",
    "UNKNOWN_GRACE_SECONDS": "1",
    "Q_TIMEOUT": "80",  # that long django-q2 lets a frozen worker sleep
}
LATENCY_MS = 60
LOST = 25  # of so many people one's answer never comes, though the record was made


class Blows:
    """What happens to the clusters of one portal, at moments that a seed decides."""

    def __init__(self, portal: Portal, at: Crms, clusters: int) -> None:
        self.portal, self.at = portal, at
        self.seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**6))
        self.random = random.Random(self.seed)
        self.clusters = [ExitStack() for _ in range(clusters)]
        self.groups = [0] * clusters
        self._nudged = 0.0
        print(f"KILL_SEED={self.seed}")

    def start(self, number: int) -> None:
        """Start a cluster in that place, after the one before was killed."""
        self.groups[number] = self.clusters[number].enter_context(self.portal.cluster()).pid

    def moments(self, kills: int, freezes: int, people: int) -> Iterator[str]:
        """Yield what to do, whenever so many records have arrived and a moment more has passed; the last while a third of them
        is still to come, so that on a fast machine too the run is under way."""
        deeds = ["kill"] * kills + ["freeze"] * freezes
        self.random.shuffle(deeds)
        arrived = sorted(self.random.sample(range(people * 2 // 3), len(deeds)))
        moment = people / 3 * LATENCY_MS / 1000 / 8  # far less than a third takes
        for deed, number in zip(deeds, arrived, strict=True):
            self.wait_until(lambda number=number: len(self.at.arrived()) >= number, f"{number} records arrived")
            time.sleep(self.random.random() * moment)
            assert run_state(self.portal) != "succeeded", "the run must be under way at every blow"
            yield deed

    def kill(self) -> None:
        """Kill a whole cluster, mostly the one at work, and start another; or only the worker at work."""
        worker = who_works(self.portal)
        number = self.random.randrange(len(self.groups))
        if worker is not None and self.random.random() < 0.8:
            with_it = [n for n, group in enumerate(self.groups) if group == group_of(worker)]
            number = with_it[0] if with_it else number
        if worker is not None and self.random.random() < 0.3 and group_of(worker) in self.groups:
            os.kill(worker, signal.SIGKILL)  # its cluster starts itself anew
            return
        self.clusters[number].close()
        self.start(number)

    def freeze(self) -> None:
        """Stop the worker at work until its lease has run out and another works, for somebody has pressed the button; then let
        it go on."""
        frozen = self.wait_until(self._stop_worker, "a worker was stopped at work")
        self.wait_until(lambda: lease_ran_out(self.portal) or who_works(self.portal) != frozen, "its lease ran out")
        self.portal.manage("sync", "contacts", "--background")
        self.wait_until(lambda: self._others_work(frozen), "somebody else went on")
        time.sleep(self.random.random())
        if group_of(frozen) in self.groups:
            os.kill(frozen, signal.SIGCONT)

    def _stop_worker(self) -> int | None:
        """Stop whoever holds the lease and return its number; never in the middle of an SQLite transaction, in which
        it would stop everybody."""
        worker = who_works(self.portal)
        if worker is None or group_of(worker) not in self.groups:
            return None
        os.kill(worker, signal.SIGSTOP)
        if who_works(self.portal) == worker and (not self.on_files or self.portal.is_writable()):
            return worker
        os.kill(worker, signal.SIGCONT)
        return None

    def _others_work(self, frozen: int) -> bool:
        return who_works(self.portal) not in (None, frozen) or run_state(self.portal) in ("succeeded", "postponed")

    @property
    def on_files(self) -> bool:
        return self.portal.database_url.startswith("sqlite")

    def wait_until(self, holds: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """Wait, and have runs that stand still looked for each second instead of each minute."""

        def look() -> Any:
            if time.monotonic() - self._nudged > 1:
                self._nudged = time.monotonic()
                self.portal.make_due("resume runs")
            return holds()

        return self.portal.wait_until(look, f"{what} (KILL_SEED={self.seed}; {entry_states(self.portal)})", seconds)


def group_of(pid: int) -> int:
    """Return the process group, 0 when the process is no more."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


@contextmanager
def a_portal(kind: str, folder: Path) -> Iterator[tuple[Portal, Crms]]:
    with crms(folder, LATENCY_MS) as at:
        if kind == "services":
            with on_services(folder, at, **TIMES) as portal:
                yield portal, at
            return
        portal = Portal(folder, f"sqlite:///{folder / 'portal.sqlite3'}", **TIMES)
        set_up(portal, at)
        yield portal, at


def lose_answers(at: Crms, people: list[str]) -> None:
    """Have some creates carried out whose answer never comes: the connection is cut, or just stays silent."""
    for number, name in enumerate(people[::LOST]):
        how = {"fault": "cut_after"} if number % 2 else {"fault": "time_out", "applied": True}
        at.control("reallysimple", "POST", "faults", contains=f"{name}@", **how)


def strike(kind: str, folder: Path, people: list[str], *, kills: int, freezes: int) -> None:
    """Have these people copied while clusters are killed and workers frozen; everybody arrives once all the same."""
    with a_portal(kind, folder) as (portal, at):
        blows = Blows(portal, at, 1 if kind == "files" else 2)
        lose_answers(at, people)
        begin_a_long_run(portal, at, people)
        with ExitStack() as stack:
            for number, cluster in enumerate(blows.clusters):
                stack.enter_context(cluster)
                blows.start(number)
            for deed in blows.moments(kills, freezes, len(people)):
                blows.freeze() if deed == "freeze" else blows.kill()
            blows.wait_until(lambda: run_state(portal) == "succeeded", "the run succeeded")
        assert_all_arrived_once(portal, at, people)
        assert at.control("reallysimple", "GET", "faults") == [], "every fault was met"


@pytest.mark.parametrize("kind", ["files", pytest.param("services", marks=pytest.mark.services)])
@pytest.mark.nightly
def test_500_records_arrive_once_though_clusters_are_killed_at_50_moments_and_workers_frozen_at_10(
    kind: str, tmp_path: Path
) -> None:
    strike(kind, tmp_path, [f"p{number:03}" for number in range(500)], kills=50, freezes=10)


def test_60_records_arrive_once_though_clusters_are_killed_at_5_moments(tmp_path: Path) -> None:
    strike("files", tmp_path, [f"p{number:03}" for number in range(60)], kills=5, freezes=0)
