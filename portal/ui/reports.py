"""What the report of an unforeseen error may show. The rule: what was marked as sensitive is hidden with DEBUG on, too."""

from __future__ import annotations

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class AlwaysHiding(SafeExceptionReporterFilter):
    """Django's filter, which otherwise shows every posted secret while DEBUG is on."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True
