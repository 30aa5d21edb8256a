"""An entry of a run as a person reads it: what became of which record, field by field, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.connections.models import Connection
from portal.ledger.models import Entry
from portal.sync.additions import ADDS
from portal.sync.reasons import told_of
from portal.sync.sets.promise import is_promise
from portal.sync.undo.plan import EDITS


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field that was to be written; `stored` is None where the CRM's answer does not tell."""

    name: str
    before: JSON
    intended: JSON
    stored: JSON
    differs: bool


@dataclass(frozen=True, slots=True)
class EditLine:
    """One field that keeps a record from being taken back: what the run left in it, what it holds now and held before."""

    name: str
    stored: JSON
    now: JSON
    before: JSON


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry with the addresses of both records ("" where there is none) and its reason in words."""

    entry: Entry
    name: str
    source_url: str
    target_url: str
    why: str | Promise
    advice: str | Promise
    fields: tuple[FieldLine, ...]
    edits: tuple[EditLine, ...] = ()
    later: tuple[str, ...] = ()  # what it waits for, and what follows once the record it refers to exists

    @property
    def list_name(self) -> str:
        """Return the pick list that an addition goes into; "" for any other entry."""
        if self.entry.action != Entry.Action.APPEND:
            return ""
        return f"{self.entry.connection.name} · {self.entry.module} · {next(iter(self.entry.intended), '')}"

    @property
    def waits(self) -> bool:
        """Say whether it stands on the page of what waits for a person."""
        entry = self.entry
        is_open = entry.superseded_by_id is None and entry.state in Entry.WAITING
        return is_open and entry.mapping is not None and entry.undoes_id is None


def entry_lines(entries: Iterable[Entry]) -> list[EntryLine]:
    """Return the entries as lines; their connections must be selected with them."""
    return [_line(entry) for entry in entries]


def record_url(connection: Connection | None, module: str, id: str) -> str:
    """Return the address of our screen of a record; "" for a record that is not there yet."""
    if connection is None or not id:
        return ""
    return reverse("records:record", args=[connection.name, quote(module), quote(id)])


def _line(entry: Entry) -> EntryLine:
    reason = told_of(entry)
    return EntryLine(
        entry,
        entry.label or entry.source_id or entry.record_id or entry.module,
        record_url(entry.source_connection, entry.source_module, entry.source_id),
        record_url(entry.connection, entry.module, entry.record_id),
        entry.message or (reason.text if reason else ""),
        reason.advice if reason else "",
        tuple(_field(entry, name) for name in entry.intended),
        tuple(_edit(name, told) for name, told in entry.evidence.get(EDITS, {}).items()),
        (*_additions(entry), *(_follows(name, waits) for name, waits in entry.evidence.get("later", {}).items())),
    )


def _additions(entry: Entry) -> list[str]:
    """Return what a planned entry waits for: what its own run adds to pick lists first."""
    if entry.state not in (Entry.State.PLANNED, Entry.State.AWAITING):
        return []
    text = _("Goes on once “%(value)s” is on the list of “%(field)s”.")
    adds = entry.evidence.get(ADDS, {}).items()
    return [text % {"value": value, "field": name} for name, values in adds for value in values]


def _follows(name: str, waits: JSON) -> str:
    text = _("“%(field)s” follows once “%(mapping)s” has brought the record %(id)s to the other side.")
    return text % {"field": name, "mapping": waits["mapping"], "id": waits["id"]}


def _edit(name: str, told: Mapping[str, JSON]) -> EditLine:
    return EditLine(name, told.get("stored"), told.get("now"), told.get("before"))


def _field(entry: Entry, name: str) -> FieldLine:
    intended, stored = _told(entry.intended[name]), entry.stored.get(name)
    return FieldLine(name, entry.before.get(name), intended, stored, name in entry.stored and stored != intended)


def _told(value: JSON) -> JSON:
    """Return the value as a person reads it: by whom a record will be made that is not there yet."""
    if not is_promise(value):
        return value
    if value["record"]:
        return _("%(id)s (will be linked by %(mapping)s)") % {"id": value["record"], "mapping": value["made_by"]}
    return _("(will be made by %(mapping)s)") % {"mapping": value["made_by"]}
