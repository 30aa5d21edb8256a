"""The whole decision table: what may have happened to the two records of a key, in each direction, under every policy, and what is
done about it. A record is as both last agreed ("same"), "changed" since, "created" (there is one that no link knows), "deleted",
or there is none ("none"). “*” stands for every policy; a test holds that each case stands here exactly once."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from portal.sync.cases import Lone, Pair, Seen
from portal.sync.plan import plan
from tests.portal.test_sync_plan import seen, terms, told

DIRECTIONS = ("left-to-right", "right-to-left", "both")
STATES = ("same", "changed", "created", "deleted", "none")
CONFLICTS = ("left", "right", "newest", "ask")
DELETES = ("ignore", "mark", "delete")
BASE = {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada"), "c": ("X", "X")}
CITY = {"left": "L", "right": "R"}  # what each side changes the city to; the right one changed last
WHEN = {"left": "2026-03-01T10:00:00Z", "right": "2026-03-01T11:00:00Z"}

# direction, left, right, who wins, what deletes do -> what is done
TABLE = """
left-to-right  same     same     *       *       nothing
left-to-right  same     changed  *       *       nothing
left-to-right  same     created  *       *       nothing
left-to-right  same     deleted  *       *       blocked right target_gone
left-to-right  same     none     *       *       nothing
left-to-right  changed  same     *       *       update right city=L
left-to-right  changed  changed  *       *       update right city=L
left-to-right  changed  created  *       *       update right city=L
left-to-right  changed  deleted  *       *       blocked right target_gone
left-to-right  changed  none     *       *       update right city=L
left-to-right  created  same     *       *       conflict right match_taken
left-to-right  created  changed  *       *       conflict right match_taken
left-to-right  created  created  *       *       update right city=L
left-to-right  created  deleted  *       *       create right email=a@b.c name=Ada city=L | blocked right target_gone
left-to-right  created  none     *       *       create right email=a@b.c name=Ada city=L
left-to-right  deleted  same     *       ignore  nothing
left-to-right  deleted  same     *       mark    blocked right source_gone
left-to-right  deleted  same     *       delete  delete right
left-to-right  deleted  changed  *       ignore  nothing
left-to-right  deleted  changed  *       mark    blocked right source_gone
left-to-right  deleted  changed  *       delete  conflict right deleted_and_changed
left-to-right  deleted  created  *       ignore  nothing
left-to-right  deleted  created  *       mark    blocked right source_gone
left-to-right  deleted  created  *       delete  delete right
left-to-right  deleted  deleted  *       *       skip right both_gone
left-to-right  deleted  none     *       ignore  nothing
left-to-right  deleted  none     *       mark    blocked right source_gone
left-to-right  deleted  none     *       delete  delete right
left-to-right  none     same     *       *       nothing
left-to-right  none     changed  *       *       nothing
left-to-right  none     created  *       *       nothing
left-to-right  none     deleted  *       *       blocked right target_gone
left-to-right  none     none     *       *       nothing
right-to-left  same     same     *       *       nothing
right-to-left  same     changed  *       *       update left city=R
right-to-left  same     created  *       *       conflict left match_taken
right-to-left  same     deleted  *       ignore  nothing
right-to-left  same     deleted  *       mark    blocked left source_gone
right-to-left  same     deleted  *       delete  delete left
right-to-left  same     none     *       *       nothing
right-to-left  changed  same     *       *       nothing
right-to-left  changed  changed  *       *       update left city=R
right-to-left  changed  created  *       *       conflict left match_taken
right-to-left  changed  deleted  *       ignore  nothing
right-to-left  changed  deleted  *       mark    blocked left source_gone
right-to-left  changed  deleted  *       delete  conflict left deleted_and_changed
right-to-left  changed  none     *       *       nothing
right-to-left  created  same     *       *       nothing
right-to-left  created  changed  *       *       update left city=R
right-to-left  created  created  *       *       update left city=R
right-to-left  created  deleted  *       ignore  nothing
right-to-left  created  deleted  *       mark    blocked left source_gone
right-to-left  created  deleted  *       delete  delete left
right-to-left  created  none     *       *       nothing
right-to-left  deleted  same     *       *       blocked left target_gone
right-to-left  deleted  changed  *       *       blocked left target_gone
right-to-left  deleted  created  *       *       create left email=a@b.c name=Ada city=R | blocked left target_gone
right-to-left  deleted  deleted  *       *       skip left both_gone
right-to-left  deleted  none     *       *       blocked left target_gone
right-to-left  none     same     *       *       nothing
right-to-left  none     changed  *       *       update left city=R
right-to-left  none     created  *       *       create left email=a@b.c name=Ada city=R
right-to-left  none     deleted  *       ignore  nothing
right-to-left  none     deleted  *       mark    blocked left source_gone
right-to-left  none     deleted  *       delete  delete left
right-to-left  none     none     *       *       nothing
both           same     same     *       *       nothing
both           same     changed  *       *       update left city=R
both           same     created  *       *       conflict left match_taken
both           same     deleted  *       ignore  nothing
both           same     deleted  *       mark    blocked left source_gone
both           same     deleted  *       delete  delete left
both           same     none     *       *       nothing
both           changed  same     *       *       update right city=L
both           changed  changed  left    *       update right city=L
both           changed  changed  right   *       update left city=R
both           changed  changed  newest  *       update left city=R
both           changed  changed  ask     *       conflict right both_changed
both           changed  created  *       *       conflict left match_taken | update right city=L
both           changed  deleted  *       ignore  blocked right target_gone
both           changed  deleted  *       mark    blocked left source_gone
both           changed  deleted  *       delete  conflict left deleted_and_changed
both           changed  none     *       *       update right city=L
both           created  same     *       *       conflict right match_taken
both           created  changed  *       *       conflict right match_taken | update left city=R
both           created  created  left    *       update right city=L
both           created  created  right   *       update left city=R
both           created  created  newest  *       update left city=R
both           created  created  ask     *       conflict right both_changed
both           created  deleted  *       ignore  create right email=a@b.c name=Ada city=L
both           created  deleted  *       mark    create right email=a@b.c name=Ada city=L | blocked left source_gone
both           created  deleted  *       delete  create right email=a@b.c name=Ada city=L | delete left
both           created  none     *       *       create right email=a@b.c name=Ada city=L
both           deleted  same     *       ignore  nothing
both           deleted  same     *       mark    blocked right source_gone
both           deleted  same     *       delete  delete right
both           deleted  changed  *       ignore  blocked left target_gone
both           deleted  changed  *       mark    blocked right source_gone
both           deleted  changed  *       delete  conflict right deleted_and_changed
both           deleted  created  *       ignore  create left email=a@b.c name=Ada city=R
both           deleted  created  *       mark    create left email=a@b.c name=Ada city=R | blocked right source_gone
both           deleted  created  *       delete  create left email=a@b.c name=Ada city=R | delete right
both           deleted  deleted  *       *       skip right both_gone
both           deleted  none     *       ignore  nothing
both           deleted  none     *       mark    blocked right source_gone
both           deleted  none     *       delete  delete right
both           none     same     *       *       nothing
both           none     changed  *       *       update left city=R
both           none     created  *       *       create left email=a@b.c name=Ada city=R
both           none     deleted  *       ignore  nothing
both           none     deleted  *       mark    blocked left source_gone
both           none     deleted  *       delete  delete left
both           none     none     *       *       nothing
"""


def rows() -> list[tuple[str, ...]]:
    found = []
    for line in TABLE.strip().splitlines():
        *case, expected = line.split(maxsplit=5)
        found.append((*case, expected))
    return found


def covered(row: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return every case a line stands for."""
    direction, left, right, conflicts, deletes = row[:5]
    wins = CONFLICTS if conflicts == "*" else (conflicts,)
    return [
        (direction, left, right, *policies) for policies in product(wins, DELETES if deletes == "*" else (deletes,))
    ]


