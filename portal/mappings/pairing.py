"""Finds for each field its one partner. PURE: knows no Django, no database, no vendor. The rule: nobody stands in two pairs, and
no two fields that are not together would both rather be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from connectors.types import ModuleSchema
from connectors.values import is_secret_field
from portal.mappings.likeness import Likeness, Side, excluded, likeness
from portal.mappings.meaning import Meaning, meanings
from portal.mappings.terms import SYSTEM
from portal.records.profile import FieldProfile

Profiles = Mapping[Side, Mapping[str, FieldProfile]]
NO_PROFILES: Profiles = {}
ENOUGH = 0.5  # less sure is not offered
T = TypeVar("T")


def paired(
    left: ModuleSchema,
    right: ModuleSchema,
    profiles: Profiles = NO_PROFILES,
    targets: Collection[Side] = (),
    taken: Collection[tuple[str, str]] = (),
) -> list[tuple[Meaning, Meaning, Likeness]]:
    """Return the pairs of fields that look like one, the surest first."""
    lefts = [m for m in meanings(left) if _offered(m, "left" in targets, {pair[0] for pair in taken})]
    rights = [m for m in meanings(right) if _offered(m, "right" in targets, {pair[1] for pair in taken})]
    seen_left, seen_right = profiles.get("left", {}), profiles.get("right", {})
    found = []
    for one in lefts:
        for other in rights:
            alike = likeness(one, other, (seen_left.get(one.field.name), seen_right.get(other.field.name)), targets)
            if alike.confidence >= ENOUGH:
                found.append((one.field.name, other.field.name, alike))
    by_left, by_right = ({m.field.name: m for m in side} for side in (lefts, rights))
    return [(by_left[one], by_right[other], alike) for one, other, alike in assigned(found)]


def assigned(found: Iterable[tuple[str, str, Likeness]]) -> list[tuple[str, str, Likeness]]:
    """Return each name's best partner among the pairs found, the surest first. Equals are taken by name, so that the sides can
    change places."""
    order = sorted(found, key=lambda p: (-p[2].confidence, -round(p[2].order, 6), sorted((p[0], p[1]))))
    lefts: set[str] = set()
    rights: set[str] = set()
    kept = []
    for one, other, alike in order:
        if one not in lefts and other not in rights:
            lefts.add(one)
            rights.add(other)
            kept.append((one, other, alike))
    return kept


def _offered(meaning: Meaning, written: bool, taken: Collection[str]) -> bool:
    """Say whether a field may stand in a pair: not the CRM's own bookkeeping, no id, no password."""
    field = meaning.field
    if field.name in taken or excluded(field) or is_secret_field(field.name) or is_secret_field(field.label):
        return False
    return not (written and not field.editable) and not meaning.terms & SYSTEM
