"""Names the app, and has it told when modules are described otherwise and connections lead elsewhere."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MappingsConfig(AppConfig):
    name = "portal.mappings"
    verbose_name = _("Mappings")

    def ready(self) -> None:
        from portal.connections.account import forget_records
        from portal.connections.reread import in_use
        from portal.connections.schema import after_change
        from portal.ledger.links import leads_to
        from portal.mappings.drift import forget_changes, judge, links, look_again, modules_of
        from portal.mappings.save import after_save

        in_use.append(modules_of)
        after_change.append(judge)
        after_save.append(look_again)
        forget_records.append(forget_changes)
        leads_to.append(links)
