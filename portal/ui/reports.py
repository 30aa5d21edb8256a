"""What the report of an unforeseen error may show. The rule: what holds secrets is hidden with DEBUG on, too."""

from __future__ import annotations

import re
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

# Packages whose variables are keys, sessions, headers and request bodies, and which know nothing of Django's marks.
SILENT = ("connectors", "portal.connections", "urllib3", "http", "ssl", "cryptography")


class AlwaysHiding(SafeExceptionReporterFilter):
    """Django's filter, which otherwise shows every posted secret while DEBUG is on, and what a call to a CRM was made with."""

    # Beside what Django hides by name: addresses that hold a password.
    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|REDIS|LOCATION", re.IGNORECASE)

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        module = f"{tb_frame.f_globals.get('__name__', '')}."
        if module.startswith(tuple(f"{package}." for package in SILENT)):
            return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]
        return super().get_traceback_frame_variables(request, tb_frame)
