"""Asks for a run of a sync set. The rule: it begins with all of its mappings or not at all."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.models import Run
from portal.sync.models import SyncSet
from portal.sync.run import SyncRefused, end_waiting, enqueue_slice, refuse


def request_set(
    row: SyncSet,
    *,
    actor: str,
    user: User | None = None,
    trigger: str = "",
    approve_all: bool = False,
    plan_only: bool = False,
    anew: bool = False,
    enqueue: bool = True,
) -> Run:
    """Return a new queued run of the set, or the one that is open already, as `request_sync` does for a mapping. Raises
    SyncRefused where one of its mappings cannot be run."""
    mappings = list(row.mappings.all())
    if not mappings:
        raise SyncRefused(_("“%(name)s” holds no mapping: choose some first.") % {"name": row.name})
    for mapping in mappings:
        refuse(mapping)
    for mapping in mappings:
        end_waiting(mapping, Run.Kind.SYNC)
    plan_only = plan_only or anew
    how: dict[str, Any] = {"user": user, "trigger": trigger, "approve_all": approve_all}
    how |= {"plan_only": plan_only, "anew": anew}
    run = write.start_run(Run.Kind.SYNC, actor=actor, sync_set=row.uuid, mapping_name=row.name, **how)
    if (plan_only and not run.plan_only) or (anew and not run.anew):
        text = _("“%(name)s” is being carried out just now (run %(run)d): ask for the plan once that has ended.")
        raise SyncRefused(text % {"name": row.name, "run": run.pk})
    if approve_all and not run.approve_all:
        write.save_run(None, run, approve_all=True)
        for child in run.children.filter(state__in=Run.OPEN):
            write.save_run(None, child, approve_all=True)
    if enqueue:
        transaction.on_commit(lambda: enqueue_slice(run))
    return run
