"""What a value becomes on the other side. PURE: knows no Django, no database, no vendor. The rule: a value that cannot be
carried over whole is refused by name, never cut or guessed; a field not carried stays not carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.errors import RecordInvalid
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema, Values
from connectors.wording import joined, said
from connectors.wording import text as _
from portal.mappings.convert import CODEC, convert
from portal.mappings.definition import Rule, SideName
from portal.mappings.tables import Table

Side = SideName
ABSENT: Final = object()  # a field the answer did not carry; None is empty
BROKEN: Final = object()  # an expression that fails for this record: never what it was, so that it is told each time
OTHER: Final[Mapping[Side, Side]] = {"left": "right", "right": "left"}
LISTS = frozenset({FieldType.CHOICE, FieldType.MULTICHOICE})


@dataclass(frozen=True, slots=True)
class Place:
    """One side of a mapping as values need it: its fields, the zone its people live in, the region of their phones, and
    whether entries can be added to its pick lists."""

    schema: ModuleSchema
    zone: str = "UTC"
    region: str = "GB"
    appends: bool = False


Lookup = Callable[[str, JSON], JSON]  # table name, value -> value; raises ValueError
Evaluate = Callable[
    [str, Values, Place, Lookup], JSON
]  # an expression, a record, its place -> value; raises ValueError
Partner = Callable[
    [str, Side, str], JSON
]  # a mapping, the side an id is of, the id -> its partner's id, an object that
# stands for one that will be there, or None


def no_expressions(text: str, values: Values, place: Place, lookup: Lookup) -> JSON:
    """Refuse an expression where nobody was handed in to evaluate it."""
    raise ValueError(_("expressions cannot be evaluated here"))


@dataclass(frozen=True, slots=True)
class Means:
    """What rules need besides the record: both places, the value tables by name, who evaluates an expression and tells
    which fields it reads, who knows the partner of a record that is referred to, and what could not be added to a pick
    list (side, field, entry)."""

    places: Mapping[Side, Place]
    tables: Mapping[str, Table] = field(default_factory=dict)
    evaluate: Evaluate = no_expressions
    reads: Callable[[str], frozenset[str]] = lambda text: frozenset()
    partner: Partner = lambda mapping, side, id: None
    barred: frozenset[tuple[Side, str, str]] = frozenset()

    def look_up(self, name: str, value: JSON, target: Side) -> JSON:
        """Return what a value becomes by that table on the target's side. Raises ValueError."""
        table = self.tables.get(name)
        if table is None:
            raise ValueError(_("needs the value table “%(name)s”, which does not exist", name=name))
        return table.look_up(value, target)


class NoPartner(RecordInvalid):
    """The record that is referred to has no partner on the other side yet. `waits` is {"mapping", "id"} of it."""

    def __init__(self, message: str, fields: Mapping[str, str], waits: Mapping[str, JSON]) -> None:
        super().__init__(message, fields=fields)
        self.waits = waits


@dataclass(frozen=True, slots=True)
class Intended:
    """What a record becomes: field -> value, field -> why not (`awaiting`: which of these wait for a partner, field -> the
    mapping and the id that has none); `rules` are the uuids that made the values."""

    values: Mapping[str, JSON]
    errors: Mapping[str, str]
    rules: tuple[str, ...]
    awaiting: Mapping[str, JSON] = field(default_factory=dict)


def intended(rules: Sequence[Rule], values: Values, source: Side, means: Means) -> Intended:
    """Return what the source's values become on the other side, with every field that cannot be carried over."""
    made: dict[str, JSON] = {}
    errors: dict[str, str] = {}
    awaiting: dict[str, JSON] = {}
    used = []
    for rule in rules:
        try:
            value = carried(rule, values, source, means)
        except RecordInvalid as e:
            errors |= e.fields
            awaiting |= awaited(e)
            continue
        if value is not ABSENT:
            made[rule.at(OTHER[source])] = value
            used.append(rule.uuid)
    return Intended(made, errors, tuple(used), awaiting)


def awaited(error: RecordInvalid) -> dict[str, JSON]:
    """Return field -> {"mapping", "id"} of the record whose partner is waited for; nothing for any other error."""
    return dict.fromkeys(error.fields, dict(error.waits)) if isinstance(error, NoPartner) else {}


