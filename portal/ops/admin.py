"""Alerts about calls, set by people in Django's own forms."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
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

    @admin.display(description=_("mail to"))
    def to(self, alert: CallAlert) -> str:
        return alert.recipient or "–"
