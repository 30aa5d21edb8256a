"""How surely two fields are one, and why. PURE: knows no Django, no database, no vendor.

Each sign (what they mean, how they are called, what they hold) adds to the confidence; what speaks against it takes away; and
what cannot be (another type, another address, the opposite) is no likeness at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from connectors.types import NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType
from connectors.wording import text as _
from portal.mappings.meaning import Meaning
from portal.mappings.terms import OPPOSITES
from portal.records.profile import FieldProfile, comparable

Side = Literal["left", "right"]
T = FieldType
_NEVER = frozenset({T.ID, T.LINES, T.JSON, T.FILE})
_MOMENTS = frozenset({T.DATE, T.DATETIME})
_LISTS = frozenset({T.CHOICE, T.MULTICHOICE})
_OF_A_FORM = frozenset({T.EMAIL, T.PHONE, T.URL})
_OPPOSED = frozenset().union(*OPPOSITES)
_TELLING = 4  # different values at least, before their being the same tells anything
_CONSTANT = 10  # records that all hold the same
# From one kind of type into another: how well that goes. What is not here does not.
_INTO: dict[tuple[str, str], float] = {
    ("text", "text"): 1.0, ("number", "number"): 1.0, ("list", "list"): 1.0, ("moment", "moment"): 1.0,
    ("boolean", "boolean"): 1.0, ("reference", "reference"): 1.0, ("owner", "owner"): 1.0, ("time", "time"): 1.0,
    ("text", "number"): 0.8, ("number", "text"): 0.9, ("text", "list"): 0.8, ("list", "text"): 0.9,
    ("text", "moment"): 0.6, ("moment", "text"): 0.7, ("boolean", "list"): 0.5, ("list", "boolean"): 0.5,
    ("text", "boolean"): 0.4, ("boolean", "text"): 0.5, ("moment", "time"): 0.4, ("time", "text"): 0.7,
    ("list", "number"): 0.4, ("number", "list"): 0.5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Likeness:
    """How surely two fields are one, 0 to 1; `order` decides between equals; `reasons` are sentences for a person."""

    confidence: float
    order: float = 0.0
    reasons: tuple[str, ...] = ()


NONE = Likeness(0.0)
Seen = tuple[FieldProfile | None, FieldProfile | None]  # of the left and of the right field


def likeness(left: Meaning, right: Meaning, seen: Seen = (None, None), targets: Collection[Side] = ()) -> Likeness:
    """Return how surely two fields are one when the targets' sides are written. Symmetric, where the sides change places."""
    fits = _fit(left.field, right.field, targets)
    if not fits or _contradict(left, right):
        return NONE
    signs = [*_by_meaning(left, right), *_by_name(left, right)]
    named = bool(signs)
    signs += _by_values(left, right, seen)
    doubt = 1.0
    for weight, _reason in signs:
        doubt *= 1 - weight
    if doubt > 0.6:
        return NONE
    sure = (1 - doubt) * fits * _against(left, right, seen, targets)
    near = trigrams_shared(left.name, right.name) + trigrams_shared(left.label, right.label) / 2
    reasons = tuple(reason for _weight, reason in signs if reason)
    return Likeness(min(0.99, round(sure, 4)), near + (seen_overlap(seen) if named else 0.0), reasons)


def excluded(field: FieldSchema) -> bool:
    """Say whether a field is of a type that no rule carries over."""
    return field.type in _NEVER


def _group(type: FieldType) -> str:
    if type in TEXT_TYPES:
        return "text"
    if type in NUMBER_TYPES:
        return "number"
    if type in _LISTS:
        return "list"
    return "moment" if type in _MOMENTS else type.value


def _fit(left: FieldSchema, right: FieldSchema, targets: Collection[Side]) -> float:
    """Return how well values go the ways that are asked for; the easier way where none is."""
    if left.type in _NEVER or right.type in _NEVER:
        return 0.0
    there = _one_way(left.type, left.editable, right.type)
    back = _one_way(right.type, right.editable, left.type)
    ways = [way for side, way in (("right", there), ("left", back)) if side in targets]
    return min(ways) if ways else max(there, back)


@cache
def _one_way(origin: FieldType, editable: bool, target: FieldType) -> float:
    found = _INTO.get((_group(origin), _group(target)), 0.0)
    if origin is target:
        return found
    if origin in _OF_A_FORM and target in _OF_A_FORM:
        return 0.0
    if found and _group(origin) == "text" and target in _OF_A_FORM:
        return 0.8
    if not editable and _group(origin) == "text" and target in _LISTS:
        return 0.5  # what a server writes by itself is seldom an entry of another's list
    return 0.96 if found == 1.0 else found


def _contradict(left: Meaning, right: Meaning) -> bool:
    """Say whether what is known of both forbids that they are one."""
    if left.kinds and right.kinds and not left.kinds & right.kinds:
        return True
    if left.terms & _OPPOSED and any(
        a != b and frozenset({a, b}) in OPPOSITES for a in left.terms for b in right.terms
    ):
        return True
    return bool(left.senses and right.senses and not left.senses & right.senses and left.name != right.name)


