"""How the simulated OpenCRM keeps and shows values: nothing is checked, so the database's columns decide (document, "Data
Validity"; facts §3, §7): a number ends at its first comma, a date that is none becomes zeros, a long text is cut."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

JSON = Any
TEXT_LENGTH, LONG_LENGTH = 255, 65_535
_MOST = Decimal(10**15)
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+))")
_DAY = re.compile(r"\s*(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?)?")


def stored(kind: str, value: JSON) -> str:
    """Return what the column keeps of a value sent. An empty value blanks the column, whatever its kind."""
    text = as_text(value)
    if text == "":
        return ""
    if kind in ("integer", "id", "boolean"):
        limit = 127 if kind == "boolean" else 2_147_483_647
        return str(max(-limit - 1, min(limit, int(number(text).quantize(Decimal(1), ROUND_HALF_UP)))))
    if kind == "decimal":
        return str(number(text).quantize(Decimal("0.01"), ROUND_HALF_UP))
    if kind == "date":
        return _moment(text, "0000-00-00")[:10]
    if kind == "datetime":
        return _moment(text, "0000-00-00 00:00:00")
    return text[: LONG_LENGTH if kind == "text" else TEXT_LENGTH]


def as_text(value: JSON) -> str:
    """Return a JSON value as PHP makes a string of it."""
    if isinstance(value, bool) or value is None:
        return "1" if value else "0" if value is False else ""
    return "Array" if isinstance(value, list | dict) else str(value)


def number(text: str) -> Decimal:
    """Return the number a text begins with, 0 if it begins with none, as MySQL does; at most a quadrillion."""
    found = _NUMBER.match(text)
    value = Decimal(found[1]) if found else Decimal(0)
    return max(-_MOST, min(_MOST, value)).quantize(Decimal("0.0001"))


def _moment(text: str, zeros: str) -> str:
    """Return "YYYY-MM-DD HH:MM:SS" of a text that begins with year, month and day; a zone after it is lost."""
    found = _DAY.match(text)
    if found is None:
        return zeros
    try:
        return str(datetime(*(int(part or 0) for part in found.groups())))  # type: ignore[arg-type]
    except ValueError:
        return zeros


def shown(kind: str, value: str | None, dates: Dates) -> str | None:
    """Return a column's value as an answer has it: text always, dates as asked for, null where nothing was ever set."""
    if value and kind == "date":
        return dates.date(value)
    if value and kind == "datetime":
        return dates.moment(value)
    return value


class Dates:
    """The forms of dates in one answer: day-month-year and "YYYY-MM-DD HH:MM:SS" unless overridden by PHP date formats, in which
    "_" stands for a blank and "*" for "/" (document, "Optional parameters")."""

    def __init__(self, date_override: str, moment_override: str, zone: tzinfo) -> None:
        self._date, self._moment, self._zone = _format(date_override), _format(moment_override), zone
        self.plain = not date_override and not moment_override

    def date(self, value: str) -> str:
        return value if value.startswith("0000") else php_date(self._date or "d-m-Y", self._read(value))

    def moment(self, value: str) -> str:
        return value if value.startswith("0000") or not self._moment else php_date(self._moment, self._read(value))

    def _read(self, value: str) -> datetime:
        return datetime.fromisoformat(value).replace(tzinfo=self._zone)


def _format(override: str) -> str:
    return override.replace("_", " ").replace("*", "/")


_PHP = {
    "d": "%d", "D": "%a", "l": "%A", "m": "%m", "M": "%b", "F": "%B", "Y": "%Y", "y": "%y", "H": "%H", "h": "%I", "i": "%M",
    "s": "%S", "A": "%p",
}  # fmt: skip


def php_date(wanted: str, moment: datetime) -> str:
    """Return the moment in a format of PHP's date()."""
    return re.sub(r"\\(.)|(.)", lambda m: m[1] or _letter(m[2], moment), wanted, flags=re.DOTALL)


def _letter(letter: str, moment: datetime) -> str:
    if letter in _PHP:
        return moment.strftime(_PHP[letter])
    plain = {"j": moment.day, "n": moment.month, "G": moment.hour, "g": moment.hour % 12 or 12}
    if letter in plain:
        return str(plain[letter])
    if letter in "cPaU":
        offset = moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:5]
        whole = {"c": moment.strftime("%Y-%m-%dT%H:%M:%S") + offset, "P": offset, "U": str(int(moment.timestamp()))}
        return whole.get(letter, moment.strftime("%p").lower())
    return letter
