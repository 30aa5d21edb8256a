"""What the dashboard tells: which connections work, what the mappings did, what is wrong, whether anybody works. Asks the
database only, in a fixed number of queries, never a CRM."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Schedule
from django_q.status import Stat

from connectors import CONNECTORS, connector_class
from portal.connections.models import Connection
from portal.ledger.models import Entry, Problem, Run
from portal.mappings.models import Mapping
from portal.mappings.stored import directions
from portal.sync.schedules import name_of

EXPIRES_SOON = timedelta(days=14)
WAITING = (*Entry.WAITING, Entry.State.UNKNOWN, Entry.State.AWAITING)


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """A connection at one glance. `expiry` is "", "soon" or "over"."""

    connection: Connection
    crm: str
    mirrored: int
    expiry: str


@dataclass(frozen=True, slots=True)
class MappingLine:
    """A mapping at one glance: its newest run, when it runs next by itself, how many entries failed, how many others wait."""

    mapping: Mapping
    direction: str
    run: Run | None
    next_run: datetime | None
    failed: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Workers:
    """Who carries out background work. `beat`: when a run last gave a sign of life."""

    alive: int
    waiting: int
    beat: datetime | None


@dataclass(frozen=True, slots=True)
class Steps:
    """The first steps: a mapping needs two connections."""

    connections: int
    connected: bool
    mapped: bool


def connection_lines() -> list[ConnectionLine]:
    """Return every connection, the failing ones first."""
    found = Connection.objects.annotate(mirrored=Count("mirrors")).order_by("name")
    lines = [ConnectionLine(c, _label(c.connector), c.mirrored, _expiry(c.token_expires_at)) for c in found]
    return sorted(lines, key=lambda line: line.connection.check_state != Connection.Check.FAILED)


def mapping_lines() -> list[MappingLine]:
    """Return every mapping with what its newest run and its open entries say."""
    mappings = list(Mapping.objects.select_related("left_connection", "right_connection"))
    uuids = [m.uuid for m in mappings]
    newest = Run.objects.filter(mapping__in=uuids, kind=Run.Kind.SYNC).values("mapping").annotate(id=Max("id"))
    runs = {run.mapping: run for run in Run.objects.filter(pk__in=[row["id"] for row in newest])}
    counts = _open_entries(uuids)
    names = {name_of(m.uuid): m.uuid for m in mappings}
    rows = Schedule.objects.filter(name__in=names).values_list("name", "next_run")
    next_runs = {names[name]: at for name, at in rows}
    ways = directions(mappings)
    return [
        MappingLine(m, ways.get(m.pk, ""), runs.get(m.uuid), next_runs.get(m.uuid), *counts.get(m.uuid, (0, 0)))
        for m in mappings
    ]


def open_problems() -> list[Problem]:
    """Return what is wrong now, newest first."""
    return list(Problem.objects.filter(closed_at=None).select_related("connection")[:50])


def workers() -> Workers:
    """Return how many clusters work (they tell every half second, and count for three) and what waits for them."""
    broker = get_broker()
    beat = Run.objects.aggregate(beat=Max("beat_at"))["beat"]
    return Workers(len(Stat.get_all(broker)), int(broker.queue_size() or 0), beat)


def steps() -> Steps:
    """Return how far a new portal is."""
    connections = Connection.objects.count()
    return Steps(connections, connections > 1, Mapping.objects.exists())


def something_was_synced() -> bool:
    """Say whether any run ever ended well: then nobody needs to be shown the first steps."""
    return Run.objects.filter(kind=Run.Kind.SYNC, state__in=[Run.State.SUCCEEDED, Run.State.PARTLY_FAILED]).exists()


def _open_entries(mappings: list[uuid.UUID]) -> dict[uuid.UUID | None, tuple[int, int]]:
    failed = Q(state=Entry.State.FAILED)
    told = Q(state__in=WAITING, undoes=None) | Q(state=Entry.State.AWAITING)  # an undo is not tried again by itself
    rows = (
        Entry.objects.filter(told, mapping__in=mappings, superseded_by=None)
        .order_by()
        .values("mapping")
        .annotate(failed=Count("id", filter=failed), waiting=Count("id", filter=~failed))
    )
    return {row["mapping"]: (row["failed"], row["waiting"]) for row in rows}


def _expiry(at: datetime | None) -> str:
    if at is None or at > timezone.now() + EXPIRES_SOON:
        return ""
    return "over" if at <= timezone.now() else "soon"


def _label(slug: str) -> str:
    return connector_class(slug).label if slug in CONNECTORS else slug
