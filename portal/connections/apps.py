"""Names the app, and has the system checks registered."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectionsConfig(AppConfig):
    name = "portal.connections"
    verbose_name = _("Connections")

    def ready(self) -> None:
        """Register the checks: they need the models."""
        import_module("portal.checks")
