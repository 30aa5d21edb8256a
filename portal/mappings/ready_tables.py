"""The value table a ready mapping needs between two pick lists that are not alike. PURE: knows no Django, no database, no vendor. The
rule: every entry that is known gets a row, and one without a sure partner an empty one, for a person to fill in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connectors.types import FieldSchema, FieldType
from portal.mappings.definition import SideName
from portal.mappings.ready_values import known_values
from portal.mappings.suggest_values import suggest_values
from portal.mappings.tables import Table, as_text
from portal.mappings.transform import OTHER
from portal.records.profile import FieldProfile

SURE = 0.7  # less sure is offered on the table's page
ENOUGH, FEWEST = 0.5, 2  # of the entries, and of them all: with fewer partners the two lists are about something else
_KINDS = (
    {FieldType.CHOICE},
    {FieldType.MULTICHOICE},
    {FieldType.CHOICE, FieldType.BOOLEAN},
)
Fields = Mapping[SideName, FieldSchema]


@dataclass(frozen=True, slots=True)
class ReadyTable:
    """A table to begin with; `without`: the entries that become empty on the other side until they get a partner."""

    table: Table
    left: str
    right: str
    without: tuple[str, ...]


def table_between(
    fields: Fields, seen: Mapping[SideName, FieldProfile | None], targets: Collection[SideName], wanted: str, taken: Collection[str]
) -> ReadyTable | None:  # fmt: skip
    """Return the table through which the values of the two fields go; None where the lists are not known or hardly meet, or
    where an entry would leave a field empty that must be filled. `wanted` is the name it is to have, with a number where
    that is `taken`."""
    if {field.type for field in fields.values()} not in _KINDS or not all(map(_has_list, fields.values())):
        return None
    ways: dict[SideName, list[tuple[str, str]]] = {}
    without: list[str] = []
    for target in sorted(targets, reverse=True):  # to the right first
        known = [as_text(value) for value in known_values(fields[OTHER[target]], seen.get(OTHER[target]))]
        partners = _partners(fields, target, seen)
        lacking = [value for value in known if value not in partners]
        met = len(known) - len(lacking)
        if met < FEWEST or met < len(known) * ENOUGH or (lacking and fields[target].required):
            return None
        ways[target] = [_pair(value, partners.get(value, ""), target) for value in known]
        without += lacking
    table = Table(_free(wanted, taken), _rows(list(ways.values())))
    return ReadyTable(table, fields["left"].name, fields["right"].name, tuple(without))


def _rows(ways: list[list[tuple[str, str]]]) -> tuple[tuple[str, str], ...]:
    """Return each pair once; those that are the best of each other come first, as the first row of a value counts."""
    pairs = dict.fromkeys(pair for way in ways for pair in way)
    return tuple(sorted(pairs, key=lambda pair: not all(pair in way for way in ways)))


def _partners(fields: Fields, target: SideName, seen: Mapping[SideName, FieldProfile | None]) -> dict[str, str]:
    """Return entry -> what it is on that side, where that is sure."""
    source = OTHER[target]
    profiles: dict[SideName, FieldProfile] = (
        {"left": held} if (held := seen.get(source)) else {}
    )  # what comes, not what is there
    found = suggest_values(fields[source], fields[target], profiles)
    return {as_text(one.left): as_text(one.right) for one in found if one.confidence >= SURE}


def _has_list(field: FieldSchema) -> bool:
    return bool(field.choices) or field.type is FieldType.BOOLEAN


def _pair(value: str, partner: str, target: SideName) -> tuple[str, str]:
    return (value, partner) if target == "right" else (partner, value)


def _free(wanted: str, taken: Collection[str]) -> str:
    name = re.sub(r"[^\w]+", "-", wanted).strip("-_").lower()[:90] or "values"
    return (
        name if name not in taken else next(n for at in range(2, len(taken) + 3) if (n := f"{name}-{at}") not in taken)
    )
