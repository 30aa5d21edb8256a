"""How surely two records are one, and why. PURE: knows no Django, no database, no vendor.

Each sign (the same phone, a name alike) leaves less doubt; what speaks against it (another name, another town) leaves less of
the certainty. A name alone never suffices, nor does what colleagues or families share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from portal.mappings.likeness import trigrams_shared
from portal.sync.matching.terms import FIRST_NAMES, GENERATIONS
from portal.sync.matching.traits import Traits, is_shared, plain, words_of

OFFERED = 50  # less sure is not shown
SURE = 85  # from here on a person may accept many at once

# What a sign is worth: by which share it lessens the doubt.
_OF_PERSONS: Mapping[str, float] = {
    "same_name": 0.7, "name_alike": 0.5, "part_of_name": 0.3, "same_email": 0.86, "same_mailbox": 0.35, "same_phone": 0.6,
    "same_company": 0.5, "company_alike": 0.35, "same_domain": 0.5, "same_city": 0.25, "same_code": 0.92,
}  # fmt: skip
_OF_THINGS: Mapping[str, float] = {
    "same_name": 0.78, "name_alike": 0.55, "part_of_name": 0.35, "same_email": 0.75, "same_mailbox": 0.62, "same_phone": 0.62,
    "same_company": 0.35, "company_alike": 0.2, "same_domain": 0.62, "same_city": 0.35, "same_code": 0.92,
}  # fmt: skip
# What is left of the certainty after what speaks against it.
_AGAINST: Mapping[str, float] = {
    "other_name": 0.5, "half_name": 0.7, "other_company": 0.8, "other_city": 0.8, "other_domain": 0.8, "other_code": 0.3,
}  # fmt: skip
_FORGIVEN = {"same_email", "same_code"}  # whoever has these may have moved or changed the company


Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """How surely two records are one, 0 to 100, and the codes of what speaks for it and against it, weightiest first."""

    score: int = 0
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def score(one: Traits, other: Traits) -> Scored:
    """Return how surely two records are one. Symmetric."""
    worth = _OF_PERSONS if one.of_people or other.of_people else _OF_THINGS
    signs = set(_signs(one, other))
    reasons = sorted(signs & worth.keys(), key=lambda sign: (-worth[sign], sign))
    doubts = sorted(signs & _AGAINST.keys(), key=lambda sign: (_AGAINST[sign], sign))
    if _FORGIVEN & signs and "other_name" not in signs:
        doubts = [sign for sign in doubts if sign in ("half_name", "other_code")]
    doubt = 1.0
    for sign in reasons:
        doubt *= 1 - worth[sign]
    sure = 1 - doubt
    for sign in doubts:
        sure *= _AGAINST[sign]
    return Scored(round(100 * sure), tuple(reasons), tuple(doubts))


def _signs(one: Traits, other: Traits) -> Iterator[str]:
    of_people = one.of_people or other.of_people
    yield (_person_names if of_people else _thing_names)(*sorted((one.name, other.name)))
    yield _COMPANIES.get(_thing_names(*sorted((one.company, other.company))), "")
    yield from _addresses(one, other)
    if set(one.phones) & set(other.phones):
        yield "same_phone"
    if set(one.codes) & set(other.codes):
        yield "same_code"
    elif _kinds(one) & _kinds(other):
        yield "other_code"
    if set(one.cities) & set(other.cities):
        yield "same_city"
    elif one.cities and other.cities and not _are_of_two_scripts(one.cities, other.cities):
        yield "other_city"


def _addresses(one: Traits, other: Traits) -> Iterator[str]:
    """Yield what mail and web addresses say; the domain of an address that is the same adds nothing."""
    shared = set(one.emails) & set(other.emails)
    if any(not is_shared(email) for email in shared):
        yield "same_email"
    elif shared:
        yield "same_mailbox"
    elif set(one.domains) & set(other.domains):
        yield "same_domain"
    elif one.of_people or other.of_people:
        return  # a person changes the company, or writes from home
    elif one.domains and other.domains and not {_site(d) for d in one.domains} & {_site(d) for d in other.domains}:
        yield "other_domain"


_COMPANIES = {
    "same_name": "same_company",
    "name_alike": "company_alike",
    "part_of_name": "company_alike",
    "half_name": "other_company",
    "other_name": "other_company",
}


def _person_names(one: Words, other: Words) -> str:
    """Return what two names of persons say; "" where they cannot be compared."""
    if not one or not other or _are_of_two_scripts(one, other):
        return ""
    if sorted(one) == sorted(other) or "".join(one) == "".join(other):
        return "same_name" if len(one) > 1 or len(other) > 1 else "part_of_name"
    short, long = sorted((one, other), key=len)
    equal, alike = _matched(short, long, _names_alike)
    if _GENERATIONS & set(one) != _GENERATIONS & set(other):
        return "half_name"
    if equal + alike < len(short):
        return "half_name" if equal else "other_name"
    if len(short) == 1:
        return "part_of_name"
    if not alike:
        return "same_name"
    return "name_alike" if equal else "part_of_name"


def _thing_names(one: Words, other: Words) -> str:
    """Return what two names of companies or things say; "" where they cannot be compared."""
    if not one or not other or _are_of_two_scripts(one, other):
        return ""
    glued = "".join(one), "".join(other)
    if sorted(one) == sorted(other) or glued[0] == glued[1]:
        return "same_name"
    numbers = [{word for word in words if any(map(str.isdigit, word))} for words in (one, other)]
    if numbers[0] != numbers[1]:  # “Store 12” is not “Store 14”
        return "other_name"
    short, long = sorted((one, other), key=len)
    equal, alike = _matched(short, long, _words_alike)
    if equal + alike == len(short):
        return "name_alike" if len(short) == len(long) else "part_of_name"
    if trigrams_shared(*glued) >= 0.8:
        return "name_alike"
    if len(short) == 1 and len(short[0]) > 1 and short[0] == "".join(word[0] for word in long):  # “IBM”
        return "part_of_name"
    return "half_name" if equal else "other_name"


def _matched(short: Words, long: Words, alike: Callable[[str, str], bool]) -> tuple[int, int]:
    """Return how many words of the shorter name are in the longer, and how many others find one alike there."""
    left, rest, near = list(long), [], 0
    for word in short:
        if word in left:
            left.remove(word)
        else:
            rest.append(word)
    for word in rest:
        found = next((other for other in left if alike(word, other)), None)
        if found is not None:
            left.remove(found)
            near += 1
    return len(short) - len(rest), near


_GENERATIONS = words_of(GENERATIONS)
_PERSONS: dict[str, set[int]] = {}
for _number, _line in enumerate(FIRST_NAMES.strip().splitlines()):
    for _name in plain(_line):
        _PERSONS.setdefault(_name, set()).add(_number)


def _names_alike(one: str, other: str) -> bool:
    """Say whether two words of persons' names may be one: an initial, a short form, a slip of the pen."""
    if min(len(one), len(other)) == 1:
        return one[0] == other[0]
    return bool(_PERSONS.get(one, set()) & _PERSONS.get(other, set())) or _words_alike(one, other)


@lru_cache(maxsize=50_000)
def _words_alike(one: str, other: str) -> bool:
    """Say whether two words differ by a slip: one letter, in long words two."""
    shorter, longer = sorted((one, other), key=len)
    allowed = 0 if len(shorter) < 4 else 1 if len(longer) < 9 else 2
    return (
        len(longer) - len(shorter) <= allowed
        and not any(map(str.isdigit, one + other))
        and _edits(one, other) <= allowed
    )


def _edits(one: str, other: str) -> int:
    """Return how many letters were changed, left out, added, or changed places."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]


def _kinds(traits: Traits) -> set[str]:
    return {code.partition(":")[0] for code in traits.codes}


def _site(domain: str) -> str:
    """Return what a domain is called: “acme” of “acme.co.uk”."""
    return domain.partition(".")[0]


def _are_of_two_scripts(one: Words, other: Words) -> bool:
    """Say whether two names are written in different alphabets: then they say nothing of each other."""
    return {_is_latin(word) for word in one}.isdisjoint({_is_latin(word) for word in other})


def _is_latin(word: str) -> bool:
    return word[:1] < "\u0370"
