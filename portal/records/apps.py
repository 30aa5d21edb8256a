"""Names the app, has it told when a connection leads to another CRM, and tells which modules it mirrors."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecordsConfig(AppConfig):
    name = "portal.records"
    verbose_name = _("Records")

    def ready(self) -> None:
        from portal.connections.account import forget_records, keeps_records
        from portal.connections.reread import in_use
        from portal.records.forget import forget_copies, keeps_copies
        from portal.records.pull import mirrored_modules

        keeps_records.append(keeps_copies)
        forget_records.append(forget_copies)
        in_use.append(mirrored_modules)
