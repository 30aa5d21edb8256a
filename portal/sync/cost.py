"""How many calls to a CRM carrying out a plan costs, and how long that takes at the connection's limits. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection lets background work do: calls a minute and a day, and how many of today's are left (None: as many as one
    likes), how many at the same time, and how long its writes took of late, in milliseconds (None: there were none)."""

    per_minute: int | None = None
    per_day: int | None = None
    left_today: int | None = None
    parallel: int = 1
    ms: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """`seconds` is None where neither a limit nor experience tells; `suffices` says whether what is left of today's calls does
    (None: there is no limit); `more_days` is how many days after today are needed."""

    calls: int
    seconds: float | None
    suffices: bool | None
    more_days: int = 0


def cost(numbers: Mapping[str, int], each: Mapping[str, int], limits: Limits) -> Cost:
    """Return the cost of so many actions of each kind; `each` is what one of them costs, nothing for a kind that is not named."""
    calls = sum(number * each.get(kind, 0) for kind, number in numbers.items())
    paces = [
        60 * calls / limits.per_minute if limits.per_minute else None,
        calls * limits.ms / 1000 / max(1, limits.parallel) if limits.ms is not None else None,
    ]
    known = [pace for pace in paces if pace is not None]
    seconds = 0.0 if not calls else max(known) if known else None
    if limits.left_today is None:
        return Cost(calls, seconds, None)
    lacking = max(0, calls - limits.left_today)
    more = ceil(lacking / limits.per_day) if lacking and limits.per_day else 0
    return Cost(calls, seconds, not lacking, more)
