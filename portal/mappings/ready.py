"""The mapping a person would begin with, made from two modules as they describe themselves. PURE: knows no Django, no database, no
vendor. The rule: nothing is invented and nothing is hidden. What would make records fail is left out by name, and what a new
record needs and nothing can fill stays an error of the check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from connectors.types import POINTER_TYPES, FieldSchema, FieldType
from connectors.wording import text as _
from portal.mappings.check import check
from portal.mappings.definition import Definition, Rule, Side, SideName
from portal.mappings.findings import Known, Schemas
from portal.mappings.meaning import meanings
from portal.mappings.pairing import Profiles
from portal.mappings.ready_tables import ReadyTable, table_between
from portal.mappings.ready_values import why_not
from portal.mappings.suggest import Suggestion, suggest
from portal.mappings.suggest_keys import suggest_match_key
from portal.mappings.suggest_lines import lines_pair, lines_rule
from portal.mappings.transform import OTHER

SURE = (
    0.7  # less sure is offered in the editor, but not taken without asking: there the values or half a name alone speak
)
_LETS_IN = frozenset({"portal"})  # a yes in it opens a CRM's own portal to a customer, often with an e-mail


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Two fields that look like one and have no rule. `reason` is a sentence for a person, to be translated."""

    left: str
    right: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A mapping to begin with, the value tables it goes through that are not there yet, and what it leaves to the person."""

    definition: Definition
    left_out: tuple[LeftOut, ...]
    tables: tuple[ReadyTable, ...] = ()


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every step looks at: the mapping without its rules, both modules, what the mirrors hold, what else there is."""

    definition: Definition
    schemas: Schemas
    profiles: Profiles
    known: Known
    letting_in: Collection[tuple[SideName, str]]
    with_tables: bool

    def fields(self, suggestion: Suggestion) -> dict[SideName, FieldSchema]:
        """Return the field of each side."""
        names: dict[SideName, str] = {"left": suggestion.left, "right": suggestion.right}
        return {side: f for side, schema in self.schemas.items() if (f := schema.field(names[side]))}


def ready(
    left: Side,
    right: Side,
    schemas: Schemas,
    profiles: Profiles,
    known: Known,
    direction: str,
    *,
    name: str = "",
    with_tables: bool = True,
) -> Ready:
    """Return the best mapping that can be made without asking. `profiles` are what the mirrors hold, as far as there are mirrors;
    `known.mappings` are those that may say which record is which where one refers to another. `with_tables`: may it go through
    value tables that are made for it."""
    desk = _Desk(Definition(name, left, right, direction), schemas, profiles, known, _letting_in(schemas), with_tables)
    found = suggest(schemas["left"], schemas["right"], profiles, targets=desk.definition.targets)
    judged, tables = _settled(found, desk)
    desk = replace(desk, known=replace(known, tables={**known.tables, **{one.table.name: one.table for one in tables}}))
    left_out = [LeftOut(s.left, s.right, reason) for s, reason in judged if isinstance(reason, str)]
    rules, refused = _passing([*(rule for _s, rule in judged if isinstance(rule, Rule)), *_lines(desk)], desk)
    rules += _for_required(rules, desk)
    definition = replace(desk.definition, rules=tuple(rules), match=_key(rules, desk))
    carried = {(rule.left, rule.right) for rule in rules}
    kept = tuple(one for one in (*left_out, *refused) if (one.left, one.right) not in carried)
    return Ready(definition, kept, tuple(one for one in tables if (one.left, one.right) in carried))


def _lines(desk: _Desk) -> list[Rule]:
    pair = lines_pair(desk.schemas)
    rule = lines_rule(Rule(*pair), desk.definition, desk.schemas, desk.known.mappings) if pair else None
    return [rule] if rule and rule.lines else []


def _settled(found: Iterable[Suggestion], desk: _Desk) -> tuple[list[tuple[Suggestion, Rule | str]], list[ReadyTable]]:
    """Return for each suggestion its rule, or why there is none; and the value tables that some of the rules need."""
    judged: list[tuple[Suggestion, Rule | str]] = []
    tables: list[ReadyTable] = []
    for suggestion in found:
        said = _judged(suggestion, desk)
        if isinstance(said, Rule) and said.source == "field" and (why := _misfit(suggestion, desk)):
            made = _table(suggestion, desk, tables) if desk.with_tables else None
            said = replace(said, table=made.table.name) if made else why
            tables += [made] if made else []
        judged.append((suggestion, said))
    return judged, tables


def _table(suggestion: Suggestion, desk: _Desk, made: Iterable[ReadyTable]) -> ReadyTable | None:
    """Return a value table between the two fields, where their lists are known and meet."""
    fields = desk.fields(suggestion)
    seen = {side: desk.profiles.get(side, {}).get(field.name) for side, field in fields.items()}
    name = f"{desk.definition.name}-{fields['left'].label or fields['left'].name}"
    taken = {*desk.known.tables, *(one.table.name for one in made)}
    return table_between(fields, seen, desk.definition.targets, name, taken)


def _judged(suggestion: Suggestion, desk: _Desk) -> Rule | str:
    """Return the rule for two fields, or why there is none."""
    fields = desk.fields(suggestion)
    types = {field.type for field in fields.values()}
    if suggestion.confidence < SURE:
        return _("it is not sure enough that the two are the same")
    if FieldType.OWNER in types:
        return _owners(desk)
    if types & POINTER_TYPES:
        return _reference(suggestion, fields, desk)
    if any((side, field.name) in desk.letting_in for side, field in fields.items()):
        return _("it lets people into the portal of that CRM, which nobody should be by a copy")
    return Rule(suggestion.left, suggestion.right)


