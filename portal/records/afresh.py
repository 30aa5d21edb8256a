"""Reads a module again as if nothing were known of it: every record, then every id. The rule: nothing is emptied before what
replaces it has come; copies change only where the CRM holds something else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.base import Connector
from portal.ledger.lease import Held
from portal.records.models import Mirror
from portal.records.pull import Progress, mirror_lease, pull
from portal.records.store import note
from portal.records.sweep import sweep


def read_afresh(
    mirror: Mirror,
    crm: Connector,
    since: datetime,
    *,
    held: Held | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> bool:
    """Read all records and then all ids, as far as that was not begun since then; say whether both are done.

    The arguments are those of `pull`. One that ended early goes on where it was. Raises ConnectorError, SweepRefused.
    """
    how = {"progress": progress, "stop": stop, "deadline": deadline}
    with mirror_lease(mirror, held) as ours:
        mirror.refresh_from_db()
        if mirror.completed_at is None or mirror.completed_at < since:
            _forget_older(mirror, since, ours)
            if not pull(mirror, crm, full=True, held=ours, **how).complete:  # type: ignore[arg-type]
                return False
        while mirror.swept_at is None or mirror.swept_at < since:  # one that was under way is ended, and then repeated
            if not sweep(mirror, crm, held=ours, **how).complete:  # type: ignore[arg-type]
                return False
    return True


def is_fresh(mirror: Mirror, since: datetime) -> bool:
    """Say whether all records and all ids were read since then."""
    return all(at is not None and at >= since for at in (mirror.completed_at, mirror.swept_at))


def _forget_older(mirror: Mirror, since: datetime, held: Held) -> None:
    """Have a reading that began before then begin again: its first pages are too old. The very first one goes on."""
    began = mirror.reading.get("began", "")
    if mirror.reading and mirror.completed_at and (not began or datetime.fromisoformat(began) < since):
        note(mirror, held, reading={})
