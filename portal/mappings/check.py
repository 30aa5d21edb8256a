"""What is wrong with a mapping before anything runs. PURE: two schemas and a definition in, findings out."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.errors import QueryError
from connectors.query import check as check_query
from connectors.query import parse, unlisted
from connectors.types import FieldType, ModuleSchema
from connectors.wording import text as _
from portal.mappings.check_marker import check_marker
from portal.mappings.check_rules import check_rules
from portal.mappings.definition import Definition, Rule, SideName
from portal.mappings.findings import Finding, Known, Schemas, no_field

NO_KEY = frozenset({FieldType.REFERENCE, FieldType.OWNER, FieldType.LINES, FieldType.JSON, FieldType.FILE})


def check(definition: Definition, schemas: Schemas, known: Known | None = None) -> list[Finding]:
    """Return everything that is wrong with the mapping, in the order of the document."""
    return [
        *_check_direction(definition),
        *_check_filters(definition, schemas),
        *_check_match(definition, schemas),
        *check_rules(definition, schemas, known or Known()),
        *_check_required(definition, schemas),
        *_check_owner(definition, schemas),
        *_check_policies(definition, schemas),
        *check_marker(definition, schemas),
    ]


def _check_direction(definition: Definition) -> Iterator[Finding]:
    same = (definition.left.connection, definition.left.module) == (
        definition.right.connection,
        definition.right.module,
    )
    if same:
        yield Finding("error", "right", _("left and right are the same module of the same connection."))


def _check_filters(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    sides: tuple[tuple[SideName, str], ...] = (("left", definition.left.filter), ("right", definition.right.filter))
    for side, text in sides:
        try:
            found = parse(text, schemas[side])  # in which zone its days are makes no difference here
            check_query(found, (), schemas[side])
        except QueryError as e:
            yield Finding("error", f"{side}.filter", e.message)
        else:
            yield from (Finding("warning", f"{side}.filter", note) for note in unlisted(found, schemas[side]))


def _check_match(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    if not definition.match:
        text = _("name at least one pair of fields by which records are recognised.")
        yield Finding("error", "match", text)
    for number, (left, right) in enumerate(definition.match):
        yield from _check_key(schemas["left"], left, f"match[{number}].left")
        yield from _check_key(schemas["right"], right, f"match[{number}].right")


def _check_key(schema: ModuleSchema, name: str, place: str) -> Iterator[Finding]:
    field = schema.field(name)
    if field is None:
        yield no_field(schema, name, place)
    elif field.type in NO_KEY:
        text = _("“%(field)s” means nothing in another CRM: records cannot be recognised by it.", field=field.name)
        yield Finding("error", place, text)


def _check_required(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    for side in definition.targets:
        given = {rule.at(side) for rule in _writing(definition, side)}
        missing = [f for f in schemas[side].fields if f.required and f.editable and f.default is None]
        names = [f"{f.name} ({f.label})" for f in missing if f.name not in given]
        if names:
            label, told = schemas[side].module.label, ", ".join(names)
            text = _("required by %(module)s, but no rule fills them: %(fields)s.", module=label, fields=told)
            yield Finding("error", "fields", text)


def _check_owner(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    """Said only where the CRM does not demand an owner: there it stands among the required fields."""
    for side in definition.targets:
        schema = schemas[side]
        owner = schema.field(schema.owner_field) if schema.owner_field else None
        if owner is None or not owner.editable or owner.required or schema.default_owner:
            continue
        if owner.name not in {rule.at(side) for rule in _writing(definition, side)}:
            text = _(
                "new records of %(module)s get no owner: add a rule for “%(field)s”, or name a default owner in the connection.",
                module=schema.module.label, field=owner.name,
            )  # fmt: skip
            yield Finding("warning", "fields", text)


def _check_policies(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    silent = [schema.module.label for schema in schemas.values() if not schema.modified_field]
    text = _("“newest” needs a time of the last change on both sides; %(module)s tells none.", module=", ".join(silent))
    if silent and definition.conflict_policy == "newest":
        yield Finding("error", "conflicts", text)
    for number, rule in enumerate(definition.rules):
        if silent and rule.policy == "newest":
            yield Finding("error", f"fields[{number}].policy", text)


def _writing(definition: Definition, side: SideName) -> list[Rule]:
    return [rule for rule in definition.rules if side in definition.targets_of(rule)]
