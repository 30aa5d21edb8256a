"""Telephone numbers of the simulated SarvCRM: several a record, as text or as an object, with what it derives from the first."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from connectors.sandbox.sarvcrm.errors import SarvError

JSON = Any
_KEYS = ("type", "number", "phoneCode", "phoneFlag", "primary", "sms", "fax")


def kept(value: JSON) -> list[dict[str, JSON]]:
    """Return the list as it is kept, one number the primary. Raises SarvError 400/15 for what is no such list."""
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise SarvError("400/15")
    numbers = [_object(item) for item in value]
    if numbers and not any(n["primary"] for n in numbers):
        numbers[0]["primary"] = 1
    return numbers


def _object(item: JSON) -> dict[str, JSON]:
    given = {"number": item} if isinstance(item, str) else item
    if not isinstance(given, dict) or not isinstance(given.get("number"), str) or not given["number"].strip():
        raise SarvError("400/15")
    plain: dict[str, JSON] = {"type": "Mobile", "phoneCode": "+98", "phoneFlag": "IR"}
    flags = {name: int(str(given.get(name, 0)) in ("1", "True", "true")) for name in ("primary", "sms", "fax")}
    whole = {**plain, **given, **flags}
    return {name: whole[name] for name in _KEYS} | {k: v for k, v in given.items() if k not in _KEYS}


def derived(numbers: list[dict[str, JSON]]) -> dict[str, str | None]:
    """Return the fields that follow from the numbers."""
    primary = next((n for n in numbers if n["primary"]), None)
    return {
        "primary_number": primary["number"] if primary else None,
        "primary_number_country_code": primary["phoneCode"] if primary else None,
        "primary_number_raw": raw(primary) if primary else None,
        "sms_number": next((n["number"] for n in numbers if n["sms"]), None),
        "fax_number": next((n["number"] for n in numbers if n["fax"]), None),
    }


def raw(number: dict[str, JSON]) -> str:
    """Return the number with its country code and nothing but digits: +989121111234."""
    return f"{number['phoneCode']}{national(str(number['number']), str(number['phoneCode']))}"


def national(text: str, code: str = "+98") -> str:
    """Return the digits after the country code or the leading zero."""
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    return re.sub(rf"^(?:00)?{re.escape(code.lstrip('+'))}(?=\d{{10}})|^0", "", digits)
