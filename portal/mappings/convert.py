"""What a value of one type is as another, where nothing but the types decides. PURE: knows no Django, no database, no vendor.
The rule: what does not fit is refused, never cut or guessed."""

from __future__ import annotations

from connectors.types import JSON, TEXT_TYPES, FieldSchema, FieldType
from connectors.values import Codec, from_utc, to_utc
from connectors.wording import text as _

CODEC = Codec()
_OF_ONE_CRM = frozenset({FieldType.REFERENCE, FieldType.OWNER})  # ids mean nothing elsewhere


def convert(
    value: JSON, origin: FieldSchema | None, target: FieldSchema, source_zone: str = "UTC", zone: str = "UTC"
) -> JSON:
    """Return a canonical value as the target's type spells it; `origin` None is a constant. Raises ValueError saying why
    not ("is not a date such as 2024-02-29")."""
    if value is None:
        return None
    if origin is not None:
        if origin.type in _OF_ONE_CRM and target.type in _OF_ONE_CRM:
            raise ValueError(_("refers to a record of its own CRM: a rule of the kind “linked record” is needed"))
        value = _bridge(value, origin, target, source_zone, zone)
    return CODEC.canonical(target, value)


def _bridge(value: JSON, origin: FieldSchema, target: FieldSchema, source_zone: str, zone: str) -> JSON:
    """Return the value in a shape the target's type understands, where the two types differ."""
    kinds = (origin.type, target.type)
    if kinds == (FieldType.DATETIME, FieldType.DATE):
        return from_utc(str(value), source_zone)[:10]
    if kinds == (FieldType.DATETIME, FieldType.TIME):
        return from_utc(str(value), source_zone)[11:]
    if kinds == (FieldType.DATE, FieldType.DATETIME):
        return to_utc(f"{value} 00:00:00", source_zone)
    if target.type is FieldType.DATETIME and origin.type is not FieldType.DATETIME:
        return to_utc(str(value), zone)
    if isinstance(value, list) and target.type in TEXT_TYPES and all(isinstance(part, str) for part in value):
        return ", ".join(_label(origin, part) for part in value)
    if isinstance(value, list) and target.type is FieldType.CHOICE and len(value) == 1:
        return _label_or_value(origin, target, value[0])
    if origin.type is FieldType.CHOICE and target.type is FieldType.CHOICE:
        return _label_or_value(origin, target, value)
    return value


def _label_or_value(origin: FieldSchema, target: FieldSchema, value: JSON) -> JSON:
    """Two pick lists meet by value, else by what a person reads."""
    return value if any(choice.value == value for choice in target.choices) else _label(origin, value)


def _label(field: FieldSchema, value: JSON) -> str:
    return next((choice.label for choice in field.choices if choice.value == value), str(value))
