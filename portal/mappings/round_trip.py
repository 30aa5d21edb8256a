"""Which values do not come back as they were: A becomes B by a rule, is spelled by B's server, and becomes A again. PURE: records in,
what was lost out; no CRM is asked. The rule: what cannot be carried over at all is the other checks' to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.errors import RecordInvalid
from connectors.types import JSON, FieldSchema, Values
from connectors.wording import text as _
from portal.mappings.compare import comparable_of
from portal.mappings.definition import Definition, Rule
from portal.mappings.findings import Finding
from portal.mappings.transform import ABSENT, OTHER, Means, Side, carried, held

Stored = Callable[[FieldSchema, JSON], JSON]  # a value -> as its server tells it after a write; raises RecordInvalid
LONGEST = 60  # characters of an example


@dataclass(frozen=True, slots=True)
class Trip:
    """One value that does not come back: what it is, what it becomes on the other side, and what comes back of that; `why`
    nothing does, "" where something else comes."""

    value: JSON
    becomes: JSON
    back: JSON
    why: str = ""


def check_round_trip(
    definition: Definition, samples: Mapping[Side, Sequence[Values]], means: Means, stored: Mapping[Side, Stored]
) -> Iterator[Finding]:
    """Yield a warning for each rule that goes both ways and side whose values do not all come back, with an example."""
    for number, rule in enumerate(definition.rules):
        if len(definition.targets_of(rule)) < len(OTHER) or not (rule.left and rule.right):
            continue
        for side in OTHER:
            lost = [trip for values in samples[side] if (trip := round_trip(rule, values, side, means, stored))]
            if lost:
                yield Finding(
                    "warning", f"fields[{number}]", _told(lost[0], len(lost), len(samples[side]), side, means)
                )


def round_trip(rule: Rule, values: Values, side: Side, means: Means, stored: Mapping[Side, Stored]) -> Trip | None:
    """Return what becomes of the record's value on its way to the other side and back; None where it comes back the same, or
    does not get there."""
    other, value = OTHER[side], held(rule, values, side, means)
    if value is ABSENT or value is None:
        return None
    try:
        there = _written(rule, carried(rule, values, side, means), other, means, stored)
    except RecordInvalid:
        return None
    try:
        back = _written(rule, carried(rule, {rule.at(other): there}, other, means), side, means, stored)
    except RecordInvalid as e:
        return Trip(value, there, None, next(iter(e.fields.values()), e.message))
    again = held(rule, {rule.at(side): back}, side, means)
    region = means.places[side].region
    if comparable_of(rule, value, side, region) == comparable_of(rule, again, side, region):
        return None
    return Trip(value, there, again)


def _written(rule: Rule, value: JSON, side: Side, means: Means, stored: Mapping[Side, Stored]) -> JSON:
    """Return the value as the server of that side tells it once it has it; as it is where it would be refused."""
    field = means.places[side].schema.field(rule.at(side))
    if field is None or value is None:
        return value
    try:
        return stored[side](field, value)
    except RecordInvalid:
        return value


def _told(trip: Trip, lost: int, looked_at: int, side: Side, means: Means) -> str:
    counts = {"lost": str(lost), "count": str(looked_at), "module": means.places[side].schema.module.label}
    ends = {"value": _shown(trip.value), "there": _shown(trip.becomes)}
    if trip.why:
        return _(
            "cannot come back, in %(lost)s of %(count)s records of %(module)s: %(value)s becomes %(there)s, and then: %(why)s",
            **counts, **ends, why=trip.why,
        )  # fmt: skip
    return _(
        "does not come back as it was, in %(lost)s of %(count)s records of %(module)s: %(value)s becomes %(there)s and comes back as %(back)s.",
        **counts, **ends, back=_shown(trip.back),
    )  # fmt: skip


def _shown(value: JSON) -> str:
    parts = value if isinstance(value, list) else [] if value is None else [value]
    text = ", ".join(_line(part) if isinstance(part, dict) else str(part) for part in parts)
    return f"“{text if len(text) <= LONGEST else text[:LONGEST] + '…'}”"


def _line(line: Mapping[str, JSON]) -> str:
    return " · ".join(str(value) for value in line.values() if value is not None)
