"""What of a filter Vtiger's query language can carry. The rule: what is asked of the server is never narrower than the filter, and
`exact` says when it is the filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from connectors.query import And, Condition, Filter, Not, Op, Or, matches, narrowing_pattern, split, to_dnf
from connectors.types import DAY_TYPES, JSON, NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from connectors.values import from_utc
from connectors.vtiger.client import ID
from connectors.vtiger.vtql import PAGE, Groups, literal, one_of, where

MOST_CONDITIONS = 30
LONGEST_WHERE = 5000  # characters once encoded: Apache takes 8190 for a whole request line (A7)
HOUR = timedelta(hours=1)
TEXTS = TEXT_TYPES | {FieldType.CHOICE, FieldType.MULTICHOICE}
REFERENCES = frozenset({FieldType.ID, FieldType.REFERENCE, FieldType.OWNER})
EXACTLY_SORTED = (
    NUMBER_TYPES | DAY_TYPES | {FieldType.BOOLEAN, FieldType.TIME, FieldType.ID}
)  # text: by a collation unknown
# An empty column may hold NULL or one of these, which reads as empty (or not): a condition that it meets is not exact.
ZERO: dict[FieldType, JSON] = {
    **dict.fromkeys(NUMBER_TYPES, "0"),
    FieldType.BOOLEAN: False,
    FieldType.DATE: "0000-00-00",
    FieldType.DATETIME: "0000-00-00T00:00:00Z",
}
SIGNS = {Op.EQ: "=", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What of a filter the server is asked, and whether that is all of it (else each row is tested here again)."""

    groups: Groups = ((),)
    exact: bool = True


def push(filter: Filter | None, schema: ModuleSchema, zone: str) -> Pushed:
    """Return the part of the filter that VTQL can carry; `zone` is the server's, in which its stamps are."""

    def render(condition: Condition) -> tuple[str, bool] | None:
        field = schema.field(condition.field)
        if field is None or any(value in (None, "") for value in condition.values):
            return None
        found = _rendered(field, condition, zone)
        zero = {field.name: ZERO.get(field.type)}
        return found and (
            found[0],
            found[1] and not (zero[field.name] is not None and matches(condition, zero, schema)),
        )

    wider, local = split(_alternatives(filter, schema), lambda condition: render(condition) is not None)
    groups = to_dnf(wider, MOST_CONDITIONS)
    if groups is None:
        return Pushed(exact=False)
    told = [[render(condition) or ("", False) for condition in group] for group in groups]
    asked = tuple(tuple(text for text, _ in group) for group in told)
    if not asked or len(quote(where(asked))) > LONGEST_WHERE:
        return Pushed(exact=False)  # "none of these" has no spelling either
    return Pushed(asked, exact=local is None and all(exact for group in told for _, exact in group))


def _alternatives(filter: Filter | None, schema: ModuleSchema) -> Filter | None:
    """Return the filter with `in` on text written as alternatives, since each of them becomes a LIKE of its own."""
    if isinstance(filter, Not):
        return Not(_alternatives(filter.part, schema) or And(()))
    if isinstance(filter, And | Or):
        return type(filter)(tuple(_alternatives(part, schema) or And(()) for part in filter.parts))
    field = schema.field(filter.field) if filter is not None else None
    if filter is None or field is None or field.type not in TEXTS or filter.op not in (Op.IN, Op.NOT_IN):
        return filter
    each = Or(tuple(Condition(filter.field, Op.EQ, (value,)) for value in filter.values))
    return each if filter.op is Op.IN else Not(each)


def _rendered(field: FieldSchema, condition: Condition, zone: str) -> tuple[str, bool] | None:
    """Return a condition in VTQL and whether it is exact, or None when the server must not be asked."""
    for types, render in _RENDERERS:
        if field.type in types:
            return render(field, condition, zone)
    return None


def _text(field: FieldSchema, condition: Condition, zone: str) -> tuple[str, bool] | None:
    if condition.op is Op.NOT_EMPTY:
        return f"{field.name} LIKE '_%'", field.type is not FieldType.MULTICHOICE  # " |##| " is there and says nothing
    if condition.op not in (Op.EQ, Op.CONTAINS, Op.STARTS, Op.ENDS):
        return None
    pattern = narrowing_pattern(str(condition.values[0]))
    if pattern is None:
        return None
    whole = field.type is not FieldType.MULTICHOICE
    before = "" if whole and condition.op in (Op.EQ, Op.STARTS) else "%"
    after = "" if whole and condition.op in (Op.EQ, Op.ENDS) else "%"
    return f"{field.name} LIKE {literal((before + pattern + after).replace('%%', '%'))}", False


def _reference(field: FieldSchema, condition: Condition, zone: str) -> tuple[str, bool] | None:
    if condition.op not in (Op.EQ, Op.IN) or not all(ID.fullmatch(str(value)) for value in condition.values):
        return None
    if not 0 < len(condition.values) <= PAGE:
        return None
    return one_of(field.name, [str(value) for value in condition.values]), False  # it compares what follows the x only


def _boolean(field: FieldSchema, condition: Condition, zone: str) -> tuple[str, bool] | None:
    if condition.op is not Op.EQ:
        return None
    return f"{field.name} = '{1 if condition.values[0] else 0}'", True


def _compared(field: FieldSchema, condition: Condition, zone: str) -> tuple[str, bool] | None:
    """Render numbers, dates and date-times, which the server compares as we do."""
    wire = [_spelt(field, value, zone) for value in condition.values]
    values = [value for value in wire if value is not None]
    if len(values) < len(wire) or not values:
        return None
    if condition.op in SIGNS:
        return f"{field.name} {SIGNS[condition.op]} {literal(values[0])}", True
    if condition.op is Op.BETWEEN:
        return f"{field.name} >= {literal(values[0])} AND {field.name} <= {literal(values[1])}", True
    if condition.op is Op.IN and len(values) <= PAGE:
        return one_of(field.name, values), True
    return None


def _spelt(field: FieldSchema, value: JSON, zone: str) -> str | None:
    """Return the value as the server writes it, or None for the hour after its clocks were changed: there one moment may
    be written in two ways, or two moments in one."""
    if field.type is not FieldType.DATETIME:
        return str(value)
    try:
        moment = datetime.fromisoformat(str(value))
        local, before = (from_utc(at.isoformat(), zone) for at in (moment, moment - HOUR))
    except (ValueError, OverflowError):
        return None
    return local if datetime.fromisoformat(local) - datetime.fromisoformat(before) == HOUR else None


_Render = Callable[[FieldSchema, Condition, str], tuple[str, bool] | None]
_RENDERERS: tuple[tuple[frozenset[FieldType], _Render], ...] = (
    (TEXTS, _text),
    (REFERENCES, _reference),
    (frozenset({FieldType.BOOLEAN}), _boolean),
    (NUMBER_TYPES | DAY_TYPES, _compared),
)
