"""The one admin site: the shell of every screen."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class PortalAdminSite(AdminSite):
    """Django's admin with our name, our index and our screens."""

    site_header = _("CRM portal")
    site_title = _("CRM portal")
    index_title = _("Dashboard")
