"""Two records side by side, as far as a person needs to see whether they are one: the fields of the match key and the rules, and
what else says who they are. The rule: the copies of a page are read at once, values are shown as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from django.utils.safestring import SafeString

from connectors.types import JSON, Record
from connectors.values import is_secret_field
from portal.mappings.compare import same
from portal.mappings.transform import Side
from portal.records.display import NOTHING, Names, brief
from portal.records.names import names_in
from portal.sync.cases import SIDES, Seen
from portal.sync.lines import record_url
from portal.sync.load import copies
from portal.sync.matching.traits import roles
from portal.sync.planning import Planning, label_of

MOST = 16  # fields of a pair that are shown
FieldPair = tuple[str, str, str]  # of the left side, of the right, and how the two are compared


@dataclass(frozen=True, slots=True)
class Shown:
    """A record by its name, in which CRM it is, with the address of its page; `is_there` is false once it was deleted."""

    id: str
    where: str
    label: str
    url: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One field of two records: what it is called on both sides, both values, and whether they mean the same."""

    labels: tuple[str, ...]
    values: tuple[SafeString, SafeString]
    same: bool


@dataclass(slots=True)
class Looker:
    """What a page knows of the records it shows."""

    known: Planning
    pairs: list[FieldPair] = field(default_factory=list)
    seen: dict[Side, dict[str, Seen]] = field(default_factory=dict)
    names: dict[Side, Names] = field(default_factory=dict)

    def read(self, ids: Mapping[Side, Iterable[str]]) -> None:
        """Read the copies of these records, and what their references are called."""
        self.pairs = field_pairs(self.known)
        for number, side in enumerate(SIDES):
            self.seen[side] = copies(self.known, side, ids.get(side, ()))
            schema, connection = self.known.terms.places[side].schema, self.known.connections[side]
            fields = [found for pair in self.pairs if (found := schema.field(str(pair[number])))]
            records = [Record(schema.module.name, seen.id, seen.values) for seen in self.seen[side].values()]
            self.names[side] = names_in(connection, fields, records)

    def shown(self, side: Side, id: str) -> Shown:
        """Return the record by its name."""
        seen = self.seen[side].get(id)
        label = label_of(self.known, side, seen) if seen else ""
        connection = self.known.connections[side]
        url = record_url(connection, self.known.mirrors[side].module, id)
        return Shown(id, connection.name, label or id, url, seen is not None and not seen.deleted)

    def fields(self, one: tuple[Side, str], other: tuple[Side, str]) -> tuple[Field, ...]:
        """Return two records, each by side and id, field by field; a field empty on both sides is left out."""
        ends = (one, other)
        held = [seen.values if (seen := self.seen[side].get(id)) else {} for side, id in ends]
        regions = self.known.terms.places[one[0]].region, self.known.terms.places[other[0]].region
        found = []
        for pair in self.pairs:
            names = [str(pair[SIDES.index(side)]) for side, _id in ends]
            values = [held[n].get(names[n]) for n in (0, 1)]
            if any(value not in (None, "", []) for value in values):
                labels = tuple(dict.fromkeys(filter(None, (self._label(ends[n][0], names[n]) for n in (0, 1)))))
                cells = self._cell(one[0], names[0], values[0]), self._cell(other[0], names[1], values[1])
                found.append(Field(labels, cells, same(values[0], values[1], pair[2], regions)))
        return tuple(found[:MOST])

    def _label(self, side: Side, name: str) -> str:
        schema = self.known.terms.places[side].schema.field(name)
        return (schema.label or name) if schema else name

    def _cell(self, side: Side, name: str, value: JSON) -> SafeString:
        schema = self.known.terms.places[side].schema.field(name)
        return brief(schema, value, self.names[side]) if schema else NOTHING


def field_pairs(known: Planning) -> list[FieldPair]:
    """Return which fields stand beside each other: match key, rules, then what else says who a record is."""
    definition = known.terms.definition
    found = {(left, right): kind for (left, right), kind in zip(definition.match, known.kinds, strict=True)}
    rules = ((rule.left, rule.right, rule.compare) for rule in definition.rules if rule.source == "field")
    pairs = [(left, right, _BY_KIND[kind]) for (left, right), kind in found.items()]
    pairs += [pair for pair in rules if pair[:2] not in found]
    told = roles(definition, {side: known.terms.places[side].schema for side in SIDES})
    for role, compare in _BY_ROLE.items():
        names = [told[side].fields.get(role, ()) for side in SIDES]
        rest = ([n for n in names[at] if all(pair[at] != n for pair in pairs)] for at in (0, 1))
        pairs += [(left, right, compare) for left, right in zip_longest(*rest, fillvalue="")]
    return [pair for pair in pairs if not is_secret_field(pair[0]) and not is_secret_field(pair[1])]


_BY_KIND = {"email": "case", "phone": "phone", "number": "number", "text": "case"}
_BY_ROLE = {"name": "case", "company": "case", "email": "case", "phone": "phone", "site": "case", "city": "case"}
