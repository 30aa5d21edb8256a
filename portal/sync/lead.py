"""Under which lease a run is carried out, and how far the whole is that it is part of. The rule: a mapping's run that belongs to a
sync set's is carried out with that one, never by itself."""

from __future__ import annotations

from typing import cast

from portal.ledger.models import Run
from portal.sync.sets.step import Stage


def lease_name(run: Run) -> str:
    """Return the name of the lease under which a mapping's, or a set's, runs are carried out."""
    return f"mapping:{run.mapping}" if run.sync_set is None else f"set:{run.sync_set}"


def lead_of(run: Run) -> Run:
    """Return the run of the sync set that this one is a part of; itself for any other."""
    parent = run.parent
    return run if parent is None or parent.sync_set is None else parent


def stage_of(run: Run) -> Stage:
    """Return how far the run of a set is; what was approved is only carried out."""
    return "apply" if run.approved_at else cast(Stage, run.position.get("stage", "plan"))


def stage_around(run: Run) -> Stage:
    """Return how far the set's run is that this one is a part of; a run of its own may send what it planned."""
    parent = Run.objects.filter(children=run).exclude(sync_set=None).first()
    return "apply" if parent is None else stage_of(parent)
