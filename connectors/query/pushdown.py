"""Giving a vendor the part of a filter it can answer. The rule: what is pushed down is never narrower than the filter,
and pushed and local together are exactly the filter."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from math import prod

from connectors.query.filters import And, Condition, Filter, Not, Op, Or
from connectors.query.folding import fold

Able = Callable[[Condition], bool]

_OPPOSITE = {
    Op.EQ: Op.NE,
    Op.IN: Op.NOT_IN,
    Op.EMPTY: Op.NOT_EMPTY,
    **{Op.NE: Op.EQ, Op.NOT_IN: Op.IN, Op.NOT_EMPTY: Op.EMPTY},
}
_BEYOND = {Op.LT: Op.GE, Op.LE: Op.GT, Op.GT: Op.LE, Op.GE: Op.LT}
# Characters that other characters fold to (Persian digits, İ, the Kelvin sign, two Greek marks), that LIKE treats
# specially, or that are not ASCII: none of them can be trusted to match in a vendor's collation.
_UNSURE = re.compile(r"[^\x20-\x7e]|[0-9ik;`%_\\\[\]*?]")


def split(
    filter: Filter | None, can_push: Able, *, can_push_not: Able = lambda condition: False
) -> tuple[Filter | None, Filter | None]:
    """Return (pushed, local), each None when there is nothing, with pushed AND local ≡ filter.

    `can_push(condition)` says whether the vendor answers that condition exactly by our rules; `can_push_not` whether it
    answers its opposite, asked for `contains`, `starts with` and `ends with` only: other negations are turned into
    positive conditions first. `pushed` may hold an Or that is wider than the filter; `local` then repeats the filter.
    """
    if filter is None:
        return None, None
    pushed, local = _split(positive(filter), can_push, can_push_not)
    return (pushed, local) if pushed is not None else (None, filter)


def _split(filter: Filter, can: Able, can_not: Able) -> tuple[Filter | None, Filter | None]:
    if isinstance(filter, Condition):
        return (filter, None) if can(filter) else (None, filter)
    if isinstance(filter, Not):
        able = isinstance(filter.part, Condition) and can_not(filter.part)
        return (filter, None) if able else (None, filter)
    halves = [_split(part, can, can_not) for part in filter.parts]
    pushed = tuple(half for half, _ in halves if half is not None)
    local = tuple(half for _, half in halves if half is not None)
    if isinstance(filter, And):
        return _joined(pushed), _joined(local)
    if not local:
        return filter, None
    return (Or(pushed) if len(pushed) == len(halves) else None), filter


def _joined(parts: tuple[Filter, ...]) -> Filter | None:
    return And(parts) if len(parts) > 1 else next(iter(parts), None)


def positive(filter: Filter, negated: bool = False) -> Filter:
    """Return the same filter with every `not` turned into a positive condition, but before `contains` and its like."""
    if isinstance(filter, Not):
        return positive(filter.part, not negated)
    if isinstance(filter, Condition):
        return _opposite(filter) if negated else filter
    parts = tuple(positive(part, negated) for part in filter.parts)
    return And(parts) if isinstance(filter, And) is not negated else Or(parts)


def _opposite(condition: Condition) -> Filter:
    name, op, values = condition.field, condition.op, condition.values
    if op in _OPPOSITE:
        return Condition(name, _OPPOSITE[op], values)
    empty = Condition(name, Op.EMPTY)
    if op in _BEYOND:
        return Or((Condition(name, _BEYOND[op], values), empty))
    if op is Op.BETWEEN:
        return Or((Condition(name, Op.LT, values[:1]), Condition(name, Op.GT, values[1:]), empty))
    return Not(condition)


def to_dnf(filter: Filter | None, limit: int = 20) -> list[list[Condition]] | None:
    """Return the filter as "any of these, each of which is all of those", for a vendor that has no brackets and no `not`.

    [[]] is met by every record, [] by none. None when it would take more than `limit` conditions, or when `not contains`
    (or its like) is left, which has no positive form.
    """
    return [[]] if filter is None else _dnf(positive(filter), limit)


def _dnf(filter: Filter, limit: int) -> list[list[Condition]] | None:
    if isinstance(filter, Condition):
        return [[filter]]
    if isinstance(filter, Not):
        return None
    parts = [_dnf(part, limit) for part in filter.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if isinstance(filter, Or):
        result = [term for part in known for term in part]
    elif prod(len(part) for part in known) > limit:
        return None
    else:
        result = [[c for term in terms for c in term] for terms in product(*known)]
    return result if sum(map(len, result)) <= limit else None


def narrowing_pattern(text: str) -> str | None:
    """Return a LIKE pattern (with `%` only) that fits wherever `text` is found after `fold`, or None when it would fit all.

    For vendors that ignore the case of ASCII letters and compare the rest in ways we do not know: every character that
    something else may fold to, or that may be stored otherwise, becomes `%`. The caller adds `%` before and after. At
    most three pieces are kept, the longest: a server takes exponentially long over a pattern of many `%`.
    """
    runs = _UNSURE.split(fold(text))
    kept = sorted(range(len(runs)), key=lambda i: len(runs[i]), reverse=True)[:3]
    pieces = (run[:50] + "%" * (len(run) > 50) if i in kept else "" for i, run in enumerate(runs))
    pattern = re.sub("%+", "%", "%".join(pieces))
    return pattern if pattern.strip("%") else None
