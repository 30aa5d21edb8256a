"""Places for calls at the same time, `max_parallel` a connection over all processes. The rule: background work leaves a
fifth of them free for people, and where there is only one place it lets a waiting person go first."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import gettext as _

from connectors.errors import BudgetSpent
from portal.connections.limits import Purpose, Rules, share
from portal.connections.locks import claim, held, new_holder, release

POLL_SECONDS = 0.05
PATIENCE: dict[Purpose, float] = {"person": 15.0, "sync": 30.0}  # seconds to wait for a place
WAITING = "waiting"  # the lock a person holds who found no place
HELD_BEATS = 5  # so long a place is handed from call to call before others get their turn


@dataclass(frozen=True, slots=True)
class Place:
    """One place in our hands since `since`, without a call since `idle` (monotonic seconds)."""

    name: str
    holder: str
    since: float
    idle: float

    @property
    def is_due(self) -> bool:
        """Say whether others should get their turn."""
        now, beat = time.monotonic(), settings.BEAT_SECONDS
        return now - self.since > HELD_BEATS * beat or now - self.idle > beat


class Places:
    """The places one opened connector holds. Its calls hand them to each other for some seconds, so that a fast reading
    writes little; they expire by themselves when we die."""

    def __init__(self, connection_id: int, purpose: Purpose, *, patience: float | None = None) -> None:
        self._patience = PATIENCE[purpose] if patience is None else patience
        self._connection_id = connection_id
        self._purpose = purpose
        self._lock = threading.Lock()
        self._busy: list[Place] = []
        self._idle: list[Place] = []
        self._only_one = False

    def enter(self, rules: Rules, *, patient: bool = True) -> None:
        """Take a place, waiting for one if `patient`. Raises BudgetSpent when none becomes free in good time."""
        give_back_idle()
        _opened.add(self)
        self._only_one = rules.max_parallel <= 1
        give_up = time.monotonic() + (self._patience if patient else 0)
        while (place := self._reuse() or self._claim(rules)) is None:
            if self._purpose == "person":
                claim(self._connection_id, WAITING, new_holder(), 1.0)
            if time.monotonic() >= give_up:
                text = _("All places for calls to “%(name)s” at the same time are taken (%(count)d). Try again soon.")
                raise BudgetSpent(text % {"count": rules.max_parallel, "name": rules.name}, retry_after=10.0)
            time.sleep(POLL_SECONDS)
        with self._lock:
            self._busy.append(place)

    def leave(self) -> None:
        """Give back the place taken first: to our other calls, or to all when its time is over or it is the only one."""
        with self._lock:
            self._idle.append(replace(self._busy.pop(0), idle=time.monotonic()))
        self.give_back(all=self._only_one)
        give_back_idle()

    def close(self) -> None:
        """Give all back."""
        _opened.discard(self)
        self.give_back(all=True)

    def give_back(self, *, all: bool = False) -> None:
        """Give back the idle places that are due, or all there are."""
        with self._lock:
            due = [place for place in self._idle if all or place.is_due]
            self._idle = [place for place in self._idle if place not in due]
        self._release(due)

    def _reuse(self) -> Place | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _claim(self, rules: Rules) -> Place | None:
        """Try each free place once; people begin at the end that background work may not use."""
        taken = held(self._connection_id)
        count = share(rules.max_parallel, self._purpose)
        numbers = range(count) if self._purpose == "sync" else range(count - 1, -1, -1)
        if self._purpose == "sync" and count == rules.max_parallel and WAITING in taken:
            return None  # nothing is kept for people here: let them go first
        for name in (f"call-{number}" for number in numbers):
            since, holder = time.monotonic(), new_holder()
            if name not in taken and claim(self._connection_id, name, holder, settings.CALL_DEADLINE_SECONDS + 15):
                return Place(name, holder, since, since)
        return None

    def _release(self, places: list[Place]) -> None:
        for place in places:
            release(self._connection_id, place.name, place.holder)


_opened: set[Places] = set()  # of this process


def give_back_idle() -> None:
    """Give back what any connector of this process holds without use: a run that has turned to its other CRM makes no
    call here that could do it."""
    for places in tuple(_opened):  # taken in one step: other threads open and close
        places.give_back()
