"""The night in which London's clocks are set back, for a simulated server to live in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = "Europe/London"


def shift_to(minutes: float) -> dict[str, object]:
    """Return what the control side is told for a clock that stands so many minutes after 01:59:59 became 01:00:00."""
    now = datetime.now(UTC)
    return {"shift_seconds": (next_set_back(now) + timedelta(minutes=minutes) - now).total_seconds(), "zone": LONDON}


def next_set_back(now: datetime) -> datetime:
    """Return the next moment at which London's offset falls."""
    moment, zone = now.replace(minute=0, second=0, microsecond=0), ZoneInfo(LONDON)
    while (moment + timedelta(hours=1)).astimezone(zone).utcoffset() >= moment.astimezone(zone).utcoffset():  # type: ignore[operator]
        moment += timedelta(hours=1)
    return moment + timedelta(hours=1)
