"""How numbers, dates and times are spelt: from what people and servers write to the one canonical text (`FieldType`).
Each function raises ValueError whose text goes on after a name: "is not a number such as 1234.5"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import orjson

from connectors import lines
from connectors.errors import ConfigError
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType
from connectors.wording import text as _

PERSIAN_DIGITS, ARABIC_DIGITS = "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩"
ASCII_DIGITS = str.maketrans(PERSIAN_DIGITS + ARABIC_DIGITS, "0123456789" * 2)
_SEPARATORS = {
    ord("٫"): ".",
    ord("٬"): None,
    ord("−"): "-",
}  # decimal point, thousands, minus as Persian keyboards write
CANONICAL_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"  # a database may ask this before it compares numbers
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL's jsonb and UTF-8 cannot hold NUL and half pairs
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
NOT_A_NUMBER = _("is not a number such as 1234.5")
NOT_A_NUMBER_BUT_A_COMMA = _("is not a number such as 1234.5 (write it without a comma)")
NOT_A_DATE = _("is not a date such as 2024-02-29")
NOT_A_TIME = _("is not a time such as 23:59")
NOT_A_MOMENT = _("is not a date and time such as 2024-02-29 23:59")
Moment = TypeVar("Moment")
_YES, _NO = frozenset({"true", "yes", "1", "on"}), frozenset({"false", "no", "0", "off"})


def canonical_number(text: str) -> str:
    """Return plain decimal text: "12.5", no exponent, no trailing zeros, "-0" is "0". Raises ValueError.

    Takes Persian and Arabic digits and their separators; a comma is refused, since it means two things.
    """
    plain = text
    if not text.isascii() or not _NUMBER.fullmatch(text):
        plain = text.strip().translate(ASCII_DIGITS).translate(_SEPARATORS)
    if not _NUMBER.fullmatch(plain):
        raise ValueError(NOT_A_NUMBER_BUT_A_COMMA if "," in text else NOT_A_NUMBER)
    number = format(Decimal(plain), "f").lstrip("+")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return "0" if number in {"-0", "", "-"} else number


def canonical_date(text: str) -> str:
    """Return "2024-02-29" from that very form, in any digits. Raises ValueError."""
    return _parse(date.fromisoformat, text, _DATE, NOT_A_DATE).isoformat()


def canonical_time(text: str) -> str:
    """Return "23:59:00" from "23:59" or "23:59:00". Raises ValueError."""
    return _parse(time.fromisoformat, text, _TIME, NOT_A_TIME).isoformat()


def _parse(read: Callable[[str], Moment], text: str, shape: re.Pattern[str], problem: str) -> Moment:
    plain = text if shape.fullmatch(text) else text.strip().translate(ASCII_DIGITS)
    if not shape.fullmatch(plain):
        raise ValueError(problem)
    try:
        return read(plain)
    except ValueError as e:
        raise ValueError(_("%(problem)s (%(why)s)", problem=problem, why=str(e))) from e


def canonical_boolean(value: JSON) -> bool:
    """Return the truth value of true/false, yes/no, on/off, 1/0. Raises ValueError."""
    word = str(value).strip().lower().translate(ASCII_DIGITS)
    if word not in _YES | _NO:
        raise ValueError(_("is neither yes nor no"))
    return word in _YES


@lru_cache(maxsize=64)
def zone_info(zone: str) -> ZoneInfo:
    """Return the zone of that IANA name. Raises ConfigError."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as e:
        raise ConfigError(
            _("There is no time zone “%(zone)s”. Write it like Europe/London or Asia/Tehran.", zone=zone)
        ) from e


