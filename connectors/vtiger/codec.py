"""How Vtiger spells values (facts E1–E12). The rule: what its server would quietly turn into something else is refused
before it is sent; what cannot be known before (a cut text, rounded money) shows in the record it answers with."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.context import Learned
from connectors.errors import RecordNotFound
from connectors.types import JSON, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from connectors.values import Codec
from connectors.vtiger.client import checked_id
from connectors.wording import text as _

BETWEEN_CHOICES = re.compile(r"\s*\|##\|\s*")  # some clients store it without the blanks (E7)
LARGEST_INTEGER = 2**31 - 1  # larger ones are clamped (E6)
MOST_DIGITS = 15  # PHP's floats hold no more (E5)
NO_EMOJI = "four-byte text is lost"  # what we learn of a utf8mb3 database (E11)
ABSENT = object()
AS_IT_IS = TEXT_TYPES | {FieldType.CHOICE, FieldType.ID}
NOTHING = {
    FieldType.DATE: ("0000-00-00",),
    FieldType.DATETIME: ("0000-00-00 00:00:00", "0000-00-00"),
    FieldType.REFERENCE: ("0",),
    FieldType.OWNER: ("0",),
}


class VtigerCodec(Codec):
    """Every scalar is a string on this wire, and "" is empty."""

    def __init__(self, zone: str, learned: Learned) -> None:
        super().__init__(zone)
        self.learned = learned

    def decode_values(self, schema: ModuleSchema, wire: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the canonical values of the fields the answer carried. A record has sixty fields, most of them empty or
        plain text: these are taken as they are, since a first reading spends half its time here."""
        values: dict[str, JSON] = {}
        for field in schema.fields:
            value = wire.get(field.name, ABSENT)
            if value == "":
                values[field.name] = None
            elif field.type in AS_IT_IS and isinstance(value, str) and value.isascii() and "\0" not in value:
                values[field.name] = value
            elif value is not ABSENT:
                values[field.name] = self.decode(field, value)
        return values

    def is_empty(self, field: FieldSchema, wire: JSON) -> bool:
        return super().is_empty(field, wire) or (field.type in NOTHING and wire in NOTHING[field.type])

    def decode_multichoice(self, field: FieldSchema, wire: JSON) -> JSON:
        parts = wire if isinstance(wire, list) else BETWEEN_CHOICES.split(str(wire))
        return [str(part) for part in parts if part != ""] or None

    def decode_json(self, field: FieldSchema, wire: JSON) -> JSON:
        """Return lines with the fields that are described: more come with some answers only (product_name, D20)."""
        value, known = super().decode_json(field, wire), {inner.name for inner in field.lines}
        if not known or not isinstance(value, list):
            return value
        return [{n: v for n, v in line.items() if n in known} if isinstance(line, dict) else line for line in value]

    def encode_empty(self, field: FieldSchema) -> JSON:
        if field.type is FieldType.LINES:  # an empty list is passed over without a word (D20)
            raise ValueError(_("must keep one line at least"))
        return ""

    def encode_text(self, field: FieldSchema, value: JSON) -> JSON:
        if self.learned.get(NO_EMOJI) and beyond_three_bytes(value):
            raise ValueError(
                _("holds an emoji or another rare character, which this server's database turns into “????”")
            )
        return value

    def encode_number(self, field: FieldSchema, value: JSON) -> JSON:
        if field.type is FieldType.INTEGER and abs(int(value)) > LARGEST_INTEGER:
            raise ValueError(_("must lie between -%(largest)s and %(largest)s", largest=LARGEST_INTEGER))
        if len(value.replace(".", "").lstrip("-0")) > MOST_DIGITS:
            raise ValueError(
                _("has more than %(most)s digits, of which this server would lose the last", most=MOST_DIGITS)
            )
        return value

    def encode_boolean(self, field: FieldSchema, value: JSON) -> JSON:
        return "1" if value else "0"  # "true" and "Yes" would be stored as no (E2)

    def encode_multichoice(self, field: FieldSchema, value: JSON) -> JSON:
        if any("|##|" in part for part in value):
            raise ValueError(_("holds “|##|”, by which this server keeps choices apart"))
        return " |##| ".join(self.encode_text(field, part) for part in value)

    def encode_reference(self, field: FieldSchema, value: JSON) -> JSON:
        try:
            return checked_id(value)
        except RecordNotFound as e:
            raise ValueError(_("is not the id of a record, such as 12x345")) from e

    def learn(self, sent: dict[str, JSON], stored: dict[str, JSON]) -> None:
        """Remember that the database cannot hold emoji when an answer shows it, so that the next is refused."""
        for name, text in sent.items():
            if isinstance(text, str) and beyond_three_bytes(text) and "????" in str(stored.get(name)):
                self.learned.set(NO_EMOJI, True)


def beyond_three_bytes(text: str) -> bool:
    """Say whether the text holds a character that needs four bytes in UTF-8."""
    return any(ord(character) > 0xFFFF for character in text)
