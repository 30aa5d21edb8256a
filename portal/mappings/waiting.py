"""How many records would wait for the partner of one they refer to, as their own field or in a line, by a sample of the mirrors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from connectors.types import JSON, Values
from connectors.wording import text as _
from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule
from portal.mappings.findings import Finding
from portal.mappings.transform import OTHER, Side

Wanted = Mapping[tuple[str, Side], Collection[str]]  # a mapping's name, and the side these ids are of
Partners = Callable[[Wanted, Mapping[Side, Connection]], Mapping[tuple[str, Side], Mapping[str, JSON]]]
knows_partners: list[Partners] = []  # `sync` tells by this which records have a partner


def without_partner(
    definition: Definition, connections: Mapping[Side, Connection], samples: Mapping[Side, Sequence[Values]]
) -> list[Finding]:
    """Return for each linked record of a rule, or of its lines, how many records of the sample refer to one without a partner."""
    uses = list(_uses(definition))
    wanted: dict[tuple[str, Side], set[str]] = defaultdict(set)
    for _place, rule, one, source in uses:
        wanted[one.mapping, source] |= {id for values in samples[source] for id in referred(values, rule, one, source)}
    known = {at: set(ids) for tell in knows_partners for at, ids in tell(wanted, connections).items()}
    return [
        _told(place, one.mapping, waits, len(samples[source]))
        for place, rule, one, source in (uses if knows_partners else ())
        if (waits := _waits(samples[source], rule, one, source, known.get((one.mapping, source), set())))
    ]


def referred(values: Values, rule: Rule, one: Rule, source: Side) -> set[str]:
    """Return the ids a record refers to by a rule, or by that one of its lines."""
    value = values.get(rule.at(source))
    if one is not rule:
        lines = value if isinstance(value, list) else []
        return {str(id) for line in lines if isinstance(line, dict) and (id := line.get(one.at(source))) is not None}
    return set() if value is None else {str(value)}


def _uses(definition: Definition) -> Iterator[tuple[str, Rule, Rule, Side]]:
    """Yield each linked record: its place, its rule, itself, and the side that is read."""
    for number, rule in enumerate(definition.rules):
        for target in definition.targets_of(rule):
            for inner, one in ((-1, rule), *enumerate(rule.lines)):
                if one.source == "reference" and one.mapping and one.at(OTHER[target]):
                    place = f"fields[{number}]" if inner < 0 else f"fields[{number}].lines[{inner}]"
                    yield f"{place}.mapping", rule, one, OTHER[target]


def _waits(samples: Sequence[Values], rule: Rule, one: Rule, source: Side, known: set[str]) -> int:
    return sum(not referred(values, rule, one, source) <= known for values in samples)


def _told(place: str, mapping: str, waits: int, count: int) -> Finding:
    text = _(
        "%(waits)s of %(count)s records refer to one that “%(mapping)s” has not brought to the other side yet: they wait for it.",
        waits=str(waits), count=str(count), mapping=mapping,
    )  # fmt: skip
    return Finding("warning", place, text)
