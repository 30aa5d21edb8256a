"""By which fields records of two modules recognise each other. PURE: knows no Django, no database, no vendor. The rule: a key is
good when it means one thing in the world, hardly a record lacks it and hardly two share it."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.types import FieldType, ModuleSchema
from connectors.wording import text as _
from portal.mappings.likeness import Likeness, seen_overlap
from portal.mappings.meaning import Meaning
from portal.mappings.pairing import NO_PROFILES, Profiles, paired
from portal.records.profile import FieldProfile

# How well one value of it names one record.
_GOOD = {
    "email": 0.9, "national_id": 0.86, "vat_number": 0.82, "registration_number": 0.8, "product_code": 0.8,
    "serial_number": 0.78, "mobile": 0.76, "phone": 0.7, "website": 0.6, "code": 0.6, "record_name": 0.5, "full_name": 0.45,
}  # fmt: skip
_NAMES = ("given_name", "family_name")
_BESIDE = {"@account": 0.62, "birthday": 0.64, "city": 0.54, "": 0.42}  # with the two names; "" is nothing
_LEAST = 0.2
_BY_ID = frozenset({FieldType.REFERENCE, FieldType.OWNER})  # an id means nothing in the other CRM
Pair = tuple[Meaning, Meaning, Likeness]


@dataclass(frozen=True, slots=True)
class KeySuggestion:
    """Pairs of fields that together are a match key. `confidence` is 0 to 1; `reasons` are sentences for a person."""

    pairs: tuple[tuple[str, str], ...]
    confidence: float
    reasons: tuple[str, ...]


def suggest_match_key(left: ModuleSchema, right: ModuleSchema, profiles: Profiles = NO_PROFILES) -> list[KeySuggestion]:
    """Return match keys, the best first. A field that can only be read may be part of one."""
    pairs = [p for p in paired(left, right, profiles) if not {p[0].field.type, p[1].field.type} & _BY_ID]
    found = [_judged((pair,), good, profiles) for pair in pairs if (good := _goodness(pair))]
    found += [_judged(parts, good, profiles) for parts, good in _by_names(pairs)]
    return sorted((key for key in found if key.confidence >= _LEAST), key=lambda key: (-key.confidence, key.pairs))


def _goodness(pair: Pair) -> float:
    """Return how good a key of this field alone is before its values are seen; 0 for none."""
    one, other, _alike = pair
    if one.sense is None or one.sense != other.sense or one.sense.which:
        return 0.6 if one.field.unique and other.field.unique else 0.0
    good = _GOOD.get(one.sense.term, 0.0)
    return max(good, 0.85) if one.field.unique and other.field.unique else good


def _by_names(pairs: list[Pair]) -> list[tuple[tuple[Pair, ...], float]]:
    """Return first and last name together, each time with what may stand beside them."""
    by_term = {p[0].sense.term: p for p in pairs if p[0].sense and not p[0].sense.which and p[0].sense == p[1].sense}
    names = tuple(by_term[term] for term in _NAMES if term in by_term)
    if len(names) < len(_NAMES):
        return []
    return [
        ((*names, by_term[beside]) if beside else names, good)
        for beside, good in _BESIDE.items()
        if not beside or beside in by_term
    ]


def _judged(parts: tuple[Pair, ...], good: float, profiles: Profiles) -> KeySuggestion:
    """Return the key with its figures from the mirrors taken into account."""
    reasons = [_kind_of_key(parts)]
    sure = good * min(alike.confidence for _one, _other, alike in parts) ** 0.25
    held = [p for part in parts for p in _profiles(part, profiles) if p is not None and p.records]
    if held:
        fill = min(p.fill for p in held)
        reasons.append(_("filled in %(percent)d %% of the records", percent=int(fill * 100)))
        sure *= 0.3 + 0.7 * fill
    if held and len(parts) == 1:
        unique = min(p.unique for p in held)
        reasons.append(_("%(percent)d %% of its values belong to one record only", percent=int(unique * 100)))
        sure *= unique
        share = seen_overlap(_profiles(parts[0], profiles))
        if share >= 0.05:
            reasons.append(_("about %(percent)d %% of the values are in both CRMs", percent=round(share * 100)))
            sure = min(0.99, sure * (1 + share / 4))
    names = tuple((one.field.name, other.field.name) for one, other, _alike in parts)
    return KeySuggestion(names, round(sure, 2), tuple(reasons))


def _profiles(pair: Pair, profiles: Profiles) -> tuple[FieldProfile | None, FieldProfile | None]:
    one, other, _alike = pair
    return profiles.get("left", {}).get(one.field.name), profiles.get("right", {}).get(other.field.name)


def _kind_of_key(parts: tuple[Pair, ...]) -> str:
    sense = parts[0][0].sense
    if len(parts) > 1:
        return _("names alone are often shared, so more than one field is compared")
    if sense is not None and sense.term == "email":
        return _("an e-mail address belongs to one person or company")
    if sense is not None and sense.term in ("phone", "mobile"):
        return _("a phone number is read in the same way however it is written")
    if sense is not None and sense.term in ("record_name", "full_name"):
        return _("a name may be written in two ways or belong to two")
    return _("a number or code of its own")
