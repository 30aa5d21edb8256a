"""A waiting entry as a person reads it who has to choose: both records, what they hold, what was last agreed, and what can be
chosen. The rule: what is shown is what the choice is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from connectors.types import JSON, FieldSchema
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.records.display import BLOCKS, brief, show
from portal.sync.cases import OTHER, SIDES
from portal.sync.choices.choice import JOIN, RETRY
from portal.sync.choices.decided import choice_about
from portal.sync.choices.options import GONE, fields_of, is_unclear, living_at, options
from portal.sync.flips import FLIPS
from portal.sync.inbox.known import Known, Module, Place, candidates, doubles
from portal.sync.inbox.records import Shown, shown
from portal.sync.inbox.words import WORDLESS, chosen_words, offer
from portal.sync.reasons import describe


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
class Evidence:
    """What an entry waits about: both records; the fields that both changed; what the record that is left of a pair `holds`;
    which values were `refused` (field, why, value); the records of which one may be it; those of its own side with the same
    key; and what was `sent` of which nobody knows whether it arrived."""

    records: Sequence[Shown]
    fields: Sequence[FieldLine]
    holds: Sequence[FieldLine]
    refused: Sequence[tuple[str, str, JSON]]
    candidates: Sequence[Shown]
    doubles: Sequence[Shown]
    sent: Sequence[tuple[str, JSON]]


@dataclass(frozen=True, slots=True)
class Line:
    """One waiting entry. `takes` may be chosen, `offers` are those of them with words of their own; `version` is that of the
    record that is left, as it is shown; `chosen` what somebody chose already, `before` about the entry it took the place of."""

    entry: Entry
    name: str
    why: str | Promise
    evidence: Evidence
    takes: Sequence[str]
    offers: Sequence[tuple[str, str]]
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
    mapping, old = known.mappings[entry.mapping], known.before.get(entry.pk)  # type: ignore[index]
    takes = options(entry, known.directions.get(mapping.uuid, ""))
    connection, module, id = living_at(entry)
    living = known.copies.get((connection.pk, module, id)) if entry.reason in GONE else None
    return Line(
        entry,
        name=entry.label or entry.source_id or entry.record_id,
        why=entry.message or describe(entry.reason).text,
        evidence=_evidence(entry, known, takes),
        takes=takes,
        offers=[(take, offer(take, entry)) for take in takes if take not in WORDLESS],
        version=living.version if living else None,
        chosen=chosen_words(entry, mapping) if entry.decision else "",
        before=chosen_words(old, mapping) if old and choice_about(old).take != RETRY else "",
    )


def _evidence(entry: Entry, known: Known, takes: Sequence[str]) -> Evidence:
    places, side = known.places(entry), known.side(entry)
    ids = {side: entry.source_id, OTHER[side]: entry.record_id}
    return Evidence(
        records=[shown(places[at], ids[at], known) for at in SIDES if ids[at]],
        fields=[_field(rule, ask, places, known) for rule, ask in fields_of(entry).items()],
        holds=list(_held(entry, places, known)) if entry.reason in GONE else [],
        refused=list(_refused(entry)),
        candidates=[shown(places[OTHER[side]], id, known) for id in candidates(entry)] if JOIN in takes else [],
        doubles=[shown(places[side], id, known) for id in doubles(entry)],
        sent=list(entry.intended.items()) if is_unclear(entry) else [],
    )


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
    """Yield field, reason and value of what a CRM refused, or of what goes back and forth."""
    for name, given in entry.evidence.get(FLIPS, {}).items() if entry.reason == FLIPS else ():
        yield name, _("was written one after the other"), " → ".join("–" if v is None else str(v) for v in given)
    fields = entry.evidence.get("fields")
    for name, told in fields.items() if isinstance(fields, dict) else ():
        if isinstance(told, dict):
            yield name, str(told.get("why", "")), told.get("value")


def _value(field: FieldSchema, value: JSON, module: Module) -> SafeString:
    text = (show if field.type in BLOCKS else brief)(field, value, module.names)
    return text if value not in (None, "", []) else SafeString(f'<span class="nothing">{_("empty")}</span>')
