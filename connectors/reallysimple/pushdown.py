"""Which part of a filter Really Simple Systems is asked, as its `q`. The rule: never narrower than the filter, and called
exact only where the server's comparison is ours; the rest is evaluated here.

What is not documented is not relied on: how `$not` and `$nin` treat NULL, whether text compares by case or accent, and how
operators on one field combine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import orjson

from connectors.query import Condition, Filter, Not, Op, Or, find_exact, narrowing_pattern
from connectors.query.names import ID_TYPES, POINT_TYPES
from connectors.query.pushdown import positive
from connectors.reallysimple.codec import is_id
from connectors.reallysimple.schema import CREATED, MODIFIED
from connectors.spelling import from_utc
from connectors.types import JSON, NUMBER_TYPES, POINTER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema

MOST_VALUES = 200  # of an $in, so that the address stays short
LONGEST = 4000  # characters of `q`; what would be longer is evaluated here
MOST_DIGITS = 18  # of an id: a longer one is no 64-bit number
CLOCK_CHANGE = timedelta(hours=1)

WORDS = TEXT_TYPES | {FieldType.CHOICE}
RANGES = {Op.LT: "$lt", Op.LE: "$lte", Op.GT: "$gt", Op.GE: "$gte"}
NEVER_EMPTY = frozenset({"id", CREATED, MODIFIED})  # on these, "not equal" needs no answer to what NULL means


@dataclass(frozen=True, slots=True)
class Pushed:
    """A `q`, and whether it finds exactly what the filter finds. None: the server is asked for everything."""

    q: dict[str, JSON] | None = None
    exact: bool = False


NOTHING = Pushed()
ALL = Pushed(None, True)


def push(filter: Filter | None, schema: ModuleSchema, zone: str) -> Pushed:
    """Return what of the filter the server can be asked. `zone` is the zone of its date-times."""
    if filter is None:
        return ALL
    pushed = _push(positive(filter), schema, zone)
    return NOTHING if pushed.q and len(orjson.dumps(pushed.q, default=str)) > LONGEST else pushed


def both(one: Mapping[str, JSON] | None, other: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return a `q` for both, in which `other` is kept whole; of `one` what does not clash with it."""
    return {**(one or {}), **other}


def _push(filter: Filter, schema: ModuleSchema, zone: str) -> Pushed:
    if isinstance(filter, Condition):
        return _condition(filter, find_exact(filter.field, schema), zone)
    if isinstance(filter, Not):  # only "not contains" and its like are left, which are true for NULL
        return NOTHING
    parts = [_push(part, schema, zone) for part in filter.parts]
    return _any(parts) if isinstance(filter, Or) else _all(parts)


def _any(parts: Sequence[Pushed]) -> Pushed:
    if not parts or any(part.q is None for part in parts):
        return NOTHING
    found: list[JSON] = []
    for part in parts:
        inner = (part.q or {}).get("$or")
        found += inner if inner and len(part.q or {}) == 1 else [part.q]
    return Pushed({"$or": found} if len(found) > 1 else found[0], all(part.exact for part in parts))


def _all(parts: Sequence[Pushed]) -> Pushed:
    """Join by field. Two conditions on one field become a `$bt` where they can, else the first is asked only."""
    q: dict[str, JSON] = {}
    exact = all(part.exact for part in parts)
    for part in parts:
        for key, value in (part.q or {}).items():
            if key in q:
                q[key], kept = _joined(q[key], value)
                exact = exact and kept
            else:
                q[key] = value
    return Pushed(q or None, exact)


def _joined(one: JSON, other: JSON) -> tuple[JSON, bool]:
    """Return one condition for two on the same field, and whether it still says all of both."""
    if one == other:
        return one, True
    tests = {**other, **one} if isinstance(one, dict) and isinstance(other, dict) else {}
    low, high = tests.get("$gte", tests.get("$gt")), tests.get("$lte", tests.get("$lt"))
    if low is None or high is None:
        return one, False
    return {"$bt": [low, high]}, set(tests) == {"$gte", "$lte"}


def _condition(condition: Condition, field: FieldSchema, zone: str) -> Pushed:
    if field.type in WORDS:
        return _words(condition, field)
    if field.type is FieldType.BOOLEAN:
        return _boolean(condition, field)
    if field.type in NUMBER_TYPES | ID_TYPES | POINT_TYPES:
        return _ordered(condition, field, zone)
    return NOTHING


# Text: the server may be more generous than we are, so nothing here is exact


