"""What is found wrong with a mapping, and what has to be known to find it. PURE data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from connectors.types import ModuleSchema
from connectors.wording import text as _
from portal.mappings.definition import Side, SideName
from portal.mappings.tables import Table

Schemas = Mapping[SideName, ModuleSchema]
Level = Literal["error", "warning"]
Common = Mapping[
    tuple[SideName, str], Mapping[str, int]
]  # a field -> its frequent values -> how many records hold them


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. An "error" is refused, a "warning" is shown. `place` is as in the document; `text` is the
    sentence; `hits` are the records of our copies it concerns, None where that was not counted."""

    level: Level
    place: str
    text: str
    hits: int | None = None

    def __str__(self) -> str:
        told = f"{self.place}: {self.text}" if self.place else self.text
        return told if self.hits is None else _("%(told)s Records: %(count)s.", told=told, count=str(self.hits))


@dataclass(frozen=True, slots=True)
class Known:
    """What there is besides the two modules: value tables and mappings (with their sides) by name, what is wrong with an
    expression ("" for nothing), which fields and tables it reads, what the mirrors hold, and the connections to whose pick
    lists entries can be added."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    mappings: Mapping[str, tuple[Side, Side]] = field(default_factory=dict)
    trouble: Callable[[str], str] = lambda text: ""
    reads: Callable[[str], frozenset[str]] = lambda text: frozenset()
    looks_up: Callable[[str], frozenset[str]] = lambda text: frozenset()
    appends: frozenset[str] = frozenset()
    common: Common = field(default_factory=dict)
    empty: Mapping[tuple[SideName, str], int] = field(default_factory=dict)  # records that hold nothing in a field
    longest: Mapping[tuple[SideName, str], int] = field(
        default_factory=dict
    )  # of a field that was looked at: characters


def no_field(schema: ModuleSchema, name: str, place: str) -> Finding:
    """Return the finding for a field that does not exist, with the one that may be meant."""
    near = get_close_matches(name, schema.names, n=1)
    module = schema.module.label
    text = _("%(module)s has no field “%(field)s”.", module=module, field=name)
    if near:
        text = _(
            "%(module)s has no field “%(field)s”. Did you mean “%(near)s”?", module=module, field=name, near=near[0]
        )
    return Finding("error", place, text)
