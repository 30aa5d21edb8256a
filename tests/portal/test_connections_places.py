"""Calls at the same time: so many places a connection, over all processes."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from connectors.errors import BudgetSpent
from portal.connections.limits import Purpose, read_rules
from portal.connections.locks import held
from portal.connections.models import Connection, Lock
from portal.connections.places import Places

pytestmark = pytest.mark.django_db(transaction=True)


class Visitor(threading.Thread):
    """Takes a place in a thread of its own."""

    def __init__(self, connection: Connection, purpose: Purpose) -> None:
        super().__init__(daemon=True)
        self.places, self.rules, self.inside = Places(connection.pk, purpose), read_rules(connection.pk), False
        self.start()

    def run(self) -> None:
        self.places.enter(self.rules)
        self.inside = True
        database.close()

    def is_in(self, seconds: float = 5.0) -> bool:
        self.join(seconds)
        return self.inside


def test_background_work_waits_while_its_places_are_taken(make_connection: Callable[..., Connection]) -> None:
    connection = make_connection(max_parallel=2)  # one of them is kept for people
    first = Places(connection.pk, "sync")
    first.enter(read_rules(connection.pk))
    second = Visitor(connection, "sync")
    assert not second.is_in(0.3)
    first.leave()
    first.close()
    assert second.is_in()


def test_a_person_finds_a_place_while_background_work_has_all_of_its_own(
    make_connection: Callable[..., Connection],
) -> None:
    connection = make_connection(max_parallel=2)
    Places(connection.pk, "sync").enter(read_rules(connection.pk))
    assert Visitor(connection, "person").is_in(1)


def test_with_a_single_place_a_waiting_person_goes_before_background_work(
    make_connection: Callable[..., Connection],
) -> None:
    connection = make_connection(max_parallel=1)
    busy = Places(connection.pk, "sync")
    busy.enter(read_rules(connection.pk))
    person = Visitor(connection, "person")
    assert not person.is_in(0.3)
    busy.leave()
    hurried = Visitor(connection, "sync")
    assert person.is_in() and not hurried.is_in(0.1)
    person.places.leave()
    assert hurried.is_in()


def test_threads_of_one_connector_hand_a_place_on_without_asking_the_database(
    north: Connection, django_assert_num_queries: Callable[[int], object]
) -> None:
    mine, rules = Places(north.pk, "sync"), read_rules(north.pk)
    mine.enter(rules)
    mine.leave()
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        for _ in range(20):
            mine.enter(rules)
            mine.leave()
    mine.close()
    assert not held(north.pk)


def test_who_has_answers_to_read_does_not_wait_for_one_more_place(north: Connection) -> None:
    rules = replace(read_rules(north.pk), max_parallel=3)
    mine, other = Places(north.pk, "sync"), Places(north.pk, "sync")
    mine.enter(rules)
    other.enter(rules)  # background work may take two of three
    began = time.monotonic()
    with pytest.raises(BudgetSpent):
        mine.enter(rules, patient=False)
    assert time.monotonic() - began < 5  # who has none waits half a minute
    other.close()
    mine.close()


def test_an_idle_place_goes_back_when_its_process_works_elsewhere(make_connection: Callable[..., Connection]) -> None:
    left, right = make_connection("left"), make_connection("right")
    here, there = Places(left.pk, "sync"), Places(right.pk, "sync")
    here.enter(read_rules(left.pk))
    here.leave()
    assert held(left.pk)
    time.sleep(settings.BEAT_SECONDS + 0.1)
    there.enter(read_rules(right.pk))
    assert not held(left.pk)
    there.leave()
    there.close()


def test_the_place_of_a_process_of_this_machine_that_was_killed_is_free_at_once(
    make_connection: Callable[..., Connection], other_process: Callable[[str], subprocess.Popen[str]]
) -> None:
    connection = make_connection(max_parallel=1)
    dying = other_process(DYING)
    assert dying.stdout and dying.stdout.readline() == "in\n"
    visitor = Visitor(connection, "sync")
    assert held(connection.pk) and not visitor.is_in(0.3)
    dying.kill()
    dying.wait()
    assert visitor.is_in(2)


def test_the_place_of_a_process_of_another_machine_is_free_after_its_time(
    make_connection: Callable[..., Connection],
) -> None:
    connection = make_connection(max_parallel=1)
    Places(connection.pk, "sync").enter(read_rules(connection.pk))
    Lock.objects.update(holder="another machine:1:1:x")
    with pytest.raises(BudgetSpent):
        Places(connection.pk, "sync", patience=0.1).enter(read_rules(connection.pk))
    Lock.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Visitor(connection, "sync").is_in(1)


def test_whoever_finds_no_place_in_good_time_is_told_to_come_again(
    make_connection: Callable[..., Connection],
) -> None:
    connection = make_connection(max_parallel=1)
    Places(connection.pk, "sync").enter(read_rules(connection.pk))
    with pytest.raises(BudgetSpent, match="“north”.*taken") as refused:
        Places(connection.pk, "sync", patience=0.1).enter(read_rules(connection.pk))
    assert refused.value.retry_after == 10


DYING = """
from portal.connections.limits import read_rules
from portal.connections.models import Connection
from portal.connections.places import Places
connection = Connection.objects.get()
Places(connection.pk, "sync").enter(read_rules(connection.pk))
print("in", flush=True)
input()
"""
OTHER = """
import sys, time
from portal.connections.limits import read_rules
from portal.connections.models import Connection
from portal.connections.places import Places
connection = Connection.objects.get()
mine = Places(connection.pk, "person")
for _ in range(8):
    mine.enter(read_rules(connection.pk))
    began = time.time()
    time.sleep(0.02)
    print(began, time.time())
    mine.leave()
mine.close()
"""


def test_processes_never_hold_one_place_at_the_same_time(
    make_connection: Callable[..., Connection], other_process: Callable[[str], subprocess.Popen[str]]
) -> None:
    make_connection(max_parallel=1)
    spans = []
    for process in [other_process(OTHER) for _ in range(2)]:
        for line in process.communicate(timeout=60)[0].splitlines():
            began, ended = map(float, line.split())
            spans.append((began, ended))
    spans.sort()
    assert len(spans) == 16
    assert all(ended <= began for (_, ended), (began, _) in zip(spans, spans[1:], strict=False))
