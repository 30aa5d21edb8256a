"""What a connection's page and list tell about it at one glance. Asks the database only, never the CRM."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from connectors.types import Module
from portal.connections.limits import spent
from portal.connections.models import Call, Connection
from portal.connections.schema import kept_modules


@dataclass(frozen=True, slots=True)
class Overview:
    """`calls_today` since midnight UTC, of which `failed_today` failed; `modules` as last told."""

    calls_today: int
    failed_today: int
    calls_this_minute: int | None
    modules: tuple[Module, ...]


def overview_of(connection: Connection) -> Overview:
    """Return what is known about a stored connection."""
    now = timezone.now()
    today = Call.objects.filter(connection=connection, at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0))
    return Overview(
        calls_today=today.count(),
        failed_today=today.exclude(error="").count(),
        calls_this_minute=spent(connection.pk, "minute", now) if connection.calls_per_minute else None,
        modules=tuple(kept_modules(connection)),
    )
