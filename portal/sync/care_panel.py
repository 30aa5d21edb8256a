"""The part of a mapping's page that tells whether both sides agree, and offers what is done to all of its records at once."""

from __future__ import annotations

from django.http import HttpRequest

from portal.mappings.models import Mapping
from portal.sync.reconciling.views import state_of
from portal.ui.panels import Drawn, register_panel


@register_panel("mapping", 20)
def care(request: HttpRequest, *, mapping: Mapping) -> Drawn:
    """The last comparison with its date, and the buttons."""
    if not mapping.is_live or not request.user.has_perm("ledger.view_run"):
        return None
    row = mapping.reconciliations.first()
    last = mapping.reconciliations.filter(state="done").first()
    return "sync/care_panel.html", {"mapping": mapping, **state_of(last), "now": row if row and row.goes_on else None}