CASES = [(case, row[5]) for row in rows() for case in covered(row)]


def test_every_case_stands_in_the_table_exactly_once() -> None:
    told_cases = sorted(case for case, _ in CASES)
    assert told_cases == sorted(product(DIRECTIONS, STATES, STATES, CONFLICTS, DELETES))


@pytest.mark.parametrize(
    ("case", "expected"), CASES, ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_what_is_done(case: tuple[str, ...], expected: str) -> None:
    direction, left, right, conflicts, deletes = case
    says = terms(direction, conflicts, deletes)
    actions = [words for one in cases_of(left, right) for words in told(plan(one, says))]
    assert sorted(set(actions)) == sorted([] if expected == "nothing" else expected.split(" | "))


def cases_of(left: str, right: str) -> list[Pair | Lone]:
    """Return what a run would plan: the linked pair, if either side knows one, and each record that no link knows."""
    known = {"left": record("left", left), "right": record("right", right)}
    is_linked = {"same", "changed", "deleted"} & {left, right}
    found: list[Pair | Lone] = []
    if is_linked:
        found.append(
            Pair(7, *(partner(known, side, state) for side, state in (("left", left), ("right", right))), BASE)
        )
    found += [
        lone(known, side, bool(is_linked)) for side, state in (("left", left), ("right", right)) if state == "created"
    ]
    return found


def partner(known: dict[str, Any], side: str, state: str) -> Seen:
    """Return that side's record of the pair; where the table is about another one, the pair's own is as it was."""
    return record(side, "same") if state in ("created", "none") else known[side]  # type: ignore[no-any-return]


def record(side: str, state: str) -> Seen | None:
    if state == "none":
        return None
    id = f"{side} new" if state == "created" else side
    city = CITY[side] if state in ("changed", "created") else "X"
    return seen(id, city, modified=WHEN[side], deleted="gone" if state == "deleted" else "")


def lone(known: dict[str, Any], side: str, is_linked: bool) -> Lone:
    """Return the case of a new record: over there is nobody with its key, a new one, or one that is another's partner."""
    other = known["right" if side == "left" else "left"]
    if other is None or other.deleted:
        return Lone(side, known[side])  # type: ignore[arg-type]
    if is_linked:
        return Lone(side, known[side], found=(other.id,), taken=frozenset({other.id}))  # type: ignore[arg-type]
    return Lone(side, known[side], found=(other.id,), partner=other)  # type: ignore[arg-type]
