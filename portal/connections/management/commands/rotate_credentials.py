"""`rotate_credentials`: seal everything stored anew with the first of CREDENTIAL_KEYS, so that the others can be dropped."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.crypto import is_current, reseal
from portal.connections.models import Connection, Session
from portal.ui.command import PortalCommand


class Command(PortalCommand):
    help = gettext_noop(
        "Seal all stored credentials and logins anew with the first of CREDENTIAL_KEYS. May be stopped and run again."
    )

    def work(self, **options: Any) -> JSON:
        counts: dict[str, Any] = {"connections": 0, "sessions": 0, "already": 0, "unreadable": []}
        for connection in self.progress(Connection.objects.order_by("pk"), desc=_("connections")):
            try:
                counts["connections" if _rotate(connection, "secrets") else "already"] += 1
            except ImproperlyConfigured:
                counts["unreadable"].append(connection.name)
        for session in Session.objects.order_by("pk"):
            try:
                counts["sessions" if _rotate(session, "token") else "already"] += 1
            except ImproperlyConfigured:
                session.delete()  # only a login: the next call makes a new one
        if counts["unreadable"]:
            names = ", ".join(counts["unreadable"])
            text = _(
                "Sealed with a key that is not in CREDENTIAL_KEYS: %(names)s. Put the old key back, or enter them again."
            )
            self.fall_short(text % {"names": names})
        return counts

    def show(self, result: JSON, **options: Any) -> None:
        text = _("%(connections)d connections and %(sessions)d logins sealed anew; %(already)d were already.")
        self.stdout.write(text % result)


def _rotate(row: Connection | Session, field: str) -> bool:
    """Seal one row anew; False when the first key sealed it already. A value changed meanwhile is left as it is: it was
    sealed with the first key."""
    token = getattr(row, field)
    if is_current(token):
        return False
    type(row)._default_manager.filter(pk=row.pk, **{field: token}).update(**{field: type(token)(reseal(token))})
    return True
