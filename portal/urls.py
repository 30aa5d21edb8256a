"""Every address of the portal: our screens first, and Django's admin site at the root for all the rest."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from portal.ui import csp

APPS = ("accounts", "connections", "records", "mappings", "sync", "webhooks", "ops")  # each may bring a urls module


def _screens() -> list[URLPattern | URLResolver]:
    """Return the apps' own screens; each app's addresses are relative to the root."""
    names = [f"portal.{app}.urls" for app in APPS if find_spec(f"portal.{app}")]
    return [path("", include(name)) for name in names if find_spec(name)]


urlpatterns = [path("csp-report/", csp.report), *_screens(), path("", admin.site.urls)]
