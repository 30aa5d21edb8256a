"""What a word means as a value of a field: "New" as a choice, "yes" as a truth value, a day as the span of that day."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from connectors.errors import QueryError
from connectors.query.filters import And, Condition, Filter, Not, Op, Or
from connectors.query.words import Token
from connectors.spelling import canonical, canonical_date, canonical_number, instant, listed_choice, zone_info
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType
from connectors.wording import said
from connectors.wording import text as _

_DAY = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}\s*")  # any digits: `canonical_date` reads Persian ones


def condition(field: FieldSchema, op: Op, words: list[Token], zone: str) -> Filter:
    """Return the condition on these words, which for a day against a date-time is a span. Raises QueryError."""
    if field.type is FieldType.DATETIME and any(_DAY.fullmatch(word.text) for word in words):
        return _on_days(field, op, words, zone)
    return Condition(field.name, op, tuple(_value(field, op, word, zone) for word in words))


def _value(field: FieldSchema, op: Op, word: Token, zone: str) -> JSON:
    try:
        if field.type in NUMBER_TYPES:
            return canonical_number(word.text)  # 4.5 may be asked of a field of whole numbers
        if field.type is FieldType.CHOICE and op in {Op.CONTAINS, Op.STARTS, Op.ENDS}:
            return word.text
        if field.type in {FieldType.CHOICE, FieldType.MULTICHOICE}:  # records may hold what a list names no longer
            listed = listed_choice(field, word.text)
            return word.text if listed is None else listed
        return canonical(field, word.text, zone)
    except ValueError as e:
        raise _wrong(field, word, e) from e


def _wrong(field: FieldSchema, word: Token, error: ValueError) -> QueryError:
    return QueryError(
        _("“%(word)s” for “%(field)s” %(problem)s.", word=word.text, field=field.name, problem=said(error)),
        position=word.position,
    )


def _on_days(field: FieldSchema, op: Op, words: list[Token], zone: str) -> Filter:
    spans = [_span(field, word, zone) for word in words]
    if op in {Op.IN, Op.NOT_IN, Op.EQ, Op.NE}:
        parts = tuple(_during(field, *span) for span in spans)
        found = Or(parts) if op in {Op.IN, Op.NOT_IN} else parts[0]
        return Not(found) if op in {Op.NE, Op.NOT_IN} else found
    if op is Op.BETWEEN:
        return And((_edge(field, Op.GE, spans[0]), _edge(field, Op.LE, spans[1])))
    return _edge(field, op, spans[0])


def _during(field: FieldSchema, first: str, after: str | None) -> Filter:
    if after is None:
        return Condition(field.name, Op.EQ, (first,))
    return And((Condition(field.name, Op.GE, (first,)), Condition(field.name, Op.LT, (after,))))


def _edge(field: FieldSchema, op: Op, span: tuple[str, str | None]) -> Condition:
    """Return `op` against a span: at most its end, more than its end, at least its beginning, before its beginning."""
    first, after = span
    if after is not None and op in {Op.LE, Op.GT}:
        return Condition(field.name, Op.LT if op is Op.LE else Op.GE, (after,))
    return Condition(field.name, op, (first,))


def _span(field: FieldSchema, word: Token, zone: str) -> tuple[str, str | None]:
    """Return the first instant of a day and that of the next one; an instant and None where the word names a time."""
    try:
        if not _DAY.fullmatch(word.text):
            return canonical(field, word.text, zone), None
        day = date.fromisoformat(canonical_date(word.text))
        midnights = (datetime.combine(d, time(), zone_info(zone)) for d in (day, day + timedelta(days=1)))
        first, after = (instant(midnight) for midnight in midnights)
        return first, after
    except (ValueError, OverflowError) as e:
        raise _wrong(field, word, ValueError(str(e))) from e
