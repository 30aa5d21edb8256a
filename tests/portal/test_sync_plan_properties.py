"""What holds of the plan of any pair, whatever its records, base, direction and policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.types import JSON
from portal.sync.cases import OTHER, SIDES, Action, Pair, Seen, Terms
from portal.sync.plan import plan
from tests.portal.test_sync_plan import ABSENT, seen, terms

FIELDS = {"c": "city", "n": "name"}
VALUES = st.sampled_from(["X", "Y", "Z", None, ABSENT])
BASES = st.none() | st.tuples(st.sampled_from(["X", "Y", None]), st.sampled_from(["X", "Y", None]))
SAID = st.builds(
    terms,
    st.sampled_from(["left-to-right", "right-to-left", "both"]),
    st.sampled_from(["left", "right", "newest", "ask"]),
    may_clear=st.booleans(),
)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    left, right = (seen(side, draw(VALUES), name=draw(VALUES), modified=draw(WHEN)) for side in SIDES)
    base = {rule: value for rule in FIELDS if (value := draw(BASES)) is not None}
    return Pair(7, left, right, {"e": ("a@b.c", "a@b.c"), **base})


WHEN = st.sampled_from(["", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T13:00:00Z"])


def carried_out(pair: Pair, actions: tuple[Action, ...]) -> Pair:
    """Return the pair once everything was done as planned."""
    sides: dict[str, Seen] = {side: pair.at(side) for side in SIDES}
    base: dict[str, Any] = dict(pair.base)
    for action in actions:
        sides[action.side] = replace(sides[action.side], values={**sides[action.side].values, **action.values})
        base |= action.base
    return Pair(pair.link, sides["left"], sides["right"], base)


def written(actions: tuple[Action, ...]) -> list[tuple[str, str, JSON]]:
    return [(action.side, name, value) for action in actions for name, value in action.values.items()]


@given(pairs(), SAID)
def test_once_carried_out_nothing_more_is_written(pair: Pair, says: Terms) -> None:
    after = carried_out(pair, plan(pair, says))
    assert written(plan(after, says)) == []


@given(pairs(), SAID)
def test_a_field_that_was_not_carried_is_no_change_and_is_written_nowhere(pair: Pair, says: Terms) -> None:
    for side, name, _value in written(plan(pair, says)):
        assert name in pair.values(OTHER[side])  # type: ignore[index]


@given(pairs(), SAID)
def test_nothing_is_emptied_unless_the_rule_may_clear_and_both_once_agreed(pair: Pair, says: Terms) -> None:
    rules: Mapping[str, Any] = {rule.left: rule for rule in says.definition.rules}
    for _side, name, value in written(plan(pair, says)):
        assert value is not None or (rules[name].may_clear and rules[name].uuid in pair.base)


@given(pairs(), SAID)
def test_only_sides_that_the_mapping_writes_are_written_and_only_with_the_other_sides_values(
    pair: Pair, says: Terms
) -> None:
    for side, name, value in written(plan(pair, says)):
        assert says.writes(side) and value == pair.values(OTHER[side])[name]  # type: ignore[arg-type, index]


@given(pairs(), SAID)
def test_a_side_that_is_as_both_agreed_never_overwrites_one_that_changed(pair: Pair, says: Terms) -> None:
    for side, name, _value in written(plan(pair, says)):
        uuid = next(rule for rule, field in FIELDS.items() if field == name)
        if uuid in pair.base:
            source = OTHER[side]  # type: ignore[index]
            assert pair.values(source)[name] != pair.base[uuid][SIDES.index(source)]
