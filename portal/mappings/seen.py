"""From which state of a mapping a page was made, so that nothing is saved over what somebody else saved meanwhile. The rule: a page says it
in a hidden field, and it is compared in the transaction that saves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from portal.mappings.definition import Definition
from portal.mappings.models import Mapping, MappingVersion
from portal.mappings.stored import definition_of


class Overtaken(Exception):
    """Somebody saved the mapping after the page was made that is to be saved."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest version by number and moment (a dropped draft leaves its number to the next), and name and schedule, which
    are no part of a version."""

    number: int
    saved: str
    head: str

    def __str__(self) -> str:
        return f"{self.number}.{self.saved}.{self.head}"

    def holds(self, now: Seen, step: str) -> bool:
        """Say whether nothing was saved since of what that page is about."""
        return self.head == now.head if step == "schedule" else (self.number, self.saved) == (now.number, now.saved)


def seen_of(mapping: Mapping) -> Seen:
    """Return the state the mapping is in now."""
    newest = mapping.versions.order_by("-number").first()
    head = (mapping.name, mapping.every_minutes, mapping.cron, mapping.schedule_paused)
    digest = hashlib.blake2b(repr(head).encode(), digest_size=6).hexdigest()
    return Seen(newest.number if newest else 0, _moment(newest) if newest else "", digest)


def read_seen(text: str) -> Seen | None:
    """Return what a page said; None where it said nothing that makes sense, which a script may."""
    number, _dot, rest = text.partition(".")
    saved, dot, head = rest.partition(".")
    return Seen(int(number), saved, head) if number.isdecimal() and dot else None


def said_then(mapping: Mapping, seen: Seen) -> Definition | None:
    """Return what the mapping said when the page was made; None where that draft was dropped, or for name and schedule."""
    version = mapping.versions.filter(number=seen.number).first()
    return definition_of(mapping, seen.number) if version and _moment(version) == seen.saved else None


def is_overtaken(then: Seen | None, mapping: Mapping, *, step: str = "") -> bool:
    """Say whether somebody saved since what that page is about; never where it is not known when the page was made."""
    return then is not None and not then.holds(seen_of(mapping), step)


def _moment(version: MappingVersion) -> str:
    return f"{version.saved_at:%Y%m%d%H%M%S%f}"
