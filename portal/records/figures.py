"""Figures of a module from our own copies: how many records, and what each field holds. The rule: no CRM is asked, memory stays
flat however large the mirror is, and a mirror that is as it was is not read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from django.core.cache import cache
from django.db.models import F, QuerySet

from connectors.types import ModuleSchema, Values
from portal.connections.models import KnownSchema
from portal.connections.schema import schema_from_json
from portal.records.models import Copy, Mirror
from portal.records.profile import FieldProfile, profile

READ = 20_000  # so many copies are read whole; of more, a sample of about so many
CHUNK = 500
KEPT = 24 * 3600  # seconds: samples of a removed connection do not stay longer
_FORMAT = 1  # of what is cached
_SPREAD = (
    2_654_435_761  # Knuth's multiplier: neighbouring numbers fall far apart, so no rhythm of the ids shows in a sample
)
_RANGE = 2**31  # times the multiplier it still is a bigint


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a module's records. `records` are all that are present, `looked_at` those that were read: fewer when
    `sampled`. `as_of` is when the CRM was last asked (UTC), None where there is no mirror or it was never filled."""

    records: int = 0
    looked_at: int = 0
    sampled: bool = False
    as_of: datetime | None = None
    profiles: Mapping[str, FieldProfile] = field(default_factory=dict)


def figures_of(mirror: Mirror | None, schema: ModuleSchema | None = None, *, most: int = READ) -> Figures:
    """Return the figures of a mirror; empty ones for None. The schema is the one kept of the module unless it is given; where
    none is kept there are no profiles. Up to `most` copies are read whole, of more a sample."""
    if mirror is None or mirror.pulled_at is None:
        return Figures()
    schema = schema or _kept_schema(mirror)
    if schema is None:
        return Figures(mirror.records, as_of=mirror.pulled_at)
    key = _key(mirror, schema, most)
    found = cache.get(key)
    if found is None:
        found = profile(_values(mirror, most), schema)
        cache.set(key, found, KEPT)
    looked_at = max((p.records for p in found.values()), default=0)
    return Figures(mirror.records, looked_at, mirror.records > most, mirror.pulled_at, found)


def sample_of(mirror: Mirror, most: int) -> list[Values]:
    """Return the values of up to so many copies that are present, spread over the whole mirror."""
    copies = _sampled(Copy.objects.filter(mirror=mirror, deleted=Copy.Deleted.NO), mirror.records, most)
    return list(copies.order_by("record_id").values_list("values", flat=True)[:most])


def _kept_schema(mirror: Mirror) -> ModuleSchema | None:
    row = KnownSchema.objects.filter(connection=mirror.connection_id, module=mirror.module).first()
    try:
        return None if row is None else schema_from_json(row.document)
    except (KeyError, TypeError, ValueError):  # what an older portal kept differently
        return None


def _key(mirror: Mirror, schema: ModuleSchema, most: int) -> str:
    """Name the mirror in this version, and which fields were looked at; a new mirror may get an old one's number."""
    fields = "\n".join(f"{f.name} {f.type}" for f in schema.fields)
    digest = blake2b(f"{mirror.created_at.isoformat()}\n{fields}".encode(), digest_size=12).hexdigest()
    return f"figures-{_FORMAT}-{mirror.pk}-{mirror.version}-{most}-{digest}"


def _values(mirror: Mirror, most: int) -> Iterator[Values]:
    """Yield the values of the copies that are present, or of a fair sample of them, a chunk in memory at a time."""
    copies = _sampled(Copy.objects.filter(mirror=mirror, deleted=Copy.Deleted.NO), mirror.records, most)
    last = ""
    while True:
        chunk = [*copies.filter(record_id__gt=last).order_by("record_id").values_list("record_id", "values")[:CHUNK]]
        yield from (values for _, values in chunk)
        if len(chunk) < CHUNK:
            return
        last = chunk[-1][0]


def _sampled(copies: QuerySet[Copy], records: int, most: int) -> QuerySet[Copy]:
    if records <= most:
        return copies
    return copies.annotate(lot=F("id") % _RANGE * _SPREAD % _RANGE).filter(lot__lt=most * _RANGE // records)
