"""Who holds which match key, kept so that a partner is found by an index and not by reading a mirror. The rule: whoever
gets or gives up a key makes every other holder of it due to be planned again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from portal.ledger.lease import fenced
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import Side
from portal.records.models import Copy, Mirror
from portal.sync.cases import OTHER, SIDES, Seen
from portal.sync.job import Job
from portal.sync.models import MatchKey
from portal.sync.planning import read_rows, seen_of

BATCH = 1_000
Holding = Mapping[tuple[Side, str], list[str]]  # side and digest of a key -> ids of records
Holders = Callable[[Collection[str]], Holding]  # who tells of these keys who holds them
MOST = 21  # holders of one key that are told


def digest_of(key: tuple[str, ...] | None) -> str:
    """Return the key as it is stored: always 32 characters; "" for none."""
    return hashlib.blake2b("\x1f".join(key).encode(), digest_size=16).hexdigest() if key else ""


def index_keys(job: Job, side: Side) -> bool:
    """Bring the keys of one side up to its mirror; say whether the slice's time sufficed."""
    mirror, place = job.mirrors[side], job.checkpoint(side)
    mirror.refresh_from_db(fields=["version"])
    while place.keyed < mirror.version:
        copies = read_rows(Copy.objects.filter(mirror=mirror, version__gt=place.keyed).order_by("version")[:BATCH])
        seen = [seen_of(job, side, copy) for copy in copies]
        with fenced(job.held):
            touched = _store(job, side, seen)
            if place.version or job.checkpoint(OTHER[side]).version:  # else everything is planned anyway
                mark_due(job, keys=touched)
            place.keyed = copies[-1].version if copies else mirror.version
            place.save()
        job.keep_alive()
        if job.is_over:
            return False
    return True


def holders(job: Job, keys: Collection[str]) -> dict[tuple[Side, str], list[str]]:
    """Return (side, key) -> the ids of records that hold it, a score at most: two are too many already. On a side that is
    only a source those count that pass its filter."""
    sides = {job.mirrors[side].pk: side for side in SIDES}
    found: dict[tuple[Side, str], list[str]] = defaultdict(list)
    rows = MatchKey.objects.filter(mapping=job.mapping, key__in=set(keys)).exclude(key="")  # as its index says
    for row in rows.order_by("record_id").iterator():
        side = sides.get(row.mirror_id)
        if side is not None and (row.inside or job.terms.writes(side)) and len(found[side, row.key]) < MOST:
            found[side, row.key].append(row.record_id)
    return found


def mark_due(job: Job, *, keys: Iterable[str] = (), ids: Mapping[Side, Collection[str]] | None = None) -> None:
    """Have these records, or all holders of these keys, planned again though their copies did not change."""
    rows = MatchKey.objects.filter(mapping=job.mapping, due=False)
    if wanted := set(keys) - {""}:
        rows.filter(key__in=wanted).exclude(key="").update(due=True)
    for side, found in (ids or {}).items():
        if found:
            rows.filter(mirror=job.mirrors[side], record_id__in=found).update(due=True)


def mark_holders_due(mappings: Iterable[MappingRow], mirror: Mirror, ids: Collection[str]) -> None:
    """Have these records of a mirror, and whoever holds the same match key as they, planned again by these mappings."""
    rows = MatchKey.objects.filter(mapping__in=list(mappings))
    named = rows.filter(mirror=mirror, record_id__in=ids)
    keys = set(named.exclude(key="").values_list("key", flat=True))
    named.update(due=True)
    rows.filter(key__in=keys, due=False).exclude(key="").update(due=True)


def _store(job: Job, side: Side, seen: list[Seen]) -> set[str]:
    """Store the keys of these records; return those that somebody got or gave up."""
    mirror = job.mirrors[side]
    rows = MatchKey.objects.filter(mapping=job.mapping, mirror=mirror, record_id__in=[s.id for s in seen])
    known = {row.record_id: (row.key, row.inside) for row in rows}
    fresh, touched = [], set()
    for record in seen:
        key = "" if record.deleted else digest_of(record.key)
        old = known.get(record.id)
        if old != (key, record.inside):
            touched |= {key, old[0] if old else ""}
            fresh.append(
                MatchKey(mapping=job.mapping, mirror=mirror, record_id=record.id, key=key, inside=record.inside)
            )
    MatchKey.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["mapping", "mirror", "record_id"],
        update_fields=["key", "inside"],
    )
    return touched
