"""An action of the plan as an entry of the ledger, and what it has in common with an earlier one."""

from __future__ import annotations

from django.utils import timezone

from connectors.values import redact
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.sync.cases import OTHER, Action, Seen
from portal.sync.job import Job

_STATES = {"conflict": Entry.State.CONFLICT, "blocked": Entry.State.BLOCKED}  # else planned: even a link is made later


def entry_of(job: Job, action: Action) -> Entry:
    """Return the action as a new entry, not saved."""
    side, source, target = action.side, action.source, action.target
    assert source is not None  # every action is about a record
    return Entry(
        run=job.run,
        action=action.kind,
        state=_STATES.get(action.kind, Entry.State.PLANNED),
        connection=job.connections[side],
        module=job.mirrors[side].module,
        record_id=target.id if target else "",
        source_connection=job.connections[OTHER[side]],
        source_module=job.mirrors[OTHER[side]].module,
        source_id=source.id,
        label=_label(job, OTHER[side], source),
        mapping=job.mapping.uuid,
        mapping_version=job.run.mapping_version,
        link_id=action.link,
        rules=list(action.rules),
        source_version=source.version,
        target_version=target.version if target else None,
        before={name: target.values.get(name) for name in action.values} if target else {},
        intended=dict(action.values),
        base={rule: list(pair) for rule, pair in action.base.items()},
        reason=action.reason,
        message=" ".join(action.errors.values()),
        evidence=dict(action.evidence),
        actor=job.run.actor,
    )


def resolved(job: Job, old: Entry) -> Entry:
    """Return the entry that says an earlier one has nothing left to do."""
    return Entry(
        run=job.run,
        action=Entry.Action.SKIP,
        state=Entry.State.SKIPPED,
        connection_id=old.connection_id,
        module=old.module,
        record_id=old.record_id,
        source_connection_id=old.source_connection_id,
        source_module=old.source_module,
        source_id=old.source_id,
        label=old.label,
        mapping=old.mapping,
        mapping_version=job.run.mapping_version,
        link_id=old.link_id,
        reason="resolved",
        actor=job.run.actor,
    )


def _label(job: Job, side: Side, record: Seen) -> str:
    schema = job.terms.places[side].schema
    parts = [str(record.values[name]) for name in schema.label_fields if record.values.get(name)]
    return " ".join(parts)[:200]


def is_same(old: Entry, new: Entry) -> bool:
    """Say whether the plan still says what it said; the server's refusal is no part of the plan."""
    if (old.action, old.intended) != (new.action, redact(new.intended)):
        return False
    return old.state in (Entry.State.FAILED, Entry.State.PARKED) or (
        (old.reason, old.message, old.evidence) == (new.reason, new.message, new.evidence)
    )


def is_due(old: Entry, new: Entry) -> bool:
    """Say whether the same is tried again: its time has come, or the record changed since the server refused it."""
    if old.state != Entry.State.FAILED:
        return False
    return old.source_version != new.source_version or (old.next_try is not None and old.next_try <= timezone.now())


def source_side(job: Job, entry: Entry) -> Side:
    """Return which side of the mapping an entry's source is."""
    left = (entry.source_connection_id, entry.source_module)
    return "left" if left == (job.connections["left"].pk, job.mapping.left_module) else "right"
