"""What is wrong with a mapping before anything runs. PURE: two schemas and a definition in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from connectors.errors import QueryError
from connectors.query import check as check_query
from connectors.query import parse
from connectors.types import FieldSchema, ModuleSchema
from connectors.values import is_secret_field
from portal.mappings.definition import Definition, Rule

Schemas = Mapping[str, ModuleSchema]  # "left" and "right"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. An "error" is refused, a "warning" is shown. `place` is as in the document; `text` with
    `params` is the sentence, apart so that the screen can translate it."""

    level: Literal["error", "warning"]
    place: str
    text: str
    params: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        message = self.text % self.params
        return f"{self.place}: {message}" if self.place else message


def gettext_noop(text: str) -> str:
    """Mark a sentence for translation; this module knows no Django."""
    return text


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
        yield Finding(
            "error",
            "direction",
            gettext_noop(
                "“both” is not possible yet: choose left-to-right or right-to-left. It is never run one way instead."
            ),
        )
    same = (definition.left.connection, definition.left.module) == (
        definition.right.connection,
        definition.right.module,
    )
    if same:
        yield Finding("error", "right", gettext_noop("left and right are the same module of the same connection."))


def _check_filters(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    for side, text in (("left", definition.left.filter), ("right", definition.right.filter)):
        try:
            check_query(parse(text, schemas[side]), (), schemas[side])
        except QueryError as e:
            yield Finding("error", f"{side}.filter", "%(why)s", {"why": str(e)})


def _check_match(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    if not definition.match:
        text = gettext_noop("name at least one pair of fields by which records are recognised.")
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
            text = gettext_noop("rules from “%(source)s” are not possible yet.")
            yield Finding("error", place, text, {"source": rule.source})
        for side in definition.targets:
            yield from _check_target(rule, side, schemas[side], place)
            name = getattr(rule, side)
            if name and written.setdefault((side, name), number) != number:
                text = gettext_noop("“%(field)s” is written by %(first)s already.")
                params = {"field": name, "first": f"fields[{written[side, name]}]"}
                yield Finding("error", f"{place}.{side}", text, params)


def _check_target(rule: Rule, side: str, schema: ModuleSchema, place: str) -> Iterator[Finding]:
    target = schema.field(getattr(rule, side))
    if target is None:
        return
    if not target.editable:
        text = gettext_noop("“%(field)s” (%(label)s) can only be read in that CRM.")
        yield Finding("error", f"{place}.{side}", text, {"field": target.name, "label": target.label})
    if rule.source == "value":
        yield from _check_value(rule, target, place)


def _check_value(rule: Rule, target: FieldSchema, place: str) -> Iterator[Finding]:
    if is_secret_field(target.name):  # rules are kept and shown readably
        text = gettext_noop("“%(field)s” is a password or a key: a fixed value would stand readably in the mapping.")
        yield Finding("error", f"{place}.value", text, {"field": target.name})
    choices = {c.value for c in target.choices}
    if choices and isinstance(rule.value, str) and rule.value not in choices:
        text = gettext_noop("“%(value)s” is not among the choices of “%(field)s”.")
        yield Finding("warning", f"{place}.value", text, {"value": rule.value, "field": target.name})
    if target.max_length and isinstance(rule.value, str) and len(rule.value) > target.max_length:
        text = gettext_noop("longer than the %(length)s characters of “%(field)s”.")
        yield Finding("error", f"{place}.value", text, {"length": str(target.max_length), "field": target.name})


def _check_required(definition: Definition, schemas: Schemas) -> Iterator[Finding]:
    for side in definition.targets:
        given = {getattr(rule, side) for rule in definition.rules}
        missing = [f for f in schemas[side].fields if f.required and f.editable and f.default is None]
        names = [f"{f.name} ({f.label})" for f in missing if f.name not in given]
        if names:
            text = gettext_noop("required by %(module)s, but no rule fills them: %(fields)s.")
            yield Finding("error", "fields", text, {"module": schemas[side].module.label, "fields": ", ".join(names)})


def _no_field(schema: ModuleSchema, name: str, place: str) -> Finding:
    near = get_close_matches(name, schema.names, n=1)
    params = {"module": schema.module.label, "field": name, "near": near[0] if near else ""}
    if near:
        return Finding(
            "error", place, gettext_noop("%(module)s has no field “%(field)s”. Did you mean “%(near)s”?"), params
        )
    return Finding("error", place, gettext_noop("%(module)s has no field “%(field)s”."), params)
