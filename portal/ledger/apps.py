"""Names the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    name = "portal.ledger"
    verbose_name = _("Keeping an eye on it")

    def ready(self) -> None:
        """Write down who changes connections."""
        from portal.connections.save import write_down
        from portal.ledger.write import audit

        write_down.append(audit)
