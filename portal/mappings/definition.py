"""What a mapping says, as data that is checked, saved, planned from and shown. PURE: knows no Django, no database."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

from connectors.types import JSON

DIRECTIONS = ("left-to-right", "right-to-left", "both")
POLICIES = ("left", "right", "newest", "ask")
DELETE_POLICIES = ("ignore", "mark", "delete")
NO_GUARDS: dict[str, JSON] = {}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a mapping: a connection by name, a module, and a filter in the filter language ("" for all)."""

    connection: str
    module: str
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Source "field": left and right are field names; "value": `value` goes into the one field that is named."""

    left: str = ""
    right: str = ""
    source: str = "field"
    value: JSON = None
    direction: str = ""
    only_on_create: bool = False
    may_clear: bool = False
    policy: str = ""
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it runs by itself: every N minutes or a cron line; neither means only by hand."""

    minutes: int | None = None
    cron: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole mapping. `guards` None means the defaults, {} off."""

    name: str
    left: Side
    right: Side
    direction: str
    match: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    guards: Dict[str, JSON] | None = None
    schedule: Schedule = field(default_factory=Schedule)
    conflict_policy: str = "left"
    delete_policy: str = "ignore"

    @property
    def targets(self) -> tuple[str, ...]:
        """Return which sides are written: "right", "left" or both."""
        return {"left-to-right": ("right",), "right-to-left": ("left",)}.get(self.direction, ("left", "right"))
