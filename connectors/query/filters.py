"""A filter, an order and a query as data. The rules of comparison stand in the package's docstring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from connectors.types import JSON


class Op(StrEnum):
    """The operators, as they are written."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    NOT_IN = "not in"
    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"
    BETWEEN = "between"
    EMPTY = "is empty"
    NOT_EMPTY = "is not empty"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op values`: canonical values; none for EMPTY, two for BETWEEN, any number for IN, else one."""

    field: str
    op: Op
    values: tuple[JSON, ...] = ()


@dataclass(frozen=True, slots=True)
class And:
    """All of them; true when there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them; false when there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Filter


Filter = Condition | And | Or | Not


@dataclass(frozen=True, slots=True)
class Order:
    """One column to sort by."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What to read. `fields` None means all; `limit` is the size of the page; `cursor` goes on where a page ended."""

    filter: Filter | None = None
    order: tuple[Order, ...] = ()
    fields: tuple[str, ...] | None = None
    limit: int = 100
    cursor: str | None = None


def conditions(filter: Filter | None) -> Iterator[Condition]:
    """Yield every condition in the filter, left to right."""
    if isinstance(filter, Condition):
        yield filter
    elif isinstance(filter, Not):
        yield from conditions(filter.part)
    elif filter is not None:
        for part in filter.parts:
            yield from conditions(part)
