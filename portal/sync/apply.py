"""Carries out what was planned. The rule: intent, request, outcome: entries and the link of a create are on disk before
anything is sent, and what came of it is written in one transaction with the mirror, the link and the base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from django.db import IntegrityError
from django.db.models import QuerySet

from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.sync.cases import OTHER, Seen
from portal.sync.entries import APPROVED, is_bound, source_side
from portal.sync.job import Job
from portal.sync.keys import digest_of, holders, mark_due
from portal.sync.links import drop_bases, retire, write_bases
from portal.sync.load import copies
from portal.sync.models import Link
from portal.sync.plan import BOTH_GONE
from portal.sync.under_way import UnderWay

PAGE = 500


@dataclass(frozen=True, slots=True)
class _Now:
    """The two records of each entry of a group as they are now, who is linked, and which match keys the targets hold."""

    source: Mapping[str, Seen]
    target: Mapping[str, Seen]
    links: Mapping[str, Link]
    taken: frozenset[str]
    keys: frozenset[str]


def apply(job: Job) -> bool:
    """Send every planned entry of the run; say whether the slice's time sufficed. Raises RetryLater and ConfigError of a
    request after everything that was sent is settled, and Stopped."""
    done = 0
    with UnderWay(job) as under_way:
        while page := list(_planned(job)[:PAGE]):
            for side, group in _groups(job, page):
                job.keep_alive()
                under_way.make_way(side, group)
                _carry_out(job, under_way, group, side)
                done += len(group)
                job.progress("apply", done, None)
                if job.is_over:
                    return False
    return True


def _planned(job: Job) -> QuerySet[Entry]:
    planned = Entry.objects.filter(run=job.run, state=Entry.State.PLANNED)
    return planned.exclude(action=Entry.Action.APPEND).order_by("number")


def _groups(job: Job, page: list[Entry]) -> Iterator[tuple[Side, list[Entry]]]:
    """Yield entries to carry out together: as many as may be sent at once to one side, or any number that send nothing."""

    def kind(entry: Entry) -> tuple[Side, bool]:
        return OTHER[source_side(job, entry)], entry.action == Entry.Action.SKIP

    for (side, skips), run in groupby(sorted(page, key=kind), kind):
        entries = list(run)
        size = PAGE if skips else job.crms[side].context.max_parallel
        for start in range(0, len(entries), size):
            yield side, entries[start : start + size]


def _carry_out(job: Job, under_way: UnderWay, group: list[Entry], side: Side) -> None:
    group = _still_right(job, group, side)
    if group and group[0].action == Entry.Action.SKIP:
        _agree(job, group, side)
    elif group and _intend(job, group, side):
        under_way.begin(side, group)


def _still_right(job: Job, group: list[Entry], side: Side) -> list[Entry]:
    """Return the entries whose two records are as they were planned from; the others are planned again."""
    sources, targets = [entry.source_id for entry in group], [entry.record_id for entry in group if entry.record_id]
    seen = copies(job, OTHER[side], sources)
    now = _Now(
        seen,
        copies(job, side, targets),
        job.links.find(OTHER[side], sources),
        job.links.taken(side, [entry.record_id for entry in group if entry.record_id and entry.link_id is None]),
        _keys_held(job, side, [seen[e.source_id] for e in group if not e.record_id and e.source_id in seen]),
    )
    stale = {entry.pk for entry in group if not _is_as_planned(entry, now)}
    _plan_again(job, [entry for entry in group if entry.pk in stale], side)
    return [entry for entry in group if entry.pk not in stale]


def _keys_held(job: Job, side: Side, alone: list[Seen]) -> frozenset[str]:
    """Return which of the match keys somebody on the other side holds by now: a long run pulls again while it creates."""
    held = holders(job, [digest_of(source.key) for source in alone]) if alone else {}
    return frozenset(key for at, key in held if at == side)


def _is_as_planned(entry: Entry, now: _Now) -> bool:
    source, target = now.source.get(entry.source_id), now.target.get(entry.record_id)
    versions = (source.version if source else None, target.version if target else None)
    if entry.undoes_id is not None:  # it is about the target alone
        versions = entry.source_version, versions[1]
    if versions != (entry.source_version, entry.target_version):
        return False
    if source is not None and not entry.record_id and not entry.obeys_id and digest_of(source.key) in now.keys:
        return False
    link = now.links.get(entry.source_id)
    if entry.undoes_id is not None:
        return (link.pk if link else None) == entry.link_id
    if entry.link_id is None:
        return link is None and entry.record_id not in now.taken
    return link is not None and (link.pk, link.state) == (entry.link_id, Link.State.LINKED)


def _plan_again(job: Job, stale: list[Entry], side: Side) -> None:
    bound = is_bound(job.run)
    for entry in stale:
        entry.state = Entry.State.AWAITING if bound else Entry.State.SKIPPED
        entry.reason = APPROVED if bound else "changed_meanwhile"
    if stale:
        with fenced(job.held):
            write.settle(job.held, stale)
            mark_due(job, ids={OTHER[side]: [entry.source_id for entry in stale]})


def _intend(job: Job, group: list[Entry], side: Side) -> bool:
    """Save what is about to be sent, in one commit that survives a power cut; say whether it still could be."""
    try:
        with fenced(job.held, durable=True):
            write.mark_sent(job.held, group, linked=_link(job, group, side))
    except IntegrityError:  # another mapping of the same two modules linked one of them this very moment
        _plan_again(job, group, side)
        return False
    return True


def _agree(job: Job, group: list[Entry], side: Side) -> None:
    """Link and agree where nothing has to be sent."""
    try:
        with fenced(job.held):
            _link(job, group, side)
            write_bases(job.mapping, {entry.link_id: entry.base for entry in group if entry.link_id and entry.base})
            drop_bases(entry.link_id for entry in group if entry.link_id and entry.reason == BOTH_GONE)
            retire(entry.link_id for entry in group if entry.link_id and entry.undoes_id)
            write.settle_skipped(job.held, group)
            mark_due(job, ids={OTHER[side]: [entry.source_id for entry in group if entry.evidence.get("later")]})
    except IntegrityError:  # as in `_intend`
        _plan_again(job, group, side)


def _link(job: Job, group: list[Entry], side: Side) -> list[Entry]:
    """Make the links that are missing: pending for a create, whose record has no id yet. Return the entries that got one."""
    fresh = [entry for entry in group if entry.link_id is None and entry.undoes_id is None]
    links = [
        job.links.make(
            {side: entry.record_id, OTHER[side]: entry.source_id},
            entry.pk,
            Link.State.LINKED if entry.record_id else Link.State.PENDING,
        )
        for entry in fresh
    ]
    for entry, link in zip(fresh, Link.objects.bulk_create(links), strict=True):
        entry.link_id = link.pk
    return fresh
