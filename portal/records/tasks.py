"""What a qcluster calls to fill a mirror that a person asked for. The rule: a task ends within its slice and has the next one
go on; what came is kept, so that a killed one costs nothing."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_q.tasks import async_task

from connectors.errors import ConnectorError, RetryLater
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.records.models import Mirror
from portal.records.pull import mirror_of, pull
from portal.ui.wording import to_keep

KEPT = 15 * 60  # seconds for which it is known that somebody asked, and what went wrong


def ask_to_read(connection: Connection, module: str) -> None:
    """Have a qcluster read the module into its mirror, once, however often somebody asks meanwhile."""
    mirror = mirror_of(connection, module)
    if cache.add(_key(mirror), {"asked": timezone.now().isoformat()}, KEPT):
        async_task("portal.records.tasks.read_module", mirror.pk, group=f"mirror:{mirror.pk}")


def reading_of(mirror: Mirror) -> dict[str, str] | None:
    """Return {"asked": when, "error": why not} of a reading somebody asked for; None when there is none."""
    found: dict[str, str] | None = cache.get(_key(mirror))
    return found


def read_module(mirror_id: int) -> str:
    """Read for one slice; return how far it came. An error is shown where it was asked for, and ends it."""
    mirror = Mirror.objects.select_related("connection").filter(pk=mirror_id).first()
    if mirror is None:
        return "gone"
    try:
        with open_connector(mirror.connection, purpose="sync") as crm:
            came = pull(mirror, crm, deadline=time.monotonic() + settings.SLICE_SECONDS)
    except RetryLater as e:
        cache.set(_key(mirror), {"asked": timezone.now().isoformat(), "error": to_keep(e)}, 60)
        return "later"
    except ConnectorError as e:
        cache.set(_key(mirror), {"asked": timezone.now().isoformat(), "error": to_keep(e)}, KEPT)
        return "failed"
    if not came.complete:
        cache.set(_key(mirror), {"asked": timezone.now().isoformat()}, KEPT)
        async_task("portal.records.tasks.read_module", mirror.pk, group=f"mirror:{mirror.pk}")
        return "goes on"
    cache.delete(_key(mirror))
    return "complete"


def _key(mirror: Mirror) -> str:
    return f"reading-{mirror.pk}"
