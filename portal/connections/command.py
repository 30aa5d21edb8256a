"""What the commands that ask one CRM have in common: when it says no, they tell by which connection, and what to do."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from connectors.errors import ConnectorError
from portal.connections.advice import advise
from portal.ui.command import PortalCommand
from portal.ui.wording import translated


class ConnectionCommand(PortalCommand):
    """A command whose argument `name` is that of a connection."""

    def told(self, error: Exception, **options: Any) -> str:
        if not isinstance(error, ConnectorError):
            return super().told(error, **options)
        return _("%(connection)s: %(problem)s\n%(what_to_do)s") % {
            "connection": options["name"],
            "problem": translated(error),
            "what_to_do": advise(error).what_to_do,
        }
