"""How SarvCRM spells values: JSON, numbers and flags as texts or numbers, date-times in ISO 8601 with their offset. The rule:
what reads as empty there is empty here: null, "", no options, a zero date.

`numbers` is a type of its own: a list of phone objects {type, number, phoneCode, phoneFlag, primary, sms, fax}, in which the
server also takes plain texts. Here it is always a list of objects, with flags as true and false; keys nobody knows are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sarvcrm.schema import NUMBERS
from connectors.spelling import canonical_boolean, to_utc
from connectors.types import DAY_TYPES, JSON, FieldSchema, FieldType, Values
from connectors.values import Codec, plain
from connectors.wording import text as _

FLAGS = frozenset({"primary", "sms", "fax"})
PHONE_TEXTS = frozenset({"type", "number", "phoneCode", "phoneFlag"})


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


def phones(value: JSON) -> list[JSON]:
    """Return a list of phone objects from objects, plain texts, or a single one of either. Raises ValueError."""
    return [phone(item) for item in (value if isinstance(value, list | tuple) else [value])]


def phone(item: JSON) -> Values:
    """Return one phone object. Raises ValueError for what has no number."""
    if isinstance(item, int) and not isinstance(item, bool):
        item = str(item)
    if isinstance(item, str):
        item = {"number": item}
    number = item.get("number") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or isinstance(number, list | dict | bool) or not str(number or "").strip():
        raise ValueError(_("holds something that is no phone number"))
    return {str(name): phone_part(str(name), part) for name, part in item.items()}


def phone_part(name: str, value: JSON) -> JSON:
    """Return one part of a phone object in its one spelling; what cannot be read stays as it came."""
    if value is None or value == "":
        return None
    if name in FLAGS:
        try:
            return canonical_boolean(value)
        except ValueError:
            return value
    if name in PHONE_TEXTS:
        return str(value).strip() if isinstance(value, str | int | float) else value
    return plain(value)


def phone_to_wire(phone: Mapping[str, JSON]) -> JSON:
    """Return a phone object as the document writes it: flags as 1 and 0, nothing for parts without a value."""
    return {
        name: int(part) if name in FLAGS and isinstance(part, bool) else part
        for name, part in phone.items()
        if part is not None
    }


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
