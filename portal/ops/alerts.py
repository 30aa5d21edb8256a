"""Mails about the calls to CRMs: once when their number reaches what an alert names, and once when that is over. The rule:
the Problem is the memory, so nobody gets the same mail twice, however many workers look."""

from __future__ import annotations

import logging
from datetime import datetime
from smtplib import SMTPException

from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.connections.models import Call
from portal.ledger import write
from portal.ledger.models import Problem
from portal.ops.models import CallAlert
from portal.ui.wording import portal_language

log = logging.getLogger(__name__)
FAILED = ~Q(error="") | Q(status__gte=400)


def watch() -> int:
    """Look at every alert once; return how many are due now. Run every few minutes by the schedule."""
    now = timezone.now()
    keys = {f"alert:{pk}" for pk in CallAlert.objects.values_list("pk", flat=True)}
    for key in Problem.objects.filter(key__startswith="alert:", closed_at=None).values_list("key", flat=True):
        if key not in keys:
            write.close_problem(key)  # its alert was deleted: nobody is told
    with portal_language():
        return sum(look(alert, now) for alert in CallAlert.objects.select_related("connection", "user"))


def look(alert: CallAlert, now: datetime) -> bool:
    """Open or close the alert's problem, telling by mail what is new; say whether it is due."""
    counted, key = count(alert, now), f"alert:{alert.pk}"
    if counted < alert.threshold:
        if write.close_problem(key):
            title = Problem.objects.filter(key=key).order_by("-id").values_list("title", flat=True)[0]
            _tell(alert, _("Over: %(title)s") % {"title": title}, _("Its period has ended."))
        return False
    title, detail = _words(alert, counted)
    problem = write.open_problem(
        key, kind="calls", title=title, detail=detail, advice=_advice(alert), connection=alert.connection
    )
    if problem.times == 1:
        _tell(alert, title, f"{detail}\n{_advice(alert)}")
    return True


def count(alert: CallAlert, now: datetime) -> int:
    """Return the calls of the period that `now` lies in, up to the number that matters."""
    calls = Call.objects.filter(connection=alert.connection, at__gte=start_of(alert.period, now))
    counted = calls.filter(FAILED) if alert.kind == CallAlert.Kind.FAILED else calls
    return counted.count()


def start_of(period: str, now: datetime) -> datetime:
    """Return when the period began, UTC."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    if period == CallAlert.Period.HOUR:
        return hour
    day = hour.replace(hour=0)
    return day if period == CallAlert.Period.DAY else day.replace(day=1)


def _words(alert: CallAlert, counted: int) -> tuple[str, str]:
    told = {"name": alert.connection.name, "count": counted, "calls": alert.calls, "period": alert.get_period_display()}
    if alert.kind == CallAlert.Kind.FAILED:
        return (
            _("Calls to “%(name)s” fail") % told,
            _("%(count)d calls to “%(name)s” failed; the alert is set to %(calls)d in %(period)s.") % told,
        )
    return (
        _("“%(name)s” nears its limit of calls") % told,
        _("%(count)d calls were made to “%(name)s”, of %(calls)d in %(period)s.") % told,
    )


def _advice(alert: CallAlert) -> str:
    if alert.kind == CallAlert.Kind.FAILED:
        return _("Look at Calls for what the CRM answered, and test the connection.")
    return _("Let its mappings run less often, or lower its limit of calls on the connection’s page.")


def _tell(alert: CallAlert, subject: str, text: str) -> None:
    """Send the mail; one that cannot be sent is a problem of its own, for the calls go on."""
    key = "mail"
    try:
        send_mail(f"[{_('CRM portal')}] {subject}", text, None, [alert.recipient])
    except (OSError, SMTPException) as e:
        log.warning("A mail could not be sent: %s", type(e).__name__)
        advice = _("Check EMAIL_URL in the settings of the portal.")
        write.open_problem(key, kind="mail", title=_("Mails cannot be sent"), detail=type(e).__name__, advice=advice)
    else:
        write.close_problem(key)
