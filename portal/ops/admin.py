"""Alerts about calls, set by people in Django's own forms."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from portal.ops.models import CallAlert


@admin.register(CallAlert)
class CallAlertAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """When somebody wants a mail about the calls to a CRM."""

    list_display = ("connection", "kind", "calls", "period", "percent", "to")
    list_select_related = ("connection", "user")
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Call alerts"), **(extra_context or {})})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Let a person choose among what there is; connections and users are made on their own pages."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    @admin.display(description=_("mail to"))
    def to(self, alert: CallAlert) -> str:
        return alert.recipient or "–"
