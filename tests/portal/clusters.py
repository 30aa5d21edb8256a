"""Portals that real clusters work for, on files or on services, and what can be seen of their runs from outside."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.portal.processes import Crms, Portal, own_database, set_up

POSTGRESQL, REDIS = "postgres://root@127.0.0.1:5432", "redis://127.0.0.1:6379/12"


@contextmanager
def on_services(folder: Path, at: Crms, **environment: str) -> Iterator[Portal]:
    """Yield a portal with PostgreSQL and Redis, set up; skip the test where they do not answer."""
    with ExitStack() as stack:
        name = f"test-{uuid.uuid4().hex[:12]}"
        stack.callback(_forget_queue, _redis(), name)
        portal = Portal(folder, stack.enter_context(_database()), REDIS_URL=REDIS, Q_NAME=name, **environment)
        set_up(portal, at)
        yield portal


def _database() -> Any:
    psycopg = pytest.importorskip("psycopg")
    try:
        psycopg.connect(f"{POSTGRESQL}/postgres").close()
    except psycopg.OperationalError:
        pytest.skip("No PostgreSQL answers on 127.0.0.1:5432.")
    return own_database(POSTGRESQL)


def _redis() -> Any:
    redis = pytest.importorskip("redis")
    session = redis.from_url(REDIS)
    try:
        session.ping()
    except redis.ConnectionError:
        pytest.skip("No Redis answers on 127.0.0.1:6379.")
    return session


def _forget_queue(session: Any, name: str) -> None:
    for key in session.scan_iter(f"django_q:{name}:*"):
        session.delete(key)
    session.close()


def run_state(portal: Portal) -> str:
    """Return the state of the newest run, "" before there is one."""
    rows = portal.ask("SELECT state FROM ledger_run ORDER BY id DESC LIMIT 1")
    return str(rows[0][0]) if rows else ""


def entry_states(portal: Portal) -> dict[str, int]:
    """Return how many entries that nobody took up are in which state."""
    return dict(portal.ask("SELECT state, COUNT(*) FROM ledger_entry WHERE superseded_by_id IS NULL GROUP BY state"))


def assert_all_arrived_once(portal: Portal, at: Crms, people: list[str]) -> None:
    """All these people are in Really Simple Systems, each once and linked, and nothing is left to do."""
    assert at.arrived() == people
    assert set(entry_states(portal)) <= {"done", "stored_differently", "skipped"}, portal.log()
    links = portal.ask(
        "SELECT state, COUNT(*), COUNT(DISTINCT left_id), COUNT(DISTINCT right_id) FROM sync_link GROUP BY state"
    )
    assert links == [("linked", len(people), len(people), len(people))]


def begin_a_long_run(portal: Portal, at: Crms, people: list[str]) -> None:
    """Have everybody copied in the background, once."""
    portal.unschedule("mapping:")
    at.add(*people)
    portal.manage("sync", "contacts", "--background")


def who_works(portal: Portal) -> int | None:
    """Return the process that holds the run's lease, which may have run out; None when nobody does."""
    rows = portal.ask("SELECT pid FROM ledger_lease WHERE name LIKE 'mapping:%' AND host <> ''")
    return int(rows[0][0]) if rows else None


def lease_ran_out(portal: Portal) -> bool:
    """Say whether nobody holds the run's lease any more."""
    return portal.ask("SELECT 1 FROM ledger_lease WHERE name LIKE 'mapping:%' AND expires_at > CURRENT_TIMESTAMP") == []
