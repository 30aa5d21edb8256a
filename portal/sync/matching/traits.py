"""What of a record says who it is: names, company, phones, addresses on the web, town, numbers of its own. PURE: knows no
Django, no database, no vendor. The rule: made alike for comparison only; what belongs to everybody says nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from connectors.query import fold
from connectors.types import JSON, FieldType, ModuleSchema, Values
from portal.mappings.compare import comparable
from portal.mappings.definition import Definition
from portal.mappings.meaning import Meaning, meanings
from portal.mappings.transform import Side
from portal.sync.matching.terms import COMPANY_FORMS, GENERIC_DOMAINS, SHARED_MAILBOXES, SHARED_SITES, TITLES

_MARKS = re.compile(r"[\W_]+")
_UMLAUTS = re.compile(r"(?<=[aou])e")  # “Müller” may be “Mueller”; both become “muller”
_DOTTED = re.compile(r"\b(\w)\.(?=\w\b)")  # “S.A.”, but not the end of a sentence
_SITE = re.compile(r"^(?:[a-z]+://)?(?:www\d?\.)?([^/:?#\s]+\.[^/:?#\s]+)")
_MOST = 6  # of a kind that are kept of one record
_LONGEST = 200  # characters of a name that are looked at
_ROLES = {
    "given_name": "name", "family_name": "name", "full_name": "name", "record_name": "name", "@account": "company",
    "email": "email", "phone": "phone", "mobile": "phone", "website": "site", "city": "city", "vat_number": "code",
    "registration_number": "code", "national_id": "code", "product_code": "code", "serial_number": "code",
}  # fmt: skip
_BY_TYPE = {FieldType.EMAIL: "email", FieldType.PHONE: "phone", FieldType.URL: "site"}
_OF_PEOPLE = frozenset({"given_name", "family_name", "full_name"})
_NOT_ITS_OWN = frozenset({"fax", "assistant", "skype"})


@dataclass(frozen=True, slots=True)
class Roles:
    """Which fields of one side say who a record is: role -> field names. `codes`: field name -> what kind of number it is.
    `of_people`: its records are persons; `refers`: its company is told by an id, in these fields."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    refers: tuple[str, ...] = ()
    of_people: bool = False


class Traits(NamedTuple):  # a tuple of plain things: kept as JSON while thousands are compared
    """Who a record says it is, ready for comparison. `codes` are “kind:number”."""

    of_people: bool = False
    name: tuple[str, ...] = ()
    company: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    @classmethod
    def kept(cls, found: list[JSON]) -> Traits:
        """Return the traits that were kept as JSON."""
        of_people, *rest = found
        return cls(bool(of_people), *(tuple(part) for part in rest))


def roles(definition: Definition, schemas: Mapping[Side, ModuleSchema]) -> dict[Side, Roles]:
    """Return what the fields of both sides tell: by what they mean, and where only one of a rule's two fields is known, as
    that one."""
    known = {side: {m.field.name: m for m in meanings(schema)} for side, schema in schemas.items()}
    found: dict[Side, dict[str, tuple[str, str]]] = {
        side: {name: role for name, meaning in fields.items() if (role := _role(meaning))}
        for side, fields in known.items()
    }
    pairs = [(r.left, r.right) for r in definition.rules if r.source == "field" and not r.table]
    for left, right in (*definition.match, *pairs):
        one, other = found["left"].get(left), found["right"].get(right)
        if one and not other and right in known["right"]:
            found["right"][right] = _as_told_by(known["right"][right], *one)
        if other and not one and left in known["left"]:
            found["left"][left] = _as_told_by(known["left"][left], *other)
    return {side: _roles(known[side], told) for side, told in found.items()}


def traits(values: Values, roles: Roles, region: str, companies: Mapping[str, str] | None = None) -> Traits:
    """Return who a record says it is. `companies`: id -> name of the companies its `refers` fields may name; `region`: of its
    phone numbers."""
    emails = _texts(values, roles, "email")
    named = [name for id in _told(values, roles.refers) if (name := (companies or {}).get(id))]
    company = " ".join((*_texts(values, roles, "company"), *named)[:1])
    name = " ".join(_texts(values, roles, "name"))
    return Traits(
        roles.of_people,
        person_tokens(name) if roles.of_people else thing_tokens(name),
        thing_tokens(company),
        _few(email.casefold() for email in emails if "@" in email),
        _few(phone for text in _texts(values, roles, "phone") if (phone := _phone(text, region))),
        _few(domain for text in (*_texts(values, roles, "site"), *emails) if (domain := domain_of(text))),
        _few(" ".join(plain(text)) for text in _texts(values, roles, "city")),
        _few(f"{kind}:{code}" for name, kind in roles.codes.items() if (code := _code(values.get(name)))),
    )


