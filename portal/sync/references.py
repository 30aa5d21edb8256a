"""Which mappings refer to which, read from the rules of their live versions. The rule: asks no CRM; of a field that nobody described
yet it is taken that it may stay empty."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from portal.connections.schema import kept_schema
from portal.mappings.definition import Definition, Rule
from portal.mappings.models import FieldRule, Mapping
from portal.mappings.stored import definition_of
from portal.sync.set_order import Reference


def references_of(mappings: Iterable[Mapping]) -> list[Reference]:
    """Return every reference from one of these live mappings to another mapping, whichever."""
    return [reference for mapping in mappings if mapping.is_live for reference in _references(mapping)]


def around(mapping: Mapping) -> list[Reference]:
    """Return the references of the mapping, of all it refers to, over however many, and so on: what circles it is part of
    stands among them. No query where it refers to none."""
    known: dict[UUID, Mapping] = {}
    new = [mapping]
    while new:
        known |= {row.uuid: row for row in new}
        linked = {uuid for row in new for uuid in _linked(row)} - known.keys()
        new = list(_rows().filter(uuid__in=linked)) if linked else []
    return references_of(known.values()) if len(known) > 1 or mapping.uuid in _linked(mapping) else []


def _linked(mapping: Mapping) -> set[UUID]:
    rules = FieldRule.objects.filter(version__mapping=mapping, version__number=mapping.version)
    linked = rules.filter(source=FieldRule.Source.REFERENCE).values_list("linked", flat=True)
    return {uuid for uuid in linked if uuid is not None}


def _rows() -> QuerySet[Mapping]:
    return Mapping.objects.select_related("left_connection", "right_connection")


def _references(mapping: Mapping) -> list[Reference]:
    said = definition_of(mapping)
    rules = [rule for rule in said.rules if rule.source == "reference" and rule.mapping]
    return [Reference(said.name, rule.mapping, *_field(mapping, said, rule)) for rule in rules if said.targets_of(rule)]


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
