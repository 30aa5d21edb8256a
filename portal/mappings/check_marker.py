"""What is wrong with the fields into which new records' origin is written. PURE. The rule: a marker that a server may cut, that a rule
overwrites, or that people fill in, finds nothing."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.types import FieldSchema, FieldType
from connectors.wording import text as _
from portal.mappings.definition import Definition
from portal.mappings.findings import Finding, Schemas, no_field

SHORTEST = 60  # characters that an origin may need: connection, module, id
_TYPES = frozenset({FieldType.TEXT, FieldType.LONGTEXT})


def may_mark(field: FieldSchema) -> bool:
    """Say whether an origin can be written into the field and be found again."""
    is_long = field.max_length is None or field.max_length >= SHORTEST
    return field.editable and field.type in _TYPES and not field.required and is_long


def check_marker(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    """Yield what is wrong with the marker field of each side."""
    for side, name in zip(("left", "right"), definition.marker, strict=True):
        schema, place = schemas[side], f"marker.{side}"  # type: ignore[index]
        field = schema.field(name) if name else None
        written = {rule.at(side) for rule in definition.rules}  # type: ignore[arg-type]
        if name and field is None:
            yield no_field(schema, name, place)
        elif field is not None and not may_mark(field):
            text = _("“%(field)s” cannot hold a marker: it must be a text that may be written, of %(most)s characters or more.", field=name, most=SHORTEST)  # fmt: skip
            yield Finding("error", place, text)
        elif name and name in written:
            yield Finding(
                "error", place, _("“%(field)s” has a rule: choose a field that nothing else uses.", field=name)
            )
