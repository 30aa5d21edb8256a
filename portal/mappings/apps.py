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
        from portal.mappings.drift import forget_changes, judge, look_again, modules_of, table_saved
        from portal.mappings.drift_links import links
        from portal.mappings.lines_needed import fields_needed, read_lines
        from portal.mappings.save import after_save
        from portal.mappings.table_save import after_table_save
        from portal.records.whole import needed

        in_use.append(modules_of)
        needed.append(fields_needed)
        after_change.append(judge)
        after_save.append(look_again)
        after_save.append(read_lines)
        after_table_save.append(table_saved)
        forget_records.append(forget_changes)
        leads_to.append(links)
