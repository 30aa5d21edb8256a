"""When mappings run by themselves: one row of django-q2's Schedule each, kept in step with the mapping. The rule: the
mapping says when; the row is made, changed and deleted by nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django_q.models import Schedule

from portal.mappings.models import Mapping

RESUME = "resume runs"


def keep_in_step(mapping: Mapping) -> None:
    """Make, change or delete the mapping's row. An interval begins to count when it is set or changed."""
    rows = Schedule.objects.filter(name=name_of(mapping.uuid))
    if not _runs_by_itself(mapping):
        rows.delete()
        return
    said = {
        "schedule_type": Schedule.CRON if mapping.cron else Schedule.MINUTES,
        "cron": mapping.cron or None,
        "minutes": None if mapping.cron else mapping.every_minutes,
    }
    if rows.filter(**said).exists():
        return
    rows.delete()
    row = Schedule(
        name=name_of(mapping.uuid), func="portal.sync.tasks.scheduled", args=repr((str(mapping.uuid),)), **said
    )
    row.next_run = row.calculate_next_run(timezone.now())
    row.save()


def next_run(mapping: Mapping) -> datetime | None:
    """Return when the mapping runs next by itself (aware); None when it does not."""
    found: datetime | None = (
        Schedule.objects.filter(name=name_of(mapping.uuid)).values_list("next_run", flat=True).first()
    )
    return found


def name_of(uuid: object) -> str:
    """Return the name of a mapping's row."""
    return f"mapping:{uuid}"


def forget(uuid: object) -> None:
    """Delete the row of a mapping that is no more."""
    Schedule.objects.filter(name=name_of(uuid)).delete()


def keep_resuming() -> None:
    """Make the row that has interrupted and postponed runs taken up every minute."""
    Schedule.objects.get_or_create(
        name=RESUME,
        defaults={
            "func": "portal.sync.tasks.resume_runs",
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "next_run": timezone.now() + timedelta(minutes=1),
        },
    )


def _runs_by_itself(mapping: Mapping) -> bool:
    active = mapping.state == Mapping.State.ACTIVE and not mapping.schedule_paused
    return active and bool(mapping.cron or mapping.every_minutes)
