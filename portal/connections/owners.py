"""The names of those who own records in a CRM. The rule: what a person typed stays, whatever the CRM tells."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.base import Connector
from connectors.errors import AccessDenied, Unsupported
from connectors.types import Owner
from portal.connections.models import Connection, OwnerLabel


def ask_owners(crm: Connector) -> tuple[Owner, ...]:
    """Return the users and groups of the CRM; none where it cannot list them or does not let this user."""
    if not crm.capabilities.lists_owners:
        return ()
    try:
        return tuple(crm.owners())
    except (AccessDenied, Unsupported):
        return ()


def keep_owners(connection: Connection, owners: Iterable[Owner]) -> None:
    """Store their names."""
    typed = set(OwnerLabel.objects.filter(connection=connection, typed=True).values_list("owner_id", flat=True))
    OwnerLabel.objects.bulk_create(
        [
            OwnerLabel(connection=connection, owner_id=owner.id, label=owner.label[:200] or owner.id)
            for owner in owners
            if owner.id not in typed
        ],
        update_conflicts=True,
        unique_fields=["connection", "owner_id"],
        update_fields=["label"],
    )
