"""How OpenCRM spells values: everything is text, yes and no are 1 and 0, dates come as day-month-year unless an answer was asked
for in ISO form, and are written year-month-day.

The rule: the server checks nothing and cuts what does not fit, so what is not of its field's type, or has more decimal
places than the field, is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from connectors.opencrm.rows import is_id
from connectors.opencrm.schema import ALIASES
from connectors.spelling import as_text
from connectors.types import DAY_TYPES, JSON, POINTER_TYPES, FieldSchema, ModuleSchema
from connectors.values import Codec, canonical_date, canonical_number
from connectors.wording import text as _

ISO = {"dateTimeOverride": "c", "dateOverride": "c"}  # ask for dates whose day and month nobody can mistake
NO_DATE = ("0000-00-00", "00-00-0000", "-0001-11-30")  # the last is what PHP's ISO form makes of the first
_DAY_FIRST = re.compile(r"(\d{2})-(\d{2})-(\d{4})(.*)", re.DOTALL)
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")


class OpenCrmCodec(Codec):
    """The hooks in which this vendor differs."""

    def is_empty(self, field: FieldSchema, wire: JSON) -> bool:
        if field.type in DAY_TYPES and isinstance(wire, str) and wire.startswith(NO_DATE):
            return True
        if field.type in POINTER_TYPES and str(wire).strip() == "0":
            return True
        return super().is_empty(field, wire) or (isinstance(wire, str) and wire.isspace())

    def decode_number(self, field: FieldSchema, wire: JSON) -> JSON:
        text = as_text(wire).strip()
        return canonical_number(text.replace(",", "") if _GROUPED.fullmatch(text) else text)

    def decode_date(self, field: FieldSchema, wire: JSON) -> JSON:
        return canonical_date(year_first(str(wire))[:10])

    def decode_datetime(self, field: FieldSchema, wire: JSON) -> JSON:
        return super().decode_datetime(field, year_first(str(wire)))

    def encode_empty(self, field: FieldSchema) -> JSON:
        return ""  # a value that is empty empties the field; one that is not sent keeps it (facts §3)

    def encode_boolean(self, field: FieldSchema, value: JSON) -> JSON:
        return "1" if value else "0"

    def encode_number(self, field: FieldSchema, value: JSON) -> JSON:
        most = decimals(field)
        if most is not None and len(value.partition(".")[2]) > most:
            raise ValueError(_("may have at most %(most)s decimal places", most=most))
        return value

    def encode_reference(self, field: FieldSchema, value: JSON) -> JSON:
        if not is_id(value):
            raise ValueError(_("is not the id of a record, which is a number"))
        return value

    def decode_values(self, schema: ModuleSchema, wire: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the canonical values of a row, by the names they are written by."""
        named = {ALIASES.get(name, name): value for name, value in wire.items()}
        return super().decode_values(schema, named)


def decimals(field: FieldSchema) -> int | None:
    """Return how many decimal places the field takes; None when that is not known."""
    most = field.wire_type.partition(".")[2]
    return int(most) if most else None


def year_first(text: str) -> str:
    """Return a date or date-time with the year in front: "04-08-2015" as "2015-08-04"."""
    found = _DAY_FIRST.fullmatch(text.strip())
    return f"{found[3]}-{found[2]}-{found[1]}{found[4]}" if found else text.strip()


def form(params: Mapping[str, JSON]) -> dict[str, str]:
    """Return the parameters as a form has them: text, lists and objects as JSON, without those that are None or mean nothing
    when empty."""
    given = {k: v for k, v in params.items() if v is not None and not (k in ("query_string", "keywords") and v == "")}
    return {name: wire(value) for name, value in given.items()}


def wire(value: JSON) -> str:
    """Return a value as a form has it: yes and no as 1 and 0."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else str(value)
