"""The rules a person would begin with for the lines of two fields. PURE: knows no Django, no database, no vendor. The rule: as for
records, nothing is offered that could not be carried out; what refers to records goes by a mapping that joins them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.types import POINTER_TYPES, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.findings import Schemas
from portal.mappings.suggest import suggest

SURE = 0.6


def joining(
    definition: Definition, mappings: Mapping[str, tuple[Side, Side]], left: FieldSchema, right: FieldSchema
) -> str:
    """Return the mapping that says which of the records is which to which these two fields refer; "" where there is none."""
    ends = {definition.left.connection: left, definition.right.connection: right}
    return next(
        (
            name
            for name, sides in mappings.items()
            if {side.connection for side in sides} == set(ends)
            and all(side.module in ends[side.connection].refers_to for side in sides)
        ),
        "",
    )


def lines_pair(schemas: Schemas) -> tuple[str, str] | None:
    """Return the fields of lines of the two modules, where each has one."""
    left, right = (
        [f for f in schemas[side].fields if f.type is FieldType.LINES and f.lines] for side in ("left", "right")
    )
    return (left[0].name, right[0].name) if len(left) == len(right) == 1 else None


def lines_rule(rule: Rule, definition: Definition, schemas: Schemas, mappings: Mapping[str, tuple[Side, Side]]) -> Rule:
    """Return the rule as one for lines, with rules for the fields of a line that look alike; the same where its two fields are
    no lines, or their lines have rules already."""
    left, right = (schemas[side].field(rule.at(side)) for side in ("left", "right"))
    if left is None or right is None or {left.type, right.type} != {FieldType.LINES} or rule.lines:
        return rule
    found = tuple(_rules(definition, mappings, left, right))
    return Rule(
        rule.left, rule.right, "lines", direction=rule.direction, policy=rule.policy, uuid=rule.uuid, lines=found
    )


def _rules(
    definition: Definition, mappings: Mapping[str, tuple[Side, Side]], left: FieldSchema, right: FieldSchema
) -> Iterator[Rule]:
    one, other = (ModuleSchema(Module(field.name, field.label), field.lines) for field in (left, right))
    found = {p.left: p.right for p in suggest(one, other, targets=definition.targets) if p.confidence >= SURE}
    sold = [field.name for lines in (one, other) for field in lines.fields if field.required and field.refers_to]
    if len(sold) == len(("left", "right")) and sold[0] not in found:  # what every line is about
        found[sold[0]] = sold[1]
    for name in (name for name in one.names if name in found):
        ends = one.field(name), other.field(found[name])
        if ends[0] and ends[1] and {ends[0].type, ends[1].type} & POINTER_TYPES:
            linked = joining(definition, mappings, ends[0], ends[1])
            if linked or ends[0].required or ends[1].required:  # what must be there stays, for the check to ask for
                yield Rule(name, found[name], "reference", mapping=linked)
        else:
            yield Rule(name, found[name])