def to_utc(text: str, zone: str = "UTC") -> str:
    """Return "2024-02-29T23:59:00Z" from a date-time that names its offset, or else is local time in `zone`.

    Fractions of a second are cut. An hour that occurs twice (clocks going back) is taken as its first, an hour that does
    not exist as that much later. Raises ValueError.
    """
    moment = _parse(datetime.fromisoformat, text, _DATETIME, NOT_A_MOMENT)
    if moment.tzinfo is None and zone == "UTC":
        return moment.isoformat(timespec="seconds") + "Z"
    return instant(moment if moment.tzinfo else moment.replace(tzinfo=zone_info(zone)))


def instant(moment: datetime) -> str:
    """Return an aware date-time as canonical text in UTC. Raises ValueError outside the years 1 to 9999."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as e:
        raise ValueError(_("is outside the years 1 to 9999")) from e
    return utc.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def from_utc(text: str, zone: str = "UTC") -> str:
    """Return "2024-02-29 23:59:00", local in `zone`, from a canonical date-time. Raises ValueError.

    The second of an hour that occurs twice cannot be told from the first once it is written like this.
    """
    try:
        moment = datetime.fromisoformat(to_utc(text)).astimezone(zone_info(zone))
    except OverflowError as e:
        raise ValueError(_("is outside the years 1 to 9999")) from e
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def canonical(field: FieldSchema, value: JSON, zone: str = "UTC") -> JSON:
    """Return the one spelling of a value that a person or a mapping gave ("yes", "۱۲٫۵", a choice's label), None for
    nothing. A date-time that names no offset is local in `zone`."""
    if value is None or value == "" or value == []:
        return None
    if field.type is FieldType.DATETIME:
        return to_utc(as_text(value), zone)
    if field.type is FieldType.LINES:
        return lines.canonical(field, value, lambda inner, part: canonical(inner, part, zone))
    return _CANONICAL.get(field.type, _text)(field, value)


def as_text(value: JSON) -> str:
    """Return any value as text, objects as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return value if isinstance(value, str) else str(value)


def listed_choice(field: FieldSchema, text: str) -> str | None:
    """Return the value of the choice meant by a value or a label, exactly or else in any case; None where none is."""
    for spell in (str, str.lower):
        known = {spell(c.label): c.value for c in field.choices} | {spell(c.value): c.value for c in field.choices}
        if spell(text) in known:
            return known[spell(text)]
    return None


def choice_value(field: FieldSchema, text: str) -> str:
    """Return the value of the choice that is meant; any text where the field tells no choices. Raises ValueError."""
    found = listed_choice(field, text)
    if found is not None or not field.choices:
        return text if found is None else found
    names = ", ".join(c.value for c in field.choices[:10]) + (", …" if len(field.choices) > 10 else "")
    raise ValueError(_("is none of its choices (%(names)s)", names=names))


def _text(field: FieldSchema, value: JSON) -> str:
    if isinstance(value, list | dict):
        raise ValueError(_("must be one text"))
    return as_text(value)


def _number(field: FieldSchema, value: JSON) -> str:
    if isinstance(value, bool | list | dict):
        raise ValueError(NOT_A_NUMBER)
    return canonical_number(str(value))


def _integer(field: FieldSchema, value: JSON) -> str:
    number = _number(field, value)
    if "." in number:
        raise ValueError(_("must be a whole number"))
    return number


def _choices(field: FieldSchema, value: JSON) -> list[str]:
    parts = value if isinstance(value, list | tuple) else [value]
    return list(dict.fromkeys(choice_value(field, _text(field, part)) for part in parts))


_CANONICAL: Mapping[FieldType, Callable[[FieldSchema, JSON], JSON]] = {
    **dict.fromkeys(NUMBER_TYPES, _number),
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: lambda field, value: canonical_boolean(value),
    FieldType.DATE: lambda field, value: canonical_date(as_text(value)),
    FieldType.TIME: lambda field, value: canonical_time(as_text(value)),
    FieldType.CHOICE: lambda field, value: choice_value(field, _text(field, value)),
    FieldType.MULTICHOICE: _choices,
    FieldType.JSON: lambda field, value: value,
}
