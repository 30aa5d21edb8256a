"""What persons chose about entries that wait, as planning reads and hands it on. The rule: a choice is never lost: what carries
it out keeps whose choice it is, until it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.choices.choice import RETRY, Choice, choice_of

UNDONE_REASONS = ("replaced", "changed_meanwhile")
# Planned by a choice and not carried out: the next plan takes it up.
UNDONE = Q(state=Entry.State.SKIPPED, obeys__isnull=False, reason__in=UNDONE_REASONS)


def undone_decisions(mapping: Mapping | None = None) -> QuerySet[Entry]:
    """Return the entries about which a person chose, and which no run took up since; of one mapping or of all."""
    found = Entry.objects.filter(superseded_by=None, undoes=None, state__in=Entry.WAITING, decision__isnull=False)
    return found if mapping is None else found.filter(mapping=mapping.uuid)


def choice_about(entry: Entry) -> Choice:
    """Return what was chosen about a decided entry."""
    return choice_of(entry.decision or {}, entry.reason, entry.evidence)


def choices_about(entries: Iterable[Entry]) -> tuple[Choice, ...]:
    """Return what was chosen about these entries, or about those that they carry out, in that order."""
    return tuple(choice_about(each) for entry in entries for each in (entry.obeys, entry) if each and each.decision)


def obeying(fresh: list[Entry], known: Sequence[Entry]) -> list[Entry]:
    """Return the new entries; those that do something say by whose choice, and need no other approval."""
    decided = [each for entry in known for each in (entry.obeys, entry) if each and each.decision]
    said = [entry for entry in decided if choice_about(entry).take != RETRY]
    for entry in fresh:
        if said and entry.action not in (Entry.Action.CONFLICT, Entry.Action.BLOCKED):
            entry.obeys, entry.state = said[-1], Entry.State.PLANNED
    return fresh
