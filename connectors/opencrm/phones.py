"""Who has a phone number, by the keyword search the document shows for it. The rule: the server finds a number only as it is
spelled there ("spaces, brackets etc could all cause problems"), so it is asked for the last digits, which most spellings keep
together, then for the number as it was typed; and what it brings is compared here, digit by digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from connectors.opencrm.pages import Pages
from connectors.opencrm.reading import Reader
from connectors.opencrm.rows import Row
from connectors.paging import prefetch
from connectors.spelling import ASCII_DIGITS
from connectors.types import FieldType, Record

LAST = 4  # digits that stand together in most spellings
ENOUGH = 7  # digits of a number without its country and area: fewer are compared whole


def having(modules: Iterable[Reader], text: str, workers: int) -> list[Record]:
    """Return the records of these modules that have that number in one of their phone fields; none for a text without digits."""
    number = digits(text)
    if not number:
        return []
    readers = list(modules)
    typed = " ".join(text.translate(ASCII_DIGITS).split())
    for keywords in dict.fromkeys(([number[-LAST:]] if len(number) >= ENOUGH else []) + [typed, number]):
        pages = [reader.pages(keywords=keywords) for reader in readers]
        rows = prefetch(everything, pages, workers)
        found = [r for reader, brought in zip(readers, rows, strict=True) for r in matching(reader, brought, number)]
        if found:
            return found
    return []


def everything(pages: Pages) -> list[Row]:
    """Return all rows of a list."""
    return [row for part in pages.walk() for row in part.rows]


def matching(reader: Reader, rows: Sequence[Row], number: str) -> list[Record]:
    """Return the rows that hold the number, as records."""
    records = reader.records(rows)
    names = [field.name for field in reader.schema.fields if field.type is FieldType.PHONE]
    return [
        record for record in records if any(is_same(digits(str(record.values.get(n) or "")), number) for n in names)
    ]


def digits(text: str) -> str:
    """Return a number's digits without what is dialled before it: "+44 (0)20 7946 0018", "020 7946 0018" -> "…2079460018"."""
    plain = text.translate(ASCII_DIGITS).replace("(0)", "")
    return re.sub(r"[^0-9]", "", plain).lstrip("0")


def is_same(one: str, other: str) -> bool:
    """Say whether two numbers are one, of which either may lack its country or area."""
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= ENOUGH and longer.endswith(shorter))
