"""How many records a match key recognises, counted in the mirrors: one partner, none, several, or no key to go by."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.cache import cache

from connectors.query import match as passes
from portal.mappings.compare import key_kinds, match_key
from portal.mappings.definition import SideName
from portal.mappings.editing import Editing
from portal.mappings.transform import OTHER, Place
from portal.records.filters import read_filter
from portal.records.models import Copy, Mirror

KEPT = 3600  # seconds; a mirror that changed is counted anew at once
CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Matches:
    """How many records of one side have one partner by the key, none, several (or doubles on their own side), no key."""

    one: int
    none: int
    several: int
    without: int


def count_matches(editing: Editing) -> dict[SideName, Matches] | None:
    """Return what the definition's match key finds on each side; None where a mirror is missing."""
    left, right = editing.mirrors["left"], editing.mirrors["right"]
    if left is None or right is None or not (left.pulled_at and right.pulled_at):
        return None
    said = editing.definition
    about = repr((left.pk, left.version, right.pk, right.version, said.match, said.left.filter, said.right.filter))
    key = f"matches-{hashlib.blake2b(about.encode(), digest_size=16).hexdigest()}"
    found: dict[SideName, Matches] | None = cache.get(key)
    if found is None:
        keys = {"left": Counter(_keys(editing, "left", left)), "right": Counter(_keys(editing, "right", right))}
        found = {side: _matches(keys[side], keys[OTHER[side]]) for side in OTHER}
        cache.set(key, found, KEPT)
    return found


def _matches(own: Counter[str], other: Counter[str]) -> Matches:
    """A key that several records hold on either side is a conflict for all of them."""
    one = none = several = 0
    for key, holders in own.items():
        if not key:
            continue
        partners = other.get(key, 0)
        if partners == 0 and holders == 1:
            none += 1
        elif partners == 1 and holders == 1:
            one += 1
        else:
            several += holders
    return Matches(one, none, several, own[""])


def _keys(editing: Editing, side: SideName, mirror: Mirror) -> Iterator[str]:
    """Yield the key of each record that is present and passes its side's filter; "" for one without."""
    places = {s: _place(editing, s) for s in OTHER}
    kinds = key_kinds(editing.definition.match, places)
    fields = [pair[side == "right"] for pair in editing.definition.match]
    text = editing.definition.left.filter if side == "left" else editing.definition.right.filter
    inside = passes(read_filter(text, editing.schemas[side]), editing.schemas[side])
    for values in _values(mirror):
        if inside(values):
            key = match_key(values, fields, kinds, places[side].region)
            yield "\x1f".join(key) if key else ""


def _place(editing: Editing, side: SideName) -> Place:
    config = editing.connections[side].settings
    return Place(editing.schemas[side], config.get("time_zone") or "UTC", config.get("region") or "GB")


def _values(mirror: Mirror) -> Iterator[dict[str, object]]:
    rows = Copy.objects.filter(mirror=mirror, deleted=Copy.Deleted.NO).order_by("pk").values_list("pk", "values")
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield from (values for _pk, values in chunk)
        last = chunk[-1][0]
