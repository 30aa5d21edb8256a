"""Mails about calls: when they are due, that each comes once, and what happens when no mail can be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.connections.models import Call, Connection
from portal.ledger.models import Problem
from portal.ops.alerts import look, start_of, watch
from portal.ops.models import CallAlert

pytestmark = pytest.mark.django_db


def alert(connection: Connection, **values: object) -> CallAlert:
    made = CallAlert(**{"connection": connection, "calls": 10, "percent": 50, "address": "ops@example.org", **values})
    made.full_clean()
    made.save()
    return made


def calls(connection: Connection, number: int, **values: object) -> None:
    now = timezone.now()
    Call.objects.bulk_create(
        Call(**{"connection": connection, "at": now, "operation": "list", "method": "GET", "status": 200, **values})
        for _ in range(number)
    )


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


def test_a_mail_comes_once_at_the_percentage_and_once_when_it_is_over(north: Connection) -> None:
    ours = alert(north)
    calls(north, 4)
    assert watch() == 0 and not mail.outbox
    calls(north, 1)
    assert watch() == 1 and watch() == 1
    assert subjects() == ["[CRM portal] “north” nears its limit of calls"]
    assert (
        mail.outbox[0].to == ["ops@example.org"]
        and "5 calls were made to “north”, of 10 in a day" in mail.outbox[0].body
    )
    problem = Problem.objects.get(closed_at=None)
    assert (problem.connection, problem.times) == (north, 2)
    assert not look(ours, timezone.now() + timedelta(days=1))
    assert subjects()[1:] == ["[CRM portal] Over: “north” nears its limit of calls"]
    assert not look(ours, timezone.now() + timedelta(days=1)) and len(mail.outbox) == 2
    assert not Problem.objects.filter(closed_at=None).exists()


def test_only_failed_calls_count_for_an_alert_on_those(north: Connection, make_connection) -> None:  # type: ignore[no-untyped-def]
    alert(north, kind="failed", calls=3, percent=100)
    calls(north, 50)
    calls(make_connection("other"), 5, status=500)
    calls(north, 1, status=0, error="Unavailable")
    calls(north, 1, status=500)
    assert watch() == 0
    calls(north, 1, status=401)
    assert watch() == 1 and subjects() == ["[CRM portal] Calls to “north” fail"]


@pytest.mark.parametrize(
    ("period", "began"),
    [("hour", "2026-03-05T07:00"), ("day", "2026-03-05T00:00"), ("month", "2026-03-01T00:00")],
)
def test_periods_begin_by_the_clock(period: str, began: str) -> None:
    now = datetime(2026, 3, 5, 7, 59, 59, tzinfo=UTC)
    assert start_of(period, now) == datetime.fromisoformat(f"{began}Z")


def test_calls_before_the_period_do_not_count(north: Connection) -> None:
    alert(north, period="hour")
    calls(north, 9, at=timezone.now() - timedelta(hours=1))
    assert watch() == 0


@pytest.mark.parametrize(("number", "percent", "threshold"), [(1000, 80, 800), (3, 50, 2), (1, 1, 1), (7, 100, 7)])
def test_the_threshold_is_rounded_up_and_never_nothing(number: int, percent: int, threshold: int) -> None:
    assert CallAlert(calls=number, percent=percent).threshold == threshold


def test_an_alert_needs_somebody_to_tell(north: Connection) -> None:
    nobody = User.objects.create_user("nobody")
    for values in ({"address": ""}, {"address": "", "user": nobody}, {"percent": 0}, {"percent": 101}, {"calls": 0}):
        with pytest.raises(ValidationError):
            alert(north, **values)
    somebody = User.objects.create_user("ada", email="ada@example.org")
    assert alert(north, address="", user=somebody).recipient == "ada@example.org"


def test_a_mail_that_cannot_be_sent_is_a_problem_and_its_alert_one_too(north: Connection, settings) -> None:  # type: ignore[no-untyped-def]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    alert(north)
    calls(north, 5)
    assert watch() == 1
    assert set(Problem.objects.values_list("kind", flat=True)) == {"calls", "mail"}


def test_the_problem_of_a_deleted_alert_is_closed_without_a_mail(north: Connection) -> None:
    ours = alert(north)
    calls(north, 5)
    watch()
    ours.delete()
    watch()
    assert not Problem.objects.filter(closed_at=None).exists() and len(mail.outbox) == 1


def test_alerts_are_set_in_the_admin(admin_client: Client, north: Connection) -> None:
    form = {
        "connection": north.pk,
        "kind": "usage",
        "calls": "500",
        "period": "day",
        "percent": "90",
        "address": "a@b.org",
    }
    assert admin_client.post("/ops/callalert/add/", form).status_code == 302
    page = admin_client.get("/ops/callalert/").content.decode()
    assert "a@b.org" in page and "Call alerts" in page
    form_page = admin_client.get("/ops/callalert/add/").content.decode()
    assert "related-widget-wrapper-link" not in form_page, "connections and users are made on their own pages"
    refused = admin_client.post("/ops/callalert/add/", form | {"address": "", "kind": "failed"}).content.decode()
    assert "Choose a user who has an e-mail address" in refused
