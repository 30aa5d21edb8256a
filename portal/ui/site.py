"""The one admin site: the shell of every screen."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from portal.ui.nav import nav_for
from portal.ui.panels import draw_panels


class PortalAdminSite(AdminSite):
    """Django's admin with our name, our navigation, and the dashboard as its index."""

    site_header = _("CRM portal")
    site_title = _("CRM portal")
    index_title = _("Dashboard")
    site_url = None

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page needs; the navigation is empty for whoever is not logged in."""
        context = super().each_context(request)
        return {**context, "nav": nav_for(request) if context["has_permission"] else []}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the dashboard: whatever panels the apps registered for it."""
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "panels": draw_panels("dashboard", request),
            **(extra_context or {}),
        }
        request.current_app = self.name
        return TemplateResponse(request, "admin/index.html", context)
