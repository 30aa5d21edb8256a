"""Invented people and companies, the same for the same seed: names in several scripts, and every awkward value that real
address books hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

START = datetime(2024, 3, 4, 8, 0, 0, tzinfo=UTC)
_WEST = [
    "Anna", "Bernd", "Chloé", "Dörte", "Emil", "François", "Gülşen", "Håkon", "Inés", "Jürgen", "Karin", "Łukasz",
    "María", "Núria", "Ömer", "Paul", "Renée", "Sören", "Tomás", "Zoë", "Grace", "Liam", "Olivia", "Noah",
]  # fmt: skip
_WEST_LAST = [
    "O'Brien", "Müller", "García", "Smith", "Jørgensen", "D'Angelo", "Weiß", "Nuñez", "Šimek", "van der Berg",
    "Schröder", "O’Neill", "Ångström", "Kowalski", "Smith-Jones", "Lefèvre", "MacLeod", "Öztürk", "Brown", "Dupont",
]  # fmt: skip
_PERSIAN = [
    "سارا", "رضا", "مریم", "علی", "زهرا", "محمد", "فاطمه", "حسین", "نرگس", "امیر", "لیلا", "مهدی", "الهام", "کیان",
    "پرویز", "شیرین",
]  # fmt: skip
_PERSIAN_LAST = [
    "کریمی", "احمدی", "رضایی", "حسینی", "محمدی", "نیک‌نژاد", "یزدانی", "صادقی", "جعفری", "قاسمی", "کاظمی‌پور",
    "آقایی",
]  # fmt: skip
_ARABIC = {"ک": "ك", "ی": "ي"}  # what an Arabic keyboard writes for the same Persian name
_CITIES = ["Berlin", "Tehran", "London", "Zürich", "تهران", "São Paulo", "Kraków", "Dublin", "اصفهان", "Köln"]
_TITLES = ["Manager", "Sales & Marketing", "CEO", "Head of R&D", "مدیر فروش", "Geschäftsführerin", "Engineer", ""]
_COMPANIES = [
    "Acme & Sons", "شرکت نمونه", "Müller GmbH", "O'Neill Ltd", "Café Zoë", "بازرگانی کیان", "Nord <b>West</b> AG",
    "Kowalski i Synowie",
]  # fmt: skip
_LATIN = str.maketrans("áéíóúäëïöüåøæçñłşžšığÄÖÜŁŞŠÅİ", "aeiouaeiouaoacnlszsigaoulssai")
_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
LONG_TEXT = "A long note about this customer, kept over the years. یادداشت بلند دربارهٔ مشتری.\n" * 40
_NOTES = (
    "",
    "",
    "",
    "Prefers e-mail & calls <b>after 3 pm</b>",
    "line 1\nline 2\ttabbed \\ backslash",
    "«گیومه» و نیم‌فاصله",
    'said "hello"',
)


@dataclass(frozen=True, slots=True)
class Person:
    first: str
    last: str
    email: str
    phone: str
    mobile: str
    title: str
    city: str
    birthday: str  # ISO, may be empty
    notes: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    email: str
    phone: str
    city: str
    modified: datetime


def people(count: int, seed: int, group: str) -> list[Person]:
    """Return `count` people of a group ("shared", "vtiger", …); each group has its own e-mail addresses.

    In every group of 20 and more a few share an e-mail address, a few have none, and most share a second with others.
    """
    dice = random.Random(f"{seed}:{group}:people")
    found = [_person(dice, n, group) for n in range(count)]
    if count >= 20:
        for n in dice.sample(range(1, count), max(1, count // 100)):
            found[n] = replace(found[n], email="")
        with_email = [n for n in range(count) if found[n].email]
        for n in dice.sample(with_email[1:], max(1, count // 100)):
            found[n] = replace(found[n], email=found[n - 1].email or found[with_email[0]].email)
    return found


def _person(dice: random.Random, n: int, group: str) -> Person:
    persian = dice.random() < 0.4
    first = dice.choice(_PERSIAN if persian else _WEST)
    last = dice.choice(_PERSIAN_LAST if persian else _WEST_LAST)
    if persian and dice.random() < 0.25:
        first, last = (("".join(_ARABIC.get(c, c) for c in name)) for name in (first, last))
    mark = "".join(c for c in first.translate(_LATIN).lower() if c.isascii() and c.isalpha()) or "user"
    digits = f"912{dice.randrange(10**7):07}"
    return Person(
        first="" if dice.random() < 0.05 else first,
        last=last + (" <b>VIP</b>" if n % 97 == 13 else ""),
        email=f"{mark}.{n}@{group}.example.com",
        phone=_spelled(dice, digits) if dice.random() < 0.8 else "",
        mobile=_spelled(dice, digits) if dice.random() < 0.5 else "",
        title=dice.choice(_TITLES),
        city=dice.choice(_CITIES),
        birthday=f"{dice.randrange(1950, 2004)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
        if dice.random() < 0.6
        else "",
        notes=LONG_TEXT if n % 89 == 5 else dice.choice(_NOTES),
        modified=_moment(dice, n),
    )


def _spelled(dice: random.Random, digits: str) -> str:
    """Return one Iranian mobile number in one of the spellings people use, with Persian digits too."""
    return dice.choice(
        (
            f"+98 {digits[:3]} {digits[3:6]} {digits[6:]}",
            f"0{digits}",
            f"0098{digits}",
            f"(0{digits[:3]}) {digits[3:6]}-{digits[6:]}",
            f"0{digits}".translate(_DIGITS),
            f"+98-{digits}",
        )
    )


def _moment(dice: random.Random, n: int) -> datetime:
    """Return a time in UTC that some seven neighbours share to the second."""
    return START + timedelta(minutes=7 * (n // 7), hours=3 * (n // 70))


def companies(count: int, seed: int, group: str) -> list[Company]:
    """Return `count` companies with different names."""
    dice = random.Random(f"{seed}:{group}:companies")
    return [
        Company(
            name=f"{dice.choice(_COMPANIES)} {n:03}",
            email=f"info{n}@{group}-companies.example.com",
            phone=_spelled(dice, f"21{dice.randrange(10**8):08}"),
            city=dice.choice(_CITIES),
            modified=_moment(dice, n),
        )
        for n in range(1, count + 1)
    ]


def shared(records: int, seed: int) -> list[Person]:
    """Return the people that both vendors start with, so that matching has something to match."""
    return people(max(1, records // 6), seed, "shared")


def letters(seed: int, purpose: str, length: int) -> str:
    """Return a secret-looking text that is the same for the same seed, so that a kept connection goes on working."""
    dice = random.Random(f"{seed}:{purpose}")
    return "".join(dice.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=length))
