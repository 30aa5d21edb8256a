"""A pair planned as if its source had changed, and where its two records agree as they are now. PURE, as `plan` is. The rule:
what is equal is what `merge` finds equal where nothing was agreed on yet, so that nobody compares in a way of his own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from connectors.types import JSON
from portal.sync.cases import SIDES, Lone, Pair, Terms
from portal.sync.merge import UNSURE, merge

CHANGED: Final = object()  # unlike any value: whatever the source holds, it is a change


def agreeing(pair: Pair, terms: Terms) -> frozenset[str]:
    """Return the uuids of the rules by which both records hold the same now. Only for a pair whose copies are both there."""
    return frozenset(merge(replace(pair, base={}), terms).agreed)


def anew(case: Pair | Lone, terms: Terms) -> Pair | Lone:
    """Return the case as one whose source changed, in every field in which the two sides do not agree now.

    One way, the source wins, and erases where its rule may. Both ways, what only one side changed is carried over as always; for
    the rest nothing counts as agreed on: an empty side is filled, the policy decides. What agrees stays as it was, and so does
    what a person has to decide.
    """
    if isinstance(case, Lone) or case.left is None or case.right is None or case.left.deleted or case.right.deleted:
        return case
    equal, planned = agreeing(case, terms), merge(case, terms)
    underway = {*planned.left.rules, *planned.right.rules}
    written = {rule.uuid: sides for rule, sides in terms.written}
    base: dict[str, Sequence[JSON]] = {}
    for rule, known in case.base.items():
        sides = written.get(rule, ())
        if rule in equal or UNSURE in known[2:] or not sides or (len(sides) == 2 and rule in underway):
            base[rule] = known
        elif len(sides) == 1:
            base[rule] = [known[n] if at == sides[0] else CHANGED for n, at in enumerate(SIDES)]
    return replace(case, base=base)