def _words(condition: Condition, field: FieldSchema) -> Pushed:
    """Equal and the like, where every character is one that no other folds to; else by the longest such part of it."""
    op, texts = condition.op, [str(value) for value in condition.values]
    if op is Op.NOT_EMPTY:
        return Pushed({field.name: {"$not": ""}})
    if op in (Op.EQ, Op.IN) and texts and len(texts) <= MOST_VALUES and all(map(_is_sure, texts)):
        return Pushed({field.name: texts[0] if op is Op.EQ else {"$in": texts}})
    if op is Op.IN and len(texts) <= MOST_VALUES:
        return _any([_words(Condition(field.name, Op.EQ, (text,)), field) for text in texts])
    if op not in (Op.EQ, Op.CONTAINS, Op.STARTS, Op.ENDS):
        return NOTHING
    if op in (Op.STARTS, Op.ENDS) and texts[0] and _is_sure(texts[0]):
        return Pushed({field.name: {"$sw" if op is Op.STARTS else "$ew": texts[0]}})
    part = max((narrowing_pattern(texts[0]) or "").split("%"), key=len)
    return Pushed({field.name: {"$con": part}}) if part.strip() else NOTHING


def _is_sure(text: str) -> bool:
    pattern = narrowing_pattern(text)
    return bool(text.strip()) and pattern is not None and "%" not in pattern


def _boolean(condition: Condition, field: FieldSchema) -> Pushed:
    values = [1 if value else 0 for value in condition.values if isinstance(value, bool)]
    if condition.op is Op.EQ and values:
        return Pushed({field.name: values[0]}, True)
    if condition.op in (Op.IN, Op.NOT_EMPTY) and (values or condition.op is Op.NOT_EMPTY):
        return Pushed({field.name: {"$in": values or [0, 1]}}, True)
    return NOTHING


# Numbers, ids, dates: each value becomes the range of what the server may hold for it


def _ordered(condition: Condition, field: FieldSchema, zone: str) -> Pushed:
    op, name = condition.op, field.name
    if op is Op.NOT_EMPTY and field.type in POINTER_TYPES:
        return Pushed({name: {"$gt": 0}}, True)
    try:
        spans = [_span(field, value, zone) for value in condition.values]
    except (ValueError, OverflowError):  # the year 1 has no moment before it
        return NOTHING
    if not spans or len(spans) > MOST_VALUES:
        return NOTHING
    points = [low for low, high in spans if low == high]
    exact = len(points) == len(spans)
    if op is Op.BETWEEN:
        return Pushed({name: {"$bt": [spans[0][0], spans[1][1]]}}, exact and is_clean(field))
    if op in RANGES:
        low, high = spans[0]
        edge = high if op in (Op.LT, Op.LE) else low
        word = RANGES[op] if exact else RANGES[op].removesuffix("e") + "e"
        return Pushed({name: {word: edge}}, exact and (is_clean(field) or op in (Op.GT, Op.GE)))
    if op in (Op.NE, Op.NOT_IN) and exact and name in NEVER_EMPTY:
        return Pushed({name: {"$not": points[0]} if op is Op.NE else {"$nin": points}}, True)
    if op in (Op.EQ, Op.IN):
        return _equal(name, spans, points)
    return NOTHING


def _equal(name: str, spans: Sequence[tuple[JSON, JSON]], points: list[JSON]) -> Pushed:
    if len(points) == len(spans):
        return Pushed({name: points[0] if len(points) == 1 else {"$in": points}}, True)
    return _any([Pushed({name: {"$bt": [low, high]}}) for low, high in spans])


def is_clean(field: FieldSchema) -> bool:
    """Say whether nothing the server compares as small reads as empty here: the id 0 and the date 0000-00-00 do."""
    return field.type in NUMBER_TYPES | {FieldType.BOOLEAN, FieldType.ID} or field.name in NEVER_EMPTY


def _span(field: FieldSchema, value: JSON, zone: str) -> tuple[JSON, JSON]:
    """Return the lowest and the highest spelling the server may have for a value. Raises ValueError for none."""
    if field.type in ID_TYPES:
        if not is_id(value) or len(value) > MOST_DIGITS:
            raise ValueError("not a number that JSON can hold")
        return int(value), int(value)
    if field.type in NUMBER_TYPES:
        return _number_span(Decimal(str(value)) if value else Decimal("nan"))
    if field.type is FieldType.DATETIME and value:
        return _time_span(str(value), zone)
    if not value:
        raise ValueError("empty")
    return value, value


def _number_span(number: Decimal) -> tuple[JSON, JSON]:
    """A whole number is what it is; of others a server with binary numbers may hold a neighbour."""
    if not number.is_finite() or abs(number) >= 10**15:
        raise ValueError("not a number every server can hold")
    if number == number.to_integral_value():
        return int(number), int(number)
    slack = max(abs(number), Decimal(1)) * Decimal("1e-6")
    return float(number - slack), float(number + slack)


def _time_span(moment: str, zone: str) -> tuple[str, str]:
    """Local time of the server; where its clock changes an hour before or after, an hour more to each side."""
    at = datetime.fromisoformat(moment)
    local = [datetime.fromisoformat(from_utc((at + shift).isoformat(), zone)) for shift in (-3 * CLOCK_CHANGE, 0 * CLOCK_CHANGE, 3 * CLOCK_CHANGE)]  # fmt: skip
    steady = local[2] - local[0] == 6 * CLOCK_CHANGE
    slack = timedelta(0) if steady else CLOCK_CHANGE
    return (local[1] - slack).isoformat(sep=" "), (local[1] + slack).isoformat(sep=" ")
