"""When two values mean the same, and what a match key is. PURE. The rule: values are made alike for comparison only, and
what was made alike is never sent."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import phonenumbers

from connectors.query import fold
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType, Values
from connectors.values import canonical_number
from portal.mappings.definition import Rule
from portal.mappings.transform import ABSENT, Place, Side

KeyKind = Literal["email", "phone", "number", "text"]


def comparable(value: JSON, by: str = "", region: str = "GB") -> JSON:
    """Return a value as two sides compare it: what every server may change on its way (line ends, outer blanks, the
    composition of letters) made one, and what `by` (COMPARISONS) says makes no difference. Never sent."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
        return (_ALIKE[by](text, region) if by in _ALIKE else text) or None
    if isinstance(value, list):
        return sorted(map(str, value)) or None if all(isinstance(part, str) for part in value) else value or None
    return value


def same(one: JSON, other: JSON, by: str = "", regions: tuple[str, str] = ("GB", "GB")) -> bool:
    """Say whether two canonical values mean the same; of lines, what both tell of each. ABSENT is the same as nothing, not
    even itself."""
    if one is ABSENT or other is ABSENT:
        return False
    if _is_lines(one) and _is_lines(other):
        pairs = list(zip(one, other, strict=False))
        told = all(same(a[name], b[name], by, regions) for a, b in pairs for name in a.keys() & b.keys())
        return told and len(one) == len(other)
    return bool(comparable(one, by, regions[0]) == comparable(other, by, regions[1]))


def comparable_of(rule: Rule, value: JSON, side: Side, region: str = "GB", *, written: bool = False) -> JSON:
    """Return what a rule holds on that side as two are compared: of lines, in their order, what each of their rules holds.
    `written`: only what is written there."""
    if not rule.lines or not isinstance(value, list):
        return comparable(value, rule.compare, region)
    inner = [one for one in rule.lines if one.at(side) or not written]
    return [[comparable(line.get(one.held_as(side)), one.compare, region) for one in inner] for line in value] or None


def is_made(rule: Rule, made: JSON, now: JSON, side: Side, regions: tuple[str, str]) -> bool:
    """Say whether that side holds already what was made for it; `regions`: of where it was made, and of that side."""
    if made is ABSENT or now is ABSENT:
        return False
    one, other = (comparable_of(rule, v, side, r, written=True) for v, r in zip((made, now), regions, strict=True))
    return bool(one == other)


def as_sent(sent: JSON, stored: JSON) -> JSON:
    """Return what was stored of what was sent: of lines only the fields that were sent of each."""
    if not (_is_lines(sent) and _is_lines(stored)):
        return stored
    known = [line.keys() for line in sent]
    return [
        {name: part for name, part in line.items() if number >= len(known) or name in known[number]}
        for number, line in enumerate(stored)
    ]


def _is_lines(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(line, dict) for line in value)


def is_spelled_anew(sent: JSON, stored: JSON) -> bool:
    """Say whether a server that was sent the one may well have made the other of it by itself: cut, blanks, case, digits."""
    if _is_lines(sent) and _is_lines(stored):
        pairs = zip(sent, as_sent(sent, stored), strict=False)
        return len(sent) == len(stored) and all(
            same(line[name], kept.get(name)) or is_spelled_anew(line[name], kept.get(name))
            for line, kept in pairs
            for name in line
        )
    if not isinstance(sent, str) or not isinstance(stored, str):
        return sent in (None, [], "0", False) and stored in (None, [], "0", False)  # an empty value's preset
    return sent.strip().startswith(stored.strip()) or any(same(sent, stored, by) for by in ("case", "spaces", "number"))


def _number(text: str, region: str) -> str:
    try:
        return canonical_number(text)
    except ValueError:
        return text


_ALIKE: Mapping[str, Callable[[str, str], str]] = {
    "case": lambda text, region: text.casefold(),
    "spaces": lambda text, region: " ".join(text.split()),
    "digits": lambda text, region: "".join(letter for letter in fold(text) if letter.isdecimal()) or text,
    "phone": lambda text, region: _phone(text, region) or text,
    "number": _number,
}


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
