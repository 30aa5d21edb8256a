"""Which records may be one, found in the mirrors before anything is sent. The rule: both mirrors are walked once, what is linked
or surely matched by its key is no candidate, and what a person said of two records is not asked again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.types import Record
from portal.ledger.lease import Held
from portal.mappings.transform import Side
from portal.records.models import Copy
from portal.records.names import names_in
from portal.sync.cases import SIDES
from portal.sync.keys import digest_of
from portal.sync.matching.index import Known, MatchIndex, Person, match_index
from portal.sync.matching.scores import OFFERED, SURE, Scored, score
from portal.sync.matching.store import Found, finish, said_of, store_found, store_unmatched
from portal.sync.matching.traits import Roles, roles, traits
from portal.sync.models import MatchCandidate, Preview
from portal.sync.planning import Planning, Row, label_of, seen_of
from portal.sync.previews.keys import pages

BATCH = 1_000
MOST = 5  # candidates of a record that are kept


@dataclass(slots=True)
class Findings:
    """How many records of each side stand how, how many pairs may be one, and how many doubles there are in each CRM."""

    counts: dict[str, Any] = field(default_factory=dict)


Tell = Callable[[int, int, Findings], None]  # how many were looked at, of how many; may raise to stop


def review(known: Planning, row: Preview, held: Held | None, tell: Tell) -> Findings:
    """Find and store which records may be one, and return how many. `tell` hears of every batch."""
    findings = Findings({"pairs": 0, "unlike": 0, "doubles": dict.fromkeys(SIDES, 0)})
    numbers = {side: Copy.objects.filter(mirror=mirror).count() for side, mirror in known.mirrors.items()}
    total, done = 2 * (sum(numbers.values()) + numbers["left"]), 0

    def more(number: int) -> None:
        nonlocal done
        done += number
        tell(min(done, total), total, findings)

    with match_index() as index:
        told = roles(known.terms.definition, {side: known.terms.places[side].schema for side in SIDES})
        for side in SIDES:
            _walk(known, index, side, told[side], more)
        index.sort()
        more(0)  # that may have taken a while
        findings.counts |= {side: index.counts(side) for side in SIDES}
        findings.counts["pairs"] = _across(known, row, held, index, more)
        findings.counts["unlike"] = _unlike(known, row, held, index, more)
        for side in SIDES:
            findings.counts["doubles"][side] = _within(known, row, held, index, side, more)
        for side in SIDES:
            for listed in index.unmatched(side, BATCH):
                store_unmatched(held, row, side, listed)
    finish(held, row)
    return findings


def _walk(known: Planning, index: MatchIndex, side: Side, roles: Roles, more: Callable[[int], None]) -> None:
    """Take in every present record of one side that counts: on a side that is only a source, such as pass its filter."""
    for copies in pages(known.mirrors[side], size=BATCH):
        linked = known.links.find(side, [copy.record_id for copy in copies])
        companies = _companies(known, side, roles, copies)
        index.add(side, (p for copy in copies if (p := _person(known, side, copy, roles, linked, companies))))
        more(len(copies))


def _person(
    known: Planning, side: Side, copy: Row, roles: Roles, linked: Iterable[str], companies: Mapping[str, str]
) -> Person | None:
    seen = seen_of(known, side, copy)
    if seen.deleted or not (seen.inside or known.terms.writes(side)):
        return None
    return Person(
        seen.id,
        label_of(known, side, seen),
        digest_of(seen.key),
        seen.inside,
        seen.id in linked,
        traits(seen.values, roles, known.terms.places[side].region, companies),
    )


def _companies(known: Planning, side: Side, roles: Roles, copies: list[Row]) -> dict[str, str]:
    """Return id -> name of the companies these records name by their ids, as far as we have copies of them."""
    schema = known.terms.places[side].schema
    fields = [found for name in roles.refers if (found := schema.field(name))]
    if not fields:
        return {}
    records = [Record(schema.module.name, copy.record_id, copy.values) for copy in copies]
    names = names_in(known.connections[side], fields, records)
    return {id: name for (_module, id), name in names.records.items()}


def _across(known: Planning, row: Preview, held: Held | None, index: MatchIndex, more: Callable[[int], None]) -> int:
    """Store which records of both sides may be one; return how many pairs."""
    stored = 0
    for number, pairs in index.across(BATCH):
        said = said_of(known.mapping, "", {one.id for one, _other in pairs})
        found = _likely((pair for pair in pairs if (pair[0].id, pair[1].id) not in said), OFFERED)
        store_found(held, row, "", found)
        index.note_best(("left", pair.left, pair.scored.score) for pair in found)
        index.note_best(("right", pair.right, pair.scored.score) for pair in found)
        stored += len(found)
        more(number)
    return stored


def _unlike(known: Planning, row: Preview, held: Held | None, index: MatchIndex, more: Callable[[int], None]) -> int:
    """Store which pairs are one by their key though what else they say speaks against it; return how many."""
    stored = 0
    for number, pairs in index.by_key(BATCH):
        scored = (Found(one.id, other.id, score(one.traits, other.traits)) for one, other in pairs)
        found = [pair for pair in scored if pair.scored.doubts and pair.scored.score < OFFERED]
        store_found(held, row, "", found, MatchCandidate.State.UNLIKE)
        stored += len(found)
        more(number)
    return stored


def _within(
    known: Planning, row: Preview, held: Held | None, index: MatchIndex, side: Side, more: Callable[[int], None]
) -> int:
    """Store which records of one side look like doubles; return how many pairs."""
    stored = 0
    for number, pairs in index.within(side, BATCH):
        said = said_of(known.mapping, side, {one.id for one, _other in pairs})
        found = _likely((pair for pair in pairs if (pair[0].id, pair[1].id) not in said), SURE)
        store_found(held, row, side, found)
        stored += len(found)
        more(number)
    return stored


def _likely(pairs: Iterable[tuple[Known, Known]], least: int) -> list[Found]:
    """Return the likeliest few partners of each record: such as are sure enough, and whoever holds the same key."""
    by_left: dict[str, list[Found]] = defaultdict(list)
    for one, other in pairs:
        scored, same_key = score(one.traits, other.traits), bool(one.key) and one.key == other.key
        if same_key:
            scored = Scored(scored.score, ("same_key", *scored.reasons), scored.doubts)
        if same_key or scored.score >= least:
            by_left[one.id].append(Found(one.id, other.id, scored))
    best = (sorted(found, key=lambda pair: (-pair.scored.score, pair.right))[:MOST] for found in by_left.values())
    return [pair for found in best for pair in found]