def _misfit(suggestion: Suggestion, desk: _Desk) -> str:
    """Return why records would fail by a rule between the two fields as they are; "" where nothing speaks for that."""
    fields = desk.fields(suggestion)
    for side in desk.definition.targets:
        seen = desk.profiles.get(OTHER[side], {}).get(fields[OTHER[side]].name)
        if why := why_not(fields[OTHER[side]], fields[side], seen):
            return why
    return ""


def _letting_in(schemas: Schemas) -> set[tuple[SideName, str]]:
    return {(side, m.field.name) for side, schema in schemas.items() for m in meanings(schema) if m.terms & _LETS_IN}


def _owners(desk: _Desk) -> str:
    lacking = [desk.schemas[side] for side in desk.definition.targets if not desk.schemas[side].default_owner]
    if lacking:
        named = ", ".join(schema.module.label for schema in lacking)
        return _("owners are other people in each CRM: name an owner of new records of %(modules)s in the connection, or make a value table", modules=named)  # fmt: skip
    return _("owners are other people in each CRM: new records get the owner that the connection names")


def _reference(suggestion: Suggestion, fields: dict[SideName, FieldSchema], desk: _Desk) -> Rule | str:
    for side in desk.definition.targets:
        mapping, uncovered = _joining(fields[OTHER[side]], fields[side], side, desk)
        if not mapping and _is_its_own(fields, desk):
            return _(
                "it refers to records of this mapping itself: add it as a linked record once they are on both sides"
            )
        if not mapping:
            told = ", ".join(fields[side].refers_to) or fields[side].label
            return _("no mapping of these two connections says yet which record of %(module)s is which: make that one first", module=told)  # fmt: skip
        if uncovered:
            return _("it may also refer to %(modules)s, which “%(mapping)s” does not bring to the other side", modules=", ".join(uncovered), mapping=mapping)  # fmt: skip
    return Rule(suggestion.left, suggestion.right, source="reference", mapping=mapping)


def _is_its_own(fields: dict[SideName, FieldSchema], desk: _Desk) -> bool:
    return all(desk.schemas[side].module.name in field.refers_to for side, field in fields.items())


def _joining(origin: FieldSchema, target: FieldSchema, side: SideName, desk: _Desk) -> tuple[str, list[str]]:
    """Return the mapping whose pairs say which record is which, and which modules the origin may refer to besides; "" where
    there is no such mapping."""
    here, there = getattr(desk.definition, OTHER[side]).connection, getattr(desk.definition, side).connection
    for name, sides in sorted(desk.known.mappings.items()):
        ends = {part.connection: part.module for part in sides}
        if set(ends) == {here, there} and ends[here] in origin.refers_to and ends[there] in target.refers_to:
            return name, [module for module in origin.refers_to if module != ends[here]]
    return "", []


def _passing(rules: list[Rule], desk: _Desk) -> tuple[list[Rule], list[LeftOut]]:
    """Return the rules with which the check finds no error, and the others with the error."""
    found = check(replace(desk.definition, rules=tuple(rules)), desk.schemas, desk.known)
    wrong: dict[int, str] = {}
    for finding in found:
        if finding.level == "error" and finding.place.startswith("fields["):
            wrong.setdefault(int(finding.place[len("fields[") :].partition("]")[0]), finding.text)
    refused = [LeftOut(rules[number].left, rules[number].right, text) for number, text in wrong.items()]
    return [rule for number, rule in enumerate(rules) if number not in wrong], refused


def _for_required(rules: Iterable[Rule], desk: _Desk) -> list[Rule]:
    """Return rules for what a new record needs and no rule fills, as far as that can be done without inventing anything."""
    found = []
    for side in desk.definition.targets:
        given = {rule.at(side) for rule in rules}
        wanted = [f for f in desk.schemas[side].fields if f.required and f.editable and f.name not in given]
        found += [rule for field in wanted if (rule := _filling(field, side, desk))]
    return _passing(found, desk)[0]


def _filling(field: FieldSchema, side: SideName, desk: _Desk) -> Rule | None:
    """Return the one honest way to fill the field: what it refers to by a mapping, its default, its only choice."""
    if field.type is FieldType.REFERENCE:
        return _only_reference(field, side, desk)
    values = [field.default] if field.default is not None else [choice.value for choice in field.choices]
    if field.type is FieldType.OWNER or len(values) != 1:
        return None  # an owner is named in the connection, which gives it to new records by itself
    rule = Rule(source="value", value=values[0], only_on_create=True)
    return replace(rule, left=field.name) if side == "left" else replace(rule, right=field.name)


def _only_reference(field: FieldSchema, side: SideName, desk: _Desk) -> Rule | None:
    origins = [f for f in desk.schemas[OTHER[side]].fields if f.type is FieldType.REFERENCE]
    found = [(f, mapping) for f in origins if (mapping := _joining(f, field, side, desk)[0])]
    if len(found) != 1:
        return None
    origin, mapping = found[0]
    names = (origin.name, field.name) if side == "right" else (field.name, origin.name)
    return Rule(*names, source="reference", mapping=mapping)


def _key(rules: Iterable[Rule], desk: _Desk) -> tuple[tuple[str, str], ...]:
    """Return the best match key that new records have too, else the best."""
    carried = {(rule.left, rule.right) for rule in rules}
    keys = suggest_match_key(desk.schemas["left"], desk.schemas["right"], desk.profiles)
    lasting = [key for key in keys if set(key.pairs) <= carried]
    return next((key.pairs for key in (*lasting, *keys)), ())
