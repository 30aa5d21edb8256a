"""What the simulated Vtiger makes of a value it is sent: nothing is refused, much is changed silently (vtiger-facts D7, D8, E)."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.sandbox.vtiger.crm import Field, Module, PhpFatal

JSON = Any
INT_MAX, INT_MIN = 2_147_483_647, -2_147_483_648
_EMPTY: dict[tuple[JSON, ...], str] = {}  # what `stored` makes of nothing, by what it looks at of a field


def stored(field: Field, value: JSON) -> str:
    """Return what the column holds after this value was written; every scalar is text (E1). Raises PhpFatal (E5)."""
    if field.type == "boolean":
        return "1" if value is True or str(value) in ("1", "on") else "0"
    text = _scalar(value)
    if field.type == "integer":
        return _integer(text)
    if field.type == "double":
        return _double(text, field.decimals)
    if field.type == "currency":
        return _money(text)
    if field.type == "date":
        return _date(text)
    if field.type == "time":
        return _time(text)
    return _text(text, field.width)


def empty_values(module: Module) -> dict[str, str]:
    """Return every field but the id as an unset column reads."""
    return {name: _empty(field) for name, field in module.fields.items() if name != "id"}


def _empty(field: Field) -> str:
    kind = (field.type, field.decimals, field.width)
    if kind not in _EMPTY:  # a new record has sixty of them, and there are a dozen kinds
        _EMPTY[kind] = stored(field, "")
    return _EMPTY[kind]


def _scalar(value: JSON) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, list):
        return " |##| ".join(map(_scalar, value))  # E7: a list is accepted and joined
    if isinstance(value, dict):
        return " |##| ".join(map(_scalar, value.values()))
    return str(value)


def _number(text: str) -> Decimal:
    """Return the leading number of the text, as PHP casts it, else 0."""
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)", text)
    return Decimal(found[0].strip()) if found else Decimal(0)


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _integer(text: str) -> str:
    return str(max(INT_MIN, min(INT_MAX, int(_rounded(_number(text), 0)))))


def _double(text: str, decimals: int) -> str:
    if text and not re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text):
        raise PhpFatal  # E5: "1,5" in a double is a TypeError
    number = _rounded(Decimal(text.strip() or 0), 2)
    if decimals == 2:  # a percent column holds three digits before the point
        number = max(Decimal("-999.99"), min(Decimal("999.99"), number))
    return f"{_rounded(number, decimals):f}"


def _money(text: str) -> str:
    number = Decimal(f"{float(_rounded(_number(text), 2)):.14g}")  # PHP writes floats with 14 digits
    return f"{_rounded(number, 8):f}"


def _date(text: str) -> str:
    if text == "0000-00-00":
        return text
    if found := re.fullmatch(r"(\d\d)-(\d\d)-(\d{4})", text):  # the API user's format happens to work (E3)
        text = f"{found[3]}-{found[2]}-{found[1]}"
    try:
        return text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) and date.fromisoformat(text) else ""
    except ValueError:
        return ""


def _time(text: str) -> str:
    found = re.match(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text)  # E4: AM and PM are ignored
    if not found:
        return "" if not text else "00:00:00"
    return f"{int(found[1]):02}:{found[2]}:{found[3] or '00'}"


def _text(text: str, width: int | None) -> str:
    if re.search(r"<\s*script", text, re.IGNORECASE):  # E10a: stored encoded for good, ' and & left alone
        text = text.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub("[\U00010000-\U0010ffff]", "????", text)  # E11: a utf8mb3 database
    return text[:width]  # D8
