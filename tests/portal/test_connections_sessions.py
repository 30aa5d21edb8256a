"""Login sessions shared by all processes, sealed; one login at a time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.errors import Unavailable
from portal.connections.models import Connection, Lock, Session
from portal.connections.sessions import StoredLearned, StoredSessions

pytestmark = pytest.mark.django_db


def test_a_token_put_by_one_is_found_by_another_and_lies_sealed_in_the_database(north: Connection) -> None:
    StoredSessions(north.pk).put("web", "s3cret-token")
    assert StoredSessions(north.pk).get("web") == "s3cret-token"
    with database.cursor() as cursor:
        cursor.execute("SELECT token FROM connections_session")
        assert b"s3cret" not in bytes(cursor.fetchone()[0])


def test_a_token_is_read_from_the_database_once(
    north: Connection, django_assert_num_queries: Callable[[int], object]
) -> None:
    StoredSessions(north.pk).put("web", "t1")
    sessions = StoredSessions(north.pk)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        assert [sessions.get("web") for _ in range(3)] == ["t1"] * 3


def test_dropping_an_expired_token_leaves_the_one_somebody_put_meanwhile(north: Connection) -> None:
    mine, other = StoredSessions(north.pk), StoredSessions(north.pk)
    mine.put("web", "old")
    other.put("web", "new")
    mine.drop("web", "old")
    assert mine.get("web") == "new"


def test_dropping_the_current_token_forgets_it_for_all(north: Connection) -> None:
    StoredSessions(north.pk).put("web", "old")
    StoredSessions(north.pk).drop("web", "old")
    assert StoredSessions(north.pk).get("web") is None and not Session.objects.exists()


def test_whoever_waited_for_a_login_sees_the_token_it_brought(north: Connection) -> None:
    mine, other = StoredSessions(north.pk), StoredSessions(north.pk)
    other.put("web", "old")
    assert mine.get("web") == "old"
    other.put("web", "new")
    with mine.login():
        assert mine.get("web") == "new"


@pytest.mark.django_db(transaction=True)
def test_nobody_logs_in_inside_a_database_transaction(north: Connection) -> None:
    with pytest.raises(RuntimeError, match="transaction"), transaction.atomic(), StoredSessions(north.pk).login():
        pass


OTHER = """
import time
from connectors.errors import Unavailable
from portal.connections.models import Connection
from portal.connections.sessions import StoredSessions
with StoredSessions(Connection.objects.get().pk).login():
    print("in", flush=True)
    time.sleep(0.5)
    print(time.time(), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_processes_log_in_one_after_the_other(
    north: Connection, other_process: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = other_process(OTHER)
    assert process.stdout and process.stdout.readline() == "in\n"
    with StoredSessions(north.pk).login():
        entered = time.time()
    assert entered >= float(process.stdout.readline())


@pytest.mark.django_db(transaction=True)
def test_the_login_of_a_process_that_died_is_free_after_its_time_and_not_before(north: Connection) -> None:
    Lock.objects.create(connection=north, name="login", holder="dead", expires_at=timezone.now() + timedelta(days=1))
    with pytest.raises(Unavailable, match="Another process"), StoredSessions(north.pk, patience=0.2).login():
        pass
    Lock.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with StoredSessions(north.pk, patience=0.2).login():
        assert Lock.objects.get().holder != "dead"
    assert Lock.objects.get().holder == ""


def test_what_two_processes_learn_is_kept_side_by_side(north: Connection) -> None:
    first, second = (StoredLearned(Connection.objects.get()) for _ in range(2))
    first.set("sync works", False)
    second.set("login field", "username")
    assert Connection.objects.get().learned == {"sync works": False, "login field": "username"}
    assert StoredLearned(Connection.objects.get()).get("sync works") is False
