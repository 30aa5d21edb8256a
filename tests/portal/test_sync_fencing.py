"""A worker that is stopped past its lease and woken writes nothing: real processes, on the suite's database."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import models

from portal.ledger.lease import is_free, take
from portal.ledger.models import Entry, Run
from portal.records.models import Copy, CopyChange, Mirror
from portal.sync.models import Base, Checkpoint, Link, MatchKey
from portal.sync.run import lease_name, request_sync
from tests.portal.sync_world import World

pytestmark = pytest.mark.django_db(transaction=True)

# A worker that freezes after its intent is saved and before the request is made: when it looks whether it may send.
HESITANT = """
import os, signal
from django.db import connection
from connectors.memory import store
from portal.sync.run import work

said = []

def freeze(execute, sql, params, many, context):
    said.extend(["intent"] if sql.startswith('UPDATE "ledger_entry"') and not said else [])
    if said == ["intent"] and "connections_" in sql:
        said.append("frozen")
        os.kill(os.getpid(), signal.SIGSTOP)
    return execute(sql, params, many, context)

store("memory").put("Contacts", {{"lastname": "ada", "email": "ada@example.org"}})
with connection.execute_wrapper(freeze):
    run = work({run})
print(run.state, len(store("other").of("Contacts")))
"""
# A worker whose target CRM freezes the whole process in the middle of the first create: before or after it was carried out.
WORKER = """
import os, signal, sys
from connectors.memory import Store, store
from portal.sync.run import work

class Freezing(Store):
    def put(self, module, values, id="", **kwargs):
        if {after}:
            record = super().put(module, values, id, **kwargs)
        os.kill(os.getpid(), signal.SIGSTOP)
        return record if {after} else super().put(module, values, id, **kwargs)

for name in ("ada", "bo"):
    store("memory").put("Contacts", {{"lastname": name, "email": name + "@example.org"}})
store("other").__class__ = Freezing
run = work({run})
print(run.state)
"""
TABLES: tuple[type[models.Model], ...] = (Run, Entry, Link, Base, Checkpoint, MatchKey, Mirror, Copy, CopyChange)
Start = Callable[[str], subprocess.Popen[str]]


def contents() -> list[list[dict[str, Any]]]:
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


@pytest.mark.parametrize("after", [True, False])
def test_a_worker_stopped_past_its_lease_and_woken_writes_nothing(
    after: bool, other_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_SECONDS", "2")
    monkeypatch.setenv("CALL_DEADLINE_SECONDS", "1")
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    worker = other_process(WORKER.format(after=after, run=run.pk))
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
    assert [entry.state for entry in Entry.objects.order_by("pk")] == ["sent", "planned"]  # intent first
    assert take(lease_name(run)) is None, "it lives: nobody else may have its lease before it runs out"
    while not is_free(lease_name(run)):
        time.sleep(0.1)
    assert take(lease_name(run)) is not None
    before = contents()
    worker.send_signal(signal.SIGCONT)
    told, _ = worker.communicate(timeout=60)
    assert told.strip() == "running" and worker.returncode == 0
    assert contents() == before


def test_a_worker_woken_before_its_request_does_not_send_it(
    other_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_SECONDS", "2")
    monkeypatch.setenv("CALL_DEADLINE_SECONDS", "1")
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    worker = other_process(HESITANT.format(run=run.pk))
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
    assert [entry.state for entry in Entry.objects.all()] == ["sent"]
    while not is_free(lease_name(run)):
        time.sleep(0.1)
    worker.send_signal(signal.SIGCONT)
    told, _ = worker.communicate(timeout=60)
    assert told.split() == ["running", "0"]


def test_the_lease_of_a_killed_worker_is_taken_over_at_once(other_process: Start) -> None:
    world = World()
    run = request_sync(world.mapping, actor="test", enqueue=False)
    worker = other_process(WORKER.format(after=True, run=run.pk))
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert take(lease_name(run)) is not None
