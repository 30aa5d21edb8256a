"""What becomes of a value on its way to the other side, step by step, for people to see. PURE: it asks the same parts that
`transform` is made of, so that what is shown is what happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from connectors.errors import RecordInvalid
from connectors.types import JSON, Values
from portal.mappings.definition import Rule
from portal.mappings.transform import ABSENT, BROKEN, LISTS, OTHER, Means, NoPartner, Side, carried, held, unlisted

Kind = Literal["field", "value", "expression", "table", "adds", "partner", "made", "absent", "waits", "error"]


@dataclass(frozen=True, slots=True)
class Step:
    """What there is after one step. `name` is of the field read ("field") or written ("made", "absent": nothing is written,
    for the answer did not carry the source), of the value table or of the linked mapping, or the expression's text; "adds": what the field's list lacks of it. "waits"
    and "error" are the last: their `value` says why there is no value."""

    kind: Kind
    name: str
    value: JSON


def trace(rule: Rule, values: Values, source: Side, means: Means) -> tuple[Step, ...]:
    """Return how the rule makes the other side's value of this record: what it begins with, each value between, the end."""
    return (
        *_begin(rule, values, source, means),
        *_between(rule, values, source, means),
        _end(rule, values, source, means),
    )


def _begin(rule: Rule, values: Values, source: Side, means: Means) -> Iterator[Step]:
    if rule.source == "value":
        yield Step("value", "", rule.value)
    elif rule.source == "expression":
        for name in _reads(rule, means):
            if name in values:
                yield Step("field", name, values[name])
    elif rule.at(source) in values:
        yield Step("field", rule.at(source), values[rule.at(source)])


def _between(rule: Rule, values: Values, source: Side, means: Means) -> Iterator[Step]:
    value = held(rule, values, source, means)
    if value is ABSENT or value is BROKEN:
        return
    if rule.source == "expression":
        yield Step("expression", rule.expression, value)
    elif value is None or rule.source == "value":
        return
    elif rule.source == "reference":
        partner = means.partner(rule.mapping, source, str(value))
        if partner is not None:
            yield Step("partner", rule.mapping, partner)
    elif rule.table:
        yield from _looked_up(rule, value, source, means)


def _looked_up(rule: Rule, value: JSON, source: Side, means: Means) -> Iterator[Step]:
    try:
        made = means.look_up(rule.table, value, OTHER[source])
    except ValueError:  # the end says what is wrong
        return
    yield Step("table", rule.table, made)
    place = means.places[OTHER[source]]
    target = place.schema.field(rule.at(OTHER[source]))
    if target is not None and place.appends and means.tables[rule.table].unlisted == "append" and target.type in LISTS:
        lacking = unlisted(made, target) if target.choices else []
        yield from [Step("adds", target.name, lacking)] if lacking else []


def _end(rule: Rule, values: Values, source: Side, means: Means) -> Step:
    name = rule.at(OTHER[source])
    try:
        value = carried(rule, values, source, means)
    except RecordInvalid as e:
        return Step("waits" if isinstance(e, NoPartner) else "error", name, e.fields.get(name, e.message))
    return Step("absent", name, None) if value is ABSENT else Step("made", name, value)


def _reads(rule: Rule, means: Means) -> list[str]:
    try:
        return sorted(means.reads(rule.expression))
    except ValueError:  # an expression that is not understood: the end says so
        return []
