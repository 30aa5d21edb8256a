"""What became of a request, and what follows from it. The rule: what the server stored, the link, the base and the entry
are written in one transaction; the base moves only for fields that were sent, or found equal, in this entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from connectors.errors import (
    AccessDenied,
    ConfigError,
    ConnectorError,
    RecordNotFound,
    RetryLater,
    Unavailable,
    Unsupported,
)
from connectors.types import JSON, Change, Record
from connectors.values import redact
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.mappings.compare import as_sent, is_spelled_anew, same
from portal.mappings.stored import definition_of
from portal.mappings.transform import Side, held
from portal.records.store import store_changes
from portal.sync.cases import OTHER, SIDES
from portal.sync.job import Job
from portal.sync.keys import mark_due
from portal.sync.links import drop_bases, drop_pending, retire, write_bases
from portal.sync.load import copies
from portal.sync.merge import UNSURE
from portal.sync.models import Link
from portal.sync.send import Answer
from portal.ui.wording import to_keep

MAX_ATTEMPTS = 5
_OPEN_ENDED = (Entry.State.UNKNOWN, Entry.State.CONFLICT)  # it may exist: its link stays, so that it is not made twice
WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120))  # before the second, third … attempt


@dataclass(frozen=True, slots=True)
class Outcome:
    """An entry in its new state, with what the server now holds where it told; `is_missing`: that it has no such record."""

    entry: Entry
    change: Change | None = None
    is_missing: bool = False


def judge(job: Job, side: Side, entry: Entry, answer: Answer) -> Outcome:
    """Return what an answer means; the entry carries its new state."""
    if not answer.was_sent:
        _put_back(entry)
        return Outcome(entry)
    if isinstance(answer.error, RecordNotFound) and entry.action != Entry.Action.CREATE:
        return vanished(entry)
    if answer.error is not None:
        fail(entry, answer.error, is_unclear=answer.is_unclear)
        return Outcome(entry)
    if answer.record is None:
        entry.state = Entry.State.DONE
        return Outcome(entry, Change(entry.record_id))
    return accept(job, side, entry, answer.record)


def accept(job: Job, side: Side, entry: Entry, record: Record, *, is_late: bool = False) -> Outcome:
    """Return the outcome of a write that the record shows to be done; `is_late`: read so long after it that somebody may
    have changed it since."""
    held_now = {name: record.values[name] for name in entry.intended if name in record.values}
    stored = {name: as_sent(entry.intended[name], value) for name, value in held_now.items()}
    intended = redact(entry.intended)
    differs = {n: [intended[n], v] for n, v in redact(stored).items() if not same(intended[n], v)}
    entry.state = Entry.State.STORED_DIFFERENTLY if differs else Entry.State.DONE
    entry.reason, entry.message, entry.next_try = "", "", None
    entry.record_id, entry.stored = record.id, stored
    entry.evidence = {**entry.evidence, "differs": differs} if differs else entry.evidence
    is_certain = job.crms[side].capabilities.shows_stored and not is_late
    entry.base = _base(job, side, entry, record, is_certain=is_certain)
    return Outcome(entry, Change(record.id, record))


def vanished(entry: Entry) -> Outcome:
    """Return the outcome of a write to a record that somebody deleted behind us: a delete is done, an update waits, one that
    takes something back is not needed."""
    entry.state, entry.reason = Entry.State.BLOCKED, "target_missing"
    if entry.action == Entry.Action.DELETE:
        entry.state, entry.reason = Entry.State.DONE, ""
    elif entry.undoes_id is not None:
        entry.state, entry.reason = Entry.State.SKIPPED, "gone_since"
    entry.message, entry.next_try = "", None
    return Outcome(entry, is_missing=True)


def settle(job: Job, side: Side, outcomes: Sequence[Outcome], *, plan_again: bool = False) -> None:
    """Write the outcomes. `plan_again`: their records may have changed while nobody knew how the requests ended."""
    source = OTHER[side]
    done = [outcome for outcome in outcomes if outcome.change is not None]
    lost = [outcome.entry for outcome in outcomes if outcome.is_missing]
    with fenced(job.held):
        _refuse_taken(job, side, done)
        if done or lost:
            changes = [o.change for o in done if o.change is not None]
            missing = [entry.record_id for entry in lost]
            store_changes(job.mirrors[side], changes, missing=missing, run_id=job.run.pk)
        ended = [o.entry for o in outcomes if o.entry.state in (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY)]
        _complete_links(job, side, [e for e in ended if e.action == Entry.Action.CREATE and e.link_id])
        write_bases(job.mapping, {e.link_id: e.base for e in ended if e.link_id and e.action != Entry.Action.DELETE})
        drop_bases(e.link_id for e in ended if e.link_id and e.action == Entry.Action.DELETE and not e.undoes_id)
        _retire_undone(job, source, [e for e in ended if e.undoes_id and e.link_id])
        _forget_links([o.entry for o in outcomes if o.entry not in ended and o.entry.state not in _OPEN_ENDED])
        write.settle(job.held, [outcome.entry for outcome in outcomes])
        due = [outcome.entry.source_id for outcome in outcomes if plan_again or outcome.is_missing]
        mark_due(job, ids={source: due})


def put_off(entry: Entry) -> None:
    """Have an entry tried again after a growing pause; park it after five attempts."""
    if entry.attempts >= MAX_ATTEMPTS:
        entry.state, entry.next_try = Entry.State.PARKED, None
    else:
        entry.state = Entry.State.FAILED
        entry.next_try = timezone.now() + WAITS[min(max(entry.attempts, 1), len(WAITS)) - 1]


def fail(entry: Entry, error: ConnectorError, *, is_unclear: bool) -> None:
    """Put into an entry what an error means for it: to be looked up, sent again at once or later, or waiting for a person."""
    entry.message = to_keep(error)
    entry.evidence = {**entry.evidence, **_words(entry, error)}
    if is_unclear:
        grace = settings.UNKNOWN_GRACE_SECONDS if _may_still_arrive(error) else 0
        entry.state, entry.reason = Entry.State.UNKNOWN, "outcome_unknown"
        entry.next_try = timezone.now() + timedelta(seconds=grace)
    elif isinstance(error, RetryLater):
        _put_back(entry)
    elif isinstance(error, ConfigError) and not isinstance(error, AccessDenied):
        entry.state, entry.reason, entry.next_try = Entry.State.FAILED, "connection", timezone.now()
    elif isinstance(error, Unsupported):
        entry.state, entry.reason = Entry.State.BLOCKED, "unsupported"
    else:
        entry.reason = "refused"
        put_off(entry)


def _put_back(entry: Entry) -> None:
    """Nothing was done: it is planned as before."""
    entry.state, entry.attempts = Entry.State.PLANNED, entry.attempts - 1


def _words(entry: Entry, error: ConnectorError) -> dict[str, JSON]:
    """The vendor's own words, and the values that caused them."""
    fields = getattr(error, "fields", {})
    told: dict[str, JSON] = {"error": type(error).__name__, "code": error.code, "vendor_message": error.vendor_message}
    if fields:
        values = redact(entry.intended)
        told["fields"] = {name: {"why": to_keep(why), "value": values.get(name)} for name, why in fields.items()}
    return told