def held(rule: Rule, values: Values, side: Side, means: Means) -> JSON:
    """Return what this side holds for the rule, as its server stores it; ABSENT where the answer did not carry it.

    A rule without a field on this side holds its constant there, or what its expression makes of the record (BROKEN where
    it cannot), so that a changed constant and whatever changes the outcome are seen as a change.
    """
    if name := rule.at(side):
        value = values.get(name, ABSENT)
        return _held_lines(rule, value, side, means) if rule.lines and isinstance(value, list) else value
    if rule.source != "expression":
        return rule.value
    try:
        return _evaluated(rule, values, side, means)
    except ValueError:
        return BROKEN


def carried(rule: Rule, values: Values, source: Side, means: Means) -> JSON:
    """Return what the rule puts into the other side's field, or ABSENT. Raises RecordInvalid naming that field, NoPartner
    where that is for want of a partner."""
    name = rule.at(OTHER[source])
    target = means.places[OTHER[source]].schema.field(name)
    if target is None:
        module = means.places[OTHER[source]].schema.module.label
        raise _refuse(name, _("“%(field)s” is not a field of %(module)s any more.", field=name, module=module))
    if rule.source == "expression":
        return _from_expression(rule, values, source, target, means)
    origin = "" if rule.source == "value" else rule.at(source)
    value = values.get(origin, ABSENT) if origin else rule.value
    if value is ABSENT:
        return ABSENT
    try:
        if rule.source == "lines":
            return _carried_lines(rule, value, source, target, means)
        return _converted(rule, value, source, target, means)
    except ValueError as e:
        told = _("“%(field)s” %(problem)s; the value is %(value)s.", field=target.label or name, problem=said(e), value=_shown(value))  # fmt: skip
        raise _refuse(name, told) from e


def _converted(rule: Rule, value: JSON, source: Side, target: FieldSchema, means: Means) -> JSON:
    """Return the value as the rule's source has it made: by a partner, a value table, or its type alone."""
    if value is None or rule.source == "value":
        return convert(value, None, target)
    if rule.source == "reference":
        partner = _partner(rule, value, source, target, means)
        return partner if isinstance(partner, dict) else CODEC.canonical(target, partner)
    if rule.table:
        made = means.look_up(rule.table, value, OTHER[source])
        return CODEC.canonical(_completed(means, rule.table, value, made, target, OTHER[source]), made)
    origin = means.places[source].schema.field(rule.at(source))
    return convert(value, origin, target, means.places[source].zone, means.places[OTHER[source]].zone)


def _completed(means: Means, name: str, value: JSON, made: JSON, target: FieldSchema, side: Side) -> FieldSchema:
    """Return the target with what has to be added to its list first, where the table says so. Refused where that list is not
    known, or takes nothing from here: the server might take the value, store another or none, each without a word. What
    stands in a row goes into an unknown list as any text. Raises ValueError."""
    table = means.tables[name]
    if table.unlisted != "append" or target.type not in LISTS:
        return target
    wanted = unlisted(made, target) if target.choices else table.unlisted_of(value, side)
    shown = ", ".join(f"“{part}”" for part in wanted)
    if wanted and not target.choices:
        raise ValueError(_("has no entry %(values)s yet: add it to the list, from the page of the value table “%(table)s”", values=shown, table=name))  # fmt: skip
    if wanted and not means.places[side].appends:
        raise ValueError(_("has no entry %(values)s, and nothing can be added to its list from here: add it in the CRM, or give it a row in the value table “%(table)s”", values=shown, table=name))  # fmt: skip
    return replace(target, choices=(*target.choices, *(Choice(part, part) for part in wanted)))


def unlisted(made: JSON, target: FieldSchema) -> list[str]:
    """Return which of the values made for a field with a known list are not on it."""
    listed = {choice.value for choice in target.choices}
    return [part for part in (made if isinstance(made, list) else [made]) if part is not None and part not in listed]


def _partner(rule: Rule, value: JSON, source: Side, target: FieldSchema, means: Means) -> JSON:
    partner = means.partner(rule.mapping, source, str(value))
    if partner is None:
        told = _(
            "“%(field)s” refers to the record %(id)s, which “%(mapping)s” has not brought to the other side yet.",
            field=target.label or target.name, id=str(value), mapping=rule.mapping,
        )  # fmt: skip
        raise NoPartner(told, {target.name: told}, {"mapping": rule.mapping, "id": value})
    return partner


