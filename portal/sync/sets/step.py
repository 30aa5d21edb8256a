"""What a sync set's run does next. PURE: how its members stand in, one step out. The rule: nothing is sent before every member that
can be planned is, and what depends on one that failed does not begin; what does not goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Stage = Literal["plan", "hold", "apply"]  # planning all; stopping all at their plans; carrying all out
Kind = Literal["work", "give_up", "stage", "rest", "close"]


@dataclass(frozen=True, slots=True)
class Member:
    """One mapping of the set in this run. `state` is "" where it has no run yet, "open", "awaiting", "done" (well or partly),
    "failed" (or stopped, or not begun). `planned`: its plan is made, so it may send. `tripped`: a guard would stop it. `rests`:
    open, but not before a time that is far ("long") or near ("short"). `needs`: the members it refers to that come before it."""

    name: str
    state: str = ""
    planned: bool = False
    tripped: bool = False
    rests: str = ""
    needs: frozenset[str] = frozenset()

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do for it as things are."""
        return self.state in ("awaiting", "done", "failed")


@dataclass(frozen=True, slots=True)
class Step:
    """Work on a member, give it up `because` of another ("": of itself), go to another stage, rest, or close."""

    kind: Kind
    name: str = ""
    because: str = ""
    stage: Stage = "plan"


def next_step(members: Sequence[Member], stage: Stage, *, stops: bool, passes: bool = False) -> Step:
    """Return the next step; the members stand in their order. `stops`: only a plan was asked for; `passes`: guards were
    approved before."""
    if stage == "plan":
        return _plan(members, stops, passes)
    return _hold(members) if stage == "hold" else _apply(members)


def _plan(members: Sequence[Member], stops: bool, passes: bool) -> Step:
    for member in members:
        if member.is_over or member.planned or member.rests:
            continue
        if lost := _lost(member, members):
            return Step("give_up", member.name, lost)
        if not _delayed(member, members):
            return Step("work", member.name)
    if any(member.rests == "short" and not member.planned for member in members):
        return Step("rest")
    held_up = any(member.planned and not member.is_over for member in members)
    tripped = any(member.tripped and not member.is_over for member in members)
    return Step("stage", stage="hold" if held_up and (stops or (tripped and not passes)) else "apply")


def _hold(members: Sequence[Member]) -> Step:
    for member in members:
        if not member.is_over:
            return Step("work" if member.planned else "give_up", member.name)
    return Step("close")


def _apply(members: Sequence[Member]) -> Step:
    unplanned = False
    for member in members:
        if member.is_over or member.rests:
            continue
        if lost := _lost(member, members):
            return Step("give_up", member.name, lost)
        if _delayed(member, members):
            continue
        if member.planned:
            return Step("work", member.name)
        unplanned = True
    if unplanned:
        return Step("stage", stage="plan")
    return Step("rest" if any(not member.is_over for member in members) else "close")


def _lost(member: Member, members: Sequence[Member]) -> str:
    """Return which of those it needs has failed; "" for none."""
    return next((other.name for other in members if other.name in member.needs and other.state == "failed"), "")


def _delayed(member: Member, members: Sequence[Member]) -> bool:
    """Say whether one that it needs rests, or has no plan because of another that does."""
    return any(other.name in member.needs and bool(other.rests) for other in members)
