"""In which order mappings run that refer to each other, and what leads in a circle. PURE: names and references in, an order out.
The rule: what is referred to is made first; in a circle a reference that may stay empty for a while follows later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Records of `mapping` refer to those that `to` brings over, by the target's `field`; `required`: it may not stay empty."""

    mapping: str
    to: str
    field: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """The mappings in the order in which they run. `later`: the references that lead in a circle and follow once both records
    exist; `stuck`: those of a circle in which every field is required, so that none of its records can be the first."""

    names: tuple[str, ...]
    later: tuple[Reference, ...] = ()
    stuck: tuple[Reference, ...] = ()


def order_of(names: Iterable[str], references: Collection[Reference]) -> Order:
    """Return the order of these mappings; references to others do not matter for it. Independent ones go by name."""
    left = sorted(set(names))
    among = sorted({r for r in references if r.mapping in left and r.to in left})
    done: list[str] = []
    while left:
        open_ones = [r for r in among if r.mapping in left and r.to in left and r.mapping != r.to]
        first = min(ready := _may_begin(left, open_ones), key=lambda name: _burden(name, open_ones, ready))
        done.append(first)
        left.remove(first)
    later = tuple(r for r in among if not r.required and _is_early(r, done))
    return Order(tuple(done), later, tuple(r for r in among if is_stuck(r, among)))


def leads_back(reference: Reference, references: Collection[Reference]) -> bool:
    """Say whether what is referred to refers, over however many others, to who refers: the reference is part of a circle."""
    return reference.mapping in _reached(reference.to, references)


def is_stuck(reference: Reference, references: Collection[Reference]) -> bool:
    """Say whether it is part of a circle in which every field is required."""
    return reference.required and leads_back(reference, [r for r in references if r.required])


def waits_for(name: str, order: Sequence[str], references: Collection[Reference]) -> frozenset[str]:
    """Return which mappings have to come before that one: those it refers to, over however many, that stand before it."""
    before = order[: order.index(name)]
    ahead = [
        r for r in references if r.to in before and r.mapping in order and order.index(r.to) < order.index(r.mapping)
    ]
    return _reached(name, ahead) - {name}


def _is_early(reference: Reference, done: Sequence[str]) -> bool:
    """Say whether a record comes before, or together with, the one that it refers to."""
    return done.index(reference.mapping) <= done.index(reference.to)


def _may_begin(left: Sequence[str], references: Collection[Reference]) -> list[str]:
    """Return the mappings that wait for none but those that wait for them: where there is no circle, for none at all."""
    reached = {name: _reached(name, references) for name in left}
    return [name for name in left if all(name in reached[other] for other in reached[name] - {name})]


def _burden(name: str, references: Collection[Reference], circle: Sequence[str]) -> tuple[int, int, int, str]:
    """Who begins a circle: whose required fields wait for nobody, then who waits for few and is waited for by many in it."""
    waits = [r for r in references if r.mapping == name]
    wanted = sum(r.to == name and r.mapping in circle for r in references)
    return sum(r.required for r in waits), len(waits), -wanted, name


def _reached(name: str, references: Collection[Reference]) -> frozenset[str]:
    """Return the mapping, and all it refers to over however many others."""
    found, new = {name}, {name}
    while new:
        new = {r.to for r in references if r.mapping in new} - found
        found |= new
    return frozenset(found)
