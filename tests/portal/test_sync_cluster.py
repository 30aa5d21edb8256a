"""Background work in a real qcluster over real HTTP: killed in the middle of a run, it goes on by itself and every record
arrives once. With the broker in the database and with Redis."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from connectors.sandbox.server import Sandbox
from portal.ledger.models import Entry, Run
from portal.ops.config_file import import_document
from portal.ops.demo import document
from portal.sync.models import Link
from tests.connectors.sandbox_client import Account
from tests.portal.conftest import database_url

pytestmark = pytest.mark.django_db(transaction=True)
MANAGE = str(Path(__file__).parents[2] / "manage.py")
REDIS = "redis://127.0.0.1:6379/14"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def crms() -> Iterator[Sandbox]:
    """Both simulated CRMs, slow enough to be interrupted."""
    with Sandbox(records=60, latency_ms=25) as sandbox:
        yield sandbox


@pytest.fixture(params=["database", "redis"])
def manage(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Return a function that starts manage.py in a process group of its own, on this test's database and a broker."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings", "DATABASE_URL": database_url()}
    environment |= {
        "SLICE_SECONDS": "2",
        "UNKNOWN_GRACE_SECONDS": "1",
        "CALL_DEADLINE_SECONDS": "3",
        "REDIS_URL": "",
        "Q_NAME": "tests",
    }
    if request.param == "redis":
        environment["REDIS_URL"] = REDIS
        try:
            redis.Redis.from_url(REDIS).flushdb()
        except redis.ConnectionError:
            pytest.skip("needs a Redis on 127.0.0.1:6379")
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, MANAGE, *arguments]
        started.append(subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(is_so: Callable[[], Any], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not within {seconds} s: {list(Run.objects.values())}"
        time.sleep(0.1)


def sent() -> int:
    return Entry.objects.filter(state__in=("done", "stored_differently")).count()


@pytest.mark.parametrize("whole_group", [True, False], ids=["the whole group", "its master only"])
def test_a_cluster_killed_in_the_middle_of_a_run_leaves_every_record_once(
    whole_group: bool, crms: Sandbox, manage: Start
) -> None:
    import_document(*document(crms.credentials), actor="test")
    south = Account(crms, "reallysimple")
    before = {record["id"] for record in south.control("GET", "records", module="contacts")}
    south.control("POST", "faults", fault="cut_after", path="/contacts", times=2, after=20)
    cluster = manage("qcluster")
    assert manage("sync", "contacts", "--background", "--approve-all").wait(30) == 0
    wait_for(lambda: sent() >= 10, 60)
    if whole_group:
        kill(cluster)
    else:
        cluster.kill()
        cluster.wait()
    manage("qcluster")
    wait_for(lambda: Run.objects.get().state == "succeeded", 120)
    made = [record for record in south.control("GET", "records", module="contacts") if record["id"] not in before]
    south.close()
    emails = Counter(record["values"]["email"].lower() for record in made)
    assert len(made) == Run.objects.get().counts["create"] > 30
    assert set(emails.values()) == {1}, "a record was made twice"
    assert not Link.objects.filter(state="pending")
