"""What may stand in the cells of a value table: the entries of the fields it stands between, with how many records hold each. The
rule: what is kept of a CRM is enough; it is asked only for a module whose fields were never read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils.translation import ngettext

from connectors.errors import ConnectorError
from connectors.types import Choice, FieldSchema, FieldType
from portal.connections.models import Connection, OwnerLabel
from portal.connections.schema import module_schema
from portal.mappings import countries
from portal.mappings.definition import SideName
from portal.mappings.suggest_values import ValueSuggestion, suggest_values
from portal.mappings.table_uses import Place, Use
from portal.mappings.tables import Table, as_text
from portal.records.figures import figures_of
from portal.records.models import Mirror
from portal.records.profile import FieldProfile

KEPT = timedelta(days=36_500)  # however old
TRUE, FALSE = "true", "false"  # how a table spells what a field of yes and no holds


@dataclass(frozen=True, slots=True)
class Offered:
    """A value of a field: what a person reads, and how many records hold it, None where nobody counted. `listed`: the field's
    own list names it; others were only met in records."""

    value: str
    label: str = ""
    records: int | None = None
    listed: bool = True

    @property
    def told(self) -> str:
        """Return what a person is told beside the value: its label, where that is another word, and how many records hold it."""
        label = self.label if self.label != self.value else ""
        n = self.records
        count = "" if n is None else ngettext("%(n)d record", "%(n)d records", n) % {"n": n}
        return " · ".join(part for part in (label, count) if part)


@dataclass(frozen=True, slots=True)
class End:
    """One field at an end of a table."""

    place: Place
    field: FieldSchema
    profile: FieldProfile | None = None
    sampled: bool = False

    @property
    def is_closed(self) -> bool:
        """Say whether the field takes no values but those of its list."""
        return bool(self.field.choices) or self.field.type is FieldType.BOOLEAN

    @property
    def offered(self) -> list[Offered]:
        """Return the values of its list in its order, then those met in records, most frequent first."""
        counts = {as_text(value): number for value, number in self.profile.frequent} if self.profile else {}
        whole = self.profile is not None and not self.profile.many and self.profile.distinct <= len(counts)
        found = [Offered(c.value, c.label, counts.get(c.value, 0 if whole else None)) for c in self.field.choices]
        named = {offered.value for offered in found}
        if self.is_closed or (self.profile and not self.profile.many):  # of names and addresses a list is no help
            found += [Offered(value, "", number, False) for value, number in counts.items() if value not in named]
        return found


def end_of(place: Place) -> End | None:
    """Return what is known of the field; None where there is no such connection, module or field."""
    connection = Connection.objects.filter(name=place.connection).first()
    if connection is None:
        return None
    try:
        schema = module_schema(connection, place.module, max_age=KEPT)
    except ConnectorError:
        return None
    if (found := schema.field(place.field)) is None:
        return None
    mirror = Mirror.objects.filter(connection=connection, module=place.module).first()
    figures = figures_of(mirror, schema)
    return End(place, _with_choices(found, connection), figures.profiles.get(found.name), figures.sampled)


def ends_of(uses: Iterable[Use]) -> list[tuple[End | None, End | None]]:
    """Return the two fields of each use, each pair once; without the uses by expressions, which name none."""
    pairs = dict.fromkeys((use.left, use.right) for use in uses if use.left and use.right)
    known = {place: end_of(place) for pair in pairs for place in pair}
    return [(known[left], known[right]) for left, right in pairs]


def offered_at(ends: Iterable[End | None]) -> dict[str, Offered]:
    """Return value -> what is offered at one side; where several fields hold it, in how many records of all."""
    found: dict[str, Offered] = {}
    for end in ends:
        for new in end.offered if end else ():
            old = found.get(new.value)
            found[new.value] = _both(old, new) if old else new
    return found


def missing(table: Table, side: SideName, offered: Mapping[str, Offered]) -> list[Offered]:
    """Return which values of that side stand in no row."""
    other: SideName = "right" if side == "left" else "left"
    return [one for value, one in offered.items() if not table.knows(value, other)]


def suggested(table: Table, ends: Iterable[tuple[End | None, End | None]]) -> list[ValueSuggestion]:
    """Return a row for each left value that stands in none and whose partner is found, by what the two fields hold."""
    found: dict[str, ValueSuggestion] = {}
    spellings = countries.spellings()
    for left, right in ends:
        if left is None or right is None:
            continue
        profiles: dict[SideName, FieldProfile] = {}
        if left.profile:
            profiles["left"] = left.profile
        if right.profile:
            profiles["right"] = right.profile
        for one in suggest_values(left.field, right.field, profiles, countries=spellings):
            value = as_text(one.left)
            if not table.knows(value, "right") and value not in found:
                found[value] = replace(one, left=value, right=as_text(one.right))
    return list(found.values())


def _with_choices(field: FieldSchema, connection: Connection) -> FieldSchema:
    """Return the field with what it may hold: owners by their names, and yes and no."""
    if field.type is FieldType.OWNER:
        rows = OwnerLabel.objects.filter(connection=connection).order_by("label", "owner_id")
        return replace(field, choices=tuple(Choice(row.owner_id, row.label) for row in rows))
    if field.type is FieldType.BOOLEAN:
        return replace(field, choices=(Choice(TRUE, "yes"), Choice(FALSE, "no")))
    return field


def _both(old: Offered, new: Offered) -> Offered:
    counts = [n for n in (old.records, new.records) if n is not None]
    return Offered(old.value, old.label or new.label, sum(counts) if counts else None, old.listed or new.listed)
