"""What a set's run does next, as a table; and that whatever happens to its members it comes to an end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sync.sets.step import Member, Stage, Step, next_step

A, B, C = Member("a"), Member("b", needs=frozenset("a")), Member("c")


def so(member: Member, state: str = "", **how: object) -> Member:
    return replace(member, state=state, **how)  # type: ignore[arg-type]


READY = {"state": "open", "planned": True}
TABLE: list[tuple[Stage, list[Member], Step]] = [
    # all are planned before anything is sent
    ("plan", [A, B, C], Step("work", "a")),
    ("plan", [so(A, **READY), B, C], Step("work", "b")),  # type: ignore[arg-type]
    ("plan", [so(A, **READY), so(B, "done"), C], Step("work", "c")),  # type: ignore[arg-type]
    ("plan", [so(A, **READY), so(B, **READY)], Step("stage", stage="apply")),  # type: ignore[arg-type]
    ("plan", [so(A, "done"), so(B, "done")], Step("stage", stage="apply")),
    # a guard of one stops all of them
    ("plan", [so(A, **READY), so(B, tripped=True, **READY)], Step("stage", stage="hold")),  # type: ignore[arg-type]
    ("hold", [so(A, **READY), so(B, **READY)], Step("work", "a")),  # type: ignore[arg-type]
    ("hold", [so(A, "awaiting"), so(B, "open", rests="long")], Step("give_up", "b")),
    ("hold", [so(A, "awaiting"), so(B, "done")], Step("close")),
    # one that fails takes those with it that need it, and no others
    ("plan", [so(A, "failed"), B, C], Step("give_up", "b", "a")),
    ("plan", [so(A, "failed"), so(B, "failed"), C], Step("work", "c")),
    ("apply", [so(A, "failed"), so(B, **READY), so(C, **READY)], Step("give_up", "b", "a")),  # type: ignore[arg-type]
    ("apply", [so(A, "awaiting"), so(B, **READY)], Step("work", "b")),  # type: ignore[arg-type]
    # one that is postponed is waited for a little; then what does not need it goes on
    ("plan", [so(A, "open", rests="short"), B, C], Step("work", "c")),
    ("plan", [so(A, "open", rests="short"), B, so(C, **READY)], Step("rest")),  # type: ignore[arg-type]
    ("plan", [so(A, "open", rests="long"), B, so(C, **READY)], Step("stage", stage="apply")),  # type: ignore[arg-type]
    ("apply", [so(A, "open", rests="long"), B, so(C, **READY)], Step("work", "c")),  # type: ignore[arg-type]
    ("apply", [so(A, "open", rests="long"), B, so(C, "done")], Step("rest")),
    ("apply", [so(A, "open"), B, so(C, "done")], Step("stage", stage="plan")),
    ("apply", [so(A, planned=True, state="open", rests="short"), so(B, **READY)], Step("rest")),  # type: ignore[arg-type]
    ("apply", [so(A, "done"), so(B, "done")], Step("close")),
]


@pytest.mark.parametrize(("stage", "members", "expected"), TABLE)
def test_the_next_step(stage: Stage, members: list[Member], expected: Step) -> None:
    assert next_step(members, stage, stops=False) == expected


def test_a_plan_that_was_asked_for_stops_all_and_approved_guards_stop_none() -> None:
    planned = [so(A, **READY), so(B, tripped=True, **READY)]  # type: ignore[arg-type]
    assert next_step(planned, "plan", stops=True) == Step("stage", stage="hold")
    assert next_step(planned, "plan", stops=False, passes=True) == Step("stage", stage="apply")
    assert next_step([so(A, "done")], "plan", stops=True) == Step("stage", stage="apply"), "nothing is planned"


FATES = st.sampled_from(["planned", "tripped", "done", "failed", "short", "long", "slow"])
GOES = st.sampled_from(["done", "awaiting", "failed", "short", "long", "slow"])
NEEDS = st.lists(st.booleans(), min_size=3, max_size=3)


@given(st.data(), NEEDS, st.booleans(), st.booleans())
def test_every_set_comes_to_an_end_and_nothing_is_sent_before_all_is_planned(
    data: st.DataObject, needs: list[bool], stops: bool, passes: bool
) -> None:
    ab, ac, bc = needs
    members = {
        "a": Member("a"),
        "b": Member("b", needs=frozenset("a" * ab)),
        "c": Member("c", needs=frozenset("a" * ac + "b" * bc)),
    }
    stage: Stage = "plan"
    for turn in range(200):
        step = next_step(list(members.values()), stage, stops=stops, passes=passes)
        if step.kind == "close":
            assert all(member.is_over for member in members.values())
            return
        if step.kind == "stage":
            assert step.stage != stage
            stage = step.stage
        elif step.kind == "rest":
            assert any(member.rests for member in members.values())
            members = {name: replace(member, rests="") for name, member in members.items()}
        elif step.kind == "give_up":
            members[step.name] = replace(members[step.name], state="failed", rests="")
        else:
            members[step.name] = worked(members[step.name], stage, data, calm=turn > 60)
    raise AssertionError("it never ended")


def worked(member: Member, stage: Stage, data: st.DataObject, *, calm: bool) -> Member:
    """Return the member after a slice."""
    assert not member.is_over and not member.rests
    if stage == "hold":
        assert member.planned
        return replace(member, state="awaiting")
    assert (stage == "apply") == member.planned, "what has no plan sends nothing"
    fate = "done" if calm else data.draw(GOES if member.planned else FATES)
    if fate in ("short", "long"):
        return replace(member, state="open", rests=fate)
    if fate == "slow":
        return replace(member, state="open")
    if fate in ("planned", "tripped"):
        return replace(member, state="open", planned=True, tripped=fate == "tripped")
    return replace(member, state=fate)
