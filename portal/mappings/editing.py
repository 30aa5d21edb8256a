"""A mapping on the desk: its newest version with both modules' fields, what the mirrors hold, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from connectors.types import JSON, FieldSchema, ModuleSchema, Values
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.mappings.check import check
from portal.mappings.come_back import lost_on_the_way
from portal.mappings.definition import Definition, SideName
from portal.mappings.findings import Finding, Known
from portal.mappings.known import what_is_known
from portal.mappings.models import Mapping, MappingVersion
from portal.mappings.seen import Seen, seen_of
from portal.mappings.stored import definition_of, draft_of, newest
from portal.mappings.suggest import Suggestion, suggest
from portal.mappings.transform import OTHER
from portal.mappings.type_words import TYPE_WORDS
from portal.mappings.waiting import without_partner
from portal.records.figures import Figures, figures_of, sample_of
from portal.records.models import Mirror
from portal.records.profile import FieldProfile

SAMPLE = 200  # copies of each side that the check looks at one by one


@dataclass(frozen=True)
class Editing:
    """A mapping being edited. `definition` is its newest version, live or draft; `seen`: as of when."""

    mapping: Mapping
    definition: Definition
    connections: Dict[SideName, Connection]
    schemas: Dict[SideName, ModuleSchema]
    seen: Seen | None = None

    def saying(self, definition: Definition) -> Editing:
        """Return the same with another definition, not saved."""
        return Editing(self.mapping, definition, self.connections, self.schemas, self.seen)

    @cached_property
    def mirrors(self) -> dict[SideName, Mirror | None]:
        """Return the mirror of each side, where there is one."""
        return {
            side: Mirror.objects.filter(connection=connection, module=self.schemas[side].module.name).first()
            for side, connection in self.connections.items()
        }

    @cached_property
    def figures(self) -> dict[SideName, Figures]:
        """Return what each side's mirror holds."""
        return {side: figures_of(mirror, self.schemas[side]) for side, mirror in self.mirrors.items()}

    @cached_property
    def known(self) -> Known:
        """Return what the check has to know, with what the mirrors hold."""
        profiles = {(side, name): p for side, f in self.figures.items() for name, p in f.profiles.items()}
        common = {at: {str(value): count for value, count in p.frequent} for at, p in profiles.items()}
        longest = {at: p.longest for at, p in profiles.items() if p.records}
        empty = {at: p.records - p.filled for at, p in profiles.items()}
        return replace(what_is_known(), common=common, empty=empty, longest=longest)

    @cached_property
    def samples(self) -> dict[SideName, list[Values]]:
        """Return some copies of each side; none where no rule is checked by records."""
        rules = self.definition.every_rule
        is_asked = any(r.source == "reference" or len(self.definition.targets_of(r)) == len(OTHER) for r in rules)
        return {side: sample_of(mirror, SAMPLE) if mirror and is_asked else [] for side, mirror in self.mirrors.items()}

    @cached_property
    def findings(self) -> list[Finding]:
        """Return everything that is wrong with it."""
        lost = lost_on_the_way(self.definition, self.connections, self.schemas, self.samples)
        waiting = without_partner(self.definition, self.connections, self.samples)
        return [*check(self.definition, self.schemas, self.known), *waiting, *lost]

    @cached_property
    def suggestions(self) -> list[Suggestion]:
        """Return pairs of fields that no rule has yet, the surest first."""
        taken = {(rule.left, rule.right) for rule in self.definition.rules}
        used = {side: {rule.at(side) for rule in self.definition.rules} for side in OTHER}
        targets = self.definition.targets
        profiles = {side: figures.profiles for side, figures in self.figures.items()}
        found = suggest(self.schemas["left"], self.schemas["right"], profiles, targets=targets, taken=taken)
        free = [s for s in found if (s.left, s.right) not in taken]
        written = [(s, {"left": s.left, "right": s.right}) for s in free]
        return [s for s, at in written if not any(at[side] in used[side] for side in targets)]

    @property
    def draft(self) -> MappingVersion | None:
        """Return the version that is not live yet, if there is one."""
        return draft_of(self.mapping)


def open_editing(mapping: Mapping) -> Editing:
    """Return the mapping on the desk. Raises ConnectorError where a CRM must be asked for its fields and does not answer."""
    seen = seen_of(mapping)  # before it is read: what is saved in between counts as unseen
    definition = definition_of(mapping, newest(mapping))
    connections: dict[SideName, Connection] = {"left": mapping.left_connection, "right": mapping.right_connection}
    modules: dict[SideName, str] = {"left": mapping.left_module, "right": mapping.right_module}
    schemas = {side: module_schema(connections[side], modules[side]) for side in connections}
    return Editing(mapping, definition, connections, schemas, seen)


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field as the editor shows it: what it is, how full, what for example it holds."""

    field: FieldSchema
    profile: FieldProfile | None
    writing: bool

    @property
    def type(self) -> str | Promise:
        """Return what its type is called."""
        return TYPE_WORDS[self.field.type]

    @property
    def fill(self) -> int | None:
        """Return the share of records that hold something, in percent; None where no record was seen."""
        return round(100 * self.profile.fill) if self.profile and self.profile.records else None

    @property
    def samples(self) -> list[str]:
        """Return two values as a person reads them."""
        labels = {choice.value: choice.label for choice in self.field.choices}
        found = self.profile.samples[:2] if self.profile else ()
        return [labels.get(str(value), _in_words(value))[:60] for value in found]

    @property
    def is_wanted(self) -> bool:
        """Say whether a new record needs it."""
        return self.writing and self.field.required and self.field.editable and self.field.default is None


def _in_words(value: JSON) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def shown_fields(editing: Editing, side: SideName) -> list[ShownField]:
    """Return the fields of one side, in the vendor's order."""
    profiles, writing = editing.figures[side].profiles, side in editing.definition.targets
    return [ShownField(field, profiles.get(field.name), writing) for field in editing.schemas[side].fields]


def unused(editing: Editing, side: SideName) -> list[ShownField]:
    """Return the fields no rule names: those a new record needs first, then the fullest, without what cannot be used."""
    used = {rule.at(side) for rule in editing.definition.rules}
    found = [f for f in shown_fields(editing, side) if f.field.name not in used]
    found = [f for f in found if f.field.editable or not f.writing or editing.definition.direction == "both"]
    return sorted(found, key=lambda f: (not f.is_wanted, -(f.fill or 0)))
