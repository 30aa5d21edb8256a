"""Which entry of one pick list is which of another: also owners and countries. PURE: knows no Django, no database, no vendor. The
rule: each entry gets one partner at most; two entries may become one, none becomes two."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from connectors.query import fold
from connectors.types import JSON, FieldSchema, FieldType
from connectors.wording import text as _
from portal.mappings.likeness import Side, trigrams_shared
from portal.mappings.meaning import joined, table
from portal.mappings.terms import COUNTRIES, VALUES
from portal.records.profile import FieldProfile

_GROUPS = table(VALUES)
_COUNTRIES = table(COUNTRIES)
_NEAR = 0.7
_NO_PROFILES: Mapping[Side, FieldProfile] = {}


@dataclass(frozen=True, slots=True)
class ValueSuggestion:
    """An entry of the left field and what it is in the right one."""

    left: JSON
    right: JSON
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as it is stored, and its names as they are compared."""

    value: JSON
    names: frozenset[str]
    groups: frozenset[str]
    countries: frozenset[str]
    words: frozenset[tuple[str, ...]]


def suggest_values(
    left: FieldSchema,
    right: FieldSchema,
    profiles: Mapping[Side, FieldProfile] = _NO_PROFILES,
    *,
    countries: Iterable[Collection[str]] = (),
) -> list[ValueSuggestion]:
    """Return for entries of the left field what they are in the right one, in the left one's order.

    The entries are the fields' choices (give owners as such: id and name), else the most frequent values of the mirrors.
    `countries` are groups of spellings of one country each, code and names in any language (`countries.spellings`).
    """
    nations = {joined(name): joined(next(iter(group))) for group in countries for name in group}
    lefts, rights = _entries(left, profiles.get("left"), nations), _entries(right, profiles.get("right"), nations)
    found = []
    for entry in lefts:
        best = max(((*_alike(entry, other), -at) for at, other in enumerate(rights)), default=(0.0, 0.0, "", 0))
        if best[0] >= 0.5:
            found.append(ValueSuggestion(entry.value, rights[-best[3]].value, round(best[0], 2), best[2]))
    return found


def _entries(field: FieldSchema, profile: FieldProfile | None, nations: Mapping[str, str]) -> list[_Entry]:
    told: dict[JSON, str] = {choice.value: choice.label for choice in field.choices}
    if field.type is FieldType.BOOLEAN:
        told = {True: "yes", False: "no"}
    elif profile is not None:
        listed = bool(told) and field.type is not FieldType.OWNER
        told |= {value: str(value) for value, _n in profile.frequent if value not in told and not listed}
    return [_entry(value, label, nations) for value, label in told.items()]


def _entry(value: JSON, label: str, nations: Mapping[str, str]) -> _Entry:
    texts = (str(value), label)
    names = frozenset(joined(text) for text in texts) - {""}
    return _Entry(
        value,
        names,
        frozenset(_GROUPS[name] for name in names if name in _GROUPS),
        frozenset(nations.get(known, known) for n in names if (known := _country(n, nations))),
        frozenset(tuple(sorted(fold(text).split())) for text in texts if " " in text.strip()),
    )


def _country(name: str, nations: Mapping[str, str]) -> str:
    """Return what stands for a country: by the list that was given, else by the other names we know."""
    return nations.get(name) or _COUNTRIES.get(name, "").lower()


def _alike(left: _Entry, right: _Entry) -> tuple[float, float, str]:
    """Return how surely two entries are one, what decides between equals, and why."""
    near = max((trigrams_shared(a, b) for a in left.names for b in right.names), default=0.0)
    if left.value == right.value:
        return 1.0, near, _("the same value")
    if left.names & right.names:
        return 0.95, near, _("the same name")
    if left.countries & right.countries:
        return 0.92, near, _("the same country")
    if left.words & right.words:
        return 0.9, near, _("the same name in another order")
    if left.groups & right.groups:
        return 0.85, near, _("two words for the same")
    return (near * 0.85, near, _("nearly the same name")) if near >= _NEAR else (0.0, 0.0, "")
