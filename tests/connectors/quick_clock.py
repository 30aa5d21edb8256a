"""A clock for tests in which somebody waits: what is waited for has come at once."""

from __future__ import annotations

import time

from connectors.context import SystemClock


class QuickClock(SystemClock):
    """Waiting takes no time, and is remembered; by this clock the time has passed all the same."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
