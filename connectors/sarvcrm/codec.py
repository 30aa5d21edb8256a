"""How SarvCRM spells values: JSON, numbers and flags as texts or numbers, date-times in ISO 8601 with their offset. The rule:
what reads as empty there is empty here: null, "", no options, a zero date.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sarvcrm.phones import phone_to_wire, phones
from connectors.sarvcrm.schema import NUMBERS
from connectors.spelling import to_utc
from connectors.types import DAY_TYPES, JSON, FieldSchema, FieldType
from connectors.values import Codec
from connectors.wording import text as _


class SarvCodec(Codec):
    """The hooks in which this vendor differs."""

    def is_empty(self, field: FieldSchema, wire: JSON) -> bool:
        if field.type in DAY_TYPES and isinstance(wire, str):
            return not wire or wire.startswith("0000-00-00")
        return super().is_empty(field, wire) or (field.type is FieldType.MULTICHOICE and not split_choices(wire))

    def canonical(self, field: FieldSchema, value: JSON) -> JSON:
        if field.type is FieldType.LINES and field.name == NUMBERS and value not in (None, "", []):
            value = phones(value)
        return super().canonical(field, value)

    def decode_date(self, field: FieldSchema, wire: JSON) -> JSON:
        return super().decode_date(field, str(wire)[:10] if is_midnight(str(wire)) else wire)

    def decode_multichoice(self, field: FieldSchema, wire: JSON) -> JSON:
        return split_choices(wire)

    def decode_json(self, field: FieldSchema, wire: JSON) -> JSON:
        if field.name == NUMBERS:
            return phones(wire)
        return super().decode_json(field, wire)

    def encode_empty(self, field: FieldSchema) -> JSON:
        return [] if field.type in (FieldType.LINES, FieldType.MULTICHOICE) else ""

    def encode_boolean(self, field: FieldSchema, value: JSON) -> JSON:
        return 1 if value else 0

    def encode_datetime(self, field: FieldSchema, value: JSON) -> JSON:
        return to_utc(value).replace("Z", "+00:00")  # "formatted following the ISO 8601 format", so no zone is guessed

    def encode_multichoice(self, field: FieldSchema, value: JSON) -> JSON:
        if any("^" in part for part in value):
            raise ValueError(_("holds “^”, by which this server keeps choices apart"))
        return value

    def encode_json(self, field: FieldSchema, value: JSON) -> JSON:
        return [phone_to_wire(phone) for phone in value] if field.name == NUMBERS else value


def split_choices(wire: JSON) -> list[JSON]:
    """Return the values of a multiple choice: a list, an object, or "^A^,^B^" as this family of servers stores it."""
    if isinstance(wire, str):
        parts: list[JSON] = wire.strip("^").split("^,^") if wire.startswith("^") else [wire]
    elif isinstance(wire, Mapping):
        parts = [*wire]
    else:
        parts = wire if isinstance(wire, list) else [] if wire is None else [wire]
    return [text for part in parts if (text := str(part).strip())]


def is_midnight(text: str) -> bool:
    """Say whether a date came with a time of no meaning."""
    return text[10:] in (" 00:00:00", "T00:00:00")
