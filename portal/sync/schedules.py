"""When mappings run by themselves: one row of django-q2's Schedule each, kept in step with the mapping. The rule: the
mapping says when; the row is made, changed and deleted by nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django_q.models import Schedule

from portal.connections.reread import DAILY
from portal.mappings.models import Mapping

# What runs by itself beside the mappings: name of the row -> (function, minutes between). Apps above add theirs.
STANDING: dict[str, tuple[str, int]] = {
    "resume runs": ("portal.sync.tasks.resume_runs", 1),
    "refresh_schema": ("portal.connections.reread.daily", DAILY),
}


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


def keep_standing() -> None:
    """Make the rows of what runs by itself beside the mappings."""
    for name, (function, minutes) in STANDING.items():
        soon = timezone.now() + timedelta(minutes=minutes)
        said = {"func": function, "schedule_type": Schedule.MINUTES, "minutes": minutes, "next_run": soon}
        Schedule.objects.get_or_create(name=name, defaults=said)


def _runs_by_itself(mapping: Mapping) -> bool:
    active = mapping.is_live and mapping.state == Mapping.State.ACTIVE and not mapping.schedule_paused
    return active and bool(mapping.cron or mapping.every_minutes)
