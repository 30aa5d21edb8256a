"""Which mappings refer to which, read from the rules of their live versions. The rule: asks no CRM; of a field that nobody described
yet it is taken that it may stay empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portal.connections.schema import kept_schema
from portal.mappings.definition import Definition, Rule
from portal.mappings.models import Mapping
from portal.mappings.stored import definition_of
from portal.sync.sets.order import Reference, is_stuck, leads_back


def references_of(mappings: Iterable[Mapping]) -> list[Reference]:
    """Return every reference from one of these live mappings to another mapping, whichever."""
    return [
        reference
        for mapping in mappings
        if mapping.is_live
        for reference in _references(mapping, definition_of(mapping))
    ]


@dataclass(frozen=True, slots=True)
class Circles:
    """Which of the mappings that one refers to refer back to it, over however many others; and by required fields alone."""

    circles: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()


def circles_of(mapping: Mapping, said: Definition) -> Circles:
    """Return what circles the mapping is part of as it is `said`, the others as they are live. No query where it refers to
    none."""
    mine = _references(mapping, said)
    if not mine:
        return Circles()
    known = [*mine, *_others({mapping.name}, {reference.to for reference in mine})]
    back = frozenset(reference.to for reference in mine if leads_back(reference, known))
    return Circles(back, frozenset(reference.to for reference in mine if is_stuck(reference, known)))


def _others(seen: set[str], wanted: set[str]) -> list[Reference]:
    """Return the references of these mappings, of all they refer to, and so on, but for those seen."""
    known: list[Reference] = []
    while new := wanted - seen:
        seen |= new
        rows = Mapping.objects.select_related("left_connection", "right_connection")
        fresh = references_of(rows.filter(name__in=new))
        known += fresh
        wanted = {reference.to for reference in fresh}
    return known


def _references(mapping: Mapping, said: Definition) -> list[Reference]:
    rules = [rule for rule in said.rules if said.targets_of(rule)]
    plain = [rule for rule in rules if rule.source == "reference" and rule.mapping]
    of_lines = [(rule, line) for rule in rules for line in rule.lines if line.source == "reference" and line.mapping]
    return [
        *(Reference(said.name, rule.mapping, *_field(mapping, said, rule)) for rule in plain),
        *(Reference(said.name, line.mapping, rule.at(said.targets_of(rule)[-1]), True) for rule, line in of_lines),
    ]  # a list of lines is written as a whole or not at all


def _field(mapping: Mapping, said: Definition, rule: Rule) -> tuple[str, bool]:
    """Return the name of the field that is written, and whether it may not stay empty on a side that is."""
    ends = {
        "left": (mapping.left_connection, mapping.left_module),
        "right": (mapping.right_connection, mapping.right_module),
    }
    targets = said.targets_of(rule)
    schemas = {side: kept_schema(*ends[side]) for side in targets}
    fields = [schema.field(rule.at(side)) for side, schema in schemas.items() if schema]
    return rule.at(targets[-1]), any(field is not None and field.required for field in fields)
