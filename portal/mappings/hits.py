"""What a change of a module's fields does to a mapping. PURE: a definition and two descriptions in, hits out. The rule: only
what is certain to go wrong breaks a mapping; all else is told and the mapping goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.errors import QueryError
from connectors.query import conditions, parse
from connectors.types import JSON, ModuleSchema
from connectors.wording import text as _
from portal.connections.schema_diff import Kind, SchemaChange
from portal.mappings.choice_hits import is_named, table_feels, table_words
from portal.mappings.definition import Definition, Rule
from portal.mappings.definition import SideName as Side
from portal.mappings.tables import Table

OTHER: dict[Side, Side] = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a mapping uses a field. `what` is "rule", "match" or "filter"; `writes`: its value is changed there;
    `values`: those named there, None where any value may come; `tables`: those it goes through."""

    field: str
    what: str
    words: str
    writes: bool = False
    values: tuple[JSON, ...] | None = None
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What is known besides the definition: which fields and which tables an expression reads, and the tables by name."""

    reads: Callable[[str], Collection[str]]
    looks_up: Callable[[str], Collection[str]] = lambda expression: ()
    tables: Mapping[str, Table] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A change that a mapping feels: where, and whether it can no longer work for certain; `tables` are those in which the
    entry stands that is gone, `in_filter`: it is named in the filter."""

    change: SchemaChange
    places: tuple[str, ...]
    breaks: bool = False
    tables: tuple[str, ...] = ()
    in_filter: bool = False


def hits(
    definition: Definition,
    side: Side,
    changes: Sequence[SchemaChange],
    before: ModuleSchema,
    after: ModuleSchema | None,
    around: Around,
) -> list[Hit]:
    """Return what the changes of that side's module mean for the mapping; changes it does not feel are left out."""
    used = list(uses(definition, side, before, around))
    text = getattr(definition, side).filter
    unreadable = after is not None and _reads(text, before) and not _reads(text, after)
    found = (_hit(definition, side, change, used, after) for change in changes)
    return [_with_filter(hit, unreadable, used) for hit in found if hit is not None]


def uses(definition: Definition, side: Side, schema: ModuleSchema, around: Around) -> Iterator[Use]:
    """Yield every place where the mapping uses a field of that side: rules, match key, filter."""
    for rule in definition.rules:
        yield from _of_rule(definition, rule, side, around)
    for left, right in definition.match:
        yield Use(left if side == "left" else right, "match", _("match key"))
    try:
        found = parse(getattr(definition, side).filter, schema)
    except QueryError:  # it could not be read before either: runs say so
        return
    for condition in conditions(found):
        yield Use(condition.field, "filter", _("filter"), values=condition.values)


def _of_rule(definition: Definition, rule: Rule, side: Side, around: Around) -> Iterator[Use]:
    name, words, written = rule.at(side), _in_words(rule), definition.targets_of(rule)
    if name:
        values = (rule.value,) if rule.source == "value" else None
        yield Use(name, "rule", words, side in written, values, _named(around, [rule.table] if rule.table else ()))
    if rule.source == "expression" and OTHER[side] in written:
        tables = _named(around, around.looks_up(rule.expression))
        yield from (Use(read, "rule", words, tables=tables) for read in sorted(around.reads(rule.expression)))
    for line in rule.lines:
        for use in _of_rule(definition, line, side, around):
            yield replace(use, field=f"{name}.{use.field}", words=_("%(rule)s, of its lines", rule=use.words))


def _named(around: Around, names: Iterable[str]) -> tuple[Table, ...]:
    return tuple(around.tables[name] for name in sorted(names) if name in around.tables)


def _in_words(rule: Rule) -> str:
    shown = " → ".join(name for name in (rule.left, rule.right) if name)
    if rule.table:
        return _("rule “%(fields)s” with the value table “%(table)s”", fields=shown, table=rule.table)
    if rule.source == "value":
        return _("rule “%(fields)s” with the fixed value “%(value)s”", fields=shown, value=_shown(rule.value))
    return _("rule “%(fields)s”", fields=shown)


def _shown(value: JSON) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reads(text: str, schema: ModuleSchema) -> bool:
    try:
        parse(text, schema)
    except QueryError:
        return False
    return True


def _hit(
    definition: Definition, side: Side, change: SchemaChange, used: Sequence[Use], after: ModuleSchema | None
) -> Hit | None:
    is_target = side in definition.targets
    if change.kind in (Kind.MODULE_GONE, Kind.MODULE_READ_ONLY):
        felt = is_target or change.kind == Kind.MODULE_GONE
        return Hit(change, (_("the whole mapping"),), True) if felt else None
    if change.kind == Kind.NOW_REQUIRED:
        return _required(change, used, after) if is_target else None
    here = [use for use in used if use.field == change.field and _feels(use, change, side)]
    if not here:
        return None
    rows = {table.name: table_words(table, side, change) for use in here for table in use.tables}
    said = (*_words_of(here), *(words for name in rows for words in rows[name]))
    in_filter = any(use.what == "filter" for use in here)
    breaks = change.kind in (Kind.READ_ONLY, Kind.FIELD_GONE)
    return Hit(change, said, breaks, tuple(name for name in rows if rows[name]), in_filter)


def _required(change: SchemaChange, used: Sequence[Use], after: ModuleSchema | None) -> Hit | None:
    """A field that must be filled: by a rule, by the CRM or the connection (a default), or every new record is refused."""
    filled = [use for use in used if use.field == change.field and use.writes]
    if filled:
        return Hit(change, _words_of(filled))
    field = after.field(change.field) if after else None
    if field is None or field.default is not None:
        return None
    return Hit(change, (_("no rule fills it"),), True)


def _feels(use: Use, change: SchemaChange, side: Side) -> bool:
    """Say whether this use is any different after the change."""
    if change.kind in (Kind.READ_ONLY, Kind.SHORTER):
        return use.writes
    if change.kind in (Kind.CHOICE_GONE, Kind.CHOICE_NEW) and use.tables:
        return any(table_feels(table, side, change, writes=use.writes) for table in use.tables)
    if change.kind == Kind.CHOICE_GONE:
        return use.what == "rule" if use.values is None else is_named(use.values, change.before)
    if change.kind == Kind.CHOICE_NEW:
        return use.values is None and use.what != "match"
    return change.kind in (Kind.FIELD_GONE, Kind.TYPE_CHANGED)


def _with_filter(hit: Hit, unreadable: bool, used: Sequence[Use]) -> Hit:
    """A filter that makes no sense any more stops every run: no record would be known to be inside or outside."""
    filtered = any(use.what == "filter" and use.field == hit.change.field for use in used)
    return replace(hit, breaks=True) if unreadable and filtered else hit


def _words_of(used: Sequence[Use]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(use.words for use in used))
