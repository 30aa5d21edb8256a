"""Which fields, modules and entries of pick lists belong together, how surely and why. PURE: knows no Django, no database, no
vendor. The rule: nothing is offered that a rule could not carry out, and each field is offered one partner at most.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.types import Module, ModuleSchema
from portal.mappings.likeness import Likeness, Side, trigrams_shared
from portal.mappings.meaning import joined, kind_of
from portal.mappings.pairing import ENOUGH, NO_PROFILES, Profiles, assigned, paired
from portal.mappings.suggest_keys import KeySuggestion, suggest_match_key
from portal.mappings.suggest_values import ValueSuggestion, suggest_values

__all__ = [
    "KeySuggestion",
    "ModuleSuggestion",
    "Profiles",
    "Suggestion",
    "ValueSuggestion",
    "kind_of_module",
    "suggest",
    "suggest_match_key",
    "suggest_modules",
    "suggest_values",
]

WRITTEN: tuple[Side, ...] = ("right",)
_EVERYDAY = {
    "account": "companies", "contact": "contacts", "lead": "leads", "product": "products", "ticket": "tickets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two fields that look like one. `confidence` is 0 to 1; `reasons` are sentences for a person, to be translated."""

    left: str
    right: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleSuggestion:
    """Two modules that hold the same kind of record."""

    left: str
    right: str
    confidence: float


def suggest(
    left: ModuleSchema,
    right: ModuleSchema,
    profiles: Profiles = NO_PROFILES,
    *,
    targets: Collection[Side] = WRITTEN,
    taken: Collection[tuple[str, str]] = (),
) -> list[Suggestion]:
    """Return pairs of fields, the surest first; each field stands in one at most.

    `profiles` are what the mirrors hold, side -> field -> profile, as far as there are mirrors. `targets` are the sides that are
    written: both for a mapping in both directions. `taken` are the pairs there are: their fields are offered no other.
    """
    return [
        Suggestion(one.field.name, other.field.name, round(alike.confidence, 2), alike.reasons)
        for one, other, alike in paired(left, right, profiles, targets, taken)
    ]


def suggest_modules(left: Sequence[Module], right: Sequence[Module]) -> list[ModuleSuggestion]:
    """Return modules that hold the same kind of record, the surest first; each stands in one pair at most."""
    found = [(one.name, other.name, _same_kind(one, other)) for one in left for other in right]
    return [
        ModuleSuggestion(one, other, round(alike.confidence, 2))
        for one, other, alike in assigned(p for p in found if p[2].confidence >= ENOUGH)
    ]


def kind_of_module(module: Module) -> str:
    """Return what a module holds, by its name and label: "contacts", "companies", "leads", "products", "tickets"; "" for any
    other kind and for one nobody knows."""
    return _EVERYDAY.get(kind_of(module.name, module.label), "")


def _same_kind(one: Module, other: Module) -> Likeness:
    kinds = kind_of(one.name, one.label), kind_of(other.name, other.label)
    names, labels = (joined(one.name), joined(other.name)), (joined(one.label), joined(other.label))
    near = max(trigrams_shared(*names), trigrams_shared(*labels))
    if any(kinds):
        return Likeness(0.9 + 0.09 * near if kinds[0] == kinds[1] else 0.0, near)
    return Likeness(near * 0.9 if near >= 0.75 else 0.0, near)
