"""A waiting entry as a person reads it who has to choose: both records, what they hold, what was last agreed, and what can be
chosen. The rule: what is shown is what the choice is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from connectors.types import JSON, TEXT_TYPES, FieldSchema
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.records.display import brief, words
from portal.records.models import Copy
from portal.records.names import label
from portal.sync.cases import OTHER, SIDES
from portal.sync.choice import JOIN, RETRY
from portal.sync.inbox_known import Known, Module, Place, candidates, doubles
from portal.sync.inbox_words import UNSURE, chosen_words, offer
from portal.sync.lines import record_url
from portal.sync.options import GONE, fields_of, is_unclear, living_at, options
from portal.sync.reasons import describe

FEW = 4  # values that tell one candidate from the other


@dataclass(frozen=True, slots=True)
class Shown:
    """A record: its module in words, what it is called, its address, when it was changed last and by whom, and whether it is
    still there; `told` are some values that tell it from its like."""

    place: str
    id: str
    name: str
    url: str
    modified: str = ""
    by: str = ""
    deleted: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field with the value of either side and what both last agreed on; `rule` names it in a choice."""

    rule: str
    name: str
    left: SafeString
    right: SafeString
    base: SafeString | None
    differs: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One waiting entry. `offers` are (code, words); `version` that of the record that is left, as it is shown; `chosen` what
    somebody chose already, `before` what was chosen about the entry it took the place of."""

    entry: Entry
    name: str
    why: str | Promise
    records: tuple[Shown, ...]
    fields: tuple[FieldLine, ...]
    holds: tuple[FieldLine, ...]
    refused: tuple[tuple[str, str, JSON], ...]
    candidates: tuple[Shown, ...]
    doubles: tuple[Shown, ...]
    sent: tuple[tuple[str, JSON], ...]
    takes: tuple[str, ...]
    offers: tuple[tuple[str, str], ...]
    version: int | None
    chosen: str
    before: str

    @property
    def joins(self) -> bool:
        """Say whether a record may be named that is it."""
        return JOIN in self.takes

    @property
    def can_choose(self) -> bool:
        """Say whether there is more to choose than to look again."""
        return self.takes != (RETRY,)


def inbox_lines(entries: Iterable[Entry], known: Known) -> list[Line]:
    """Return these entries as lines."""
    return [_line(entry, known) for entry in entries]


def _line(entry: Entry, known: Known) -> Line:
    mapping = known.mappings[entry.mapping]  # type: ignore[index]
    places, side = known.places(entry), known.side(entry)
    takes = options(entry, known.directions.get(mapping.uuid, ""))
    living = living_at(entry)
    copy = known.copies.get((living[0].pk, living[1], living[2]))
    old = known.before.get(entry.pk)
    ids = {side: entry.source_id, OTHER[side]: entry.record_id}
    return Line(
        entry,
        entry.label or entry.source_id or entry.record_id,
        entry.message or describe(entry.reason).text,
        tuple(shown(places[at], ids[at], known) for at in SIDES if ids[at]),
        tuple(_field(rule, ask, places, known) for rule, ask in fields_of(entry).items()),
        tuple(_held(entry, places, known)) if entry.reason in GONE else (),
        tuple(_refused(entry)),
        tuple(shown(places[OTHER[side]], id, known) for id in candidates(entry)) if JOIN in takes else (),
        tuple(shown(places[side], id, known) for id in doubles(entry)),
        tuple(entry.intended.items()) if is_unclear(entry) else (),
        takes,
        tuple((take, offer(take, entry)) for take in takes if take not in UNSURE),
        copy.version if copy and entry.reason in GONE else None,
        chosen_words(entry, mapping) if entry.decision else "",
        chosen_words(old, mapping) if old else "",
    )


def shown(place: Place, id: str, known: Known) -> Shown:
    """Return the record of that id as far as our copies know it."""
    module, copy = known.modules[place], known.copies.get((*place, id))
    text = f"{module.connection.name} · {module.schema.module.label if module.schema else place[1]}"
    url = record_url(module.connection, place[1], id)
    if copy is None:
        return Shown(text, id, id, url)
    name = label(copy.values, module.schema.label_fields if module.schema else (), id)
    deleted = str(copy.get_deleted_display()) if copy.deleted else ""
    return Shown(text, id, name, url, copy.modified, _modifier(module, copy), deleted, _told(module, copy))


def _modifier(module: Module, copy: Copy) -> str:
    field = module.modifier
    return words(field, copy.values.get(field.name), module.names) if field else ""


def _told(module: Module, copy: Copy) -> str:
    """Return the first values that a person would tell the record by, besides its name."""
    schema = module.schema
    if schema is None:
        return ""
    plain = [f for f in schema.fields if f.type in TEXT_TYPES and f.editable and f.name not in schema.label_fields]
    values = (words(field, copy.values.get(field.name), module.names) for field in plain)
    return ", ".join([value[:60] for value in values if value][:FEW])


def _field(rule: str, ask: dict[str, JSON], places: dict[Side, Place], known: Known) -> FieldLine:
    modules = [known.modules[places[side]] for side in SIDES]
    fields = [module.field(name) for module, name in zip(modules, ask["fields"], strict=True)]
    values = [_value(f, ask[side], m) for f, side, m in zip(fields, SIDES, modules, strict=True)]
    base = ask.get("base")
    agreed = _value(fields[0], base[0], modules[0]) if base else None
    return FieldLine(rule, fields[0].label or fields[0].name, values[0], values[1], agreed)


def _held(entry: Entry, places: dict[Side, Place], known: Known) -> Iterable[FieldLine]:
    """Yield what the record that is left holds, and what both sides last agreed on."""
    connection, module, id = living_at(entry)
    side = next(side for side in SIDES if places[side] == (connection.pk, module))
    copy, where, base = known.copies.get((connection.pk, module, id)), known.modules[places[side]], known.base(entry)
    for rule in known.rules.get(entry.mapping, ()) if copy else ():  # type: ignore[arg-type]
        name, agreed = getattr(rule, side), base.get(str(rule.uuid))
        if name and copy is not None:
            field, now, then = where.field(name), copy.values.get(name), agreed[SIDES.index(side)] if agreed else None
            value, last = _value(field, now, where), _value(field, then, where) if agreed else None
            yield FieldLine(str(rule.uuid), field.label or name, value, value, last, bool(agreed) and now != then)


def _refused(entry: Entry) -> Iterable[tuple[str, str, JSON]]:
    """Yield field, reason and value of what a CRM refused."""
    fields = entry.evidence.get("fields")
    for name, told in fields.items() if isinstance(fields, dict) else ():
        if isinstance(told, dict):
            yield name, str(told.get("why", "")), told.get("value")


def _value(field: FieldSchema, value: JSON, module: Module) -> SafeString:
    text = brief(field, value, module.names)
    return text if value not in (None, "", []) else SafeString(f'<span class="nothing">{_("empty")}</span>')
