"""Leases: one worker at a time, dead ones are replaced at once, late ones write nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection

from portal.ledger.lease import DatabaseClock, LeaseLost, fenced, is_free, take
from portal.ledger.models import Lease, Problem

pytestmark = pytest.mark.django_db


def expire(name: str) -> None:
    Lease.objects.filter(name=name).update(expires_at=DatabaseClock(-1))


def test_only_one_holds_a_lease_until_it_is_released() -> None:
    held = take("mapping:a")
    assert held is not None and take("mapping:a") is None and not is_free("mapping:a")
    held.release()
    again = take("mapping:a")
    assert again is not None and again.number == held.number + 1


@pytest.mark.django_db(transaction=True)
def test_an_expired_lease_is_taken_and_its_old_holder_can_neither_renew_nor_write() -> None:
    old = take("mapping:a")
    assert old is not None
    expire("mapping:a")
    new = take("mapping:a")
    assert new is not None
    with pytest.raises(LeaseLost):
        old.renew()
    with pytest.raises(LeaseLost), fenced(old):
        Problem.objects.create(key="late", kind="test", title="written by a fenced-off holder")
    assert not Problem.objects.exists()
    old.release()
    assert not is_free("mapping:a")  # a late release does not take it from the new holder


def test_an_expired_lease_cannot_be_renewed_even_when_nobody_took_it() -> None:
    held = take("mapping:a")
    assert held is not None
    expire("mapping:a")
    with pytest.raises(LeaseLost):
        held.renew()


def test_renewing_moves_the_expiry_by_the_databases_clock() -> None:
    held = take("mapping:a", seconds=5)
    assert held is not None and 4 < held.seconds_left() <= 5
    held.seconds = 60
    held.renew()
    assert 59 < held.seconds_left() <= 60
    row = Lease.objects.annotate(now=DatabaseClock()).get()
    assert 58 < (row.expires_at - row.now).total_seconds() <= 60.1  # type: ignore[operator]


def test_the_lease_of_a_process_that_ended_is_taken_over_at_once() -> None:
    take("mapping:a")
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    Lease.objects.update(pid=int(gone.stdout))
    assert is_free("mapping:a") and take("mapping:a") is not None


def test_a_process_number_used_again_by_another_process_counts_as_dead() -> None:
    take("mapping:a")
    Lease.objects.update(process_started="1")
    assert take("mapping:a") is not None


def test_a_zombie_counts_as_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    take("mapping:a")
    Lease.objects.update(pid=child.pid)
    assert is_free("mapping:a")
    child.wait()


def test_a_lease_from_before_a_reboot_is_free() -> None:
    take("mapping:a")
    Lease.objects.update(boot_id="00000000-0000-0000-0000-000000000000 1")
    assert take("mapping:a") is not None


@pytest.mark.parametrize("field", ["host", "boot_id"])
def test_another_hosts_or_containers_lease_is_waited_for_until_it_expires(field: str) -> None:
    take("mapping:a")
    Lease.objects.update(**{field: "elsewhere" if field == "host" else Lease.objects.get().boot_id + "0"}, pid=1)
    assert take("mapping:a") is None
    expire("mapping:a")
    assert take("mapping:a") is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a PRAGMA of SQLite")
def test_a_durable_commit_is_synced_to_the_disk_and_the_next_one_is_not() -> None:
    def level() -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous")
            return int(cursor.fetchone()[0])

    held = take("mapping:a")
    with fenced(held, durable=True):
        assert level() == 2
    assert level() == 1
