"""Whether a value table, or a list it adds to, is another than when a mapping was last carried out: what it blocked may fit now."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from portal.connections.models import KnownSchema
from portal.ledger.models import Run
from portal.mappings.means import tables_in
from portal.mappings.models import ValueTable
from portal.sync.cases import SIDES
from portal.sync.job import Job

_PLANNED = (Run.State.SUCCEEDED, Run.State.PARTLY_FAILED, Run.State.AWAITING_APPROVAL)


def tables_changed(job: Job) -> bool:
    """Say whether a table of the mapping was saved since the last run that came to the end of its plan began; or, for one
    that adds to lists, whether the fields were read again, which is once a day and after each adding."""
    tables = ValueTable.objects.filter(name__in=tables_in(job.terms.definition))
    if not tables or (last := _last_began(job)) is None:
        return False
    appends = any(table.unlisted == ValueTable.Unlisted.APPEND for table in tables)
    return any(table.updated_at >= last for table in tables) or (appends and _lists_read(job, last))


def _last_began(job: Job) -> datetime | None:
    runs = Run.objects.filter(mapping=job.mapping.uuid, kind=Run.Kind.SYNC, state__in=_PLANNED, id__lt=job.run.pk)
    last = runs.exclude(started_at=None).order_by("-id").first()
    return last.started_at if last else None


def _lists_read(job: Job, since: datetime) -> bool:
    modules = Q()
    for side in SIDES:
        modules |= Q(connection=job.connections[side], module=job.mirrors[side].module)
    return KnownSchema.objects.filter(modules, read_at__gte=since).exists()
