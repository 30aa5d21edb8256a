"""Names the app, finds the apps' panels, and makes Django's admin use our site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class UiConfig(AppConfig):
    default = True
    name = "portal.ui"
    verbose_name = _("Screens")

    def ready(self) -> None:
        """Import each app's `panels` module, as Django's admin does with `admin`."""
        autodiscover_modules("panels")


class PortalAdminConfig(admin_apps.AdminConfig):
    """`django.contrib.admin.site` is a PortalAdminSite; apps register with `@admin.register` as everywhere."""

    default = False
    default_site = "portal.ui.site.PortalAdminSite"
