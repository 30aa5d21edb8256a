"""The closed second of a cursor that follows the vendor's own stamps. The rule: a second is left behind only once nothing can
be written into it any more, by the vendor's clock; until then it is read again, with a little before it.

Stamps are naive texts in the server's zone. Nothing here needs to know that zone but for one hour of the year, when the
clock is set back: what is written then carries stamps that lie before some already read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Self

import orjson

from connectors.errors import QueryError
from connectors.spelling import zone_info
from connectors.types import Cursor
from connectors.wording import text as _

STAMP = "%Y-%m-%d %H:%M:%S"
OVERLAP = timedelta(seconds=10)  # a write stamped before another may become visible after it
CLOSED_AFTER = timedelta(minutes=5)  # by the vendor's clock, counted from when we first saw the second
ZONES = timedelta(hours=26)  # between the earliest and the latest zone of the earth
FARTHEST_ZONE = timedelta(hours=12)  # no zone is farther behind UTC: stamps that old are old whatever `time_zone` says


@dataclass(frozen=True, slots=True)
class Second:
    """The newest second handed over, and until when more may be written into it: the end of a vendor's cursor."""

    time: str = ""  # the newest stamp handed over, as the vendor wrote it
    id: str = ""  # within that second, handed over up to this id; "" when all of it
    open: bool = False  # more may still be written into that second
    seen: int = 0  # unix seconds by the vendor when that second was first seen; 0 when it tells no time

    @classmethod
    def of(cls, cursor: Cursor | None) -> Self:
        """Return the place in a cursor; the beginning for None. Raises QueryError for one that is not ours."""
        try:
            return cls(**orjson.loads(cursor)) if cursor else cls()
        except (orjson.JSONDecodeError, TypeError) as e:
            raise QueryError(
                _("This cursor is not one of this connection's: read the module again from the beginning.")
            ) from e

    def text(self) -> Cursor:
        """Return the place as the opaque text that is kept."""
        return orjson.dumps(asdict(self)).decode()

    def at(self, stamp: str, now: datetime | None, zone: str, id: str = "") -> Self:
        """Return the place after a record with that stamp, handed over when the vendor's clock showed `now`."""
        unix = int(now.timestamp()) if now else 0
        seen = self.seen if stamp == self.time and self.seen else unix
        old = now is not None and stamp <= (now - FARTHEST_ZONE - CLOSED_AFTER).strftime(STAMP)
        waited = bool(seen) and unix - max(seen, comes_again_at(stamp, zone)) >= CLOSED_AFTER.total_seconds()
        open = not old and not waited
        return replace(self, time=stamp, id="" if open else id, open=open, seen=seen)

    def oldest(self, zone: str) -> str:
        """Return the oldest stamp to ask for: while the second is open, a little before it."""
        if not self.open:
            return self.time
        try:
            read = datetime.strptime(self.time, STAMP)
        except ValueError:
            return self.time
        return (read - OVERLAP - set_back_over(self.time, zone)).strftime(STAMP)  # wall clock, no instants


def latest_stamp(now: datetime | None, zone: str) -> str:
    """Return the latest stamp to be believed. A record stamped in the future must not carry the cursor there, or all
    that is written until then would be passed over; it comes again with each delta instead."""
    return (now + CLOSED_AFTER).astimezone(zone_info(zone)).strftime(STAMP) if now else "9999"


def set_back_over(stamp: str, zone: str) -> timedelta:
    """Return by how much clocks of the zone are set back over that stamp, which then comes twice; else zero."""
    first, again = (moment.utcoffset() or timedelta() for moment in _both(stamp, zone))
    return max(first - again, timedelta())


def comes_again_at(stamp: str, zone: str) -> float:
    """Return the unix seconds at which a stamp comes the second time; 0 for one that comes once."""
    return _both(stamp, zone)[1].timestamp() if set_back_over(stamp, zone) else 0


def _both(stamp: str, zone: str) -> tuple[datetime, datetime]:
    """Return the two moments a stamp can mean: the same one but in the hour that repeats, or is skipped."""
    try:
        read = datetime.strptime(stamp, STAMP)
    except ValueError:  # not a time at all
        read = datetime(2000, 1, 1)
    moment = read.replace(tzinfo=zone_info(zone))
    return moment, moment.replace(fold=1)