def _by_meaning(left: Meaning, right: Meaning) -> list[tuple[float, str]]:
    if not left.senses & right.senses:
        return []
    sure = left.sense == right.sense
    if any(a == b and _speaks(a) for a, b in ((left.name, right.name), (left.label, right.label))):
        return [(0.8 if sure else 0.6, "")]  # the same name says it
    told = _("“%(left)s” and “%(right)s” are two names of the same", left=left.field.label, right=right.field.label)
    return [(0.8 if sure else 0.6, told)]


def _by_name(left: Meaning, right: Meaning) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    if left.name == right.name and _speaks(left.name):
        found.append((0.78, _("the same name: “%(name)s”", name=left.field.name)))
    if left.label == right.label and _speaks(left.label):
        found.append((0.75, _("the same label: “%(label)s”", label=left.field.label)))
    if not found and not (left.senses and right.senses):
        known = ((left.name, right.name), (left.label, right.label))
        near = max((trigrams_shared(a, b) for a, b in known if _speaks(a) and _speaks(b)), default=0.0)
        if near >= 0.75:
            found.append((near * 0.7, _("the names are nearly the same")))
    return found


@lru_cache(maxsize=20_000)
def _speaks(key: str) -> bool:
    """Say whether a name tells anything: “cf_901” is another field in every CRM."""
    return len(key) > 2 and not key.isdigit() and not (key[-1].isdigit() and key.rstrip("0123456789") in _NUMBERED)


_NUMBERED = frozenset({"cf", "custom", "customfield", "field", "udf", "userfield", "attribute"})


def _by_values(left: Meaning, right: Meaning, seen: Seen) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    if left.field.type in _LISTS and right.field.type in _LISTS:
        share = choices_shared(left.field, right.field)
        if share >= 0.3:
            percent = round(share * 100)
            found.append((share * 0.45, _("%(percent)d %% of the shorter pick list is in the other", percent=percent)))
    share = seen_overlap(seen)
    if share >= 0.2 and T.BOOLEAN not in (left.field.type, right.field.type) and not _plain_numbers(left, right):
        many = all(p is not None and p.distinct >= 2 * _TELLING for p in seen)
        told = _("about %(percent)d %% of the values are the same", percent=round(share * 100))
        found.append((share * (0.62 if many else 0.4), told))
    return found


def _plain_numbers(left: Meaning, right: Meaning) -> bool:
    """Say whether both hold numbers or days, which are the same by chance."""
    return all(m.field.type in NUMBER_TYPES | _MOMENTS for m in (left, right))


def seen_overlap(seen: Seen) -> float:
    """Return which share of the values both fields hold, 0 where too few are known to tell."""
    one, other = seen
    if one is None or other is None or min(one.distinct, other.distinct) < _TELLING:
        return 0.0
    return one.overlap(other)


def choices_shared(left: FieldSchema, right: FieldSchema) -> float:
    """Return which share of the shorter pick list is in the other, by value or by label."""
    lists = [[{comparable(c.value), comparable(c.label)} for c in f.choices] for f in (left, right)]
    short, long = sorted(lists, key=len)
    known = set().union(*long) if long else set()
    return sum(bool(names & known) for names in short) / len(short) if len(short) > 1 else 0.0


def _against(left: Meaning, right: Meaning, seen: Seen, targets: Collection[Side]) -> float:
    """Return what is left of the confidence after what speaks against it."""
    kept = 1.0
    if left.by_label and right.by_label and left.by_label != right.by_label:
        kept *= 0.5  # people call them differently
    sources = [(m, p) for m, p, other in zip((left, right), seen, ("right", "left"), strict=True) if other in targets]
    for meaning, seen_there in sources:
        if not meaning.field.editable:
            kept *= 0.93
        if seen_there and seen_there.distinct == 1 and seen_there.filled >= _CONSTANT and _is_text(meaning.field):
            kept *= 0.85  # the same in every record tells nothing
    return kept * _shape(left, right, seen) * _shape(right, left, (seen[1], seen[0]))


def _shape(origin: Meaning, target: Meaning, seen: Seen) -> float:
    """Return less than one where a text's values do not look like what the other's type holds."""
    profile, looks = seen[0], _LOOKS.get(target.field.type)
    if profile is None or looks is None or origin.field.type is target.field.type or len(profile.samples) < 3:
        return 1.0
    return 1.0 if sum(looks(str(sample)) for sample in profile.samples) * 2 > len(profile.samples) else 0.5


def _is_text(field: FieldSchema) -> bool:
    return field.type in TEXT_TYPES


_LOOKS: Mapping[FieldType, Callable[[str], bool]] = {
    T.EMAIL: lambda text: "@" in text,
    T.PHONE: lambda text: sum(c.isdigit() for c in text) >= 5,
    T.URL: lambda text: "." in text and " " not in text,
    **dict.fromkeys(NUMBER_TYPES, lambda text: any(c.isdigit() for c in text)),
}


@lru_cache(maxsize=20_000)
def _trigrams(key: str) -> frozenset[str]:
    padded = f"  {key} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def trigrams_shared(one: str, other: str) -> float:
    """Return how much two names in one word have in common, 0 to 1."""
    if one == other:
        return 1.0
    first, second = _trigrams(one), _trigrams(other)
    return 2 * len(first & second) / (len(first) + len(second))
