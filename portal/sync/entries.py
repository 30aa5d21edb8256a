"""An action of the plan as an entry of the ledger, and what it has in common with an earlier one."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from connectors.types import JSON
from connectors.values import is_secret_field, redact
from connectors.wording import joined
from portal.ledger.models import Entry, Run
from portal.mappings.transform import Side
from portal.sync.cases import OTHER, Action
from portal.sync.job import Job
from portal.sync.planning import label_of
from portal.sync.sets.promise import PROMISED, promises_in
from portal.ui.wording import to_keep

_STATES = {"conflict": Entry.State.CONFLICT, "blocked": Entry.State.BLOCKED}  # else planned: even a link is made later
APPROVED = "approved"  # the reason of a waiting entry that a person approved, until it is planned once more
MEANWHILE = "changed_meanwhile"  # of an entry that was not carried out, since its record is not as it was planned from


def entry_of(job: Job, action: Action) -> Entry:
    """Return the action as a new entry, not saved."""
    return Entry(
        run=job.run,
        action=action.kind,
        state=_state_of(job.run, action),
        mapping=job.mapping.uuid,
        mapping_version=job.run.mapping_version,
        link_id=action.link,
        rules=list(action.rules),
        before=_before(action),
        intended=dict(action.values),
        base={rule: list(pair) for rule, pair in action.base.items()},
        reason=action.reason,
        message=to_keep(joined(" ", action.errors.values())),
        evidence={**action.evidence, **({PROMISED: True} if promises_in(dict(action.values)) else {})},
        actor=job.run.actor,
        **_records_of(job, action),
    )


def _before(action: Action) -> dict[str, JSON]:
    """Return what the target holds in the fields that are sent; before it is deleted, all it holds."""
    held = action.target.values if action.target else {}
    return dict(held) if action.kind == "delete" else {name: held[name] for name in action.values if name in held}


def _records_of(job: Job, action: Action) -> dict[str, Any]:
    """Return the columns that say which record becomes which, and as of which version of each."""
    side, source, target = action.side, action.source, action.target
    assert source is not None  # every action is about a record
    return {
        "connection": job.connections[side],
        "module": job.mirrors[side].module,
        "record_id": target.id if target else "",
        "target_version": target.version if target else None,
        "source_connection": job.connections[OTHER[side]],
        "source_module": job.mirrors[OTHER[side]].module,
        "source_id": source.id,
        "source_version": source.version,
        "label": label_of(job, OTHER[side], source),
    }


def is_bound(run: Run) -> bool:
    """Say whether a person approved this very plan: nothing else is carried out by the run."""
    return run.approved_at is not None and not run.approve_all


def is_as_shown(old: Entry, new: Entry) -> bool:
    """Say whether a plan made anew is what was shown: the same deed to the same record, the same values over the same
    ones, by the same version of the mapping. What is hidden cannot be compared: then the source must be unchanged."""

    def shown(entry: Entry) -> tuple[JSON, ...]:
        source = (entry.source_connection_id, entry.source_module, entry.source_id)
        over = {} if entry.action == Entry.Action.DELETE else redact(entry.before)
        target = (entry.connection_id, entry.module, entry.record_id, over)
        values = redact(entry.intended)
        hidden = entry.source_version if any(map(is_secret_field, values)) else None
        return entry.action, entry.mapping_version, source, target, values, hidden

    return shown(old) == shown(new)


def as_shown(old: Entry, new: Entry) -> Entry:
    """Return the entry that was shown, to be carried out as it is planned now."""
    old.state = Entry.State.PLANNED
    for name in (
        "reason",
        "message",
        "evidence",
        "rules",
        "before",
        "base",
        "link_id",
        "source_version",
        "target_version",
    ):
        setattr(old, name, getattr(new, name))
    return old


def _state_of(run: Run, action: Action) -> str:
    """Return the state of a new entry. What would send something waits where a person approved another plan."""
    if is_bound(run) and action.kind in ("create", "update", "delete"):
        return Entry.State.AWAITING
    return _STATES.get(action.kind, Entry.State.PLANNED)


def again(job: Job, old: Entry, **changes: Any) -> Entry:
    """Return a new entry like one that waits, not saved: nobody chose anything about this one yet."""
    columns = {f.attname: getattr(old, f.attname) for f in Entry._meta.concrete_fields if not f.primary_key}
    fresh = {"run_id": job.run.pk, "decision": None, "superseded_by_id": None, "settled_at": None}
    return Entry(**{**columns, **fresh, **changes})


def resolved(job: Job, old: Entry, reason: str = "resolved") -> Entry:
    """Return the entry that says an earlier one has nothing left to do; `reason`: or what was done about it."""
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
        reason=reason,
        actor=job.run.actor,
        obeys=None if reason == "resolved" else old,
    )


def is_same(old: Entry, new: Entry) -> bool:
    """Say whether the plan still says what it said; the server's refusal is no part of the plan."""
    if (old.action, old.intended) != (new.action, redact(new.intended)):
        return False
    return old.state in (Entry.State.FAILED, Entry.State.PARKED) or (
        (old.reason, old.message, old.evidence) == (new.reason, new.message, new.evidence)
    )


def goes_on(old: Entry, new: Entry) -> bool:
    """Say whether what waits goes on waiting: the plan says the same of it, and nobody chose anything about it."""
    return old.decision is None and is_same(old, new) and not is_due(old, new)


def was_tried(old: Entry) -> bool:
    """Say whether its attempts count for the next one: not once a person has it tried again."""
    return old.state == Entry.State.FAILED and old.decision is None


def is_due(old: Entry, new: Entry) -> bool:
    """Say whether the same is tried again: its time has come, or the record changed since the server refused it."""
    if old.state != Entry.State.FAILED:
        return False
    return old.source_version != new.source_version or (old.next_try is not None and old.next_try <= timezone.now())


def source_side(job: Job, entry: Entry) -> Side:
    """Return which side of the mapping an entry's source is."""
    left = (entry.source_connection_id, entry.source_module)
    return "left" if left == (job.connections["left"].pk, job.mapping.left_module) else "right"
