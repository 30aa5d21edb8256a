"""Names the app, has it told when mappings are saved and connections lead elsewhere, and adds its page to a mapping's."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    name = "portal.sync"
    verbose_name = _("Sync")

    def ready(self) -> None:
        from portal.connections.account import forget_records
        from portal.mappings.save import after_save, name_of_another
        from portal.mappings.tabs import Tab, add_tab
        from portal.mappings.waiting import knows_partners
        from portal.sync.other_crm import all_is_well, begin_anew
        from portal.sync.partners import ids_of
        from portal.sync.run import stop_paused
        from portal.sync.schedules import keep_in_step
        from portal.sync.sets.save import set_named

        after_save.extend((keep_in_step, stop_paused, all_is_well))
        name_of_another.append(set_named)
        knows_partners.append(ids_of)
        forget_records.insert(0, begin_anew)  # it tells what is forgotten, before it is
        add_tab(Tab("preview", _("Preview"), "sync:preview"), after="schedule")
        add_tab(Tab("matches", _("Matches"), "sync:matches", is_step=False), after="preview")
