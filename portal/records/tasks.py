"""What a qcluster calls to fill a mirror that a person asked for. The rule: a task ends within its slice and has the next one
go on; what came is kept, so that a killed one costs nothing."""

from __future__ import annotations

import time
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_q.tasks import async_task

from connectors.errors import ConnectorError, RetryLater
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.records.afresh import read_afresh
from portal.records.models import Mirror
from portal.records.pull import mirror_of, pull
from portal.ui.wording import to_keep

KEPT = 15 * 60  # seconds for which it is known that somebody asked, and what went wrong


def ask_to_read(connection: Connection, module: str, *, afresh: bool = False) -> None:
    """Have a qcluster read the module into its mirror, once, however often somebody asks meanwhile; `afresh`: every record and
    every id, changed or not."""
    mirror, now = mirror_of(connection, module), timezone.now().isoformat()
    if cache.add(_key(mirror), {"asked": now}, KEPT):
        _enqueue(mirror, now if afresh else "")


def reading_of(mirror: Mirror) -> dict[str, str] | None:
    """Return {"asked": when, "error": why not} of a reading somebody asked for; None when there is none."""
    found: dict[str, str] | None = cache.get(_key(mirror))
    return found


def read_module(mirror_id: int, since: str = "") -> str:
    """Read for one slice; return how far it came. An error is shown where it was asked for, and ends it. `since` (ISO): read
    all afresh that was read before then."""
    mirror = Mirror.objects.select_related("connection").filter(pk=mirror_id).first()
    if mirror is None:
        return "gone"
    try:
        with open_connector(mirror.connection, purpose="sync") as crm:
            ends_at = time.monotonic() + settings.SLICE_SECONDS
            if since:
                complete = read_afresh(mirror, crm, datetime.fromisoformat(since), deadline=ends_at)
            else:
                complete = pull(mirror, crm, deadline=ends_at).complete
    except RetryLater as e:
        cache.set(_key(mirror), {"asked": timezone.now().isoformat(), "error": to_keep(e)}, 60)
        return "later"
    except ConnectorError as e:
        cache.set(_key(mirror), {"asked": timezone.now().isoformat(), "error": to_keep(e)}, KEPT)
        return "failed"
    if not complete:
        cache.set(_key(mirror), {"asked": timezone.now().isoformat()}, KEPT)
        _enqueue(mirror, since)
        return "goes on"
    cache.delete(_key(mirror))
    return "complete"


def _enqueue(mirror: Mirror, since: str) -> None:
    async_task("portal.records.tasks.read_module", mirror.pk, *([since] if since else []), group=f"mirror:{mirror.pk}")


def _key(mirror: Mirror) -> str:
    return f"reading-{mirror.pk}"
