"""Names the app, and keeps schedules in step with mappings."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    name = "portal.sync"
    verbose_name = _("Sync")

    def ready(self) -> None:
        from portal.mappings.save import after_save
        from portal.sync.schedules import keep_in_step

        after_save.append(keep_in_step)
