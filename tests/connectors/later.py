"""A clock that goes some days ahead, for what is believed for a day only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.context import SystemClock


class LaterClock(SystemClock):
    """The real clock, some days on."""

    days = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)
