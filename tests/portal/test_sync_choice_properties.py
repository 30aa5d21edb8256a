"""A choice is obeyed exactly while it is about what is there: for any values, any base, any candidates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.types import JSON
from portal.sync.cases import Lone, Pair
from portal.sync.choices.choice import BOTH, DELETE, FIELDS, NEW, RETIRE, RETRY, WINNERS, Choice, choice_of, decision_of
from portal.sync.plan import plan
from tests.portal.test_sync_plan import BOTH as BOTH_WAYS
from tests.portal.test_sync_plan import pair, seen, terms

VALUES = st.sampled_from(["X", "Y", "Z", None])
WORDS = st.sampled_from(["several_matches", "match_taken", "doubled_key", "no_match_key", "target_gone"])


def asked(left: JSON, right: JSON, base: JSON) -> dict[str, JSON]:
    """What a person was shown of the city."""
    return {"city": {"rule": "c", "fields": ["city", "city"], "left": left, "right": right, "base": base}}


@given(VALUES, VALUES, VALUES, VALUES, VALUES, st.sampled_from(WINNERS))
def test_a_winner_is_obeyed_only_for_the_values_that_were_shown(
    left: JSON, right: JSON, base: JSON, shown_left: JSON, shown_right: JSON, winner: str
) -> None:
    case = pair(left, right, (base, base))
    choice = Choice(FIELDS, {"c": winner}, reason="both_changed", evidence=asked(shown_left, shown_right, [base, base]))
    before, after = plan(case, terms(BOTH_WAYS, "ask")), plan(replace(case, choices=(choice,)), terms(BOTH_WAYS, "ask"))
    is_same = (left, right) == (shown_left, shown_right)
    asks = any(action.kind == "conflict" for action in before)
    if not (asks and is_same):
        assert after == before, "nothing is done by a choice about something else, or about what is not asked"
        return
    assert not any(action.kind == "conflict" for action in after)
    written = {(action.side, name): value for action in after for name, value in action.values.items()}
    wanted = {"left": {("right", "city"): left}, "right": {("left", "city"): right}, BOTH: {}}[winner]
    assert written == wanted
    agreed = dict(after[0].base).get("c")
    assert agreed == {"left": (left, left), "right": (right, right), BOTH: (left, right)}[winner]


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from([DELETE, NEW, RETIRE, RETRY]))
def test_the_other_record_is_deleted_only_as_it_was_shown(version: int, shown: int, take: str) -> None:
    dead, living = replace(seen("L", "X"), deleted="gone"), replace(seen("R", "X"), version=version)
    case = Pair(7, dead, living, {}, choices=(Choice(take, version=shown, reason="source_gone"),))
    kinds = [action.kind for action in plan(case, terms(deletes="mark"))]
    assert ("delete" in kinds) == (take == DELETE and version == shown)


@given(st.lists(st.sampled_from("ABC"), unique=True), st.lists(st.sampled_from("ABC"), unique=True), WORDS)
def test_a_new_one_is_made_only_while_the_candidates_are_those_that_were_shown(
    now: list[str], then: list[str], reason: str
) -> None:
    def lone(found: list[str]) -> Lone:
        partner = seen(found[0], "X") if len(found) == 1 else None
        return Lone("left", replace(seen("L", "X"), key=("a@b.c",)), found=tuple(found), partner=partner)

    shown = next((action.evidence for action in plan(lone(then), terms()) if action.kind == "conflict"), {})
    choice = Choice(NEW, reason=reason, evidence=dict(shown))
    before, after = plan(lone(now), terms()), plan(replace(lone(now), choices=(choice,)), terms())
    obeyed = len(now) > 1 and reason == "several_matches" and sorted(now) == sorted(then)
    assert (after != before) == obeyed and (not obeyed or [action.kind for action in after] == ["create"])


@given(st.sampled_from([FIELDS, DELETE, NEW, RETRY]), st.dictionaries(st.text(min_size=1), st.sampled_from(WINNERS)), st.none() | st.integers(), st.text())  # fmt: skip
def test_what_is_kept_of_a_choice_is_the_choice(take: str, fields: dict[str, str], version: Any, record: str) -> None:
    choice = Choice(take, fields, record, version, "both_changed", {})
    assert choice_of(decision_of(choice), choice.reason, choice.evidence) == choice
