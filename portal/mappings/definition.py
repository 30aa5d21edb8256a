"""What a mapping says, as data that is checked, saved, planned from and shown. PURE: knows no Django, no database."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Literal

from connectors.types import JSON

SideName = Literal["left", "right"]
DIRECTIONS = ("left-to-right", "right-to-left", "both")
SOURCES = ("field", "value", "expression", "reference", "lines")
POLICIES = ("left", "right", "newest", "ask")
DELETE_POLICIES = ("ignore", "mark", "delete")
LEAVING = ("stop", "keep")
COMPARISONS = ("case", "spaces", "digits", "phone", "number")
NO_GUARDS: dict[str, JSON] = {}
_TARGETS: Dict[str, tuple[SideName, ...]] = {
    "left-to-right": ("right",),
    "right-to-left": ("left",),
    "both": ("left", "right"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a mapping: a connection by name, a module, and a filter in the filter language ("" for all)."""

    connection: str
    module: str
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of one field.

    Source "field": `left` and `right` are field names; `table` names a value table the value goes through. "reference":
    both are fields that refer to records, and `mapping` names the mapping whose pairs say which record is which.
    "value" and "expression": `value` or what `expression` makes of the other side's record goes into the one field named.
    "lines": both are fields of lines, and the rules in `lines` say what becomes of one line, both ways; their fields are those
    of a line. `direction` and `policy` "" are the mapping's; `compare` says what makes no difference (COMPARISONS).
    """

    left: str = ""
    right: str = ""
    source: str = "field"
    value: JSON = None
    expression: str = ""
    mapping: str = ""
    table: str = ""
    direction: str = ""
    only_on_create: bool = False
    may_clear: bool = False
    policy: str = ""
    compare: str = ""
    uuid: str = ""
    lines: tuple[Rule, ...] = ()

    def at(self, side: SideName) -> str:
        """Return the name of that side's field; "" where the rule has none there."""
        return self.left if side == "left" else self.right

    def held_as(self, side: SideName) -> str:
        """Return under which name a line of that side holds what this rule is about, its own field or none."""
        return self.at(side) or f"={self.left or self.right}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it runs by itself: every N minutes or a cron line; neither means only by hand."""

    minutes: int | None = None
    cron: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole mapping. `marker`: the field of each side into which a record made there gets written where it comes from, so that
    it is found for certain when no answer came; "" for none. `guards` None means the defaults, {} off. `leaving`: whether a linked record that passes its side's
    filter no longer is still carried over ("keep") or not ("stop")."""

    name: str
    left: Side
    right: Side
    direction: str
    match: tuple[tuple[str, str], ...] = ()
    rules: tuple[Rule, ...] = ()
    guards: Dict[str, JSON] | None = None
    schedule: Schedule = field(default_factory=Schedule)
    conflict_policy: str = "left"
    delete_policy: str = "ignore"
    leaving: str = "stop"
    marker: tuple[str, str] = ("", "")

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """Return the rules, each followed by those of its lines."""
        return tuple(one for rule in self.rules for one in (rule, *rule.lines))

    @property
    def targets(self) -> tuple[SideName, ...]:
        """Return which sides are written: "right", "left" or both."""
        return _TARGETS.get(self.direction, ("left", "right"))

    def targets_of(self, rule: Rule) -> tuple[SideName, ...]:
        """Return the sides a rule writes: as it says, else as the mapping; only where it has a field."""
        sides = _TARGETS[rule.direction] if rule.direction else self.targets
        return tuple(side for side in sides if side in self.targets and rule.at(side))
