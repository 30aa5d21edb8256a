"""What was chosen about entries, by whom, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise

from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.choices.choice import RETIRE
from portal.sync.choices.decide import is_done
from portal.sync.inbox.words import chosen_words
from portal.sync.lines import record_url
from portal.sync.models import Link
from portal.sync.reasons import Reason, describe


@dataclass(frozen=True, slots=True)
class PastLine:
    """A choice: about which record, what, who, when, and the entry that carries it out or took its place (None: it waits).
    `is_retired`: its record is not synced since."""

    entry: Entry
    mapping: Mapping
    name: str
    url: str
    reason: Reason
    words: str
    by: str
    at: datetime | None
    outcome: Entry | None
    is_retired: bool

    @property
    def is_done(self) -> bool:
        """Say whether it was done, also where nothing had to be sent for it."""
        return self.outcome is not None and is_done(self.outcome)

    @property
    def came_of_it(self) -> str | Promise:
        """Return in words what was done where nothing had to be sent, or why it waits again."""
        out = self.outcome
        return describe(out.reason).text if out is not None and out.reason else ""


def past_lines(entries: Sequence[Entry]) -> list[PastLine]:
    """Return these decided entries as lines; those whose mapping is no more are left out."""
    mappings = Mapping.objects.filter(uuid__in={str(entry.mapping) for entry in entries})
    rows = {row.uuid: row for row in mappings.select_related("left_connection", "right_connection")}
    outcomes, retired = _outcomes(entries), _retired(entries)
    return [
        PastLine(
            entry,
            rows[entry.mapping],
            entry.label or entry.source_id or entry.record_id,
            record_url(entry.source_connection, entry.source_module, entry.source_id),
            describe(entry.reason),
            chosen_words(entry, rows[entry.mapping]),
            (entry.decision or {}).get("by", ""),
            parse_datetime((entry.decision or {}).get("at", "")),
            outcomes.get(entry.pk),
            entry.pk in retired,
        )
        for entry in entries
        if entry.mapping in rows
    ]


def _outcomes(entries: Sequence[Entry]) -> dict[int, Entry]:
    """Return the entry that tells what came of each choice: what carries it out, else what took its place, else itself once
    it is settled."""
    found = {entry.pk: entry for entry in entries if entry.state not in Entry.WAITING}
    rows = Entry.objects.filter(pk__in=[entry.superseded_by_id for entry in entries if entry.superseded_by_id])
    after = {row.pk: row for row in rows}
    found |= {e.pk: after[e.superseded_by_id] for e in entries if e.superseded_by_id in after}
    for row in Entry.objects.filter(obeys__in=entries, superseded_by=None).order_by("pk"):
        if row.obeys_id is not None:
            found[row.obeys_id] = row
    return found


def _retired(entries: Sequence[Entry]) -> set[int]:
    """Return whose records are not synced since a person said so."""
    said = [entry for entry in entries if (entry.decision or {}).get("take") == RETIRE]
    ids: dict[int, int] = defaultdict(int)
    ids |= {entry.link_id: entry.pk for entry in said if entry.link_id}
    links = Link.objects.filter(state=Link.State.RETIRED)
    by_link = {ids[pk] for pk in links.filter(pk__in=list(ids)).values_list("pk", flat=True)}
    alone = [entry.pk for entry in said if not entry.link_id]
    return by_link | {link.made_by_entry for link in links.filter(made_by_entry__in=alone) if link.made_by_entry}
