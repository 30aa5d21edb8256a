"""What comparing two records comes to, and why: the table, and what holds for whatever they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from portal.sync.cases import Lone, Pair
from portal.sync.plan import plan
from portal.sync.reconciling.differences import WHYS, compare, differences
from tests.portal.test_sync_plan import ABSENT, BOTH, GONE, TO_LEFT, TO_RIGHT, pair, seen, terms

TABLE: list[tuple[str, Any, Any, Any, str]] = [
    (TO_RIGHT, "X", "X", ("X", "X"), ""),
    (TO_RIGHT, "X ", "X", None, ""),  # what makes no difference to a comparison makes none here
    (TO_RIGHT, "Y", "X", ("X", "X"), "next_run"),
    (TO_RIGHT, "X", "Y", ("X", "X"), "edited_there"),
    (TO_RIGHT, "X", "x!", ("X", "x!"), "kept"),
    (TO_RIGHT, None, "Y", ("X", "Y"), "not_cleared"),
    (TO_RIGHT, None, "Y", None, "not_cleared"),
    (TO_RIGHT, ABSENT, "Y", ("X", "X"), ""),
    (TO_LEFT, "X", "Y", ("X", "X"), "next_run"),
    (TO_LEFT, "Y", "X", ("X", "X"), "edited_there"),
    (BOTH, "X", "Y", ("X", "X"), "next_run"),
    (BOTH, "X", "Y", ("X", "Y"), "kept"),
    (BOTH, "Y", "Z", ("X", "X"), "next_run"),  # by the policy
]


@pytest.mark.parametrize(("direction", "left", "right", "base", "why"), TABLE)
def test_a_pair_is_equal_or_it_is_said_why_not(direction: str, left: Any, right: Any, base: Any, why: str) -> None:
    found = compare(pair(left, right, base), "left", terms(direction))
    assert found is not None
    assert (found.kind, found.why) == ("differ" if why else "equal", why)
    assert [d.fields for d in found.fields] == ([("city", "city")] if why else [])


def test_what_a_person_has_to_decide_comes_first() -> None:
    found = compare(pair("Y", "Z", ("X", "X")), "left", terms(BOTH, "ask"))
    assert found is not None and found.why == "both_changed"


def test_a_linked_record_that_left_its_filter_says_so() -> None:
    case = pair("Y", "X", ("X", "X"))
    found = compare(replace(case, left=seen("L", "Y", inside=False)), "left", terms())
    assert found is not None and found.why == "outside"


def test_a_value_that_cannot_be_made_says_so() -> None:
    found = compare(replace(pair("X", "X", ("X", "X")), left=seen("L", name="x" * 11)), "left", terms())
    assert found is not None and [(d.fields[0], d.why) for d in found.fields] == [("name", "cannot_convert")]


@pytest.mark.parametrize(
    ("lone", "direction", "why"),
    [
        (Lone("left", seen("L")), TO_RIGHT, "next_run"),
        (Lone("left", seen("L", email=None)), TO_RIGHT, "no_match_key"),
        (Lone("left", seen("L", inside=False)), TO_RIGHT, "outside"),
        (Lone("left", seen("L"), own=("M",)), TO_RIGHT, "doubled_key"),
        (Lone("left", seen("L"), found=("R", "S")), TO_RIGHT, "several_matches"),
        (Lone("left", seen("L"), found=("R",), partner=seen("R")), TO_RIGHT, "matched_next_run"),
        (Lone("right", seen("R")), TO_RIGHT, "one_way"),
        (Lone("right", seen("R")), BOTH, "next_run"),
        (Pair(7, seen("L"), None), TO_RIGHT, "no_copy"),
        (Pair(7, seen("L"), seen("R", deleted="gone")), TO_RIGHT, "partner_deleted"),
        (Pair(7, seen("L"), seen("R"), state="retired"), TO_RIGHT, "retired"),
    ],
)
def test_a_record_without_partner_says_why(lone: Any, direction: str, why: str) -> None:
    side = lone.side if isinstance(lone, Lone) else "left"
    found = compare(lone, side, terms(direction))
    assert found is not None and (found.kind, found.why) == (f"{side}_only", why)


def test_a_deleted_record_is_nobody_and_the_left_one_speaks_for_a_pair() -> None:
    assert compare(pair(GONE, GONE, None), "left", terms()) is None
    assert compare(pair("X", "Y", None), "right", terms()) is None
    found = compare(pair(GONE, "X", None), "right", terms())
    assert found is not None and found.kind == "right_only"


cities = st.sampled_from([None, ABSENT, "X", "Y", "Y ", "y"])
agreed = st.none() | st.tuples(*[st.sampled_from([None, "X", "Y"])] * 2)


@given(
    st.sampled_from([TO_RIGHT, TO_LEFT, BOTH]), st.sampled_from(["left", "right", "ask", "newest"]), st.booleans(),
    st.sampled_from(["", "case"]), cities, cities, agreed,
)  # fmt: skip
@how(max_examples=400, deadline=None)
def test_every_difference_has_one_reason_and_a_plan_that_writes_has_a_difference(
    direction: str, policy: str, may_clear: bool, by: str, left: Any, right: Any, base: Any
) -> None:
    said = terms(direction, policy, may_clear=may_clear, compare=by)
    case = pair(left, right, base)
    found = {difference.fields[1]: difference.why for difference in differences(case, said)}
    assert set(found.values()) <= set(WHYS)
    for action in plan(case, said):
        if action.kind == "update" and ABSENT not in (left, right):
            assert found == {"city": "next_run"}
        if action.kind == "conflict":
            assert found == {"city": "both_changed"}
    if "next_run" in found.values():
        assert [action.kind for action in plan(case, said)] == ["update"]
