"""When mappings and sync sets run by themselves: one row of django-q2's Schedule each, kept in step with it. The rule: the
mapping, or the set, says when; the row is made, changed and deleted by nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django_q.models import Schedule

from portal.connections.reread import DAILY
from portal.mappings.models import Mapping
from portal.sync.models import SyncSet

# What runs by itself beside the mappings: name of the row -> (function, minutes between). Apps above add theirs.
STANDING: dict[str, tuple[str, int]] = {
    "resume runs": ("portal.sync.tasks.resume_runs", 1),
    "refresh_schema": ("portal.connections.reread.daily", DAILY),
}


def keep_in_step(mapping: Mapping) -> None:
    """Make, change or delete the mapping's row."""
    may = mapping.is_live and mapping.state == Mapping.State.ACTIVE
    _keep(name_of(mapping.uuid), "portal.sync.tasks.scheduled", mapping, may)


def keep_set_in_step(row: SyncSet) -> None:
    """Make, change or delete the set's row."""
    _keep(name_of_set(row.uuid), "portal.sync.tasks.scheduled_set", row)


def _keep(name: str, func: str, timed: Mapping | SyncSet, may: bool = True) -> None:
    """An interval begins to count when it is set or changed."""
    rows = Schedule.objects.filter(name=name)
    if not may or timed.schedule_paused or not (timed.cron or timed.every_minutes):
        rows.delete()
        return
    said = {
        "schedule_type": Schedule.CRON if timed.cron else Schedule.MINUTES,
        "cron": timed.cron or None,
        "minutes": None if timed.cron else timed.every_minutes,
    }
    if rows.filter(**said).exists():
        return
    rows.delete()
    row = Schedule(name=name, func=func, args=repr((str(timed.uuid),)), **said)
    row.next_run = row.calculate_next_run(timezone.now())
    row.save()


def next_run(timed: Mapping | SyncSet) -> datetime | None:
    """Return when the mapping or the set runs next by itself (aware); None when it does not."""
    name = name_of(timed.uuid) if isinstance(timed, Mapping) else name_of_set(timed.uuid)
    found: datetime | None = Schedule.objects.filter(name=name).values_list("next_run", flat=True).first()
    return found


def name_of(uuid: object) -> str:
    """Return the name of a mapping's row."""
    return f"mapping:{uuid}"


def name_of_set(uuid: object) -> str:
    """Return the name of a set's row."""
    return f"set:{uuid}"


def forget_set(uuid: object) -> None:
    """Delete the row of a set that is no more."""
    Schedule.objects.filter(name=name_of_set(uuid)).delete()


def forget(uuid: object) -> None:
    """Delete the row of a mapping that is no more."""
    Schedule.objects.filter(name=name_of(uuid)).delete()


def keep_standing() -> None:
    """Make the rows of what runs by itself beside the mappings. Clusters that start at the same moment may each make one, which
    no constraint forbids: each then deletes all but the oldest, so that whoever comes last sees and leaves one."""
    for name, (function, minutes) in STANDING.items():
        rows = Schedule.objects.filter(name=name).order_by("pk")
        if not rows.exists():
            soon = timezone.now() + timedelta(minutes=minutes)
            said = {"func": function, "schedule_type": Schedule.MINUTES, "minutes": minutes, "next_run": soon}
            Schedule.objects.create(name=name, **said)
        twice = list(rows.values_list("pk", flat=True)[1:])
        if twice:
            Schedule.objects.filter(pk__in=twice).delete()
