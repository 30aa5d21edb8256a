"""Forgets what is kept of a connection's records when it becomes one to another CRM, whose ids begin anew."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.connections.account import InUse
from portal.connections.models import Connection
from portal.records.models import Mirror
from portal.records.pull import MirrorBusy, mirror_lease


def keeps_copies(connection: Connection) -> bool:
    """Say whether there is a mirror of one of its modules."""
    return Mirror.objects.filter(connection=connection).exists()


def forget_copies(connection: Connection, user: User | None, actor: str) -> None:
    """Delete its mirrors, with all that hangs on them: copies, their history, links, bases, checkpoints and match keys.
    Raises InUse while one of them is being read."""
    for mirror in Mirror.objects.filter(connection=connection):
        try:
            with mirror_lease(mirror, None):
                mirror.delete()
        except MirrorBusy as e:
            text = _("“%(mirror)s” is being read just now. Try again when that has ended; nothing was changed.")
            raise InUse(text % {"mirror": mirror}) from e
