"""A person's word on what waits. The rule: it is stored first, once, with who and when; a run then carries it out; what no run
could take up is kept until one can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db.models import Max
from django.db.models.fields.json import KeyTextTransform
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.choices.choice import RETRY, Choice, decision_of
from portal.sync.choices.decided import UNDONE_REASONS, undone_decisions
from portal.sync.run import SyncRefused, request_sync

TRIGGER = "decision"
_DONE = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY, Entry.State.SKIPPED)
_BUSY = (*Run.OPEN, Run.State.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of choosing: what was stored, about what somebody was faster, the runs that carry it out, and why there is
    none for a mapping yet."""

    stored: list[Entry]
    late: list[Entry]
    runs: list[Run]
    kept: list[str]


def decide(choices: Iterable[tuple[Entry, Choice]], *, user: User | None, actor: str, enqueue: bool = True) -> Decided:
    """Store these choices and start the runs that carry them out. `enqueue` hands them to the qcluster; without, the caller
    carries them out."""
    stored: list[Entry] = []
    late: list[Entry] = []
    for entry, choice in choices:
        (stored if write.decide(entry, decision_of(choice), user, actor=actor) else late).append(entry)
    return Decided(stored, late, *start(stored, user=user, actor=actor, enqueue=enqueue))


def retry(entries: Sequence[Entry], *, user: User | None, actor: str, enqueue: bool = True) -> Decided:
    """Have these entries tried again now."""
    return decide([(entry, Choice(RETRY)) for entry in entries], user=user, actor=actor, enqueue=enqueue)


def take_back(entry: Entry, *, user: User | None, actor: str = "") -> bool:
    """Forget what was chosen about an entry; say whether that could be: not once a run may have taken it up."""
    runs = Run.objects.filter(mapping=entry.mapping, state__in=Run.OPEN)
    return not runs.exists() and write.take_back(entry, user, actor=actor)


def settled(entry: Entry) -> bool:
    """Say whether what was chosen about an entry is done."""
    entry.refresh_from_db()
    by = list(Entry.objects.filter(obeys=entry, superseded_by=None))
    while not by and entry.superseded_by is not None:
        entry = entry.superseded_by
    return all(map(is_done, by or [entry]))


def is_done(entry: Entry) -> bool:
    """Say whether an entry has done what it is about, if only by finding that nothing is left to do."""
    return entry.state in _DONE and entry.reason not in UNDONE_REASONS


def take_up_kept() -> list[Run]:
    """Start a run for each mapping with choices that none could take up yet: it was paused, or a run was just ending."""
    kept = undone_decisions().values("mapping").annotate(at=Max(KeyTextTransform("at", "decision"))).order_by()
    runs = []
    for row in kept:
        mapping = Mapping.objects.filter(uuid=str(row["mapping"]), state=Mapping.State.ACTIVE).first()
        ran = Run.objects.filter(mapping=row["mapping"], kind=Run.Kind.SYNC)
        seen = ran.filter(created_at__gt=parse_datetime(row["at"])) | ran.filter(state__in=_BUSY)
        if mapping is not None and not seen.exists():
            with suppress(SyncRefused):  # as while a run of it is taken back: the next minute looks again
                runs.append(request_sync(mapping, actor="decision", trigger=TRIGGER))
    return runs


def start(
    entries: Iterable[Entry], *, user: User | None, actor: str, enqueue: bool = True
) -> tuple[list[Run], list[str]]:
    """Return the runs that do what was chosen about these entries, started, and why there is none for a mapping yet."""
    runs, kept = [], []
    for mapping in Mapping.objects.filter(uuid__in={str(entry.mapping) for entry in entries}):
        waiting = Run.objects.filter(
            mapping=mapping.uuid, kind=Run.Kind.SYNC, state=Run.State.AWAITING_APPROVAL
        ).first()
        try:
            if waiting is not None:
                text = _("Run %(run)d of “%(name)s” waits for approval: what was chosen is done together with it.")
                raise SyncRefused(text % {"run": waiting.pk, "name": mapping.name})
            runs.append(request_sync(mapping, user=user, actor=actor, trigger=TRIGGER, enqueue=enqueue))
        except SyncRefused as e:
            kept.append(_("What was chosen is kept. %(why)s") % {"why": e})
    return runs, kept
