"""What is wrong with the rules of a mapping: each by itself, and two that write the same field. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.types import NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from connectors.values import is_secret_field
from connectors.wording import text as _
from portal.mappings.check_lines import check_lines
from portal.mappings.convert import convert
from portal.mappings.definition import Definition, Rule, Side, SideName
from portal.mappings.findings import Finding, Known, Level, Schemas, no_field
from portal.mappings.transform import LISTS, OTHER

SHOWN = 5  # values named in a sentence
_DAYS = frozenset({FieldType.DATE, FieldType.DATETIME})
_OF_ONE_CRM = frozenset({FieldType.REFERENCE, FieldType.OWNER, FieldType.ID})
_SHAPED = frozenset({FieldType.LINES, FieldType.JSON, FieldType.FILE})


def check_rules(definition: Definition, schemas: Schemas, known: Known, where: str = "fields") -> Iterator[Finding]:
    """Yield what is wrong with each rule, and with two that write the same field. `where` they stand in the document."""
    written: dict[tuple[SideName, str], int] = {}
    for number, rule in enumerate(definition.rules):
        place = f"{where}[{number}]"
        yield from _check_fields(rule, schemas, place)
        if rule.direction and not set(definition.targets_of(rule)):
            text = _("goes %(direction)s, but the mapping does not.", direction=rule.direction)
            yield Finding("error", f"{place}.direction", text)
        if rule.source == "lines":
            yield from check_lines(rule, place, definition, schemas, known, check_rules)
        for side in definition.targets_of(rule):
            target = schemas[side].field(rule.at(side))
            if target is not None:
                yield from _check_target(rule, side, target, schemas, definition, known, place)
            if written.setdefault((side, rule.at(side)), number) != number:
                first = f"{where}[{written[side, rule.at(side)]}]"
                text = _("“%(field)s” is written by %(first)s already.", field=rule.at(side), first=first)
                yield Finding("error", f"{place}.{side}", text)


def _check_fields(rule: Rule, schemas: Schemas, place: str) -> Iterator[Finding]:
    for side in OTHER:
        if rule.at(side) and schemas[side].field(rule.at(side)) is None:
            yield no_field(schemas[side], rule.at(side), f"{place}.{side}")


def _check_target(
    rule: Rule, side: SideName, target: FieldSchema, schemas: Schemas, definition: Definition, known: Known, place: str
) -> Iterator[Finding]:
    if not target.editable:
        text = _("“%(field)s” (%(label)s) can only be read in that CRM.", field=target.name, label=target.label)
        yield Finding("error", f"{place}.{side}", text)
    source = schemas[OTHER[side]]
    if rule.source == "value":
        yield from _check_value(rule, target, place)
    elif rule.source == "expression":
        yield from _check_expression(rule, source, known, place)
    elif (origin := source.field(rule.at(OTHER[side]))) is not None:
        if rule.source == "lines":
            pass
        elif rule.source == "reference":
            yield from _check_reference(rule, side, origin, target, definition, known, place)
        elif rule.table:
            yield from _check_table(rule, side, origin, target, known, place)
            yield from _check_append(rule, side, target, definition, known, place)
        else:
            yield from _check_types(side, origin, target, known, place)
        yield from _check_empty(side, origin, target, known, place)


def _check_empty(
    side: SideName, origin: FieldSchema, target: FieldSchema, known: Known, place: str
) -> Iterator[Finding]:
    empty = known.empty.get((OTHER[side], origin.name), 0)
    if empty and target.required and target.editable:
        text = _(
            "“%(field)s” is required there: a record that holds nothing here is not carried over.", field=target.name
        )
        yield Finding("warning", f"{place}.{side}", text, empty)


def _check_value(rule: Rule, target: FieldSchema, place: str) -> Iterator[Finding]:
    if is_secret_field(target.name):  # rules are kept and shown readably
        text = _(
            "“%(field)s” is a password or a key: a fixed value would stand readably in the mapping.", field=target.name
        )
        yield Finding("error", f"{place}.value", text)
    choices = {c.value for c in target.choices}
    if choices and isinstance(rule.value, str) and rule.value not in choices:
        text = _("“%(value)s” is not among the choices of “%(field)s”.", value=rule.value, field=target.name)
        yield Finding("warning", f"{place}.value", text)
    if target.max_length and isinstance(rule.value, str) and len(rule.value) > target.max_length:
        text = _(
            "longer than the %(length)s characters of “%(field)s”.", length=str(target.max_length), field=target.name
        )
        yield Finding("error", f"{place}.value", text)


def _check_expression(rule: Rule, source: ModuleSchema, known: Known, place: str) -> Iterator[Finding]:
    if trouble := known.trouble(rule.expression):
        yield Finding("error", f"{place}.expression", trouble)
        return
    for name in sorted(known.reads(rule.expression)):
        if source.field(name) is None:
            yield no_field(source, name, f"{place}.expression")
    for name in sorted(known.looks_up(rule.expression)):
        if name not in known.tables:
            yield _no_table(name, f"{place}.expression")


def _check_reference(
    rule: Rule,
    side: SideName,
    origin: FieldSchema,
    target: FieldSchema,
    definition: Definition,
    known: Known,
    place: str,
) -> Iterator[Finding]:
    sides = known.mappings.get(rule.mapping)
    if told := _linked_wrongly(rule, sides, definition):
        yield Finding("error", f"{place}.mapping", told)
        return
    assert sides is not None
    if origin.type not in _OF_ONE_CRM or target.type not in _OF_ONE_CRM:
        text = _("a linked record needs fields that refer to records on both sides.")
        yield Finding("warning", f"{place}.{side}", text)
    ends = {part.connection: part.module for part in sides}
    for field, end in ((origin, getattr(definition, OTHER[side])), (target, getattr(definition, side))):
        yield from _check_end(rule, field, end, ends[end.connection], place)


def _linked_wrongly(rule: Rule, sides: tuple[Side, Side] | None, definition: Definition) -> str:
    if not rule.mapping:
        return _("choose the mapping that brings the records over which this field refers to.")
    if sides is None:
        return _("there is no mapping “%(name)s”.", name=rule.mapping)
    if {part.connection for part in sides} != {definition.left.connection, definition.right.connection}:
        return _("“%(name)s” does not join these two connections.", name=rule.mapping)
    return ""


def _check_end(rule: Rule, field: FieldSchema, end: Side, module: str, place: str) -> Iterator[Finding]:
    if field.refers_to and module not in field.refers_to:
        text = _(
            "“%(field)s” refers to %(wanted)s, but “%(name)s” is about %(module)s.",
            field=field.name, wanted=", ".join(field.refers_to), name=rule.mapping, module=module,
        )  # fmt: skip
        yield Finding("error", f"{place}.mapping", text)


def _check_table(
    rule: Rule, side: SideName, origin: FieldSchema, target: FieldSchema, known: Known, place: str
) -> Iterator[Finding]:
    table = known.tables.get(rule.table)
    if table is None:
        yield _no_table(rule.table, f"{place}.table")
        return
    if table.unlisted == "error":
        values = [choice.value for choice in origin.choices]
        held = known.common.get((OTHER[side], origin.name), {})
        lost = [v for v in dict.fromkeys([*values, *held]) if not table.knows(v, side)]
        if lost:
            text = _("no row of “%(name)s” says what becomes of %(values)s.", name=rule.table, values=_listed(lost))
            yield Finding("warning", f"{place}.table", text, _records(held, lost))
    allowed = {choice.value for choice in target.choices}
    odd = [new for pair in table.pairs if (new := pair[side == "right"]) and allowed and new not in allowed]
    if odd and table.unlisted != "append":
        text = _("not among the choices of “%(field)s”: %(values)s.", field=target.name, values=_listed(odd))
        yield Finding("warning", f"{place}.table", text)


def _check_append(
    rule: Rule, side: SideName, target: FieldSchema, definition: Definition, known: Known, place: str
) -> Iterator[Finding]:
    """Said where the table counts on lists that grow, and this one cannot be made to from here."""
    table, connection = known.tables.get(rule.table), getattr(definition, side).connection
    if table is None or table.unlisted != "append" or connection in known.appends or target.type not in LISTS:
        return
    text = _(
        "“%(table)s” adds to the list what it lacks, but nothing can be added to “%(field)s” of %(connection)s from here: such records are not carried over.",
        table=table.name, field=target.name, connection=connection,
    )  # fmt: skip
    yield Finding("warning", f"{place}.table", text)


def _check_types(
    side: SideName, origin: FieldSchema, target: FieldSchema, known: Known, place: str
) -> Iterator[Finding]:
    if misfit := _misfit(origin, target):
        held = known.common.get((OTHER[side], origin.name), {}) if misfit[0] == "warning" else {}
        odd = [value for value in held if not _converts(value, origin, target)]
        if odd:
            text = _("not a %(type)s: %(values)s.", type=target.type.value, values=_listed(odd))
            yield Finding("warning", f"{place}.{side}", text, _records(held, odd))
        elif not held:
            yield Finding(misfit[0], f"{place}.{side}", misfit[1])
        return
    if target.choices:
        yield from _check_choices(side, origin, target, known, place)
    yield from _check_length(side, origin, target, known, place)


def _check_length(
    side: SideName, origin: FieldSchema, target: FieldSchema, known: Known, place: str
) -> Iterator[Finding]:
    """Told by what the records hold where they were looked at, else by what the field would take."""
    longest = known.longest.get((OTHER[side], origin.name), origin.max_length)
    if target.max_length is None or target.type not in TEXT_TYPES or (longest or 0) <= target.max_length:
        return
    text = _(
        "“%(field)s” takes %(most)s characters, and there may be %(longest)s: what is longer is refused, never cut.",
        field=target.name, most=str(target.max_length), longest=str(longest),
    )  # fmt: skip
    yield Finding("warning", f"{place}.{side}", text)


def _converts(value: str, origin: FieldSchema, target: FieldSchema) -> bool:
    try:
        convert(value, origin, target)
    except ValueError:
        return False
    return True


def _misfit(origin: FieldSchema, target: FieldSchema) -> tuple[Level, str] | None:
    """Return how the two types do not fit, as level and sentence; None where they do."""
    types = origin.type, target.type
    if target.type is FieldType.OWNER and origin.type is FieldType.OWNER:
        return "error", _("owners are other people in each CRM: give the rule a value table of owners.")
    if target.type in _OF_ONE_CRM and origin.type in _OF_ONE_CRM:
        return "error", _("ids mean nothing in another CRM: make it a rule of the kind “linked record”.")
    if target.type in _OF_ONE_CRM:
        return "warning", _("“%(field)s” wants the id of a record of its own CRM.", field=target.name)
    if origin.type is target.type is FieldType.LINES:
        return "error", _("make it a rule of the kind “lines”, which says what becomes of the fields of a line.")
    if (origin.type in _SHAPED or target.type in _SHAPED) and types[0] is not types[1]:
        return "error", _("a %(one)s cannot become a %(other)s.", one=origin.type.value, other=target.type.value)
    if target.type in NUMBER_TYPES and origin.type in _DAYS | {FieldType.BOOLEAN, FieldType.TIME}:
        return "error", _("a %(one)s cannot become a %(other)s.", one=origin.type.value, other=target.type.value)
    if target.type in _DAYS and origin.type in NUMBER_TYPES | {FieldType.BOOLEAN, FieldType.TIME}:
        return "error", _("a %(one)s cannot become a %(other)s.", one=origin.type.value, other=target.type.value)
    strict = NUMBER_TYPES | _DAYS | {FieldType.BOOLEAN, FieldType.TIME}
    if target.type in strict and origin.type in TEXT_TYPES | LISTS:
        return "warning", _("only values that are a %(other)s can be carried over.", other=target.type.value)
    return None


def _check_choices(
    side: SideName, origin: FieldSchema, target: FieldSchema, known: Known, place: str
) -> Iterator[Finding]:
    met = {word for choice in target.choices for word in (choice.value, choice.label)}
    held = known.common.get((OTHER[side], origin.name), {})
    labels = {choice.value: choice.label for choice in origin.choices}
    values = dict.fromkeys([*labels, *held])
    lost = [value for value in values if value not in met and labels.get(value) not in met]
    if lost:
        text = _("no choice of “%(field)s” is called %(values)s: a value table can say what becomes of them.", field=target.name, values=_listed(lost))  # fmt: skip
        yield Finding("warning", f"{place}.{side}", text, _records(held, lost))


def _records(held: object, lost: Iterable[str]) -> int | None:
    return sum(held.get(value, 0) for value in lost) if held else None  # type: ignore[attr-defined]


def _no_table(name: str, place: str) -> Finding:
    return Finding("error", place, _("there is no value table “%(name)s”.", name=name))


def _listed(values: list[str]) -> str:
    named = ", ".join(f"“{value}”" for value in values[:SHOWN])
    return (
        named if len(values) <= SHOWN else _("%(named)s and %(more)s more", named=named, more=str(len(values) - SHOWN))
    )
