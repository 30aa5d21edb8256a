"""Reads what `plan` needs to know about records that a run wrote: a fixed number of queries a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from connectors.types import JSON, Values
from portal.ledger.models import Entry, Run
from portal.mappings.transform import ABSENT, Side, held
from portal.records.models import CopyChange
from portal.sync.cases import OTHER, SIDES, Seen
from portal.sync.entries import APPROVED, MEANWHILE, source_side
from portal.sync.job import Job
from portal.sync.keys import digest_of, holders
from portal.sync.links import read_bases
from portal.sync.load import copies
from portal.sync.merge import is_written_once
from portal.sync.models import Link
from portal.sync.planning import key_of
from portal.sync.undo.plan import WAITS, Case, Deed, Means
from portal.sync.undo.references import DONE, moved_references

Edits = Mapping[str, Mapping[str, JSON]]


@dataclass(frozen=True, slots=True)
class Known:
    """A record that the run wrote: its newest entry, what is to be decided about it, its link and partner as they are now,
    and what was agreed on for the pair."""

    entry: Entry
    side: Side
    case: Case
    link: Link | None
    partner_id: str
    partner: Seen | None
    base: Mapping[str, Sequence[JSON]]


def writes_of(run: Run) -> QuerySet[Entry]:
    """Return what the run surely wrote; a sync set's in all of its parts."""
    done = entries_of(run).filter(state__in=DONE).exclude(action=Entry.Action.SKIP)
    return done.exclude(action=Entry.Action.APPEND, reason="already_listed")


def entries_of(run: Run) -> QuerySet[Entry]:
    """Return the entries of the run; a sync set's are those of its parts."""
    return Entry.objects.filter(run=run) if run.sync_set is None else Entry.objects.filter(run__parent=run)


def next_heads(job: Job, size: int, below: int | None) -> list[Entry]:
    """Return the newest write to each of the next records that are still to be planned, newest first: those whose number is
    `below` this, None for the first."""
    assert job.run.undoes is not None
    newer = writes_of(job.run.undoes).filter(
        connection=OuterRef("connection"), module=OuterRef("module"), record_id=OuterRef("record_id")
    )
    heads = writes_of(job.run.undoes).exclude(Exists(newer.filter(number__gt=OuterRef("number")).exclude(record_id="")))
    heads = heads if below is None else heads.filter(number__lt=below)
    again = Q(state=Entry.State.AWAITING, reason=APPROVED) | Q(state=Entry.State.SKIPPED, reason=MEANWHILE)
    again |= Q(state=Entry.State.SKIPPED, reason=WAITS)
    again |= Q(state=Entry.State.FAILED, next_try__lte=timezone.now())
    planned = Entry.objects.filter(run=job.run, undoes=OuterRef("pk"), superseded_by=None).exclude(again)
    return list(heads.exclude(Exists(planned)).order_by("-number")[:size])


def load(job: Job, heads: Sequence[Entry]) -> Iterator[Known]:
    """Yield what is known of the records of these entries, in their order."""
    found = {side: _of_side(job, side, heads) for side in SIDES}
    for entry in heads:
        yield found[_side(job, entry)][entry.pk]


def means_of(job: Job, side: Side) -> Means:
    """Return what deciding about the records of that side needs to know of it."""
    place = job.terms.places[side]
    compare = {rule.at(side): rule.compare for rule in job.terms.definition.rules if rule.compare}
    return Means(place.schema, place.region, compare, job.run.keep_created)


def agreed_after(job: Job, known: Known, values: Values) -> dict[str, list[JSON]]:
    """Return the base once the record holds these values. The partner's part stays what was last agreed on, so that an
    edit of it that was not carried over yet still is."""
    if known.link is None:
        return {}
    base, source = {}, OTHER[known.side]
    for rule, sides in job.terms.written:
        if known.side not in sides or rule.at(known.side) not in values or is_written_once(rule):
            continue
        last = known.base.get(rule.uuid)
        partner = held(rule, known.partner.values, source, job.terms.means) if known.partner else ABSENT
        own = last[SIDES.index(source)] if last else partner
        if own is not ABSENT:
            value = values[rule.at(known.side)]
            base[rule.uuid] = [own, value] if known.side == "right" else [value, own]
    return base


