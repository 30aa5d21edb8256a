"""What is cleared by itself, what is kept, and that it goes a little at a time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session as BrowserSession
from django.utils import timezone
from django_q.models import Failure, Task

from portal import checks
from portal.connections.models import Call, Connection
from portal.ledger.models import Entry, Run
from portal.ops import tidy
from portal.records.models import Mirror, SweptId
from portal.records.pull import mirror_lease, mirror_of
from tests.portal.task_queue import queued

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAYS = timedelta(days=1)
MAPPING, OTHER = uuid.uuid4(), uuid.uuid4()


def call(connection: Connection, at: datetime, run: int | None = None) -> None:
    Call.objects.create(connection=connection, at=at, operation="list", method="GET", run_id=run)


def kept() -> list[datetime]:
    return list(Call.objects.order_by("at").values_list("at", flat=True))


def test_calls_are_kept_as_long_as_the_settings_say_and_no_longer(north: Connection, settings: Any) -> None:
    settings.CALLS_KEPT_DAYS = 60
    for days in (0, 59, 61, 400):
        call(north, NOW - days * DAYS)
    assert tidy.tidy(NOW) == 2 and kept() == [NOW - 59 * DAYS, NOW]


def test_this_months_calls_are_kept_for_the_alerts_that_count_them(north: Connection, settings: Any) -> None:
    settings.CALLS_KEPT_DAYS = 1
    first = NOW.replace(day=1, hour=0)
    for at in (first - timedelta(seconds=1), first, NOW):
        call(north, at)
    tidy.tidy(NOW)
    assert kept() == [first, NOW]


def test_the_calls_of_a_run_that_has_not_ended_are_kept_for_it_counts_them(north: Connection) -> None:
    run = Run.objects.create(kind=Run.Kind.SYNC, state=Run.State.AWAITING_APPROVAL)
    call(north, NOW - 90 * DAYS, run.pk)
    assert tidy.tidy(NOW) == 0
    Run.objects.update(state=Run.State.CANCELLED)
    assert tidy.tidy(NOW) == 1


def test_much_to_clear_goes_in_slices_of_which_each_enqueues_the_next(north: Connection, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    at = NOW - 90 * DAYS
    Call.objects.bulk_create(
        Call(connection=north, at=at, operation="list", method="GET") for _ in range(2 * tidy.BIT + 1)
    )
    assert [tidy.tidy(NOW) for _ in range(4)] == [tidy.BIT, tidy.BIT, 1, 0]
    assert queued() == [("portal.ops.tidy.tidy", ())] * 3, "and the last one found nothing more to do"


def test_failed_tasks_go_and_what_succeeded_is_left_to_its_own_limit(db: None) -> None:
    at = NOW - 90 * DAYS
    for id, success, stopped in (("old", False, at), ("done", True, at), ("new", False, NOW)):
        Task.objects.create(id=id, name=id, func="f", started=stopped, stopped=stopped, success=success)
    assert tidy.tidy(NOW) == 1 and not Failure.objects.filter(id="old").exists() and Task.objects.count() == 2


def test_logins_of_browsers_that_ran_out_go(db: None) -> None:
    for key, at in (("over", NOW - DAYS), ("on", NOW + DAYS)):
        BrowserSession.objects.create(session_key=key, session_data="", expire_date=at)
    tidy.tidy(NOW)
    assert [session.session_key for session in BrowserSession.objects.all()] == ["on"]


def test_the_ids_of_a_sweep_that_was_given_up_go_and_those_of_one_that_may_go_on_stay(north: Connection) -> None:
    mirror = mirror_of(north, "Contacts")
    SweptId.objects.bulk_create(SweptId(mirror=mirror, record_id=str(number)) for number in range(3))
    began = timezone.now()
    Mirror.objects.update(sweep={"began": began.isoformat(), "step": "ids", "after": "2", "missing": 0, "found": 0})
    assert tidy.tidy(began + timedelta(hours=23)) == 0
    with mirror_lease(mirror, None):
        assert tidy.tidy(began + 2 * DAYS) == 0, "somebody is at it"
    assert tidy.tidy(began + 2 * DAYS) == 3


def run(at: datetime, mapping: uuid.UUID | None = MAPPING, **said: Any) -> Run:
    said = {"kind": Run.Kind.SYNC, "trigger": "schedule", "state": Run.State.SUCCEEDED, **said}
    made = Run.objects.create(mapping=mapping, **said)
    Run.objects.filter(pk=made.pk).update(created_at=at)
    return made


def test_scheduled_runs_that_found_nothing_are_thinned_to_the_last_of_each_day(settings: Any) -> None:
    settings.IDLE_RUNS_KEPT_DAYS = 7
    for days in (6, 8, 9):
        for minutes in (2, 1, 0):
            run(NOW - days * DAYS - minutes * timedelta(minutes=1))
    last = run(NOW - 8 * DAYS, OTHER)
    assert tidy.tidy(NOW) == 4 and tidy.tidy(NOW) == 0
    left = Run.objects.filter(mapping=MAPPING).order_by("created_at").values_list("created_at", flat=True)
    recent = [NOW - 6 * DAYS - minutes * timedelta(minutes=1) for minutes in (2, 1, 0)]
    assert list(left) == [NOW - 9 * DAYS, NOW - 8 * DAYS, *recent] and Run.objects.filter(pk=last.pk).exists()


@pytest.mark.parametrize(
    "said",
    [
        {"trigger": "button"},
        {"state": Run.State.FAILED},
        {"kind": Run.Kind.UNDO},
        {"message": "It waited."},
        {"approved_at": NOW},
    ],
)
def test_runs_that_say_more_than_that_nothing_was_found_stay(said: dict[str, Any]) -> None:
    for minutes in (2, 1, 0):
        run(NOW - 90 * DAYS - minutes * timedelta(minutes=1), **said)
    assert tidy.tidy(NOW) == 0


def test_runs_with_entries_or_taken_back_stay(north: Connection) -> None:
    runs = [run(NOW - 90 * DAYS + minutes * timedelta(minutes=1)) for minutes in range(4)]
    skip(runs[1], north)
    run(NOW, undoes=runs[2])
    assert tidy.tidy(NOW) == 1 and not Run.objects.filter(pk=runs[0].pk).exists()


def test_the_runs_of_a_set_go_as_one_unless_a_part_has_something_to_tell(north: Connection) -> None:
    runs = []
    for minutes in range(4):
        lead = run(NOW - 90 * DAYS + minutes * timedelta(minutes=1), None, sync_set=MAPPING)
        runs.append([lead, *(run(NOW - 90 * DAYS, part, parent=lead, trigger="") for part in (MAPPING, OTHER))])
    skip(runs[1][2], north)
    Run.objects.filter(pk=runs[2][1].pk).update(state=Run.State.FAILED)
    assert tidy.tidy(NOW) == 3
    assert not Run.objects.filter(pk__in=[part.pk for part in runs[0]]).exists()


def skip(told: Run, connection: Connection) -> None:
    """Have the run say something about a record."""
    about = {"action": Entry.Action.SKIP, "state": Entry.State.SKIPPED, "connection": connection, "module": "Contacts"}
    Entry.objects.create(run=told, number=1, **about)


def test_calls_must_be_kept_a_day_at_least(settings: Any) -> None:
    settings.CALLS_KEPT_DAYS = 0
    (found,) = checks.check_retention()
    assert found.id == "portal.E007" and "CALLS_KEPT_DAYS" in str(found.msg)
