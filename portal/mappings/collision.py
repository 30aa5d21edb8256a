"""What two people made of the same part of a mapping at the same time. PURE. The rule: nothing of either is lost without a word; for
each thing that differs a person says whose shall hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.definition import Definition, Rule
from portal.mappings.diff import policies_in_words, rule_in_words

# A page of the mapping -> the parts of the definition it changes.
PARTS: Mapping[str, tuple[str, ...]] = {
    "match": ("match",),
    "fields": ("rules",),
    "policies": ("left", "right", "direction", "conflict_policy", "delete_policy", "leaving", "marker", "guards"),
    "schedule": ("name", "schedule"),
}
Who = Literal["me", "them", "both"]


@dataclass(frozen=True, slots=True)
class Clash:
    """One thing that is different: what it is, how it reads as it was ("" nothing, also where that is not known any more),
    as I have it and as they have it, and who changed it."""

    key: str
    what: str
    before: str
    mine: str
    theirs: str
    changed_by: Who


def clashes(base: Definition | None, mine: Definition, theirs: Definition, page: str) -> list[Clash]:
    """Return everything of that page which I or they changed since `base`; where that is not known, what differs."""
    facts = [_facts(said, page, theirs) if said else {} for said in (base, mine, theirs)]
    words = [_words(said, page, theirs) if said else {} for said in (base, mine, theirs)]
    found = []
    for key in dict.fromkeys([*facts[0], *facts[2], *facts[1]]):
        before, me, them = (fact.get(key) for fact in facts)
        if me == them and base is None or me == them == before:
            continue
        by: Who = "both" if base is None or before not in (me, them) else "them" if before == me else "me"
        what = next(said[key][0] for said in words if key in said)
        was, my, their = (said[key][1] if key in said else "" for said in words)
        found.append(Clash(key, what, was, my, their, by))
    return found


def chosen(mine: Definition, theirs: Definition, page: str, keys: Collection[str]) -> Definition:
    """Return what they say, with what these keys name as I have it."""
    facts = _facts(theirs, page, theirs)
    own = _facts(mine, page, theirs)
    for key in keys:
        if key in own:
            facts[key] = own[key]
        else:
            facts.pop(key, None)
    if page == "fields":
        return replace(theirs, rules=tuple(facts.values()))
    return replace(theirs, **facts)


def _facts(said: Definition, page: str, theirs: Definition) -> dict[str, JSON]:
    """Return key -> what is said, thing by thing: each rule is one."""
    if page != "fields":
        return {name: getattr(said, name) for name in PARTS[page]}
    return {_key(rule, theirs): replace(rule, uuid="") for rule in said.rules}


def _words(said: Definition, page: str, theirs: Definition) -> dict[str, tuple[str, str]]:
    """Return key -> what it is, and how it reads."""
    if page == "fields":
        return {_key(rule, theirs): (_("Rule"), rule_in_words(rule, said.direction)) for rule in said.rules}
    words = policies_in_words(said)
    return {name: words[name] for name in PARTS[page]}


def _key(rule: Rule, theirs: Definition) -> str:
    """Return by what a rule is known in all three: its number; a new one by its fields, as they may have added the same."""
    if rule.uuid:
        return f"rule:{rule.uuid}"
    same = next((known.uuid for known in theirs.rules if (known.left, known.right) == (rule.left, rule.right)), "")
    return f"rule:{same}" if same else f"rule:{rule.left}={rule.right}"
