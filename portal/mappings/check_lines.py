"""What is wrong with a rule for lines: the two fields, the rules for a line, and what a list that is written as a whole takes
away. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from connectors.types import FieldSchema, FieldType, Module, ModuleSchema
from connectors.wording import text as _
from portal.mappings.definition import Definition, Rule, SideName
from portal.mappings.findings import Finding, Known, Schemas
from portal.mappings.transform import OTHER

_WHOLE = _(
    "a list of lines is written as a whole: lines that stand only there, and what no rule fills in a line, are deleted for good."
)
CheckRules = Callable[[Definition, Schemas, Known, str], Iterator[Finding]]


def check_lines(
    rule: Rule, place: str, definition: Definition, schemas: Schemas, known: Known, check_rules: CheckRules
) -> Iterator[Finding]:
    """Yield what is wrong with a rule for lines; `check_rules` looks at the rules for one line as at any others."""
    fields = {side: field for side in OTHER if (field := schemas[side].field(rule.at(side))) is not None}
    if len(fields) < len(OTHER):  # said already
        return
    if odd := [f for f in fields.values() if f.type is not FieldType.LINES]:
        text = _("“%(field)s” holds no lines.", field=odd[0].name)
        yield Finding("error", f"{place}.{next(side for side, f in fields.items() if f is odd[0])}", text)
        return
    if not rule.lines:
        yield Finding("error", f"{place}.lines", _("say what becomes of the fields of a line."))
        return
    inner = replace(definition, rules=rule.lines, direction=rule.direction or definition.direction)
    lines = {side: ModuleSchema(Module(f.name, f.label), f.lines) for side, f in fields.items()}
    if all(f.lines for f in fields.values()):
        of_a_line = replace(known, common={}, empty={}, longest={})  # what is known is of the records' own fields
        yield from check_rules(inner, lines, of_a_line, f"{place}.lines")
    yield Finding("warning", f"{place}.lines", _WHOLE)
    for side in definition.targets_of(rule):
        yield from _check_side(rule, side, fields[side], schemas[side].module.label, place)


def _check_side(rule: Rule, side: SideName, field: FieldSchema, module: str, place: str) -> Iterator[Finding]:
    given = {inner.at(side) for inner in rule.lines}
    missing = [f for f in field.lines if f.required and f.editable and f.default is None and f.name not in given]
    if missing:
        told = ", ".join(f"{f.name} ({f.label})" for f in missing)
        text = _("required of each line of %(module)s, but no rule fills them: %(fields)s.", module=module, fields=told)
        yield Finding("error", f"{place}.lines", text)
    if not field.lines:
        text = _("%(module)s does not tell the fields of a line: nobody can say before whether it takes them.", module=module)  # fmt: skip
        yield Finding("warning", f"{place}.{side}", text)
