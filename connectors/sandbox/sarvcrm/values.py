"""What the simulated SarvCRM makes of values it is sent, and how it shows what it keeps. Times are kept in UTC, as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.schema import TEXT, Field

JSON = Any
BOOLEANS = frozenset(("bool", "boolean", "tinyinit"))
NULLED = frozenset(("date", "datetime", "datetimecombo", "time", "int", "integer", "decimal", "currency"))
STAMP = "%Y-%m-%d %H:%M:%S"


def stored(field: Field, value: JSON, zone: tzinfo) -> JSON:
    """Return what the column holds; text too long is cut, as MySQL cuts it. Raises SarvError 400/15 for what does not fit."""
    kind = field.type
    if field.name == "line_items":
        return _lines(value)
    if kind == "multienum":
        return _choices(value)
    if isinstance(value, list | dict):
        raise SarvError("400/15")
    if kind in BOOLEANS:
        return _boolean(value)
    if value is None or (value == "" and kind in NULLED):
        return None
    text = ("1" if value else "0") if isinstance(value, bool) else str(value)
    if kind in NULLED:
        return _fitting(kind, text.strip(), zone)
    return text[: TEXT.get(kind, len(text))]


def _fitting(kind: str, text: str, zone: tzinfo) -> str:
    try:
        if kind in ("int", "integer"):
            return _integer(text)
        if kind in ("decimal", "currency"):
            return _decimal(text)
        if kind == "time":
            return datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").strftime("%H:%M:%S")
        moment = datetime.fromisoformat(text)
        if kind == "date":
            return moment.strftime("%Y-%m-%d")
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).strftime(STAMP)
    except (ValueError, InvalidOperation, OverflowError) as e:
        raise SarvError("400/15") from e


def _integer(text: str) -> str:
    if not re.fullmatch(r"[-+]?\d+", text) or abs(int(text)) > 2**31 - 1:
        raise ValueError(text)
    return str(int(text))


def _decimal(text: str) -> str:
    number = Decimal(text)
    if not number.is_finite() or abs(number) >= Decimal(10) ** 20:
        raise ValueError(text)
    return f"{round(number, 6).normalize():f}"


def _boolean(value: JSON) -> str:
    if value in (None, "", False, 0, "0", "false", "off"):
        return "0"
    if value in (True, 1, "1", "true", "on"):
        return "1"
    raise SarvError("400/15")


def _choices(value: JSON) -> str | None:
    """Return "^A^,^B^", from a list, from that, or from one choice."""
    if value is None or value == "" or value == []:
        return None
    if isinstance(value, str):
        value = value.strip("^").split("^,^")
    if not isinstance(value, list) or any(isinstance(v, list | dict) for v in value):
        raise SarvError("400/15")
    return ",".join(f"^{choice}^" for choice in value)


def _lines(value: JSON) -> list[JSON]:
    if not isinstance(value or [], list) or any(not isinstance(line, dict) for line in value or []):
        raise SarvError("400/15")
    return list(value or [])


def shown(field: Field, value: JSON, zone: tzinfo, carets: bool) -> JSON:
    """Return a kept value as an answer has it: nothing reads as null in numbers and times, else as an empty text."""
    if field.type in BOOLEANS:
        return value or "0"
    if field.type in ("datetime", "datetimecombo") and value:
        moment = datetime.strptime(value, STAMP).replace(tzinfo=UTC)
        return moment.astimezone(zone).isoformat(timespec="seconds")
    if field.type == "multienum" and not carets:
        return str(value).strip("^").split("^,^") if value else []
    if field.type == "base":
        return value or []
    return value if value is not None else None if field.type in NULLED else ""