@lru_cache(maxsize=20_000)
def plain(text: str) -> tuple[str, ...]:
    """Return the words of a name as they are compared: folded, without accents, punctuation and what joins letters."""
    bare = unicodedata.normalize("NFKD", fold(text[:_LONGEST]).replace("\u200c", " ").replace("ـ", "").casefold())
    kept = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return tuple(_UMLAUTS.sub("", _MARKS.sub(" ", unicodedata.normalize("NFC", kept))).split())


def words_of(text: str) -> frozenset[str]:
    """Return the words of one of our tables, as they are compared."""
    return frozenset(word for part in text.split() for word in plain(part))


_FORMS, _TITLES = words_of(COMPANY_FORMS), words_of(TITLES)
_EVERYBODYS = frozenset((GENERIC_DOMAINS + SHARED_SITES).split())
_OF_MANY = frozenset(SHARED_MAILBOXES.split())


def person_tokens(name: str) -> tuple[str, ...]:
    """Return the words of a person's name without titles; the titles alone where there is nothing else."""
    words = plain(name.replace("'", "").replace("’", ""))
    return tuple(word for word in words if word not in _TITLES) or words


def thing_tokens(name: str) -> tuple[str, ...]:
    """Return the words of a company's or thing's name without what says its legal form."""
    words = plain(_DOTTED.sub(r"\1", name.replace("'", "").replace("’", "")))
    return tuple(word for word in words if word not in _FORMS) or words


def domain_of(text: str) -> str:
    """Return the domain of an e-mail or web address; "" where it is everybody's, or none."""
    found = _SITE.match(text.strip().casefold().rpartition("@")[2])
    domain = found[1].rstrip(".") if found else ""
    return "" if domain in _EVERYBODYS else domain


def is_shared(email: str) -> bool:
    """Say whether an address is the mailbox of many."""
    return email.partition("@")[0] in _OF_MANY


def blocks(traits: Traits) -> Iterator[str]:
    """Yield by what a record is found among all others: whoever shares none of it is no candidate."""
    yield from (f"e:{email}" for email in traits.emails if not is_shared(email))
    yield from (f"p:{phone[-9:]}" for phone in traits.phones)
    yield from (f"c:{code}" for code in traits.codes)
    words = traits.name[:4]
    if words:
        yield "n:" + " ".join(sorted(words))
    if traits.of_people:
        yield from (f"i:{one}|{other[0]}" for one in words for other in words if one != other)
        yield from (f"d:{domain}|{word}" for domain in traits.domains for word in words)
        yield from (f"o:{company}|{word}" for company in traits.company[:2] for word in words)
    else:
        glued = "".join(traits.name)
        yield from (f"d:{domain}" for domain in traits.domains)
        yield from (f"w:{word}" for word in words if len(word) > 2)
        yield from (f"g:{glued[:5]}|{city}" for city in (*traits.cities, "") if len(glued) > 4)


def _role(meaning: Meaning) -> tuple[str, str] | None:
    """Return the role of a field and what it means; None where it says nothing of who a record is."""
    sense, type = meaning.sense, meaning.field.type
    term, which = (sense.term, sense.which) if sense is not None else ("", "")
    if term in _NOT_ITS_OWN or "assistant" in which or "shipping" in which:
        return None
    if type is FieldType.REFERENCE:
        return _as_told_by(meaning, "company", term) if "account" in meaning.kinds and term != "parent" else None
    role = _ROLES.get(term) or _BY_TYPE.get(type)
    return (role, term) if role else None


def _as_told_by(meaning: Meaning, role: str, term: str) -> tuple[str, str]:
    """Return the role as the field plays it: a company is told by its name, or by the id of its record."""
    if role in ("company", "refers"):
        role = "refers" if meaning.field.type is FieldType.REFERENCE else "company"
    return role, term


def _roles(known: Mapping[str, Meaning], told: Mapping[str, tuple[str, str]]) -> Roles:
    by_role: dict[str, list[str]] = {}
    for name in known:  # in the order of the module: a first name before the last
        if name in told:
            by_role.setdefault(told[name][0], []).append(name)
    terms = {told[name][1] for name in told}
    if "name" in by_role and {"given_name", "family_name"} & terms:  # the full name says no more
        by_role["name"] = [name for name in by_role["name"] if told[name][1] in ("given_name", "family_name")]
    return Roles(
        {role: tuple(names) for role, names in by_role.items() if role not in ("code", "refers")},
        {name: told[name][1] for name in by_role.get("code", ())},
        tuple(by_role.get("refers", ())),
        bool(terms & _OF_PEOPLE),
    )


def _texts(values: Values, roles: Roles, role: str) -> tuple[str, ...]:
    return tuple(_told(values, roles.fields.get(role, ())))


def _told(values: Values, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and (text := value.strip()):
            yield text[:_LONGEST]


def _phone(text: str, region: str) -> str:
    number = comparable(text, "phone", region)
    return number if isinstance(number, str) and number.startswith("+") and number[1:].isdigit() else ""


def _code(value: JSON) -> str:
    return "".join(plain(value)) if isinstance(value, str) else ""


def _few(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in found if text))[:_MOST]
