"""What a simulated OpenCRM refuses with."""

from __future__ import annotations


class CrmError(Exception):
    """An error answer: HTTP 200 with {"error": message} unless `status` says otherwise (facts §3)."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class InvalidRecord(Exception):
    """What an edit answers instead of an id: a sentence (document, "or any validation errors")."""
