"""How Really Simple Systems spells values: JSON with numbers as numbers, booleans as 0 and 1, date-times without a zone.

The rule: what reads as empty there is empty here: null, "", only blanks, a zero date, and the id 0 of no record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import orjson

from connectors.spelling import instant, zone_info
from connectors.types import DAY_TYPES, JSON, POINTER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from connectors.values import Codec, is_secret_field
from connectors.wording import text as _

QUICK: Mapping[
    FieldType, type
] = {  # what a value of that type mostly is on the wire, where then nothing has to be done
    **dict.fromkeys(TEXT_TYPES | {FieldType.CHOICE}, str),
    **dict.fromkeys((FieldType.ID, FieldType.INTEGER, *POINTER_TYPES), int),
    FieldType.BOOLEAN: bool,
    FieldType.DATETIME: datetime,
}
MIDNIGHT = " 00:00:00"


class ReallySimpleCodec(Codec):
    """The hooks in which this vendor differs, and `decoder`, which is `decode_values` for thousands of rows."""

    def is_empty(self, field: FieldSchema, wire: JSON) -> bool:
        if isinstance(wire, str):
            return (
                not wire
                or wire.isspace()
                or (field.type in DAY_TYPES and wire.startswith("0000-00-00"))
                or (field.type in POINTER_TYPES and wire == "0")
            )
        return super().is_empty(field, wire) or (field.type in POINTER_TYPES and wire == 0)

    def decode_date(self, field: FieldSchema, wire: JSON) -> JSON:
        return super().decode_date(field, str(wire).removesuffix(MIDNIGHT))

    def decode_datetime(self, field: FieldSchema, wire: JSON) -> JSON:
        if isinstance(wire, str) and len(wire) == 19 and wire[10] == " ":
            moment = datetime.fromisoformat(wire)
            return wire[:10] + "T" + wire[11:] + "Z" if self.zone == "UTC" else self._instant(moment)
        return super().decode_datetime(field, wire)

    def _quick_time(self, field: FieldSchema, wire: str) -> JSON:
        try:
            return self.decode_datetime(field, wire)
        except ValueError:
            return self.decode(field, wire)

    def _instant(self, moment: datetime) -> str:
        return instant(moment.replace(tzinfo=zone_info(self.zone)))

    def encode_boolean(self, field: FieldSchema, value: JSON) -> JSON:
        return 1 if value else 0

    def encode_number(self, field: FieldSchema, value: JSON) -> JSON:
        return orjson.Fragment(value)  # digit by digit as it is: a float would round it

    def encode_reference(self, field: FieldSchema, value: JSON) -> JSON:
        if not is_id(value):
            raise ValueError(_("is not the id of a record, which is a number"))
        return int(value)

    def decoder(self, schema: ModuleSchema) -> Callable[[Mapping[str, JSON]], dict[str, JSON]]:
        """Return `decode_values` for this schema, prepared once: most values need no work, and a pull has millions."""
        plan = [(f.name, f, QUICK.get(f.type)) for f in schema.fields if not is_secret_field(f.name)]
        decode = self.decode

        def values(wire: Mapping[str, JSON]) -> dict[str, JSON]:
            found: dict[str, JSON] = {}
            for name, field, quick in plan:
                if name in wire:
                    value = wire[name]
                    if value is None or value == "":
                        found[name] = None
                    elif quick is str and type(value) is str and not value.isspace() and "\x00" not in value:
                        found[name] = value  # half pairs, the other thing no database can hold, JSON never brings
                    elif quick is int and type(value) is int and value > 0:
                        found[name] = str(value)
                    elif quick is bool and type(value) is int and 0 <= value <= 1:
                        found[name] = value == 1
                    elif quick is datetime and type(value) is str and len(value) == 19 and value > "0001":
                        found[name] = self._quick_time(field, value)
                    else:
                        found[name] = decode(field, value)
            return found

        return values


def is_id(text: JSON) -> bool:
    """Say whether a text is an id as this vendor counts them: 1, 2, 3 …"""
    return isinstance(text, str) and text.isascii() and text.isdecimal() and not text.startswith("0")
