"""What a value becomes on the other side. PURE: knows no Django, no database, no vendor. The rule: a value that cannot be
carried over whole is refused by name, never cut or guessed; a field not carried stays not carried."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers

from connectors.errors import RecordInvalid
from connectors.query import fold
from connectors.types import JSON, NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema, Values
from connectors.values import Codec, canonical_number, from_utc, to_utc
from connectors.wording import said
from connectors.wording import text as _
from portal.mappings.definition import Rule

Side = Literal["left", "right"]
ABSENT: Final = object()  # a field the answer did not carry; None is empty
KeyKind = Literal["email", "phone", "number", "text"]
_OF_ONE_CRM = frozenset({FieldType.REFERENCE, FieldType.OWNER})  # ids mean nothing elsewhere
_CODEC = Codec()


@dataclass(frozen=True, slots=True)
class Place:
    """One side of a mapping as values need it: its fields, the zone its people live in, the region of their phones."""

    schema: ModuleSchema
    zone: str = "UTC"
    region: str = "GB"


@dataclass(frozen=True, slots=True)
class Intended:
    """What a record becomes: field -> value, field -> why not; `rules` are the uuids that made the values."""

    values: Mapping[str, JSON]
    errors: Mapping[str, str]
    rules: tuple[str, ...]


def intended(rules: Sequence[Rule], values: Values, source: Side, places: Mapping[Side, Place]) -> Intended:
    """Return what the source's values become on the other side, with every field that cannot be carried over."""
    made: dict[str, JSON] = {}
    errors: dict[str, str] = {}
    used = []
    for rule in rules:
        try:
            value = carried(rule, values, source, places)
        except RecordInvalid as e:
            errors |= e.fields
            continue
        if value is not ABSENT:
            made[rule.right if source == "left" else rule.left] = value
            used.append(rule.uuid)
    return Intended(made, errors, tuple(used))


def held(rule: Rule, values: Values, side: Side) -> JSON:
    """Return what this side holds for the rule, as its server stores it; ABSENT where the answer did not carry it.

    A rule without a field on this side holds its constant there, so that a changed constant is seen as a change.
    """
    name = rule.left if side == "left" else rule.right
    if not name:
        return rule.value
    return values.get(name, ABSENT)


def carried(rule: Rule, values: Values, source: Side, places: Mapping[Side, Place]) -> JSON:
    """Return what the rule puts into the other side's field, or ABSENT. Raises RecordInvalid naming that field."""
    other: Side = "right" if source == "left" else "left"
    name = rule.right if source == "left" else rule.left
    target = places[other].schema.field(name)
    if target is None:
        module = places[other].schema.module.label
        raise _refuse(name, _("“%(field)s” is not a field of %(module)s any more.", field=name, module=module))
    if rule.source not in ("field", "value"):
        told = _("“%(field)s”: rules from “%(source)s” cannot be carried out yet.", field=name, source=rule.source)
        raise _refuse(name, told)
    value = rule.value if rule.source == "value" else held(rule, values, source)
    if value is ABSENT:
        return ABSENT
    own_name = rule.left if source == "left" else rule.right
    origin = None if rule.source == "value" else places[source].schema.field(own_name)
    try:
        return convert(value, origin, target, places[source].zone, places[other].zone)
    except ValueError as e:
        told = _("“%(field)s” %(problem)s; the value is %(value)s.", field=target.label or name, problem=said(e), value=_shown(value))  # fmt: skip
        raise _refuse(name, told) from e


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
    return _CODEC.canonical(target, value)


def comparable(value: JSON) -> JSON:
    """Return a value as two sides compare it: what every server may change on its way (line ends, outer blanks, the
    composition of letters) made one. Never sent."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip() or None
    if isinstance(value, list):
        return sorted(map(str, value)) or None if all(isinstance(part, str) for part in value) else value or None
    return value


def same(one: JSON, other: JSON) -> bool:
    """Say whether two canonical values mean the same. ABSENT is the same as nothing, not even itself."""
    return one is not ABSENT and other is not ABSENT and bool(comparable(one) == comparable(other))


def key_kinds(match: Sequence[tuple[str, str]], places: Mapping[Side, Place]) -> tuple[KeyKind, ...]:
    """Return how each part of the match key is compared. One answer for both sides: a phone kept in a text field over
    there is a phone all the same."""
    return tuple(_kind(places["left"].schema.field(left), places["right"].schema.field(right)) for left, right in match)


def match_key(values: Values, fields: Sequence[str], kinds: Sequence[KeyKind], region: str) -> tuple[str, ...] | None:
    """Return the match key, normalised for comparison only; None when a part is empty or cannot be read."""
    parts = []
    for name, kind in zip(fields, kinds, strict=True):
        part = _key_part(values.get(name), kind, region)
        if not part:
            return None
        parts.append(part)
    return tuple(parts) or None


def _key_part(value: JSON, kind: KeyKind, region: str) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    text = unicodedata.normalize("NFC", str(value)).strip()
    if kind == "email":
        return text.casefold() or None
    if kind == "phone":
        return _phone(text, region)
    if kind == "number":
        try:
            return canonical_number(text)
        except ValueError:
            return None
    return fold(text).strip() or None


def _phone(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _kind(left: FieldSchema | None, right: FieldSchema | None) -> KeyKind:
    types = {field.type for field in (left, right) if field is not None}
    if FieldType.EMAIL in types:
        return "email"
    if FieldType.PHONE in types:
        return "phone"
    return "number" if types and types <= NUMBER_TYPES else "text"


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


def _refuse(name: str, why: str) -> RecordInvalid:
    return RecordInvalid(why, fields={name: why})


def _shown(value: JSON) -> str:
    text = str(value)
    if len(text) <= 60:
        return f"“{text}”"
    return _("“%(beginning)s…” (%(count)d characters)", beginning=text[:60], count=len(text))
