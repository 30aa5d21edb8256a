"""Asks for a run of a sync set. The rule: it begins with all of its mappings or not at all."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger.models import Run
from portal.sync.models import SyncSet
from portal.sync.run import SyncRefused, begin, end_waiting, refuse


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
    which: dict[str, Any] = {"sync_set": row.uuid, "mapping_name": row.name}
    how: dict[str, Any] = {"approve_all": approve_all, "plan_only": plan_only, "anew": anew, "enqueue": enqueue}
    return begin(row.name, actor=actor, user=user, trigger=trigger, **which, **how)