def _side(job: Job, entry: Entry) -> Side:
    return OTHER[source_side(job, entry)]


def _of_side(job: Job, side: Side, heads: Sequence[Entry]) -> dict[int, Known]:
    """Return newest entry -> what is known, for the records of one side."""
    mine = [entry for entry in heads if _side(job, entry) == side]
    if not mine:
        return {}
    links = job.links.find(side, [entry.record_id for entry in mine])
    bases = read_bases(job.mapping, [link.pk for link in links.values()])
    partners = {id: job.links.id_at(link, OTHER[side]) for id, link in links.items()}
    there = copies(job, OTHER[side], partners.values())
    found = {}
    for entry, case in zip(mine, _cases(job, side, mine), strict=True):
        link, partner_id = links.get(entry.record_id), partners.get(entry.record_id, entry.source_id)
        partner = there.get(partner_id)
        case = replace(case, is_alone=partner is None or bool(partner.deleted))
        base = bases.get(link.pk, {}) if link else {}
        found[entry.pk] = Known(entry, side, case, link, partner_id, partner, base)
    return found


def _cases(job: Job, side: Side, heads: Sequence[Entry]) -> Iterator[Case]:
    """Yield what is to be decided about the record of each, as far as its own side tells."""
    deeds, now = _deeds(job, side, heads), copies(job, side, [entry.record_id for entry in heads])
    made = [entry.record_id for entry in heads if deeds[entry.pk][-1].action == Entry.Action.CREATE]
    edits, touched = _edits(job, side, made)
    deleted = [entry for entry in heads if entry.action == Entry.Action.DELETE and entry.before]
    twins, moved = _twins(job, side, deleted), moved_references(job, side, deleted)
    for entry in heads:
        id = entry.record_id
        yield Case(
            deeds[entry.pk],
            now.get(id),
            edits.get(id, {}),
            is_touched=id in touched,
            has_twin=entry.pk in twins,
            moved=moved.get(entry.pk, {}),
        )


def _deeds(job: Job, side: Side, heads: Sequence[Entry]) -> dict[int, list[Deed]]:
    """Return newest entry -> all writes of the run to its record, newest first."""
    assert job.run.undoes is not None
    named = [entry for entry in heads if entry.record_id]
    rows = writes_of(job.run.undoes).filter(
        connection=job.connections[side],
        module=job.mirrors[side].module,
        record_id__in=[entry.record_id for entry in named],
    )
    by_record: dict[str, list[Deed]] = defaultdict(list)
    for row in rows.order_by("-number"):
        by_record[row.record_id].append(_deed(row))
    return {entry.pk: by_record[entry.record_id] if entry.record_id else [_deed(entry)] for entry in heads}


def _deed(entry: Entry) -> Deed:
    return Deed(entry.action, entry.before, entry.intended, entry.stored)


def _edits(job: Job, side: Side, ids: Sequence[str]) -> tuple[Edits, frozenset[str]]:
    """Return record -> field -> [first before, last after] of what happened to these records since the run, and which of
    them somebody else than this mapping's own runs changed."""
    assert job.run.undoes is not None
    rows = CopyChange.objects.filter(mirror=job.mirrors[side], record_id__in=ids).order_by("version")
    since = [row for row in rows.values_list("record_id", "run_id", "changes") if row[1] != job.run.undoes.pk]
    runs = Run.objects.filter(pk__in={run for _id, run, _changes in since if run}, mapping=job.mapping.uuid)
    ours = frozenset(runs.values_list("pk", flat=True))
    found: dict[str, dict[str, JSON]] = defaultdict(dict)
    for id, _run, changes in since:
        for name, (before, after) in changes.items():
            found[id][name] = [found[id].get(name, [before])[0], after]
    return found, frozenset(id for id, run, _changes in since if run not in ours)


def _twins(job: Job, side: Side, deleted: Sequence[Entry]) -> frozenset[int]:
    """Return the deletes whose record somebody made anew: another one there holds its match key."""
    keys = {entry.pk: digest_of(key_of(job, side, entry.before)) for entry in deleted}
    held_by = holders(job, list(keys.values())) if any(keys.values()) else {}
    return frozenset(pk for pk, key in keys.items() if key and (side, key) in held_by)
