"""Whether a value table says something else than when a mapping was last carried out: what it blocked may fit now."""

from __future__ import annotations

from portal.ledger.models import Run
from portal.mappings.means import tables_in
from portal.mappings.models import ValueTable
from portal.sync.job import Job

_PLANNED = (Run.State.SUCCEEDED, Run.State.PARTLY_FAILED, Run.State.AWAITING_APPROVAL)


def tables_changed(job: Job) -> bool:
    """Say whether a table of the mapping was saved, or a list it adds to got new entries, since the last run that came to the
    end of its plan began."""
    names = tables_in(job.terms.definition)
    if not names:
        return False
    runs = Run.objects.filter(mapping=job.mapping.uuid, kind=Run.Kind.SYNC, state__in=_PLANNED, id__lt=job.run.pk)
    last = runs.exclude(started_at=None).order_by("-id").first()
    tables = ValueTable.objects.filter(name__in=names)
    return last is not None and tables.filter(updated_at__gte=last.started_at).exists()
