"""Which part of a filter OpenCRM is asked, as its `query_string`. The rule: one condition, never narrower than the filter, and
only by a name that was seen to work; the rest, and that condition again, is evaluated here.

Several conditions are not documented, nor is any operator that negates (facts §3: such are taken as "="). Names in a query
string may differ from those of fields, and a wrong one finds nothing, so a name is tried on a known record before it is
trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.opencrm.rows import is_id
from connectors.opencrm.schema import ID, MODIFIED, OWNER
from connectors.query import And, Condition, Filter, Op, find_exact, fold, narrowing_pattern
from connectors.query.names import ID_TYPES
from connectors.query.pushdown import positive
from connectors.seconds import STAMP, ZONES
from connectors.types import JSON, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema

WORDS = TEXT_TYPES - {FieldType.LONGTEXT, FieldType.FILE} | {FieldType.CHOICE}
LONGEST_VALUE = 200  # characters of a value
NAMES: Mapping[str, str] = {ID: "crmentity.crmid", OWNER: "smownerid"}
NEWER = "crmentity.modifiedtime|>|"
EARLIEST = 1000  # years before are not spelled with four digits everywhere
OPERATORS = {Op.GT: ">", Op.GE: ">", Op.EQ: "=", Op.STARTS: "BEGINS", Op.ENDS: "ENDS", Op.CONTAINS: "CONTAINS"}
BEST_FIRST = (Op.EQ, Op.STARTS, Op.ENDS, Op.CONTAINS)
SHORTEST = 3  # letters by which a name can be tried
SAMPLE = 25  # records looked through for one with a value to try a name on


@dataclass(frozen=True, slots=True)
class Pushed:
    """A `query_string`, "" for everything; whether it finds exactly what the filter finds; and the field it names."""

    query: str = ""
    exact: bool = True
    name: str = ""


def push(filter: Filter | None, schema: ModuleSchema, trusted: Callable[[str], bool]) -> Pushed:
    """Return the one condition to ask the server. `trusted(field)` says whether the field's name works there; it is asked
    only of fields that could be used, the best first."""
    if filter is None:
        return Pushed()
    able = [pushed for condition in required(positive(filter)) for pushed in possible(condition, schema)]
    alone = isinstance(positive(filter), Condition)
    for rank, pushed in sorted(able, key=lambda pair: pair[0]):
        if trusted(pushed.name):
            return replace(pushed, exact=alone and rank == 0 and pushed.exact)
    return Pushed(exact=False)


def required(filter: Filter) -> Iterator[Condition]:
    """Yield the conditions every record that matches must meet."""
    if isinstance(filter, Condition):
        yield filter
    elif isinstance(filter, And):
        for part in filter.parts:
            yield from required(part)


def possible(condition: Condition, schema: ModuleSchema) -> Iterator[tuple[int, Pushed]]:
    """Yield (rank, condition as a query string), 0 the best; nothing for what the server may understand otherwise."""
    field, op = find_exact(condition.field, schema), condition.op
    if op is Op.IN and len(condition.values) == 1:
        op = Op.EQ
    if op is Op.BETWEEN:
        op = Op.GE
    if op not in OPERATORS or not condition.values:
        return
    value = str(condition.values[0])
    if field.name == MODIFIED and field.type is FieldType.DATETIME:
        yield from by_time(op, value)
    elif field.type in ID_TYPES:
        if op is Op.EQ and len(condition.values) == 1 and is_id(value):
            yield 0, Pushed(asked(field.name, "=", value), True, field.name)
    elif (
        field.type in WORDS and op in BEST_FIRST and len(condition.values) == 1 and (found := by_text(field, op, value))
    ):
        yield BEST_FIRST.index(op) + 1, found


def by_time(op: Op, value: str) -> Iterator[tuple[int, Pushed]]:
    """Yield the one range the document shows, in a sample only: a day more of it, whatever the server's zone."""
    if op not in (Op.GT, Op.GE, Op.EQ):
        return
    try:
        since = datetime.fromisoformat(value) - ZONES
    except (ValueError, OverflowError):
        return
    if since.year >= EARLIEST:
        yield len(BEST_FIRST) + 1, Pushed(NEWER + since.strftime(STAMP), False, MODIFIED)


def by_text(field: FieldSchema, op: Op, value: str) -> Pushed | None:
    """Return a condition on a text: whole where every character is one that no other folds to, else its longest such part.

    "|" and ";" stand between a condition's parts and between conditions, and are in none.
    """
    if len(value) > LONGEST_VALUE:
        return None
    text = piece(value)
    if op is not Op.CONTAINS and (text != value.lower() or value != value.strip()):
        op = Op.CONTAINS
    elif op is not Op.CONTAINS:
        text = value
    return Pushed(asked(field.name, OPERATORS[op], text), False, field.name) if text.strip() else None


def piece(value: str) -> str:
    """Return the longest part of a text that is found wherever the text is, however the server compares; "" for none."""
    parts = re.split(r"[%|;]", narrowing_pattern(value) or "")
    return max(parts, key=len)


def asked(field: str, operator: str, value: str) -> str:
    """Return FIELDNAME|OPERATOR|FIELDVALUE."""
    return f"{NAMES.get(field, field)}|{operator}|{value}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A query string that must find the record `id` if a field's name works and texts are compared in any case, and the part
    by which others must not be found."""

    query: str
    id: str
    part: str

    def is_passed_over(self, value: JSON) -> bool:
        """Say whether the condition was not looked at, as it found a record that holds this value."""
        return self.part not in fold(str(value))


def trial(field: FieldSchema, values: Mapping[str, JSON]) -> Trial | None:
    """Return how to try a name. `values` are those of some records by id. None where none holds a value to try it with."""
    for id, held in values.items():
        value = id if field.type is FieldType.ID else held
        if field.type in ID_TYPES and is_id(value):
            return Trial(asked(field.name, "=", value), id, value)
        if field.type in WORDS and isinstance(value, str) and len(part := piece(value).strip()) >= SHORTEST:
            return Trial(asked(field.name, "CONTAINS", part.upper()), id, part)
    return None
