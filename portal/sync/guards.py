"""What a run may not do without a person's word: a large first run, many deletes, many changes. The rule: a mapping's
guards stop the run at its plan, before anything is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.job import Job
from portal.sync.models import Checkpoint, Link

DEFAULTS: Mapping[str, JSON] = {"creates": 50, "deletes": "5%", "changes": "20%"}
APPENDS = 0  # entries added to a CRM's pick lists without a word, unless the mapping names a figure: everybody there sees them
FEW = 5  # a percentage says nothing about a handful
MANY_DELETES = 20  # never without a word, whatever the percentage


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan would do, creates and changes on the side that has most of them, and how many records are linked already or
    matched by it."""

    creates: int
    deletes: int
    changes: int
    linked: int
    is_first: bool
    missing: int = 0  # among the deletes: not found any more, which no CRM has confirmed
    appends: int = 0  # entries of pick lists, not counting those that are tried again


def trips(guards: Mapping[str, JSON] | None, planned: Planned) -> list[str]:
    """Return, in words, every guard the plan runs into; None are the defaults, {} is off."""
    limits = DEFAULTS if guards is None else guards
    found = []
    if planned.is_first and "creates" in limits and planned.creates > _count(limits["creates"], planned.linked):
        found.append(_("The first run would create %(count)d records.") % {"count": planned.creates})
    if planned.missing:  # never without a word, whatever the guards say
        found.append(
            _("%(count)d records would be deleted as theirs was not found any more.") % {"count": planned.missing}
        )
    if planned.appends > _count((guards or {}).get("appends", APPENDS), planned.linked):
        text = ngettext("%(count)d entry would be added to a pick list.", "%(count)d entries would be added to pick lists.", planned.appends)  # fmt: skip
        found.append(text % {"count": planned.appends})
    if "deletes" in limits and planned.deletes > _count(limits["deletes"], planned.linked, MANY_DELETES):
        found.append(_("%(count)d records would be deleted.") % {"count": planned.deletes})
    if "changes" in limits and planned.changes > _count(limits["changes"], planned.linked):
        text = _("%(count)d of %(linked)d linked records would be changed.")
        found.append(text % {"count": planned.changes, "linked": planned.linked})
    return found


def look(job: Job) -> list[str]:
    """Return every guard the run's plan runs into."""
    planned = Entry.objects.filter(
        run=job.run, state=Entry.State.PLANNED, obeys=None
    )  # a person's choice needs no word
    rows = planned.values_list("action", "connection", "module").annotate(n=Count("pk")).order_by()
    counts: dict[str, list[int]] = defaultdict(list)  # action -> how many on each side
    for action, _connection, _module, number in rows:
        counts[action].append(number)
    if not counts.keys() - {Entry.Action.SKIP.value}:
        return []
    matched = planned.filter(link_id=None).exclude(record_id="")
    ended = (Run.State.SUCCEEDED, Run.State.PARTLY_FAILED)
    before = Run.objects.filter(mapping=job.mapping.uuid, kind=Run.Kind.SYNC, state__in=ended).exclude(pk=job.run.pk)
    begun = max(mirror.created_at for mirror in job.mirrors.values())  # with another CRM all begins anew
    since_reset = [_("The mapping was reset: everything was planned anew.")] if _was_reset(job) else []
    return since_reset + trips(
        job.terms.definition.guards,
        Planned(
            creates=max(counts["create"], default=0),
            deletes=sum(counts["delete"]),
            missing=planned.filter(action=Entry.Action.DELETE, reason="source_missing").count(),
            changes=max(counts["update"], default=0),  # of a pair whose two records change one counts
            appends=planned.filter(action=Entry.Action.APPEND, attempts=0).count(),
            linked=job.links.all().filter(state=Link.State.LINKED).count() + matched.count(),
            is_first=not before.filter(finished_at__gt=begun).exists(),
        ),
    )


def _was_reset(job: Job) -> bool:
    """Say whether a person had what was agreed on forgotten, and since then none has approved a plan nor was one carried out."""
    at = Checkpoint.objects.filter(mapping=job.mapping).aggregate(at=Max("reset_at"))["at"]
    since = Run.objects.filter(mapping=job.mapping.uuid, kind=Run.Kind.SYNC, created_at__gt=at) if at else None
    return since is not None and not since.filter(Q(approved_at__isnull=False) | Q(state=Run.State.SUCCEEDED)).exists()


def _count(limit: JSON, linked: int, most: int | None = None) -> int:
    """Return how many are allowed: a number, or a percentage of the linked records, at least a handful and at `most`."""
    if isinstance(limit, str) and limit.strip().endswith("%"):
        share = max(FEW - 1, int(linked * float(limit.strip().rstrip("%")) / 100))
        return share if most is None else min(share, most)
    return int(limit)
