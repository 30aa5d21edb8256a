"""Names the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OpsConfig(AppConfig):
    name = "portal.ops"
    verbose_name = _("Keeping an eye on it")

    def ready(self) -> None:
        """Have the calls watched, and what is old cleared, by the background worker."""
        from portal.sync.schedules import STANDING

        STANDING["watch_calls"] = ("portal.ops.alerts.watch", 5)
        STANDING["tidy"] = ("portal.ops.tidy.tidy", 60)
