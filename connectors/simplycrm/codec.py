"""How Simply CRM spells values: as Vtiger, but dates may come as the user of the connection sees them (facts §6)."""

from __future__ import annotations

from datetime import datetime

from connectors.types import JSON, FieldSchema
from connectors.values import canonical_date
from connectors.vtiger.codec import VtigerCodec

DATE_FORMAT = "date format"  # learned from the mobile login: "dd-mm-yyyy"
PARTS = (("yyyy", "%Y"), ("mm", "%m"), ("dd", "%d"))


class SimplyCodec(VtigerCodec):
    """Vtiger's codec that also reads a date in the user's format; it writes the one form every server takes."""

    def decode_date(self, field: FieldSchema, wire: JSON) -> JSON:
        try:
            return canonical_date(str(wire))
        except ValueError:
            format = self.learned.get(DATE_FORMAT)
            if not isinstance(format, str) or not format:
                raise
            return in_format(str(wire), format)


def in_format(text: str, format: str) -> str:
    """Return the canonical date of "29-02-2024" in the format "dd-mm-yyyy". Raises ValueError."""
    for part, directive in PARTS:
        format = format.replace(part, directive)
    return datetime.strptime(text.strip(), format).date().isoformat()
