"""Plans the way back of a run and saves it as entries, newest write first. The rule: what is left as it is, is written down
with its reason; what a person approved is carried out only if it is planned the very same once more."""

from __future__ import annotations

from typing import Any

from connectors.types import JSON
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.sync.cases import OTHER
from portal.sync.entries import APPROVED, MEANWHILE, as_shown, is_as_shown, is_bound
from portal.sync.job import Job
from portal.sync.undo.load import Known, agreed_after, load, means_of, next_heads
from portal.sync.undo.plan import CREATE, DELETE, EDITS, LEFT, UPDATE, WAITS, Undo, decide

BATCH = 500


def propose_undo(job: Job) -> bool:
    """Plan every write of the run that is still to be taken back; say whether the slice's time sufficed."""
    means = {side: means_of(job, side) for side in OTHER}
    done, below = 0, None
    while heads := next_heads(job, BATCH, below):
        job.keep_alive()
        fresh = [_entry(job, known, decide(known.case, means[known.side])) for known in load(job, heads)]
        _save(job, fresh)
        done, below = done + len(heads), heads[-1].number
        job.progress("plan", done, None)
        if job.is_over:
            return False
    return True


def _entry(job: Job, known: Known, undo: Undo) -> Entry:
    """Return what to do, or why nothing is done, as a new entry, not saved."""
    return Entry(
        run=job.run,
        undoes=known.entry,
        action=undo.kind or _way_back(known.entry),
        state=_state(job, undo),
        mapping=job.mapping.uuid,
        mapping_version=job.run.mapping_version,
        link_id=known.link.pk if known.link else None,
        before=_before(known, undo),
        intended=dict(undo.values),
        base=agreed_after(job, known, undo.values),
        reason=undo.reason,
        evidence={EDITS: undo.differs} if undo.differs else {},
        actor=job.run.actor,
        **_records_of(known, undo),
    )


def _records_of(known: Known, undo: Undo) -> dict[str, Any]:
    """Return the columns that say which record is written, and which is its partner, as of which version of each."""
    old, now = known.entry, None if undo.kind == CREATE else known.case.now
    return {
        "connection_id": old.connection_id,
        "module": old.module,
        "record_id": "" if undo.kind == CREATE else old.record_id,
        "target_version": now.version if now else None,
        "source_connection_id": old.source_connection_id,
        "source_module": old.source_module,
        "source_id": known.partner_id,
        "source_version": known.partner.version if known.partner else None,
        "label": old.label,
    }


def _way_back(old: Entry) -> str:
    """Return what would have taken it back, for an entry that says why it was not."""
    return {CREATE: DELETE, DELETE: CREATE}.get(old.action, old.action)


def _before(known: Known, undo: Undo) -> dict[str, JSON]:
    held = known.case.now.values if known.case.now else {}
    if undo.kind == DELETE:
        return dict(held)
    return {name: held[name] for name in undo.values if name in held} if undo.kind == UPDATE else {}


def _state(job: Job, undo: Undo) -> str:
    if undo.kind == LEFT:
        return Entry.State.SKIPPED
    return Entry.State.AWAITING if is_bound(job.run) and undo.kind != "skip" else Entry.State.PLANNED


def _save(job: Job, fresh: list[Entry]) -> None:
    """Save a batch; what waited for the same write to be taken back is taken up."""
    waiting = Entry.objects.filter(run=job.run, undoes__in=[e.undoes_id for e in fresh], superseded_by=None)
    olds = {old.undoes_id: old for old in waiting}
    shown = [as_shown(old, new) for new in fresh if (old := olds.get(new.undoes_id)) and _is_approved(old, new)]
    kept = {old.undoes_id for old in shown}
    kept |= {new.undoes_id for new in fresh if (old := olds.get(new.undoes_id)) and _is_left_again(old, new)}
    added = [new for new in fresh if new.undoes_id not in kept]
    for new in added:
        old = olds.get(new.undoes_id)
        if old is not None and old.state == Entry.State.FAILED:  # it did not arrive
            new.attempts = old.attempts
            new.state = Entry.State.PLANNED if is_as_shown(old, new) else new.state
    with fenced(job.held):
        write.plan_as_shown(job.held, shown)
        write.save_entries(job.held, added)
        replaced = {olds[new.undoes_id].pk: new for new in added if new.undoes_id in olds}
        write.supersede(job.held, replaced)
        lapsed = Entry.objects.filter(pk__in=list(replaced), state=Entry.State.AWAITING)
        write.move(job.held, lapsed, Entry.State.SKIPPED, reason=MEANWHILE)


def _is_approved(old: Entry, new: Entry) -> bool:
    approved = old.state == Entry.State.AWAITING and old.reason == APPROVED
    return approved and new.state != Entry.State.SKIPPED and is_as_shown(old, new)


def _is_left_again(old: Entry, new: Entry) -> bool:
    return (old.state, old.reason) == (new.state, new.reason) == (Entry.State.SKIPPED, WAITS)
