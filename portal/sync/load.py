"""Reads what `plan` needs to know about a batch of records: a fixed number of queries, however large the mirrors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from connectors.types import JSON
from portal.mappings.transform import Side
from portal.records.models import Copy
from portal.sync.cases import OTHER, Lone, Pair, Seen
from portal.sync.job import Job
from portal.sync.keys import Holders, digest_of
from portal.sync.links import read_bases
from portal.sync.models import Link, MatchKey
from portal.sync.planning import Planning, read_rows, seen_of


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of one side, and the mirror version they reach up to (None: they were due, not new)."""

    side: Side
    records: tuple[Seen, ...]
    version: int | None = None


def next_changed(job: Job, side: Side, size: int) -> Batch | None:
    """Return the next records above the checkpoint, oldest change first; None when there are none."""
    place, mirror = job.checkpoint(side), job.mirrors[side]
    mirror.refresh_from_db(fields=["version"])
    if place.version >= mirror.version:
        return None
    copies = read_rows(Copy.objects.filter(mirror=mirror, version__gt=place.version).order_by("version")[:size])
    version = copies[-1].version if len(copies) == size else mirror.version
    return Batch(side, tuple(seen_of(job, side, copy) for copy in copies), version)


def next_due(job: Job, side: Side, size: int) -> Batch | None:
    """Return the next records to be planned again though their copies did not change; None when there are none."""
    rows = MatchKey.objects.filter(mapping=job.mapping, mirror=job.mirrors[side], due=True)
    ids = list(rows.values_list("record_id", flat=True)[:size])
    return Batch(side, tuple(copies(job, side, ids).values())) if ids else None


def load(known: Planning, batch: Batch, holders: Holders) -> list[Pair | Lone]:
    """Return the cases of a batch: each record with its partner, or with whoever holds its key."""
    side, other = batch.side, OTHER[batch.side]
    links = known.links.find(side, [record.id for record in batch.records])
    bases = read_bases(known.mapping, [link.pk for link in links.values()])
    partners = copies(known, other, [known.links.id_at(link, other) for link in links.values()])
    lone = [record for record in batch.records if record.id not in links]
    return [
        *(_pair(known, side, r, links[r.id], partners, bases) for r in batch.records if r.id in links),
        *_lone(known, side, lone, holders),
    ]


def copies(known: Planning, side: Side, ids: Iterable[str]) -> dict[str, Seen]:
    """Return id -> record as seen, for those of which we have a copy."""
    wanted = {id for id in ids if id}
    rows = read_rows(Copy.objects.filter(mirror=known.mirrors[side], record_id__in=wanted)) if wanted else ()
    return {row.record_id: seen_of(known, side, row) for row in rows}


def _pair(
    known: Planning,
    side: Side,
    record: Seen,
    link: Link,
    partners: Mapping[str, Seen],
    bases: Mapping[int, dict[str, JSON]],
) -> Pair:
    partner = partners.get(known.links.id_at(link, OTHER[side]))
    left, right = (record, partner) if side == "left" else (partner, record)
    return Pair(link.pk, left, right, bases.get(link.pk, {}), link.state)


def _lone(known: Planning, side: Side, records: Collection[Seen], holders: Holders) -> Iterable[Lone]:
    other = OTHER[side]
    holding = holders([digest_of(record.key) for record in records])
    found = {id for (at, _), ids in holding.items() if at == other for id in ids}
    links = known.links.find(other, found)
    widowed = _widowed(known, side, links)
    partners = copies(known, other, found - links.keys())
    for record in records:
        key = digest_of(record.key)
        ids = holding.get((other, key), [])
        yield Lone(
            side,
            record,
            own=tuple(id for id in holding.get((side, key), []) if id != record.id),
            found=tuple(ids),
            taken=frozenset(ids) & links.keys(),
            widowed={id: widowed[id] for id in ids if id in widowed},
            partner=partners.get(ids[0]) if len(ids) == 1 else None,
        )


def _widowed(known: Planning, side: Side, links: Mapping[str, Link]) -> dict[str, str]:
    """Return which of the linked records have lost their partner, and the partner's id on that side."""
    ids = {id: known.links.id_at(link, side) for id, link in links.items() if link.state == Link.State.LINKED}
    deleted = {id for id, seen in copies(known, side, ids.values()).items() if seen.deleted}
    return {id: partner for id, partner in ids.items() if partner in deleted}
