"""Answers why a field of a record holds what it holds: which run, by which rule as it read then, from which record and value, who
started it; or that it was edited in the CRM, or is not ours. The rule: it is told from what is written down, and no CRM is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.types import JSON, ModuleSchema
from connectors.values import is_secret_field, redact
from portal.connections.schema import kept_schema
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule
from portal.mappings.diff import rule_in_words
from portal.mappings.expression import ExpressionError, fields_of
from portal.mappings.models import Mapping, MappingVersion
from portal.mappings.stored import definition_of
from portal.records.models import Copy, CopyChange
from portal.sync.why.origin import Change, Origin, Write, origin, values_at

SETTLED = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY)


@dataclass(frozen=True, slots=True)
class Source:
    """The record a value was made from, and what the fields its rule reads held then."""

    entry: Entry
    values: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Why:
    """All there is to say about one value. `rule` is in words, "" where none made it; `mapping` None where it was deleted."""

    copy: Copy
    field: str
    value: JSON
    origin: Origin
    entry: Entry | None
    run: Run | None
    mapping: Mapping | None
    rule: str
    source: Source | None


def why(copy: Copy, field: str) -> Why:
    """Return where the value of that field of our copy came from."""
    value = redact({field: copy.values.get(field)})[field]
    write, made = _last_write(copy, field), _made(copy)
    found = origin(copy.values.get(field), _last_change(copy, field), write, made, copy.first_seen)
    entry = (
        Entry.objects.select_related("connection", "source_connection", "undoes").filter(pk=found.entry or 0).first()
    )
    run = Run.objects.select_related("user", "approved_by").filter(pk=found.run or 0).first()
    written = entry if found.kind == "written" else None
    mapping = Mapping.objects.filter(uuid=written.mapping).first() if written and written.mapping else None
    definition = _definition(mapping, written) if mapping and written else None
    rule = _rule(definition, written, field) if definition and written else None
    words = rule_in_words(rule, definition.direction) if definition and rule else ""
    source = _source(rule, written, definition) if rule and written and definition else None
    return Why(copy, field, value, found, entry, run, mapping, words, source)


def field_named(schema: ModuleSchema | None, copy: Copy, text: str) -> str | None:
    """Return the name of the field a person means: by its name, or by its label where only one has it; None for none."""
    if text in copy.values:
        return text
    fields = [f.name for f in schema.fields if text in (f.name, f.label)] if schema else []
    return fields[0] if len(fields) == 1 else None


def schema_of(copy: Copy) -> ModuleSchema | None:
    """Return the fields of the copy's module as last told; None where they never were."""
    return kept_schema(copy.mirror.connection, copy.mirror.module)


def _last_change(copy: Copy, field: str) -> Change | None:
    rows = CopyChange.objects.filter(mirror=copy.mirror_id, record_id=copy.record_id).order_by("-version")
    for row in rows.iterator(chunk_size=100):
        if field in row.changes:
            before, after = row.changes[field]
            return Change(row.at, before, after, row.run_id)
    return None


def _entries(copy: Copy) -> Any:
    here = {"connection": copy.mirror.connection_id, "module": copy.mirror.module, "record_id": copy.record_id}
    return Entry.objects.filter(**here, state__in=SETTLED).order_by("-settled_at", "-pk")


def _last_write(copy: Copy, field: str) -> Write | None:
    for entry in _entries(copy).filter(action__in=(Entry.Action.CREATE, Entry.Action.UPDATE)).iterator(chunk_size=100):
        if field in entry.intended:
            return _write(entry, field, copy)
    return None


def _made(copy: Copy) -> Write | None:
    entry = _entries(copy).filter(action=Entry.Action.CREATE).first()
    return _write(entry, "", copy) if entry else None


def _write(entry: Entry, field: str, copy: Copy) -> Write:
    """Return the entry as a write of that field. A password-like value is kept nowhere: what we sent last is what is there."""
    stored = copy.values.get(field) if is_secret_field(field) else entry.stored.get(field, entry.intended.get(field))
    settled = entry.settled_at or entry.created_at
    return Write(entry.pk, entry.run_id, entry.sent_at or settled, settled, stored, entry.action == Entry.Action.CREATE)


def _definition(mapping: Mapping, entry: Entry) -> Definition | None:
    try:
        return definition_of(mapping, entry.mapping_version)
    except MappingVersion.DoesNotExist:
        return None


def _rule(definition: Definition, entry: Entry, field: str) -> Rule | None:
    """Return the rule of that version that filled the field."""
    target = "right" if _is_left(definition, entry) else "left"
    made = (rule for rule in definition.rules if rule.uuid in entry.rules)
    return next((rule for rule in made if rule.at(target) == field), None)  # type: ignore[arg-type]


def _is_left(definition: Definition, entry: Entry) -> bool:
    """Say whether the entry's source is the mapping's left side."""
    source = entry.source_connection.name if entry.source_connection else ""
    return (source, entry.source_module) == (definition.left.connection, definition.left.module)


def _source(rule: Rule, entry: Entry, definition: Definition) -> Source:
    """Return the source record with what the rule's fields held when the value was made."""
    where = {"mirror__connection": entry.source_connection_id, "mirror__module": entry.source_module}
    copy = Copy.objects.filter(**where, record_id=entry.source_id).first()
    if copy is None or entry.source_version is None:
        return Source(entry, {})
    later = CopyChange.objects.filter(
        mirror=copy.mirror_id, record_id=copy.record_id, version__gt=entry.source_version
    ).order_by("-version")
    then = values_at(copy.values, later.values_list("changes", flat=True).iterator(chunk_size=100))
    return Source(
        entry, redact({name: then[name] for name in _reads(rule, _is_left(definition, entry)) if name in then})
    )


def _reads(rule: Rule, from_left: bool) -> list[str]:
    """Return the fields of the source that the rule reads."""
    if rule.source == "expression":
        try:
            return sorted(fields_of(rule.expression))
        except ExpressionError:
            return []
    name = rule.left if from_left else rule.right
    return [name] if name else []