def _may_still_arrive(error: ConnectorError) -> bool:
    """Say whether the server may be working on the request yet: after a time-out or a proxy's 502/504, not after a reset."""
    return isinstance(error, Unavailable) and (not error.code or "imeout" in error.code or error.code in ("502", "504"))


def _base(job: Job, side: Side, entry: Entry, record: Record, *, is_certain: bool) -> dict[str, JSON]:
    """Return what to agree on: for fields that were sent what the server now holds, else what was found equal."""
    terms = job.terms.definition
    if entry.mapping_version not in (None, job.run.mapping_version):
        terms = definition_of(job.mapping, entry.mapping_version)
    rules = {rule.uuid: rule for rule in terms.rules}
    base = {}
    for uuid, pair in entry.base.items():
        rule = rules.get(uuid)
        name = rule.at(side) if rule else ""
        if rule and name in entry.intended and name in record.values:
            sent, stored = entry.intended[name], held(rule, record.values, side, job.terms.means)
            is_two_way = len(terms.targets_of(rule)) == len(SIDES)
            if is_two_way and not is_certain and _may_be_an_edit(sent, as_sent(sent, record.values[name])):
                pair = [*pair[:2], UNSURE]
            else:
                pair = [stored if at == side else value for at, value in zip(SIDES, pair, strict=False)]
        base[uuid] = pair
    return base


def _may_be_an_edit(sent: JSON, stored: JSON) -> bool:
    """Say whether somebody may have changed the field between our write and the reading that shows it. Nobody can tell
    that from what the server itself made of the value, so a two-way rule asks and neither side's value is carried over."""
    return not same(sent, stored) and not is_spelled_anew(sent, stored)


def _refuse_taken(job: Job, side: Side, done: list[Outcome]) -> None:
    """A create answered with a record that is somebody else's partner links nothing: a person looks at it."""
    created = {o.entry.record_id: o.entry for o in done if o.entry.action == Entry.Action.CREATE}
    for id, link in job.links.find(side, list(created)).items():
        if link.pk != created[id].link_id:
            created[id].state, created[id].reason = Entry.State.CONFLICT, "already_linked"


def _complete_links(job: Job, side: Side, created: list[Entry]) -> None:
    column = job.links.column(side)
    links = [Link(pk=e.link_id, state=Link.State.LINKED, **{column: e.record_id}) for e in created]
    if links:
        Link.objects.bulk_update(links, [column, "state"])


def _retire_undone(job: Job, source: Side, undone: list[Entry]) -> None:
    """What was taken back is not done again by itself: a record that was made and is deleted now, and one that is made again
    though its partner is no more."""
    made = [entry for entry in undone if entry.action == Entry.Action.CREATE]
    partners = copies(job, source, (entry.source_id for entry in made))
    alone = [entry for entry in made if entry.source_id not in partners or partners[entry.source_id].deleted]
    deleted = [entry for entry in undone if entry.action == Entry.Action.DELETE]
    retire(entry.link_id for entry in (*deleted, *alone) if entry.link_id)


def _forget_links(undone: list[Entry]) -> None:
    """A create that surely did not happen leaves no link behind."""
    created = [e for e in undone if e.action == Entry.Action.CREATE and e.link_id and not e.undoes_id]
    if created:
        drop_pending([entry.link_id for entry in created if entry.link_id])
        for entry in created:
            entry.link_id = None
