"""Phone numbers: how SarvCRM spells those of a record, and who has one, which it tells by a call of its own.

`numbers` is a type of its own: a list of phone objects {type, number, phoneCode, phoneFlag, primary, sms, fax}, in which the
server also takes plain texts. Here it is always a list of objects, with flags as true and false; keys nobody knows are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sarvcrm.client import SarvClient
from connectors.sarvcrm.rows import id_of
from connectors.spelling import ASCII_DIGITS, canonical_boolean
from connectors.types import JSON, Record, Values
from connectors.values import plain
from connectors.wording import text as _

FLAGS = frozenset({"primary", "sms", "fax"})
PHONE_TEXTS = frozenset({"type", "number", "phoneCode", "phoneFlag"})


def having(client: SarvClient, text: str) -> list[Record]:
    """Return who has that number; each carries `name` only. None for a text without digits."""
    number = "".join(c for c in text.translate(ASCII_DIGITS) if c.isdecimal() or c == "+")
    found = client.search_by_number(number) if number.strip("+") else []
    return [Record(str(row.get("module") or ""), id_of(row), {"name": row.get("name") or None}) for row in found]


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
