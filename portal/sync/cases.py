"""The words `plan` speaks in: a record as seen, a pair, a lone record, the terms of a mapping, and an action. PURE data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.types import JSON
from portal.mappings.definition import Definition, Rule
from portal.mappings.transform import OTHER, Means, Partner, Place, Side
from portal.sync.choices.choice import Choice

__all__ = ["OTHER", "SIDES", "Action", "Lone", "Pair", "Seen", "Terms"]

SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as our copy has it. `deleted` is "", "gone" or "missing"; `inside` says it passes its side's filter; `key`
    is its match key, None when it has none; `modified` is UTC ISO or ""."""

    id: str
    values: Mapping[str, JSON]
    version: int = 0
    modified: str = ""
    deleted: str = ""
    inside: bool = True
    key: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that are one: linked, or (`link` None) just matched. A side is None while we have no copy of it. `base`:
    rule uuid -> [left, right]; `choices`: what persons chose about what waited for them here."""

    link: int | None
    left: Seen | None
    right: Seen | None
    base: Mapping[str, Sequence[JSON]] = field(default_factory=dict)
    state: str = "linked"
    choices: tuple[Choice, ...] = ()

    def at(self, side: Side) -> Seen:
        """Return the record of that side. Only after both sides were looked at."""
        seen = self.left if side == "left" else self.right
        if seen is None:
            raise ValueError(f"no copy of the {side} record of link {self.link}")
        return seen

    def values(self, side: Side) -> Mapping[str, JSON]:
        """Return the values of that side's record."""
        return self.at(side).values


@dataclass(frozen=True, slots=True)
class Lone:
    """A record without a partner. `own` are the other records of its side that hold the same key; `found` those of the
    other side, `taken` the ones among them that are linked, `widowed` those of them that are linked to a deleted record,
    and to which; `partner` is the copy when exactly one was found; `choices` as of a pair."""

    side: Side
    seen: Seen
    own: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()
    widowed: Mapping[str, str] = field(default_factory=dict)
    partner: Seen | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the mapping says, and what its rules need. `now` is UTC ISO, to tell stamps in the future; `swept` are the sides
    on which this run has looked for every record there is; `circles` are the mappings it refers to that refer back to it, over
    however many others, `stuck` those that do so by required fields alone; `written` are the rules, each with the sides it
    writes."""

    definition: Definition
    means: Means
    now: str = ""
    swept: frozenset[Side] = frozenset()
    circles: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    written: tuple[tuple[Rule, tuple[Side, ...]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:  # once a batch, not once a record
        rules = tuple((rule, self.definition.targets_of(rule)) for rule in self.definition.rules)
        object.__setattr__(self, "written", rules)

    @property
    def places(self) -> Mapping[Side, Place]:
        """Return the two sides."""
        return self.means.places

    @property
    def regions(self) -> tuple[str, str]:
        """Return the regions of both sides' phone numbers, left first."""
        return self.places["left"].region, self.places["right"].region

    def goes(self, seen: Seen) -> bool:
        """Say whether a linked record is still a source, by its side's filter."""
        return seen.inside or self.definition.leaving == "keep"

    def knowing(self, partner: Partner) -> Terms:
        """Return the terms that know the partners of referred records."""
        return replace(self, means=replace(self.means, partner=partner))

    def writes(self, side: Side) -> bool:
        """Say whether records of that side may be changed by this mapping."""
        return side in self.definition.targets


@dataclass(frozen=True, slots=True)
class Action:
    """What to do with one record: `kind` is create, update, delete, skip, conflict or blocked; `side` is the one written.
    `base` is what to agree on once it is done; `errors` says field by field why not; `makes_link`: matched just now."""

    kind: str
    side: Side
    source: Seen | None = None
    target: Seen | None = None
    link: int | None = None
    values: Mapping[str, JSON] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    base: Mapping[str, tuple[JSON, JSON]] = field(default_factory=dict)
    reason: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, JSON] = field(default_factory=dict)
    makes_link: bool = False
