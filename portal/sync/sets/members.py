"""How the members of a sync set's run stand: which mappings, in which order, what became of each so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from portal.ledger import write
from portal.ledger.models import Run
from portal.mappings.models import Mapping as MappingRow
from portal.sync.models import SyncSet
from portal.sync.sets.order import order_of, waits_for
from portal.sync.sets.references import references_of
from portal.sync.sets.step import Member

PATIENCE = timedelta(seconds=90)  # so long all of a plan waits for a part of it
LOOK_AGAIN = timedelta(seconds=5)  # whether a run of the mapping alone has ended
_DONE = (Run.State.SUCCEEDED, Run.State.PARTLY_FAILED)
_LOST = (Run.State.FAILED, Run.State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Standing:
    """One member: its run in this set's, if it has begun, and its mapping, if that still exists. `until`: how long it rests, and
    `why`."""

    member: Member
    run: Run | None
    mapping: MappingRow | None
    until: datetime
    why: str = ""


def standings(run: Run) -> list[Standing]:
    """Return how the members stand, in their order. What was approved has no other members than those approved."""
    children = {child.mapping: child for child in run.children.order_by("pk") if child.mapping}
    rows = {row.uuid: row for row in _rows(run, children)}
    names = {uuid: rows[uuid].name if uuid in rows else child.mapping_name for uuid, child in children.items()}
    names |= {uuid: row.name for uuid, row in rows.items()}
    references = references_of(rows.values())
    order = order_of(names.values(), references).names
    uuids = {name: uuid for uuid, name in names.items()}
    busy = _busy(run, [uuid for uuid in rows if uuid not in children])
    found = []
    for name in order:
        uuid = uuids[name]
        child = children.get(uuid)
        until = (child.not_before if child else busy.get(uuid)) or timezone.now()
        rests = _rests(until) if child is None or child.state in Run.OPEN else ""
        member = _member(name, child, rests, waits_for(name, order, references))
        found.append(Standing(member, child, rows.get(uuid), until, child.message if child and rests else ""))
    return found


def begin(run: Run, standing: Standing, *, given_up: str = "") -> Run | None:
    """Return the member's run, begun; with `given_up` it has ended already, for that reason. None while somebody runs the mapping
    alone."""
    mapping = standing.mapping
    assert mapping is not None  # only a mapping that exists has yet to begin
    about = {
        "parent": run,
        "mapping_name": mapping.name,
        "mapping_version": mapping.version,
        "user": run.user,
        "trigger": run.trigger,
        "approve_all": run.approve_all,
        "plan_only": run.plan_only,
        "anew": run.anew,
    }
    if given_up:
        about |= {"state": Run.State.CANCELLED, "message": given_up, "finished_at": timezone.now()}
    child = write.start_run(Run.Kind.SYNC, actor=run.actor, mapping=mapping.uuid, **about)
    return child if child.parent_id == run.pk else None


def _rows(run: Run, children: Mapping[UUID, Run]) -> Iterable[MappingRow]:
    wanted = set(children)
    if not run.approved_at:
        wanted |= {
            mapping.uuid for row in SyncSet.objects.filter(uuid=str(run.sync_set)) for mapping in row.mappings.all()
        }
    return MappingRow.objects.filter(uuid__in=wanted).select_related("left_connection", "right_connection")


def _member(name: str, child: Run | None, rests: str, needs: frozenset[str]) -> Member:
    if child is None:
        return Member(name, rests=rests, needs=needs)
    state = "done" if child.state in _DONE else "failed" if child.state in _LOST else "open"
    state = "awaiting" if child.state == Run.State.AWAITING_APPROVAL else state
    planned = bool(child.position.get("planned") or child.approved_at)
    tripped = planned and child.state == Run.State.QUEUED and bool(child.message)
    return Member(name, state, planned, tripped, rests, needs)


def _rests(until: datetime) -> str:
    wait = until - timezone.now()
    return "" if wait <= timedelta() else "short" if wait <= PATIENCE else "long"


def _busy(run: Run, mappings: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return of which of these mappings somebody else's run goes on, and when to look again."""
    others = Run.objects.filter(mapping__in=list(mappings), state__in=Run.OPEN).exclude(parent=run)
    kinds = others.filter(kind__in=(Run.Kind.SYNC, Run.Kind.UNDO))
    soon = timezone.now() + LOOK_AGAIN
    return {other.mapping: soon for other in kinds if other.mapping}
