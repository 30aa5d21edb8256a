"""Does in a run what persons chose about links, and has planned again what they chose about values. The rule: only while the
records are as they were shown; what cannot be done is asked anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils import timezone

from connectors.errors import AccessDenied, RecordError
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.sync.cases import OTHER, SIDES
from portal.sync.choices.choice import JOIN, NEW, RETIRE, RETRY
from portal.sync.choices.decided import choice_about, undone_decisions
from portal.sync.choices.relink import mappings_of, unite
from portal.sync.entries import again, resolved, source_side
from portal.sync.job import Job
from portal.sync.keys import mark_due
from portal.sync.links import drop_pending
from portal.sync.load import copies
from portal.sync.models import Link
from portal.sync.outcome import accept, settle
from portal.ui.wording import to_keep

BATCH = 500
Links = Mapping[int, Link]


@dataclass(slots=True)
class _Done:
    """What takes up which waiting entry, and those whose records are planned again, by their numbers."""

    pairs: list[tuple[Entry, Entry]] = field(default_factory=list)
    again: dict[int, Entry] = field(default_factory=dict)

    def take_up(self, entry: Entry, new: Entry) -> None:
        """Note which new entry takes a decided one up."""
        self.pairs.append((entry, new))
        self.again.pop(entry.pk, None)

    def chose(self, take: str) -> list[Entry]:
        """Return the entries about which that was chosen and nothing is done yet."""
        return [entry for entry in self.again.values() if choice_about(entry).take == take]


def obey(job: Job, heard: set[int]) -> bool:
    """Take up what was chosen and is not among the entries `heard` of, which it adds to; say whether there was anything."""
    fresh = [pk for pk in undone_decisions(job.mapping).order_by("pk").values_list("pk", flat=True) if pk not in heard]
    heard.update(fresh)
    for start in range(0, len(fresh), BATCH):
        job.keep_alive()
        _obey(job, list(Entry.objects.filter(pk__in=fresh[start : start + BATCH]).order_by("pk")))
    return bool(fresh)


def _obey(job: Job, entries: list[Entry]) -> None:
    links = Link.objects.in_bulk([entry.link_id for entry in entries if entry.link_id])
    done = _Done(again={entry.pk: entry for entry in entries})
    only_plans = job.run.plan_only and job.run.approved_at is None  # asks no CRM for more than what changed
    for entry in done.chose(JOIN) if not only_plans else ():
        if _is(Link.State.PENDING, entry, links):
            _adopt(job, entry, done)
    with fenced(job.held):
        for entry in [entry for entry in done.again.values() if _is(Link.State.RETIRED, entry, links)]:
            done.take_up(entry, resolved(job, entry))
        _retire(job, done, links)
        _join(job, done)
        _part(job, done, links)
        _look_up_again(job, done, links)
        _save(job, done)


def _save(job: Job, done: _Done) -> None:
    write.save_entries(job.held, [new for _, new in done.pairs])
    write.supersede(job.held, {old.pk: new for old, new in done.pairs})
    due: dict[Side, list[str]] = {side: [] for side in SIDES}
    for entry in done.again.values():
        side = source_side(job, entry)
        due[side].append(entry.source_id)
        due[OTHER[side]] += [entry.record_id] if entry.record_id else []
    mark_due(job, ids=due)


def _is(state: str, entry: Entry, links: Links) -> bool:
    link = links.get(entry.link_id or 0)
    return link is not None and link.state == state


def _retire(job: Job, done: _Done, links: Links) -> None:
    """Never sync the record again: its link says so, for one without a link a link to nobody."""
    old, new = [], []
    for side in SIDES:
        here = [entry for entry in done.chose(RETIRE) if source_side(job, entry) == side]
        known = job.links.find(side, [entry.source_id for entry in here])
        for entry in here:
            link = links.get(entry.link_id or 0)
            if (entry.link_id is None) != (link is None) or known.get(entry.source_id) != link:
                continue
            if link is not None:
                link.state = Link.State.RETIRED
                old.append(link)
            else:
                ids = {side: entry.source_id, OTHER[side]: ""}
                new.append(job.links.make(ids, entry.pk, Link.State.RETIRED))
            done.take_up(entry, resolved(job, entry, "retired"))
    Link.objects.bulk_update(old, ["state"])
    Link.objects.bulk_create(new)


def _join(job: Job, done: _Done) -> None:
    entries = [entry for entry in done.chose(JOIN) if entry.link_id is None]
    pairs: list[dict[Side, str]] = [
        {side: entry.source_id, OTHER[side]: choice_about(entry).record}
        for entry in entries
        for side in [source_side(job, entry)]
    ]
    reasons = unite(job.links, mappings_of(job.mapping), pairs)[1] if pairs else []
    for entry, why in zip(entries, reasons, strict=True):
        new = again(job, entry, message=why) if why else resolved(job, entry, "joined")
        done.take_up(entry, new)


def _part(job: Job, done: _Done, links: Links) -> None:
    """Make the record again: a link to one that is no more, or that never came to be, is forgotten."""
    found = {entry: link for entry in done.chose(NEW) if (link := links.get(entry.link_id or 0))}
    drop_pending([link.pk for link in found.values()])
    seen = {s: copies(job, s, [job.links.id_at(link, s) for link in found.values()]) for s in SIDES if found}
    gone = []
    for entry, link in found.items():
        pair = [record for side in SIDES if (record := seen[side].get(job.links.id_at(link, side)))]
        living = [record for record in pair if not record.deleted]
        if len(pair) == 2 and [record.version for record in living] == [choice_about(entry).version]:
            gone.append(link.pk)
    Link.objects.filter(pk__in=gone, state=Link.State.LINKED).delete()


def _look_up_again(job: Job, done: _Done, links: Links) -> None:
    for entry in [entry for entry in done.chose(RETRY) if _is(Link.State.PENDING, entry, links)]:
        evidence = {name: value for name, value in entry.evidence.items() if name not in ("found", "empty_lookups")}
        unknown = {"state": Entry.State.UNKNOWN, "reason": "outcome_unknown", "next_try": timezone.now()}
        done.take_up(entry, again(job, entry, message="", evidence=evidence, **unknown))


def _adopt(job: Job, entry: Entry, done: _Done) -> None:
    """The record that a person found is what was to be created; where it holds something else, that is planned next."""
    side, record_id = OTHER[source_side(job, entry)], choice_about(entry).record
    job.keep_alive()
    try:
        record = job.crms[side].get(entry.module, record_id)
    except (RecordError, AccessDenied) as e:
        done.take_up(entry, again(job, entry, message=to_keep(e)))
        return
    if job.links.taken(side, [record.id]):
        done.take_up(entry, again(job, entry, reason="already_linked", message=""))
        return
    outcome = accept(job, side, entry, record)
    names = {rule.uuid: rule.at(side) for rule in job.terms.definition.rules}
    differs = entry.evidence.get("differs", {})
    entry.base = {rule: pair for rule, pair in entry.base.items() if names.get(rule) not in differs}
    settle(job, side, [outcome], plan_again=True)
    done.again.pop(entry.pk)