def _held_lines(rule: Rule, lines: Sequence[JSON], side: Side, means: Means) -> JSON:
    """Return of each line what its rules hold, so that nothing counts as a change that no rule is about."""
    within = _within_lines(rule, means)
    found = []
    for line in (line for line in lines if isinstance(line, dict)):
        parts = {inner.held_as(side): held(inner, line, side, within) for inner in rule.lines}
        found.append({name: None if part is BROKEN else part for name, part in parts.items() if part is not ABSENT})
    return found or None


def _carried_lines(rule: Rule, lines: JSON, source: Side, target: FieldSchema, means: Means) -> JSON:
    """Return all lines as the other side has them, in their order. Raises RecordInvalid with every line that is wrong."""
    if lines in (None, []):
        return None
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ValueError(_("is no list of lines"))
    within, writing = _within_lines(rule, means), [inner for inner in rule.lines if inner.at(OTHER[source])]
    made = [intended(writing, line, source, within) for line in lines]
    wrong = [
        _numbered(n, why) for n, line in enumerate(made, 1) for why in (*line.errors.values(), *_lacking(line, target))
    ]
    if not wrong:
        return [dict(line.values) for line in made]
    told, waits = joined(" ", wrong), [w for line in made for w in line.awaiting.values()]
    if len(waits) == len(wrong):
        raise NoPartner(told, {target.name: told}, waits[0])
    raise _refuse(target.name, told)


def _within_lines(rule: Rule, means: Means) -> Means:
    """Return what the rules of lines need: both places have the fields of a line."""
    return replace(means, places={side: _line_place(means.places[side], rule.at(side)) for side in OTHER})


def _line_place(place: Place, name: str) -> Place:
    field = place.schema.field(name)
    lines = field.lines if field else ()
    schema = ModuleSchema(Module(name, field.label if field else name), lines)
    return replace(place, schema=schema, appends=False)  # no plan adds entries to the lists of lines


def _lacking(line: Intended, target: FieldSchema) -> list[str]:
    needed = [f for f in target.lines if f.required and f.editable and f.default is None and f.name not in line.errors]
    empty = [f for f in needed if line.values.get(f.name) is None]
    return [_("“%(field)s” is required there and empty here.", field=f.label or f.name) for f in empty]


def _numbered(number: int, why: str) -> str:
    return _("Line %(number)s: %(why)s", number=str(number), why=why)


def _from_expression(rule: Rule, values: Values, source: Side, target: FieldSchema, means: Means) -> JSON:
    try:
        value = _evaluated(rule, values, source, means)
        return ABSENT if value is ABSENT else convert(value, None, target)
    except ValueError as e:
        told = _("“%(field)s” cannot be made: %(problem)s.", field=target.label or target.name, problem=str(said(e)).rstrip("."))  # fmt: skip
        raise _refuse(target.name, told) from e


def _evaluated(rule: Rule, values: Values, source: Side, means: Means) -> JSON:
    """Return what the expression makes of the record; ABSENT where a field it reads was not carried. Raises ValueError."""
    if any(name not in values for name in means.reads(rule.expression)):
        return ABSENT
    return means.evaluate(
        rule.expression, values, means.places[source], lambda name, value: _in_expression(name, value, source, means)
    )


def _in_expression(name: str, value: JSON, source: Side, means: Means) -> JSON:
    """Return what the table says. What comes of it goes into no list that is known here, so nothing is added to one."""
    table = means.tables.get(name)
    if table is not None and table.unlisted == "append" and (lacking := table.unlisted_of(value, OTHER[source])):
        told = _("“%(value)s” stands in no row of the value table “%(name)s”, and an expression adds it to no list", value=lacking[0], name=name)  # fmt: skip
        raise ValueError(told)
    return means.look_up(name, value, OTHER[source])


def _refuse(name: str, why: str) -> RecordInvalid:
    return RecordInvalid(why, fields={name: why})


def _shown(value: JSON) -> str:
    text = str(value)
    if len(text) <= 60:
        return f"“{text}”"
    return _("“%(beginning)s…” (%(count)d characters)", beginning=text[:60], count=len(text))
