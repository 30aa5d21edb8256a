"""What is wrong with a mapping before anything runs. PURE: two schemas and a definition in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from connectors.errors import QueryError
from connectors.query import check as check_query
from connectors.query import parse, unlisted
from connectors.types import FieldSchema, ModuleSchema
from connectors.values import is_secret_field
from connectors.wording import text as _
from portal.mappings.definition import Definition, Rule

Schemas = Mapping[str, ModuleSchema]  # "left" and "right"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. An "error" is refused, a "warning" is shown. `place` is as in the document; `text` is the
    sentence."""

    level: Literal["error", "warning"]
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def check(definition: Definition, schemas: Schemas) -> list[Finding]:
    """Return everything that is wrong with the mapping, in the order of the document."""
    return [
        *_check_direction(definition),
        *_check_filters(definition, schemas),
        *_check_match(definition, schemas),
        *_check_rules(definition, schemas),
        *_check_required(definition, schemas),
    ]


def _check_direction(definition: Definition) -> Iterator[Finding]:
    if definition.direction == "both":
        text = _("“both” is not possible yet: choose left-to-right or right-to-left. It is never run one way instead.")
        yield Finding("error", "direction", text)
    same = (definition.left.connection, definition.left.module) == (
        definition.right.connection,
        definition.right.module,
    )
    if same:
        yield Finding("error", "right", _("left and right are the same module of the same connection."))


def _check_filters(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    for side, text in (("left", definition.left.filter), ("right", definition.right.filter)):
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
    for number, pair in enumerate(definition.match):
        for side, name in zip(("left", "right"), pair, strict=True):
            if schemas[side].field(name) is None:
                yield _no_field(schemas[side], name, f"match[{number}].{side}")


def _check_rules(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    written: dict[tuple[str, str], int] = {}
    for number, rule in enumerate(definition.rules):
        place = f"fields[{number}]"
        for side, name in (("left", rule.left), ("right", rule.right)):
            if name and schemas[side].field(name) is None:
                yield _no_field(schemas[side], name, f"{place}.{side}")
        if rule.source not in ("field", "value"):
            text = _("rules from “%(source)s” are not possible yet.", source=rule.source)
            yield Finding("error", place, text)
        for side in definition.targets:
            yield from _check_target(rule, side, schemas[side], place)
            name = getattr(rule, side)
            if name and written.setdefault((side, name), number) != number:
                text = _(
                    "“%(field)s” is written by %(first)s already.", field=name, first=f"fields[{written[side, name]}]"
                )
                yield Finding("error", f"{place}.{side}", text)


def _check_target(rule: Rule, side: str, schema: ModuleSchema, place: str) -> Iterator[Finding]:
    target = schema.field(getattr(rule, side))
    if target is None:
        return
    if not target.editable:
        text = _("“%(field)s” (%(label)s) can only be read in that CRM.", field=target.name, label=target.label)
        yield Finding("error", f"{place}.{side}", text)
    if rule.source == "value":
        yield from _check_value(rule, target, place)


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


def _check_required(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    for side in definition.targets:
        given = {getattr(rule, side) for rule in definition.rules}
        missing = [f for f in schemas[side].fields if f.required and f.editable and f.default is None]
        names = [f"{f.name} ({f.label})" for f in missing if f.name not in given]
        if names:
            label, told = schemas[side].module.label, ", ".join(names)
            text = _("required by %(module)s, but no rule fills them: %(fields)s.", module=label, fields=told)
            yield Finding("error", "fields", text)


def _no_field(schema: ModuleSchema, name: str, place: str) -> Finding:
    near = get_close_matches(name, schema.names, n=1)
    module = schema.module.label
    text = _("%(module)s has no field “%(field)s”.", module=module, field=name)
    if near:
        text = _(
            "%(module)s has no field “%(field)s”. Did you mean “%(near)s”?", module=module, field=name, near=near[0]
        )
    return Finding("error", place, text)
