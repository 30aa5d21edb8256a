"""Which record is the partner of one that is referred to: the pairs of the mapping a rule names. A fixed number of queries
a batch: one for each such rule and side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from connectors.types import JSON
from portal.connections.models import Connection
from portal.ledger.models import Entry
from portal.mappings.definition import Definition
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import OTHER, Partner, Side
from portal.mappings.waiting import referred
from portal.records.models import Mirror
from portal.sync.cases import Lone, Pair, Seen
from portal.sync.links import Links
from portal.sync.models import Link

Known = dict[tuple[str, Side], dict[str, JSON]]  # mapping and side -> id -> the partner's id, or what stands for it
# What else knows of partners: the mapping's name, its links, a side and ids of it -> id -> what stands for its partner.
Ahead = Callable[[str, Links, Side, Collection[str]], Mapping[str, JSON]]


def nothing_ahead(name: str, links: Links, side: Side, ids: Collection[str]) -> Mapping[str, JSON]:
    """Know of no partner but those that exist."""
    return {}


def partners_of(
    cases: Iterable[Pair | Lone],
    definition: Definition,
    connections: Mapping[Side, Connection],
    ahead: Ahead = nothing_ahead,
) -> Partner:
    """Return who knows the partners of everything these cases refer to, asked for all at once; `ahead` is asked for those that
    do not exist yet."""
    rules = [(rule, one) for rule in definition.rules for one in (rule, *rule.lines) if one.source == "reference"]
    if not rules:
        return lambda mapping, side, id: None
    known: Known = defaultdict(dict)
    seen = list(_records(cases))
    names = {one.mapping for _rule, one in rules}
    linked = {name: links for name in names if (links := _links(name, connections))}
    for rule, one in rules:
        for target in definition.targets_of(rule) if one.mapping in linked else ():
            source, links = OTHER[target], linked[one.mapping]
            ids = {id for side, record in seen if side == source for id in referred(record.values, rule, one, source)}
            found = _pairs(links, source, ids)
            known[one.mapping, source].update({**ahead(one.mapping, links, source, ids - found.keys()), **found})
    return lambda mapping, side, id: known[mapping, side].get(id)


def ids_of(wanted: Mapping[tuple[str, Side], Collection[str]], connections: Mapping[Side, Connection]) -> Known:
    """Return the partners that exist: mapping and side -> id -> the partner's id."""
    known: Known = defaultdict(dict)
    for (name, side), ids in wanted.items():
        links = _links(name, connections)
        known[name, side] = dict(_pairs(links, side, ids)) if links else {}
    return known


def awaited_again(
    entries: Iterable[Entry], connections: Mapping[Side, Connection], ahead: Ahead = nothing_ahead
) -> list[Entry]:
    """Return which of these entries, blocked for want of a partner, have all of them now, or ahead of them. Where the mapping is
    not found any more they count as well: planned again they say so."""
    waits = [(entry, entry.evidence.get("awaiting", ())) for entry in entries]
    wanted: dict[str, set[str]] = defaultdict(set)
    for _entry, awaiting in waits:
        for one in awaiting:
            wanted[one["mapping"]].add(str(one["id"]))
    found: dict[str, set[str]] = {}
    for name, ids in wanted.items():
        links = _links(name, connections)
        sides = (
            [_pairs(links, side, ids).keys() | ahead(name, links, side, ids).keys() for side in OTHER]
            if links
            else [ids]
        )
        found[name] = set().union(*sides)
    return [entry for entry, awaiting in waits if all(str(one["id"]) in found[one["mapping"]] for one in awaiting)]


def _records(cases: Iterable[Pair | Lone]) -> Iterable[tuple[Side, Seen]]:
    for case in cases:
        if isinstance(case, Lone):
            yield case.side, case.seen
            if case.partner is not None:
                yield OTHER[case.side], case.partner
        else:
            yield from (("left", case.left),) if case.left else ()
            yield from (("right", case.right),) if case.right else ()


def _pairs(links: Links, side: Side, ids: Collection[str]) -> dict[str, str]:
    found = links.find(side, ids)
    return {
        id: partner
        for id, link in found.items()
        if link.state == Link.State.LINKED and (partner := links.id_at(link, OTHER[side]))
    }


def _links(name: str, connections: Mapping[Side, Connection]) -> Links | None:
    """Return the links of the mapping of that name, with the sides as they are here; None when it joins other CRMs."""
    row = MappingRow.objects.filter(name=name).first()
    if row is None:
        return None
    sides: tuple[tuple[int, str], tuple[int, str]] = (
        (row.left_connection_id, row.left_module),
        (row.right_connection_id, row.right_module),
    )
    here = connections["left"].pk, connections["right"].pk
    if (sides[0][0], sides[1][0]) != here:
        sides = (sides[1], sides[0])
    if (sides[0][0], sides[1][0]) != here:
        return None
    mirrors = [Mirror.objects.filter(connection=pk, module=module).first() for pk, module in sides]
    if mirrors[0] is None or mirrors[1] is None:
        return None
    return Links({"left": mirrors[0], "right": mirrors[1]})
