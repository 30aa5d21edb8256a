"""What a person chose about a record that waited. PURE. The rule: a choice is obeyed only while it is about the same: the
values, the base and the candidates that were shown are those that are there now; else it is asked anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.types import JSON

BOTH: Final = "both"  # of a field: both sides keep what they hold
WINNERS: Final = ("left", "right", BOTH)
FIELDS: Final = "fields"  # field by field, as `Choice.fields` says
DELETE: Final = "delete"  # the other record too
NEW: Final = "new"  # make the record (again) on the other side
RETIRE: Final = "retire"  # never sync it again
JOIN: Final = "join"  # this record is it
RETRY: Final = "retry"  # look again now
# Nobody knows whether a create arrived. Whoever says that it did not has looked in the CRM: it is made whoever holds its key.
UNCLEAR: Final = frozenset({"outcome_unclear", "cannot_look_up", "already_linked"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose, and about what. `fields`: rule uuid -> "left", "right" or "both"; `record`: the one to join;
    `version`: of the living record, as it was shown; `reason` and `evidence`: of the entry that waited."""

    take: str
    fields: Mapping[str, str] = field(default_factory=dict)
    record: str = ""
    version: int | None = None
    reason: str = ""
    evidence: Mapping[str, JSON] = field(default_factory=dict)


def choice_of(decision: Mapping[str, JSON], reason: str, evidence: Mapping[str, JSON]) -> Choice:
    """Return the choice that an entry keeps as its decision."""
    take, fields = decision.get("take", ""), decision.get("fields", {})
    return Choice(take, fields, decision.get("record", ""), decision.get("version"), reason, evidence)


def decision_of(choice: Choice) -> dict[str, JSON]:
    """Return what an entry keeps of a choice about it."""
    told = {"fields": dict(choice.fields), "record": choice.record, "version": choice.version}
    return {"take": choice.take, **{name: value for name, value in told.items() if value not in ({}, "", None)}}


def taken(choices: Sequence[Choice], rule: str, ask: Mapping[str, JSON]) -> str | None:
    """Return who wins a field that both sides changed; None where nobody chose, or something else was shown. The last
    choice holds."""
    shown = [choice for choice in choices if ask in choice.evidence.values()]
    return next((choice.fields[rule] for choice in reversed(shown) if rule in choice.fields), None)


def deletes(choices: Sequence[Choice], version: int) -> bool:
    """Say whether the living record of a pair is to be deleted too: only as it was shown."""
    return any(choice.take == DELETE and choice.version == version for choice in choices)


def makes_new(choices: Sequence[Choice], reason: str = "", evidence: Mapping[str, JSON] | None = None) -> bool:
    """Say whether a record is to be made on the other side although, for this reason, its partner cannot be told."""
    new = [choice for choice in choices if choice.take == NEW]
    return any(c.reason in UNCLEAR or (c.reason == reason and c.evidence == (evidence or {})) for c in new)
